//! Rows of `data`: who takes which, and what happens after the last one.

use std::collections::BTreeSet;
use std::io::{BufWriter, Write as _};

use serde_json::json;

use crate::support::program::{Ended, Loadtest};
use crate::support::recording::{Answer, Recording};

fn server() -> Recording {
    Recording::start(|_| Answer::ok())
}

/// So many rows `id,name`.
fn rows(count: u64) -> String {
    let mut text = "id,name\n".to_owned();
    (1..=count).for_each(|row| text += &format!("{row},user {row}\n"));
    text
}

/// Posts what each iteration has: its user, its number, its row.
fn scenario(server: &Recording, load: &str, feeder: &str) -> Loadtest {
    let yaml = format!(
        "target: {}\nload: {load}\ndata: {{ rows: {feeder} }}\nflow:\n  - name: use\n    post: /use\n    \
         json: {{ user: \"${{ user.id }}\", iteration: \"${{ user.iteration }}\", row: \"${{ rows }}\", id: \"${{ rows.id }}\" }}\n",
        server.url()
    );
    Loadtest::run(&yaml)
}

/// User, iteration and id of each request, in their order.
fn used(server: &Recording) -> Vec<(u64, u64, u64)> {
    let number = |value: &serde_json::Value| {
        value.as_u64().or_else(|| value.as_str()?.parse().ok()).unwrap_or_else(|| panic!("{value}"))
    };
    let asked = server.asked().into_iter().map(|asked| asked.json());
    asked.map(|body| (number(&body["user"]), number(&body["iteration"]), number(&body["id"]))).collect()
}

fn ids(server: &Recording) -> Vec<u64> {
    used(server).into_iter().map(|(_, _, id)| id).collect()
}

#[track_caller]
fn expect_out_of_data(ended: &Ended, rows: u64) {
    let reasons = ended.result["validity"]["reasons"].to_string();
    assert_ne!(ended.result["validity"]["verdict"], "valid", "{}", ended.said());
    let said = format!("`rows` has {rows} rows");
    assert!(reasons.contains("the data ran out at ") && reasons.contains(&said), "{reasons}");
    assert!(ended.stderr.contains("warning: the data ran out at "), "{}", ended.said());
}

#[test]
fn rows_come_one_after_another_and_over_again() {
    let server = server();
    let load = "{ users: 1, iterations: 7 }";
    scenario(&server, load, "{ csv: rows.csv }").file("rows.csv", &rows(3)).end().expect_passed();
    assert_eq!(ids(&server), [1, 2, 3, 1, 2, 3, 1]);
    let first = server.asked()[0].json();
    assert_eq!(first["row"], json!({ "id": "1", "name": "user 1" }), "a row is an object of its values");
}

/// Whoever takes them, and on whatever worker: each row once, and then the users go.
#[test]
fn data_that_runs_out() {
    for workers in ["1", "3"] {
        let server = server();
        let run = scenario(&server, "{ users: 5, duration: 1m }", "{ csv: rows.csv, pick: unique }");
        let run = run.file("rows.csv", &rows(100)).args(&["--workers", workers]);
        let ended = run.end().expect_code_unless_late(0).expect_accounted();
        let seen = ids(&server);
        assert_eq!(seen.len(), 100, "{}", ended.said());
        assert_eq!(seen.into_iter().collect::<BTreeSet<u64>>(), (1..=100).collect());
        assert_eq!(ended.iterations("started"), 100, "who finds no row begins no iteration");
        expect_out_of_data(&ended, 100);
        let strict = ended.result["load_s"].as_f64().unwrap();
        assert!(strict < 50.0, "the load is over when the data is: {strict}");
    }
}

#[test]
fn a_suspect_run_does_not_pass_where_it_must_not() {
    let server = server();
    let run = scenario(&server, "{ users: 1, duration: 1m }", "{ csv: rows.csv, when_done: stop }");
    let ended = run.file("rows.csv", &rows(2)).arg("--strict").end().expect_code(97);
    expect_out_of_data(&ended, 2);
}

/// In the open model nobody comes any more once the data is out; nobody counts as dropped for it.
#[test]
fn arrivals_end_with_the_data() {
    let server = server();
    let load = "{ rate: 200/s, duration: 1m, max_users: 50 }";
    let run = scenario(&server, load, "{ csv: rows.csv, pick: unique }").file("rows.csv", &rows(40));
    let ended = run.end().expect_code_unless_late(0).expect_accounted();
    assert_eq!(ids(&server).len(), 40);
    assert_eq!(ended.iterations("dropped"), 0);
    expect_out_of_data(&ended, 40);
}

