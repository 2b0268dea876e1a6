//! Who was hit: users, requests and steps; business outcomes apart from failures.

use std::fmt::Write as _;

use super::{Review, heading};
use crate::report::analysis::Incident;
use crate::report::content::{Cell, Table, Tone, named};
use crate::report::escape::markdown as text;
use crate::report::figures::{of_scenario, tenths};
use crate::report::markdown::table;
use crate::result::{OutcomeKind, RowResult};
use crate::units::count;

impl Review<'_> {
    pub(super) fn impact(&self) -> Option<String> {
        if !self.was_load() {
            return None;
        }
        let i = &self.words.incident;
        let mut out = heading(i.impact);
        for (name, fact) in self.people() {
            let _ = writeln!(out, "- {}: {}", text(name), text(&fact));
        }
        if let Some(steps) = self.steps() {
            let _ = write!(out, "\n{}", table(&steps, 3));
        }
        let _ = write!(out, "\n{}\n\n{}\n", text(self.words.business_note), i.fill_in_impact);
        Some(out)
    }

    /// Users, iterations and requests, in the incident and in all.
    fn people(&self) -> Vec<(&'static str, String)> {
        let Review { result, words, .. } = self;
        let i = &words.incident;
        let series = &result.series;
        let mut facts = Vec::new();
        if let Some(most) = series.users.iter().max() {
            facts.push((i.most_users, count(*most)));
        }
        if let Some(Incident { from_s, to_s, .. }) = self.incident {
            let to_s = to_s.unwrap_or(f64::INFINITY);
            let within = |column: &[u64]| -> u64 {
                let seconds = series.at_s.iter().zip(column);
                seconds.filter(|(at, _)| (from_s..to_s).contains(&f64::from(**at))).map(|(_, n)| n).sum()
            };
            let [success, business, failure] =
                [&series.success, &series.business, &series.failure].map(|column| within(column));
            let finished = success + business + failure;
            if finished > 0 {
                let share = tenths(failure as f64 / finished as f64);
                let said = (i.in_the_incident)(&count(finished), &count(failure), &share, &count(business));
                facts.push((i.meanwhile, said));
            }
        }
        let sum = |pick: fn(&crate::result::ScenarioResult) -> u64| -> u64 {
            result.scenarios.iter().map(pick).sum()
        };
        facts.push((i.iterations, count(sum(|scenario| scenario.started))));
        for (name, number) in [
            (words.ended_early, sum(|scenario| scenario.ended_early)),
            (words.cut, sum(|scenario| scenario.cut)),
            (words.abandoned, sum(|scenario| scenario.abandoned)),
            (words.interrupted, sum(|scenario| scenario.interrupted)),
            (words.dropped, sum(|scenario| scenario.dropped)),
            (words.in_doubt, result.totals.in_doubt),
        ] {
            if number > 0 {
                facts.push((name, count(number)));
            }
        }
        facts
    }

    /// A row for each step: what failed, and what was rightly refused.
    fn steps(&self) -> Option<Table> {
        let words = self.words;
        let figures = [words.requests, words.failure, words.share, words.business];
        let mut steps = Table::new(words.incident.by_step, &[words.step], &figures);
        steps.columns.push(crate::report::content::Column { head: words.incident.causes, is_figure: false });
        for row in self.result.rows.iter().filter(|row| row.attempted > 0) {
            let finished = row.success + row.business + row.failure;
            let share =
                if finished > 0 { tenths(row.failure as f64 / finished as f64) } else { String::new() };
            let tone = if row.failure > 0 { Tone::Bad } else { Tone::Plain };
            steps.rows.push(vec![
                Cell::new(named(&of_scenario(self.result, &row.scenario, &row.name), row.optional, words)),
                Cell::new(count(row.attempted)),
                Cell::toned(tone, count(row.failure)),
                Cell::new(share),
                Cell::new(count(row.business)),
                Cell::new(causes(row)),
            ]);
        }
        steps.if_any()
    }
}

/// `status 503 (216), timeout (wait) (3)`.
fn causes(row: &RowResult) -> String {
    let failures =
        row.outcomes.iter().filter(|outcome| outcome.kind == OutcomeKind::Failure && outcome.count > 0);
    let causes: Vec<String> =
        failures.take(4).map(|outcome| format!("{} ({})", outcome.name, count(outcome.count))).collect();
    causes.join(", ")
}
