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
use crate::http::http2::{self, Http2};
use crate::http::request::Inset;
use crate::http::{KeepBody, Network, Origin, Progress, Response, Scheme, Timing, Version, tls};
use crate::outcome::{Cause, Phase, ProtocolFault};

/// A user has a connection to so many origins at most.
const MOST_ORIGINS: usize = 64;

/// What is sent, and how its answer is read.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    pub origin: &'a Origin,
    /// The request as it goes out, head and body, but for the insets.
    pub wire: &'a [u8],
    /// Files that stand in its body, in their order.
    pub insets: &'a [Inset],
    /// A HEAD request: its answer has no body, whatever its headers say.
    pub is_head: bool,
    /// For the whole exchange, from the start of connecting or sending.
    pub timeout: Duration,
    pub keep_body: KeepBody,
}

impl Request<'_> {
    /// All bytes that go out.
    pub(crate) fn len(&self) -> usize {
        self.wire.len() + self.insets.iter().map(|inset| inset.bytes.len()).sum::<usize>()
    }

    /// The bytes that go out after so many others: as far as they stand together. Empty at the end.
    pub(crate) fn bytes_after(&self, written: usize) -> &[u8] {
        let (mut from, mut skip) = (0, written);
        for inset in self.insets {
            let text = &self.wire[from..inset.at];
            if skip < text.len() {
                return &text[skip..];
            }
            skip -= text.len();
            if skip < inset.bytes.len() {
                return &inset.bytes[skip..];
            }
            skip -= inset.bytes.len();
            from = inset.at;
        }
        &self.wire[from + skip..]
    }
}

/// The connections of one virtual user: at most one per origin, opened when first needed, kept alive, opened
/// again where the server has closed it. Empty, it holds no memory; moved, it goes to another user.
#[derive(Debug, Default)]
pub struct UserConnections {
    places: Vec<Place>,
    timer: Timer,
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
            let kept = match reused.take() {
                Some(kept) => kept,
                None => self.open(request.origin, due, timing).await?,
            };
            let timer = &mut self.timer;
            let (kept, landed) = match kept {
                Kept::Http1(connection) => {
                    let mut flight = Flight::new(request, connection, is_reused, response, timing);
                    let landed = poll_fn(|cx| match flight.poll(cx) {
                        Poll::Pending => timer.poll(cx, due).map(|()| Err(flight.out_of_time())),
                        landed @ Poll::Ready(_) => landed,
                    })
                    .await;
                    let is_reusable = landed.is_ok() && flight.is_reusable();
                    (is_reusable.then_some(Kept::Http1(flight.connection)), landed)
                }
                // Boxed, so that the future of an exchange in HTTP/1.1 stays small.
                Kept::Http2(session) => {
                    Box::pin(in_http2(session, request, is_reused, response, timing, timer, due)).await
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
        let mut opening = Box::pin(open(origin, &self.network, &phase, timing));
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

/// Opens a connection, and begins to speak where that takes words.
async fn open(
    origin: &Origin,
    network: &Network,
    phase: &Cell<Phase>,
    timing: &mut Timing,
) -> Result<Kept, ExchangeError> {
    let connection = Connection::open(origin, network, phase, timing).await?;
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
async fn in_http2(
    mut session: Box<Http2>,
    request: &Request<'_>,
    is_reused: bool,
    response: &mut Response,
    timing: &mut Timing,
    timer: &mut Timer,
    due: Instant,
) -> (Option<Kept>, Result<(), Crash>) {
    let phase = Cell::new(Phase::Send);
    let landed = {
        let mut exchange = std::pin::pin!(session.exchange(request, is_reused, response, timing, &phase));
        poll_fn(|cx| match exchange.as_mut().poll(cx) {
            Poll::Pending => timer.poll(cx, due).map(|()| Err(Crash::Failed(timeout(phase.get())))),
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

/// Why an exchange over one connection ended without an answer.
pub(crate) enum Crash {
    /// Nothing of the request went out, for the server had closed the idle connection.
    Unsent,
    Failed(ExchangeError),
}

/// A request under way over one connection.
struct Flight<'a> {
    request: &'a Request<'a>,
    /// All bytes of it.
    length: usize,
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
        request: &'a Request<'a>,
        connection: Connection,
        reused: bool,
        response: &'a mut Response,
        timing: &'a mut Timing,
    ) -> Flight<'a> {
        timing.first_byte_written = None;
        timing.bytes_sent = 0;
        let now = reused.then_some(timing.began);
        Flight {
            request,
            length: request.len(),
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
        self.write_failed.is_some() || (self.written == self.length && self.flushed)
    }

    fn is_reusable(&self) -> bool {
        self.write_failed.is_none() && self.is_sent() && self.response.is_reusable()
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Crash>> {
        if self.written == self.length {
            match ready!(self.connection.poll_flush(cx)) {
                Ok(()) => self.flushed = true,
                Err(error) => self.write_failed = Some(error),
            }
            return Poll::Ready(Ok(()));
        }
        let first = self.written == 0;
        let before = first.then(|| self.now.take().unwrap_or_else(Instant::now));
        match ready!(self.connection.poll_write(cx, self.request.bytes_after(self.written))) {
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
                if self.reused && first && self.connection.failed_write_is_unsent(self.length) {
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
            let detail = match error {
                rustls::Error::AlertReceived(alert) => tls::alert_in_words(*alert),
                error => error.to_string(),
            };
            return Crash::Failed(ExchangeError::target(Cause::Tls, detail));
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
            ProtocolFault::StatusLine if http2::is_settings(self.response.unread()) => {
                "the server answers in HTTP/2: `http: { version: 2 }` speaks it"
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
            ProtocolFault::Http2 => "the server broke a rule of HTTP/2",
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

    #[test]
    fn bytes_with_files_in_between() {
        let origin: Origin = "http://a".parse().unwrap();
        let file = |at, text: &'static str| Inset { at, bytes: bytes::Bytes::from_static(text.as_bytes()) };
        for (wire, insets, whole) in [
            ("head", vec![], "head"),
            ("headtail", vec![file(4, "<one>")], "head<one>tail"),
            ("headtail", vec![file(4, "<one>"), file(4, "<two>")], "head<one><two>tail"),
            ("headtail", vec![file(0, "<one>"), file(6, ""), file(8, "<two>")], "<one>headtail<two>"),
        ] {
            let request = Request {
                origin: &origin,
                wire: wire.as_bytes(),
                insets: &insets,
                is_head: false,
                timeout: Duration::ZERO,
                keep_body: KeepBody::Never,
            };
            assert_eq!(request.len(), whole.len());
            for step in [1, 3, 100] {
                let mut sent = Vec::new();
                while sent.len() < whole.len() {
                    let next = request.bytes_after(sent.len());
                    sent.extend_from_slice(&next[..next.len().min(step)]);
                }
                assert_eq!(String::from_utf8(sent).unwrap(), whole);
            }
            assert!(request.bytes_after(whole.len()).is_empty());
        }
    }
}