#[test]
fn a_user_keeps_the_row_of_its_number() {
    let server = server();
    let load = "{ users: 3, iterations: 30 }";
    let run = scenario(&server, load, "{ csv: rows.csv, pick: per-user }").file("rows.csv", &rows(2));
    run.args(&["--workers", "2"]).end().expect_passed();
    let seen = used(&server);
    assert_eq!(seen.len(), 30);
    // After the last row comes the first again: user 3 has that of user 1.
    for (user, _, id) in seen {
        assert_eq!(id, (user - 1) % 2 + 1);
    }
}

#[test]
fn users_without_a_row_of_their_own_go() {
    let server = server();
    let feeder = "{ csv: rows.csv, pick: per-user, when_done: stop }";
    let run = scenario(&server, "{ rate: 100/s, duration: 1m }", feeder).file("rows.csv", &rows(10));
    let ended = run.end().expect_code_unless_late(0);
    let mut seen = used(&server);
    seen.sort_unstable();
    assert_eq!(seen, (1..=10).map(|user| (user, 1, user)).collect::<Vec<_>>(), "the nth arrival has row n");
    expect_out_of_data(&ended, 10);
}

/// The same for the same seed, user and iteration, however many workers there are; and another with another.
#[test]
fn what_is_drawn_follows_from_the_seed() {
    let drawn = |seed: &str, workers: &str| {
        let server = server();
        let run = scenario(&server, "{ rate: 100/s, duration: 500ms }", "{ csv: rows.csv, pick: random }");
        let run = run.file("rows.csv", &rows(1000)).args(&["--seed", seed, "--workers", workers]);
        run.end().expect_passed();
        let mut seen = used(&server);
        seen.sort_unstable();
        seen
    };
    let first = drawn("7", "1");
    assert_eq!(first.len(), 50);
    assert!(first.iter().map(|(_, _, id)| id).collect::<BTreeSet<_>>().len() > 30, "{first:?}");
    assert_eq!(first, drawn("7", "3"));
    assert_ne!(first, drawn("8", "1"));
}

