//! Payments: paying for a reservation, and taking that back.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::post;
use serde::{Deserialize, Serialize};

use super::App;
use super::envelope::{ApiError, ok};
use super::extract::{JsonBody, PathId};
use super::routes::Routes;
use crate::domain::payments::Receipt;

/// Keys are kept, so their size has an end.
const LONGEST_KEY: usize = 255;

pub(super) fn routes() -> Routes {
    Routes::new().route("/api/v1/payments", post(pay)).route("/api/v1/payments/{id}/cancel", post(cancel))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Pay {
    reservation_id: u64,
}

async fn pay(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<Pay>,
) -> Result<Response, ApiError> {
    let receipt = app.live().world.pay(body.reservation_id, key(&headers)?)?;
    Ok(tell(&receipt, "PAID"))
}

async fn cancel(State(app): State<Arc<App>>, PathId(id): PathId) -> Result<Response, ApiError> {
    let receipt = app.live().world.cancel_payment(id)?;
    Ok(tell(&receipt, "CANCELLED"))
}

fn key(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    match value.to_str() {
        Ok(key) if (1..=LONGEST_KEY).contains(&key.len()) => Ok(Some(key)),
        _ => Err(ApiError::bad_request(format!(
            "Idempotency-Key must have 1 to {LONGEST_KEY} ASCII characters"
        ))),
    }
}

fn tell(receipt: &Receipt, status: &'static str) -> Response {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Data {
        payment_id: u64,
        reservation_id: u64,
        amount: u64,
        balance: u64,
        status: &'static str,
    }
    let &Receipt { payment, reservation, amount, balance } = receipt;
    ok(Data { payment_id: payment, reservation_id: reservation, amount, balance, status })
}
