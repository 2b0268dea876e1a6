//! What only an incident review says.

/// When it began, was seen (if it was), was over and how long it took (if it was over).
type Course = fn(&str, Option<&str>, Option<(&str, &str)>) -> String;

/// Every word of a review that the other reports do not have. The places for people to fill in are Markdown already.
#[derive(Debug)]
pub(in crate::report) struct IncidentWords {
    pub(in crate::report) title: &'static str,
    pub(in crate::report) how_to_read: &'static str,
    pub(in crate::report) item: &'static str,
    pub(in crate::report) content: &'static str,
    pub(in crate::report) test: &'static str,
    pub(in crate::report) purpose: &'static str,
    pub(in crate::report) verdict: &'static str,
    pub(in crate::report) author: &'static str,
    pub(in crate::report) reviewed_on: &'static str,

    // Places for people.
    pub(in crate::report) fill_in: &'static str,
    pub(in crate::report) fill_in_summary: &'static str,
    pub(in crate::report) fill_in_impact: &'static str,
    pub(in crate::report) fill_in_timeline: &'static str,
    pub(in crate::report) fill_in_signals: &'static str,

    pub(in crate::report) summary: &'static str,
    pub(in crate::report) no_load: &'static str,
    pub(in crate::report) no_incident: &'static str,
    pub(in crate::report) no_moment: &'static str,
    pub(in crate::report) course: Course,

    pub(in crate::report) impact: &'static str,
    pub(in crate::report) most_users: &'static str,
    pub(in crate::report) meanwhile: &'static str,
    /// Requests, failures among them, their share, business outcomes.
    pub(in crate::report) in_the_incident: fn(&str, &str, &str, &str) -> String,
    pub(in crate::report) iterations: &'static str,
    pub(in crate::report) by_step: &'static str,
    pub(in crate::report) causes: &'static str,

    pub(in crate::report) timeline: &'static str,
    pub(in crate::report) since: &'static str,
    pub(in crate::report) clock: &'static str,
    pub(in crate::report) event: &'static str,
    pub(in crate::report) load_began: &'static str,
    pub(in crate::report) load_ended: &'static str,
    pub(in crate::report) interrupted: &'static str,
    pub(in crate::report) aborted: fn(&str) -> String,
    pub(in crate::report) users: fn(&str) -> String,
    /// Its name, and the load at its beginning and at its end.
    pub(in crate::report) stage: fn(&str, &str, &str) -> String,
    pub(in crate::report) first_failure: fn(&str) -> String,
    /// What turned, what is normal of it, and the bound.
    pub(in crate::report) turned: fn(&str, &str, &str) -> String,
    pub(in crate::report) worst: fn(&str, &str) -> String,
    pub(in crate::report) back: fn(&str) -> String,
    pub(in crate::report) first_threshold: fn(&str) -> String,
    pub(in crate::report) next_threshold: fn(&str) -> String,
    pub(in crate::report) more_events: fn(usize) -> String,

    pub(in crate::report) detection: &'static str,
    pub(in crate::report) began: &'static str,
    pub(in crate::report) seen: &'static str,
    pub(in crate::report) never_seen: &'static str,
    pub(in crate::report) over: &'static str,
    pub(in crate::report) not_over: &'static str,
    pub(in crate::report) time_to_see: &'static str,
    pub(in crate::report) lasted: &'static str,
    pub(in crate::report) alarm: &'static str,

    pub(in crate::report) signals: &'static str,
    pub(in crate::report) what_turned: &'static str,
    pub(in crate::report) nothing_turned: &'static str,
    pub(in crate::report) figure: &'static str,
    pub(in crate::report) turned_at: &'static str,
    pub(in crate::report) normal: &'static str,
    pub(in crate::report) worst_value: &'static str,
    pub(in crate::report) worst_at: &'static str,
    pub(in crate::report) back_at: &'static str,
    pub(in crate::report) resources: &'static str,
    pub(in crate::report) before: &'static str,
    pub(in crate::report) during: &'static str,
    pub(in crate::report) not_watched: &'static str,
    pub(in crate::report) response_time: fn(&str) -> String,
    pub(in crate::report) failure_share: &'static str,
    pub(in crate::report) business_share: &'static str,
    pub(in crate::report) lateness: &'static str,

    pub(in crate::report) evidence: &'static str,

    pub(in crate::report) whys: &'static str,
    pub(in crate::report) problem: fn(usize, &str) -> String,
    pub(in crate::report) step: &'static str,
    pub(in crate::report) answer: &'static str,
    pub(in crate::report) conclusion: &'static str,
    pub(in crate::report) setup_failed: &'static str,
    pub(in crate::report) never_ready: &'static str,
    /// All failures, and of the most frequent kind how many, of which step and with which cause.
    pub(in crate::report) most_failures: fn(&str, &str, &str, &str) -> String,
    /// The slowest step, and its p95.
    pub(in crate::report) slowest: fn(&str, &str) -> String,
    pub(in crate::report) more_problems: fn(usize) -> String,

    pub(in crate::report) actions: &'static str,
    pub(in crate::report) done: &'static str,
    pub(in crate::report) when: &'static str,
    pub(in crate::report) action: &'static str,
    pub(in crate::report) owner: &'static str,
    pub(in crate::report) due: &'static str,
    pub(in crate::report) short_term: &'static str,
    pub(in crate::report) mid_term: &'static str,
    pub(in crate::report) long_term: &'static str,

    /// How long the warm-up is.
    pub(in crate::report) method: fn(&str) -> String,
}
