//! The scenario language while it runs: what is sent, what is kept, and which way a flow goes.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::program::{Ended, Loadtest};
use crate::support::recording::{Answer, Asked, Recording};

/// What the server of these tests answers, by path.
pub(super) fn answer(asked: &Asked) -> Answer {
    let path = asked.target.split('?').next().unwrap_or_default();
    match path {
        "/echo" => Answer::ok().body(&asked.body),
        "/missing" => Answer::status(404).body(r#"{"error":"GONE"}"#),
        "/broken" => Answer::status(500),
        "/empty" => Answer::status(204),
        "/login" => Answer::json(&json!({ "session": format!("session-of-{}", asked.body) })),
        "/token" => {
            Answer::json(&json!({ "data": { "token": "tok-1", "n": 7 } })).header("X-Token", "from-header")
        }
        _ => Answer::json(&json!({ "ok": true })),
    }
}

/// One user, one iteration, and all that the server was asked.
pub(super) fn once(rest: &str) -> (Ended, Vec<Asked>) {
    run("{ users: 1, iterations: 1 }", rest)
}

fn run(load: &str, rest: &str) -> (Ended, Vec<Asked>) {
    let server = Recording::start(answer);
    let yaml = format!("name: t\ntarget: {}\nload: {load}\n{rest}", server.url());
    let ended = Loadtest::run(&yaml).end();
    (ended, server.asked())
}

#[track_caller]
pub(super) fn targets(asked: &[Asked]) -> Vec<&str> {
    asked.iter().map(|asked| asked.target.as_str()).collect()
}

#[test]
fn json_keeps_its_types() {
    let (ended, asked) = once(
        r#"vars:
  price: 12
  list: [1, two, null, 2.5]
  big: 9007199254740993
flow:
  - set:
      total: ${ price * 2 }
      text: n=${ price }
      nested: { deep: ["${ price }", { yes: true }] }
  - post: /echo
    json:
      number: ${ price }
      total: ${ total }
      text: ${ text }
      mixed: for ${ price } won
      quoted: "12"
      float: 1.5
      whole float: ${ 3.0 }
      big: ${ big }
      list: ${ list }
      nested: ${ nested }
      flag: true
      nothing: null
      user: ${ user.id }
      iteration: ${ user.iteration }
      scenario: ${ scenario }
      literal: $${ price }
      umlaut: "ü \"quoted\" \\ \n"
      comparison: ${ price > 10 }
"#,
    );
    ended.expect_passed();
    assert_eq!(
        asked[0].json(),
        json!({
            "number": 12, "total": 24, "text": "n=12", "mixed": "for 12 won", "quoted": "12", "float": 1.5,
            "whole float": 3.0, "big": 9_007_199_254_740_993_u64, "list": [1, "two", null, 2.5],
            "nested": { "deep": [12, { "yes": true }] }, "flag": true, "nothing": null, "user": 1,
            "iteration": 1, "scenario": "t", "literal": "${ price }", "umlaut": "ü \"quoted\" \\ \n",
            "comparison": true
        })
    );
    assert_eq!(asked[0].header("content-type"), Some("application/json"));
}

#[test]
fn bodies_queries_and_headers() {
    let (ended, asked) = once(
        r#"http:
  headers: { Accept: text/x, X-Both: default }
vars: { name: "Jörg & Söhne", path: "a b?c#d/e" }
flow:
  - post: /form
    form: { name: "${ name }", version: 1.10, code: "a+b=c" }
  - put: /text
    body: "hello ${ name }"
  - get: /search?fixed=1
    query: { q: "${ name }", "key with blank": "1 2", version: 1.10 }
  - get: /items/${ path }/end
    headers: { X-Both: own, X-Version: 1.10, X-Name: "n-${ user.id }", User-Agent: me/1 }
  - delete: /echo
  - patch: /echo
    json: [1]
  - options: /echo
"#,
    );
    ended.expect_passed();
    let [form, text, search, items, delete, patch, options] = asked.as_slice() else { panic!("{asked:#?}") };
    assert_eq!(form.body, "name=J%C3%B6rg%20%26%20S%C3%B6hne&version=1.10&code=a%2Bb%3Dc");
    assert_eq!(form.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(text.body, "hello Jörg & Söhne");
    assert_eq!(text.method, "PUT");
    assert_eq!(text.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(
        search.target,
        "/search?fixed=1&q=J%C3%B6rg%20%26%20S%C3%B6hne&key%20with%20blank=1%202&version=1.10"
    );
    assert_eq!(items.target, "/items/a%20b%3Fc%23d/e/end", "a value stays within the path");
    assert_eq!(items.header("x-both"), Some("own"));
    assert_eq!(search.header("x-both"), Some("default"));
    assert_eq!(items.header("accept"), Some("text/x"));
    assert_eq!(items.header("x-version"), Some("1.10"));
    assert_eq!(items.header("x-name"), Some("n-1"));
    assert_eq!(items.header("user-agent"), Some("me/1"));
    assert!(form.header("user-agent").unwrap().starts_with("loadtest"));
    for asked in &asked {
        assert_eq!(asked.headers.iter().filter(|(name, _)| name == "host").count(), 1, "{asked:#?}");
    }
    assert_eq!([&delete.method, &patch.method, &options.method], ["DELETE", "PATCH", "OPTIONS"]);
}

#[test]
fn answers_without_bodies() {
    let (ended, asked) =
        once("flow:\n  - head: /token\n  - get: /empty\n  - head: /empty\n  - get: /token\n");
    let ended = ended.expect_passed();
    assert_eq!(ended.total("success"), 4);
    assert!(asked.iter().all(|asked| asked.connection == 1), "one connection for all");
    assert_eq!(asked[0].method, "HEAD");
}

#[test]
fn captures_conditions_and_loops() {
    let (ended, asked) = once(
        r#"flow:
  - get: /token
    capture:
      token: json.data.token
      other: header("X-Token")
      seen: status
      absent: json.nothing | default("none")
  - set: { n: 0 }
  - while: n < 3
    do:
      - set: { n: "${ n + 1 }" }
      - get: /while/${ n }
  - while: true
    at_most: 2
    do:
      - get: /at-most
  - repeat: ${ n - 1 }
    do:
      - get: /repeat
      - collect: { gathered: "${ token }" }
  - repeat: 0
    do:
      - get: /never
  - get: /never
    when: token == "other"
  - get: /when
    when: seen == 200 and other == "from-header" and absent == "none"
  - get: /never
    chance: 0%
  - get: /always
    chance: 100%
  - post: /echo
    json: { gathered: "${ gathered }", last: "${ status }" }
"#,
    );
    ended.expect_passed();
    let expected = [
        "/token", "/while/1", "/while/2", "/while/3", "/at-most", "/at-most", "/repeat", "/repeat", "/when",
        "/always", "/echo",
    ];
    assert_eq!(targets(&asked), expected);
    assert_eq!(asked[10].json(), json!({ "gathered": ["tok-1", "tok-1"], "last": 200 }));
}

#[test]
fn answers_decide() {
    let (ended, asked) = once(
        r#"flow:
  - get: /missing
    expect: { business: { gone: status == 404 and json.error == "GONE" } }
  - get: /was-gone
    when: outcome == "gone"
  - get: /token
  - get: /was-fine
    when: outcome == "success" and json.data.n == 7 and body | length > 10 and duration_ms >= 0
  - get: /broken
    on_failure: continue
  - get: /was-broken
    when: outcome == "status 500"
thresholds: { failures: [rate < 50%] }
"#,
    );
    ended.expect_passed();
    let expected = ["/missing", "/was-gone", "/token", "/was-fine", "/broken", "/was-broken"];
    assert_eq!(targets(&asked), expected);
}

#[test]
fn setup_is_for_all_and_captures_of_a_flow_for_one_iteration() {
    let (ended, asked) = run(
        "{ users: 2, iterations: 6 }",
        r#"vars: { made: "${ counter(\"vars\") }" }
setup:
  - repeat: 3
    do:
      - collect: { tokens: "token-${ counter(\"token\") }" }
on_start:
  - post: /login
    body: ${ user.id }
    capture: { session: json.session }
flow:
  - set: { leak: "${ leak | default(\"clean\") }" }
  - post: /echo
    json: { session: "${ session }", tokens: "${ tokens }", made: "${ made }", leak: "${ leak }", user: "${ user.id }" }
  - get: /token
    capture: { token: json.data.token }
  - set: { leak: dirty, session: changed }
  - think: 5ms
"#,
    );
    let ended = ended.expect_passed();
    assert_eq!(asked.iter().filter(|asked| asked.target == "/login").count(), 2, "once per user");
    let echoed: Vec<Value> = asked.iter().filter(|asked| asked.target == "/echo").map(Asked::json).collect();
    assert_eq!(echoed.len(), 6);
    for echoed in &echoed {
        assert_eq!(echoed["session"], format!("session-of-{}", echoed["user"]));
        assert_eq!(echoed["tokens"], json!(["token-1", "token-2", "token-3"]));
        assert_eq!(echoed["made"], 1, "evaluated once");
        assert_eq!(echoed["leak"], "clean", "what an iteration leaves is gone with it");
    }
    // What `on_start` asks is measured; what `setup` asks would not be.
    assert_eq!(ended.row("POST /login")["success"], 2);
}

/// A step that needs what was never captured ends the iteration, and that is no failure.
#[test]
fn cut_iterations_are_counted_apart() {
    let (ended, asked) = run(
        "{ users: 1, iterations: 4 }",
        "flow:\n  - get: /missing\n    expect: { business: { gone: 404 } }\n    capture: { token: json.token }\n\
         \x20 - get: /needs/${ token }\n  - think: 1ms\nthresholds:\n  cut: [count == 4]\n  failures: [rate == 0%]\n",
    );
    let ended = ended.expect_passed();
    assert_eq!(targets(&asked), ["/missing"; 4]);
    assert_eq!((ended.iterations("cut"), ended.iterations("completed")), (4, 0));
    assert_eq!(ended.count("GET /missing", "gone"), 4);
    assert!(ended.stderr.contains("warning"), "it is warned of beforehand: {}", ended.said());
}

#[test]
fn failures_end_an_iteration_or_not() {
    let (ended, asked) = run(
        "{ users: 1, iterations: 2 }",
        "flow:\n  - { get: /broken, on_failure: continue }\n  - get: /between\n  - get: /broken\n  - get: /never\n\
         thresholds: { failures: [rate < 100%] }\n",
    );
    let ended = ended.expect_passed();
    assert_eq!(targets(&asked), ["/broken", "/between", "/broken", "/broken", "/between", "/broken"]);
    assert_eq!(ended.iterations("ended_early"), 2);
}

#[test]
fn business_outcomes_end_an_iteration_or_not() {
    let (ended, asked) = run(
        "{ users: 1, iterations: 2 }",
        "outcomes: { business: { gone: 404 } }\n\
         flow:\n  - get: /missing\n  - get: /between\n  - { name: last, get: /missing, on_business: stop }\n  - get: /never\n",
    );
    let ended = ended.expect_passed();
    assert_eq!(targets(&asked), ["/missing", "/between", "/missing", "/missing", "/between", "/missing"]);
    assert_eq!(ended.total("business"), 4);
    assert_eq!(ended.count("last", "gone"), 2);
    assert_eq!(ended.iterations("ended_early"), 2);
}

/// Services that answer 200 to everything say in the body what came of it.
#[test]
fn outcomes_by_body_hold_for_every_request_and_a_step_s_own_come_first() {
    let server = Recording::start(|asked| match asked.target.as_str() {
        "/none" => Answer::ok().body("sold out, sorry"),
        "/taken" => Answer::json(&json!({ "error": "SEAT_TAKEN" })),
        "/late" => Answer::status(503).header("X-Reason", "queue"),
        _ => Answer::json(&json!({ "id": 7 })),
    });
    let yaml = format!(
        "target: {}\nload: {{ users: 1, iterations: 3 }}\n\
         outcomes:\n  status: [2xx, 404]\n  business:\n    sold out: '\"sold out\" in body'\n    taken: json.error == \"SEAT_TAKEN\"\n    shed: 429\n\
         flow:\n  - {{ name: good, get: /good }}\n  - {{ name: none, get: /none }}\n  - {{ name: seat, get: /taken }}\n\
         \x20 - name: own\n    get: /taken\n    expect:\n      business:\n        someone was faster: json.error == \"SEAT_TAKEN\"\n\
         \x20 - name: late\n    get: /late\n    expect:\n      business:\n        told to queue: status == 503 and header(\"X-Reason\") == \"queue\"\n\
         \x20 - name: otherwise\n    get: /taken\n    expect:\n      business:\n        taken: 409\n\
         thresholds:\n  business{{outcome=taken}}: [count == 3]\n  business{{step=late, outcome=told to queue}}: [rate == 100%]\n",
        server.url()
    );
    let ended = Loadtest::run(&yaml).end().expect_passed();
    assert_eq!(ended.count("good", "success"), 3, "{}", ended.said());
    assert_eq!(ended.count("none", "sold out"), 3, "{}", ended.said());
    assert_eq!(ended.count("seat", "taken"), 3, "{}", ended.said());
    assert_eq!((ended.count("own", "someone was faster"), ended.count("own", "taken")), (3, 0));
    assert_eq!(ended.count("late", "told to queue"), 3, "{}", ended.said());
    assert_eq!(
        ended.count("otherwise", "success"),
        3,
        "a step's own of the same name wins: {}",
        ended.said()
    );
}

#[test]
fn stop_iteration_user_and_run() {
    let stop = |what: &str| {
        run(
            "{ users: 2, duration: 10m }",
            &format!(
                "flow:\n  - get: /a\n  - think: 5ms\n  - {{ stop: {what}, when: user.iteration >= 3 }}\n  - get: /b\n\
                 \x20 - {{ stop: user, when: user.iteration >= 5 }}\n"
            ),
        )
    };
    let count = |asked: &[Asked], target: &str| asked.iter().filter(|asked| asked.target == target).count();

    let (ended, asked) = stop("user");
    let ended = ended.expect_passed();
    assert_eq!((count(&asked, "/a"), count(&asked, "/b")), (6, 4), "three iterations of each of two");
    assert_eq!(ended.result["verdict"]["ended"]["how"], "completed");

    let (ended, asked) = stop("run");
    let ended = ended.expect_passed();
    assert_eq!(ended.result["verdict"]["ended"]["how"], "stopped");
    assert!(count(&asked, "/a") >= 3 && count(&asked, "/b") >= 2, "{}", ended.said());
    assert!(ended.result["load_s"].as_f64().unwrap() < 600.0);

    let (ended, asked) = run(
        "{ users: 1, iterations: 4 }",
        "flow:\n  - get: /a\n  - { stop: iteration, when: user.iteration >= 3 }\n  - get: /b\n",
    );
    let ended = ended.expect_passed();
    assert_eq!((count(&asked, "/a"), count(&asked, "/b")), (4, 2));
    assert_eq!((ended.iterations("completed"), ended.iterations("ended_early")), (2, 2));
}

#[test]
fn expectations_and_groups() {
    let (ended, _) = run(
        "{ users: 1, iterations: 4 }",
        r#"flow:
  - group: buying
    do:
      - name: seats
        get: /token
        expect:
          status: 200
          checks:
            a token: json.data.token == "tok-1"
            every second: user.iteration % 2 == 0
        on_failure: continue
      - name: exact
        get: /empty
        expect: { status: [201, 204..206] }
  - name: unexpected
    get: /empty
    expect: { status: 200 }
    on_failure: continue
  - name: nothing found
    get: /token
    capture: { what: json.data.what }
    on_failure: continue
  - name: slow
    get: /token
    expect: { latency: 1us }
    on_failure: continue
  - check: { outside: user.iteration < 4 }
thresholds: { failures: [rate < 100%] }
"#,
    );
    let ended = ended.expect_passed();
    assert_eq!((ended.count("seats", "success"), ended.count("seats", "check")), (2, 2));
    assert_eq!(ended.count("exact", "success"), 4);
    assert_eq!(ended.count("unexpected", "status 204"), 4);
    assert_eq!(ended.count("nothing found", "capture"), 4);
    assert_eq!(ended.count("slow", "too slow"), 4);
    let checks: BTreeMap<&str, (u64, u64)> = ended
        .list("checks")
        .iter()
        .map(|check| {
            let number = |key: &str| check[key].as_u64().unwrap();
            (check["name"].as_str().unwrap(), (number("passed"), number("failed")))
        })
        .collect();
    assert_eq!(checks, BTreeMap::from([("a token", (4, 0)), ("every second", (2, 2)), ("outside", (3, 1))]));
    assert_eq!(ended.list("groups")[0]["name"], "buying");
    assert_eq!(ended.list("groups")[0]["duration"]["count"], 4);
    let causes = ended.list("causes").iter().map(|cause| cause["example"]["detail"].as_str().unwrap());
    let details: Vec<&str> = causes.collect();
    for words in [
        "check `every second` does not hold",
        "expected 200",
        "`json.data.what` found nothing",
        "expected under",
    ] {
        assert!(details.iter().any(|detail| detail.contains(words)), "{words}: {details:#?}");
    }
}

#[test]
fn metrics_of_ones_own() {
    let (ended, _) = run(
        "{ users: 2, iterations: 10 }",
        r#"flow:
  - get: /token
    share: { a hit: header("X-Token") == "from-header" }
    observe: { n: json.data.n }
    count: { bought: json.data.n }
  - observe: { n: 100 }
  - share: { a hit: false }
  - count: { bought: 1 }
  - count: { missing: json.not_there }
thresholds:
  a hit: [rate == 50%, count == 10]
  n: [max == 100, min == 7, p50 < 7.1, avg == 53.5, count == 20]
  bought: [count == 80]
  missing: [count == 0]
"#,
    );
    let ended = ended.expect_passed();
    let metric = |name: &str| ended.list("metrics").iter().find(|metric| metric["name"] == name).unwrap();
    assert_eq!(metric("a hit"), &json!({ "name": "a hit", "kind": "share", "passed": 10, "failed": 10 }));
    assert_eq!(metric("bought"), &json!({ "name": "bought", "kind": "count", "sum": 80.0, "samples": 20 }));
    assert_eq!(metric("n")["samples"], 20);
    assert_eq!(metric("missing")["samples"], 0, "what is missing is no sample");
}

/// The same seed draws the same, whatever the number of workers; another draws something else.
#[test]
fn draws_depend_on_the_seed_alone() {
    let draws = |seed: &str, workers: &str| {
        let server = Recording::start(answer);
        let yaml = format!(
            "name: t\ntarget: {}\nload: {{ users: 4, duration: 10m }}\nflow:\n  - post: /echo\n    json:\n      \
             user: ${{ user.id }}\n      iteration: ${{ user.iteration }}\n      int: ${{ random_int(1, 1000) }}\n      \
             float: ${{ random_float(0, 1) }}\n      pick: ${{ random([\"a\", \"b\", \"c\"]) }}\n      \
             zipf: ${{ zipf(50, 1.1) }}\n      uuid: ${{ uuid() }}\n  - {{ get: /by-chance, chance: 30% }}\n  \
             - think: 1ms..3ms\n  - {{ stop: user, when: user.iteration == 20 }}\n",
            server.url()
        );
        let ended = Loadtest::run(&yaml).args(&["--seed", seed, "--workers", workers]).end().expect_passed();
        assert_eq!(ended.result["seed"].as_u64().unwrap().to_string(), seed);
        assert!(ended.stdout.contains(&format!("seed {seed}")), "{}", ended.said());
        let mut bodies: Vec<String> = server.asked_for("/echo").into_iter().map(|asked| asked.body).collect();
        bodies.sort_unstable();
        assert_eq!(bodies.len(), 80);
        (bodies, server.asked_for("/by-chance").len())
    };
    let first = draws("7", "1");
    assert!((1..80).contains(&first.1), "{} of 80", first.1);
    assert_eq!(first, draws("7", "2"));
    assert_eq!(first, draws("7", "3"));
    assert_ne!(first.0, draws("8", "1").0);
}

/// Redirects are answers like others, and large bodies are read to their end.
#[test]
fn redirects_and_large_bodies() {
    let large = "x".repeat(3_000_000);
    let server = Recording::start(move |asked| match asked.target.as_str() {
        "/large" => Answer::ok().body(&large),
        "/moved" => Answer::status(302).header("Location", "/elsewhere"),
        _ => Answer::ok(),
    });
    let yaml = format!(
        "target: {}\nload: {{ users: 1, iterations: 2 }}\nflow:\n  - get: /large\n  - get: /moved\n    capture: {{ to: header(\"location\") }}\n\
         \x20 - get: /elsewhere\n    when: to == \"/elsewhere\"\n",
        server.url()
    );
    let ended = Loadtest::run(&yaml).end().expect_passed();
    assert!(ended.row("GET /large")["received_bytes"].as_u64().unwrap() > 6_000_000);
    assert_eq!(server.asked_for("/elsewhere").len(), 2, "{}", ended.said());
}
