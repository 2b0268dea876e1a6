//! The search for a capacity from outside; that it finds one is shown where a capacity is known
//! (`tests/accuracy/capacity.rs`).

use rustix::process::Signal;

use crate::support::program::Loadtest;

const SCENARIO: &str = "
name: tokens
target: bundled
load: { users: 2, duration: 1s }
flow:
  - name: issue token
    post: /api/v1/queues
    json: { userId: \"${ user.id }\" }
thresholds:
  latency: [p95 < 5s]
  requests: [rate > 1000000/s]
";

fn capacity(yaml: &str) -> Loadtest {
    Loadtest::new("capacity").scenario(yaml).args(&["--out", "reports"])
}

#[test]
fn the_most_that_is_asked_for_is_enough() {
    let quick = ["--from", "20/s", "--most", "40/s", "--probe", "1s", "--confirm", "2s", "--no-curve"];
    let ended = capacity(SCENARIO).args(&quick).args(&["--at-least", "30/s"]).end().expect_code(0);
    assert!(ended.stdout.contains("✓ 40/s (40 requests/s) hold; more was not tried"), "{}", ended.said());
    // The file's own goal for a rate is not one of the objectives.
    assert!(ended.stdout.contains("must hold: latency: p95 < 5s · failures: rate < 1%"), "{}", ended.said());
    assert!(ended.stderr.contains("explore       20/s for 1s: holds ("), "{}", ended.said());
    assert!(ended.stderr.contains("confirm       40/s for 2s: holds ("), "{}", ended.said());
    let quiet =
        capacity(SCENARIO).args(&quick).args(&["--at-least", "50/s", "--quiet"]).end().expect_code(99);
    let line = "FAILED (exit 99): 40/s (40 requests/s) hold; more was not tried; 50/s were asked for\n";
    assert_eq!((quiet.stdout.as_str(), quiet.stderr.as_str()), (line, ""), "{}", quiet.said());
}

#[test]
fn slips_of_the_pen_are_told_before_anything_runs() {
    let wrong = capacity(SCENARIO).args(&["--slo", "latenzy p95 < 500ms", "--slo", "latency p95 < 500"]);
    let wrong = wrong.end().expect_code(2);
    assert!(wrong.stderr.contains("did you mean `latency`?"), "{}", wrong.said());
    assert!(
        wrong.stderr.contains("write `500s` for seconds or `500ms` for milliseconds"),
        "{}",
        wrong.said()
    );
    let table = [
        (["--from", "10"], "`10` is not a rate"),
        (["--from", "0.01/s"], "the lowest rate is `0.1/s`"),
        (["--headroom", "100%"], "an instance that keeps all of its capacity free does nothing"),
        (["--precision", "0%"], "a limit can be found to between `1%` and `50%`"),
        (["--probe", "500ms"], "that is too short"),
    ];
    for (arguments, text) in table {
        let wrong = capacity(SCENARIO).args(&arguments).end().expect_code(2);
        assert!(wrong.stderr.contains(text), "{}", wrong.said());
    }
}

#[test]
fn what_fails_without_load_is_not_searched() {
    let broken = SCENARIO.replace("/api/v1/queues", "/api/v1/nothing");
    let ended = capacity(&broken).end().expect_code(96);
    assert!(
        ended.stderr.contains("a single user fails, without any load: `issue token` ended in status 404"),
        "{}",
        ended.said()
    );
    let nowhere =
        SCENARIO.replace("target: bundled", "target: { url: http://127.0.0.1:9, ready_timeout: 200ms }");
    let ended = capacity(&nowhere).end().expect_code(96);
    assert!(ended.stderr.contains("was not ready within 200ms"), "{}", ended.said());
}

#[test]
fn an_interrupted_search_tells_what_it_tried() {
    let started = capacity(SCENARIO)
        .args(&["--from", "20/s", "--most", "20/s", "--probe", "1s", "--confirm", "50s"])
        .start();
    started.wait_for_stderr("explore       20/s for 1s: holds (");
    started.signal(Signal::INT);
    let ended = started.end().expect_code(130);
    assert!(ended.stdout.contains("INTERRUPTED (exit 130): nothing was found"), "{}", ended.said());
}
