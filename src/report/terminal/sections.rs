//! What stands below the table: totals, checks, failures, thresholds, invariants and validity.

use comfy_table::Cell;

use super::steps::named;
use super::{Ink, Style, list, paint, plain, wrapped};
use crate::report::figures::{amount, is_optional, of_scenario, rate, time, whole_seconds};
use crate::result::verdict::{percent, quantity};
use crate::result::{CustomValue, Distribution, InvariantState, RunResult, Soundness, ThresholdResult};
use crate::units::{Bytes, count};

/// How many causes of failure are shown; the rest is in the result.
const CAUSES: usize = 10;

pub(super) fn totals(result: &RunResult, style: Style) -> String {
    let totals = &result.totals;
    let mut outcomes = vec![
        format!("{} success", count(totals.success)),
        format!("{} business", count(totals.business)),
        format!("{} failure", count(totals.failure)),
    ];
    if totals.interrupted > 0 {
        outcomes.push(format!("{} interrupted", count(totals.interrupted)));
    }
    if totals.in_doubt > 0 {
        outcomes.push(format!("{} in doubt", count(totals.in_doubt)));
    }
    let bytes = format!("{} sent, {} received", Bytes(totals.sent_bytes), Bytes(totals.received_bytes));
    let line = |what: &str, amount: String, per_s: f64, rest: String| {
        vec![Ink::Quiet.cell(what), Cell::new(amount), Cell::new(rate(per_s)), Cell::new(rest)]
    };
    let mut rows = vec![line("requests", count(totals.attempted), totals.rate_per_s, outcomes.join(" · "))];
    if totals.optional > 0 {
        let about = "of optional steps, and in no figure here or of a threshold that does not name them";
        rows.push(vec![
            Ink::Quiet.cell("besides"),
            Cell::new(count(totals.optional)),
            Cell::new(""),
            Cell::new(about),
        ]);
    }
    for scenario in &result.scenarios {
        let several = result.scenarios.len() > 1;
        let what = if several { plain(&scenario.name).into_owned() } else { "iterations".into() };
        let mut parts = vec![if several { "iterations completed".to_string() } else { "completed".into() }];
        for (number, what) in [
            (scenario.ended_early, "ended early"),
            (scenario.cut, "cut"),
            (scenario.abandoned, "abandoned"),
            (scenario.interrupted, "interrupted"),
            (scenario.dropped, "dropped"),
        ] {
            if number > 0 {
                parts.push(format!("{} {what}", count(number)));
            }
        }
        if let Some(duration) = &scenario.duration {
            parts.push(format!("p50 {}", time(duration.p50_ms)));
            parts.push(format!("p95 {}", time(duration.p95_ms)));
        }
        rows.push(line(&what, count(scenario.completed), scenario.completed_per_s, parts.join(" · ")));
    }
    for scenario in &result.scenarios {
        // How late the generator itself was, so that nobody takes that for the target's doing.
        if let Some(late) = &scenario.lateness {
            let what = if result.scenarios.len() > 1 {
                format!("lateness of {}", plain(&scenario.name))
            } else {
                "lateness".into()
            };
            rows.push(vec![Ink::Quiet.cell(what), Cell::new(""), Cell::new(""), Cell::new(spread(late))]);
        }
    }
    for scenario in &result.scenarios {
        if let Some(waited) = &scenario.throttled {
            let what = if result.scenarios.len() > 1 {
                format!("throttled in {}", plain(&scenario.name))
            } else {
                "throttled".into()
            };
            let number = Cell::new(count(waited.count));
            rows.push(vec![Ink::Quiet.cell(what), number, Cell::new(""), Cell::new(spread(waited))]);
        }
    }
    rows.push(vec![Ink::Quiet.cell("data"), Cell::new(""), Cell::new(""), Cell::new(bytes)]);
    let mut table = super::table(style, 4, 4, rows);
    for index in [1, 2] {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(comfy_table::CellAlignment::Right);
        }
    }
    table.trim_fmt()
}

pub(super) fn spread(times: &Distribution) -> String {
    let figures =
        [("p50", times.p50_ms), ("p95", times.p95_ms), ("p99", times.p99_ms), ("max", times.max_ms)];
    figures.map(|(name, figure)| format!("{name} {}", time(figure))).join(" · ")
}

