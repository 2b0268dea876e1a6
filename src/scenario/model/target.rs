//! What is tested, and the sizes that it can be started in.

use std::path::PathBuf;
use std::time::Duration;

use crate::units;

/// What is tested.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    pub kind: TargetKind,
    /// Path polled until it answers 2xx; without one a TCP connect is enough.
    pub ready: Option<String>,
    pub ready_timeout: Duration,
    /// A socket of this machine over which the URL is reached.
    pub socket: Option<PathBuf>,
    /// Sizes that it can be started in.
    pub specs: Vec<Spec>,
    /// The one of them that it was started in, for the record.
    pub spec: Option<Spec>,
}

/// A size of the container that a target is started in.
#[derive(Debug, Clone, PartialEq)]
pub struct Spec {
    pub name: String,
    /// Cores it may use.
    pub cpus: f64,
    /// Bytes it may use.
    pub memory: u64,
    /// What it costs per hour, in any currency.
    pub price: Option<f64>,
}

impl Spec {
    /// Those of the bundled service, where a file has none.
    pub fn usual() -> Vec<Spec> {
        let spec = |name: &str, cpus, memory| Spec { name: name.into(), cpus, memory, price: None };
        vec![spec("small", 0.5, 512 << 20), spec("medium", 1.0, 1 << 30)]
    }

    /// `0.5 cores, 512MiB`, and what it costs.
    pub fn in_words(&self) -> String {
        let price =
            self.price.map_or(String::new(), |price| format!(", {} per hour", units::trim_float(price)));
        format!("{}{price}", size(self.cpus, self.memory))
    }
}

/// So many cores, and so many bytes of memory: `0.5 cores, 512MiB`.
pub fn size(cpus: f64, memory: u64) -> String {
    let cores = if (cpus - 1.0).abs() < 1e-9 { "core" } else { "cores" };
    // Nobody writes `512.0MiB`.
    let memory = units::Bytes(memory).to_string().replacen(".0", "", 1);
    format!("{} {cores}, {memory}", units::trim_float(cpus))
}

/// An image of the Docker engine, and how a container of it is started.
#[derive(Debug, Clone, PartialEq)]
pub struct Image {
    pub name: String,
    /// Where the service listens inside.
    pub port: u16,
    pub env: Vec<(String, String)>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum TargetKind {
    /// The reference service that comes with the program, started as a child process.
    Bundled,
    /// A base URL, without a trailing slash.
    Url(String),
    /// A service that is started in a container.
    Image(Image),
}
