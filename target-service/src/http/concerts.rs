//! What plays when, and which seats are free.
//!
//! Concerts and dates are kept pages, as nothing changes them. Seats are read anew each time: a client that
//! has just reserved one must see it taken.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use serde::Serialize;

use super::envelope::{ApiError, ok, page};
use super::extract::PathId;
use super::pages::cached;
use super::routes::Routes;
use super::{App, Live};
use crate::domain::payments::SEAT_PRICE;
use crate::domain::refusal::Refusal;
use crate::domain::seats::SeatStatus;

pub(super) fn routes() -> Routes {
    Routes::new()
        .route("/api/v1/concerts", get(concerts))
        .route("/api/v1/concerts/{id}/dates", get(dates))
        .route("/api/availability/dates/{concertId}", get(dates))
        .route("/api/v1/schedules/{id}/seats", get(seats))
        .route("/api/availability/seats/{concertOptionId}/{requestAt}", get(seats))
}

async fn concerts(State(app): State<Arc<App>>) -> Response {
    let live = app.live();
    cached(&app.metrics, &live.pages.concerts, || {
        #[derive(Serialize)]
        struct Data {
            concerts: Vec<Concert>,
        }
        #[derive(Serialize)]
        struct Concert {
            id: u64,
            title: String,
        }
        let concerts = live.world.concerts().into_iter();
        page(Data { concerts: concerts.map(|c| Concert { id: c.id, title: c.title }).collect() })
    })
}

async fn dates(State(app): State<Arc<App>>, PathId(concert): PathId) -> Result<Response, ApiError> {
    let live = app.live();
    let kept = live.pages.nights(concert).ok_or(Refusal::NoSuchConcert(concert))?;
    Ok(cached(&app.metrics, kept, || render_dates(&live, concert)))
}

fn render_dates(live: &Live, concert: u64) -> Vec<u8> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Data {
        concert_id: u64,
        dates: Vec<Night>,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Night {
        schedule_id: u64,
        date: String,
    }
    // The page exists only for a concert that does.
    let nights = live.world.nights(concert).unwrap_or_default().into_iter();
    let dates = nights.map(|n| Night { schedule_id: n.schedule, date: n.date }).collect();
    page(Data { concert_id: concert, dates })
}

async fn seats(State(app): State<Arc<App>>, PathId(schedule): PathId) -> Result<Response, ApiError> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Data {
        schedule_id: u64,
        available: usize,
        seats: Vec<Seat>,
    }
    #[derive(Serialize)]
    struct Seat {
        #[serde(rename = "seatId")]
        id: u64,
        status: &'static str,
        price: u64,
    }
    let statuses = app.live().world.seats(schedule)?;
    let available = statuses.iter().filter(|&&status| status == SeatStatus::Available).count();
    let seats = (1..).zip(statuses);
    let seats = seats.map(|(id, status)| Seat { id, status: word(status), price: SEAT_PRICE });
    Ok(ok(Data { schedule_id: schedule, available, seats: seats.collect() }))
}

fn word(status: SeatStatus) -> &'static str {
    match status {
        SeatStatus::Available => "AVAILABLE",
        SeatStatus::Held => "HELD",
        SeatStatus::Sold => "SOLD",
    }
}
