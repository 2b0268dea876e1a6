//! The text format of Prometheus, and `OpenMetrics`, as far as chosen series go.
//!
//! Lines of metrics that nobody chose are not looked into, and what cannot be read is passed by: an endpoint
//! may tell thousands of series, and of some of them more than the format knows.

use crate::scenario::monitor::Selector;
use crate::scenario::monitor::quoted;

/// The value of each selector: the sum of the series that fit it; none where there are none.
pub(super) fn values(text: &str, selectors: &[&Selector]) -> Vec<Option<f64>> {
    let mut values: Vec<Option<f64>> = vec![None; selectors.len()];
    for line in text.lines() {
        let line = line.trim_start();
        let end = line.find(|c: char| !is_of_name(c)).unwrap_or(line.len());
        let (name, rest) = line.split_at(end);
        let is_chosen = |selector: &&Selector| selector.metric == name;
        if name.is_empty() || !selectors.iter().any(is_chosen) {
            continue;
        }
        let Some((labels, value)) = sample(rest) else { continue };
        for (selector, sum) in selectors.iter().zip(&mut values) {
            if is_chosen(selector) && selector.fits(&labels) {
                *sum = Some(sum.unwrap_or(0.0) + value);
            }
        }
    }
    values
}

fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == ':'
}

type Labels<'a> = Vec<(&'a str, String)>;

/// What follows the name: labels in braces, and a value; a time and an example may come behind.
fn sample(text: &str) -> Option<(Labels<'_>, f64)> {
    let mut labels = Vec::new();
    let mut rest = text.trim_start();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside.trim_start();
        while !rest.starts_with('}') {
            let (name, value) = rest.split_once('=')?;
            let value = value.trim_start().strip_prefix('"')?;
            let (read, length) = quoted(value)?;
            labels.push((name.trim(), read));
            rest = value[length..].trim_start();
            rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
        }
        rest = rest.strip_prefix('}')?;
    }
    // Prometheus writes what is no number too; it adds up to nothing.
    let value = rest.split_ascii_whitespace().next()?.parse::<f64>().ok()?;
    value.is_finite().then_some((labels, value))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: &str = "# HELP http_requests_total The total number of HTTP requests.\n\
        # TYPE http_requests_total counter\n\
        http_requests_total{method=\"post\",code=\"200\"} 1027 1395066363000\n\
        http_requests_total{method=\"post\",code=\"400\"}    3 1395066363000\n\
        http_requests_totals 77\n\
        # Escaping in label values:\n\
        msdos_file_access_time_seconds{path=\"C:\\\\DIR\\\\FILE.TXT\",error=\"Cannot find \\\"it\\\"\"} 1.458255915e9\n\
        metric_without_timestamp_and_labels 12.47\r\n\
        something_weird{problem=\"division by zero\"} +Inf -3982045\n\
        http_request_duration_seconds_bucket{le=\"+Inf\"} 144320 # {trace_id=\"KOO5S4vxi0o\"} 0.67\n\
        { \"quoted.name\", a=\"b\" } 5\n\
        no_value{a=\"b\"}\n\
        cut{a=\"b\n\
        # EOF\n";

    fn taken(chosen: &[&str]) -> Vec<Option<f64>> {
        let selectors: Vec<Selector> = chosen.iter().map(|text| Selector::parse(text).unwrap()).collect();
        values(TEXT, &selectors.iter().collect::<Vec<_>>())
    }

    #[test]
    fn chosen_series_are_taken_and_added_up() {
        assert_eq!(
            taken(&[
                "http_requests_total",
                "http_requests_total{code=\"400\"}",
                "http_requests_total{code=\"500\"}",
                "metric_without_timestamp_and_labels",
                "http_request_duration_seconds_bucket{le=\"+Inf\"}",
                "msdos_file_access_time_seconds{path=\"C:\\\\DIR\\\\FILE.TXT\"}",
            ]),
            [Some(1030.0), Some(3.0), None, Some(12.47), Some(144_320.0), Some(1_458_255_915.0)]
        );
    }

    #[test]
    fn what_is_no_number_or_no_line_is_passed_by() {
        assert_eq!(taken(&["something_weird", "no_value", "cut", "quoted"]), [None; 4]);
        assert_eq!(values("<html>up 1</html>", &[&Selector::parse("up").unwrap()]), [None]);
    }

    proptest! {
        #[test]
        fn no_text_is_too_much_for_it(text in any::<String>(), labels in any::<String>(), value in any::<String>()) {
            let up = Selector::parse("up{a=\"b\"}").unwrap();
            for text in [text, format!("up{{{labels}}} {value}"), format!("up{{a=\"{labels}\"}} {value}")] {
                let found = values(&text, &[&up]);
                prop_assert!(found[0].is_none_or(f64::is_finite));
            }
        }

        #[test]
        fn what_is_written_by_the_rules_is_found(label in any::<String>(), value in -1e15_f64..1e15) {
            let written = label.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n");
            // A line ends at a line feed; other line ends within a value are those of the server.
            prop_assume!(!label.contains('\r'));
            let selector = Selector { metric: "up".into(), labels: vec![("a".into(), label)] };
            let text = format!("other 1\nup{{z=\"1\", a=\"{written}\"}} {value} 17\n");
            prop_assert_eq!(values(&text, &[&selector]), [Some(value)]);
        }
    }
}
