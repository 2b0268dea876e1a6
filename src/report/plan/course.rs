//! The course of a load as a line of blocks over a time axis.

use std::time::Duration;

use crate::plan::greatest;
use crate::scenario::model::Profile;
use crate::units::scenario_duration;

/// So many columns stand for the whole time: with what stands before and after it, a line fits in 80.
const COLUMNS: u32 = 48;
const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The line of a load that begins at `begins` and lasts for `lasts`, on an axis of `total`. Each column shows the
/// greatest value of its time as an eighth of the peak, rounded up: what is there at all can be seen.
pub(super) fn line(profile: &Profile, begins: Duration, lasts: Duration, total: Duration) -> String {
    let lasts = lasts.as_secs_f64();
    let peak = greatest(profile, 0.0, lasts);
    let column = total.as_secs_f64() / f64::from(COLUMNS);
    let block = |number: u32| {
        // Times are sums of what was written; a hair of a column is no part of the next.
        let from = f64::from(number) * column - begins.as_secs_f64();
        let (from, to) = (from + column * 1e-6, from + column * (1.0 - 1e-6));
        if to <= 0.0 || from >= lasts || peak <= 0.0 {
            return ' ';
        }
        let eighths = greatest(profile, from.max(0.0), to.min(lasts)) / peak * 8.0;
        match (eighths - 1e-9).ceil() {
            eighths if eighths >= 1.0 => BLOCKS[(eighths as usize).min(8) - 1],
            _ => ' ',
        }
    };
    (0..COLUMNS).map(block).collect()
}

/// The beginning, the middle and the end of an axis, each where it belongs.
pub(super) fn axis(total: Duration) -> String {
    let [begin, middle, end] = [Duration::ZERO, total / 2, total].map(scenario_duration);
    let columns = COLUMNS as usize;
    let middle_at = columns / 2 - middle.len() / 2;
    let end_at = columns - end.len().min(columns);
    let mut axis = begin;
    if axis.len() < middle_at && middle_at + middle.len() < end_at {
        axis = format!("{axis:<middle_at$}{middle}");
    }
    format!("{axis:<end_at$}{end}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::model::Stage;

    fn profile(from: f64, stages: &[(u64, f64)]) -> Profile {
        let stage = |&(seconds, target): &(u64, f64)| Stage {
            duration: Duration::from_secs(seconds),
            target,
            name: None,
        };
        Profile { from, stages: stages.iter().map(stage).collect() }
    }

    fn drawn(profile: &Profile, begins: u64, total: u64) -> String {
        let secs = Duration::from_secs;
        line(profile, secs(begins), profile.duration(), secs(total))
    }

    #[test]
    fn ramps_rise_and_a_peak_of_a_moment_is_seen() {
        let ramps = profile(0.0, &[(24, 8.0), (12, 8.0), (12, 0.0)]);
        assert_eq!(drawn(&ramps, 0, 48), "▁▁▁▂▂▂▃▃▃▄▄▄▅▅▅▆▆▆▇▇▇█████████████████▇▆▆▅▄▄▃▂▂▁");
        let spike = profile(0.0, &[(100, 0.0), (1, 50.0), (1, 0.0), (378, 0.0)]);
        assert_eq!(drawn(&spike, 0, 480).trim(), "█");
    }

    #[test]
    fn what_begins_later_stands_further_right() {
        let constant = Profile::constant(5.0, Duration::from_secs(12));
        assert_eq!(drawn(&constant, 12, 48), format!("{0}{1}{0}{0}", " ".repeat(12), "█".repeat(12)));
    }

    #[test]
    fn an_axis_is_as_long_as_its_line() {
        for (total, expected) in [
            (Duration::from_secs(90), "0s                     45s                 1m30s"),
            (Duration::from_millis(1), "0s                    500us                  1ms"),
        ] {
            assert_eq!(axis(total), expected);
            assert_eq!(axis(total).len(), COLUMNS as usize);
        }
    }
}
