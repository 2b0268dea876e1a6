//! Reservations: holding a seat, and asking what became of it.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};

use super::App;
use super::envelope::{ApiError, ok};
use super::extract::{JsonBody, PathId, TokenHeader};
use super::routes::Routes;
use crate::domain::seats::{Place, Reservation, ReservationStatus};

pub(super) fn routes() -> Routes {
    Routes::new()
        .route("/api/v1/reservations", post(reserve))
        .route("/api/v1/reservations/{id}", get(reservation))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reserve {
    schedule_id: u64,
    seat_id: u64,
}

async fn reserve(
    State(app): State<Arc<App>>,
    TokenHeader(token): TokenHeader,
    JsonBody(body): JsonBody<Reserve>,
) -> Result<Response, ApiError> {
    let place = Place { schedule: body.schedule_id, seat: body.seat_id };
    let reservation = app.live().world.reserve(token, place)?;
    Ok(tell(&reservation, ReservationStatus::Held))
}

async fn reservation(State(app): State<Arc<App>>, PathId(id): PathId) -> Result<Response, ApiError> {
    let (reservation, status) = app.live().world.reservation(id)?;
    Ok(tell(&reservation, status))
}

fn tell(reservation: &Reservation, status: ReservationStatus) -> Response {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Data {
        reservation_id: u64,
        schedule_id: u64,
        seat_id: u64,
        status: &'static str,
        expires_at: String,
    }
    let Place { schedule, seat } = reservation.place;
    ok(Data {
        reservation_id: reservation.id,
        schedule_id: schedule,
        seat_id: seat,
        status: match status {
            ReservationStatus::Held => "HELD",
            ReservationStatus::Confirmed => "CONFIRMED",
            ReservationStatus::Expired => "EXPIRED",
            ReservationStatus::Cancelled => "CANCELLED",
        },
        expires_at: reservation.expires_at.to_string(),
    })
}
