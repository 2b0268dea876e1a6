//! What a run comes to: its exit code, and one line for people.

use std::time::Duration;

use super::record::{Ended, InvariantResult, InvariantState, ThresholdResult, Unit, Verdict};
use super::validity::{Soundness, Validity};
use crate::exit::Exit;
use crate::units::{Bytes, count, measured_time, scenario_duration, trim_float};

pub(crate) fn verdict(
    ended: Ended,
    thresholds: &[ThresholdResult],
    invariants: &[InvariantResult],
    validity: &Validity,
    strict: bool,
) -> Verdict {
    let broken: Vec<_> = thresholds.iter().filter(|threshold| !threshold.met).collect();
    let of_state = |state| invariants.iter().filter(move |invariant| invariant.state == state);
    let mut holding = Vec::new();
    let mut hold = |exit: Exit, when: bool| holding.extend(when.then_some(exit));
    hold(Exit::NotReady, matches!(ended, Ended::NotReady(_) | Ended::SetupFailed(_)));
    hold(Exit::Interrupted, ended == Ended::Interrupted);
    hold(Exit::InvariantBroken, of_state(InvariantState::Broken).next().is_some());
    let unasked = of_state(InvariantState::NotAsked).next();
    let unsound = match validity.verdict {
        Soundness::Invalid => true,
        Soundness::Suspect => strict,
        Soundness::Valid => false,
    };
    hold(Exit::NotValid, unsound || unasked.is_some());
    hold(Exit::ThresholdNotMet, !broken.is_empty());
    let exit = Exit::of(&holding);

    let code = exit.code();
    // Where something worse is named, what else broke must not go unsaid.
    let also = match broken.len() {
        0 => String::new(),
        number => format!("; {} not met", plural(number, "threshold")),
    };
    let line = match exit {
        Exit::NotReady => match &ended {
            Ended::SetupFailed(why) => format!("NOT RUN (exit {code}): setup failed: {why}"),
            Ended::NotReady(why) => format!("NOT RUN (exit {code}): the target never got ready: {why}"),
            _ => format!("NOT RUN (exit {code})"),
        },
        Exit::Interrupted => {
            let judged = if broken.is_empty() { "until then all was met" } else { "and not all was met" };
            format!("INTERRUPTED (exit {code}): {judged}")
        }
        Exit::InvariantBroken => {
            let names: Vec<_> = of_state(InvariantState::Broken).map(|one| one.name.as_str()).collect();
            format!("FAILED (exit {code}): invariant broken: {}{also}", first_of(&names))
        }
        Exit::NotValid => {
            let reasons: Vec<_> = validity.reasons.iter().map(String::as_str).collect();
            match unasked {
                Some(invariant) if !unsound => {
                    format!("NOT VALID (exit {code}): verify could not ask: {}{also}", invariant.name)
                }
                _ if validity.verdict == Soundness::Suspect => {
                    format!("SUSPECT (exit {code}, by --strict): {}{also}", first_of(&reasons))
                }
                _ => format!("NOT VALID (exit {code}): {}{also}", first_of(&reasons)),
            }
        }
        Exit::ThresholdNotMet => {
            let missed: Vec<String> = broken.iter().map(|threshold| in_words(threshold)).collect();
            let missed: Vec<&str> = missed.iter().map(String::as_str).collect();
            let doubt = if validity.verdict == Soundness::Suspect { "; the run is suspect" } else { "" };
            format!("FAILED (exit {code}): {}{doubt}", first_of(&missed))
        }
        _ => {
            let mut parts = vec![format!("{} met", plural(thresholds.len(), "threshold"))];
            let held = of_state(InvariantState::Held).count();
            if held > 0 {
                let hold = if held == 1 { "holds" } else { "hold" };
                parts.push(format!("{} {hold}", plural(held, "invariant")));
            }
            parts.push(match validity.verdict {
                Soundness::Suspect => "but the run is suspect".into(),
                _ => "run valid".into(),
            });
            format!("PASSED: {}", parts.join(", "))
        }
    };
    Verdict { exit_code: code, line, ended }
}

/// A missed threshold: `latency p95 was 812ms, limit 500ms`.
fn in_words(threshold: &ThresholdResult) -> String {
    let (metric, condition) = threshold.text.split_once(": ").unwrap_or((&threshold.text, ""));
    let aggregate = condition.split([' ', '<', '>', '=', '!']).next().unwrap_or_default();
    let limit = quantity(threshold.limit, threshold.unit);
    let when = match threshold.broken_at_s {
        Some(at) => {
            let at = scenario_duration(Duration::from_secs_f64(at.clamp(0.0, 1e9).round()));
            if threshold.aborted { format!(" and ended the run at {at}") } else { format!(" at {at}") }
        }
        None => String::new(),
    };
    let Some(observed) = threshold.observed else {
        let reason = threshold.reason.as_deref().unwrap_or("no samples");
        return format!("{metric} {aggregate}: {reason}, limit {limit}");
    };
    format!("{metric} {aggregate} was {}{when}, limit {limit}", quantity(observed, threshold.unit))
}

