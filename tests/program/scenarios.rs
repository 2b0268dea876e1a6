//! Several loads in one file: side by side, at their time, one after another.

use rustix::process::Signal;

use crate::support::program::{Ended, Loadtest};
use crate::support::recording::{Answer, Asked, Recording};

/// The paths that were asked, in their order, each run of one path once.
fn course(asked: &[Asked]) -> Vec<&str> {
    let mut paths: Vec<&str> = asked.iter().map(|asked| asked.target.as_str()).collect();
    paths.dedup();
    paths
}

fn scenario<'a>(ended: &'a Ended, name: &str) -> &'a serde_json::Value {
    ended.list("scenarios").iter().find(|scenario| scenario["name"] == name).unwrap()
}

/// Each finds the world as its own `setup` made it, and is asked about it before the next one changes it.
#[test]
fn a_gap_puts_one_after_another() {
    let server = Recording::start(|_| Answer::ok());
    let yaml = format!(
        "target: {}
gap: 200ms
scenarios:
  first:
    load: {{ users: 2, iterations: 6 }}
    setup:
      - post: /first/setup
    flow:
      - get: /first
    verify:
      - get: /first/verify
        expect:
          checks:
            six there were: results[\"GET /first\"].success == 6
  second:
    load: {{ users: 1, iterations_per_user: 2 }}
    setup:
      - post: /second/setup
    flow:
      - get: /second
    verify:
      - get: /second/verify
        expect:
          checks:
            two there were: results[\"GET /second\"].success == 2
",
        server.url()
    );
    let ended = Loadtest::run(&yaml).end().expect_passed();
    let expected = ["/first/setup", "/first", "/first/verify", "/second/setup", "/second", "/second/verify"];
    assert_eq!(course(&server.asked()), expected);
    assert_eq!(ended.list("invariants").len(), 2, "{}", ended.said());
    assert_eq!(ended.count("GET /first", "success"), 6);
    assert_eq!(ended.count("GET /second", "success"), 2);
    assert_eq!(scenario(&ended, "second")["completed"], 2);
}

#[test]
fn each_user_of_all_has_a_number_of_its_own() {
    let server = Recording::start(|_| Answer::ok());
    let yaml = format!(
        "target: {}
scenarios:
  a:
    load: {{ users: 3, iterations_per_user: 2 }}
    flow:
      - get: /${{ user.id }}
  b:
    load: {{ rate: 20/s, duration: 200ms }}
    flow:
      - get: /${{ user.id }}
  c:
    load: {{ users: 2, iterations_per_user: 1 }}
    flow:
      - get: /${{ user.id }}
",
        server.url()
    );
    let ended = Loadtest::run(&yaml).args(&["--workers", "2"]).end().expect_passed();
    let mut ids: Vec<u32> = server.asked().iter().map(|asked| asked.target[1..].parse().unwrap()).collect();
    ids.sort_unstable();
    assert_eq!(ids, [1, 1, 2, 2, 3, 3, 4, 5, 6, 7, 8, 9]);
    let rows = ended.list("rows");
    let names: Vec<_> = rows.iter().map(|row| (row["scenario"].as_str(), row["success"].as_u64())).collect();
    let expected = [(Some("a"), Some(6)), (Some("b"), Some(4)), (Some("c"), Some(2))];
    assert_eq!(names, expected, "a row for each scenario: {}", ended.said());
}

#[test]
fn a_scenario_may_begin_later_and_shrinks_with_the_rest() {
    let server = Recording::start(|_| Answer::ok());
    let yaml = format!(
        "target: {}
scenarios:
  long:
    load: {{ rate: 100/s, duration: 20s }}
    flow:
      - get: /long
  late:
    start: {{ at: 10s }}
    load: {{ rate: 100/s, duration: 10s }}
    flow:
      - get: /late
",
        server.url()
    );
    let ended = Loadtest::run(&yaml).args(&["--time-scale", "0.1"]).end().expect_passed();
    let asked = server.asked();
    let before = asked.iter().position(|asked| asked.target == "/late").unwrap();
    assert!((90..=110).contains(&before), "{before} of `long` came before the first of `late`");
    assert_eq!(ended.count("GET /long", "success"), 200);
    assert_eq!(ended.count("GET /late", "success"), 100);
    let load = |name: &str| scenario(&ended, name)["load_s"].as_f64().unwrap();
    assert!((load("long") - 2.0).abs() < 1e-6 && (load("late") - 1.0).abs() < 1e-6);
}

/// The rate of a scenario that comes later is over its own time, and its thresholds see only its own.
#[test]
fn thresholds_of_a_scenario_are_its_own() {
    let server = Recording::start(|asked| Answer::status(if asked.target == "/bad" { 500 } else { 200 }));
    let yaml = format!(
        "target: {}
gap: 100ms
scenarios:
  good:
    load: {{ rate: 50/s, duration: 1s }}
    flow:
      - get: /good
    thresholds:
      failures: [rate < 1%]
      requests: [rate > 45/s, rate < 55/s]
  bad:
    load: {{ rate: 50/s, duration: 1s }}
    flow:
      - get: /bad
    thresholds:
      failures: [rate < 1%]
      requests{{step=GET /bad}}: [rate > 45/s, rate < 55/s]
",
        server.url()
    );
    let ended = Loadtest::run(&yaml).end().expect_code_unless_late(99).expect_accounted();
    assert_eq!(ended.unmet(), ["failures{scenario=bad}: rate < 1%"], "{}", ended.said());
}

#[test]
fn what_comes_after_may_wait_and_is_never_begun_when_stopped() {
    let server = Recording::start(|_| Answer::ok());
    let yaml = format!(
        "target: {}
scenarios:
  first:
    load: {{ users: 1, iterations: 1 }}
    flow:
      - get: /first
  second:
    start: {{ after: first, delay: 10m }}
    load: {{ users: 1, iterations: 1 }}
    setup:
      - get: /second/setup
    flow:
      - get: /second
    verify:
      - get: /second/verify
        expect:
          checks:
            never asked: status == 200
",
        server.url()
    );
    let running = Loadtest::run(&yaml).start();
    server.wait_for(1);
    running.wait_for_a_second();
    running.signal(Signal::INT);
    let ended = running.end().expect_code(130).expect_accounted();
    assert_eq!(course(&server.asked()), ["/first"]);
    assert_eq!(ended.list("invariants").len(), 0, "nothing to ask about: {}", ended.said());
    assert!(ended.result["load_s"].as_f64().unwrap() < 60.0);
}

#[test]
fn a_setup_that_fails_between_ends_the_run() {
    let server =
        Recording::start(|asked| Answer::status(if asked.target == "/second/setup" { 500 } else { 200 }));
    let yaml = format!(
        "target: {}
gap: 10ms
scenarios:
  first:
    load: {{ users: 1, iterations: 1 }}
    flow:
      - get: /first
  second:
    load: {{ users: 1, iterations: 1 }}
    setup:
      - get: /second/setup
    flow:
      - get: /second
  third:
    load: {{ users: 1, iterations: 1 }}
    flow:
      - get: /third
    teardown:
      - get: /third/teardown
",
        server.url()
    );
    let ended = Loadtest::run(&yaml).end().expect_code(96).expect_accounted();
    assert_eq!(course(&server.asked()), ["/first", "/second/setup"]);
    assert_eq!(ended.count("GET /first", "success"), 1, "what was measured is kept: {}", ended.said());
}

#[test]
fn a_threshold_of_one_scenario_ends_all() {
    let server = Recording::start(|asked| Answer::status(if asked.target == "/bad" { 500 } else { 200 }));
    let yaml = format!(
        "target: {}
scenarios:
  good:
    load: {{ users: 1, duration: 10m }}
    flow:
      - get: /good
      - think: 20ms
  bad:
    load: {{ users: 1, duration: 10m }}
    flow:
      - get: /bad
      - think: 20ms
    thresholds:
      failures: [{{ that: rate < 50%, abort: true }}]
",
        server.url()
    );
    let ended = Loadtest::run(&yaml).end().expect_code_unless_late(99).expect_accounted();
    assert_eq!(ended.result["verdict"]["ended"]["how"], "aborted", "{}", ended.said());
    assert_eq!(ended.unmet().len(), 1, "{}", ended.said());
}
