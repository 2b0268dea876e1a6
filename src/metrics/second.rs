//! One second of a run as a few numbers: the series of the reports.

use std::time::Duration;

use super::recorder::Staged;
use super::times::Times;
use crate::outcome::Cause;

/// What happened in one second, over all rows.
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
}

impl Second {
    pub fn new(at: u32, users: u64, interval: &Staged) -> Self {
        let mut second = Second { at, users, ..Second::default() };
        let (mut response, mut service, mut lateness) =
            (Times::default(), Times::default(), Times::default());
        for recorder in interval.of(&[]) {
            for row in &recorder.rows {
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
