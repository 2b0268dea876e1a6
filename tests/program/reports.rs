//! What a run leaves for people to read, and what `loadtest report` makes of it later.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::support::program::{Ended, Loadtest};
use crate::support::recording::{Answer, Recording};

/// Would act wherever it is not taken for text.
const HOSTILE: &str = "</script><script>alert(1)</script>\"><img src=x onerror=alert(2)>|`x`\u{1b}[2J\u{1}";

/// A run in which everything happens that a report can tell: the seat is taken, the server breaks and says evil
/// things, a check does not hold, an invariant is broken, thresholds are not met.
fn eventful() -> Ended {
    let server = Recording::start(|asked| match asked.target.as_str() {
        "/seat" if asked.body.contains('1') => Answer::status(409).body("taken"),
        "/seat" => Answer::json(&json!({ "held": true })),
        "/break" => Answer::status(500).header("content-type", "text/html").body(HOSTILE),
        "/audit" => Answer::json(&json!({ "sold": 2, "why": HOSTILE })),
        _ => Answer::ok(),
    });
    let yaml = format!(
        r#"name: "eventful <b>"
description: All that can happen, in a second.
target: {}
load: {{ users: 2, iterations: 20 }}
flow:
  - group: buy
    do:
      - {{ name: take seat, post: /seat, json: {{ seat: "${{ random_int(0, 1) }}" }}, expect: {{ business: {{ taken: 409 }} }} }}
      - {{ name: break it, get: /break, on_failure: continue }}
  - check: {{ it rains: "random_int(0, 1) == 1" }}
  - count: {{ tries: 1 }}
verify:
  - {{ get: /audit, expect: {{ checks: {{ sold once: json.sold == 1 }} }} }}
thresholds:
  latency: [p95 < 10s]
  failures: [rate < 1%]
  latency{{step=break it}}: [p99 < 1ms]
"#,
        server.url()
    );
    Loadtest::run(&yaml).args(&["--seed", "7"]).end().expect_code(98)
}

/// The folder of the only run.
fn run_of(ended: &Ended) -> PathBuf {
    let scenario = std::fs::read_dir(ended.folder.join("reports")).unwrap().flatten().next().unwrap().path();
    scenario.join("latest")
}

fn report(place: &Path, format: &str) -> Ended {
    Loadtest::new("report").arg(place.display().to_string()).args(&["--format", format]).end()
}

#[test]
fn a_saved_run_is_shown_as_it_was_at_its_end() {
    let ended = eventful();
    let run = run_of(&ended);
    for (name, format) in [("report.html", "html"), ("report.md", "md"), ("junit.xml", "junit")] {
        let written = std::fs::read_to_string(run.join(name)).unwrap();
        assert_eq!(report(&run, format).expect_code(0).stdout, written, "{name}");
    }
    // All but the folder, which the end of a run alone says.
    let shown = report(&run, "text").expect_code(0).stdout.clone();
    assert!(ended.stdout.starts_with(&shown), "{shown}\n{}", ended.said());
    let json: Value = serde_json::from_str(&report(&run, "json").expect_code(0).stdout).unwrap();
    assert_eq!(json, ended.result);
}

#[test]
fn every_place_that_means_a_run_is_taken() {
    let ended = eventful();
    let latest = run_of(&ended);
    let scenario = latest.parent().unwrap();
    let of = |place: &Path| report(place, "md").expect_code(0).stdout.clone();
    let wanted = of(&latest);
    assert!(wanted.contains("eventful"));
    for place in [scenario, &std::fs::canonicalize(&latest).unwrap(), &latest.join("result.json")] {
        assert_eq!(of(place), wanted, "{}", place.display());
    }
}

