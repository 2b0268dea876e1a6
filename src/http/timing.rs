//! When each phase of one exchange began and ended, filled as far as the exchange got.

use std::time::{Duration, Instant};

/// The times and byte counts of one exchange. After an error, what was not reached is `None` or zero;
/// a phase that was begun but not finished (a connect that ran into the timeout) is `None` too.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// Before connecting, or before sending where a connection was there.
    pub began: Instant,
    /// Asking the resolver; `None` for an address, and for a name that the worker already knew.
    pub dns: Option<Duration>,
    /// The TCP handshake, where this exchange opened the connection.
    pub connect: Option<Duration>,
    /// The TLS handshake, where this exchange opened the connection.
    pub tls: Option<Duration>,
    /// Just before the system accepted the request's first byte.
    pub first_byte_written: Option<Instant>,
    /// Just after the read that brought the answer's first byte.
    pub first_byte_read: Option<Instant>,
    /// Just after the read that brought the answer's last byte, or when the error was known.
    /// Parsing after that read is the generator's own time, and not counted.
    pub ended: Instant,
    /// Bytes of the request that the system accepted (before encryption).
    pub bytes_sent: u64,
    /// Bytes of the answer, head and framing included (after decryption).
    pub bytes_received: u64,
}

impl Timing {
    pub fn new() -> Timing {
        Timing::at(Instant::now())
    }

    /// Of an exchange that has not begun by `now`.
    pub fn at(now: Instant) -> Timing {
        Timing {
            began: now,
            dns: None,
            connect: None,
            tls: None,
            first_byte_written: None,
            first_byte_read: None,
            ended: now,
            bytes_sent: 0,
            bytes_received: 0,
        }
    }
}

impl Timing {
    /// Goes on with another exchange, which the answer of this one led to.
    pub fn go_on(&mut self, next: &Timing) {
        let sum = |one: Option<Duration>, two: Option<Duration>| match (one, two) {
            (Some(one), Some(two)) => Some(one + two),
            (one, two) => one.or(two),
        };
        self.dns = sum(self.dns, next.dns);
        self.connect = sum(self.connect, next.connect);
        self.tls = sum(self.tls, next.tls);
        self.first_byte_written = self.first_byte_written.or(next.first_byte_written);
        self.first_byte_read = next.first_byte_read;
        self.ended = next.ended;
        self.bytes_sent += next.bytes_sent;
        self.bytes_received += next.bytes_received;
    }
}

impl Default for Timing {
    fn default() -> Timing {
        Timing::new()
    }
}
