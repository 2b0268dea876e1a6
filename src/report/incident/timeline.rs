//! What happened when, as far as the run tells it.

use std::fmt::Write as _;

use super::signals::figure;
use super::{Review, heading, offset};
use crate::report::analysis::seen_at;
use crate::report::content::plain;
use crate::report::escape::markdown as text;
use crate::result::Ended;

/// How many lines a timeline has at most.
const MOST: usize = 60;

impl Review<'_> {
    pub(super) fn timeline(&self) -> Option<String> {
        if !self.was_load() {
            return None;
        }
        let i = &self.words.incident;
        let mut events = self.events();
        // What comes at the same second stays in the order in which it was said.
        events.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        let more = events.len().saturating_sub(MOST);
        events.truncate(MOST);
        let mut out = heading(i.timeline);
        let _ = writeln!(out, "| {} | {} | {} |\n|---|---|---|", text(i.since), text(i.clock), text(i.event));
        for (at_s, event) in events {
            let clock = self.clock(at_s).unwrap_or_default();
            let _ = writeln!(out, "| {} | {clock} | {} |", offset(at_s), text(&event));
        }
        if more > 0 {
            let _ = writeln!(out, "\n{}", text(&(i.more_events)(more)));
        }
        let _ = writeln!(out, "\n{}", i.fill_in_timeline);
        Some(out)
    }

    fn events(&self) -> Vec<(f64, String)> {
        let Review { result, words, .. } = self;
        let i = &words.incident;
        let mut events = vec![(0.0, i.load_began.to_owned())];
        for scenario in &result.scenarios {
            for stage in &scenario.stages {
                if let Some(name) = &stage.name {
                    let from_to = (self.load_of(scenario, stage.from), self.load_of(scenario, stage.to));
                    events.push((stage.from_s, (i.stage)(&plain(name), &from_to.0, &from_to.1)));
                }
            }
        }
        for cause in &result.series.causes {
            if let Some(first) = cause.at_s.first() {
                events.push((f64::from(*first), (i.first_failure)(&plain(&cause.cause))));
            }
        }
        for signal in &self.signals {
            let name = self.name_of(signal);
            for departure in &signal.departures {
                let figure = |value| figure(signal, value);
                let (normal, bound) = (figure(departure.normal), figure(departure.bound));
                events.push((f64::from(departure.from_s), (i.turned)(&name, &normal, &bound)));
                let is_long = departure.to_s.is_none_or(|to| to > departure.from_s + 10);
                if is_long && departure.worst_at_s > departure.from_s {
                    let worst = (i.worst)(&name, &figure(departure.worst));
                    events.push((f64::from(departure.worst_at_s), worst));
                }
                if let Some(to) = departure.to_s {
                    events.push((f64::from(to), (i.back)(&name)));
                }
            }
        }
        let seen = result.thresholds.iter().filter_map(|one| Some((seen_at(one)?, one)));
        let mut seen: Vec<_> = seen.collect();
        seen.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        for (place, (at, threshold)) in seen.into_iter().enumerate() {
            let say = if place == 0 { i.first_threshold } else { i.next_threshold };
            events.push((at, say(&plain(&threshold.text))));
        }
        let ended = match &result.verdict.ended {
            Ended::Aborted(threshold) => (i.aborted)(&plain(threshold)),
            Ended::Interrupted => i.interrupted.to_owned(),
            Ended::Stopped => words.stopped.to_owned(),
            Ended::Completed | Ended::NotReady(_) | Ended::SetupFailed(_) => i.load_ended.to_owned(),
        };
        events.push((result.load_s, ended));
        events
    }
}
