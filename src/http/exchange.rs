//! One request, one answer: over the connections that one virtual user owns.
//!
//! A connection is taken out of its place for the time of an exchange and put back when the answer is
//! complete. So a future that is dropped midway takes its half-read connection with it.

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use crate::http::connection::{Connection, tls_error};
use crate::http::deadline::{Timer, deadline};
use crate::http::error::ExchangeError;
use crate::http::{KeepBody, Network, Origin, Progress, Response, Timing, tls};
use crate::outcome::{Cause, Phase, ProtocolFault};

/// What is sent, and how its answer is read.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    pub origin: &'a Origin,
    /// The request as it goes out, head and body.
    pub wire: &'a [u8],
    /// A HEAD request: its answer has no body, whatever its headers say.
    pub is_head: bool,
    /// For the whole exchange, from the start of connecting or sending.
    pub timeout: Duration,
    pub keep_body: KeepBody,
}

/// The connections of one virtual user: at most one per origin, opened when first needed, kept alive, opened
/// again where the server has closed it. Empty, it holds no memory; moved, it goes to another user.
#[derive(Debug, Default)]
pub struct UserConnections {
    places: Vec<Place>,
    timer: Timer,
    network: Arc<Network>,
}

/// A connection's place, empty while an exchange has it. The origin stays: its text is shared with other
/// workers, and counting who shares it once per request would make the workers wait for each other.
#[derive(Debug)]
struct Place {
    origin: Origin,
    connection: Option<Connection>,
}

impl UserConnections {
    /// None yet; they will be made the way that `network` says.
    pub fn new(network: Arc<Network>) -> UserConnections {
        UserConnections { places: Vec::new(), timer: Timer::default(), network }
    }

