//! How runs end: every exit code with its reason, and which of several it is.

use serde_json::{Value, json};

use crate::support::faulty::{Behaviour, Faulty};
use crate::support::program::{Ended, Loadtest};
use crate::support::recording::{Answer, Asked, Recording, own_address};

/// A run of three iterations against a server that answers `/fine` with 200 and all else with 500.
fn run(rest: &str) -> Ended {
    let server = Recording::start(|asked| match asked.target.as_str() {
        "/fine" => Answer::json(&json!({ "seats": 49, "double": 2 })),
        "/seven" => Answer::json(&json!({ "seats": 7 })),
        _ => Answer::status(500),
    });
    let yaml = format!("name: t\ntarget: {}\nload: {{ users: 1, iterations: 3 }}\n{rest}", server.url());
    Loadtest::run(&yaml).end()
}

const FLOW: &str = "flow:\n  - name: ask\n    get: /fine\n";

#[track_caller]
fn expect_line(ended: &Ended, line: &str) {
    assert_eq!(ended.result["verdict"]["line"], line, "{}", ended.said());
    assert!(ended.stdout.contains(line), "{}", ended.said());
}

#[test]
fn passed() {
    let ended = run(FLOW).expect_code(0).expect_accounted();
    expect_line(&ended, "PASSED: 1 threshold met, run valid");
    assert_eq!(ended.result["verdict"]["ended"], json!({ "how": "completed" }));
    assert_eq!(ended.result["validity"], json!({ "verdict": "valid", "reasons": [], "doubts": [] }));
}

#[test]
fn nothing_listens() {
    let url = format!("http://{}", own_address());
    for ready in ["", "  ready: /healthz\n"] {
        let yaml = format!(
            "name: t\ntarget:\n  url: {url}\n  ready_timeout: 200ms\n{ready}load: {{ users: 1, iterations: 1 }}\n{FLOW}"
        );
        let ended = Loadtest::run(&yaml).end().expect_code(96).expect_accounted();
        let line = ended.result["verdict"]["line"].as_str().unwrap();
        let start = format!(
            "NOT RUN (exit 96): the target never got ready: the target {url} was not ready within 200ms: "
        );
        assert!(line.starts_with(&start), "{line}");
        assert!(line.contains("refused") || line.contains("nothing listens"), "{line}");
        assert!(ended.stdout.contains(&format!(" · {url} · seed ")), "{}", ended.said());
        assert_eq!(ended.result["target"]["url"], url);
        assert_eq!(ended.total("attempted"), 0);
    }
}

#[test]
fn a_target_that_is_never_ready() {
    let server = Faulty::start(Behaviour::Status(503));
    let yaml = format!(
        "name: t\ntarget: {{ url: \"{}\", ready: /healthz, ready_timeout: 2s }}\n\
         load: {{ users: 1, iterations: 1 }}\n{FLOW}",
        server.url()
    );
    let ended = Loadtest::run(&yaml).end().expect_code(96);
    assert!(ended.stdout.contains("was not ready within 2s: GET /healthz answered 503"), "{}", ended.said());
}

#[test]
fn setup_that_fails() {
    for (setup, words) in [
        ("post: /reset", "POST /reset: status 500, expected 2xx, 3xx"),
        (
            "{ get: /fine, expect: { checks: { enough seats: json.seats >= 50 } } }",
            "GET /fine: check `enough seats` does not hold: ",
        ),
        (
            "{ get: /fine, capture: { token: json.token } }",
            "GET /fine: capture: the capture `json.token` found nothing",
        ),
    ] {
        let ended = run(&format!("setup:\n  - {setup}\n{FLOW}")).expect_code(96).expect_accounted();
        let line = ended.result["verdict"]["line"].as_str().unwrap();
        assert!(line.starts_with(&format!("NOT RUN (exit 96): setup failed: {words}")), "{line}");
        assert_eq!(ended.total("attempted"), 0);
        assert_eq!(ended.unmet(), ["failures: rate < 1%"], "what was never measured is not met");
    }
}

