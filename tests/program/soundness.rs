//! When a run is not to be believed: what provokes each rule, and what is said then. What the generator could
//! not do at all (no descriptors, no ports, a broken template) is among the faults.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::support::program::{Ended, Loadtest};
use crate::support::recording::{Answer, Recording};

/// A generator that was held up itself says so, and proves nothing about the target.
#[test]
fn a_generator_that_was_late_is_not_believed() {
    let server = Recording::start(|_| Answer::ok());
    let yaml =
        format!("target: {}\nload: {{ rate: 100/s, duration: 3s }}\nflow:\n  - get: /a\n", server.url());
    let running = Loadtest::run(&yaml).start();
    server.wait_for(20);
    running.signal(Signal::STOP);
    // A fifth of a second of lateness for one in a hundred is enough; this is far more, for one in five.
    std::thread::sleep(Duration::from_millis(800));
    running.signal(Signal::CONT);
    let ended = running.end().expect_code(97).expect_accounted();
    assert_eq!(ended.total("success"), 300, "all were sent in the end: {}", ended.said());
    assert_eq!(ended.result["validity"]["verdict"], "invalid");
    assert!(ended.stdout.contains("the generator was late: p99"), "{}", ended.said());
}

/// Holds the generator up for a moment, again and again; for how long at the most.
fn held_up_in_moments(server: &Recording, strict: bool) -> (Ended, Duration) {
    const MOMENT: Duration = Duration::from_millis(40);
    let yaml =
        format!("target: {}\nload: {{ rate: 200/s, duration: 3s }}\nflow:\n  - get: /a\n", server.url());
    let before = server.asked().len();
    let run = Loadtest::run(&yaml);
    let running = if strict { run.arg("--strict") } else { run }.start();
    let mut longest = Duration::ZERO;
    for number in 1..=6 {
        server.wait_for(before + 60 * number);
        let since = Instant::now();
        running.signal(Signal::STOP);
        std::thread::sleep(MOMENT);
        running.signal(Signal::CONT);
        longest = longest.max(since.elapsed());
    }
    (running.end(), longest)
}

/// A few hundredths of a second are no proof against the run, and no pass under `--strict` either.
#[test]
fn a_generator_that_was_a_little_late_is_suspect() {
    let server = Recording::start(|_| Answer::ok());
    for strict in [false, true] {
        // Where the machine made one of the moments longer, or the program was late on top of it, the run shows
        // another rule. Tried again, not asserted otherwise.
        let ended = (0..10)
            .map(|_| held_up_in_moments(&server, strict))
            .find(|(ended, longest)| {
                *longest < Duration::from_millis(80) && ended.result["validity"]["verdict"] != "invalid"
            })
            .map(|(ended, _)| ended)
            .expect("one of ten tries without a longer interruption");
        assert_eq!(ended.result["validity"]["verdict"], "suspect", "{}", ended.said());
        let ended = ended.expect_code(if strict { 97 } else { 0 }).expect_accounted();
        let reason = ended.result["validity"]["reasons"][0].as_str().unwrap_or_default();
        assert!(reason.starts_with("the generator was late: p99 "), "{reason}");
        assert!(reason.contains("(limit 10ms)"), "{reason}");
        let told = if strict { "SUSPECT (exit 97, by --strict): the generator was late" } else { "suspect" };
        assert!(ended.stdout.contains(told), "{}", ended.said());
        assert_eq!(ended.total("success"), 600, "{}", ended.said());
    }
}

/// Whoever computes all the time may be what is slow.
#[test]
fn a_generator_without_room_is_suspect() {
    let server = Recording::start(|_| Answer::ok());
    let yaml = format!(
        "target: {}\nload: {{ users: 4, duration: 3s }}\nvars:\n  big: '${{ \"x\" * 100000 }}'\n\
         flow:\n  - get: /a\n  - set: {{ digest: '${{ sha256(big) }}' }}\n",
        server.url()
    );
    for (strict, code) in [(false, 0), (true, 97)] {
        // Ahead of all other programs, for it is the share of a whole core that is looked at.
        let run = Loadtest::run(&yaml).after_shell("renice -n -19 $$ >/dev/null 2>&1");
        let run = if strict { run.arg("--strict") } else { run };
        let ended = run.end().expect_code(code).expect_accounted();
        assert_eq!(ended.result["validity"]["verdict"], "suspect", "{}", ended.said());
        let reasons = ended.result["validity"]["reasons"].to_string();
        assert!(reasons.contains("% of its cores (limit 90%)"), "{reasons}");
        assert!(ended.result["generator"]["cpu_share"].as_f64().unwrap() > 0.9, "{reasons}");
    }
}
