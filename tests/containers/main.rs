//! The ticketing service in containers: its image, the compose file with everything in it, and what watches it.
//!
//! They need Docker, and for the compose file `docker compose` or `docker-compose`, `MariaDB`, Redis and Prometheus as
//! Debian has them: no image is fetched, and those of the servers are made of their programs on this machine. Where
//! something is missing the tests that need it are skipped, by name; with `CI=true` they fail.

#![expect(clippy::unwrap_used, reason = "what goes wrong here fails a test, which is what it is for")]

mod compose;
mod engine;
mod files;
mod http;
mod image;
mod page;
mod specs;
mod standins;
#[path = "../support/mod.rs"]
mod support;