#[test]
fn a_template_that_fails_at_run_time() {
    let ended = run(
        "vars: { nobody: [] }\nflow:\n  - name: ask\n    post: /fine\n    json: { who: \"${ random(nobody) }\" }\n",
    );
    let ended = ended.expect_code(97).expect_accounted();
    assert_eq!(ended.list("own_faults")[0], json!({ "name": "a template failed", "count": 3 }));
    let line = ended.result["verdict"]["line"].as_str().unwrap();
    assert!(line.starts_with("NOT VALID (exit 97): a template failed (3×); "), "{line}");
    assert!(ended.stderr.contains("random() picks from a list, and this one is empty"), "{}", ended.said());
    assert_eq!(ended.total("attempted"), 0, "it was never sent");
}

/// A number of rounds that is none is no quiet pass.
#[test]
fn a_loop_without_a_number() {
    for times in ["\"many\"", "2.5", "0 - 3", "[1]"] {
        let flow = format!(
            "flow:\n  - name: ask\n    get: /fine\n  - repeat: ${{ {times} }}\n    do:\n      - get: /fine\n"
        );
        let ended = run(&flow).expect_code(97).expect_accounted();
        assert!(ended.stderr.contains("is no number of rounds"), "{times}: {}", ended.said());
    }
    run("flow:\n  - get: /fine\n  - repeat: ${ 1 - 1 }\n    do:\n      - get: /broken\n").expect_code(0);
}

#[test]
fn nothing_attempted() {
    let ended = run("flow:\n  - get: /fine\n    when: user.iteration > 100\n").expect_code(97);
    let line = ended.result["verdict"]["line"].as_str().unwrap();
    assert!(line.starts_with("NOT VALID (exit 97): nothing was attempted; "), "{line}");
}

#[test]
fn a_broken_invariant_says_what_was_seen() {
    let ended = run(&format!(
        "{FLOW}verify:\n  - get: /fine\n    expect:\n      checks:\n        \
         no seat sold twice: json.double == 0\n        as many as said: json.seats == 49 and results[\"ask\"].success == 3\n"
    ));
    let ended = ended.expect_code(98).expect_accounted();
    expect_line(&ended, "FAILED (exit 98): invariant broken: no seat sold twice");
    let [twice, many] = ended.list("invariants") else { panic!("{}", ended.said()) };
    assert_eq!(twice["state"], "broken");
    assert!(twice["detail"].as_str().unwrap().contains('2'), "{twice:#}");
    assert_eq!(many["state"], "held");
    assert_eq!(many["detail"], Value::Null);
    assert!(
        ended.stdout.contains("✗ no seat sold twice  broken: json.double == 0 (2 and 0)"),
        "{}",
        ended.said()
    );
}

/// One broken invariant does not keep the others from being asked.
#[test]
fn every_invariant_is_asked() {
    let ended = run(&format!(
        "{FLOW}verify:\n  - get: /fine\n    expect: {{ checks: {{ first: json.double == 0 }} }}\n  \
         - get: /seven\n    expect: {{ checks: {{ second: json.seats == 7 }} }}\n"
    ));
    let ended = ended.expect_code(98);
    let states: Vec<&Value> = ended.list("invariants").iter().map(|invariant| &invariant["state"]).collect();
    assert_eq!(states, ["broken", "held"], "{}", ended.said());
}

#[test]
fn verify_that_cannot_ask() {
    let ended =
        run(&format!("{FLOW}verify:\n  - get: /audit\n    expect: {{ checks: {{ sane: json.ok }} }}\n"));
    let ended = ended.expect_code(97);
    expect_line(&ended, "NOT VALID (exit 97): verify could not ask: sane");
    let invariant = &ended.list("invariants")[0];
    assert_eq!(invariant["state"], "not_asked");
    assert!(invariant["detail"].as_str().unwrap().contains("GET /audit: status 500"), "{invariant:#}");
    assert_eq!(ended.result["validity"]["verdict"], "valid", "the measuring itself was sound");
}

