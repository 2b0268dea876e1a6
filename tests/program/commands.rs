//! The verbs and their arguments: what they print, and how they end.

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::program::Loadtest;
use crate::support::recording::{Answer, Recording};

/// What `loadtest plan` prints, with two workers.
fn plan(yaml: &str, args: &[&str]) -> String {
    let ended =
        Loadtest::new("plan").scenario(yaml).args(&["--workers", "2"]).args(args).end().expect_code(0);
    assert!(!ended.folder.join("reports").exists(), "a plan writes nothing");
    ended.stdout.clone()
}

const CLOSED: &str = "name: closed\ndescription: A plan of users.\ntarget: http://127.0.0.1:9\n\
load:\n  kind: stress\n  stages:\n    - { duration: 20s, target: 20 }\n    - { duration: 1m, target: 20, name: peak }\n    - { duration: 10s, target: 0 }\n  graceful_stop: 5s\n\
setup:\n  - post: /reset\n    when: target.bundled\n\
on_start:\n  - post: /login\n\
flow:\n  - name: list\n    get: /list\n  - group: buy\n    do:\n      - repeat: 3\n        do:\n          - { name: seat, get: /seat, chance: 20% }\n  - think: 1s..3s\n  - think: { mean: 2s, distribution: exponential }\n\
verify:\n  - get: /audit\n\
teardown:\n  - post: /clean\n\
thresholds:\n  latency{step=list}: [p95 < 1s, { that: p99 < 2s, abort: true }]\n";

#[test]
fn plans() {
    insta::assert_snapshot!("plan_closed", plan(CLOSED, &[]));
    insta::assert_snapshot!("plan_closed_scaled", plan(CLOSED, &["--time-scale", "0.1"]));
    insta::assert_snapshot!("plan_closed_smoke", plan(CLOSED, &["--smoke", "--target", "bundled"]));
    let open = "name: open\ntarget: bundled\nload:\n  from: 10/s\n  stages:\n    - { duration: 10s, target: 30/s }\n    - { duration: 10s, target: 30/s }\n\
        \x20 max_users: 100\n  when_full: wait\n  max_duration: 25s\nflow:\n  - get: /a\nthresholds: { failures: [rate < 5%] }\n";
    insta::assert_snapshot!("plan_open", plan(open, &[]));
    let iterations =
        "target: bundled\nload: { users: 10, iterations: 1000, max_duration: 5m }\nflow:\n  - get: /a\n";
    insta::assert_snapshot!("plan_iterations", plan(iterations, &[]));
    let several = "name: several\ntarget: bundled\nhttp: { connections: fresh }\ngap: 10s\nscenarios:\n\
        \x20 browse:\n    load:\n      stages:\n        - { duration: 20s, target: 20 }\n        - { duration: 40s, target: 0 }\n\
        \x20   on_start:\n      - post: /login\n\
        \x20   flow:\n      - get: /list\n      - { get: /more, chance: 25%, optional: true }\n      - think: 2s\n\
        \x20 rush:\n    load: { rate: 50/s, duration: 30s, max_users: 60, throttle: 80/s }\n\
        \x20   flow:\n      - post: /order\n      - { get: /paid, when: status == 200 }\n\
        \x20 rest:\n    load: { users: 3, iterations: 90 }\n    flow:\n      - get: /a\n\
        \x20 last:\n    load: { users: 3, duration: 10s }\n    flow:\n      - get: /a\n      - think: 1s\n\
        thresholds:\n  tls: [p95 < 20ms]\n  dropped: [count == 0]\n  throttled{scenario=last}: [p95 < 1s]\n";
    insta::assert_snapshot!("plan_several", plan(several, &[]));
    // Nobody can say how many: not of users who never pause, and not of loops without a bound.
    let unknown = "target: bundled\nload: { users: 10, duration: 1m }\nflow:\n  - get: /a\n  - while: status != 200\n    do:\n      - get: /b\n";
    insta::assert_snapshot!("plan_unknown", plan(unknown, &[]));
}

#[test]
fn a_plan_says_what_is_watched() {
    let yaml = "target: bundled\nload: { users: 1, duration: 5s }\nflow:\n  - get: /a\n\
                monitor:\n  container: db\n  process: { port: 8080 }\n  prometheus: { url: /metrics, series: [a, b] }\n";
    let plan = plan(yaml, &[]);
    let watched = "watched     container db, process port 8080, 2 series at /metrics (prometheus)\n";
    assert!(plan.contains(watched), "{plan}");
}

