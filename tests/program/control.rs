//! Branches, loops, polls and logs: which way a flow goes, how often, and what is said of it.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::support::program::{Ended, Loadtest};
use crate::support::recording::{Answer, Asked, Recording};

/// The server of these tests: what it answers to the nth request, from 1.
fn run_against(
    load: &str,
    answer: impl Fn(&Asked, usize) -> Answer + Send + Sync + 'static,
    rest: &str,
) -> (Ended, Vec<Asked>) {
    let seen = AtomicUsize::new(0);
    let server = Recording::start(move |asked| answer(asked, seen.fetch_add(1, Ordering::SeqCst) + 1));
    let yaml = format!("name: t\ntarget: {}\nload: {load}\n{rest}", server.url());
    let ended = Loadtest::run(&yaml).end();
    (ended, server.asked())
}

fn once(rest: &str) -> (Ended, Vec<Asked>) {
    run_against(
        "{ users: 1, iterations: 1 }",
        |_, _| Answer::json(&json!({ "n": 7, "list": ["a", "b"] })),
        rest,
    )
}

/// An order that is done when it has been asked for the nth time.
fn done_at(last: usize) -> impl Fn(&Asked, usize) -> Answer + Send + Sync {
    move |_, n| Answer::json(&json!({ "status": if n >= last { "DONE" } else { "PENDING" }, "nextMs": 5 }))
}

fn targets(asked: &[Asked]) -> Vec<&str> {
    asked.iter().map(|asked| asked.target.as_str()).collect()
}

#[track_caller]
fn poll<'a>(ended: &'a Ended, name: &str) -> &'a Value {
    ended.list("polls").iter().find(|poll| poll["name"] == name).unwrap_or_else(|| panic!("{}", ended.said()))
}

#[test]
fn a_branch_takes_one_of_two_ways() {
    let (ended, asked) = once(
        "flow:
  - get: /first
    capture: { n: json.n }
  - if: n > 5 and json.n == 7
    then:
      - set: { way: more }
    else:
      - get: /never
      - set: { way: less }
  - get: /${ way }
  - if: json.missing > 5
    then:
      - get: /never
    else:
      - get: /otherwise
  - if: n > 100
    then:
      - get: /never
  - if: true
    when: n == 1
    then:
      - get: /never
  - if: true
    chance: 0%
    then:
      - get: /never
",
    );
    ended.expect_passed();
    assert_eq!(targets(&asked), ["/first", "/more", "/otherwise"]);
}

#[test]
fn a_loop_goes_through_every_item_of_a_list() {
    let (ended, asked) = once(
        r#"vars:
  seats: [3, 5]
  nobody: null
flow:
  - for_each: ${ seats }
    as: seat
    do:
      - for_each: [x, { deep: y }]
        do:
          - get: /seats/${ seat }/${ item.deep | default(item) }
  - get: /more
  - for_each: ${ json.list }
    as: seat
    do:
      - get: /letters/${ seat }
  - for_each: ${ nobody }
    do:
      - get: /never/${ item }
  - for_each: ${ range(2) }
    as: n
    do:
      - get: /numbers/${ n }
      - set: { last: "${ n }" }
  - get: /last/${ last }
    when: last != null
"#,
    );
    ended.expect_passed();
    assert_eq!(
        targets(&asked),
        [
            "/seats/3/x",
            "/seats/3/y",
            "/seats/5/x",
            "/seats/5/y",
            "/more",
            "/letters/a",
            "/letters/b",
            "/numbers/0",
            "/numbers/1",
            "/last/1"
        ]
    );
}

/// What is no list is our own mistake, not the target's.
#[test]
fn a_loop_through_what_is_no_list() {
    let (ended, asked) = once(
        "vars: { seat: 7 }\nflow:\n  - get: /a\n  - for_each: ${ seat }\n    do:\n      - get: /b/${ item }\n",
    );
    let ended = ended.expect_code(97).expect_accounted();
    assert_eq!(targets(&asked), ["/a"]);
    assert!(
        ended.stderr.contains("for_each: it goes through a list, and this is a number"),
        "{}",
        ended.said()
    );
}

