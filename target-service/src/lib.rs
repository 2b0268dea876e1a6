//! The reference ticketing service: small, correct and fast, and what `loadtest` tests when it has no other
//! target.
//!
//! `domain/` holds what the service does and knows nothing of HTTP; `http/` holds routes and words;
//! `server` holds sockets and threads; `settling` is where orders wait for their worker; `metrics/` counts and
//! `faults/` breaks what passes; `clock` is the time all of them go by.

mod clock;
mod domain;
mod faults;
mod http;
mod metrics;
mod server;
mod settling;

use std::io;

use tokio::net::{TcpListener, TcpSocket, lookup_host};

pub use clock::Clock;

/// Connections the system may hold for us before we accept them. A load test opens thousands at once, and each
/// that finds no room is tried again only after a second.
const BACKLOG: u32 = 4096;

/// How the service is to run.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// Whether the paths under `/admin` exist. Without it they answer 404 like any unknown path.
    pub admin: bool,
}

/// Listens on the first address of `host` that can be had. Port 0 takes any free one.
pub async fn listen(host: &str, port: u16) -> io::Result<TcpListener> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for address in lookup_host((host, port)).await? {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        // A restart must not wait for the connections of the run before to be forgotten.
        socket.set_reuseaddr(true)?;
        match socket.bind(address).and_then(|()| socket.listen(BACKLOG)) {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Serves a fresh world on the listener until `shutdown` is done.
///
/// Requests under way are still answered then; connections without one are closed within about a second.
/// Requests are handled on a thread per core, or on the caller's runtime where there is but one core.
pub async fn serve(
    listener: TcpListener,
    config: Config,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    serve_with_clock(listener, config, Clock::system(), shutdown).await
}

/// As [`serve`], by another clock than the system's.
pub async fn serve_with_clock(
    listener: TcpListener,
    config: Config,
    clock: Clock,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let (front, worker) = http::service(clock, config.admin).map_err(io::Error::other)?;
    worker.beside(server::run(listener, front, shutdown)).await
}
