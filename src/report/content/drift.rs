//! Whether something grew in an endurance run that should not have.

use super::table::{Cell, Table, Tone};
use crate::report::figures::span;
use crate::report::words::Words;
use crate::result::verdict::quantity;
use crate::result::{DriftVerdict, RunResult};

pub(crate) fn drift(result: &RunResult, words: &Words) -> Option<Table> {
    let drift = result.drift.as_ref()?;
    let mut table =
        Table::new(words.drift, &[words.figure, words.course], &[words.confidence_from, words.confidence_to]);
    for trend in &drift.trends {
        let (tone, sign) = match trend.verdict {
            DriftVerdict::NoDrift => (Tone::Good, '✓'),
            DriftVerdict::Grows => (Tone::Warning, '!'),
            DriftVerdict::Falls => (Tone::Plain, '!'),
            DriftVerdict::Unknown => (Tone::Quiet, '–'),
        };
        let bound = |value: Option<f64>| {
            value.map_or_else(Cell::empty, |value| Cell::new(quantity(value, trend.unit)))
        };
        table.rows.push(vec![
            Cell::new(&trend.name),
            Cell::toned(tone, format!("{sign} {}", (words.trend)(trend))),
            bound(trend.low),
            bound(trend.high),
        ]);
    }
    let length = span(drift.to_s - drift.from_s).map_or_else(|| "?".into(), words.duration);
    table.note = Some((words.drift_note)(&length));
    table.if_any()
}
