//! Orders: placing one, and asking whether it was settled by now.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};

use super::App;
use super::envelope::{ApiError, ok};
use super::extract::{JsonBody, JsonUser, Object, PathId};
use super::routes::Routes;
use crate::domain::orders::{Order, OrderStatus};
use crate::domain::products::{Basket, Line};

pub(super) fn routes() -> Routes {
    Routes::new().route("/api/v1/orders", post(place)).route("/api/v1/orders/{id}", get(order))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Place {
    user_id: JsonUser,
    products: Vec<Object<Wanted>>,
    coupon_id: Option<u64>,
}

#[derive(Deserialize)]
struct Wanted {
    id: u64,
    quantity: u64,
}

async fn place(State(app): State<Arc<App>>, JsonBody(body): JsonBody<Place>) -> Result<Response, ApiError> {
    let lines =
        body.products.iter().map(|Object(wanted)| Line { product: wanted.id, quantity: wanted.quantity });
    let basket = Basket::new(lines.collect())?;
    let placed = app
        .settlements
        .place(&app.live().world, |world| world.place_order(body.user_id.0, &basket, body.coupon_id));
    Ok(tell(&*placed.ok_or(ApiError::ORDERS_FULL)??))
}

async fn order(State(app): State<Arc<App>>, PathId(id): PathId) -> Result<Response, ApiError> {
    Ok(tell(&*app.live().world.order(id)?))
}

fn tell(order: &Order) -> Response {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Data {
        order_id: u64,
        user_id: String,
        status: &'static str,
        amount: u64,
        /// Why it failed.
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    }
    let (status, reason) = match order.status() {
        OrderStatus::Pending => ("PENDING", None),
        OrderStatus::Completed => ("COMPLETED", None),
        OrderStatus::Failed(refusal) => ("FAILED", Some(refusal.to_string())),
    };
    ok(Data { order_id: order.id, user_id: order.user.to_string(), status, amount: order.amount, reason })
}
