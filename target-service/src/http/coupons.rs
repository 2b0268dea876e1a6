//! Coupons, at the paths of the contract and of the k6 script.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use axum::routing::post;
use serde::{Deserialize, Serialize};

use super::App;
use super::envelope::{ApiError, ok};
use super::extract::{JsonBody, PathUser};
use super::routes::Routes;

pub(super) fn routes() -> Routes {
    Routes::new()
        .route("/api/v1/users/{id}/coupons/publish", post(publish))
        .route("/api/v0/users/{id}/coupons/publish", post(publish))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Publish {
    coupon_id: u64,
}

async fn publish(
    State(app): State<Arc<App>>,
    PathUser(user): PathUser,
    JsonBody(body): JsonBody<Publish>,
) -> Result<Response, ApiError> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Data {
        user_id: String,
        coupon_id: u64,
        issued_at: String,
    }
    let issued = app.live().world.publish_coupon(body.coupon_id, user.clone())?;
    Ok(ok(Data { user_id: user.to_string(), coupon_id: body.coupon_id, issued_at: issued.at.to_string() }))
}
