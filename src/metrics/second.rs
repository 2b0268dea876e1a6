//! One second of a run as a few numbers: the series of the reports.

use std::time::Duration;

use super::polls::PollRecord;
use super::staged::Staged;
use super::times::Times;
use crate::outcome::Cause;
use crate::scenario::model::Catalog;

/// What happened in one second, over all rows but optional ones.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Second {
    /// Seconds since the beginning of the load at which it begins.
    pub at: u32,
    /// Users at its end.
    pub users: u64,
    pub attempted: u64,
    pub success: u64,
    pub business: u64,
    pub failure: u64,
    /// The failures by cause; few, so found by going through them.
    pub causes: Vec<(Cause, u64)>,
    pub iterations: u64,
    pub dropped: u64,
    pub bytes_sent: u64,
    pub bytes_received: u64,
    /// Response times of successes; none without any.
    pub p50: Option<Duration>,
    pub p95: Option<Duration>,
    pub p99: Option<Duration>,
    pub max: Option<Duration>,
    pub service_p99: Option<Duration>,
    pub lateness_p99: Option<Duration>,
    /// By the number of the poll.
    pub polls: Vec<PollSecond>,
}

/// What happened to the polls of one name in a second.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct PollSecond {
    pub started: u64,
    /// In whatever way.
    pub over: u64,
    /// Places in the queue that answers told: the first, the mean and the last; none without any.
    pub position: Option<(f64, f64, f64)>,
}

impl Second {
    pub fn new(at: u32, users: u64, interval: &Staged, catalog: &Catalog) -> Self {
        let mut second = Second { at, users, ..Second::default() };
        let (mut response, mut service, mut lateness) =
            (Times::default(), Times::default(), Times::default());
        for recorder in interval.of(&[]) {
            let rows = catalog.rows.iter().zip(&recorder.rows);
            for (_, row) in rows.filter(|(info, _)| !info.optional) {
                second.attempted += row.attempted;
                second.success += row.successes();
                second.business += row.refusals();
                second.failure += row.failed();
                for (cause, cell) in row.failures.iter().filter(|(_, cell)| cell.count() > 0) {
                    second.failed(*cause, cell.count());
                }
                second.bytes_sent += row.bytes_sent;
                second.bytes_received += row.bytes_received;
                response.add(&row.success.response);
                service.add(&row.success.service);
            }
            for scenario in &recorder.scenarios {
                second.iterations += scenario.iterations.count();
                second.dropped += scenario.dropped;
                lateness.add(&scenario.lateness);
            }
        }
        second.polls = polls(interval);
        second.p50 = response.percentile(50.0);
        second.p95 = response.percentile(95.0);
        second.p99 = response.percentile(99.0);
        second.max = response.max();
        second.service_p99 = service.percentile(99.0);
        second.lateness_p99 = lateness.percentile(99.0);
        second
    }

    fn failed(&mut self, cause: Cause, count: u64) {
        match self.causes.iter_mut().find(|(known, _)| *known == cause) {
            Some((_, so_far)) => *so_far += count,
            None => self.causes.push((cause, count)),
        }
    }

    /// Requests that came to an outcome.
    pub fn finished(&self) -> u64 {
        self.success + self.business + self.failure
    }
}

fn polls(interval: &Staged) -> Vec<PollSecond> {
    let mut all: Vec<PollRecord> = Vec::new();
    for recorder in interval.of(&[]) {
        all.resize_with(recorder.polls.len(), PollRecord::default);
        all.iter_mut().zip(&recorder.polls).for_each(|(into, from)| into.add(from));
    }
    let second = |poll: PollRecord| {
        let PollRecord { started, position, .. } = &poll;
        let position = position.min().zip(position.mean()).zip(position.max());
        let position = position.map(|((min, mean), max)| (min, mean, max));
        PollSecond { started: *started, over: poll.over(), position }
    };
    all.into_iter().map(second).collect()
}
