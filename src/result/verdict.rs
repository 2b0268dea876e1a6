//! What a run comes to: its exit code, and one line for people.

use std::time::Duration;

use super::gist::gist;
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
    let any = |state| invariants.iter().any(|invariant| invariant.state == state);
    let mut holding = Vec::new();
    let mut hold = |exit: Exit, when: bool| holding.extend(when.then_some(exit));
    hold(Exit::NotReady, matches!(ended, Ended::NotReady(_) | Ended::SetupFailed(_)));
    hold(Exit::Interrupted, ended == Ended::Interrupted);
    hold(Exit::InvariantBroken, any(InvariantState::Broken));
    let unsound = match validity.verdict {
        Soundness::Invalid => true,
        Soundness::Suspect => strict,
        Soundness::Valid => false,
    };
    hold(Exit::NotValid, unsound || any(InvariantState::NotAsked));
    hold(Exit::ThresholdNotMet, thresholds.iter().any(|threshold| !threshold.met));
    let exit = Exit::of(&holding);
    let line = gist(exit, &ended, thresholds, invariants, validity).to_string();
    Verdict { exit_code: exit.code(), line, ended }
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