#[test]
fn the_result_is_what_its_schema_says() {
    let schema = Loadtest::new("schema").args(&["result"]).end().expect_code(0).stdout.clone();
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let check = |result: &Value| {
        let problems: Vec<String> = validator.iter_errors(result).map(|error| error.to_string()).collect();
        assert_eq!(problems, [""; 0], "{result:#}");
    };
    let mut result = eventful().result.clone();
    check(&result);
    check(
        &Loadtest::run(
            "name: t\ntarget: http://127.0.0.1:1\nload: { users: 1, iterations: 1 }\nflow:\n  - get: /\n",
        )
        .end()
        .result,
    );
    // It is no schema that takes everything.
    result["totals"]["attempted"] = json!("many");
    assert!(!validator.is_valid(&result));
}

#[test]
fn junit_is_valid_by_its_schema() {
    let ci = std::env::var_os("CI").is_some_and(|value| value == "true");
    if Command::new("xmllint").arg("--version").output().is_err() {
        assert!(!ci, "xmllint is missing (Debian: libxml2-utils)");
        eprintln!("skipped: xmllint is missing (Debian: libxml2-utils)");
        return;
    }
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/reports/junit.xsd");
    let never = Loadtest::run(
        "name: t\ntarget: { url: http://127.0.0.1:1, ready_timeout: 100ms }\nload: { users: 1, iterations: 1 }\nflow:\n  - get: /\n",
    );
    for ended in [eventful(), never.end().expect_code(96)] {
        let file = run_of(&ended).join("junit.xml");
        let checked =
            Command::new("xmllint").args(["--noout", "--schema"]).args([&schema, &file]).output().unwrap();
        assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    }
}

#[test]
fn junit_fails_what_the_verdict_rests_on() {
    let ended = eventful();
    let xml = std::fs::read_to_string(run_of(&ended).join("junit.xml")).unwrap();
    let case = |name: &str| {
        let after =
            xml.split(&format!("<testcase name=\"{name}\"")).nth(1).unwrap_or_else(|| panic!("{xml}"));
        after.split("<testcase").next().unwrap().to_owned()
    };
    assert!(case("sold once").contains("<failure"), "{xml}");
    assert!(case("failures: rate &lt; 1%").contains("<failure"), "{xml}");
    assert!(!case("latency: p95 &lt; 10s").contains("<failure"), "{xml}");
    // A check that did not always hold fails no test by itself.
    assert!(case("it rains").contains("<skipped>held "), "{xml}");
}

#[test]
fn intervals_as_csv() {
    let ended = eventful();
    let csv = report(&run_of(&ended), "csv").expect_code(0).stdout.clone();
    let mut lines = csv.lines();
    assert!(lines.next().unwrap().starts_with("at_s,users,attempted,success,business,failure,"));
    let sum = |column: usize| {
        lines.clone().map(|line| line.split(',').nth(column).unwrap().parse::<u64>().unwrap()).sum::<u64>()
    };
    assert_eq!(sum(2), ended.total("attempted"));
    assert_eq!(sum(4), ended.total("business"));
    assert_eq!(sum(5), ended.total("failure"));
}

/// The kept example is what the program makes of its record. `UPDATE_DOCS=1` writes it anew.
#[test]
fn the_kept_example_is_up_to_date() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/example");
    let update = std::env::var_os("UPDATE_DOCS").is_some();
    for (name, format, lang) in [
        ("report.html", "html", "en"),
        ("report.md", "md", "en"),
        ("report.ko.md", "md", "ko"),
        ("incident.md", "incident", "en"),
        ("incident.ko.md", "incident", "ko"),
        ("junit.xml", "junit", "en"),
        ("intervals.csv", "csv", "en"),
    ] {
        let arguments = ["--format", format, "--lang", lang];
        let made = Loadtest::new("report").arg(folder.display().to_string()).args(&arguments).end();
        let made = made.expect_code(0).stdout.clone();
        let file = folder.join(name);
        if update {
            std::fs::write(&file, &made).unwrap();
        }
        let kept = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(
            kept == made,
            "reports/example/{name} is old; run UPDATE_DOCS=1 cargo test --test program reports::the_kept_example"
        );
    }
}

