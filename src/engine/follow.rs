//! Redirects: a chain of requests that is one sample, from the first byte of the first to the last of the last.

use std::time::Duration;

use super::user::User;
use super::worker::Worker;
use crate::http::redirect::{BadRedirect, Hop, sends_on};
use crate::http::request::Outgoing;
use crate::http::{ExchangeError, KeepBody, Origin, Request, Timing};
use crate::outcome::Cause;

/// How a chain may go on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leash {
    /// How many redirects are followed.
    pub(super) most: u8,
    /// For all of them together.
    pub(super) timeout: Duration,
    pub(super) keep_body: KeepBody,
}

impl Worker {
    /// Goes where the answer to `outgoing` sends, as long as answers send on. What is left in the user's scope
    /// is the last one; `timing` spans the whole chain.
    pub(super) async fn follow(
        &self,
        user: &mut User,
        leash: Leash,
        origin: &Origin,
        outgoing: &Outgoing,
        timing: &mut Timing,
    ) -> Result<(), ExchangeError> {
        let network = &self.prepared.scenarios[usize::from(user.scenario)].network;
        let mut origin = origin.clone();
        let mut now: Option<Outgoing> = None;
        let mut followed = 0;
        loop {
            let response = user.scope.response();
            let status = response.status();
            // Without a place to go, such a status is an answer like any other.
            let Some(location) = response.header("location").filter(|_| sends_on(status)) else {
                return Ok(());
            };
            let before = now.as_ref().unwrap_or(outgoing);
            let hop = Hop::new(status, location, &origin, before.target());
            let hop = hop.map_err(|error| bad(status, &error))?;
            if followed == leash.most {
                return Err(too_many(status, followed, &hop));
            }
            followed += 1;
            let next = hop.request(before, network, user.jar.as_deref());
            let (next, is_head) = next.map_err(|error| bad(status, &error.into()))?;
            let request = Request {
                origin: &hop.origin,
                wire: &next.text,
                insets: &next.insets,
                is_head,
                timeout: leash.timeout.saturating_sub(timing.began.elapsed()),
                keep_body: leash.keep_body,
            };
            let mut of_hop = Timing::new();
            let exchanged =
                user.connections.exchange(&request, user.scope.expect_answer(), &mut of_hop).await;
            timing.go_on(&of_hop);
            exchanged?;
            if self.keeps_cookies_of(user) {
                user.keep_cookies(&hop.origin, &next);
            }
            origin = hop.origin;
            now = Some(next);
        }
    }

    /// Whether the last answer has cookies to keep.
    pub(super) fn keeps_cookies_of(&self, user: &User) -> bool {
        user.scope.response().sets_cookies()
            && self.prepared.scenarios[usize::from(user.scenario)].keeps_cookies
    }
}

fn bad(status: u16, error: &BadRedirect) -> ExchangeError {
    ExchangeError::target(Cause::BadRedirect, format!("an answer of status {status} leads nowhere: {error}"))
}

fn too_many(status: u16, followed: u8, hop: &Hop) -> ExchangeError {
    let path = hop.target.split('?').next().unwrap_or_default();
    let detail = format!(
        "{followed} redirects were followed, and status {status} still sends on, to {}{path}",
        hop.origin
    );
    ExchangeError::target(Cause::TooManyRedirects, detail)
}
