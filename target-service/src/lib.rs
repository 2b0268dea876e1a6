//! The reference ticketing service: small, correct and fast, and what `loadtest` tests when it has no other
//! target.
//!
//! `domain/` holds what the service does and knows nothing of HTTP; `http/` holds routes and words; `server`
//! holds sockets and threads.

mod clock;
mod domain;

pub use clock::Clock;
