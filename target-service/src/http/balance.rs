//! Users' balances: reading, charging, and the ledger behind them.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};

use super::App;
use super::envelope::{ApiError, ok};
use super::extract::{JsonBody, PathUser};
use super::routes::Routes;
use crate::domain::balance::Movement;
use crate::domain::user::UserId;

pub(super) fn routes() -> Routes {
    Routes::new()
        .route("/api/v1/users/{id}/balance", get(balance))
        .route("/api/v1/users/{id}/balance/charge", post(charge))
        .route("/api/v1/users/{id}/balance/histories", get(histories))
}

#[derive(Deserialize)]
struct Charge {
    amount: u64,
}

async fn balance(State(app): State<Arc<App>>, PathUser(user): PathUser) -> Result<Response, ApiError> {
    let amount = app.store.balance(&user).await?;
    Ok(tell(&user, amount))
}

async fn charge(
    State(app): State<Arc<App>>,
    PathUser(user): PathUser,
    JsonBody(body): JsonBody<Charge>,
) -> Result<Response, ApiError> {
    if body.amount == 0 {
        return Err(ApiError::bad_request("amount must be positive"));
    }
    let amount = app.store.charge(&user, body.amount).await?;
    Ok(tell(&user, amount))
}

fn tell(user: &UserId, amount: u64) -> Response {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Data {
        user_id: String,
        amount: u64,
    }
    ok(Data { user_id: user.to_string(), amount })
}

async fn histories(State(app): State<Arc<App>>, PathUser(user): PathUser) -> Result<Response, ApiError> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Data {
        user_id: String,
        /// What there is now.
        amount: u64,
        /// All lines there are; the newest thousand follow.
        total: usize,
        histories: Vec<Line>,
    }
    #[derive(Serialize)]
    struct Line {
        #[serde(rename = "type")]
        movement: &'static str,
        amount: u64,
        balance: u64,
        at: String,
    }
    let history = app.store.history(&user).await?;
    let amount = match history.newest.first() {
        Some(newest) => newest.balance,
        None => app.store.balance(&user).await?,
    };
    let lines = history.newest.iter().map(|entry| Line {
        movement: match entry.movement {
            Movement::Charge => "CHARGE",
            Movement::Payment => "PAYMENT",
            Movement::Refund => "REFUND",
        },
        amount: entry.amount,
        balance: entry.balance,
        at: entry.at.to_string(),
    });
    Ok(ok(Data { user_id: user.to_string(), amount, total: history.total, histories: lines.collect() }))
}
