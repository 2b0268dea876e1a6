//! HTTP/1.1 as one virtual user speaks it: an own codec over an own connection, every phase timed.
//!
//! [`UserConnections::exchange`] sends one request and reads one answer. Bytes of requests are written by
//! [`request`], bytes of answers are read by [`Response`], and every way in which an exchange can fail has its
//! own [`Cause`](crate::outcome::Cause). Redirects, cookies and what an answer means are left to the engine.
//!
//! Everything here belongs to one worker thread: pools and caches are thread-local, and there are no locks.

mod body;
mod buffers;
mod chunked;
mod connection;
mod deadline;
mod dns;
mod error;
mod exchange;
mod head;
mod network;
mod origin;
pub mod request;
mod response;
mod timing;
mod tls;

pub use error::ExchangeError;
pub use exchange::{Request, UserConnections};
pub use network::Network;
pub use origin::{Origin, OriginError, Scheme};
pub use response::{KeepBody, MAX_KEPT_BODY, Progress, Response};
pub use timing::Timing;
pub use tls::{Tls, TlsSetupError};
