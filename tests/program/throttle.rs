//! `throttle`: a cap on requests over all users and workers, and the waits for it.

use crate::support::program::Loadtest;
use crate::support::recording::{Answer, Recording};

/// Many users who would send thousands: no more than the cap goes out, however many workers there are.
#[test]
fn no_more_requests_go_out_than_the_cap() {
    for (load, workers) in [
        ("users: 20, duration: 3s", "1"),
        ("users: 20, duration: 3s", "3"),
        ("rate: 400/s, duration: 3s", "2"),
    ] {
        let server = Recording::start(|_| Answer::ok());
        let yaml = format!(
            "target: {}\nload: {{ {load}, throttle: 50/s, graceful_stop: 0s }}\n\
             flow:\n  - get: /a\n  - get: /b\n\
             thresholds:\n  throttled: [count > 10]\n",
            server.url()
        );
        let ended = Loadtest::run(&yaml).args(&["--workers", workers]).end();
        let ended = ended.expect_code_unless_late(0).expect_accounted();
        let all = ended.total("attempted");
        let most = 50.0 * ended.result["wall_s"].as_f64().unwrap() + 2.0;
        assert!(all as f64 <= most, "{load}, {workers} workers: {all} of {most}; {}", ended.said());
        assert!(all >= 75, "{load}, {workers} workers: {all} of about 150; {}", ended.said());
        assert_eq!(server.asked().len() as u64, all, "{}", ended.said());
    }
}

/// A wait for the throttle is no response time: the request is due when its turn has come.
#[test]
fn waits_are_counted_apart_from_response_times() {
    let server = Recording::start(|_| Answer::ok());
    let yaml = format!(
        "target: {}\nload: {{ users: 10, iterations: 40, throttle: 40/s }}\n\
         flow:\n  - name: ask\n    get: /a\n\
         thresholds:\n  throttled: [count >= 30, p50 > 100ms]\n",
        server.url()
    );
    let ended = Loadtest::run(&yaml).end().expect_passed();
    let throttled = &ended.list("scenarios")[0]["throttled"];
    assert!((30..=40).contains(&throttled["count"].as_u64().unwrap()), "{throttled:#}");
    // Ten users, one turn every 25 ms: each waits for the nine before it.
    assert!(throttled["p50_ms"].as_f64().unwrap() > 100.0, "{throttled:#}");
    let response = &ended.row("ask")["outcomes"][0]["response"];
    assert!(response["p50_ms"].as_f64() < throttled["p50_ms"].as_f64(), "{response:#}");
    // The iteration took all of it.
    let iteration = &ended.list("scenarios")[0]["duration"];
    assert!(iteration["p50_ms"].as_f64().unwrap() > 100.0, "{iteration:#}");
    let line = ended.stdout.lines().find(|line| line.trim_start().starts_with("throttled "));
    assert!(line.is_some_and(|line| line.contains("p50")), "{}", ended.said());
}

/// Who never had to wait has no sample, and no line in the report.
#[test]
fn a_throttle_that_never_held_anybody_says_nothing() {
    let server = Recording::start(|_| Answer::ok());
    let yaml = format!(
        "target: {}\nload: {{ users: 1, iterations: 3, throttle: 1000/s }}\n\
         flow:\n  - get: /a\n  - think: 20ms\n\
         thresholds:\n  throttled: [count == 0]\n",
        server.url()
    );
    let ended = Loadtest::run(&yaml).end().expect_passed();
    assert!(ended.list("scenarios")[0]["throttled"].is_null(), "{}", ended.said());
    assert!(
        !ended.stdout.lines().any(|line| line.trim_start().starts_with("throttled ")),
        "{}",
        ended.said()
    );
}

/// Who still waits for the throttle when the time is over has sent nothing: the iteration is interrupted, and
/// no request is missing in the account. What is done once is not held up.
#[test]
fn who_waits_at_the_end_has_sent_nothing() {
    let server = Recording::start(|_| Answer::ok());
    let yaml = format!(
        "target: {}\nsetup:\n  - repeat: 5\n    do:\n      - get: /setup\n\
         load: {{ users: 8, duration: 300ms, throttle: 1/min, graceful_stop: 100ms }}\n\
         flow:\n  - get: /a\n",
        server.url()
    );
    let ended = Loadtest::run(&yaml).end().expect_passed();
    assert_eq!(server.asked_for("/setup").len(), 5);
    assert_eq!((server.asked_for("/a").len(), ended.total("attempted")), (1, 1), "{}", ended.said());
    assert_eq!(ended.iterations("interrupted"), 8, "{}", ended.said());
}
