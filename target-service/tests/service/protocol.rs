//! What holds for every path: errors in the envelope, limits, and the service's end.

use std::time::Duration;

use serde_json::json;
use ticketing::Config;
use tokio::time::timeout;

use crate::support::{ADMIN, Client, service};

#[tokio::test]
async fn unknown_paths_and_methods_are_told_in_the_envelope() {
    let service = service!();
    let mut client = service.client().await;
    for path in ["/", "/api/v1", "/api/v1/queues/", "/api/v1/nothing", "/admin", "/%2e%2e"] {
        client.get(path).await.expect_error(404, "NOT_FOUND");
    }
    for (method, path) in [
        ("PUT", "/api/v1/queues"),
        ("DELETE", "/api/v1/concerts"),
        ("GET", "/api/v1/payments"),
        ("POST", "/api/v1/users/1/balance"),
        ("GET", "/admin/reset"),
        ("BREW", "/healthz"),
    ] {
        let answer = client.send(method, path, &[], "").await;
        answer.expect_error(405, "METHOD_NOT_ALLOWED");
        assert!(answer.header("Allow").is_some(), "{answer:?}");
    }
}

#[tokio::test]
async fn it_is_alive_and_ready() {
    let service = service!();
    let mut client = service.client().await;
    client.get("/healthz").await.expect(200);
    client.get("/readyz").await.expect(200);
}

#[tokio::test]
async fn a_body_may_have_64_kib() {
    let service = service!();
    let body = |length: usize| format!(r#"{{"userId":1,"x":"{}"}}"#, "x".repeat(length - 19));
    let limit = 64 * 1024;
    assert_eq!(body(limit).len(), limit);
    let mut client = service.client().await;
    client.send("POST", "/api/v1/queues", &[], &body(limit)).await.expect(200);
    client.send("POST", "/api/v1/queues", &[], &body(limit + 1)).await.expect_error(413, "BODY_TOO_LARGE");

    // Without an announced length it is found out on the way.
    let mut client = service.client().await;
    let chunked = |text: &str| {
        let head = "POST /api/v1/queues HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n";
        format!("{head}{:x}\r\n{text}\r\n0\r\n\r\n", text.len())
    };
    client.write(&chunked(&body(limit))).await;
    client.read().await.expect(200);
    client.write(&chunked(&body(limit + 1))).await;
    client.read().await.expect_error(413, "BODY_TOO_LARGE");
}

#[tokio::test]
async fn shutting_down_answers_what_is_under_way_and_closes_the_rest() {
    let mut service = service!();
    let mut idle = service.client().await;
    idle.get("/healthz").await.expect(200);
    let silent = service.client().await;
    let mut midway: Client = service.client().await;
    let body = json!({ "userId": 1 }).to_string();
    // An interim answer tells that the request is under way: the handler waits for the rest of the body.
    let head = "POST /api/v1/queues HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\n";
    midway.write(&format!("{head}Content-Length: {}\r\n\r\n", body.len())).await;
    assert_eq!(midway.read().await.status, 100);
    service.stop();
    // Once the idle one is closed, the shutdown has begun.
    assert!(idle.is_closed().await);
    midway.write(&body).await;
    midway.read().await.expect(200);
    assert!(midway.is_closed().await);
    (&mut service.ended).await.unwrap().unwrap();
    drop(silent);
}

#[tokio::test]
async fn a_head_may_have_32_kib_and_a_hundred_headers() {
    let service = service!();
    let fits = "x".repeat(30 * 1024);
    service.client().await.send("GET", "/healthz", &[("X", &fits)], "").await.expect(200);
    let (name, value) = ("X", "x");
    service.client().await.send("GET", "/healthz", &[(name, value); 98], "").await.expect(200);
    assert_eq!(service.client().await.send("GET", "/healthz", &[(name, value); 99], "").await.status, 431);
    // The rest of what is too large is never read, and closing may then take the answer with it.
    let too_long = "x".repeat(100 * 1024);
    for head in ["GET /healthz?", "GET /healthz HTTP/1.1\r\nX: "] {
        let mut client = service.client().await;
        let _ = client.try_write(&format!("{head}{too_long}")).await;
        let ended = client.end().await;
        assert!(ended.map_or(true, |length| length < 200), "{head}: more than an error came");
    }
    service.client().await.get("/healthz").await.expect(200);
}

#[tokio::test]
async fn a_connection_beyond_the_most_waits_for_a_place() {
    let service = service!(Config { most_connections: 2, ..ADMIN }, None);
    let (mut first, mut second) = (service.client().await, service.client().await);
    first.get("/healthz").await.expect(200);
    second.get("/healthz").await.expect(200);
    let mut third = service.client().await;
    let mut asked = Box::pin(third.get("/healthz"));
    assert!(timeout(Duration::from_millis(200), &mut asked).await.is_err(), "it has no place yet");
    first.get("/healthz").await.expect(200);
    drop(first);
    asked.await.expect(200);
}

#[tokio::test]
async fn what_is_not_http_is_told_so() {
    let service = service!();
    for words in ["SSH-2.0-OpenSSH_9.2\r\n\r\n", "GET /healthz HTTP/1.1\r\nno colon\r\n\r\n"] {
        let mut client = service.client().await;
        client.write(words).await;
        assert_eq!(client.read().await.status, 400, "{words}");
        assert!(client.is_closed().await);
    }
}
