//! What every answer is wrapped in, and the status and name of every error.

use std::borrow::Cow;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::domain::refusal::Refusal;
use crate::metrics::Metrics;
use crate::store::Page;

/// The longest message; some quote what the client sent, which may be long.
const LONGEST_MESSAGE: usize = 240;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const X_CACHE: HeaderName = HeaderName::from_static("x-cache");

#[derive(Serialize)]
struct Envelope<'a, T> {
    code: u16,
    message: &'a str,
    data: T,
}

#[derive(Serialize)]
struct ErrorEnvelope<'a> {
    code: u16,
    message: &'a str,
    error: &'a str,
}

/// An answer with status 200.
pub(super) fn ok(data: impl Serialize) -> Response {
    success(StatusCode::OK, data)
}

/// An answer to what succeeded, with the status' own name as its message.
pub(super) fn success(status: StatusCode, data: impl Serialize) -> Response {
    let message = status.canonical_reason().unwrap_or("OK");
    json(status, &Envelope { code: status.as_u16(), message, data })
}

/// The bytes of an answer with status 200, for pages that are kept.
pub(super) fn page(data: impl Serialize) -> Vec<u8> {
    bytes(&Envelope { code: 200, message: "OK", data })
}

/// JSON as it is, without the envelope.
pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Response {
    raw_json(status, bytes(value))
}

