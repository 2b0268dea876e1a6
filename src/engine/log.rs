//! `log`: what steps say, kept to an amount that people can read.
//!
//! Of each `log` a worker keeps its first lines, and then one in a second; what is left out is counted, and not
//! even rendered.

use std::time::{Duration, Instant};

use super::user::User;
use super::worker::Worker;
use crate::scenario::model::LogId;
use crate::template::{EvalError, TextTemplate};

/// So many lines of each `log` are kept one by one.
const FIRST: u32 = 20;
/// Letters of a line that are kept.
const LONGEST: usize = 2000;

/// What a `log` step said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    pub log: LogId,
    /// Index into the scenarios of the test.
    pub scenario: u16,
    /// Since the beginning of the load.
    pub at: Duration,
    pub user: u64,
    pub text: String,
    /// How many of the same step came before it, and were left out.
    pub left_out: u64,
}

/// The lines of one worker.
#[derive(Debug, Default)]
pub(super) struct LogBook {
    /// By the number of the `log`.
    logs: Vec<Amount>,
    lines: Vec<LogLine>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Amount {
    kept: u32,
    /// Whether one was kept since the last hand-over.
    is_recent: bool,
    left_out: u64,
}

impl LogBook {
    /// Whether the next line of this `log` is kept; if not it is counted.
    fn keeps(&mut self, log: LogId) -> bool {
        if self.logs.len() <= log.index() {
            self.logs.resize(log.index() + 1, Amount::default());
        }
        let amount = &mut self.logs[log.index()];
        let keeps = amount.kept < FIRST || !amount.is_recent;
        if keeps {
            amount.kept = amount.kept.saturating_add(1);
            amount.is_recent = true;
        } else {
            amount.left_out += 1;
        }
        keeps
    }

    fn add(&mut self, line: LogLine) {
        let left_out = std::mem::take(&mut self.logs[line.log.index()].left_out);
        self.lines.push(LogLine { left_out, ..line });
    }

    /// What came since the last time.
    pub(super) fn hand_over(&mut self) -> Vec<LogLine> {
        self.logs.iter_mut().for_each(|amount| amount.is_recent = false);
        std::mem::take(&mut self.lines)
    }
}

impl Worker {
    pub(super) fn log(&self, user: &mut User, log: LogId, text: &TextTemplate) -> Result<(), EvalError> {
        if !self.logs.borrow_mut().keeps(log) {
            return Ok(());
        }
        let mut text = text.render_to_string(&mut user.scope)?;
        if let Some((end, _)) = text.char_indices().nth(LONGEST) {
            text.truncate(end);
            text.push('…');
        }
        let at = Instant::now().saturating_duration_since(self.epoch());
        let (scenario, user) = (user.scenario, user.scope.user_id);
        self.logs.borrow_mut().add(LogLine { log, scenario, at, user, text, left_out: 0 });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_lines_are_kept_and_then_one_a_second() {
        let mut book = LogBook::default();
        let say = |book: &mut LogBook, times: u32| {
            for user in 1..=u64::from(times) {
                if book.keeps(LogId(1)) {
                    let text = user.to_string();
                    book.add(LogLine {
                        log: LogId(1),
                        scenario: 0,
                        at: Duration::ZERO,
                        user,
                        text,
                        left_out: 0,
                    });
                }
            }
            book.hand_over()
        };
        assert_eq!(say(&mut book, 15).len(), 15);
        // Five more are among the first; the next one that is kept tells of the others.
        assert_eq!(say(&mut book, 100).len(), 5);
        let lines = say(&mut book, 100);
        assert_eq!((lines.len(), lines[0].left_out), (1, 95));
        assert_eq!(say(&mut book, 1)[0].left_out, 99);
        assert_eq!(say(&mut book, 0), []);
    }
}
