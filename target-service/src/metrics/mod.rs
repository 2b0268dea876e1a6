//! What the service counts about itself, for `GET /metrics`.
//!
//! Requests only add to counters of their own core. Everything else is found out when somebody asks: sums over
//! the cores, what the world holds, what the process uses.

mod endpoints;
mod exposition;
mod limits;
mod process;
mod striped;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

pub(crate) use self::endpoints::Endpoint;
use self::endpoints::Endpoints;
use self::striped::Striped;

/// The upper bounds of the latency histogram's buckets.
const BOUNDS: [Duration; 16] = [
    Duration::from_micros(50),
    Duration::from_micros(100),
    Duration::from_micros(250),
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_micros(2500),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_millis(2500),
    Duration::from_secs(10),
];

/// Every status there is a counter for, the frequent ones first; injected faults may have any other.
const STATUSES: [u16; 18] =
    [200, 201, 400, 401, 402, 403, 404, 405, 408, 409, 410, 413, 429, 500, 501, 502, 503, 504];

/// One core's counters of one endpoint.
#[derive(Debug, Default)]
struct Requests {
    /// As in [`STATUSES`]; the last is for all others.
    statuses: [AtomicU64; STATUSES.len() + 1],
    /// As in [`BOUNDS`], each without those below; the last is for what took longer.
    buckets: [AtomicU64; BOUNDS.len() + 1],
    nanoseconds: AtomicU64,
}

/// One core's counters.
#[derive(Debug)]
struct Counts {
    requests: Box<[Requests]>,
    cache_hits: AtomicU64,
    cache_misses: AtomicU64,
}

/// All counters.
#[derive(Debug)]
pub(crate) struct Metrics {
    endpoints: Endpoints,
    counts: Striped<Counts>,
}

impl Metrics {
    /// Counters for requests to these path templates, and for those to none of them.
    pub(crate) fn new(templates: &[&'static str]) -> Self {
        let endpoints = Endpoints::new(templates);
        let counts = Striped::new(|| Counts {
            requests: (0..endpoints.len()).map(|_| Requests::default()).collect(),
            cache_hits: AtomicU64::new(0),
            cache_misses: AtomicU64::new(0),
        });
        Self { endpoints, counts }
    }

    pub(crate) fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// Counts an answered request.
    pub(crate) fn answered(&self, endpoint: Endpoint, status: u16, took: Duration) {
        let Some(requests) = self.counts.here().requests.get(endpoint.index()) else { return };
        let status = STATUSES.iter().position(|&known| known == status).unwrap_or(STATUSES.len());
        let bucket = BOUNDS.partition_point(|&bound| bound < took);
        add(&requests.statuses[status], 1);
        add(&requests.buckets[bucket], 1);
        add(&requests.nanoseconds, took.as_nanos() as u64);
    }

    /// Counts a look for a kept page.
    pub(crate) fn looked_up(&self, hit: bool) {
        let counts = self.counts.here();
        add(if hit { &counts.cache_hits } else { &counts.cache_misses }, 1);
    }
}

/// Nothing is told from one counter to another, so their order does not matter.
fn add(counter: &AtomicU64, more: u64) {
    counter.fetch_add(more, Ordering::Relaxed);
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}