    /// Hands all connections over, and leaves none.
    #[must_use]
    pub fn take(&mut self) -> UserConnections {
        let none = UserConnections::new(Arc::clone(&self.network));
        std::mem::replace(self, none)
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
            let connection = match reused.take() {
                Some(connection) => connection,
                None => self.open(request.origin, due, timing).await?,
            };
            let mut flight = Flight::new(request, connection, is_reused, response, timing);
            let timer = &mut self.timer;
            let landed = poll_fn(|cx| match flight.poll(cx) {
                Poll::Pending => timer.poll(cx, due).map(|()| Err(flight.out_of_time())),
                landed @ Poll::Ready(_) => landed,
            })
            .await;
            match landed {
                Ok(()) => {
                    if flight.is_reusable() {
                        self.places[place].connection = Some(flight.connection);
                    }
                    return Ok(());
                }
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
            self.places.push(Place { origin: origin.clone(), connection: None });
            self.places.len() - 1
        })
    }

    /// The idle connection of a place, where there is one that the server has not closed.
    fn take_idle(&mut self, place: usize) -> Option<Connection> {
        let mut connection = self.places[place].connection.take()?;
        connection.is_idle().then_some(connection)
    }

    async fn open(
        &mut self,
        origin: &Origin,
        due: Instant,
        timing: &mut Timing,
    ) -> Result<Connection, ExchangeError> {
        let phase = Cell::new(Phase::Dns);
        // Boxed, so that the future of an exchange that opens nothing stays small.
        let mut opening = Box::pin(Connection::open(origin, &self.network, &phase, timing));
        let timer = &mut self.timer;
        let opened = poll_fn(|cx| match opening.as_mut().poll(cx) {
            Poll::Pending => timer.poll(cx, due).map(|()| Err(timeout(phase.get()))),
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

/// Why an exchange over one connection ended without an answer.
enum Crash {
    /// Nothing of the request went out, for the server had closed the idle connection.
    Unsent,
    Failed(ExchangeError),
}

/// A request under way over one connection.
struct Flight<'a> {
    wire: &'a [u8],
    connection: Connection,
    reused: bool,
    response: &'a mut Response,
    timing: &'a mut Timing,
    written: usize,
    flushed: bool,
    /// Writing failed after some bytes had gone out; an answer may be there all the same.
    write_failed: Option<io::Error>,
    /// The clock as the connection was found, good for the first write if that comes at once.
    now: Option<Instant>,
}

impl<'a> Flight<'a> {
    fn new(
        request: &Request<'a>,
        connection: Connection,
        reused: bool,
        response: &'a mut Response,
        timing: &'a mut Timing,
    ) -> Flight<'a> {
        timing.first_byte_written = None;
        timing.bytes_sent = 0;
        let now = reused.then_some(timing.began);
        let wire = request.wire;
        Flight {
            wire,
            connection,
            reused,
            response,
            timing,
            written: 0,
            flushed: false,
            write_failed: None,
            now,
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Crash>> {
        // A server may answer before it has read everything, and close: reading goes on when writing cannot.
        while !self.is_sent() {
            match self.poll_send(cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(crash)) => return Poll::Ready(Err(crash)),
                Poll::Pending => break,
            }
        }
        loop {
            match ready!(self.poll_receive(cx)) {
                Ok(Progress::More) => {}
                Ok(Progress::Complete) => return Poll::Ready(Ok(())),
                Err(crash) => return Poll::Ready(Err(crash)),
            }
        }
    }

    fn is_sent(&self) -> bool {
        self.write_failed.is_some() || (self.written == self.wire.len() && self.flushed)
    }

    fn is_reusable(&self) -> bool {
        self.write_failed.is_none() && self.is_sent() && self.response.is_reusable()
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Crash>> {
        if self.written == self.wire.len() {
            match ready!(self.connection.poll_flush(cx)) {
                Ok(()) => self.flushed = true,
                Err(error) => self.write_failed = Some(error),
            }
            return Poll::Ready(Ok(()));
        }
        let first = self.written == 0;
        let before = first.then(|| self.now.take().unwrap_or_else(Instant::now));
        match ready!(self.connection.poll_write(cx, &self.wire[self.written..])) {
            Ok(count) if count > 0 => {
                if first {
                    self.timing.first_byte_written = before;
                }
                self.written += count;
                self.timing.bytes_sent = self.written as u64;
                // Spares a plain connection the second round.
                self.flushed = matches!(self.connection, Connection::Plain(_));
            }
            failed => {
                if self.reused && first && self.connection.failed_write_is_unsent(self.wire.len()) {
                    return Poll::Ready(Err(Crash::Unsent));
                }
                self.write_failed = Some(failed.err().unwrap_or_else(|| io::ErrorKind::BrokenPipe.into()));
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Reads once. The buffer is taken only for the time of the read where nothing comes of it.
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Progress, Crash>> {
        let read = self.connection.poll_read(cx, self.response.space());
        let Poll::Ready(read) = read else {
            self.response.release_unused();
            return Poll::Pending;
        };
        if self.reused && self.written == 0 && !self.response.has_begun() && self.write_failed.is_none() {
            // Whatever came, it is no answer to what was not sent yet.
            return Poll::Ready(Err(Crash::Unsent));
        }
        Poll::Ready(match read {
            Ok(0) => self.ended(),
            Ok(count) => {
                let now = Instant::now();
                self.timing.first_byte_read.get_or_insert(now);
                self.timing.ended = now;
                self.timing.bytes_received += count as u64;
                self.response.received(count).map_err(|fault| self.broken(fault))
            }
            Err(error) => Err(self.cut_off(&error)),
        })
    }

    /// The connection ended in good order. Was the answer complete?
    fn ended(&mut self) -> Result<Progress, Crash> {
        let now = Instant::now();
        match self.response.end() {
            Ok(()) => {
                self.timing.ended = now;
                Ok(Progress::Complete)
            }
            Err(cause) => {
                // The reset was met in writing already, and reading only finds the end behind it.
                match self.write_failed.take() {
                    Some(error) => Err(self.cut_off(&error)),
                    None => Err(self.lost(cause)),
                }
            }
        }
    }

    /// The connection ended with an error.
    fn cut_off(&self, error: &io::Error) -> Crash {
        if let Some(error) = tls_error(error) {
            return Crash::Failed(ExchangeError::target(Cause::Tls, error.to_string()));
        }
        match error.kind() {
            // The end of the connection without TLS's own goodbye: anybody on the way can have cut it.
            io::ErrorKind::UnexpectedEof if self.response.has_begun() => self.lost(Cause::Truncated),
            io::ErrorKind::UnexpectedEof => self.lost(Cause::Closed),
            io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe => {
                self.lost(Cause::Reset)
            }
            _ => Crash::Failed(ExchangeError::from_system(error, Cause::Timeout(self.phase()), Cause::Reset)),
        }
    }

    fn lost(&self, cause: Cause) -> Crash {
        let begun = self.response.has_begun();
        let cause = if self.reused && !begun { Cause::StaleConnection } else { cause };
        let detail = match cause {
            Cause::StaleConnection => {
                "the server closed a kept connection after the request was sent over it"
            }
            Cause::Truncated => "the server closed the connection inside the answer",
            Cause::Closed => "the server closed a new connection without an answer",
            _ if begun => "the server reset the connection inside the answer",
            _ => "the server reset the connection before an answer",
        };
        Crash::Failed(ExchangeError::target(cause, detail))
    }

    fn broken(&self, fault: ProtocolFault) -> Crash {
        let detail = match fault {
            ProtocolFault::StatusLine if tls::is_record(self.response.unread()) => {
                "the server speaks TLS on this port: is it https:// there?"
            }
            ProtocolFault::StatusLine => "the answer does not begin with an HTTP status line",
            ProtocolFault::Header => "a header of the answer is malformed",
            ProtocolFault::HeadTooLarge => "the head of the answer has over 64 KiB or 100 headers",
            ProtocolFault::ContentLength => {
                "the answer's Content-Length is no number, or several that differ"
            }
            ProtocolFault::TransferEncoding => "an HTTP/1.0 answer has a Transfer-Encoding",
            ProtocolFault::Chunk => "a chunk of the answer is malformed",
            ProtocolFault::Unexpected => "the server switched to a protocol that nobody asked for",
        };
        Crash::Failed(ExchangeError::target(Cause::Protocol(fault), detail))
    }

    fn out_of_time(&self) -> Crash {
        Crash::Failed(timeout(self.phase()))
    }

    fn phase(&self) -> Phase {
        if self.response.has_begun() {
            Phase::Receive
        } else if self.is_sent() {
            Phase::Wait
        } else {
            Phase::Send
        }
    }
}

fn timeout(phase: Phase) -> ExchangeError {
    let detail = match phase {
        Phase::Dns => "the time ran out while the name was resolved",
        Phase::Connect => "the time ran out before the server accepted the connection",
        Phase::Tls => "the time ran out in the TLS handshake",
        Phase::Send => "the time ran out while the request was sent",
        Phase::Wait => "the time ran out before an answer came",
        Phase::Receive => "the time ran out inside the answer",
    };
    ExchangeError::target(Cause::Timeout(phase), detail)
}