/// What it is a drill for: a run that fails, and a review that says from when to when.
#[test]
fn the_kept_example_tells_of_its_incident() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/example");
    let result: Value =
        serde_json::from_str(&std::fs::read_to_string(folder.join("result.json")).unwrap()).unwrap();
    assert_eq!(result["verdict"]["exit_code"], 99);
    assert_eq!(result["validity"]["verdict"], "valid");
    let review = std::fs::read_to_string(folder.join("incident.md")).unwrap();
    for said in
        ["| Began | +0:2", "| Back to normal | +0:4", "status 503 (", "First threshold seen to be broken"]
    {
        assert!(review.contains(said), "{said}\n{review}");
    }
}

#[test]
fn reports_go_where_they_are_told() {
    let ended = eventful();
    let run = run_of(&ended);
    let file = ended.folder.join("mine.md");
    let place = run.display().to_string();
    let out = |out: &str| {
        Loadtest::new("report").args(&[&place, "--format", "md", "--lang", "ko", "--out", out]).end()
    };
    let written = out(&file.display().to_string()).expect_code(0);
    assert_eq!((written.stdout.as_str(), written.stderr.as_str()), ("", ""));
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("임계값"), "{text}");
    assert_eq!(out("-").expect_code(0).stdout, text);
    let nowhere = out(&ended.folder.join("nowhere/mine.md").display().to_string()).expect_code(1);
    assert!(nowhere.stderr.starts_with("error: cannot write "), "{}", nowhere.said());
}

#[test]
fn what_is_no_result_says_so() {
    let ended = eventful();
    let whole = std::fs::read_to_string(run_of(&ended).join("result.json")).unwrap();
    let said = |name: &str, text: &str| {
        let ended = Loadtest::new("report").file(name, text).arg(name).end().expect_code(2);
        assert_eq!(ended.stdout, "", "{}", ended.said());
        ended.stderr.clone()
    };
    let seen = [
        said("cut.json", &whole[..whole.len() / 2]).split(": EOF").next().unwrap().to_owned(),
        said("other.json", "{\"format\": 1}"),
        said("text.txt", "no JSON at all"),
        said("newer.json", "{\"format\": 2, \"all\": \"else\"}"),
        Loadtest::new("report").arg("nothing/here").end().expect_code(2).stderr.clone(),
        Loadtest::new("report").arg(".").end().expect_code(2).stderr.clone(),
    ];
    insta::assert_snapshot!(seen.join("\n"));
}

#[test]
fn github_is_told_what_was_not_met() {
    let server = Recording::start(|_| Answer::status(500));
    let yaml = format!(
        "name: t\ntarget: {}\nload: {{ users: 1, iterations: 3 }}\nflow:\n  - get: /a\nthresholds:\n  failures: [rate < 1%]\n",
        server.url()
    );
    let summary = std::env::temp_dir().join(format!("loadtest-summary-{}", std::process::id()));
    std::fs::write(&summary, "of the step before\n").unwrap();
    let ended = Loadtest::run(&yaml)
        .arg("--quiet")
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_STEP_SUMMARY", &summary.display().to_string())
        .end()
        .expect_code(99);
    let written = std::fs::read_to_string(&summary).unwrap();
    std::fs::remove_file(&summary).unwrap();
    let report = std::fs::read_to_string(run_of(&ended).join("report.md")).unwrap();
    assert_eq!(written, format!("of the step before\n{report}\n"));
    let annotation = "::error file=scenario.yaml,line=7,title=loadtest::failures rate was 100%25, limit 1%25";
    assert!(ended.stdout.lines().any(|line| line == annotation), "{}", ended.said());
    // Elsewhere it says nothing of the kind.
    let elsewhere = Loadtest::run(&yaml).end().expect_code(99);
    assert!(!elsewhere.stdout.contains("::error"), "{}", elsewhere.said());
}
