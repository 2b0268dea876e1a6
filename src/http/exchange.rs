//! One request, one answer: over the connections that one virtual user owns.
//!
//! A connection is taken out of its place for the time of an exchange and put back when the answer is
//! complete. So a future that is dropped midway takes its half-read connection with it.

use std::cell::Cell;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use crate::http::connection::Connection;
use crate::http::deadline::{Clock, Deadline, TokioClock, deadline};
use crate::http::error::ExchangeError;
use crate::http::flight::{Crash, Flight, timeout};
use crate::http::http2::Http2;
use crate::http::request::Request;
use crate::http::{Network, Origin, Response, Scheme, Timing, Version};
use crate::outcome::{Cause, Phase};

/// A user has a connection to so many origins at most.
const MOST_ORIGINS: usize = 64;

/// The connections of one virtual user: at most one per origin, opened when first needed, kept alive, opened
/// again where the server has closed it. Empty, it holds no memory; moved, it goes to another user.
#[derive(Debug, Default)]
pub struct UserConnections<C: Clock = TokioClock> {
    places: Vec<Place>,
    deadline: Deadline<C>,
    network: Arc<Network>,
}

/// A connection, and what is spoken over it.
#[derive(Debug)]
enum Kept {
    Http1(Connection),
    /// Boxed: its state is large, and most users have none.
    Http2(Box<Http2>),
}

/// A connection's place, empty while an exchange has it. The origin stays: its text is shared with other
/// workers, and counting who shares it once per request would make the workers wait for each other.
#[derive(Debug)]
struct Place {
    origin: Origin,
    connection: Option<Kept>,
}

impl UserConnections {
    /// None yet; they will be made the way that `network` says.
    pub fn new(network: Arc<Network>) -> UserConnections {
        UserConnections::with_clock(network, TokioClock)
    }
}

impl<C: Clock> UserConnections<C> {
    /// None yet; exchanges over them will be timed by `clock`.
    pub fn with_clock(network: Arc<Network>, clock: C) -> UserConnections<C> {
        UserConnections { places: Vec::new(), deadline: Deadline::new(clock), network }
    }

    /// Hands all connections over, and leaves none.
    #[must_use]
    pub fn take(&mut self) -> UserConnections<C> {
        let none = self.none();
        std::mem::replace(self, none)
    }

    /// No connections, of the same kind.
    pub(crate) fn none(&self) -> UserConnections<C> {
        let network = Arc::clone(&self.network);
        UserConnections { places: Vec::new(), deadline: self.deadline.fresh(), network }
    }

    /// Closes all connections.
    pub fn close(&mut self) {
        self.places = Vec::new();
    }

    /// Whether no connection is open.
    pub fn is_empty(&self) -> bool {
        self.places.iter().all(|place| place.connection.is_none())
    }

    /// Sends a request and reads its answer. `timing` is filled as far as the exchange got, also on an error;
    /// so is `response`, from which a failure sample can be taken.
    ///
    /// An unsent request (the server had closed the idle connection) is sent once more over a new one. A
    /// request of which any byte went out is never sent again. Dropping the future closes the connection.
    pub async fn exchange(
        &mut self,
        request: &Request<'_>,
        response: &mut Response,
        timing: &mut Timing,
    ) -> Result<(), ExchangeError> {
        response.begin(request.is_head, request.keep_body);
        *timing = Timing::new();
        let due = deadline(timing.began, request.timeout);

        let place = self.place_of(request.origin);
        let mut reused = self.take_idle(place);
        loop {
            let is_reused = reused.is_some();
            let kept = match reused.take() {
                Some(kept) => kept,
                None => self.open(request.origin, due, timing).await?,
            };
            let deadline = &mut self.deadline;
            let (kept, landed) = match kept {
                Kept::Http1(connection) => {
                    let mut flight = Flight::new(request, connection, is_reused, response, timing);
                    let landed = poll_fn(|cx| match flight.poll(cx) {
                        Poll::Pending => deadline.poll(cx, due).map(|()| Err(flight.out_of_time())),
                        landed @ Poll::Ready(_) => landed,
                    })
                    .await;
                    let is_reusable = landed.is_ok() && flight.is_reusable();
                    (is_reusable.then_some(Kept::Http1(flight.into_connection())), landed)
                }
                // Boxed, so that the future of an exchange in HTTP/1.1 stays small.
                Kept::Http2(session) => {
                    Box::pin(in_http2(session, request, is_reused, response, timing, deadline, due)).await
                }
            };
            self.places[place].connection = kept;
            match landed {
                Ok(()) => return Ok(()),
                // Only a reused connection gives a request back, so the next round is the last.
                Err(Crash::Unsent) => response.begin(request.is_head, request.keep_body),
                Err(Crash::Failed(error)) => {
                    timing.ended = Instant::now();
                    return Err(error);
                }
            }
        }
    }

