//! The lines of `log` steps, as many as people can read: of each step the first, and then one in ten seconds.
//!
//! Workers leave most of them out before they come here; what was left out by either is said with the next line.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::engine::LogLine;
use crate::scenario::model::{LogId, Test};
use crate::units::{count, trim_float};

/// So many lines of each step are shown as they come.
const FIRST: u32 = 20;
/// Between two lines of a step after that.
const EVERY: Duration = Duration::from_secs(10);

/// What has been shown so far.
#[derive(Debug)]
pub struct Said {
    /// The names of the scenarios, where there are several.
    scenarios: Vec<String>,
    logs: BTreeMap<LogId, Amount>,
}

#[derive(Debug, Default)]
struct Amount {
    shown: u32,
    /// When the next line is shown, after the first ones.
    next: Duration,
    left_out: u64,
}

impl Said {
    pub fn new(test: &Test) -> Said {
        let several = test.scenarios.len() > 1;
        let scenarios = test.scenarios.iter().filter(|_| several).map(|scenario| scenario.name.clone());
        Said { scenarios: scenarios.collect(), logs: BTreeMap::new() }
    }

    /// The lines to show of those that came: `log 12.3s user 7: ACTIVE (3,412 others not shown)`.
    pub fn lines(&mut self, came: &[LogLine]) -> Vec<String> {
        came.iter().filter_map(|line| self.line(line)).collect()
    }

    fn line(&mut self, line: &LogLine) -> Option<String> {
        let amount = self.logs.entry(line.log).or_default();
        amount.left_out += line.left_out;
        if amount.shown >= FIRST && line.at < amount.next {
            amount.left_out += 1;
            return None;
        }
        amount.shown = amount.shown.saturating_add(1);
        amount.next = line.at + EVERY;
        let others = match std::mem::take(&mut amount.left_out) {
            0 => String::new(),
            1 => " (1 other not shown)".to_owned(),
            number => format!(" ({} others not shown)", count(number)),
        };
        let at = trim_float((line.at.as_secs_f64() * 10.0).round() / 10.0);
        let scenario = self.scenarios.get(usize::from(line.scenario));
        let scenario = scenario.map(|name| format!("{name} ")).unwrap_or_default();
        // `setup`, `verify` and `teardown` have no users.
        let user = if line.user == 0 { String::new() } else { format!("user {}", line.user) };
        let who = format!("{scenario}{user}");
        let who = if who.is_empty() { String::new() } else { format!(" {}", who.trim_end()) };
        Some(format!("log {at}s{who}: {}{others}", line.text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(millis: u64, left_out: u64) -> LogLine {
        let at = Duration::from_millis(millis);
        LogLine { log: LogId(0), scenario: 0, at, user: 7, text: "hello".into(), left_out }
    }

    #[test]
    fn the_first_lines_are_shown_and_then_one_in_ten_seconds() {
        let mut said = Said { scenarios: Vec::new(), logs: BTreeMap::new() };
        let first: Vec<LogLine> = (0..20).map(|n| line(n * 10, 0)).collect();
        assert_eq!(said.lines(&first).len(), 20);
        let later: Vec<LogLine> = (1..=30).map(|second| line(second * 1000, 99)).collect();
        let shown = said.lines(&later);
        assert_eq!(shown.len(), 2, "{shown:?}");
        assert!(shown[0].starts_with("log 11s user 7: hello ("), "{shown:?}");
        // Ten lines that came and were not shown, and 99 before each of eleven.
        assert_eq!(shown[0], "log 11s user 7: hello (1,099 others not shown)");
    }

    #[test]
    fn a_line_says_who_said_it_and_when() {
        let mut said = Said { scenarios: vec!["peak".into(), "browse".into()], logs: BTreeMap::new() };
        let lines = said.lines(&[line(1234, 0), LogLine { user: 0, scenario: 1, ..line(0, 1) }]);
        assert_eq!(lines, ["log 1.2s peak user 7: hello", "log 0s browse: hello (1 other not shown)"]);
    }
}
