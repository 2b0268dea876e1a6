//! Runs are compared: saved ones, and a new one with a baseline.

use serde_json::Value;

use crate::support::program::{Ended, Loadtest};

const QUICK: &str = "
name: quick
target: bundled
load: { users: 2, duration: 1s }
flow:
  - name: list concerts
    get: /api/v1/concerts
  - think: 10ms
";

/// A run, and what is kept of it as a baseline.
fn with_baseline() -> Ended {
    let run = Loadtest::run(QUICK).end().expect_code_unless_late(0);
    let saved = run.then("baseline").args(&["save", "--force"]).end().expect_code(0);
    assert!(saved.stdout.contains(" as baselines/quick.json ("), "{}", saved.said());
    saved
}

#[test]
fn a_run_is_compared_with_a_baseline() {
    let saved = with_baseline();
    let arguments = ["scenario.yaml", "--out", "reports", "--baseline", "baselines/quick.json"];
    let gates =
        ["--fail-if", "latency p50 > +1000000%", "--fail-if", "latency{step=list concerts} p50 > -99.9%"];
    let ended = saved.then("run").args(&arguments).args(&gates).end();
    let ended = ended.expect_code_unless_late(99);
    if ended.result["validity"]["verdict"] != "invalid" {
        assert!(ended.stdout.contains("this run against baseline: "), "{}", ended.said());
        assert!(ended.stdout.contains("✓ latency p50 > +1000000%"), "{}", ended.said());
        let last = ended.stdout.lines().last().unwrap();
        assert_eq!(last, "✗ FAILED (exit 99): latency{step=list concerts} p50 > -99.9%", "{}", ended.said());
    }
    let quiet =
        ended.then("run").args(&arguments).args(&["--quiet", "--fail-if", "failures rate > +50pp"]).end();
    let quiet = quiet.expect_code_unless_late(0);
    assert_eq!(quiet.stdout.lines().count(), 3, "{}", quiet.said());
}

#[test]
fn saved_runs_are_compared_in_every_format() {
    let saved = with_baseline();
    let runs = ["baselines/quick.json", "reports/quick/latest", "reports/quick/latest,reports/quick/latest"];
    let text = saved.then("compare").args(&runs).end().expect_code(0);
    assert!(text.stdout.contains("list concerts  ✓ success"), "{}", text.said());
    assert!(text.stdout.contains("B against A: "), "{}", text.said());
    let json = text.then("compare").args(&runs).args(&["--format", "json"]).end().expect_code(0);
    let comparison: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(comparison["sides"].as_array().unwrap().len(), 3);
    assert_eq!(comparison["sides"][2]["runs"].as_array().unwrap().len(), 2);
    // A run differs in nothing from itself.
    for row in comparison["rows"].as_array().unwrap() {
        for figure in row["figures"].as_array().unwrap() {
            assert_eq!(figure["values"][0], figure["values"][1], "{figure}");
            assert_eq!(figure["changes"][0]["absolute"], 0.0, "{figure}");
        }
    }
    let md = json.then("compare").args(&runs).args(&["--format", "md"]).end().expect_code(0);
    assert!(md.stdout.contains("| *all steps* |"), "{}", md.said());
    let html =
        md.then("compare").args(&runs).args(&["--format", "html", "--out", "c.html"]).end().expect_code(0);
    assert_eq!(html.stdout, "written to c.html\n");
    let page = std::fs::read_to_string(html.folder.join("c.html")).unwrap();
    assert!(page.starts_with("<!doctype html>") && page.contains("list concerts"));
}

#[test]
fn slips_of_the_pen_are_told_before_anything_runs() {
    let saved = with_baseline();
    let gate = ["scenario.yaml", "--baseline", "baselines/quick.json", "--fail-if", "latenzy p95 > +10%"];
    let wrong = saved.then("run").args(&gate).end().expect_code(2);
    assert!(wrong.stderr.contains("did you mean `latency`?"), "{}", wrong.said());
    let missing =
        wrong.then("run").args(&["scenario.yaml", "--baseline", "nowhere.json"]).end().expect_code(2);
    assert!(missing.stderr.contains("error: --baseline: there is no nowhere.json"), "{}", missing.said());
    let missing = missing.then("compare").args(&["reports", "baselines/quick.json"]).end().expect_code(2);
    assert!(missing.stderr.starts_with("error: reports has no result.json: "), "{}", missing.said());
    let twice = ["baselines/quick.json", "baselines/quick.json", "--fail-if", "latency{step=x} p95 > 1"];
    let wrong = missing.then("compare").args(&twice).end().expect_code(2);
    assert!(wrong.stderr.contains("no step is named `x`"), "{}", wrong.said());
}

#[test]
fn what_did_not_pass_is_no_baseline() {
    let failing = format!("{QUICK}thresholds:\n  latency: [p50 < 1us]\n");
    let ended = Loadtest::run(&failing).end().expect_code_unless_late(99);
    let refused = ended.then("baseline").args(&["save"]).end().expect_code(2);
    assert!(refused.stderr.contains("is no good baseline: "), "{}", refused.said());
    assert!(refused.stderr.contains("`--force`"), "{}", refused.said());
    let saved = refused.then("baseline").args(&["save", "--force", "--to", "here.json"]).end().expect_code(0);
    assert!(saved.folder.join("here.json").exists());
    let none = Loadtest::new("baseline").args(&["save"]).end().expect_code(2);
    assert!(none.stderr.contains("there is no run in `reports`"), "{}", none.said());
}