/// A server that is gone by the time of `verify` gives no pass.
#[test]
fn verify_of_a_dead_target() {
    let ended = run(&format!(
        "{FLOW}verify:\n  - get: http://{}/audit\n    expect: {{ checks: {{ sane: json.ok }} }}\n",
        own_address()
    ));
    let ended = ended.expect_code(97);
    assert!(ended.list("invariants")[0]["detail"].as_str().unwrap().contains("refused"), "{}", ended.said());
}

#[test]
fn a_threshold_without_samples_is_not_met() {
    let ended = run(
        "flow:\n  - { name: ask, get: /fine }\n  - { name: never, get: /fine, when: user.iteration > 100 }\n\
         thresholds:\n  latency{step=never}: [p95 < 1s]\n  requests{step=never}: [count == 0]\n",
    );
    let ended = ended.expect_code(99).expect_accounted();
    expect_line(&ended, "FAILED (exit 99): latency{step=never} p95: no samples, limit 1s");
    assert_eq!(ended.unmet(), ["latency{step=never}: p95 < 1s"]);
    assert_eq!(ended.threshold("latency{step=never}: p95 < 1s")["reason"], "no samples");
    assert!(ended.stdout.contains("– not reached"), "{}", ended.said());
}

/// What is worst is the code, and what else broke is said with it.
#[test]
fn the_first_by_precedence() {
    let broken = "verify:\n  - get: /fine\n    expect: { checks: { sane: json.double == 0 } }\n";
    let failing = "flow:\n  - name: ask\n    get: /broken\n";
    let ended = run(&format!("{failing}{broken}")).expect_code(98);
    expect_line(&ended, "FAILED (exit 98): invariant broken: sane; 1 threshold not met");

    let invalid = "flow:\n  - name: ask\n    get: /broken\n  - get: /fine\n    when: random([]) == 1\n";
    let ended = run(&format!("{invalid}thresholds:\n  requests: [count > 100]\n")).expect_code(99);
    assert_eq!(ended.unmet().len(), 2, "the step after a failure is never reached: {}", ended.said());
    let invalid = "flow:\n  - name: ask\n    get: /fine\n  - get: /fine\n    when: random([]) == 1\n";
    let ended = run(&format!("{invalid}thresholds:\n  requests: [count > 100]\n")).expect_code(97);
    let line = ended.result["verdict"]["line"].as_str().unwrap();
    assert!(line.ends_with("; 1 threshold not met"), "{line}");
    let ended = run(&format!("{invalid}{broken}")).expect_code(98);
    expect_line(&ended, "FAILED (exit 98): invariant broken: sane");

    let unasked = "verify:\n  - get: /broken\n    expect: { checks: { sane: json.ok } }\n";
    let ended = run(&format!("{failing}{unasked}")).expect_code(97);
    expect_line(&ended, "NOT VALID (exit 97): verify could not ask: sane; 1 threshold not met");
}

/// `teardown` runs whatever was before it, and what it fails at is said and judged no further.
#[test]
fn teardown_always_runs() {
    for (before, code) in [("", 0), ("setup:\n  - post: /broken\n", 96)] {
        let server = Recording::start(|asked: &Asked| match asked.target.as_str() {
            "/fine" => Answer::ok(),
            _ => Answer::status(500),
        });
        let yaml = format!(
            "target: {}\nload: {{ users: 1, iterations: 1 }}\n{before}{FLOW}teardown:\n  - post: /clean\n",
            server.url()
        );
        let ended = Loadtest::run(&yaml).end().expect_code(code);
        assert_eq!(server.asked_for("/clean").len(), 1);
        assert!(ended.stderr.contains("warning: teardown: POST /clean: status 500"), "{}", ended.said());
    }
}
