//! Histograms of a record, decoded.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;

use super::record::{OutcomeKind, RunResult};

/// A histogram of nanoseconds as the record holds it; none of a text that is none.
pub fn decode_histogram(text: &str) -> Option<Histogram<u64>> {
    let bytes = STANDARD.decode(text).ok()?;
    let mut histogram: Histogram<u64> = Deserializer::new().deserialize(&mut bytes.as_slice()).ok()?;
    // Others may be added to it, with longer times.
    histogram.auto(true);
    Some(histogram)
}

/// The response times of all successes of a run; none without any.
pub fn successes(result: &RunResult) -> Option<Histogram<u64>> {
    let mut all: Option<Histogram<u64>> = None;
    for outcome in result.rows.iter().flat_map(|row| &row.outcomes) {
        if outcome.kind != OutcomeKind::Success {
            continue;
        }
        let Some(histogram) = outcome.response_histogram.as_deref().and_then(decode_histogram) else {
            continue;
        };
        match &mut all {
            // Histograms of one kind add up; one that does not was not written by this program.
            Some(all) => all.add(&histogram).unwrap_or_default(),
            None => all = Some(histogram),
        }
    }
    all.filter(|all| !all.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::sample_result;

    #[test]
    fn successes_of_all_rows_are_added_up() {
        let result = sample_result();
        let all = successes(&result).unwrap();
        assert_eq!(all.len(), 150);
        assert_eq!(all.max() / 1_000_000, 12);
        assert_eq!(decode_histogram("no histogram"), None);
        assert_eq!(decode_histogram("AAAA"), None);
    }
}