pub(super) fn groups(result: &RunResult, style: Style) -> Option<String> {
    let rows = result.groups.iter().map(|group| {
        let (number, figures) = match &group.duration {
            Some(times) => (count(times.count), spread(times)),
            None => ("0".into(), String::new()),
        };
        vec![
            Cell::new(" "),
            Cell::new(named(&of_scenario(result, &group.scenario, &group.name), group.optional)),
            Cell::new(number),
            Cell::new(figures),
        ]
    });
    list("Groups", style, 4, rows.collect())
}

pub(super) fn checks(result: &RunResult, style: Style) -> Option<String> {
    let rows = result.checks.iter().map(|check| {
        let tried = check.passed + check.failed;
        let (sign, held) = match (tried, check.failed) {
            (0, _) => (Ink::Quiet.cell("–"), "never tried".into()),
            (_, 0) => (Ink::Good.cell("✓"), format!("held {}×", count(tried))),
            _ => {
                let share = percent(check.passed as f64 / tried as f64);
                let held = format!("held {} of {} ({share})", count(check.passed), count(tried));
                (Ink::Bad.cell("✗"), held)
            }
        };
        let step = check.step.as_deref().unwrap_or_default();
        vec![
            sign,
            Cell::new(named(&of_scenario(result, &check.scenario, &check.name), check.optional)),
            Ink::Quiet.cell(plain(step)),
            Cell::new(held),
        ]
    });
    list("Checks", style, 4, rows.collect())
}

pub(super) fn metrics(result: &RunResult, style: Style) -> Option<String> {
    let rows = result.metrics.iter().map(|metric| {
        let value = match &metric.value {
            CustomValue::Count { sum, samples } => {
                format!("{} in {} samples", amount(*sum), count(*samples))
            }
            CustomValue::Observe { samples: 0, .. } | CustomValue::Share { passed: 0, failed: 0 } => {
                "no samples".into()
            }
            CustomValue::Observe { samples, avg, p50, p95, p99, max, .. } => {
                let figures = [("avg", avg), ("p50", p50), ("p95", p95), ("p99", p99), ("max", max)];
                let figures = figures
                    .map(|(name, figure)| format!("{name} {}", figure.map_or_else(|| "?".into(), amount)));
                format!("{} in {} samples", figures.join(" · "), count(*samples))
            }
            CustomValue::Share { passed, failed } => {
                let tried = passed + failed;
                format!("{} ({} of {})", percent(*passed as f64 / tried as f64), count(*passed), count(tried))
            }
        };
        vec![Cell::new(" "), Cell::new(plain(&metric.name)), Cell::new(value)]
    });
    list("Metrics", style, 3, rows.collect())
}

/// The causes of failure, each with one example.
pub(super) fn failures(result: &RunResult, style: Style) -> Option<String> {
    if result.causes.is_empty() {
        return None;
    }
    let mut lines = vec![paint("Failures", Ink::Strong, style)];
    for cause in result.causes.iter().take(CAUSES) {
        let name = named(&of_scenario(result, &cause.scenario, &cause.step), is_optional(result, cause));
        let title = format!("✗ {name}: {}", plain(&cause.cause));
        lines.push(format!("  {}  {}×", paint(&title, Ink::Bad, style), count(cause.count)));
        let Some(example) = &cause.example else { continue };
        let answer = match example.status {
            Some(status) => format!("answered {status}"),
            None => "no answer".into(),
        };
        let at = whole_seconds(example.at_s);
        lines.push(cut(&format!("    at {at}  {} → {answer}", plain(&example.request)), style));
        if !example.detail.is_empty() {
            lines.push(cut(&format!("    {}", plain(&example.detail)), style));
        }
        let first = example.body.lines().find(|line| !line.trim().is_empty());
        if let Some(first) = first {
            lines.push(paint(&cut(&format!("    │ {}", plain(first.trim())), style), Ink::Quiet, style));
        }
    }
    if let Some(more) = result.causes.len().checked_sub(CAUSES).filter(|more| *more > 0) {
        lines.push(format!("  and {more} more, in result.json"));
    }
    Some(lines.join("\n"))
}

