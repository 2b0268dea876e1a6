//! The limit of a threshold: a time, a share, a size, a rate, or a plain number.

use std::ops::Range;

use super::condition::Unit;
use super::{ParseError, Result, wrong};
use crate::scenario::threshold::Aggregate;
use crate::units::{parse_bytes, parse_duration, parse_percent, parse_rate};

/// Reads a limit in the unit that the metric and the aggregate ask for.
pub(super) fn limit(text: &str, at: Range<usize>, aggregate: Aggregate, unit: Unit) -> Result<f64> {
    let bad_unit = |error: crate::units::UnitError| ParseError {
        problem: error.problem,
        help: Some(error.help),
        at: at.clone(),
    };
    match (aggregate, unit) {
        (Aggregate::Drift, _) => match text.strip_suffix('%').and_then(|n| n.trim().parse::<f64>().ok()) {
            Some(percent) if percent.is_finite() => Ok(percent / 100.0),
            _ => wrong(
                at,
                format!("`{text}` is not a share"),
                "a drift is compared with a share, like `drift < 20%`",
            ),
        },
        (Aggregate::Count, _) => number(text).map_or_else(
            || {
                wrong(
                    at.clone(),
                    format!("`{text}` is not a number"),
                    "a count is compared with a number, like `count > 0`",
                )
            },
            Ok,
        ),
        (Aggregate::Slope, _) => slope(text, at, unit),
        (Aggregate::Rate, Unit::Events) => {
            if let Some(number) = number(text) {
                let problem = format!("`{text}` does not say per what");
                let number = crate::units::trim_float(number);
                return wrong(at, problem, format!("write `{number}/s` or `{number}/min`"));
            }
            if text.ends_with('%') {
                let help = "write a rate, like `rate >= 50/s`; shares are those of `failures`, `business` and `checks`";
                return wrong(at, "this rate is a number per time, not a share", help);
            }
            Ok(parse_rate(text).map_err(bad_unit)?.as_per_second())
        }
        (Aggregate::Rate, _) => {
            if text.contains('/') {
                return wrong(
                    at,
                    "this rate is a share, not a number per time",
                    "write a share, like `rate < 1%`",
                );
            }
            Ok(parse_percent(text).map_err(bad_unit)?.share())
        }
        (_, Unit::Number) => number(text).map_or_else(
            || {
                let help = "these are plain numbers: write one without a unit";
                wrong(at.clone(), format!("`{text}` is not a number"), help)
            },
            Ok,
        ),
        (_, Unit::Part) => part(text).map_or_else(
            || {
                let help = "it is compared with a share, like `p95 < 80%`; it may be above 100%";
                wrong(at.clone(), format!("`{text}` is not a share"), help)
            },
            Ok,
        ),
        (_, Unit::Size) => size(text).map_or_else(
            || {
                let help = "it is compared with a size, like `max < 512MiB`";
                wrong(at.clone(), format!("`{text}` is not a size"), help)
            },
            Ok,
        ),
        (_, Unit::Flow) => text.strip_suffix("/s").and_then(size).map_or_else(
            || {
                let help = "it is compared with a size per second, like `p95 < 10MB/s`";
                wrong(at.clone(), format!("`{text}` is not a size per second"), help)
            },
            Ok,
        ),
        (_, Unit::Pace) => per(text, number).map_or_else(
            || {
                let help = "it is compared with a growth per time, like `p95 < 50/s`";
                wrong(at.clone(), format!("`{text}` does not say per what"), help)
            },
            |per_minute| Ok(per_minute / 60.0),
        ),
        (_, Unit::Level) => number(text).map_or_else(
            || {
                let help = "it is compared with a plain number, like `max < 500`";
                wrong(at.clone(), format!("`{text}` is not a number"), help)
            },
            Ok,
        ),
        _ => {
            if text.is_empty() {
                return wrong(at, "a limit is missing", "write one like `500ms`");
            }
            Ok(parse_duration(text).map_err(bad_unit)?.as_secs_f64())
        }
    }
}

/// Growth per minute, from a growth per second, minute or hour.
fn slope(text: &str, at: Range<usize>, unit: Unit) -> Result<f64> {
    let (amount, example): (fn(&str) -> Option<f64>, _) = match unit {
        Unit::Part => (part, "1%/min"),
        Unit::Size => (size, "1MB/min"),
        _ => (number, "5/min"),
    };
    let help = format!("a slope is compared with a growth per time, like `slope < {example}`");
    match per(text, amount) {
        Some(growth) => Ok(growth),
        None => wrong(at, format!("`{text}` is no growth per time"), help),
    }
}

/// An amount per second, minute or hour, as one per minute.
fn per(text: &str, amount: fn(&str) -> Option<f64>) -> Option<f64> {
    let (number, time) = text.rsplit_once('/')?;
    let times = match time.trim() {
        "s" | "sec" => 60.0,
        "m" | "min" => 1.0,
        "h" => 1.0 / 60.0,
        _ => return None,
    };
    Some(amount(number.trim())? * times)
}

/// A share in percent, of any size.
fn part(text: &str) -> Option<f64> {
    number(text.strip_suffix('%')?.trim_end()).map(|percent| percent / 100.0)
}

/// Bytes, with a sign for what falls.
fn size(text: &str) -> Option<f64> {
    let (sign, amount) = text.strip_prefix('-').map_or((1.0, text), |rest| (-1.0, rest));
    parse_bytes(amount).ok().map(|bytes| sign * bytes.0 as f64)
}

fn number(text: &str) -> Option<f64> {
    let plain = text.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | 'e' | 'E'));
    text.parse::<f64>().ok().filter(|number| plain && number.is_finite())
}
