//! A request of HTTP/1.1 under way over one connection: written, and its answer read, each as the socket allows.

use std::io;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use crate::http::connection::{Connection, tls_error};
use crate::http::error::ExchangeError;
use crate::http::request::Request;
use crate::http::{Progress, Response, Timing, http2, tls};
use crate::outcome::{Cause, Phase, ProtocolFault};

/// Why an exchange over one connection ended without an answer.
pub(crate) enum Crash {
    /// Nothing of the request went out, for the server had closed the idle connection.
    Unsent,
    Failed(ExchangeError),
}

/// A request under way over one connection.
pub(super) struct Flight<'a> {
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
    pub(super) fn new(
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

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Crash>> {
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

    pub(super) fn is_reusable(&self) -> bool {
        self.write_failed.is_none() && self.is_sent() && self.response.is_reusable()
    }

    pub(super) fn into_connection(self) -> Connection {
        self.connection
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

    /// Reads once. No buffer is taken before there may be something for it, nor kept where nothing comes of it.
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Progress, Crash>> {
        ready!(self.connection.poll_readable(cx));
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

    pub(super) fn out_of_time(&self) -> Crash {
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

pub(super) fn timeout(phase: Phase) -> ExchangeError {
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
