//! Where the words of a scenario come from beside its own file: files that it includes, and variables.

use serde_json::{Value, json};

use crate::support::program::Loadtest;
use crate::support::recording::{Answer, Recording};

/// Steps, variables and data of other files are as good as the test's own, each path from its own folder.
#[test]
fn files_that_are_included() {
    let server = Recording::start(|_| Answer::json(&json!({ "token": "t-4711" })));
    let yaml = format!(
        "include: parts/common.yaml\ntarget: {}\nload: {{ users: 1, iterations: 2 }}\nvars: {{ version: v2 }}\n\
         flow:\n  - include: parts/log-in.yaml\n  - group: twice\n    do:\n      - include: parts/look.yaml\n      - include: parts/look.yaml\n",
        server.url()
    );
    let run = Loadtest::run(&yaml)
        .file(
            "parts/common.yaml",
            "vars: { version: v1, base: \"api/${ version }\" }\ndata: { users: { lines: users.txt } }\n",
        )
        .file("parts/users.txt", "ann\nbob\n")
        .file(
            "parts/log-in.yaml",
            "- post: /${ base }/login\n  body: ${ users }\n  capture: { token: json.token }\n",
        )
        .file("parts/look.yaml", "- name: look\n  get: /look/${ token }\n");
    let ended = run.end().expect_passed();
    let asked: Vec<String> =
        server.asked().into_iter().map(|asked| format!("{} {}", asked.target, asked.body)).collect();
    let look = "/look/t-4711 ";
    assert_eq!(asked, ["/api/v2/login ann", look, look, "/api/v2/login bob", look, look]);
    assert_eq!(ended.count("look", "success"), 4);
}

/// A finding names the file it is in, for people and for programs.
#[test]
fn findings_of_included_files_say_where_they_are() {
    let yaml = "target: bundled\nload: { users: 1, duration: 1s }\nflow:\n  - include: parts/wrong.yaml\n";
    let validate =
        || Loadtest::new("validate").file("parts/wrong.yaml", "- get: /a\n- gte: /b\n").scenario(yaml);
    let text = validate().end().expect_code(2);
    assert!(text.stderr.contains("--> parts/wrong.yaml:2:3"), "{}", text.said());
    let json = validate().args(&["--format", "json"]).end().expect_code(2);
    let found: Value = serde_json::from_str(&json.stdout).unwrap();
    let place = &found["findings"][0];
    let seen = (place["file"].as_str(), place["line"].as_u64(), place["end_column"].as_u64());
    assert_eq!(seen, (Some("parts/wrong.yaml"), Some(2), Some(6)), "{found:#}");
}

/// `--env` wins over the environment, and that over files; of several files the last. A file beside the test is
/// not read by itself.
#[test]
fn variables_and_where_they_come_from() {
    let server = Recording::start(|_| Answer::ok());
    let yaml = format!(
        "target: {}\nload: {{ users: 1, iterations: 1 }}\nflow:\n  - post: /\n    \
         body: ${{ [env('GIVEN'), env('OWN'), env('FIRST'), env('SECOND'), env('BESIDE', 'none')] | join(' ') }}\n",
        server.url()
    );
    let run = Loadtest::run(&yaml)
        .file("one.env", "GIVEN=one\nOWN=one\nFIRST=one\nSECOND=one\n")
        .file("two.env", "SECOND=two\n")
        .file(".env", "BESIDE=beside\n")
        .env("OWN", "own")
        .env("GIVEN", "own")
        .args(&["--env", "GIVEN=given", "--env-file", "one.env", "--env-file", "two.env"]);
    run.end().expect_passed();
    assert_eq!(server.asked()[0].body, "given own one two none");
}
