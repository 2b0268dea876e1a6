//! The body of an answer: how it is framed, and how many of the bytes that arrive belong to it.

use crate::http::chunked::Chunked;
use crate::outcome::ProtocolFault;

/// How far a body has been read, by its framing.
#[derive(Debug, PartialEq)]
pub(crate) enum Body {
    /// There is none.
    None,
    /// This many bytes are still to come.
    Length(u64),
    Chunked(Chunked),
    /// Everything until the server closes.
    UntilClose,
}

/// What became of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Decoded {
    /// Bytes that belong to the body and its framing. What is behind them belongs to nothing.
    pub(crate) consumed: usize,
    /// Bytes of payload, moved to the front.
    pub(crate) payload: usize,
    /// Whether the body is complete.
    pub(crate) done: bool,
}

impl Body {
    pub(crate) fn chunked() -> Body {
        Body::Chunked(Chunked::default())
    }

    /// Reads on, with the bytes that follow those of the call before.
    pub(crate) fn decode(&mut self, bytes: &mut [u8]) -> Result<Decoded, ProtocolFault> {
        Ok(match self {
            Body::None => Decoded { consumed: 0, payload: 0, done: true },
            Body::Length(left) => {
                let taken = usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
                *left -= taken as u64;
                Decoded { consumed: taken, payload: taken, done: *left == 0 }
            }
            Body::Chunked(chunked) => chunked.decode(bytes)?,
            Body::UntilClose => Decoded { consumed: bytes.len(), payload: bytes.len(), done: false },
        })
    }
}