/// A figure of a threshold with its unit, for people.
pub(crate) fn quantity(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Seconds if value >= 0.0 => match Duration::try_from_secs_f64(value) {
            Ok(time) if time.is_zero() => "0s".into(),
            // A limit as it was written, `500ms`; what was measured with its three digits, `812ms`.
            Ok(time) if time.as_millis() > 0 && time.subsec_nanos().is_multiple_of(1_000_000) => {
                scenario_duration(time)
            }
            Ok(time) => measured_time(time),
            Err(_) => "forever".into(),
        },
        Unit::Seconds => format!("{}s", trim_float(value)),
        Unit::Share => percent(value),
        Unit::PerSecond => format!("{}/s", significant(value)),
        Unit::Bytes => size(value),
        Unit::BytesPerSecond => format!("{}/s", size(value)),
        Unit::SharePerMinute => format!("{}/min", percent(value)),
        Unit::BytesPerMinute => format!("{}/min", size(value)),
        Unit::NumberPerMinute => format!("{}/min", significant(value)),
        Unit::SecondsPerMinute => {
            let sign = if value < 0.0 { "-" } else { "" };
            let time =
                Duration::try_from_secs_f64(value.abs()).map_or_else(|_| "forever".into(), measured_time);
            format!("{sign}{time}/min")
        }
        Unit::Number if value >= 0.0 && value.fract() == 0.0 && value < 1e15 => count(value as u64),
        Unit::Number => significant(value),
    }
}

fn size(bytes: f64) -> String {
    let sign = if bytes < 0.0 { "-" } else { "" };
    let bytes = bytes.abs();
    // A limit as it was written: nothing measured is so round by thousands.
    let decimal = [(1e9, "GB"), (1e6, "MB"), (1e3, "KB")].into_iter().find(|(unit, _)| bytes >= *unit);
    match decimal {
        Some((unit, name)) if bytes % 1e4 == 0.0 && bytes % 1024.0 != 0.0 => {
            format!("{sign}{}{name}", trim_float(bytes / unit))
        }
        _ => format!("{sign}{}", Bytes(bytes.round() as u64)),
    }
}

/// A share with as many digits as it takes to tell it from none and from all.
pub(crate) fn percent(share: f64) -> String {
    let value = share * 100.0;
    // The nearer to either end, the more digits tell it from that end.
    let digits = match value.abs().min((100.0 - value).abs()) {
        near if near < 0.1 => 3,
        near if near < 10.0 => 2,
        _ => 1,
    };
    let text = format!("{value:.digits$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text}%")
}

/// Three significant digits at least, and never an exponent.
fn significant(value: f64) -> String {
    let digits = match value.abs() {
        v if v >= 100.0 => 1,
        v if v >= 1.0 => 2,
        _ => 4,
    };
    let text = format!("{value:.digits$}");
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

/// `3 thresholds`, `1 threshold`.
fn plural(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// The first of several, and how many there are besides.
fn first_of(all: &[&str]) -> String {
    match all {
        [] => String::new(),
        [one] => (*one).into(),
        [first, rest @ ..] => format!("{first} (and {} more)", rest.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_thresholds() {
        let table = [
            (0.5, Unit::Seconds, "500ms"),
            (1.5, Unit::Seconds, "1.5s"),
            (90.0, Unit::Seconds, "1m30s"),
            (0.812_345, Unit::Seconds, "812ms"),
            (0.000_087, Unit::Seconds, "87.0µs"),
            (0.0, Unit::Seconds, "0s"),
            (0.01, Unit::Share, "1%"),
            (0.4904, Unit::Share, "49%"),
            (0.000_12, Unit::Share, "0.012%"),
            (0.9999, Unit::Share, "99.99%"),
            (1.0, Unit::Share, "100%"),
            (0.0, Unit::Share, "0%"),
            (34.125, Unit::PerSecond, "34.12/s"),
            (1229.0, Unit::Number, "1,229"),
            (1e6, Unit::Bytes, "1MB"),
            (1.5e9, Unit::Bytes, "1.5GB"),
            (536_870_912.0, Unit::Bytes, "512.0MiB"),
            (1_048_000.0, Unit::Bytes, "1023.4KiB"),
            (-2e6, Unit::BytesPerMinute, "-2MB/min"),
            (3_250_586.0, Unit::BytesPerMinute, "3.1MiB/min"),
            (0.0, Unit::BytesPerSecond, "0B/s"),
            (0.0125, Unit::SharePerMinute, "1.25%/min"),
            (-0.00125, Unit::SecondsPerMinute, "-1.25ms/min"),
            (4.5, Unit::NumberPerMinute, "4.5/min"),
            (0.25, Unit::Number, "0.25"),
        ];
        for (value, unit, text) in table {
            assert_eq!(quantity(value, unit), text, "{value} {unit:?}");
        }
    }
}
