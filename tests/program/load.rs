//! Users and arrivals: who comes when, how many there are of each, and how they go.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;

use crate::support::faulty::{Behaviour, Faulty};
use crate::support::program::{Ended, Loadtest, wait_until};
use crate::support::recording::{Answer, Recording};

fn echo() -> Recording {
    Recording::start(|asked| Answer::ok().body(&asked.body))
}

/// The users at the end of each second.
#[track_caller]
fn users_by_second(ended: &Ended) -> Vec<u64> {
    let users =
        ended.result["series"]["users"].as_array().unwrap_or_else(|| panic!("{:#}", ended.result["series"]));
    users.iter().map(|users| users.as_u64().unwrap()).collect()
}

/// Up within a second, there for two, gone within a second.
#[test]
fn users_come_and_go_as_stages_say() {
    let server = echo();
    let yaml = format!(
        "target: {}\nload:\n  stages:\n    - {{ duration: 1s, target: 6 }}\n    - {{ duration: 2s, target: 6 }}\n\
         \x20   - {{ duration: 1s, target: 0 }}\n\
         flow:\n  - post: /hello\n    json: {{ user: \"${{ user.id }}\", iteration: \"${{ user.iteration }}\" }}\n  - think: 20ms\n",
        server.url()
    );
    let ended = Loadtest::run(&yaml).end().expect_passed();
    let users = users_by_second(&ended);
    // At the end of the first second the sixth has just come, of the last but one the first is about to go.
    assert!(users.len() >= 4, "{users:?}");
    assert!(users[0] >= 4, "{users:?}");
    assert_eq!(users[1], 6, "{users:?}");
    assert_eq!(*users.last().unwrap(), 0, "{users:?}");
    assert_eq!(ended.total("interrupted"), 0, "{}", ended.said());

    let mut iterations: Vec<(u64, u64)> = Vec::new();
    for asked in server.asked() {
        let (user, iteration) =
            (asked.json()["user"].as_u64().unwrap(), asked.json()["iteration"].as_u64().unwrap());
        let before = iterations.iter().filter(|(known, _)| *known == user).count() as u64;
        assert_eq!(iteration, before + 1, "iterations of a user count from 1, one after another");
        iterations.push((user, iteration));
    }
    let users: BTreeSet<u64> = iterations.iter().map(|(user, _)| *user).collect();
    assert_eq!(users, (1..=6).collect());
    assert_eq!(server.connections(), 7, "a user keeps its connection");
    assert_eq!(ended.iterations("completed"), iterations.len() as u64);
}

/// An iteration that outlasts the grace is cut off: attempted, and in no histogram.
#[test]
fn what_outlasts_the_grace_is_interrupted() {
    let server = Faulty::start(Behaviour::HangBeforeAnswer);
    let yaml = format!(
        "target: {}\nhttp: {{ timeout: 10m }}\nload: {{ users: 3, duration: 500ms, graceful_stop: 100ms }}\n\
         flow:\n  - name: ask\n    get: /a\n\
         thresholds:\n  interrupted: [count == 3]\n  failures: [rate < 1%]\n",
        server.url()
    );
    let ended = Loadtest::run(&yaml).end().expect_code(99).expect_accounted();
    assert_eq!(ended.unmet(), ["failures: rate < 1%"], "no samples, and so not met");
    assert_eq!(ended.row("ask")["interrupted"], 3);
    assert_eq!(ended.row("ask")["attempted"], 3);
    assert_eq!(ended.row("ask")["in_doubt"], 3);
    assert_eq!(ended.iterations("interrupted"), 3);
    assert!(ended.row("ask")["outcomes"][0]["response"].is_null());
    assert!(ended.list("scenarios")[0]["duration"].is_null());
}

/// A user whose time has come does not think its think time to the end.
#[test]
fn retiring_users_skip_their_think_time() {
    let server = echo();
    let yaml = format!(
        "target: {}\nload: {{ users: 4, duration: 300ms, graceful_stop: 50s }}\n\
         flow:\n  - get: /before\n  - think: 10m\n  - get: /after\n",
        server.url()
    );
    let ended = Loadtest::run(&yaml).end().expect_passed();
    assert_eq!(ended.iterations("completed"), 4);
    assert_eq!((server.asked_for("/before").len(), server.asked_for("/after").len()), (4, 4));
}