/// A loop that waits for nothing lets others in, and ends when its user has to go.
#[test]
fn a_loop_without_end_ends_with_its_user() {
    let (ended, _) = run_against(
        "{ users: 2, duration: 1s }",
        |_, _| Answer::ok(),
        "flow:\n  - get: /a\n  - for_each: ${ range(10000) }\n    do:\n      - set: { x: \"${ item }\" }\n  - get: /b\n",
    );
    let ended = ended.expect_passed();
    assert_eq!(
        (ended.count("GET /a", "success"), ended.count("GET /b", "success")),
        (2, 2),
        "{}",
        ended.said()
    );
    assert_eq!(ended.iterations("completed"), 2);
}

#[test]
fn ways_are_chosen_by_their_weights() {
    let flow = |first: &str, second: &str| {
        format!(
            "flow:\n  - choose:\n      - weight: {first}\n        do:\n          - get: /often\n      - weight: {second}\n        do:\n          \
             - get: /seldom\n"
        )
    };
    let counts = |first: &str, second: &str| {
        let server = Recording::start(|_| Answer::ok());
        let yaml = format!(
            "name: t\ntarget: {}\nload: {{ users: 1, iterations: 400 }}\n{}",
            server.url(),
            flow(first, second)
        );
        let ended = Loadtest::run(&yaml).args(&["--seed", "7"]).end().expect_passed();
        (ended.count("GET /often", "success"), ended.count("GET /seldom", "success"))
    };
    let (often, seldom) = counts("3", "1");
    assert_eq!(often + seldom, 400);
    // Four standard deviations around 300 of 400.
    assert!((265..=335).contains(&often), "{often}");
    assert_eq!(counts("75%", "25%"), (often, seldom), "the same seed, the same shares");
    assert_eq!(counts("1e9", "1e-9"), (400, 0));
}

#[test]
fn a_poll_asks_until_it_holds() {
    let (ended, asked) = run_against(
        "{ users: 1, iterations: 1 }",
        done_at(4),
        r#"flow:
  - name: order done
    poll:
      - name: ask
        get: /orders/1
        capture: { seen: json.status }
    until: json.status == "DONE"
    every: ${ json.nextMs }
    at_most: 1m
    thresholds: { poll_duration: [max < 1m], given_up: [count == 0] }
  - get: /${ seen }
thresholds:
  poll_duration{step=order done}: [count == 1]
"#,
    );
    let ended = ended.expect_passed();
    assert_eq!(targets(&asked), ["/orders/1", "/orders/1", "/orders/1", "/orders/1", "/DONE"]);
    let poll = poll(&ended, "order done");
    assert_eq!((&poll["started"], &poll["got"], &poll["given_up"]), (&json!(1), &json!(1), &json!(0)));
    // Three times five milliseconds, as the server asked; not three seconds.
    let took = poll["duration"]["max_ms"].as_f64().unwrap();
    assert!(took >= 15.0, "{took}");
    assert_eq!(ended.count("ask", "success"), 4);
    assert!(ended.stdout.contains("order done"), "{}", ended.said());
}

