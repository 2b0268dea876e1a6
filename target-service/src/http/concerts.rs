//! What plays when, and which seats are free.
//!
//! Concerts and dates are kept pages, as nothing changes them. Seats are read anew each time: a client that
//! has just reserved one must see it taken.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use serde::Serialize;

use super::App;
use super::envelope::{ApiError, ok, page, send_page};
use super::extract::PathId;
use super::routes::Routes;
use crate::domain::catalog;
use crate::domain::payments::SEAT_PRICE;
use crate::domain::seats::SeatStatus;

pub(super) fn routes() -> Routes {
    Routes::new()
        .route("/api/v1/concerts", get(concerts))
        .route("/api/v1/concerts/{id}/dates", get(dates))
        .route("/api/availability/dates/{concertId}", get(dates))
        .route("/api/v1/schedules/{id}/seats", get(seats))
        .route("/api/availability/seats/{concertOptionId}/{requestAt}", get(seats))
}

async fn concerts(State(app): State<Arc<App>>) -> Result<Response, ApiError> {
    let kept = app.store.concerts(|concerts| {
        #[derive(Serialize)]
        struct Data {
            concerts: Vec<Concert>,
        }
        #[derive(Serialize)]
        struct Concert {
            id: u64,
            title: String,
        }
        page(Data { concerts: concerts.into_iter().map(|c| Concert { id: c.id, title: c.title }).collect() })
    });
    Ok(send_page(&app.metrics, kept.await?))
}

async fn dates(State(app): State<Arc<App>>, PathId(concert): PathId) -> Result<Response, ApiError> {
    let kept = app.store.nights(concert, |nights| render_dates(concert, nights)).await?;
    Ok(send_page(&app.metrics, kept))
}

fn render_dates(concert: u64, nights: Vec<catalog::Night>) -> Vec<u8> {
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
    let dates = nights.into_iter().map(|n| Night { schedule_id: n.schedule, date: n.date }).collect();
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
    let statuses = app.store.seats(schedule).await?;
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
