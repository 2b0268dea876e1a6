//! Injected faults: each is felt by a client as what it is, and gone when it is cleared.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use ticketing::Config;

use crate::support::{Client, TOKEN, TestService};

async fn set(service: &TestService, faults: Value) {
    let answer = service.client().await.send("PUT", "/admin/faults", &[], &faults.to_string()).await;
    answer.expect(200);
}

/// How long a call takes.
async fn timed(client: &mut Client, path: &str) -> Duration {
    let start = Instant::now();
    client.get(path).await.expect(200);
    start.elapsed()
}

#[tokio::test]
async fn faults_are_set_told_and_cleared() {
    let service = TestService::start().await;
    let mut client = service.client().await;
    assert_eq!(client.get("/admin/faults").await.expect(200), json!([]));
    let asked = json!([
        { "path": "/api/v1/queues", "share": "20%", "delayMs": 5, "unknown": 1 },
        { "path": "/api/v1/users/{id}/*", "share": 1, "status": 503, "reset": true, "leakKiB": 7 },
    ]);
    let told = json!([
        { "path": "/api/v1/queues", "share": 0.2, "delayMs": 5, "jitterMs": 0, "reset": false,
          "stallMs": 0, "leakKiB": 0 },
        { "path": "/api/v1/users/{id}/*", "share": 1.0, "delayMs": 0, "jitterMs": 0, "status": 503,
          "reset": true, "stallMs": 0, "leakKiB": 7 },
    ]);
    assert_eq!(client.send("PUT", "/admin/faults", &[], &asked.to_string()).await.expect(200), told);
    assert_eq!(client.get("/admin/faults").await.expect(200), told);
    // What was told can be set again.
    assert_eq!(client.send("PUT", "/admin/faults", &[], &told.to_string()).await.expect(200), told);
    client.send("PUT", "/admin/faults", &[], "[]").await.expect(200);
    assert_eq!(client.get("/admin/faults").await.expect(200), json!([]));
}

