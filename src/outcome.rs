//! How a request ended: the product's central type.
//!
//! A service under load may do what it was asked (`Success`), rightly refuse (`Business`: the seat is taken,
//! the token has expired), or fail (`Failure`, with its cause). What the generator itself could not do is
//! none of the three: it is an [`OwnFault`], and makes the run invalid rather than the target bad.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How one request of a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Success,
    /// An answer the service is right to give; the number is its place among the step's business outcomes.
    Business(u16),
    Failure(Cause),
}

/// Why a request, or a poll of several, failed. The text of each is its name in reports and in threshold filters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// An answer with a status that the step does not expect.
    Status(u16),
    /// A check of the step did not hold.
    Check,
    /// A capture found nothing.
    Capture,
    /// The answer took longer than `expect.latency`.
    TooSlow,
    /// The time for the whole request ran out; the phase says what it was waiting for.
    Timeout(Phase),
    /// Nothing listens at the address.
    Refused,
    /// No way to the address.
    Unreachable,
    /// The connection was reset by the other side.
    Reset,
    /// A fresh connection was closed before any byte of an answer.
    Closed,
    /// A reused connection was closed before any byte of an answer: the server was done with it.
    StaleConnection,
    /// The connection ended inside an answer.
    Truncated,
    /// HTTP/2: the server ended this stream and kept the connection.
    StreamReset,
    /// HTTP/2: the server was done with the connection before it answered.
    GoAway,
    /// The name could not be resolved.
    Dns,
    /// The TLS handshake or its certificates.
    Tls,
    /// The proxy could not be reached, or opened no way to the server.
    Proxy,
    /// More redirects than the step follows.
    TooManyRedirects,
    /// A redirect to somewhere that cannot be asked.
    BadRedirect,
    /// The body is not what its `Content-Encoding` says.
    Decompression,
    /// Bytes that are not HTTP, or break its rules.
    Protocol(ProtocolFault),
    /// A poll gave up: what it waited for did not come in its time.
    Poll,
}

/// Where in a request time was spent, in the order in which they happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    Dns,
    Connect,
    Tls,
    /// From the first byte written to the last.
    Send,
    /// From the last byte written to the first one read.
    Wait,
    /// From the first byte read to the last.
    Receive,
}

/// Which rule of HTTP an answer broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProtocolFault {
    /// The answer does not begin with a status line, or its version is unknown.
    StatusLine,
    /// A header is malformed.
    Header,
    /// The head is larger, or has more headers, than is accepted.
    HeadTooLarge,
    /// `Content-Length` is no number, or several disagree, or it stands beside an encoding it must not.
    ContentLength,
    /// `Transfer-Encoding` is none that is known.
    TransferEncoding,
    /// A chunk's size or its end is broken.
    Chunk,
    /// Bytes arrived that no request asked for, or a protocol switch nobody wanted.
    Unexpected,
    /// Frames that break a rule of HTTP/2, or are none.
    Http2,
}

/// What the generator could not do. Never counted against the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OwnFault {
    /// The limit on open files was reached.
    NoDescriptors,
    /// No local port was left for this address.
    NoPorts,
    /// An expression or a template failed.
    Template,
    /// A row of a file of data could not be read.
    Data,
    /// The system refused something else: memory for sockets, root certificates, a way past its firewall.
    System,
}

impl Cause {
    /// Whether a whole answer came, and what is wrong is what it says. Else the service may have done what it was
    /// asked or not.
    pub const fn is_of_an_answer(self) -> bool {
        matches!(
            self,
            Cause::Status(_)
                | Cause::Check
                | Cause::Capture
                | Cause::TooSlow
                | Cause::TooManyRedirects
                | Cause::BadRedirect
                | Cause::Decompression
        )
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::Status(code) => write!(f, "status {code}"),
            Cause::Check => f.write_str("check"),
            Cause::Capture => f.write_str("capture"),
            Cause::TooSlow => f.write_str("too slow"),
            Cause::Timeout(phase) => write!(f, "timeout ({phase})"),
            Cause::Refused => f.write_str("refused"),
            Cause::Unreachable => f.write_str("unreachable"),
            Cause::Reset => f.write_str("reset"),
            Cause::Closed => f.write_str("closed before an answer"),
            Cause::StaleConnection => f.write_str("stale connection"),
            Cause::Truncated => f.write_str("truncated answer"),
            Cause::StreamReset => f.write_str("stream reset"),
            Cause::GoAway => f.write_str("goaway"),
            Cause::Dns => f.write_str("dns"),
            Cause::Tls => f.write_str("tls"),
            Cause::Proxy => f.write_str("proxy"),
            Cause::TooManyRedirects => f.write_str("too many redirects"),
            Cause::BadRedirect => f.write_str("bad redirect"),
            Cause::Decompression => f.write_str("decompression"),
            Cause::Protocol(fault) => write!(f, "protocol ({fault})"),
            Cause::Poll => f.write_str("poll"),
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Phase::Dns => "dns",
            Phase::Connect => "connect",
            Phase::Tls => "tls",
            Phase::Send => "send",
            Phase::Wait => "wait",
            Phase::Receive => "receive",
        })
    }
}

impl fmt::Display for ProtocolFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ProtocolFault::StatusLine => "status line",
            ProtocolFault::Header => "header",
            ProtocolFault::HeadTooLarge => "head too large",
            ProtocolFault::ContentLength => "content length",
            ProtocolFault::TransferEncoding => "transfer encoding",
            ProtocolFault::Chunk => "broken chunk",
            ProtocolFault::Unexpected => "unexpected bytes",
            ProtocolFault::Http2 => "http/2",
        })
    }
}

impl fmt::Display for OwnFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            OwnFault::NoDescriptors => "out of file descriptors",
            OwnFault::NoPorts => "out of local ports",
            OwnFault::Template => "a template failed",
            OwnFault::Data => "a row of data could not be read",
            OwnFault::System => "the system refused",
        })
    }
}
