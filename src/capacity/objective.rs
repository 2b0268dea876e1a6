//! What must hold at a rate: `latency p95 < 500ms`, a threshold on one line.

use std::ops::Range;
use std::time::Duration;

use crate::scenario::threshold::{
    Implied, Metric, Names, ParseError, Threshold, condition, metric_and_filter,
};

/// Reads an objective; a colon behind the metric, as in a file, may stand there or not.
pub fn objective(text: &str, names: Names<'_>) -> Result<Threshold, ParseError> {
    let start = text.len() - text.trim_start().len();
    let key_end = match text.find('{') {
        // A name may not hold a brace, so the last one closes the filter.
        Some(open) => text.rfind('}').filter(|close| *close > open).map_or(text.len(), |close| close + 1),
        None => text[start..]
            .find(|c: char| c.is_whitespace() || matches!(c, ':' | '<' | '>' | '=' | '!'))
            .map_or(text.len(), |end| start + end),
    };
    if text[start..key_end].is_empty() {
        return Err(ParseError {
            problem: "this says nothing".into(),
            help: Some("write one like `latency p95 < 500ms`".into()),
            at: 0..text.len(),
        });
    }
    let key = &text[..key_end];
    let (metric, filter) = metric_and_filter(key, names, Implied::default())?;
    if matches!(metric, Metric::Requests | Metric::Iterations) {
        return Err(ParseError {
            problem: format!("`{}` is what is searched for", key.trim()),
            help: Some(
                "say what must hold meanwhile, like `latency p95 < 500ms` or `failures rate < 1%`".into(),
            ),
            at: start..key_end,
        });
    }
    let colon = text[key_end..].trim_start().starts_with(':');
    let rest_from = if colon { key_end + text[key_end..].find(':').map_or(0, |at| at + 1) } else { key_end };
    let rest = &text[rest_from..];
    let moved = |at: Range<usize>| at.start + rest_from..at.end + rest_from;
    let wanted =
        condition(rest, metric, names).map_err(|error| ParseError { at: moved(error.at), ..error })?;
    Ok(Threshold {
        text: format!("{}: {}", key.trim(), rest.trim()),
        metric,
        filter,
        aggregate: wanted.aggregate,
        comparison: wanted.comparison,
        limit: wanted.limit,
        abort: false,
        after: Duration::ZERO,
        over: None,
        implied: false,
        line: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::model::{Catalog, RowInfo};
    use crate::scenario::threshold::{Aggregate, Comparison};

    fn read(text: &str) -> Result<Threshold, ParseError> {
        let row = RowInfo {
            name: "pay: now".into(),
            scenario: 0,
            groups: Vec::new(),
            business: Vec::new(),
            optional: false,
        };
        let catalog = Catalog { rows: vec![row], ..Catalog::default() };
        objective(text, Names { catalog: &catalog, scenarios: &[], monitor: &[] })
    }

    #[test]
    fn objectives_are_thresholds() {
        for text in
            ["latency p95 < 500ms", " latency: p95 < 500ms", "latency{}: p95<500ms", "latency :p95 < 500ms"]
        {
            let read = read(text).unwrap();
            assert_eq!(
                (read.metric, read.aggregate),
                (Metric::Latency, Aggregate::Percentile(95.0)),
                "{text}"
            );
            assert_eq!((read.comparison, read.limit), (Comparison::Less, 0.5), "{text}");
        }
        assert_eq!(
            read("latency{step=pay: now} p99 <= 2s").unwrap().text,
            "latency{step=pay: now}: p99 <= 2s"
        );
    }

    #[test]
    fn errors_point_at_the_word() {
        let table = [
            ("latenzy p95 < 500ms", "latenzy", "did you mean `latency`?"),
            ("latency p95 < 500", "500", "write `500s` for seconds or `500ms` for milliseconds"),
            ("latency: p95", "p95", "write an aggregate, a comparison and a limit, like `p95 < 500ms`"),
            ("latency", "", "write an aggregate, a comparison and a limit, like `p95 < 500ms`"),
            (
                "requests rate > 100/s",
                "requests",
                "say what must hold meanwhile, like `latency p95 < 500ms` or `failures rate < 1%`",
            ),
            ("", "", "write one like `latency p95 < 500ms`"),
        ];
        for (text, word, help) in table {
            let error = read(text).unwrap_err();
            assert_eq!((&text[error.at], error.help.as_deref()), (word, Some(help)), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_brings_it_down(text in "[a-z0-9{}=:, <>!%.é]{0,40}") {
            if let Err(error) = read(&text) {
                proptest::prop_assert!(text.get(error.at).is_some());
            }
        }
    }
}