#[tokio::test]
async fn wrong_faults_are_refused_and_those_before_stay() {
    let service = TestService::start().await;
    let mut client = service.client().await;
    set(&service, json!([{ "path": "/x", "share": 1 }])).await;
    for body in [
        "",
        "{}",
        "7",
        "[7]",
        "[[\"/x\", 1]]",
        r#"[{"path":"/x"}]"#,
        r#"[{"share":1}]"#,
        r#"[{"path":"x","share":1}]"#,
        r#"[{"path":"/x","share":1.5}]"#,
        r#"[{"path":"/x","share":-0.1}]"#,
        r#"[{"path":"/x","share":"120%"}]"#,
        r#"[{"path":"/x","share":"a lot"}]"#,
        r#"[{"path":"/x","share":null}]"#,
        r#"[{"path":"/x","share":1,"delayMs":-1}]"#,
        r#"[{"path":"/x","share":1,"delayMs":600001}]"#,
        r#"[{"path":"/x","share":1,"stallMs":18446744073709551615}]"#,
        r#"[{"path":"/x","share":1,"status":200}]"#,
        r#"[{"path":"/x","share":1,"status":"500"}]"#,
        r#"[{"path":"/x","share":1,"reset":1}]"#,
        r#"[{"path":"/x","share":1,"leakKiB":65537}]"#,
    ] {
        client.send("PUT", "/admin/faults", &[], body).await.expect_error(400, "BAD_REQUEST");
    }
    let many = json!(vec![json!({ "path": "/x", "share": 1 }); 101]).to_string();
    client.send("PUT", "/admin/faults", &[], &many).await.expect_error(400, "BAD_REQUEST");
    assert_eq!(client.get("/admin/faults").await.expect(200).as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn without_admin_no_fault_can_be_set() {
    let service = TestService::with(Config::default()).await;
    let mut client = service.client().await;
    client.send("PUT", "/admin/faults", &[], "[]").await.expect_error(404, "NOT_FOUND");
}

#[tokio::test]
async fn latency_is_felt_on_its_path_alone() {
    let service = TestService::start().await;
    let mut client = service.client().await;
    let fault = json!({ "path": "/api/v1/users/{id}/balance", "share": 1, "delayMs": 300, "jitterMs": 30 });
    set(&service, json!([fault])).await;
    assert!(timed(&mut client, "/api/v1/users/7/balance").await >= Duration::from_millis(300));
    assert!(timed(&mut client, "/api/v1/users/7/balance/histories").await < Duration::from_millis(300));
    set(&service, json!([])).await;
    assert!(timed(&mut client, "/api/v1/users/7/balance").await < Duration::from_millis(300));
}

#[tokio::test]
async fn errors_come_in_their_share_and_change_nothing() {
    let service = TestService::start().await;
    let mut client = service.client().await;
    set(&service, json!([{ "path": "/api/v1/users", "share": "50%", "status": 503 }])).await;
    let mut charged = 0;
    for _ in 0..200 {
        let answer = client.post("/api/v1/users/1/balance/charge", json!({ "amount": 1 })).await;
        if answer.status == 200 {
            charged += 1;
        } else {
            answer.expect_error(503, "INJECTED");
        }
    }
    assert!((60..140).contains(&charged), "{charged}");
    set(&service, json!([])).await;
    assert_eq!(client.balance(1).await, 1_000_000 + charged);
    service.clean_audit().await;
}

#[tokio::test]
async fn a_reset_is_a_reset() {
    let service = TestService::start().await;
    let mut client = service.client().await;
    let token = client.enter(1).await;
    set(&service, json!([{ "path": "/api/v1/reservations", "share": 1, "reset": true }])).await;
    let body = r#"{"scheduleId":1,"seatId":1}"#;
    let head = format!("POST /api/v1/reservations HTTP/1.1\r\nHost: test\r\n{TOKEN}: {token}\r\n");
    client.write(&format!("{head}Content-Length: {}\r\n\r\n{body}", body.len())).await;
    assert_eq!(client.end().await.map_err(|error| error.kind()), Err(ErrorKind::ConnectionReset));
    // Nothing was reserved, and others are served as before.
    assert_eq!(service.clean_audit().await, (0, 0, 0));
    service.client().await.get("/healthz").await.expect(200);
}

#[tokio::test]
async fn a_stall_of_everything_holds_everyone_up() {
    let service = TestService::start().await;
    let (mut first, mut second) = (service.client().await, service.client().await);
    set(&service, json!([{ "path": "*", "share": 1, "stallMs": 500 }])).await;
    let start = Instant::now();
    tokio::join!(first.get("/healthz"), second.get("/api/v1/concerts"));
    assert!(start.elapsed() >= Duration::from_millis(500) && start.elapsed() < Duration::from_secs(2));
    // The administrator still gets through, to end it.
    let start = Instant::now();
    set(&service, json!([])).await;
    assert!(start.elapsed() < Duration::from_millis(500));
    assert!(timed(&mut first, "/healthz").await < Duration::from_millis(500));
}

#[tokio::test]
async fn a_stall_does_not_keep_the_service_from_ending() {
    let mut service = TestService::start().await;
    let mut client = service.client().await;
    set(&service, json!([{ "path": "*", "share": 1, "stallMs": 600_000 }])).await;
    client.write("GET /healthz HTTP/1.1\r\nHost: test\r\n\r\n").await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    service.stop();
    client.read().await.expect(200);
    (&mut service.ended).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_leak_is_seen_in_the_resident_memory() {
    let service = TestService::start().await;
    let mut client = service.client().await;
    let mebibytes = async |client: &mut Client| {
        client.metric("process_resident_memory_bytes").await.parse::<u64>().unwrap() >> 20
    };
    let before = mebibytes(&mut client).await;
    set(&service, json!([{ "path": "/healthz", "share": 1, "leakKiB": 65536 }])).await;
    for _ in 0..4 {
        client.get("/healthz").await.expect(200);
    }
    let leaking = mebibytes(&mut client).await;
    // Other tests of this process come and go meanwhile, with a little of their own.
    assert!(leaking > before + 128, "from {before} to {leaking} MiB");
    set(&service, json!([])).await;
    let after = mebibytes(&mut client).await;
    assert!(after + 128 < leaking, "from {leaking} to {after} MiB");
}
