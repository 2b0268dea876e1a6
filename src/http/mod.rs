//! HTTP as one virtual user speaks it, every phase timed: HTTP/1.1 with an own codec over an own connection, HTTP/2
//! with hyper's.
//!
//! [`UserConnections::exchange`] sends one request and reads one answer, the way that a [`Network`] says. Bytes of
//! requests are written by [`request`], bytes of answers are read by [`Response`], and every way in which an
//! exchange can fail has its own [`Cause`](crate::outcome::Cause). What leads from one exchange to the next
//! ([`redirect`], the cookies in a [`Jar`]) is here too, as functions of what came; when to use it, and what an
//! answer means, is left to the engine.
//!
//! Everything here belongs to one worker thread: pools and caches are thread-local, and there are no locks.

mod body;
mod buffers;
mod certificates;
mod chunked;
mod connection;
mod cookies;
mod deadline;
mod dns;
mod encoding;
mod error;
mod exchange;
mod flight;
mod head;
mod http2;
mod lines;
mod network;
mod origin;
mod pool;
mod proxy;
pub mod redirect;
pub mod request;
mod response;
mod socket;
mod timing;
mod tls;

pub use certificates::{ClientCertificate, PemError, authorities_from_pem};
pub use cookies::Jar;
pub use deadline::{Clock, TokioClock};
pub use encoding::EncodingError;
pub use error::ExchangeError;
pub use exchange::UserConnections;
pub use network::{Network, NetworkOptions, Version};
pub use origin::{Origin, OriginError, Scheme};
pub use pool::Pool;
pub use proxy::{Proxy, ProxyError};
pub use request::Request;
pub use response::{KeepBody, MAX_KEPT_BODY, Progress, Response};
pub use timing::Timing;
pub use tls::{Tls, TlsOptions, TlsSetupError, is_server_name};
