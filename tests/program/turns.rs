//! Waiting for a turn: the interval the server asks for, who gives up, and who leaves.

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde_json::{Value, json};

use crate::support::program::{Ended, Loadtest};
use crate::support::recording::{Answer, Asked, Recording};

/// A queue that lets each user in when it has asked so often, and tells its place until then.
fn queue(turn_at: u64, tell: impl Fn(Answer) -> Answer + Send + Sync + 'static) -> Recording {
    let asked: Mutex<BTreeMap<String, u64>> = Mutex::default();
    Recording::start(move |request: &Asked| {
        if !request.target.starts_with("/queue") {
            return Answer::ok();
        }
        let mut asked = asked.lock().unwrap();
        let times = asked.entry(request.target.clone()).or_default();
        *times += 1;
        let ahead = turn_at.saturating_sub(*times);
        let status = if ahead == 0 { "ACTIVE" } else { "WAITING" };
        let body = json!({ "status": status, "position": ahead, "retryAfterMs": 3 });
        tell(Answer::json(&body))
    })
}

fn run(server: &Recording, load: &str, keys: &str) -> Ended {
    let yaml = format!(
        "name: t\ntarget: {}\nload: {load}\nflow:\n  - name: waiting room\n    wait_for_turn:\n      - name: ask\n        \
         get: /queue/${{ user.id }}\n    until: json.status == \"ACTIVE\"\n{keys}  - name: enter\n    get: /enter\n",
        server.url()
    );
    Loadtest::run(&yaml).end().expect_accounted()
}

#[track_caller]
fn waits(ended: &Ended) -> &Value {
    let waits = ended.list("polls");
    assert_eq!((waits.len(), &waits[0]["kind"]), (1, &json!("wait_for_turn")), "{}", ended.said());
    &waits[0]
}

#[test]
fn users_wait_until_it_is_their_turn() {
    let server = queue(5, |answer| answer);
    let keys = "    position: json.position\n    every: 1h\n    at_most: 2h\n    thresholds: { time_to_turn: [max < 1m] }\n";
    let ended = run(&server, "{ users: 3, iterations: 3 }", keys).expect_passed();
    assert_eq!(ended.count("ask", "success"), 15, "as often as the server asked for: {}", ended.said());
    assert_eq!(ended.count("enter", "success"), 3);
    let waits = waits(&ended);
    let number = |key: &str| waits[key].as_u64().unwrap();
    assert_eq!((number("started"), number("got"), number("given_up"), number("abandoned")), (3, 3, 0, 0));
    assert_eq!(
        waits["position"],
        json!({ "samples": 15, "min": 0.0, "avg": 2.0, "p50": 2.0, "p95": 4.0, "max": 4.0 })
    );
    // Four pauses of three milliseconds.
    assert!(waits["duration"]["min_ms"].as_f64().unwrap() >= 12.0, "{waits:#}");
    let series = &waits["series"];
    let seconds = ended.result["series"]["at_s"].as_array().unwrap().len();
    for column in ["waiting", "position_min", "position_avg", "position_max"] {
        assert_eq!(series[column].as_array().unwrap().len(), seconds, "{column}");
    }
    assert_eq!(series["waiting"].as_array().unwrap().last().unwrap(), 0, "nobody waits at the end");
    assert!(ended.stdout.contains("Waiting for a turn"), "{}", ended.said());
    assert!(ended.stdout.contains("had their turn"), "{}", ended.said());
    assert!(ended.stdout.contains("position  min 0 · p50 2 · p95 4 · max 4"), "{}", ended.said());
}

