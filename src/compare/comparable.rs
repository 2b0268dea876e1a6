//! Why runs may not be comparable, in words.

use super::Side;
use super::change::FEWEST_WINDOWS;
use super::runs::windows_of;
use crate::result::{Ended, RunResult, Soundness};
use crate::units::{measured_time, scenario_duration, trim_float};
use std::time::Duration;

/// What to know before the figures are believed; each of them a sentence.
pub(super) fn warnings(sides: &[Side], window_s: u32) -> Vec<String> {
    let mut warnings = Vec::new();
    for (side, from, result) in all(sides) {
        let name = called(side, from);
        if result.validity.verdict != Soundness::Valid {
            let what = if result.validity.verdict == Soundness::Invalid { "not valid" } else { "suspect" };
            let reasons = result.validity.reasons.join("; ");
            warnings.push(format!("{name} is {what}: {reasons}"));
        }
        let how = match &result.verdict.ended {
            Ended::Completed => None,
            Ended::Stopped => Some("was ended by a `stop: run`".to_owned()),
            Ended::Aborted(threshold) => Some(format!("was ended by its threshold `{threshold}`")),
            Ended::Interrupted => Some("was interrupted".to_owned()),
            Ended::NotReady(why) | Ended::SetupFailed(why) => Some(format!("had no load: {why}")),
        };
        warnings.extend(how.map(|how| format!("{name} {how}")));
        let windows = windows_of(result, window_s);
        if result.window_s.is_some() && windows < FEWEST_WINDOWS {
            let of = if window_s == 1 { "second".into() } else { format!("window of {window_s}s") };
            let s = if windows == 1 { "" } else { "s" };
            warnings.push(format!(
                "{name} is too short to tell chance from change: {windows} {of}{s}, and it takes {FEWEST_WINDOWS}"
            ));
        }
        if result.window_s.is_none() {
            warnings.push(format!(
                "{name} holds no windows (an older version wrote it), so that nothing tells chance from change"
            ));
        }
    }
    let Some((first_side, first_from, first)) = all(sides).next() else { return warnings };
    let base = called(first_side, first_from);
    for (side, from, result) in all(sides).skip(1) {
        let name = called(side, from);
        if result.scenario.name != first.scenario.name {
            let (ours, theirs) = (&first.scenario.name, &result.scenario.name);
            warnings.push(format!("the scenarios differ: `{ours}` in {base}, `{theirs}` in {name}"));
        }
        let scales = [first, result].map(|result| result.time_scale.unwrap_or(1.0));
        if differ(scales[0], scales[1], 1e-9) {
            let [ours, theirs] = scales.map(trim_float);
            warnings.push(format!("the time scales differ: {ours} in {base}, {theirs} in {name}"));
        } else if differ(first.load_s, result.load_s, 0.01) {
            let [ours, theirs] = [first, result].map(|result| seconds(result.load_s));
            warnings.push(format!("the loads are of different length: {ours} in {base}, {theirs} in {name}"));
        }
        let models = |result: &RunResult| -> Vec<_> {
            result.scenarios.iter().map(|scenario| (scenario.name.clone(), scenario.model)).collect()
        };
        if result.scenario.name == first.scenario.name && models(first) != models(result) {
            warnings.push(format!("the loads of {base} and {name} are of different kinds"));
        }
        if result.environment.cpus != first.environment.cpus || result.workers != first.workers {
            let machine =
                |result: &RunResult| format!("{} of {} cores", result.workers, result.environment.cpus);
            let (ours, theirs) = (machine(first), machine(result));
            warnings.push(format!(
                "the generators differ: {ours} made the load of {base}, {theirs} that of {name}"
            ));
        }
        let lacks = |from: &RunResult, of: &RunResult| -> Vec<String> {
            let missing = of.rows.iter().filter(|row| !from.rows.iter().any(|known| known.name == row.name));
            missing.map(|row| format!("`{}`", row.name)).collect()
        };
        for (there, missing) in [(&name, lacks(first, result)), (&base, lacks(result, first))] {
            if !missing.is_empty() {
                warnings.push(format!("only {there} has {}", missing.join(", ")));
            }
        }
    }
    warnings
}

fn all(sides: &[Side]) -> impl Iterator<Item = (&Side, &str, &RunResult)> {
    sides.iter().flat_map(|side| side.runs.iter().map(move |run| (side, run.from.as_str(), &run.result)))
}

/// A run by the name of its side; where that has several, by its own.
fn called(side: &Side, from: &str) -> String {
    if side.runs.len() == 1 { side.name.clone() } else { format!("{} ({from})", side.name) }
}

fn differ(a: f64, b: f64, by: f64) -> bool {
    (a - b).abs() > by * a.abs().max(b.abs())
}

fn seconds(seconds: f64) -> String {
    let time = Duration::try_from_secs_f64(seconds).unwrap_or_default();
    if seconds < 10.0 {
        measured_time(time)
    } else {
        scenario_duration(Duration::from_secs(seconds.round() as u64))
    }
}
