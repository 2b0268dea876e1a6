//! For whoever runs a test: a fresh world, and the truth about the one there is.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;

use super::App;
use super::envelope::{ApiError, json, ok};
use super::extract::OptionalJsonBody;
use super::routes::Routes;
use crate::domain::size::WorldSize;

pub(super) fn routes() -> Routes {
    Routes::new().route("/admin/reset", post(reset)).route("/admin/audit", get(audit))
}

/// A world's size as JSON: what may be asked for, and what is answered once it stands.
#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Size {
    concerts: Option<u64>,
    schedules: Option<u64>,
    seats: Option<u64>,
    users: Option<u64>,
    balance: Option<u64>,
    products: Option<u64>,
    stock: Option<u64>,
    coupons: Option<u64>,
    coupon_limit: Option<u64>,
    active_limit: Option<u64>,
    hold_seconds: Option<u64>,
    token_seconds: Option<u64>,
}

impl From<Size> for WorldSize {
    fn from(asked: Size) -> Self {
        let default = Self::default();
        Self {
            concerts: asked.concerts.unwrap_or(default.concerts),
            schedules: asked.schedules.unwrap_or(default.schedules),
            seats: asked.seats.unwrap_or(default.seats),
            users: asked.users.unwrap_or(default.users),
            balance: asked.balance.unwrap_or(default.balance),
            products: asked.products.unwrap_or(default.products),
            stock: asked.stock.unwrap_or(default.stock),
            coupons: asked.coupons.unwrap_or(default.coupons),
            coupon_limit: asked.coupon_limit.unwrap_or(default.coupon_limit),
            active_limit: asked.active_limit,
            hold: asked.hold_seconds.map_or(default.hold, Duration::from_secs),
            token_life: asked.token_seconds.map_or(default.token_life, Duration::from_secs),
        }
    }
}

impl From<&WorldSize> for Size {
    fn from(size: &WorldSize) -> Self {
        Self {
            concerts: Some(size.concerts),
            schedules: Some(size.schedules),
            seats: Some(size.seats),
            users: Some(size.users),
            balance: Some(size.balance),
            products: Some(size.products),
            stock: Some(size.stock),
            coupons: Some(size.coupons),
            coupon_limit: Some(size.coupon_limit),
            active_limit: size.active_limit,
            hold_seconds: Some(size.hold.as_secs()),
            token_seconds: Some(size.token_life.as_secs()),
        }
    }
}

async fn reset(
    State(app): State<Arc<App>>,
    OptionalJsonBody(asked): OptionalJsonBody<Size>,
) -> Result<Response, ApiError> {
    let live = app.reset(asked.into())?;
    Ok(ok(Size::from(live.world.size())))
}

async fn audit(State(app): State<Arc<App>>) -> Result<Response, ApiError> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Data {
        reserved: u64,
        confirmed: u64,
        payments: u64,
        double_booked: u64,
        double_paid: u64,
        coupons_issued: u64,
        coupons_over: u64,
        stock_below_zero: u64,
        balance_drift: u64,
        orphan_holds: u64,
    }
    // Its walk takes long where much has happened; requests of this thread that need none of it go on.
    let found = spawn_blocking(move || app.live().world.audit()).await.map_err(|_| ApiError::INTERNAL)?;
    let data = Data {
        reserved: found.reserved,
        confirmed: found.confirmed,
        payments: found.payments,
        double_booked: found.double_booked,
        double_paid: found.double_paid,
        coupons_issued: found.coupons_issued,
        coupons_over: found.coupons_over,
        stock_below_zero: found.stock_below_zero,
        balance_drift: found.balance_drift,
        orphan_holds: found.orphan_holds,
    };
    Ok(json(StatusCode::OK, &data))
}