/// Where the body says nothing it is the header; where that says nothing either, it is the file.
#[test]
fn intervals_come_from_the_body_the_header_or_the_file() {
    let waiting = |header: Option<&'static str>, body: Value| {
        Recording::start({
            let asked = Mutex::new(0);
            move |_: &Asked| {
                let mut asked = asked.lock().unwrap();
                *asked += 1;
                let mut body = body.clone();
                body["status"] = json!(if *asked >= 3 { "ACTIVE" } else { "WAITING" });
                let answer = Answer::json(&body);
                header.map_or(answer.clone(), |value| answer.header("Retry-After", value))
            }
        })
    };
    for (header, body, every, least_ms) in [
        (None, json!({ "retryAfterMs": 20 }), "1h", 40.0),
        (None, json!({ "data": { "retryAfterMs": 20 } }), "1h", 40.0),
        (Some("0"), json!({}), "1h", 2.0),
        (Some("9000"), json!({ "retryAfterMs": 10 }), "1h", 20.0),
        (Some("soon"), json!({ "retryAfterMs": "x" }), "15ms", 30.0),
        (None, json!({}), "15ms", 30.0),
        (None, json!({ "mine": 15 }), "${ json.mine }", 30.0),
    ] {
        let server = waiting(header, body.clone());
        let keys = format!("    every: {every}\n    at_most: 2h\n");
        let ended = run(&server, "{ users: 1, iterations: 1 }", &keys).expect_passed();
        let took = waits(&ended)["duration"]["max_ms"].as_f64().unwrap();
        assert!(took >= least_ms, "{header:?} {body} {every}: {took}");
    }
}

/// Who waited in vain has failed; who left has not.
#[test]
fn some_give_up_and_some_leave() {
    let server = queue(u64::MAX, |answer| answer);
    let ended = run(&server, "{ users: 1, iterations: 2 }", "    at_most: 30ms\n").expect_code(99);
    assert_eq!((&waits(&ended)["given_up"], ended.iterations("ended_early")), (&json!(2), 2));
    assert_eq!(ended.list("causes")[0]["cause"], "poll");
    assert_eq!(server.asked_for("/enter").len(), 0);

    // Nearly all leave in each hundredth of a second, and so do all of these.
    let server = queue(u64::MAX, |answer| answer);
    let keys = "    at_most: 1h\n    abandon: 99.9%/s\n    thresholds: { abandoned: [rate == 100%] }\n";
    let ended = run(&server, "{ users: 4, iterations: 12 }", keys).expect_passed();
    let waits = waits(&ended);
    assert_eq!((&waits["abandoned"], &waits["given_up"], &waits["got"]), (&json!(12), &json!(0), &json!(0)));
    assert_eq!((ended.iterations("abandoned"), ended.iterations("completed")), (12, 0));
    assert_eq!(ended.list("causes"), [Value::Null; 0]);
    assert_eq!(server.asked_for("/enter").len(), 0);
    assert!(ended.stdout.contains("12 abandoned"), "{}", ended.said());
    assert_eq!(waits["abandoned_after"]["count"], 12);
}

/// The bundled service: a queue with ten places, in which each who had their turn reserves a seat and leaves.
#[test]
fn the_bundled_queue() {
    let yaml = r#"name: t
target: bundled
load: { users: 30, iterations: 30 }
setup:
  - post: /admin/reset
    json: { seats: 50, activeLimit: 10 }
flow:
  - name: join
    post: /api/v1/queues
    json: { userId: "${ user.id }" }
    capture: { token: header("Queue-Token-Queue-Id") }
  - name: waiting room
    wait_for_turn:
      - name: ask
        get: /api/v1/queues
        headers: { Queue-Token-Queue-Id: "${ token }" }
    until: json.data.status == "ACTIVE"
    position: json.data.position
    every: 100ms
    at_most: 1m
  - name: reserve
    post: /api/v1/reservations
    headers: { Queue-Token-Queue-Id: "${ token }" }
    json: { scheduleId: 1, seatId: "${ user.id }" }
  - name: leave
    delete: /api/v1/queues
    headers: { Queue-Token-Queue-Id: "${ token }" }
verify:
  - get: /admin/audit
    expect:
      checks:
        a seat for every success: json.reserved == results["reserve"].success
thresholds:
  given_up: [count == 0]
  failures: [count == 0]
  time_to_turn{step=waiting room}: [max < 1m]
"#;
    let ended = Loadtest::run(yaml).end().expect_passed();
    assert_eq!(ended.count("reserve", "success"), 30, "everybody had a turn: {}", ended.said());
    assert_eq!(ended.list("polls")[0]["got"], 30);
}