/// A reader should know what lies between the generator and the target, and that nobody is looked at.
#[test]
fn a_plan_says_which_way_requests_go() {
    let load = "load: { users: 1, iterations: 1 }\nflow:\n  - get: /a\n";
    let test = format!(
        "target: {{ unix: app.sock }}\nhttp: {{ version: auto, proxy: \"http://proxy.example:3128\", tls: {{ insecure: true }} }}\n{load}"
    );
    let one = plan(&test, &[]);
    let ways = "target      http://localhost\n            over the socket app.sock\n            \
                through the proxy http://proxy.example:3128\n            \
                over TLS in HTTP/2 where the server speaks it\n";
    assert!(one.contains(ways), "{one}");
    let warning =
        "certificates of servers are not checked (`http.tls.insecure`): anybody may answer for the target";
    assert_eq!(one.split_whitespace().collect::<Vec<_>>().join(" ").matches(warning).count(), 1, "{one}");
    // What `--target` names is not behind that socket.
    let other = plan(&test, &["--target", "http://localhost:8080"]);
    assert!(!other.contains("app.sock"), "{other}");

    let load = load.replace('\n', "\n    ");
    let several = format!(
        "target: http://localhost:8080\nhttp: {{ version: 2 }}\nscenarios:\n  same:\n    {load}\n  old:\n    http: {{ version: 1.1 }}\n    {load}\n  \
         kept:\n    http: {{ timeout: 1s, tls: {{ insecure: true }} }}\n    {load}\n"
    );
    let several = plan(&several, &[]);
    assert!(several.contains("            in HTTP/2\n"), "{several}");
    assert!(several.contains("scenario    old\nway         directly, in HTTP/1.1\nload"), "{several}");
    assert_eq!(several.matches("way         ").count(), 1, "{several}");
    assert!(several.contains("`http.tls.insecure`"), "{several}");
}

/// Rows that a load takes, and when there are none left.
#[test]
fn plans_of_data() {
    let plan = |load: &str| {
        let yaml = format!(
            "target: bundled\nload: {load}\ndata:\n  users: {{ csv: users.csv, pick: unique }}\n  \
             words: {{ lines: words.txt, pick: random }}\n  mine: {{ csv: users.csv, pick: per-user }}\n  \
             gifts: {{ rows: [7] }}\nflow:\n  - get: /${{ users.id }}/${{ words }}/${{ mine.id }}/${{ gifts }}\n"
        );
        let rows: String = (0..1000).map(|row| format!("{row}\n")).collect();
        let plan = Loadtest::new("plan").scenario(&yaml).args(&["--workers", "1"]);
        plan.file("users.csv", &format!("id\n{rows}"))
            .file("words.txt", "red\ngreen\n")
            .end()
            .expect_code(0)
            .stdout
            .clone()
    };
    insta::assert_snapshot!("plan_data_open", plan("{ rate: 4/s, duration: 10m, max_users: 50 }"));
    insta::assert_snapshot!("plan_data_closed", plan("{ users: 20, duration: 10m }"));
}

const BROKEN: &str = "target: bundled\nload: { users: 1, duration: 5 }\nflow:\n  - gett: /a\n";
const FINE: &str = "target: bundled\nload: { users: 1, duration: 5s }\nflow:\n  - get: /a\n";

#[test]
fn validate_as_text() {
    let ended = Loadtest::new("validate").scenario(FINE).end().expect_code(0);
    assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("scenario.yaml: valid\n", ""));

    let ended = Loadtest::new("validate")
        .scenario(BROKEN)
        .file("fine.yaml", FINE)
        .args(&["fine.yaml", "fin.yaml"])
        .end()
        .expect_code(2);
    assert_eq!(ended.stdout, "scenario.yaml: not valid\nfine.yaml: valid\n");
    insta::assert_snapshot!("validate_text", ended.stderr);
}

