//! An incident review as a team writes one after a load test: what happened, who was hit, when it was seen and when it
//! was over, with the figures that show it.
//!
//! It holds what the run tells and nothing else. What only people know (why, what was done, who does what next) stands
//! there as a skeleton, every place of it marked.

mod impact;
mod signals;
mod skeleton;
mod timeline;

use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp};

use super::analysis::{self, Incident, Signal};
use super::content;
use super::escape::markdown as text;
use super::markdown::{block, failures, table};
use super::words::{Lang, Words};
use crate::result::{Ended, RunResult};

/// What the parts of a review are made of.
struct Review<'a> {
    result: &'a RunResult,
    words: &'static Words,
    signals: Vec<Signal<'a>>,
    incident: Option<Incident>,
    started: Option<Timestamp>,
}

/// The whole review in Markdown, ending in a line break.
pub fn render(result: &RunResult, lang: Lang) -> String {
    let signals = analysis::signals(result);
    let review = Review {
        result,
        words: lang.words(),
        incident: analysis::incident(result, &signals),
        signals,
        started: result.started.parse().ok(),
    };
    let sections = [
        Some(review.head()),
        Some(review.summary()),
        review.impact(),
        review.timeline(),
        review.detection(),
        review.signals(),
        Some(review.evidence()),
        review.whys(),
        Some(review.actions()),
        review.method(),
    ];
    let sections: Vec<String> =
        sections.into_iter().flatten().map(|section| section.trim_end().to_owned()).collect();
    sections.join("\n\n") + "\n"
}

impl Review<'_> {
    fn was_load(&self) -> bool {
        !matches!(self.result.verdict.ended, Ended::NotReady(_) | Ended::SetupFailed(_))
    }

    /// A moment of the load: since its beginning, and by the clock.
    fn moment(&self, at_s: f64) -> String {
        match self.clock(at_s) {
            Some(clock) => format!("{} ({clock})", offset(at_s)),
            None => offset(at_s),
        }
    }

    /// `09:30:47`, in UTC.
    fn clock(&self, at_s: f64) -> Option<String> {
        let at = self.started?.checked_add(SignedDuration::try_from_secs_f64(at_s).ok()?).ok()?;
        Some(at.strftime("%H:%M:%S").to_string())
    }

    fn length(&self, seconds: f64) -> String {
        super::figures::span(seconds).map_or_else(|| "?".into(), self.words.duration)
    }

    fn head(&self) -> String {
        let Review { result, words, .. } = self;
        let i = &words.incident;
        let mut out = format!("# {}: {}\n\n", text(i.title), text(&content::title(result)));
        let _ = writeln!(out, "> {}\n", text(i.how_to_read));
        let facts = [
            (i.test, content::facts(result, words).join(" · ")),
            (i.purpose, result.scenario.description.clone().unwrap_or_default().trim().to_owned()),
            (i.verdict, content::verdict(result, words).line),
        ];
        let _ = writeln!(out, "| {} | {} |\n|---|---|", text(i.item), text(i.content));
        for (name, fact) in facts.into_iter().filter(|(_, fact)| !fact.is_empty()) {
            let _ = writeln!(out, "| {} | {} |", text(name), text(&fact));
        }
        for name in [i.author, i.reviewed_on] {
            let _ = writeln!(out, "| {} | {} |", text(name), i.fill_in);
        }
        out
    }

    fn summary(&self) -> String {
        let Review { result, words, incident, .. } = self;
        let i = &words.incident;
        let mut out = heading(i.summary);
        if !self.was_load() {
            let _ = writeln!(out, "{}", text(i.no_load));
            return out + &format!("\n{}\n", i.fill_in_summary);
        }
        match incident {
            None if result.verdict.exit_code == 0 => {
                let _ = writeln!(out, "{}", text(i.no_incident));
                return out;
            }
            None => {
                let _ = writeln!(out, "{}", text(i.no_moment));
            }
            Some(Incident { from_s, seen_at_s, to_s }) => {
                let seen = seen_at_s.map(|seen| self.moment(seen));
                let over = to_s.map(|to| (self.moment(to), self.length(to - from_s)));
                let over = over.as_ref().map(|(at, length)| (at.as_str(), length.as_str()));
                let course = (i.course)(&self.moment(*from_s), seen.as_deref(), over);
                let _ = writeln!(out, "{}", text(&course));
            }
        }
        let why = content::verdict(result, words).why;
        if !why.is_empty() {
            out.push('\n');
        }
        for (_, reason) in why {
            let _ = writeln!(out, "- {}", text(&reason));
        }
        out + &format!("\n{}\n", i.fill_in_summary)
    }

    /// When it was seen and over, in figures.
    fn detection(&self) -> Option<String> {
        let i = &self.words.incident;
        let Incident { from_s, seen_at_s, to_s } = self.incident?;
        let mut out = heading(i.detection);
        let _ = writeln!(out, "| {} | {} |\n|---|---|", text(i.item), text(i.content));
        let seen = seen_at_s.map_or_else(|| i.never_seen.to_owned(), |at| self.moment(at));
        let over = to_s.map_or_else(|| i.not_over.to_owned(), |at| self.moment(at));
        let mut rows = vec![(i.began, self.moment(from_s)), (i.seen, seen), (i.over, over)];
        rows.extend(seen_at_s.map(|seen| (i.time_to_see, self.length((seen - from_s).max(0.0)))));
        rows.extend(to_s.map(|to| (i.lasted, self.length(to - from_s))));
        for (name, value) in rows {
            let _ = writeln!(out, "| {} | {} |", text(name), text(&value));
        }
        let _ = writeln!(out, "| {} | {} |", text(i.alarm), i.fill_in);
        Some(out)
    }

    fn evidence(&self) -> String {
        let Review { result, words, .. } = self;
        let i = &words.incident;
        let mut out = heading(i.evidence);
        if self.was_load() {
            let tables = [
                content::thresholds(result, words),
                content::invariants(result, words),
                content::steps(result, words),
            ];
            tables.iter().flatten().for_each(|one| out += &format!("{}\n", table(one, 3)));
            out += &failures(result, words).unwrap_or_default();
        }
        let _ = write!(out, "\n### {}\n\n", text(words.run));
        for (name, fact) in content::machine(result, words) {
            let _ = writeln!(out, "- {}: {}", text(name), text(&fact));
        }
        let _ = write!(out, "\n{}\n\n{}", text(words.again), block(&content::command(result), "sh", 0));
        out
    }

    /// How it was found out, so that nobody takes it for more than it is.
    fn method(&self) -> Option<String> {
        let i = &self.words.incident;
        self.was_load().then(|| {
            let warm = self.length(analysis::warm_up(self.result.load_s));
            format!("---\n\n{}\n", text(&(i.method)(&warm)))
        })
    }
}

fn heading(title: &str) -> String {
    format!("## {}\n\n", text(title))
}

/// `+0:42`, `+1:02:03`.
fn offset(at_s: f64) -> String {
    let whole = at_s.max(0.0).round() as u64;
    let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
    if hours > 0 { format!("+{hours}:{minutes:02}:{seconds:02}") } else { format!("+{minutes}:{seconds:02}") }
}

#[cfg(test)]
mod tests;