#[test]
fn iterations_are_shared_and_exact() {
    for workers in ["1", "2", "3"] {
        let server = echo();
        let yaml = format!(
            "target: {}\nload: {{ users: 7, iterations: 100 }}\n\
             flow:\n  - post: /a\n    json: {{ user: \"${{ user.id }}\" }}\n  - think: 5ms\n",
            server.url()
        );
        let ended = Loadtest::run(&yaml).args(&["--workers", workers]).end().expect_passed();
        assert_eq!(ended.iterations("started"), 100);
        assert_eq!(ended.iterations("completed"), 100);
        assert_eq!(ended.total("success"), 100);
        assert_eq!(ended.result["workers"].as_u64().unwrap().to_string(), workers);
        let users: BTreeSet<u64> =
            server.asked().iter().map(|asked| asked.json()["user"].as_u64().unwrap()).collect();
        assert!(users.is_subset(&(1..=7).collect()), "{users:?}");
    }
}

#[test]
fn fewer_iterations_than_users_and_workers() {
    let server = echo();
    let yaml = format!("target: {}\nload: {{ users: 5, iterations: 1 }}\nflow:\n  - get: /a\n", server.url());
    let ended = Loadtest::run(&yaml).args(&["--workers", "4"]).end().expect_passed();
    assert_eq!(ended.iterations("completed"), 1);
}

/// It bounds what would have no end of its own, the graceful stop included.
#[test]
fn the_longest_duration_ends_it() {
    for load in [
        "{ users: 2, iterations: 1000000, max_duration: 500ms }",
        "{ users: 2, duration: 400ms, graceful_stop: 10m, max_duration: 500ms }",
        "{ rate: 20/s, duration: 400ms, graceful_stop: 10m, max_duration: 500ms }",
    ] {
        let server = Faulty::start(Behaviour::HangBeforeAnswer);
        let yaml =
            format!("target: {}\nhttp: {{ timeout: 10m }}\nload: {load}\nflow:\n  - get: /a\n", server.url());
        let ended = Loadtest::run(&yaml).end().expect_code_unless_late(99).expect_accounted();
        assert!(ended.total("interrupted") > 0, "{load}: {}", ended.said());
        assert_eq!(ended.total("attempted"), ended.total("interrupted"), "{load}: {}", ended.said());
        assert!(ended.result["load_s"].as_f64().unwrap() <= 0.5, "{load}: {}", ended.said());
    }
}

/// As many as the integral of the rate says, however many workers share them.
#[test]
fn arrivals_are_the_integral_of_the_rate() {
    for workers in ["1", "2", "3"] {
        let server = echo();
        let yaml = format!(
            "target: {}\nload:\n  from: 20/s\n  stages:\n    - {{ duration: 1s, target: 60/s }}\n    - {{ duration: 1s, target: 60/s }}\n\
             flow:\n  - post: /a\n    json: {{ user: \"${{ user.id }}\", iteration: \"${{ user.iteration }}\" }}\n",
            server.url()
        );
        let ended = Loadtest::run(&yaml).args(&["--workers", workers]).end().expect_passed();
        let started = ended.iterations("started");
        assert!(started.abs_diff(100) <= 1, "{started} with {workers} workers");
        assert_eq!(ended.iterations("completed"), started);
        assert_eq!(ended.list("scenarios")[0]["model"], "open");
        let mut users: Vec<u64> =
            server.asked().iter().map(|asked| asked.json()["user"].as_u64().unwrap()).collect();
        users.sort_unstable();
        assert_eq!(users, (1..=started).collect::<Vec<u64>>(), "every arrival is a new user");
        assert!(server.asked().iter().all(|asked| asked.json()["iteration"] == 1));
        // An arrival takes over the connection of a user who is done.
        assert!((server.connections() as u64) < started, "{} connections", server.connections());
    }
}

/// A target that answers nobody: whoever comes while all users are busy is dropped, and counted.
#[test]
fn arrivals_are_dropped_when_all_users_are_busy() {
    for workers in ["1", "2"] {
        let server = Faulty::start(Behaviour::HangBeforeAnswer);
        let yaml = format!(
            "target: {}\nhttp: {{ timeout: 10m }}\n\
             load: {{ rate: 50/s, duration: 1s, max_users: 2, when_full: drop, graceful_stop: 100ms }}\n\
             flow:\n  - get: /a\nthresholds:\n  dropped: [count > 40]\n",
            server.url()
        );
        let ended = Loadtest::run(&yaml).args(&["--workers", workers]).end();
        let ended = ended.expect_code_unless_late(99).expect_accounted();
        assert_eq!(ended.unmet(), ["failures: rate < 1%"], "nothing was answered: {}", ended.said());
        assert_eq!(ended.iterations("started"), 2, "{workers} workers: {}", ended.said());
        assert!(ended.iterations("dropped").abs_diff(48) <= 1, "{workers} workers: {}", ended.said());
    }
}