/// One row for `on_start` and those of the iterations after it; `per-user` is the same in both.
#[test]
fn rows_of_the_start_and_of_iterations() {
    let server = server();
    let yaml = format!(
        "target: {}\nload: {{ users: 2, iterations: 6 }}\ndata:\n  users: {{ csv: rows.csv, pick: per-user }}\n  \
         codes: {{ lines: codes.txt }}\n  items: {{ rows: [7, 8] }}\non_start:\n  - post: /start\n    json: [\"${{ users.id }}\", \"${{ codes }}\"]\n\
         flow:\n  - post: /flow\n    json: [\"${{ users.id }}\", \"${{ items }}\"]\n",
        server.url()
    );
    let run = Loadtest::run(&yaml).file("rows.csv", &rows(2)).file("codes.txt", "red\n\ngreen\nblue");
    run.end().expect_passed();
    let said = |target: &str| {
        let asked = server.asked().into_iter().filter(|asked| asked.target == target);
        let mut said: Vec<String> = asked.map(|asked| asked.body).collect();
        said.sort_unstable();
        said
    };
    let starts = said("/start");
    let either = [r#"["1","red"]"#, r#"["2","green"]"#];
    let or = [r#"["1","green"]"#, r#"["2","red"]"#];
    assert!(starts == either || starts == or, "{starts:?}");
    let flows = said("/flow");
    assert_eq!(flows.len(), 6);
    assert_eq!(flows.iter().filter(|body| body.ends_with(",7]")).count(), 3, "{flows:?}");
}

/// Values of JSON keep their types, and what a row does not have is null.
#[test]
fn rows_of_json_keep_their_types() {
    let server = server();
    let yaml = format!(
        "target: {}\nload: {{ users: 1, iterations: 2 }}\ndata: {{ baskets: {{ json: baskets.json }} }}\nflow:\n  \
         - post: /x\n    json: {{ items: \"${{ baskets.items }}\", gift: \"${{ baskets.gift }}\", first: \"${{ baskets.items[0] + 1 }}\" }}\n",
        server.url()
    );
    let baskets = r#"[{ "items": [7, 8], "gift": true }, { "items": [9] }]"#;
    Loadtest::run(&yaml).file("baskets.json", baskets).end().expect_passed();
    let asked: Vec<String> = server.asked().into_iter().map(|asked| asked.body).collect();
    assert_eq!(
        asked,
        [r#"{"items":[7,8],"gift":true,"first":8}"#, r#"{"items":[9],"gift":null,"first":10}"#]
    );
}

/// The file is cut while users take rows of it: the run is none to believe, and says which row it was.
#[test]
fn a_data_file_that_changes_under_way() {
    let server = server();
    // Too large to be kept in memory.
    let row = format!(",{}\n", "x".repeat(1000));
    let text: String =
        std::iter::once("id,name\n".to_owned()).chain((1..=9000).map(|id| format!("{id}{row}"))).collect();
    let yaml = format!(
        "target: {}\nload: {{ users: 1, duration: 1m }}\ndata: {{ users: {{ csv: rows.csv }} }}\nflow:\n  \
         - post: /use\n    json: {{ id: \"${{ users.id }}\" }}\n  - think: 10ms\n",
        server.url()
    );
    let started = Loadtest::run(&yaml).file("rows.csv", &text).start();
    crate::support::program::wait_until("the first request", || !server.asked().is_empty());
    std::fs::write(started.folder.join("rows.csv"), "id,name\n1,ann\n").unwrap();
    let ended = started.end().expect_code(97);
    assert!(ended.stderr.contains("a row of data could not be read: row "), "{}", ended.said());
    assert!(ended.stderr.contains("of `users` (rows.csv)"), "{}", ended.said());
}

/// Five million rows, looked through and used: what they cost in memory is not theirs to say.
#[test]
fn a_long_file_costs_little_memory() {
    const ROWS: u64 = 5_000_000;
    let server = server();
    let yaml = format!(
        "target: {}\nload: {{ users: 20, duration: 500ms }}\ndata:\n  users: {{ csv: rows.csv, pick: unique }}\n  \
         some: {{ csv: rows.csv, pick: random }}\nflow:\n  - post: /use\n    json: {{ id: \"${{ users.id }}\", name: \"${{ some.name }}\" }}\n",
        server.url()
    );
    let run = Loadtest::run(&yaml);
    let run = run.file_of("rows.csv", |file| {
        let mut file = BufWriter::new(file);
        writeln!(file, "id,name,mail").unwrap();
        for id in 1..=ROWS {
            writeln!(file, "{id},user-{id},u{id}@example.com").unwrap();
        }
        file.flush().unwrap();
    });
    let ended = run.end().expect_code_unless_late(0);
    let asked = server.asked();
    assert!(!asked.is_empty(), "{}", ended.said());
    let ids: BTreeSet<String> = asked.iter().map(|asked| asked.json()["id"].to_string()).collect();
    assert_eq!(ids.len(), asked.len(), "each is used once");
    let peak = ended.result["generator"]["peak_rss_bytes"].as_u64().unwrap();
    assert!(peak < 100_000_000, "{peak} bytes");
    eprintln!("{ROWS} rows: {} KiB resident at most", peak / 1024);
}

/// What a column of passwords holds is in no report, and what others hold is.
#[test]
fn secret_columns_stay_out_of_reports() {
    let echo = Recording::start(|asked| Answer::status(500).body(&asked.body));
    let yaml = format!(
        "target: {}\nload: {{ users: 1, iterations: 1 }}\ndata:\n  users: {{ csv: users.csv }}\n  \
         members: {{ csv: users.csv, secret: [name] }}\n  tokens: {{ lines: tokens.txt }}\nflow:\n  \
         - post: /login/${{ users.name }}/${{ members.password }}/${{ members.city }}\n    \
         json: [\"${{ users.password }}\", \"${{ members.name }}\", \"${{ tokens }}\"]\n",
        echo.url()
    );
    let run = Loadtest::run(&yaml).file("tokens.txt", "tok-4711-abc\n");
    let run = run.file("users.csv", "name,password,city\n\"ann lee\",correct-horse,Busan\n");
    let ended = run.end().expect_code(99);
    let example = &ended.list("causes")[0]["example"];
    for (place, text) in ended.all_text() {
        for secret in ["correct-horse", "tok-4711-abc"] {
            assert!(!text.contains(secret), "{secret} in {place}: {text}");
        }
    }
    let request = example["request"].as_str().unwrap();
    assert!(request.ends_with("/Busan"), "{request}");
    assert!(!request.contains("ann"), "a column that is named secret by one feeder is so for all: {request}");
}
