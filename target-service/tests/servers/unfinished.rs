//! Requests whose clients leave in the middle of a transaction: nothing of them stays, neither in the tables nor on
//! the connection they had.

#![expect(clippy::unwrap_used, reason = "what goes wrong here fails a test, which is what it is for")]

use serde_json::json;
use ticketing::Servers;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::calls::{get, until};
use crate::losses::Program;
use crate::relay::Relay;
use crate::servers;
use crate::support::{ADMIN, TOKEN, TestService};

/// A service whose database is behind a relay.
async fn relayed(test: &str) -> Option<(TestService, Relay)> {
    let servers = servers::fresh(test).await?;
    let (relay, database) = Relay::before(&servers.database).await;
    Some((TestService::start(ADMIN, Some(Servers { database, ..servers })).await, relay))
}

/// Sends a request, leaves once the relay has caught its statement, and comes back when the service has noticed.
async fn leave_at(service: &TestService, relay: &Relay, statement: &str, request: String) {
    relay.hold_answer_to(statement);
    let mut client = TcpStream::connect(service.address).await.unwrap();
    client.write_all(request.as_bytes()).await.unwrap();
    relay.sprung().await;
    client.shutdown().await.unwrap();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await.unwrap();
    assert!(answer.is_empty(), "{}", String::from_utf8_lossy(&answer));
}

fn request(path: &str, (name, value): (&str, &str), body: &serde_json::Value) -> String {
    let body = body.to_string();
    let head = format!("POST {path} HTTP/1.1\r\nHost: test\r\n{name}: {value}\r\n");
    format!("{head}Content-Length: {}\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn a_seat_that_was_being_held_is_free_again() {
    let Some((service, relay)) = relayed("a_seat_that_was_being_held_is_free_again").await else { return };
    let mut client = service.client().await;
    let (one, other) = (client.enter(1).await, client.enter(2).await);
    // The seat's row is changed and locked by then.
    let body = json!({ "scheduleId": 1, "seatId": 7 });
    let request = request("/api/v1/reservations", (TOKEN, &one), &body);
    leave_at(&service, &relay, "INSERT INTO reservations", request).await;
    relay.release().await;
    client.reserve(&other, 7).await.expect(200);
    assert_eq!(service.clean_audit().await, (1, 0, 0));
}

#[tokio::test]
async fn a_transaction_that_was_being_begun_is_ended() {
    let Some((service, relay)) = relayed("a_transaction_that_was_being_begun_is_ended").await else { return };
    let mut client = service.client().await;
    let reservation = client.hold(1, 1).await;
    let request =
        request("/api/v1/payments", ("Idempotency-Key", "k"), &json!({ "reservationId": reservation }));
    leave_at(&service, &relay, "\u{3}BEGIN", request).await;
    let next = relay.release().await;
    assert!(next.ends_with(b"ROLLBACK"), "{}", String::from_utf8_lossy(&next));
    assert_eq!(client.balance(1).await, 1_000_000);
    client.pay_once(reservation, "k").await.expect(200);
    assert_eq!(client.balance(1).await, 999_000);
    assert_eq!(service.clean_audit().await, (1, 1, 1));
}

#[tokio::test]
async fn a_request_that_a_store_fails_is_one_line_in_the_log() {
    let Some(servers) = servers::fresh("a_request_that_a_store_fails_is_one_line_in_the_log").await else {
        return;
    };
    let (relay, cache) = Relay::before(&servers.cache).await;
    let service = Program::start(&Servers { cache, ..servers });
    until(service.address, "/readyz", 200).await;
    relay.cut().await;
    for _ in 0..3 {
        let (status, body) = get(service.address, "/api/waiting-queue-token/7").await.unwrap();
        assert_eq!((status, &body["error"]), (503, &json!("STORE_UNAVAILABLE")));
        assert!(!body.to_string().contains("the cache:"), "the cause is for the log: {body}");
    }
    let log = service.end();
    let failed: Vec<&str> = log.lines().filter(|line| line.contains(" ERROR ")).collect();
    assert_eq!(failed.len(), 3, "{log}");
    for line in failed {
        for part in ["GET", "/api/waiting-queue-token/{userId}", "503", "the cache: "] {
            assert!(line.contains(part), "{part} is not in {line}");
        }
    }
}
