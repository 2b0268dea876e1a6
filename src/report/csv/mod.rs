//! The run second by second as CSV: a line for each second, a column for each course of `series`.
//!
//! The columns are described in `docs/reports.md`. A field is empty where there was nothing to measure.

use crate::result::{RunResult, Series};

/// A column of counts or times.
enum Column<'a> {
    Counts(&'a [u64]),
    Times(&'a [Option<f64>]),
}

/// The whole file, with a head.
pub fn render(result: &RunResult) -> Result<String, csv::Error> {
    let Series { at_s, .. } = &result.series;
    let columns = columns(&result.series);
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(["at_s"].into_iter().chain(columns.iter().map(|(name, _)| *name)))?;
    for (place, at) in at_s.iter().enumerate() {
        let fields = columns.iter().map(|(_, column)| column.field(place));
        writer.write_record(std::iter::once(at.to_string()).chain(fields))?;
    }
    let bytes = writer.into_inner().map_err(csv::IntoInnerError::into_error)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn columns(series: &Series) -> Vec<(&'static str, Column<'_>)> {
    use Column::{Counts, Times};
    vec![
        ("users", Counts(&series.users)),
        ("attempted", Counts(&series.attempted)),
        ("success", Counts(&series.success)),
        ("business", Counts(&series.business)),
        ("failure", Counts(&series.failure)),
        ("iterations", Counts(&series.iterations)),
        ("dropped", Counts(&series.dropped)),
        ("sent_bytes", Counts(&series.sent_bytes)),
        ("received_bytes", Counts(&series.received_bytes)),
        ("p50_ms", Times(&series.p50_ms)),
        ("p95_ms", Times(&series.p95_ms)),
        ("p99_ms", Times(&series.p99_ms)),
        ("max_ms", Times(&series.max_ms)),
        ("service_p99_ms", Times(&series.service_p99_ms)),
        ("lateness_p99_ms", Times(&series.lateness_p99_ms)),
    ]
}

impl Column<'_> {
    fn field(&self, place: usize) -> String {
        match self {
            Column::Counts(counts) => counts.get(place).map(ToString::to_string).unwrap_or_default(),
            Column::Times(times) => {
                times.get(place).copied().flatten().map(|time| time.to_string()).unwrap_or_default()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples::business_heavy;

    #[test]
    fn a_line_for_each_second() {
        let mut result = business_heavy();
        result.series = Series {
            at_s: vec![0, 1],
            users: vec![5, 50],
            success: vec![9, 0],
            p99_ms: vec![Some(1.25), None],
            ..Series::default()
        };
        let lines: Vec<String> = render(&result).unwrap().lines().map(ToString::to_string).collect();
        assert_eq!(
            lines,
            [
                "at_s,users,attempted,success,business,failure,iterations,dropped,sent_bytes,received_bytes,p50_ms,p95_ms,p99_ms,max_ms,service_p99_ms,lateness_p99_ms",
                "0,5,,9,,,,,,,,,1.25,,,",
                "1,50,,0,,,,,,,,,,,,",
            ]
        );
    }
}
