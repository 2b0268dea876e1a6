//! A comparison for people: the same words and figures in every format.

pub mod html;
pub mod markdown;

use std::time::Duration;

use crate::compare::{Change, Comparison, FigureUnit, GateResult, GateState, Interval, RunInfo, Word};
use crate::result::Soundness;
use crate::units::{measured_time, scenario_duration};

/// A value of a figure.
pub(super) fn value(value: Option<f64>, unit: FigureUnit) -> String {
    let Some(value) = value else { return "–".into() };
    match unit {
        FigureUnit::Milliseconds => time(value),
        FigureUnit::PerSecond => super::figures::rate(value),
        FigureUnit::Share => crate::result::verdict::percent(value),
    }
}

fn time(millis: f64) -> String {
    Duration::try_from_secs_f64(millis / 1e3).map_or_else(|_| "?".into(), measured_time)
}

/// By how much, with its sign: `+14.2%`, `−0.31 pp` for shares.
pub(super) fn change(change: &Change, unit: FigureUnit) -> String {
    match unit {
        FigureUnit::Share => change.absolute.map_or_else(|| "–".into(), points),
        _ => change.relative.map_or_else(|| "–".into(), percent),
    }
}

/// From where to where: `+9.1% … +19.8%`.
pub(super) fn interval(interval: Option<Interval>, unit: FigureUnit) -> String {
    let Some(Interval { low, high }) = interval else { return String::new() };
    match unit {
        FigureUnit::Share => format!("{} … {} pp", signed(low * 100.0), signed(high * 100.0)),
        _ => format!("{} … {}", bound(low), bound(high)),
    }
}

/// Two runs that differ much leave an interval without an end: its digits would tell nothing.
fn bound(share: f64) -> String {
    const MOST: f64 = 100.0;
    if share > MOST { format!("over {}", percent(MOST)) } else { percent(share) }
}

fn percent(share: f64) -> String {
    format!("{}%", signed(share * 100.0))
}

fn points(share: f64) -> String {
    format!("{} pp", signed(share * 100.0))
}

/// Three digits at most, and a true minus, as wide as the plus.
fn signed(value: f64) -> String {
    let size = value.abs();
    let digits = match size {
        size if size < 0.995 => 2,
        size if size < 99.95 => 1,
        _ => 0,
    };
    let text = format!("{size:.digits$}");
    let sign = match value {
        _ if text.chars().all(|c| matches!(c, '0' | '.')) => "±",
        value if value < 0.0 => "−",
        _ => "+",
    };
    if sign == "±" { "±0".into() } else { format!("{sign}{text}") }
}

/// A difference in a word; why there is none, where that is so.
pub(super) fn word(change: &Change) -> String {
    match change.word {
        Word::Better => "better".into(),
        Word::Worse => "worse".into(),
        Word::More => "more".into(),
        Word::Less => "less".into(),
        Word::NoDifference => "none shown".into(),
        Word::NotJudged => change.reason.clone().unwrap_or_else(|| "not judged".into()),
    }
}

/// How a gate came out, behind its text.
pub(super) fn gate(gate: &GateResult, confidence: f64) -> String {
    let values = format!("{} → {}", value(gate.before, gate.unit), value(gate.after, gate.unit));
    let changed = change(&gate.change, gate.unit);
    let by = match gate.unit {
        FigureUnit::Milliseconds => {
            let by = gate.change.absolute.unwrap_or_default();
            format!("{changed} ({}{})", if by < 0.0 { "−" } else { "+" }, time(by.abs()))
        }
        _ => changed,
    };
    let sure = interval(gate.change.interval, gate.unit);
    let sure = if sure.is_empty() { String::new() } else { format!(", {} {sure}", level(confidence)) };
    let note = match (gate.state, gate.change.interval) {
        (GateState::Unsure, _) => "; beyond the limit, but it may be chance",
        (GateState::Broken, None) if gate.before.is_none() || gate.after.is_none() => "; nothing to compare",
        (GateState::Broken, None) => "; decided by what was measured, since there is no interval",
        _ => "",
    };
    format!("{values}  {by}{sure}{note}")
}

/// `99%`.
pub(super) fn level(confidence: f64) -> String {
    crate::result::verdict::percent(confidence)
}

/// What a run was, in a line.
pub(super) fn run(run: &RunInfo) -> Vec<String> {
    let load = Duration::from_secs(run.load_s.max(0.0).round() as u64);
    let mut facts = vec![
        run.scenario.clone(),
        format!("{} of load", scenario_duration(load)),
        run.target.clone(),
        run.started.clone(),
    ];
    match run.validity {
        Soundness::Valid => {}
        Soundness::Suspect => facts.push("suspect".into()),
        Soundness::Invalid => facts.push("not valid".into()),
    }
    facts
}

/// What the intervals are, and what `no difference shown` means.
pub(super) fn note(comparison: &Comparison) -> String {
    format!(
        "Intervals hold the true change with {}; changes up to {} count as no difference. \
         That none is shown does not mean that there is none.",
        level(comparison.confidence),
        level(comparison.margin),
    )
}

#[cfg(test)]
mod tests;