/// An arrival that waits for a user was due all the while: its response time says so, its service time not.
#[test]
fn arrivals_that_wait_keep_their_due_times() {
    let server = Recording::start(|_| {
        std::thread::sleep(Duration::from_millis(100));
        Answer::ok()
    });
    let yaml = format!(
        "target: {}\nload: {{ rate: 20/s, duration: 1s, max_users: 1, when_full: wait }}\n\
         flow:\n  - name: ask\n    get: /a\n",
        server.url()
    );
    let ended = Loadtest::run(&yaml).end().expect_passed();
    let (started, dropped) = (ended.iterations("started"), ended.iterations("dropped"));
    assert!((started + dropped).abs_diff(20) <= 1, "{started} and {dropped}");
    assert!(started > 1 && dropped > 1, "some waited in vain: {started} and {dropped}");
    let success = &ended.row("ask")["outcomes"][0];
    let max = |times: &str| success[times]["max_ms"].as_f64().unwrap();
    assert!(max("response") > max("service"), "{success:#}");
    assert!(ended.stdout.contains("Requests waited before they were sent"), "{}", ended.said());
}

/// In the closed model a stall holds the users up; what was not sent is not made up for.
#[test]
fn closed_users_wait_for_their_answers() {
    let open = Arc::new(AtomicBool::new(false));
    let server = Recording::start({
        let open = Arc::clone(&open);
        move |_| {
            wait_until("the test to let go", || open.load(Ordering::SeqCst));
            Answer::ok()
        }
    });
    let yaml = format!(
        "target: {}\nload: {{ users: 3, duration: 1s }}\nflow:\n  - get: /a\n  - think: 10ms\n",
        server.url()
    );
    let running = Loadtest::run(&yaml).start();
    server.wait_for(3);
    running.wait_until_it_listens_to_signals();
    std::thread::sleep(Duration::from_millis(1200));
    assert_eq!(server.asked().len(), 3);
    open.store(true, Ordering::SeqCst);
    let ended = running.end().expect_passed();
    assert_eq!(ended.total("success"), 3, "the load was over by then: {}", ended.said());
}

/// A pace is kept where the target is fast, and a user who is late makes up for nothing but its due times.
#[test]
fn a_pace_bounds_the_iterations() {
    let server = echo();
    let yaml = format!(
        "target: {}\nload: {{ users: 2, duration: 1s, pace: 250ms }}\nflow:\n  - get: /a\n",
        server.url()
    );
    let ended = Loadtest::run(&yaml).end().expect_passed();
    // At 0, 250, 500 and 750 ms.
    assert!((3..=8).contains(&ended.iterations("completed")), "{}", ended.said());
}

/// One user, once through the flow, whatever the load.
#[test]
fn smoke() {
    for load in
        ["{ users: 20, duration: 10m }", "{ rate: 50/s, duration: 10m }", "{ users: 3, iterations: 1000 }"]
    {
        let server = echo();
        let yaml = format!(
            "target: {}\nload: {load}\nflow:\n  - get: /a\n  - think: 10ms\n  - get: /b\nthresholds:\n  requests: [count > 1000]\n",
            server.url()
        );
        let ended = Loadtest::run(&yaml).arg("--smoke").end().expect_accounted();
        assert_eq!(server.asked().len(), 2, "{load}: {}", ended.said());
        assert_eq!(ended.iterations("completed"), 1);
    }
}

/// The figures of each second add up to those of the run.
#[test]
fn seconds_add_up() {
    let server = echo();
    let yaml = format!(
        "target: {}\nload: {{ users: 4, duration: 2500ms }}\nflow:\n  - get: /a\n  - think: 10ms..30ms\n",
        server.url()
    );
    let ended = Loadtest::run(&yaml).args(&["--workers", "2"]).end().expect_passed();
    let series = &ended.result["series"];
    let sum: u64 = series["success"].as_array().unwrap().iter().filter_map(Value::as_u64).sum();
    assert_eq!(sum, ended.total("success"), "{series:#}");
}
