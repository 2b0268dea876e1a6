//! The run second by second, as columns.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::metrics::Second;
use crate::outcome::Cause;

/// One value for each second in every column. Columns and not rows of objects: a run of hours stays small.
///
/// Times are those of successes; none in seconds without any.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Series {
    /// Since the beginning of the load.
    pub at_s: Vec<u32>,
    /// At the end of the second.
    pub users: Vec<u64>,
    pub attempted: Vec<u64>,
    pub success: Vec<u64>,
    pub business: Vec<u64>,
    pub failure: Vec<u64>,
    /// The failures by cause, most frequent first. Past the twentieth cause they are `other causes`.
    #[serde(default)]
    pub causes: Vec<CauseSeries>,
    pub iterations: Vec<u64>,
    pub dropped: Vec<u64>,
    pub sent_bytes: Vec<u64>,
    pub received_bytes: Vec<u64>,
    pub p50_ms: Vec<Option<f64>>,
    pub p95_ms: Vec<Option<f64>>,
    pub p99_ms: Vec<Option<f64>>,
    pub max_ms: Vec<Option<f64>>,
    pub service_p99_ms: Vec<Option<f64>>,
    pub lateness_p99_ms: Vec<Option<f64>>,
}

/// When failures of one cause came. Seconds without any are left out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CauseSeries {
    /// As outcomes name it: `status 500`, `timeout (wait)`.
    pub cause: String,
    /// Seconds since the beginning of the load.
    pub at_s: Vec<u32>,
    /// How many in each of these seconds.
    pub count: Vec<u64>,
}

/// So many causes have a course of their own.
const CAUSES: usize = 20;

impl CauseSeries {
    fn all(seconds: &[Second]) -> Vec<CauseSeries> {
        let mut totals: Vec<(Cause, u64)> = Vec::new();
        for (cause, count) in seconds.iter().flat_map(|second| &second.causes) {
            match totals.iter_mut().find(|(known, _)| known == cause) {
                Some((_, total)) => *total += count,
                None => totals.push((*cause, *count)),
            }
        }
        totals.sort_by_key(|(cause, total)| (std::cmp::Reverse(*total), *cause));
        let (own, other) = totals.split_at(totals.len().min(CAUSES));
        let course = |name: String, wanted: &dyn Fn(Cause) -> bool| {
            let mut series = CauseSeries { cause: name, ..CauseSeries::default() };
            for second in seconds {
                let causes = second.causes.iter().filter(|(cause, _)| wanted(*cause));
                let count: u64 = causes.map(|(_, count)| count).sum();
                if count > 0 {
                    series.at_s.push(second.at);
                    series.count.push(count);
                }
            }
            series
        };
        let mut all: Vec<_> =
            own.iter().map(|(cause, _)| course(cause.to_string(), &|other| other == *cause)).collect();
        if !other.is_empty() {
            all.push(course("other causes".into(), &|cause| other.iter().any(|(other, _)| *other == cause)));
        }
        all
    }
}

impl Series {
    pub(super) fn new(seconds: &[Second]) -> Series {
        fn column<T>(seconds: &[Second], pick: impl Fn(&Second) -> T) -> Vec<T> {
            seconds.iter().map(pick).collect()
        }
        let times =
            |pick: fn(&Second) -> Option<Duration>| column(seconds, |second| pick(second).map(millis));
        Series {
            at_s: column(seconds, |second| second.at),
            users: column(seconds, |second| second.users),
            attempted: column(seconds, |second| second.attempted),
            success: column(seconds, |second| second.success),
            business: column(seconds, |second| second.business),
            failure: column(seconds, |second| second.failure),
            causes: CauseSeries::all(seconds),
            iterations: column(seconds, |second| second.iterations),
            dropped: column(seconds, |second| second.dropped),
            sent_bytes: column(seconds, |second| second.bytes_sent),
            received_bytes: column(seconds, |second| second.bytes_received),
            p50_ms: times(|second| second.p50),
            p95_ms: times(|second| second.p95),
            p99_ms: times(|second| second.p99),
            max_ms: times(|second| second.max),
            service_p99_ms: times(|second| second.service_p99),
            lateness_p99_ms: times(|second| second.lateness_p99),
        }
    }
}

/// Milliseconds to the microsecond, which is as fine as anything is measured; finer digits only take space.
pub(super) fn millis(time: Duration) -> f64 {
    (time.as_nanos() as f64 / 1e3).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_have_their_own_course_and_the_rarest_share_one() {
        let second = |at: u32, causes: Vec<(Cause, u64)>| Second { at, causes, ..Second::default() };
        let many = (0..25).map(|number| (Cause::Status(500 + number), u64::from(100 - number))).collect();
        let seconds = [
            second(0, vec![(Cause::Refused, 1)]),
            second(1, Vec::new()),
            second(2, many),
            second(3, vec![(Cause::Refused, 400)]),
        ];
        let causes = CauseSeries::all(&seconds);
        assert_eq!(causes.len(), 21);
        let refused = CauseSeries { cause: "refused".into(), at_s: vec![0, 3], count: vec![1, 400] };
        assert_eq!(causes[0], refused);
        assert_eq!(causes[1].cause, "status 500");
        let all: u64 = causes.iter().flat_map(|course| &course.count).sum();
        assert_eq!(all, 401 + (76..=100).sum::<u64>());
        assert_eq!(causes[20].cause, "other causes");
        assert_eq!(causes[20].at_s, [2]);
    }
}
