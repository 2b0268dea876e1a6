//! The words of the reports, in each language: one table, so that what is not translated does not compile.
//!
//! Names of the test's own (steps, outcomes, thresholds) and causes of failure stay as they are in every language:
//! they are what is typed into filters and looked for in code.

mod english;
mod incident;
mod korean;

use std::borrow::Cow;
use std::time::Duration;

use serde::Serialize;

use self::incident::IncidentWords;
use crate::result::gist::{Gist, Missed};
use crate::result::{Doubt, TrendResult, Validity, harmless};

/// A language of reports: English or Korean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Lang {
    // Not documented one by one: the help of every command would be twice as long for it.
    #[default]
    En,
    Ko,
}

impl Lang {
    pub(super) const fn words(self) -> &'static Words {
        match self {
            Lang::En => &english::WORDS,
            Lang::Ko => &korean::WORDS,
        }
    }
}

/// Every word of a report that is not a figure and not of the test's own.
#[derive(Debug, Serialize)]
pub(super) struct Words {
    /// The language as HTML names it.
    pub(super) code: &'static str,

    // Sentences that hold figures.
    #[serde(skip)]
    pub(super) gist: fn(&Gist<'_>) -> String,
    #[serde(skip)]
    pub(super) missed: fn(&Missed<'_>) -> String,
    #[serde(skip)]
    pub(super) doubt: fn(&Doubt) -> String,
    #[serde(skip)]
    pub(super) duration: fn(Duration) -> String,
    #[serde(skip)]
    pub(super) scenarios: fn(usize) -> String,
    #[serde(skip)]
    pub(super) of_load: fn(&str) -> String,
    #[serde(skip)]
    pub(super) aborted: fn(&str) -> String,
    #[serde(skip)]
    pub(super) worst_window: fn(&str) -> String,
    #[serde(skip)]
    pub(super) first_broken_at: fn(&str) -> String,
    #[serde(skip)]
    pub(super) ended_the_run_at: fn(&str) -> String,
    #[serde(skip)]
    pub(super) cores: fn(u32) -> String,
    #[serde(skip)]
    pub(super) workers: fn(u32) -> String,
    #[serde(skip)]
    pub(super) of_its_cores: fn(f64) -> String,
    #[serde(skip)]
    pub(super) more_causes: fn(usize) -> String,

    // The run.
    #[serde(skip)]
    pub(super) kinds: &'static [(&'static str, &'static str)],
    pub(super) closed_model: &'static str,
    pub(super) open_model: &'static str,
    pub(super) bundled: &'static str,
    pub(super) insecure: &'static str,
    pub(super) stopped: &'static str,
    pub(super) invariant_broken: &'static str,
    pub(super) invariant_not_asked: &'static str,
    pub(super) run_valid: &'static str,
    pub(super) run_suspect: &'static str,
    pub(super) run_invalid: &'static str,
    pub(super) run: &'static str,
    pub(super) validity: &'static str,
    pub(super) target: &'static str,
    pub(super) started: &'static str,
    pub(super) generator: &'static str,
    pub(super) effort: &'static str,
    pub(super) file: &'static str,
    pub(super) seed: &'static str,
    pub(super) version: &'static str,
    pub(super) again: &'static str,

    // What was asked.
    pub(super) thresholds: &'static str,
    pub(super) threshold: &'static str,
    pub(super) met: &'static str,
    pub(super) is_met: &'static str,
    pub(super) is_not_met: &'static str,
    pub(super) observed: &'static str,
    pub(super) limit: &'static str,
    pub(super) notes: &'static str,
    pub(super) implied: &'static str,
    pub(super) no_samples: &'static str,
    pub(super) invariants: &'static str,
    pub(super) invariant: &'static str,
    pub(super) holds: &'static str,
    pub(super) held: &'static str,
    pub(super) broken: &'static str,
    pub(super) skipped: &'static str,
    pub(super) not_asked: &'static str,
    pub(super) checks: &'static str,
    pub(super) check: &'static str,
    pub(super) times_held: &'static str,
    pub(super) tried: &'static str,
    pub(super) always: &'static str,
    pub(super) not_always: &'static str,
    pub(super) never_tried: &'static str,

    // Steps and outcomes.
    pub(super) steps: &'static str,
    pub(super) step: &'static str,
    pub(super) outcome: &'static str,
    pub(super) success: &'static str,
    pub(super) business: &'static str,
    pub(super) failure: &'static str,
    pub(super) count: &'static str,
    pub(super) share: &'static str,
    pub(super) rate: &'static str,
    pub(super) longest: &'static str,
    pub(super) only_interrupted: &'static str,
    pub(super) not_reached: &'static str,
    pub(super) optional: &'static str,
    pub(super) business_note: &'static str,
    pub(super) waited: &'static str,
    pub(super) waited_note: &'static str,
    pub(super) response_p50: &'static str,
    pub(super) service_p50: &'static str,
    pub(super) response_p99: &'static str,
    pub(super) service_p99: &'static str,

    // What was sent.
    pub(super) requests: &'static str,
    pub(super) interrupted: &'static str,
    pub(super) in_doubt: &'static str,
    pub(super) optional_besides: &'static str,
    pub(super) sent: &'static str,
    pub(super) received: &'static str,
    pub(super) iterations: &'static str,
    pub(super) scenario: &'static str,
    pub(super) completed: &'static str,
    pub(super) ended_early: &'static str,
    pub(super) cut: &'static str,
    pub(super) abandoned: &'static str,
    pub(super) dropped: &'static str,
    pub(super) lateness_p99: &'static str,
    pub(super) lateness_longest: &'static str,
    pub(super) lateness_note: &'static str,
    pub(super) throttled: &'static str,
    pub(super) throttled_p95: &'static str,
    pub(super) groups: &'static str,
    pub(super) group: &'static str,
    pub(super) metrics: &'static str,
    pub(super) metric: &'static str,
    pub(super) samples: &'static str,
    pub(super) value: &'static str,
    pub(super) average: &'static str,

    // Polls, and waiting for a turn.
    pub(super) polls: &'static str,
    pub(super) poll: &'static str,
    pub(super) turns: &'static str,
    pub(super) queue: &'static str,
    pub(super) got: &'static str,
    pub(super) had_turn: &'static str,
    pub(super) gave_up: &'static str,
    pub(super) left: &'static str,
    pub(super) ended_by_step: &'static str,
    pub(super) still_waiting: &'static str,
    pub(super) turns_note: &'static str,
    pub(super) places: &'static str,
    pub(super) waiting_most: &'static str,
    pub(super) told: &'static str,
    pub(super) least: &'static str,

    // What grew.
    pub(super) drift: &'static str,
    pub(super) course: &'static str,
    pub(super) confidence_from: &'static str,
    pub(super) confidence_to: &'static str,
    #[serde(skip)]
    pub(super) trend: fn(&TrendResult) -> String,
    #[serde(skip)]
    pub(super) drift_note: fn(&str) -> String,

    // What the target used.
    pub(super) resources: &'static str,
    pub(super) source: &'static str,
    pub(super) figure: &'static str,
    pub(super) first: &'static str,
    pub(super) last: &'static str,
    pub(super) not_watched: &'static str,
    #[serde(skip)]
    pub(super) cpu_of_limit: fn(&str) -> String,
    pub(super) cpu_of_one_core: &'static str,
    #[serde(skip)]
    pub(super) memory_limit: fn(&str) -> String,
    #[serde(skip)]
    pub(super) gauges: &'static [(&'static str, &'static str)],

    // Failures.
    pub(super) failures: &'static str,
    pub(super) no_answer: &'static str,
    pub(super) first_seen: &'static str,

    // Templates ask for these apart.
    #[serde(skip)]
    pub(super) page: PageWords,
    #[serde(skip)]
    pub(super) incident: IncidentWords,
}

/// What only a page with charts says.
#[derive(Debug, Serialize)]
pub(in crate::report) struct PageWords {
    pub(super) skip: &'static str,
    pub(super) contents: &'static str,
    pub(super) theme: &'static str,
    pub(super) theme_hint: &'static str,
    pub(super) figures: &'static str,
    pub(super) over_time: &'static str,
    pub(super) marks_note: &'static str,
    pub(super) zoom_hint: &'static str,
    pub(super) reset: &'static str,
    pub(super) no_scripts: &'static str,
    pub(super) no_series: &'static str,
    pub(super) as_table: &'static str,
    pub(super) time: &'static str,
    #[serde(skip)]
    pub(super) thinned: fn(u32) -> String,
    pub(super) made_from: &'static str,
    pub(super) requested: &'static str,
    pub(super) answered: &'static str,
    pub(super) verdict: &'static str,

    // Charts, their lines and what one should know to read them.
    pub(super) users: &'static str,
    pub(super) arrivals: &'static str,
    pub(super) planned: &'static str,
    pub(super) at_once: &'static str,
    pub(super) throughput: &'static str,
    pub(super) begun: &'static str,
    pub(super) response_times: &'static str,
    pub(super) response_times_note: &'static str,
    pub(super) by_cause: &'static str,
    pub(super) lateness: &'static str,
    pub(super) cpu: &'static str,
    pub(super) memory: &'static str,
    pub(super) network: &'static str,
    pub(super) other: &'static str,
    pub(super) values: &'static str,
    pub(super) rates: &'static str,
    pub(super) waiting: &'static str,
    pub(super) places: &'static str,
    pub(super) places_note: &'static str,
    pub(super) curve: &'static str,
    pub(super) curve_note: &'static str,
    pub(super) percentile: &'static str,
    pub(super) all_steps: &'static str,
    pub(super) heat: &'static str,
    #[serde(skip)]
    pub(super) heat_note: fn(u32) -> String,
    pub(super) heat_of: &'static str,
    pub(super) answers: &'static str,
    pub(super) from_to: &'static str,
    pub(super) stage: &'static str,
    pub(super) first_broken: &'static str,
}

impl Words {
    /// Why a threshold has no figure.
    pub(super) fn reason(&self, reason: Option<&str>) -> String {
        match reason {
            None | Some("no samples") => self.no_samples.into(),
            Some(other) => harmless(other, false).into_owned(),
        }
    }

    /// `stress`, `spike` … as the file says.
    pub(super) fn kind<'a>(&self, kind: &'a str) -> Cow<'a, str> {
        let known = self.kinds.iter().find(|(name, _)| *name == kind);
        known.map_or_else(|| harmless(kind, false), |(_, word)| Cow::Borrowed(*word))
    }

    /// A figure of something watched; of one that is not known, its name.
    pub(super) fn gauge<'a>(&self, name: &'a str) -> Cow<'a, str> {
        let known = self.gauges.iter().find(|(known, _)| *known == name);
        known.map_or_else(|| harmless(name, false), |(_, word)| Cow::Borrowed(*word))
    }

    /// The reasons not to believe a run. Those that only an older or newer version can put into words stay in its
    /// words.
    pub(super) fn doubts(&self, validity: &Validity) -> Vec<String> {
        let said = |(place, reason): (usize, &String)| match validity.doubts.get(place) {
            Some(Doubt::Other) | None => harmless(reason, false).into_owned(),
            Some(doubt) => (self.doubt)(doubt),
        };
        validity.reasons.iter().enumerate().map(said).collect()
    }
}

#[cfg(test)]
mod tests;
