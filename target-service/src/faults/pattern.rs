//! Which paths a fault is for.

use std::fmt;

/// Paths of the administrator meet no faults, or one could not be ended.
const EXEMPT: &str = "/admin";

/// A pattern of paths, by whole segments: `*` and `{any}` stand for one segment, a `*` at the end for any rest.
/// A pattern without either is a prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    text: String,
    segments: Vec<Segment>,
    open: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Any,
    Is(String),
}

impl Pattern {
    /// Reads a pattern; the error says what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        if text.len() > 256 {
            return Err("path must not be longer than 256 bytes");
        }
        if text != "*" && !text.starts_with('/') {
            return Err("path must begin with `/`, or be `*` for every path");
        }
        let rest = text.strip_suffix('*').filter(|rest| rest.is_empty() || rest.ends_with('/'));
        let stem = rest.unwrap_or(text);
        let segments: Vec<_> = segments(stem).map(Segment::parse).collect();
        let prefix = segments.iter().all(|segment| *segment != Segment::Any);
        Ok(Self { text: text.to_owned(), segments, open: rest.is_some() || prefix })
    }

    pub(crate) fn matches(&self, path: &str) -> bool {
        let mut given = segments(path);
        if path.strip_prefix(EXEMPT).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
            return false;
        }
        let all = self.segments.iter().all(|segment| given.next().is_some_and(|part| segment.matches(part)));
        all && (self.open || given.next().is_none())
    }
}

impl Segment {
    fn parse(text: &str) -> Self {
        let any = text == "*" || (text.starts_with('{') && text.ends_with('}'));
        if any { Self::Any } else { Self::Is(text.to_owned()) }
    }

    fn matches(&self, part: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Is(text) => text == part,
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|segment| !segment.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_segments() {
        for (pattern, path, expected) in [
            ("*", "/anything/at/all", true),
            ("/", "/anything", true),
            ("/api/v1/queues", "/api/v1/queues", true),
            ("/api/v1/queues", "/api/v1/queues/7", true),
            ("/api/v1/queues", "/api/v1/queuesandmore", false),
            ("/api/v1/", "/api/v1/queues", true),
            ("/api/v1/orders/{id}", "/api/v1/orders/7", true),
            ("/api/v1/orders/{id}", "/api/v1/orders", false),
            ("/api/v1/users/{id}/balance", "/api/v1/users/7/balance", true),
            ("/api/v1/users/{id}/balance", "/api/v1/users/7/balance/charge", false),
            ("/api/v1/users/*/balance", "/api/v1/users/7/balance", true),
            ("/api/v1/users/{id}/*", "/api/v1/users/7/balance/charge", true),
            ("/api/*", "/healthz", false),
            ("*", "/admin/faults", false),
            ("/admin", "/admin", false),
            ("/admin", "/administration", false),
            ("/", "/administration", true),
        ] {
            assert_eq!(Pattern::parse(pattern).unwrap().matches(path), expected, "{pattern} on {path}");
        }
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for text in ["", "api", "**", &"/x".repeat(200)] {
            assert!(Pattern::parse(text).is_err(), "{text}");
        }
    }
}