    fn place_of(&mut self, origin: &Origin) -> usize {
        self.places.iter().position(|place| place.origin == *origin).unwrap_or_else(|| {
            // A server that redirects to ever new hosts must not make a user grow. The first is the target.
            if self.places.len() == MOST_ORIGINS {
                self.places.remove(1);
            }
            self.places.push(Place { origin: origin.clone(), connection: None });
            self.places.len() - 1
        })
    }

    /// The idle connection of a place, where there is one that the server has not closed.
    fn take_idle(&mut self, place: usize) -> Option<Kept> {
        let mut kept = self.places[place].connection.take()?;
        let is_idle = match &mut kept {
            Kept::Http1(connection) => connection.is_idle(),
            Kept::Http2(session) => session.is_idle(),
        };
        is_idle.then_some(kept)
    }

    async fn open(
        &mut self,
        origin: &Origin,
        due: Instant,
        timing: &mut Timing,
    ) -> Result<Kept, ExchangeError> {
        let phase = Cell::new(Phase::Dns);
        // Boxed, so that the future of an exchange that opens nothing stays small.
        let clock = self.deadline.clock().clone();
        let mut opening = Box::pin(open(origin, &self.network, &clock, &phase, timing));
        let deadline = &mut self.deadline;
        let opened = poll_fn(|cx| match opening.as_mut().poll(cx) {
            Poll::Pending => deadline.poll(cx, due).map(|()| Err(timeout(phase.get()))),
            opened @ Poll::Ready(_) => opened,
        })
        .await;
        drop(opening);
        if opened.is_err() {
            timing.ended = Instant::now();
        }
        opened
    }
}

/// Opens a connection, and begins to speak where that takes words.
async fn open(
    origin: &Origin,
    network: &Network,
    clock: &impl Clock,
    phase: &Cell<Phase>,
    timing: &mut Timing,
) -> Result<Kept, ExchangeError> {
    let connection = Connection::open(origin, network, clock, phase, timing).await?;
    let is_http2 = match (network.version(), origin.scheme()) {
        (Version::Http1, _) | (Version::Auto, Scheme::Http) => false,
        (Version::Http2, Scheme::Http) => true,
        (Version::Http2 | Version::Auto, Scheme::Https) => connection.agreed_on_http2(),
    };
    if is_http2 {
        return Ok(Kept::Http2(Box::new(Http2::begin(connection).await?)));
    }
    if network.version() == Version::Http2 {
        let detail = "the server does not speak HTTP/2 over TLS: `http: { version: auto }` takes what it has";
        return Err(ExchangeError::target(Cause::Tls, detail));
    }
    Ok(Kept::Http1(connection))
}

/// One exchange in HTTP/2. Its connection is kept where it went well, or only this stream was ended.
async fn in_http2<C: Clock>(
    mut session: Box<Http2>,
    request: &Request<'_>,
    is_reused: bool,
    response: &mut Response,
    timing: &mut Timing,
    deadline: &mut Deadline<C>,
    due: Instant,
) -> (Option<Kept>, Result<(), Crash>) {
    let phase = Cell::new(Phase::Send);
    let landed = {
        let mut exchange = std::pin::pin!(session.exchange(request, is_reused, response, timing, &phase));
        poll_fn(|cx| match exchange.as_mut().poll(cx) {
            Poll::Pending => deadline.poll(cx, due).map(|()| Err(Crash::Failed(timeout(phase.get())))),
            landed @ Poll::Ready(_) => landed,
        })
        .await
    };
    let is_alive = match &landed {
        Ok(()) => true,
        Err(Crash::Failed(ExchangeError::Target { cause, .. })) => *cause == Cause::StreamReset,
        Err(_) => false,
    };
    (is_alive.then_some(Kept::Http2(session)), landed)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Users are many, and most need nothing of what some can do: that lives behind boxes.
    #[test]
    fn what_every_user_has_is_small() {
        assert!(size_of::<UserConnections>() <= 40);
        assert!(size_of::<Place>() <= 80);
        assert!(size_of::<Response>() <= 136);
    }
}
