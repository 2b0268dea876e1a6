//! What people must find out and decide: five whys and action items, to be filled in.

use std::fmt::Write as _;

use super::{Review, heading};
use crate::report::content::plain;
use crate::report::escape::markdown as text;
use crate::report::figures::{of_scenario, time};
use crate::report::markdown::code;
use crate::result::gist::Missed;
use crate::result::{Ended, InvariantState, RowResult};
use crate::units::count;

/// How many problems get whys of their own.
const MOST: usize = 3;

impl Review<'_> {
    /// A table of whys for each thing that went wrong. The first answers are facts; the others are for people.
    pub(super) fn whys(&self) -> Option<String> {
        let i = &self.words.incident;
        let problems = self.problems();
        if problems.is_empty() {
            return None;
        }
        let mut out = heading(i.whys);
        for (number, (name, facts)) in problems.iter().take(MOST).enumerate() {
            let _ = write!(out, "### {}\n\n", (i.problem)(number + 1, &code(name)));
            let _ = writeln!(out, "| {} | {} |\n|---|---|", text(i.step), text(i.answer));
            for why in 1..=5 {
                let answer = facts.get(why - 1).map_or_else(|| i.fill_in.to_owned(), |fact| text(fact));
                let _ = writeln!(out, "| **Why {why}** | {answer} |");
            }
            let _ = write!(out, "\n**{}**: {}\n\n", text(i.conclusion), i.fill_in);
        }
        if let Some(more) = problems.len().checked_sub(MOST).filter(|more| *more > 0) {
            let _ = writeln!(out, "{}", text(&(i.more_problems)(more)));
        }
        Some(out)
    }

    /// What went wrong, and what the run itself says of why.
    fn problems(&self) -> Vec<(String, Vec<String>)> {
        let Review { result, words, .. } = self;
        let i = &words.incident;
        if !self.was_load() {
            let (what, why) = match &result.verdict.ended {
                Ended::SetupFailed(why) => (i.setup_failed, why),
                Ended::NotReady(why) => (i.never_ready, why),
                _ => return Vec::new(),
            };
            return vec![(what.to_owned(), vec![plain(why).into_owned()])];
        }
        let mut problems = Vec::new();
        for threshold in result.thresholds.iter().filter(|threshold| !threshold.met) {
            let mut facts = vec![(words.missed)(&Missed::new(threshold))];
            // What the run tells of why: which failures there were, and which step was slow.
            if threshold.text.starts_with("failures")
                && let Some(most) = result.causes.first()
            {
                let all = result.totals.failure;
                facts.push((i.most_failures)(
                    &count(all),
                    &count(most.count),
                    &plain(&of_scenario(result, &most.scenario, &most.step)),
                    &plain(&most.cause),
                ));
            }
            if threshold.text.starts_with("latency:") {
                facts.extend(self.slowest());
            }
            problems.push((threshold.text.clone(), facts));
        }
        for invariant in &result.invariants {
            if invariant.state == InvariantState::Broken {
                let detail = invariant.detail.as_deref().map(|detail| plain(detail).into_owned());
                let name = of_scenario(result, &invariant.scenario, &invariant.name);
                problems.push((name, detail.into_iter().collect()));
            }
        }
        problems
    }

    /// Of several steps the one whose successes took longest.
    fn slowest(&self) -> Option<String> {
        let Review { result, words, .. } = self;
        let success = |row: &RowResult| row.outcomes.first().and_then(|outcome| outcome.response);
        let rows = result.rows.iter().filter(|row| !row.optional);
        let timed: Vec<_> = rows.filter_map(|row| Some((row, success(row)?.p95_ms))).collect();
        let (slowest, p95_ms) = timed.iter().max_by(|(_, a), (_, b)| a.total_cmp(b))?;
        let name = of_scenario(result, &slowest.scenario, &slowest.name);
        (timed.len() > 1).then(|| (words.incident.slowest)(&plain(&name), &time(*p95_ms)))
    }

    pub(super) fn actions(&self) -> String {
        let i = &self.words.incident;
        let mut out = heading(i.actions);
        let is_incident = self.incident.is_some() || !self.was_load() || self.result.verdict.exit_code != 0;
        if is_incident {
            let _ = write!(out, "### {}\n\n", text(i.done));
            let _ = writeln!(
                out,
                "| {} | {} |\n|---|---|\n| {f} | {f} |\n",
                text(i.when),
                text(i.action),
                f = i.fill_in
            );
        }
        for term in [i.short_term, i.mid_term, i.long_term] {
            let _ = write!(out, "### {}\n\n", text(term));
            let _ = writeln!(
                out,
                "| {} | {} | {} |\n|---|---|---|\n| {f} | {f} | {f} |\n",
                text(i.action),
                text(i.owner),
                text(i.due),
                f = i.fill_in
            );
        }
        out
    }
}
