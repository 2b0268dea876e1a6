//! HTTP/1.1 as one virtual user speaks it: an own codec over an own connection, every phase timed.
//!
//! [`UserConnections::exchange`] sends one request and reads one answer. Bytes of requests are written by
//! [`request`], bytes of answers are read by [`Response`], and every way in which an exchange can fail has its
//! own [`Cause`](crate::outcome::Cause). Redirects, cookies and what an answer means are left to the engine.
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
mod head;
mod network;
mod origin;
mod proxy;
pub mod redirect;
pub mod request;
mod response;
mod socket;
mod timing;
mod tls;

pub use certificates::{ClientCertificate, PemError, authorities_from_pem};
pub use cookies::Jar;
pub use encoding::EncodingError;
pub use error::ExchangeError;
pub use exchange::{Request, UserConnections};
pub use network::{Network, NetworkOptions, Version};
pub use origin::{Origin, OriginError, Scheme};
pub use proxy::{Proxy, ProxyError};
pub use response::{KeepBody, MAX_KEPT_BODY, Progress, Response};
pub use timing::Timing;
pub use tls::{Tls, TlsOptions, TlsSetupError, is_server_name};
