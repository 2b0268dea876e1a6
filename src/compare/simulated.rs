//! Runs of a service that never was, for tests: what is true of them is known.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Serializer as _, V2DeflateSerializer};

use super::runs::{Cell, Run, StepName};
use super::{Side, Source};
use crate::metrics::{Bucket, CellWindows, Slot};
use crate::result::{OutcomeKind, OutcomeResult, RowResult, RunResult, encode_windows, sample_result};
use crate::template::Random;

/// How a simulated service behaves.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Service {
    pub(crate) windows: usize,
    pub(crate) per_window: u64,
    /// Median response time under no load, in milliseconds.
    pub(crate) median_ms: f64,
    /// How alike neighbouring windows are: the autocorrelation of their levels.
    pub(crate) memory: f64,
    /// How much levels vary: the standard deviation of their logarithm.
    pub(crate) sway: f64,
    /// By how much the median has grown at the end of the run: a load that rises.
    pub(crate) ramp: f64,
    /// The share of failures.
    pub(crate) failures: f64,
}

pub(crate) const SERVICE: Service = Service {
    windows: 60,
    per_window: 25,
    median_ms: 20.0,
    memory: 0.5,
    sway: 0.15,
    ramp: 1.0,
    failures: 0.02,
};

pub(super) fn normal(random: &mut Random) -> f64 {
    // Box and Muller; one of the two is enough here.
    (2.0 * random.exponential()).sqrt() * (std::f64::consts::TAU * random.unit()).cos()
}

impl Service {
    pub(super) fn run(self, seed: u64) -> Run {
        let mut random = Random::of_iteration(seed, 1, 2, 3);
        let mut level = normal(&mut random) * self.sway;
        let innovation = (1.0 - self.memory * self.memory).sqrt() * self.sway;
        let mut exact = Histogram::<u64>::new(3).unwrap();
        let (mut good, mut bad) = (Vec::new(), Vec::new());
        for window in 0..self.windows {
            level = self.memory * level + innovation * normal(&mut random);
            let at = window as f64 / self.windows as f64;
            let median = self.median_ms * (1.0 + (self.ramp - 1.0) * at) * level.exp();
            for _ in 0..self.per_window {
                let time = Duration::from_secs_f64(median * (0.4 * normal(&mut random)).exp() / 1e3);
                let slot = Slot { window: window as u32, bucket: Bucket::of(time), count: 1 };
                if random.unit() < self.failures {
                    bad.push(slot);
                } else {
                    exact.record(time.as_nanos() as u64).unwrap();
                    good.push(slot);
                }
            }
        }
        let cell = |kind, outcome: &str, slots: Vec<Slot>, exact| Cell {
            step: StepName { scenario: "s".into(), step: "a".into() },
            groups: Vec::new(),
            kind,
            outcome: outcome.into(),
            count: slots.len() as u64,
            per_second: slots.len() as f64 / self.windows as f64,
            exact,
            windows: Some(CellWindows::new(slots)),
        };
        let cells = vec![
            cell(OutcomeKind::Success, "success", good, Some(exact)),
            cell(OutcomeKind::Failure, "reset", bad, None),
        ];
        Run { windows: self.windows, cells }
    }
}

impl Service {
    /// The record of such a run, under the name of a step.
    pub(crate) fn result(self, step: &str, seed: u64) -> RunResult {
        let run = self.run(seed);
        let base = sample_result();
        let of: u64 = run.cells.iter().map(|cell| cell.count).sum();
        let outcome = |cell: &Cell| OutcomeResult {
            kind: cell.kind,
            name: cell.outcome.clone(),
            count: cell.count,
            rate_per_s: cell.per_second,
            share: cell.count as f64 / of as f64,
            response_histogram: cell.exact.as_ref().map(|exact| {
                let mut bytes = Vec::new();
                V2DeflateSerializer::new().serialize(exact, &mut bytes).unwrap();
                STANDARD.encode(bytes)
            }),
            response_windows: cell.windows.as_ref().and_then(encode_windows),
            ..base.rows[0].outcomes[0].clone()
        };
        let row = RowResult {
            name: step.into(),
            outcomes: run.cells.iter().map(outcome).collect(),
            ..base.rows[0].clone()
        };
        RunResult { load_s: self.windows as f64, rows: vec![row], ..base }
    }

    /// A side of one run.
    pub(crate) fn side(self, name: &str, seed: u64) -> Side {
        let source = Source { from: format!("reports/{name}"), result: self.result("reserve seat", seed) };
        Side { name: name.into(), runs: vec![source] }
    }
}