fn raw_json(status: StatusCode, bytes: impl Into<Body>) -> Response {
    let mut response = Response::new(bytes.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}

/// Sends a kept page, and says in `X-Cache` whether it was there already.
pub(super) fn send_page(metrics: &Metrics, page: Page) -> Response {
    metrics.looked_up(page.hit);
    let mut response = raw_json(StatusCode::OK, page.bytes);
    response.headers_mut().insert(X_CACHE, HeaderValue::from_static(if page.hit { "HIT" } else { "MISS" }));
    response
}

fn bytes(value: &impl Serialize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(192);
    // Our own types have string keys and write into memory, so this cannot fail; an empty body would show it.
    if serde_json::to_writer(&mut bytes, value).is_err() {
        bytes.clear();
    }
    bytes
}

/// An error as the client sees it.
#[derive(Debug)]
pub(super) struct ApiError {
    status: StatusCode,
    name: &'static str,
    message: Cow<'static, str>,
    cause: Option<Cause>,
}

/// Why the service failed: for its log, and not for the client. Goes with an answer as far as the front.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cause(pub(super) String);

impl ApiError {
    pub(super) const NOT_FOUND: Self =
        Self::fixed(StatusCode::NOT_FOUND, "NOT_FOUND", "there is nothing at this path");
    pub(super) const METHOD_NOT_ALLOWED: Self = Self::fixed(
        StatusCode::METHOD_NOT_ALLOWED,
        "METHOD_NOT_ALLOWED",
        "this path does not take this method",
    );
    pub(super) const BODY_TOO_LARGE: Self =
        Self::fixed(StatusCode::PAYLOAD_TOO_LARGE, "BODY_TOO_LARGE", "a body may have at most 64 KiB");
    pub(super) const TOKEN_MISSING: Self = Self::fixed(
        StatusCode::UNAUTHORIZED,
        "TOKEN_MISSING",
        "send the token of POST /api/v1/queues in the header Queue-Token-Queue-Id",
    );

    const fn fixed(status: StatusCode, name: &'static str, message: &'static str) -> Self {
        Self { status, name, message: Cow::Borrowed(message), cause: None }
    }

    /// What a fault answers with.
    pub(super) const fn injected(status: StatusCode) -> Self {
        Self::fixed(status, "INJECTED", "a fault was set on this path")
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        let mut message = message.into();
        if message.len() > LONGEST_MESSAGE {
            message.truncate(message.floor_char_boundary(LONGEST_MESSAGE));
            message.push('…');
        }
        Self { status: StatusCode::BAD_REQUEST, name: "BAD_REQUEST", message: message.into(), cause: None }
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        use StatusCode as S;
        let (status, name) = match &refusal {
            Refusal::BadRequest(message) => return Self::bad_request(message),
            Refusal::TokenUnknown => (S::UNAUTHORIZED, "TOKEN_UNKNOWN"),
            Refusal::TokenExpired => (S::UNAUTHORIZED, "TOKEN_EXPIRED"),
            Refusal::TokenWaiting { .. } => (S::UNAUTHORIZED, "TOKEN_WAITING"),
            Refusal::NoSuchToken => (S::NOT_FOUND, "NO_SUCH_TOKEN"),
            Refusal::NoSuchConcert(_) => (S::NOT_FOUND, "NO_SUCH_CONCERT"),
            Refusal::NoSuchSchedule(_) => (S::NOT_FOUND, "NO_SUCH_SCHEDULE"),
            Refusal::NoSuchSeat { .. } => (S::NOT_FOUND, "NO_SUCH_SEAT"),
            Refusal::NoSuchReservation(_) => (S::NOT_FOUND, "NO_SUCH_RESERVATION"),
            Refusal::NoSuchPayment(_) => (S::NOT_FOUND, "NO_SUCH_PAYMENT"),
            Refusal::SeatTaken(_) => (S::CONFLICT, "SEAT_TAKEN"),
            Refusal::AlreadyPaid(_) => (S::CONFLICT, "ALREADY_PAID"),
            Refusal::ReservationCancelled(_) | Refusal::PaymentCancelled(_) => {
                (S::CONFLICT, "ALREADY_CANCELLED")
            }
            Refusal::HoldExpired(_) => (S::GONE, "HOLD_EXPIRED"),
            Refusal::InsufficientBalance { .. } => (S::PAYMENT_REQUIRED, "INSUFFICIENT_BALANCE"),
            Refusal::NoSuchCoupon(_) => (S::NOT_FOUND, "NO_SUCH_COUPON"),
            Refusal::NoSuchProduct(_) => (S::NOT_FOUND, "NO_SUCH_PRODUCT"),
            Refusal::NoSuchOrder(_) => (S::NOT_FOUND, "NO_SUCH_ORDER"),
            Refusal::CouponIssued(_) => (S::CONFLICT, "ALREADY_ISSUED"),
            Refusal::CouponNotIssued(_) => (S::CONFLICT, "COUPON_NOT_ISSUED"),
            Refusal::CouponUsed(_) => (S::CONFLICT, "COUPON_USED"),
            Refusal::OutOfStock { .. } => (S::CONFLICT, "OUT_OF_STOCK"),
            Refusal::CouponsGone(_) => (S::GONE, "SOLD_OUT"),
            Refusal::OrdersFull => (S::SERVICE_UNAVAILABLE, "ORDERS_FULL"),
            Refusal::StoreUnavailable { .. } => (S::SERVICE_UNAVAILABLE, "STORE_UNAVAILABLE"),
            Refusal::Broken { .. } => (S::INTERNAL_SERVER_ERROR, "INTERNAL"),
        };
        let message = refusal.to_string().into();
        let cause = match refusal {
            Refusal::StoreUnavailable { cause } | Refusal::Broken { cause } => Some(Cause(cause)),
            _ => None,
        };
        Self { status, name, message, cause }
    }
}

impl From<ApiError> for Response {
    fn from(error: ApiError) -> Self {
        let ApiError { status, name, message, cause } = error;
        let mut response =
            json(status, &ErrorEnvelope { code: status.as_u16(), message: &message, error: name });
        if let Some(cause) = cause {
            response.extensions_mut().insert(cause);
        }
        response
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        self.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let error = ApiError::bad_request("좌".repeat(1000));
        assert!(error.message.len() <= LONGEST_MESSAGE + '…'.len_utf8());
        assert!(error.message.ends_with("좌…"));
    }
}
