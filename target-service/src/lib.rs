//! The reference ticketing service: small, correct and fast, and what `loadtest` tests when it has no other
//! target.
//!
//! `domain/` holds what the service does and knows nothing of HTTP; `http/` holds routes and words;
//! `server` holds sockets and threads; `store/` is where a world is kept; `metrics/` counts and
//! `faults/` breaks what passes; `clock` is the time all of them go by.

mod clock;
mod domain;
mod faults;
mod health;
mod http;
mod metrics;
mod server;
mod store;

use std::io;

use tokio::net::{TcpListener, TcpSocket, lookup_host};

pub use clock::Clock;
pub use health::{Unwell, health};
pub use store::Servers;
use store::Store;

/// What the service's image is called on a machine: `target-service/image.sh` makes it from a build there, and
/// the compose file takes it, or has it built. In it the program is the entrypoint, listens on [`PORT`], and says
/// by Docker's health check when it is ready.
pub const IMAGE: &str = "loadtest/ticketing:local";

/// Where the service listens if nothing else is said.
pub const PORT: u16 = 8080;

/// Connections the system may hold for us before we accept them. A load test opens thousands at once, and each
/// that finds no room is tried again only after a second.
const BACKLOG: u32 = 4096;

/// How the service is to run.
#[derive(Debug, Clone)]
pub struct Config {
    /// Whether the paths under `/admin` exist. Without it they answer 404 like any unknown path.
    pub admin: bool,
    /// The most connections at once. Further ones wait, unanswered, until one ends. An idle connection counts,
    /// and none is closed for being idle: whoever is tested with it may think for long.
    pub most_connections: usize,
}

impl Config {
    /// Without the administrator's paths, and with room for any test of one machine.
    pub const DEFAULT: Self = Self { admin: false, most_connections: 16_384 };
}

impl Default for Config {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// What the service goes by and depends on.
#[derive(Debug, Clone)]
pub struct Surroundings {
    pub clock: Clock,
    /// The servers that keep the world; without them it is kept in memory, and gone at the end.
    pub servers: Option<Servers>,
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

/// Serves a fresh world in memory on the listener until `shutdown` is done.
///
/// Requests under way are still answered then; connections without one are closed within about a second.
/// Requests are handled on a thread per core, or on the caller's runtime where there is but one core, and where
/// servers keep the world.
pub async fn serve(
    listener: TcpListener,
    config: Config,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    serve_in(listener, config, Surroundings { clock: Clock::system(), servers: None }, shutdown).await
}

/// As [`serve`], by another clock than the system's, or with the world that servers keep. Fails if one of them
/// cannot be reached within some seconds; once it runs, it waits for servers that go and come.
pub async fn serve_in(
    listener: TcpListener,
    config: Config,
    surroundings: Surroundings,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let Surroundings { clock, servers } = surroundings;
    let mut shutdown = Box::pin(shutdown);
    let (store, worker) = match &servers {
        None => Store::in_memory(clock).map_err(io::Error::other)?,
        Some(servers) => tokio::select! {
            connected = Store::on(servers, clock) => connected.map_err(io::Error::other)?,
            // Whoever is told to end while the servers are not there yet has nobody to answer.
            () = &mut shutdown => return Ok(()),
        },
    };
    let front = http::service(store, config.admin);
    worker.beside(server::run(listener, front, config.most_connections, shutdown)).await
}