/// A line that fits: what a server says may be long. Counts letters, so wide ones may still reach beyond.
fn cut(line: &str, style: Style) -> String {
    let width = usize::from(style.width);
    if line.chars().count() <= width {
        return line.into();
    }
    let mut short: String = line.chars().take(width - 1).collect();
    short.push('…');
    short
}

pub(super) fn thresholds(result: &RunResult, style: Style) -> Option<String> {
    let rows = result.thresholds.iter().map(|threshold| {
        let ink = if threshold.met { Ink::Good } else { Ink::Bad };
        let sign = if threshold.met { "✓" } else { "✗" };
        let seen = match threshold.observed {
            Some(observed) => quantity(observed, threshold.unit),
            None => plain(threshold.reason.as_deref().unwrap_or("no samples")).into_owned(),
        };
        let seen = if threshold.met { Cell::new(seen) } else { Ink::Bad.cell(seen) };
        let text = Cell::new(plain(&threshold.text));
        vec![ink.cell(sign), text, seen, Ink::Quiet.cell(circumstances(threshold))]
    });
    list("Thresholds", style, 4, rows.collect())
}

/// What one should know of a threshold besides its figures.
fn circumstances(threshold: &ThresholdResult) -> String {
    let mut notes = Vec::new();
    if threshold.implied {
        notes.push("by default, not in the file".to_string());
    }
    if let Some(over) = threshold.over_s {
        notes.push(format!("worst {}", whole_seconds(over)));
    }
    if let Some(at) = threshold.broken_at_s {
        let at = whole_seconds(at);
        notes.push(if threshold.aborted {
            format!("ended the run at {at}")
        } else {
            format!("first broken at {at}")
        });
    }
    notes.join(", ")
}

pub(super) fn invariants(result: &RunResult, style: Style) -> Option<String> {
    let rows = result.invariants.iter().map(|invariant| {
        let (sign, detail) = match invariant.state {
            InvariantState::Held => (Ink::Good.cell("✓"), "holds"),
            InvariantState::Broken => (Ink::Bad.cell("✗"), "broken"),
            InvariantState::Skipped => (Ink::Quiet.cell("–"), "skipped by its `when`"),
            InvariantState::NotAsked => (Ink::Warning.cell("?"), "could not ask"),
        };
        let detail = match invariant.detail.as_deref().filter(|_| invariant.state != InvariantState::Held) {
            Some(more) => format!("{detail}: {}", plain(more)),
            None => detail.into(),
        };
        let name = of_scenario(result, &invariant.scenario, &invariant.name);
        vec![sign, Cell::new(plain(&name)), Cell::new(detail)]
    });
    list("Verify", style, 3, rows.collect())
}

/// Whether the run can be believed, and what it took the generator.
pub(super) fn validity(result: &RunResult, style: Style) -> String {
    let mut effort = Vec::new();
    if let Some(share) = result.generator.cpu_share {
        effort.push(format!("{:.0}% of its cores", share * 100.0));
    }
    if let Some(bytes) = result.generator.peak_rss_bytes {
        effort.push(format!("{} of memory", Bytes(bytes)));
    }
    let effort =
        if effort.is_empty() { String::new() } else { format!("generator: {}", effort.join(" · ")) };
    let (heading, ink) = match result.validity.verdict {
        Soundness::Valid => ("Run valid", Ink::Strong),
        Soundness::Suspect => ("Run suspect", Ink::Warning),
        Soundness::Invalid => ("Run not valid", Ink::Bad),
    };
    let fits = heading.len() + 2 + effort.chars().count() <= usize::from(style.width);
    let between = if fits { "  " } else { "\n  " };
    let mut lines =
        vec![format!("{}{between}{}", paint(heading, ink, style), paint(&effort, Ink::Quiet, style))];
    let signed = if result.validity.verdict == Soundness::Invalid { '✗' } else { '!' };
    let reasons = result.validity.reasons.iter();
    lines.extend(reasons.map(|reason| wrapped(&format!("  {signed} {}", plain(reason)), 4, style)));
    lines.join("\n").trim_end().to_string()
}
