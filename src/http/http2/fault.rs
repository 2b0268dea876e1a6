//! What hyper and h2 say went wrong, as causes.

use std::error::Error as _;
use std::io;

use h2::Reason;

use super::tap::{End, Tap};
use crate::http::error::ExchangeError;
use crate::outcome::{Cause, Phase, ProtocolFault};

/// Why an exchange gave no answer. `has_begun` says whether its head came.
pub(super) fn failed(error: &hyper::Error, tap: &Tap, is_reused: bool, has_begun: bool) -> ExchangeError {
    if tap.speaks_http_1() {
        let detail = "the server answers in HTTP/1: `http: { version: 1.1 }` says so";
        return ExchangeError::target(Cause::Protocol(ProtocolFault::Http2), detail);
    }
    let Some(found) = of_h2(error) else { return lost(error, tap, is_reused, has_begun) };
    match found.reason() {
        Some(reason) if found.is_remote() && found.is_go_away() => gone(reason),
        Some(reason) if found.is_remote() && found.is_reset() => {
            let when = if has_begun { "inside the answer" } else { "before an answer" };
            let detail = format!("the server ended the stream {when} ({})", words(reason));
            ExchangeError::target(Cause::StreamReset, detail)
        }
        _ if found.is_io() => lost(error, tap, is_reused, has_begun),
        Some(reason) => {
            let detail = format!("the server broke a rule of HTTP/2 ({})", words(reason));
            ExchangeError::target(Cause::Protocol(ProtocolFault::Http2), detail)
        }
        None => {
            let detail = format!("the server broke a rule of HTTP/2: {found}");
            ExchangeError::target(Cause::Protocol(ProtocolFault::Http2), detail)
        }
    }
}

fn gone(reason: Reason) -> ExchangeError {
    let detail = format!("the server ended the connection ({}) before it answered", words(reason));
    ExchangeError::target(Cause::GoAway, detail)
}

/// The error of h2 inside one of hyper.
fn of_h2(error: &hyper::Error) -> Option<&h2::Error> {
    let mut source = error.source();
    while let Some(inner) = source {
        if let Some(found) = inner.downcast_ref::<h2::Error>() {
            return Some(found);
        }
        source = inner.source();
    }
    None
}

/// The connection ended under the request.
fn lost(error: &hyper::Error, tap: &Tap, is_reused: bool, has_begun: bool) -> ExchangeError {
    if let Some(reason) = tap.goodbye().filter(|_| !has_begun) {
        return gone(Reason::from(reason));
    }
    let (cause, detail) = match (tap.end(), has_begun) {
        (End::Closed, false) if is_reused => {
            (Cause::StaleConnection, "the server closed a kept connection after the request was sent over it")
        }
        (End::Closed, false) => (Cause::Closed, "the server closed a new connection without an answer"),
        (End::Closed, true) => (Cause::Truncated, "the server closed the connection inside the answer"),
        (End::Failed(kind), begun) => return broken(kind, is_reused, begun),
        (End::Open, _) => {
            let detail = format!("the connection broke down: {error}");
            return ExchangeError::target(Cause::Protocol(ProtocolFault::Http2), detail);
        }
    };
    ExchangeError::target(cause, detail)
}

fn broken(kind: io::ErrorKind, is_reused: bool, has_begun: bool) -> ExchangeError {
    let (cause, detail) = match (kind, has_begun) {
        (io::ErrorKind::UnexpectedEof, true) => {
            (Cause::Truncated, "the server closed the connection inside the answer")
        }
        (_, false) if is_reused => {
            (Cause::StaleConnection, "the server closed a kept connection after the request was sent over it")
        }
        (io::ErrorKind::UnexpectedEof, false) => {
            (Cause::Closed, "the server closed a new connection without an answer")
        }
        (io::ErrorKind::TimedOut, _) => {
            (Cause::Timeout(Phase::Wait), "the system gave up waiting for the server")
        }
        (_, true) => (Cause::Reset, "the server reset the connection inside the answer"),
        (_, false) => (Cause::Reset, "the server reset the connection before an answer"),
    };
    ExchangeError::target(cause, detail)
}

/// A reason as the standard names it, like `REFUSED_STREAM`.
fn words(reason: Reason) -> String {
    format!("{reason:?}")
}