#[test]
fn validate_as_json() {
    let ended = Loadtest::new("validate").scenario(FINE).args(&["--format", "json"]).end().expect_code(0);
    let document: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(document, json!({ "format": 1, "valid": true, "findings": [], "unreadable": [] }));

    let ended = Loadtest::new("validate")
        .scenario(BROKEN)
        .args(&["nothing.yaml", "--format", "json"])
        .end()
        .expect_code(2);
    let document: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(document["valid"], false);
    assert_eq!(document["unreadable"][0]["file"], "nothing.yaml");
    let places: Vec<(&Value, &Value)> = document["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| (&finding["line"], &finding["severity"]))
        .collect();
    assert_eq!(places, [(&json!(2), &json!("error")), (&json!(4), &json!("error"))]);
    assert_eq!(ended.stderr, "");
}

/// `run` and `plan` show the same findings, and send nothing.
#[test]
fn broken_scenarios_do_not_run() {
    for verb in ["run", "plan"] {
        let ended = Loadtest::new(verb).scenario(BROKEN).end().expect_code(2);
        assert!(ended.stderr.contains("`5` has no unit"), "{}", ended.said());
        assert!(ended.stderr.contains("did you mean `get`"), "{}", ended.said());
        assert_eq!(ended.stdout, "");
        assert!(!ended.folder.join("reports").exists());
        let ended = Loadtest::new(verb).file("my-test.yaml", FINE).arg("my-tset.yaml").end().expect_code(2);
        assert_eq!(ended.stderr, "error: there is no file my-tset.yaml: did you mean my-test.yaml?\n");
    }
}

#[test]
fn arguments_that_are_none() {
    let table: [&[&str]; 10] = [
        &[],
        &["scenario.yaml", "--unknown"],
        &["scenario.yaml", "--time-scale", "0"],
        &["scenario.yaml", "--time-scale", "much"],
        &["scenario.yaml", "--workers", "0"],
        &["scenario.yaml", "--env", "NAME"],
        &["scenario.yaml", "--seed", "-1"],
        &["scenario.yaml", "--target", "localhost:8080"],
        &["scenario.yaml", "--target", "ftp://x"],
        &["scenario.yaml", "second.yaml"],
    ];
    for args in table {
        let ended = Loadtest::new("run").file("scenario.yaml", FINE).args(args).end().expect_code(2);
        assert!(ended.stderr.starts_with("error: "), "{args:?}: {}", ended.said());
        assert_eq!(ended.stdout, "", "{args:?}");
        assert!(!ended.folder.join("reports").exists(), "{args:?}");
    }
    Loadtest::new("rum").end().expect_code(2);
    Loadtest::new("completions").arg("tcsh").end().expect_code(2);
}

#[test]
fn help_of_each_verb() {
    for verb in ["run", "plan", "validate", "report", "target", "schema", "completions"] {
        let ended = Loadtest::new(verb).arg("--help").end().expect_code(0);
        insta::assert_snapshot!(format!("help_{verb}"), ended.stdout);
    }
    insta::assert_snapshot!("help", Loadtest::new("--help").end().expect_code(0).stdout);
    let version = Loadtest::new("--version").end().expect_code(0);
    assert_eq!(version.stdout, format!("loadtest {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn the_schema_is_the_one_beside_the_scenarios() {
    let ended = Loadtest::new("schema").end().expect_code(0);
    let shipped =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/schema.json")).unwrap();
    assert_eq!(ended.stdout, shipped);
    let schema: Value = serde_json::from_str(&ended.stdout).unwrap();
    jsonschema::validator_for(&schema).unwrap();
}

#[test]
fn completions() {
    for shell in ["bash", "zsh", "fish"] {
        let ended = Loadtest::new("completions").arg(shell).end().expect_code(0);
        assert!(ended.stdout.contains("--time-scale") || ended.stdout.contains("time-scale"), "{shell}");
    }
}

/// A reader that has gone away (`| head`) is no error worth a word, and changes no exit code.
#[test]
fn a_closed_pipe() {
    let server = Recording::start(|_| Answer::status(500));
    let failing =
        format!("target: {}\nload: {{ users: 1, iterations: 1 }}\nflow:\n  - get: /a\n", server.url());
    let table: [(&[&str], i32); 8] = [
        (&["schema"], 0),
        (&["completions", "bash"], 0),
        (&["plan", "fine.yaml"], 0),
        (&["validate", "fine.yaml"], 0),
        (&["validate", "broken.yaml"], 2),
        (&["validate", "broken.yaml", "--format", "json"], 2),
        (&["run", "failing.yaml"], 99),
        (&["run", "failing.yaml", "--quiet"], 99),
    ];
    for (args, code) in table {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [("fine", FINE), ("broken", BROKEN), ("failing", &failing)] {
            std::fs::write(folder.path().join(format!("{name}.yaml")), text).unwrap();
        }
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_loadtest"));
        let output = command.current_dir(folder.path()).args(args).stdout(writer).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
        assert!(!said.contains("panicked") && !said.contains("pipe"), "{args:?}: {said}");
    }
}

#[test]
fn the_target_in_the_foreground() {
    for signal in [Signal::INT, Signal::TERM] {
        let running = Loadtest::new("target").args(&["--port", "0"]).start();
        let said = running.wait_for_stdout("\n");
        let url = said.trim().strip_prefix("listening on ").unwrap().to_owned();
        running.wait_for_stderr("Ctrl-C ends it; start it with --admin");
        // It is a target as any other.
        let yaml = format!(
            "target: {{ url: \"{url}\", ready: /readyz }}\nload: {{ users: 1, iterations: 1 }}\n\
             flow:\n  - get: /api/v1/concerts\n  - {{ name: admin, get: /admin/audit, expect: {{ status: 404 }} }}\n"
        );
        let ended = Loadtest::run(&yaml).end().expect_passed();
        assert_eq!(ended.result["target"], json!({ "url": url, "bundled": false }));
        // A port that is taken.
        let port = url.rsplit_once(':').unwrap().1;
        let taken = Loadtest::new("target").args(&["--port", port]).end().expect_code(1);
        let said = format!("error: cannot listen on 127.0.0.1:{port}; choose another with `--port`");
        assert!(taken.stderr.starts_with(&said), "{}", taken.said());
        running.signal(signal);
        running.end().expect_code(0);
    }
}

#[test]
fn the_environment() {
    let server = Recording::start(|_| Answer::ok());
    let yaml = "target: ${ env(\"WHERE\", \"http://127.0.0.1:1\") }\nload: { users: 1, iterations: 1 }\n\
        flow:\n  - get: /${ env(\"WHO\") }/${ env(\"FROM_SHELL\") }/${ env(\"NOBODY\", \"default\") }\n";
    let run = || Loadtest::run(yaml).env("FROM_SHELL", "shell").env("WHO", "hidden");
    let where_ = format!("WHERE={}", server.url());
    run().args(&["--env", &where_, "--env", "WHO=me", "--env", "WHO=last=one"]).end().expect_passed();
    assert_eq!(server.asked()[0].target, "/last=one/shell/default");
    // --target wins over whatever the file says.
    run().args(&["--target", &server.url()]).end().expect_passed();
    assert_eq!(server.asked()[1].target, "/hidden/shell/default");
    // What is not set is said before anything is sent.
    let ended = Loadtest::run(yaml).args(&["--env", "WHO=me"]).end().expect_code(2);
    assert!(ended.stderr.contains("the environment variable `FROM_SHELL` is not set"), "{}", ended.said());
}

#[test]
fn quiet_is_one_line() {
    let server = Recording::start(|_| Answer::ok());
    let yaml = format!("target: {}\nload: {{ users: 1, iterations: 1 }}\nflow:\n  - get: /a\n", server.url());
    for flag in ["--quiet", "-q"] {
        let ended = Loadtest::run(&yaml).arg(flag).end().expect_passed();
        assert_eq!(ended.stdout, "PASSED: 1 threshold met, run valid\n");
        assert_eq!(ended.stderr, "");
    }
}

/// Where there is no terminal there are no colours, and a line every ten seconds.
#[test]
fn progress_without_a_terminal() {
    let server = Recording::start(|_| Answer::ok());
    let yaml = format!(
        "target: {}\nload: {{ users: 2, duration: 11s }}\nflow:\n  - get: /a\n  - think: 50ms\n",
        server.url()
    );
    let ended = Loadtest::run(&yaml).env("NO_COLOR", "").end().expect_passed();
    let lines: Vec<&str> = ended.stderr.lines().collect();
    let [line] = lines.as_slice() else { panic!("{}", ended.said()) };
    assert!(line.trim_start().starts_with("10s/11s  users 2  "), "{line}");
    assert!(line.contains(" req/s  p95 ") && line.contains("failures 0"), "{line}");
    assert!(!ended.stdout.contains('\x1b') && !ended.stderr.contains('\x1b'));
    assert!(ended.stdout.contains("written to reports/scenario/"), "{}", ended.said());
}

/// Arguments need not be text.
#[test]
fn a_file_whose_name_is_no_text() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    let server = Recording::start(|_| Answer::ok());
    let yaml = format!("target: {}\nload: {{ users: 1, iterations: 1 }}\nflow:\n  - get: /a\n", server.url());
    let folder = tempfile::tempdir().unwrap();
    let name = folder.path().join(OsStr::from_bytes(b"n\xffme.yaml"));
    std::fs::write(&name, yaml).unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_loadtest"));
    let output = command.current_dir(folder.path()).arg("run").arg(&name).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

/// Each run has a folder of its own, and `latest` is the last.
#[test]
fn results_are_kept_apart() {
    let server = Recording::start(|_| Answer::ok());
    let yaml = format!(
        "name: My Test / One\ntarget: {}\nload: {{ users: 1, iterations: 1 }}\nflow:\n  - get: /a\n",
        server.url()
    );
    let first = Loadtest::run(&yaml).args(&["--seed", "1"]).end().expect_passed();
    let folder = first.folder.join("reports").join("my-test-one");
    let runs = |folder: &std::path::Path| std::fs::read_dir(folder).unwrap().count();
    assert_eq!(runs(&folder), 2, "the run and `latest`");
    let written = first.stdout.lines().find_map(|line| line.trim().strip_prefix("written to ")).unwrap();
    let files = std::fs::read_dir(first.folder.join(written)).unwrap().flatten();
    let mut files: Vec<String> =
        files.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    files.sort();
    assert_eq!(files, ["junit.xml", "latency.hlog", "report.html", "report.md", "result.json"]);
    assert_eq!(first.result["scenario"]["name"], "My Test / One");
    assert_eq!(first.result["format"], 1);
}
