//! Coordinated omission: a server that answers in a millisecond but stands still for two seconds. What users
//! felt must be in the figures, by the arithmetic of the stall, and apart from what the server took.
//!
//! In ten seconds a fifth of all requests is due while the server stands still, and waits between two seconds
//! and none, evenly: a share of 0.2 · (1 − x/2 s) waits longer than x. So p90 is 1.0 s, p95 1.5 s, p99 1.9 s.

use std::time::Duration;

use serde_json::Value;

use crate::known::Known;
use crate::program::{Ended, Loadtest};

const STALL_FROM: Duration = Duration::from_secs(4);
const STALL_TO: Duration = Duration::from_secs(6);

fn stalling() -> Known {
    Known::start(|_, since| {
        if (STALL_FROM..STALL_TO).contains(&since) {
            STALL_TO.saturating_sub(since)
        } else {
            Duration::from_millis(1)
        }
    })
}

fn run(load: &str) -> Ended {
    let server = stalling();
    let yaml = format!("name: stall\ntarget: bundled\nload: {load}\nflow:\n  - {{ name: ask, get: /ask }}\n");
    Loadtest::run(&yaml).arg("--target").arg(&server.url).end().expect_accounted()
}

fn times<'a>(ended: &'a Ended, time: &str) -> &'a Value {
    &ended.row("ask")["outcomes"][0][time]
}

#[track_caller]
fn follows_the_stall(times: &Value) {
    for (name, expected) in [("p90_ms", 1000.0), ("p95_ms", 1500.0), ("p99_ms", 1900.0)] {
        let seen = times[name].as_f64().unwrap();
        // Below, a tenth of a second is two places in the order of a hundred. Above, whatever else this machine
        // does keeps users waiting longer, and nothing makes them wait less. Without the stall the figures are
        // a thousand times smaller.
        let range = expected - 120.0..expected + 450.0;
        assert!(range.contains(&seen), "{name} is {seen}, not {expected}: {times:#}");
    }
}

#[track_caller]
fn is_fast(times: &Value, percentile: &str) {
    let seen = times[percentile].as_f64().unwrap();
    assert!(seen < 100.0, "{percentile} is {seen}: {times:#}");
}

#[test]
fn a_paced_closed_load_shows_the_wait_and_the_service_apart() {
    let ended = run("{ users: 10, duration: 10s, pace: 100ms }").expect_code(0);
    assert_eq!(ended.row("ask")["success"], 1000);
    follows_the_stall(times(&ended, "response"));
    // One request of each user met the stall while it was sent: one in a hundred.
    is_fast(times(&ended, "service"), "p95_ms");
    assert!(ended.stdout.contains("Requests waited before they were sent"), "{}", ended.stdout);
}

#[test]
fn a_capped_open_load_that_waits_shows_the_wait_and_the_service_apart() {
    let ended = run("{ rate: 500/s, duration: 10s, max_users: 20, when_full: wait }").expect_code(0);
    assert_eq!(ended.row("ask")["success"], 5000);
    follows_the_stall(times(&ended, "response"));
    is_fast(times(&ended, "service"), "p99_ms");
    assert_eq!(ended.result["scenarios"][0]["dropped"], 0);
    // The target made them wait, not the generator.
    is_fast(&ended.result["scenarios"][0]["lateness"], "p99_ms");
}

#[test]
fn an_open_load_without_a_cap_sends_on_time_and_both_follow_the_stall() {
    let ended = run("{ rate: 500/s, duration: 10s }").expect_code(0);
    assert_eq!(ended.row("ask")["success"], 5000);
    follows_the_stall(times(&ended, "response"));
    follows_the_stall(times(&ended, "service"));
}

#[test]
fn a_closed_load_without_a_pace_says_nothing_of_who_never_came() {
    // The comparison that makes the point: the same stall, and the plain closed model hides it.
    let ended = run("{ users: 10, duration: 10s }").expect_code(0);
    is_fast(times(&ended, "response"), "p99_ms");
}
