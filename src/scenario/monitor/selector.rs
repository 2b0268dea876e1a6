//! Which series of an endpoint are meant: `http_requests_total{route="/pay", status="500"}`.

use std::ops::Range;

/// A metric, and labels that its series must have; more than these they may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    pub metric: String,
    pub labels: Vec<(String, String)>,
}

/// Why a selector cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct SelectorError {
    pub problem: String,
    pub help: String,
    /// Where in the given text, in bytes.
    pub at: Range<usize>,
}

fn wrong<T>(
    at: Range<usize>,
    problem: impl Into<String>,
    help: impl Into<String>,
) -> Result<T, SelectorError> {
    Err(SelectorError { problem: problem.into(), help: help.into(), at })
}

const EXAMPLE: &str = "write a metric and labels, like `http_requests_total{route=\"/pay\"}`";

impl Selector {
    /// Reads the name of a metric and, in braces, labels with their values as Prometheus writes them.
    pub fn parse(text: &str) -> Result<Selector, SelectorError> {
        let mut rest = Rest { text, at: 0 };
        rest.skip_blanks();
        let Some(metric) = rest.name(':') else {
            let problem = if text.trim().is_empty() { "the metric is missing" } else { "this is no metric" };
            return wrong(rest.at..text.len(), problem, EXAMPLE);
        };
        let mut labels = Vec::new();
        rest.skip_blanks();
        if rest.take('{') {
            loop {
                rest.skip_blanks();
                if rest.take('}') {
                    break;
                }
                labels.push(rest.label()?);
                rest.skip_blanks();
                if !rest.take(',') && !rest.next_is('}') {
                    return wrong(rest.at..text.len(), "`,` or `}` is missing here", EXAMPLE);
                }
            }
        }
        rest.skip_blanks();
        if rest.at < text.len() {
            let help = "only a metric and labels can stand here; what is more than one series is added up";
            return wrong(rest.at..text.len(), "this does not belong to the metric", help);
        }
        Ok(Selector { metric: metric.into(), labels })
    }

    /// Whether a series of this metric with these labels is meant.
    pub fn fits(&self, labels: &[(&str, String)]) -> bool {
        self.labels.iter().all(|(name, value)| {
            let found = labels.iter().find(|(known, _)| known == name);
            // An absent label is one without a value, as Prometheus has it.
            found.map_or(value.is_empty(), |(_, found)| found == value)
        })
    }
}

/// What is still to read of a text.
struct Rest<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Rest<'a> {
    fn left(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn skip_blanks(&mut self) {
        self.at += self.left().len() - self.left().trim_start().len();
    }

    fn next_is(&self, sign: char) -> bool {
        self.left().starts_with(sign)
    }

    fn take(&mut self, sign: char) -> bool {
        let is_next = self.next_is(sign);
        self.at += usize::from(is_next) * sign.len_utf8();
        is_next
    }

    /// A word of letters, digits and `_`, and one further sign; not beginning with a digit.
    fn name(&mut self, further: char) -> Option<&'a str> {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == further;
        let left = self.left();
        let name = &left[..left.find(|c| !fits(c)).unwrap_or(left.len())];
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        self.at += name.len();
        Some(name)
    }

    /// `name="value"`.
    fn label(&mut self) -> Result<(String, String), SelectorError> {
        let whole = self.text.len();
        let Some(name) = self.name('_') else {
            return wrong(self.at..whole, "this is no label", EXAMPLE);
        };
        self.skip_blanks();
        let sign = self.at;
        if ["!=", "=~", "!~"].iter().any(|other| self.left().starts_with(other)) {
            let help = "write `=`, and one series for each value that matters";
            return wrong(sign..sign + 2, "series are chosen by equal labels only", help);
        }
        if !self.take('=') {
            return wrong(
                sign..whole,
                format!("the label `{name}` has no value"),
                format!("write `{name}=\"…\"`"),
            );
        }
        self.skip_blanks();
        let begin = self.at;
        if !self.take('"') {
            return wrong(
                begin..whole,
                format!("the value of `{name}` is not in quotes"),
                format!("write `{name}=\"…\"`"),
            );
        }
        let Some((value, length)) = quoted(self.left()) else {
            return wrong(begin..whole, "these quotes are never closed", "write `\"` behind the value");
        };
        self.at += length;
        Ok((name.to_owned(), value))
    }
}

/// What stands before the closing quotes, `\\`, `\"` and `\n` read as Prometheus writes them; and how many bytes
/// that took, quotes included.
pub(crate) fn quoted(text: &str) -> Option<(String, usize)> {
    let mut value = String::new();
    let mut signs = text.char_indices();
    while let Some((at, sign)) = signs.next() {
        match sign {
            '"' => return Some((value, at + 1)),
            '\\' => match signs.next()?.1 {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            sign => value.push(sign),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn selector(metric: &str, labels: &[(&str, &str)]) -> Selector {
        let labels = labels.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        Selector { metric: metric.into(), labels }
    }

    #[test]
    fn metrics_with_and_without_labels() {
        for (text, expected) in [
            ("up", selector("up", &[])),
            (" job:rate:5m {} ", selector("job:rate:5m", &[])),
            ("a_total{route=\"/pay\"}", selector("a_total", &[("route", "/pay")])),
            ("a{ b = \"c, d\" , e=\"}\", }", selector("a", &[("b", "c, d"), ("e", "}")])),
            (r#"a{b="x\"y\\z\n"}"#, selector("a", &[("b", "x\"y\\z\n")])),
        ] {
            assert_eq!(Selector::parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        for (text, problem, at) in [
            ("", "the metric is missing", 0..0),
            ("1up", "this is no metric", 0..3),
            ("up{", "this is no label", 3..3),
            ("up{a}", "the label `a` has no value", 4..5),
            ("up{a=b}", "the value of `a` is not in quotes", 5..7),
            ("up{a=\"b}", "these quotes are never closed", 5..8),
            ("up{a=\"b\" c=\"d\"}", "`,` or `}` is missing here", 9..15),
            ("up{a=~\"b.*\"}", "series are chosen by equal labels only", 4..6),
            ("rate(up[5m])", "this does not belong to the metric", 4..12),
        ] {
            let error = Selector::parse(text).unwrap_err();
            assert_eq!((error.problem.as_str(), error.at), (problem, at), "{text}");
        }
    }

    #[test]
    fn series_may_have_more_labels_than_are_asked_for() {
        let selector = selector("a", &[("route", "/pay"), ("none", "")]);
        let fits = |labels: &[(&'static str, &str)]| {
            let labels: Vec<_> = labels.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
            selector.fits(&labels)
        };
        assert!(fits(&[("method", "POST"), ("route", "/pay")]));
        assert!(!fits(&[("route", "/pays")]));
        assert!(!fits(&[("method", "POST")]));
        assert!(!fits(&[("route", "/pay"), ("none", "some")]));
    }

    proptest! {
        #[test]
        fn no_text_is_too_much_for_it(text in any::<String>()) {
            if let Err(error) = Selector::parse(&text) {
                prop_assert!(error.at.end <= text.len() && text.is_char_boundary(error.at.start), "{error:?}");
            }
        }

        #[test]
        fn what_is_written_as_prometheus_writes_it_is_read(value in any::<String>()) {
            let written = value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n");
            let read = Selector::parse(&format!("a{{b=\"{written}\"}}"));
            prop_assert_eq!(read, Ok(selector("a", &[("b", &value)])));
        }
    }
}
