//! The run second by second as CSV: a line for each second, a column for each course.
//!
//! First the columns that every run has, then those of its own: failures by cause, users who wait for their turn, and
//! what was watched of the target. `docs/reports.md` describes them. A field is empty where there was nothing to
//! measure.

use crate::report::content::plain;
use crate::report::figures::of_scenario;
use crate::result::{CauseSeries, PollKind, RunResult, Series, Unit};

/// A column of counts or of other figures.
enum Column<'a> {
    Counts(&'a [u64]),
    Figures(&'a [Option<f64>]),
    /// Counts of the seconds in which there were any.
    Seldom(&'a CauseSeries),
}

/// The whole file, with a head.
pub fn render(result: &RunResult) -> Result<String, csv::Error> {
    let Series { at_s, .. } = &result.series;
    let columns = columns(result);
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(["at_s"].into_iter().chain(columns.iter().map(|(name, _)| name.as_str())))?;
    for (place, at) in at_s.iter().enumerate() {
        let fields = columns.iter().map(|(_, column)| column.field(place, *at));
        writer.write_record(std::iter::once(at.to_string()).chain(fields))?;
    }
    let bytes = writer.into_inner().map_err(csv::IntoInnerError::into_error)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn columns(result: &RunResult) -> Vec<(String, Column<'_>)> {
    use Column::{Counts, Figures, Seldom};
    let series = &result.series;
    let mut columns: Vec<(String, Column<'_>)> = [
        ("users", Counts(&series.users)),
        ("attempted", Counts(&series.attempted)),
        ("success", Counts(&series.success)),
        ("business", Counts(&series.business)),
        ("failure", Counts(&series.failure)),
        ("iterations", Counts(&series.iterations)),
        ("dropped", Counts(&series.dropped)),
        ("sent_bytes", Counts(&series.sent_bytes)),
        ("received_bytes", Counts(&series.received_bytes)),
        ("p50_ms", Figures(&series.p50_ms)),
        ("p95_ms", Figures(&series.p95_ms)),
        ("p99_ms", Figures(&series.p99_ms)),
        ("max_ms", Figures(&series.max_ms)),
        ("service_p99_ms", Figures(&series.service_p99_ms)),
        ("lateness_p99_ms", Figures(&series.lateness_p99_ms)),
    ]
    .map(|(name, column)| (name.to_owned(), column))
    .into();
    columns.extend(series.causes.iter().map(|one| (format!("failure.{}", plain(&one.cause)), Seldom(one))));
    for poll in result.polls.iter().filter(|poll| poll.kind == PollKind::WaitForTurn) {
        let name = of_scenario(result, &poll.scenario, &poll.name);
        columns.push((format!("waiting.{}", plain(&name)), Counts(&poll.series.waiting)));
    }
    for source in &result.monitor {
        for gauge in &source.gauges {
            let name = format!("{}.{}{}", plain(&source.name), plain(&gauge.name), suffix(gauge.unit));
            columns.push((name, Figures(&gauge.values)));
        }
    }
    columns
}

/// Units stand in the names, as in the record; shares and plain numbers have none.
const fn suffix(unit: Unit) -> &'static str {
    match unit {
        Unit::Seconds => "_s",
        Unit::Bytes => "_bytes",
        Unit::BytesPerSecond => "_bytes_per_s",
        Unit::PerSecond => "_per_s",
        _ => "",
    }
}

impl Column<'_> {
    /// The field of a second, by its place in the series and by its time.
    fn field(&self, place: usize, at: u32) -> String {
        let said = |value: Option<String>| value.unwrap_or_default();
        match self {
            Column::Counts(counts) => said(counts.get(place).map(ToString::to_string)),
            Column::Figures(figures) => {
                said(figures.get(place).copied().flatten().map(|figure| figure.to_string()))
            }
            Column::Seldom(cause) => {
                let place = cause.at_s.binary_search(&at).ok();
                place.and_then(|place| cause.count.get(place)).copied().unwrap_or_default().to_string()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples::{bundled, business_heavy, watched};
    use crate::result::{CauseSeries, WatchedKind};

    fn lines(result: &RunResult) -> Vec<String> {
        render(result).unwrap().lines().map(ToString::to_string).collect()
    }

    const HEAD: &str = "at_s,users,attempted,success,business,failure,iterations,dropped,sent_bytes,received_bytes,p50_ms,p95_ms,p99_ms,max_ms,service_p99_ms,lateness_p99_ms";

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
        assert_eq!(lines(&result), [HEAD, "0,5,,9,,,,,,,,,1.25,,,", "1,50,,0,,,,,,,,,,,,"]);
    }

    #[test]
    fn what_only_this_run_has_comes_last() {
        let mut result = business_heavy();
        result.series = Series {
            at_s: vec![0, 1],
            causes: vec![CauseSeries { cause: "status 503".into(), at_s: vec![1], count: vec![7] }],
            ..Series::default()
        };
        let rates = [("orders", Unit::PerSecond, [1.0; 4]), ("a, b", Unit::Number, [1.0; 4])];
        result.monitor = vec![bundled(), watched("shop", WatchedKind::Prometheus, &rates)];
        result.monitor[0].gauges[1].values = vec![Some(4096.0), None];
        result.monitor[1].gauges[0].values = vec![Some(0.5), Some(2.0)];
        let own = "failure.status 503,bundled.cpu,bundled.memory_bytes,bundled.descriptors,bundled.threads,shop.orders_per_s,\"shop.a, b\"";
        let expected = [
            format!("{HEAD},{own}"),
            "0,,,,,,,,,,,,,,,,0,,4096,,,0.5,".into(),
            "1,,,,,,,,,,,,,,,,7,,,,,2,".into(),
        ];
        assert_eq!(lines(&result), expected);
    }
}
