//! `optional: true`: measured like any other step, and in no figure that does not name it.

use serde_json::json;

use crate::support::program::{Ended, Loadtest};
use crate::support::recording::{Answer, Recording};

/// `/extra` always fails, `/a` never does.
fn server() -> Recording {
    Recording::start(|asked| match asked.target.as_str() {
        "/extra" => Answer::status(500),
        _ => Answer::json(&json!({ "ok": true })),
    })
}

fn run(server: &Recording, thresholds: &str) -> Ended {
    let yaml = format!(
        "target: {}\nload: {{ users: 2, iterations: 10 }}\n\
         flow:\n  - name: main\n    get: /a\n    expect: {{ checks: {{ fine: json.ok }} }}\n\
         \x20 - name: extra\n    get: /extra\n    optional: true\n    on_failure: continue\n\
         \x20 - group: looking around\n    optional: true\n    do:\n      - name: look\n        get: /look\n        expect: {{ checks: {{ never so: json.ok == false }} }}\n        on_failure: continue\n\
         thresholds:\n{thresholds}",
        server.url()
    );
    Loadtest::run(&yaml).end().expect_accounted()
}

#[test]
fn an_optional_step_that_fails_breaks_nothing() {
    let server = server();
    let ended = run(
        &server,
        "  failures: [rate == 0%]\n  requests: [count == 10]\n  latency{outcome=any}: [count == 10]\n  \
         checks: [rate == 100%, count == 10]\n  group_duration: [count == 0]\n",
    );
    let ended = ended.expect_passed();
    assert_eq!(server.asked().len(), 30, "it is sent all the same");
    assert_eq!((ended.total("attempted"), ended.total("failure"), ended.total("optional")), (10, 0, 20));
    let attempted: u64 = ended.result["series"]["attempted"]
        .as_array()
        .unwrap()
        .iter()
        .map(|second| second.as_u64().unwrap())
        .sum();
    assert_eq!(attempted, 10, "the series is that of the totals");
    assert_eq!(ended.count("extra", "status 500"), 10);
    assert_eq!(
        (&ended.row("extra")["optional"], &ended.row("main")["optional"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(ended.list("groups")[0]["optional"], true);
    for shown in ["extra (optional)", "look (optional)", "looking around (optional)", "never so (optional)"] {
        assert!(ended.stdout.contains(shown), "no {shown}: {}", ended.said());
    }
    assert!(ended.stdout.contains("of optional steps"), "{}", ended.said());
}

#[test]
fn a_threshold_that_names_it_sees_it() {
    let ended = run(
        &server(),
        "  failures{step=extra}: [rate == 100%]\n  requests{step=extra}: [count == 10]\n  \
         failures{step=look, outcome=check}: [count == 10]\n  requests{group=looking around}: [count == 10]\n  \
         checks{check=never so}: [rate == 0%]\n  checks{step=look}: [count == 0]\n  \
         group_duration{group=looking around}: [count == 10]\n  failures{step=main}: [rate == 0%]\n",
    );
    ended.expect_passed();
}

#[test]
fn a_threshold_of_its_own_sees_it() {
    let server = server();
    let yaml = format!(
        "target: {}\nload: {{ users: 1, iterations: 5 }}\n\
         flow:\n  - get: /a\n  - name: extra\n    get: /extra\n    optional: true\n    on_failure: continue\n    thresholds:\n      failures: [rate < 50%]\n\
         thresholds:\n  failures: [rate < 1%]\n",
        server.url()
    );
    let ended = Loadtest::run(&yaml).end().expect_code_unless_late(99);
    assert_eq!(ended.unmet(), ["failures{step=extra}: rate < 50%"]);
}

/// Whatever is optional, the books are those of all requests: a run of optional steps alone is a run.
#[test]
fn a_run_of_optional_steps_alone_has_its_books() {
    let server = server();
    let yaml = format!(
        "target: {}\nload: {{ users: 1, iterations: 3 }}\nflow:\n  - name: look\n    get: /look\n    optional: true\n\
         thresholds:\n  requests{{step=look}}: [count == 3]\n  failures{{step=look}}: [rate == 0%]\n",
        server.url()
    );
    let ended = Loadtest::run(&yaml).end().expect_passed();
    assert_eq!((ended.total("attempted"), ended.total("optional")), (0, 3));
}