/// Giving up is a failure of cause `poll`, and the requests were successes all the same.
#[test]
fn a_poll_that_gives_up_has_failed() {
    let rest = |on_failure: &str| {
        format!(
            "flow:\n  - name: order done\n    poll:\n      - name: ask\n        get: /orders/1\n    until: json.status == \"DONE\"\n    \
             every: 10ms\n    at_most: 35ms\n    on_failure: {on_failure}\n  - name: behind\n    get: /behind\n    \
             when: outcome == \"poll\"\n"
        )
    };
    let answer = |asked: &Asked, n| {
        if asked.target == "/behind" { Answer::ok() } else { done_at(usize::MAX)(asked, n) }
    };
    let (ended, asked) = run_against("{ users: 1, iterations: 2 }", answer, &rest("end"));
    let ended = ended.expect_code(99).expect_accounted();
    assert!(asked.len() >= 4 && asked.iter().all(|asked| asked.target == "/orders/1"), "{asked:?}");
    assert_eq!(ended.total("failure"), 0, "no request failed: {}", ended.said());
    let poll = poll(&ended, "order done");
    assert_eq!((&poll["started"], &poll["got"], &poll["given_up"]), (&json!(2), &json!(0), &json!(2)));
    assert_eq!(ended.iterations("ended_early"), 2);
    let cause = &ended.list("causes")[0];
    assert_eq!(
        (&cause["step"], &cause["cause"], &cause["count"]),
        (&json!("order done"), &json!("poll"), &json!(2))
    );
    let example = &cause["example"];
    assert_eq!(
        example["detail"],
        "gave up after 35ms: json.status == \"DONE\" (\"PENDING\" and \"DONE\")",
        "{}",
        ended.said()
    );
    assert_eq!(
        (&example["status"], &example["body"]),
        (&json!(200), &json!(r#"{"status":"PENDING","nextMs":5}"#))
    );
    assert_eq!(ended.unmet(), ["failures: rate < 1%"]);
    assert!(ended.stdout.contains("✗ order done: poll  2×"), "{}", ended.said());
    assert!(ended.stdout.contains("gave up"), "{}", ended.said());

    let (ended, asked) = run_against("{ users: 1, iterations: 2 }", answer, &rest("continue"));
    let ended = ended.expect_code(99).expect_accounted();
    assert_eq!(asked.iter().filter(|asked| asked.target == "/behind").count(), 2, "{}", ended.said());
    assert_eq!(ended.iterations("completed"), 2);
}

/// A probe that fails ends the iteration like any other request, unless it is told to go on.
#[test]
fn probes_that_fail() {
    let rest = |on_failure: &str| {
        format!(
            "flow:\n  - name: order done\n    poll:\n      - {{ name: ask, get: /orders/1, on_failure: {on_failure} }}\n    \
             until: json.status == \"DONE\"\n    every: 1ms\n    at_most: 1m\nthresholds: {{ failures: [rate < 100%] }}\n"
        )
    };
    let answer = |asked: &Asked, n| if n < 3 { Answer::status(503) } else { done_at(0)(asked, n) };
    let (ended, asked) = run_against("{ users: 1, iterations: 1 }", answer, &rest("end"));
    let ended = ended.expect_code(99).expect_accounted();
    assert_eq!(asked.len(), 1);
    assert_eq!((&poll(&ended, "order done")["ended"], ended.total("failure")), (&json!(1), 1));

    let (ended, asked) = run_against("{ users: 1, iterations: 1 }", answer, &rest("continue"));
    let ended = ended.expect_passed();
    assert_eq!(asked.len(), 3);
    assert_eq!((&poll(&ended, "order done")["got"], ended.total("failure")), (&json!(1), 2));
}

/// Who has to go has not got what it waited for, and does not go on as if it had.
#[test]
fn a_user_who_has_to_go_polls_no_more() {
    let (ended, asked) = run_against(
        "{ users: 2, duration: 1s }",
        done_at(usize::MAX),
        "flow:\n  - poll:\n      - get: /orders/1\n    until: json.status == \"DONE\"\n    every: 50ms\n    at_most: 1h\n  - get: /never\n",
    );
    let ended = ended.expect_passed();
    assert!(asked.iter().all(|asked| asked.target == "/orders/1"), "{}", ended.said());
    let poll = poll(&ended, "poll GET /orders/1");
    assert_eq!((&poll["started"], &poll["interrupted"]), (&json!(2), &json!(2)));
    assert_eq!(ended.iterations("interrupted"), 2);
}

/// A setup that waits for the service to be ready, and a check of what is done later.
#[test]
fn polls_outside_of_the_load() {
    let blocks = |at_most: &str, verify: &str| {
        format!(
            "setup:\n  - poll:\n      - get: /ready\n    until: json.status == \"DONE\"\n    every: 1ms\n    at_most: {at_most}\n\
             flow:\n  - get: /flow\nverify:\n  - poll:\n      - get: /audit\n    until: json.status == \"{verify}\"\n    every: 1ms\n    \
             at_most: 20ms\n  - check: {{ it is done: json.status == \"DONE\" }}\n"
        )
    };
    let (ended, asked) = run_against("{ users: 1, iterations: 1 }", done_at(3), &blocks("1m", "DONE"));
    let ended = ended.expect_passed();
    assert_eq!(targets(&asked), ["/ready", "/ready", "/ready", "/flow", "/audit"]);
    assert_eq!(ended.list("polls"), [Value::Null; 0], "they are not measured");

    let (ended, _) = run_against("{ users: 1, iterations: 1 }", done_at(usize::MAX), &blocks("10ms", "DONE"));
    let ended = ended.expect_code(96);
    assert!(ended.stdout.contains("gave up after 10ms"), "{}", ended.said());

    let (ended, _) = run_against("{ users: 1, iterations: 1 }", done_at(1), &blocks("1m", "NEVER"));
    let ended = ended.expect_code(97);
    assert!(ended.stdout.contains("gave up after 20ms"), "{}", ended.said());
}

/// A check on the way that is not taken was not wanted; it is no question that could not be asked.
#[test]
fn checks_on_the_other_way_are_skipped() {
    let (ended, _) = once(
        "flow:\n  - get: /a\nverify:\n  - if: target.bundled\n    then:\n      - check: { bundled: false }\n    else:\n      \
         - get: /b\n        expect: { checks: { seven: json.n == 7 } }\n",
    );
    let ended = ended.expect_code(0);
    let states: Vec<(&str, &str)> = ended
        .list("invariants")
        .iter()
        .map(|invariant| (invariant["name"].as_str().unwrap(), invariant["state"].as_str().unwrap()))
        .collect();
    assert_eq!(states, [("bundled", "skipped"), ("seven", "held")]);
}

/// An interval that is none is our own mistake; one that the answer does not have is a second.
#[test]
fn intervals_that_are_none() {
    let (ended, asked) = run_against(
        "{ users: 1, iterations: 1 }",
        done_at(usize::MAX),
        "flow:\n  - name: wait\n    poll:\n      - get: /a\n    until: json.status == \"DONE\"\n    every: ${ json.status }\n    at_most: 1m\n",
    );
    let ended = ended.expect_code(97).expect_accounted();
    assert_eq!(asked.len(), 1);
    assert!(ended.stderr.contains("every: `PENDING`"), "{}", ended.said());
    assert_eq!(poll(&ended, "wait")["interrupted"], 1);
}

#[test]
fn logs_are_shown_and_do_not_flood() {
    let (ended, _) = run_against(
        "{ users: 1, iterations: 2000 }",
        |_, _| Answer::json(&json!({ "evil": "\u{1b}[2Jcleared\nsecond" })),
        r#"vars: { key: "${ secret('LOG_KEY') }" }
setup:
  - log: made ready with ${ key }
flow:
  - get: /a
  - log: answer ${ json.evil } of ${ user.iteration } for ${ key }
"#,
    );
    // Without the secret it is a finding; the run itself is below.
    ended.expect_code(2);
    let server = Recording::start(|_| Answer::json(&json!({ "evil": "\u{1b}[2Jcleared\nsecond" })));
    let yaml = format!(
        "name: t\ntarget: {}\nload: {{ users: 1, iterations: 2000 }}\nvars: {{ key: \"${{ secret('LOG_KEY') }}\" }}\n\
         setup:\n  - log: made ready with ${{ key }}\nflow:\n  - get: /a\n  \
         - log: answer ${{ json.evil }} of ${{ user.iteration }} for ${{ key }}\n",
        server.url()
    );
    let ended = Loadtest::run(&yaml).env("LOG_KEY", "hunter2hunter2").end().expect_passed();
    let lines: Vec<&str> = ended.stderr.lines().filter(|line| line.starts_with("log ")).collect();
    assert_eq!(lines[0], "log 0s: made ready with [redacted]", "{}", ended.said());
    // The first twenty, and a few later ones on a slow machine.
    assert!((21..40).contains(&lines.len()), "{}", ended.said());
    assert!(
        lines[1].contains(" user 1: answer ") && lines[1].ends_with(" of 1 for [redacted]"),
        "{}",
        lines[1]
    );
    assert!(!ended.stderr.contains('\u{1b}'), "{}", ended.said());
    for (place, text) in ended.all_text() {
        assert!(!text.contains("hunter2"), "{place}");
    }
    let quiet = Loadtest::run(&yaml).env("LOG_KEY", "hunter2hunter2").arg("--quiet").end().expect_passed();
    assert!(!quiet.stderr.contains("log "), "{}", quiet.said());
}
