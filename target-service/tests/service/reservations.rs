//! Reservations: who may hold a seat, and for how long.

use serde_json::json;

use crate::support::{TOKEN, service};

#[tokio::test]
async fn a_hold_expires_and_the_seat_is_free_again() {
    let service = service!(json!({ "holdSeconds": 10 }));
    let mut client = service.client().await;
    let token = client.enter(1).await;
    let data = client.reserve(&token, 7).await.expect(200);
    assert_eq!(data["reservationId"], 1);
    assert_eq!(data["expiresAt"], "2026-01-01T00:00:10.000Z");
    client.reserve(&token, 7).await.expect_error(409, "SEAT_TAKEN");
    assert_eq!(client.get("/api/v1/reservations/1").await.expect(200)["status"], "HELD");
    assert_eq!(service.clean_audit().await, (1, 0, 0));

    service.advance(10);
    assert_eq!(client.get("/api/v1/reservations/1").await.expect(200)["status"], "EXPIRED");
    assert_eq!(service.clean_audit().await, (0, 0, 0));
    client.pay(1).await.expect_error(410, "HOLD_EXPIRED");
    assert_eq!(client.reserve(&token, 7).await.expect(200)["reservationId"], 2);
    client.pay(1).await.expect_error(410, "HOLD_EXPIRED");
    client.pay(2).await.expect(200);
    assert_eq!(client.get("/api/v1/reservations/2").await.expect(200)["status"], "CONFIRMED");
    service.advance(10);
    assert_eq!(service.clean_audit().await, (1, 1, 1));
}

#[tokio::test]
async fn a_reservation_needs_a_living_token() {
    let service = service!();
    let mut client = service.client().await;
    let body = json!({ "scheduleId": 1, "seatId": 1 });
    client.post("/api/v1/reservations", body).await.expect_error(401, "TOKEN_MISSING");
    client.reserve("0123456789abcdef", 1).await.expect_error(401, "TOKEN_UNKNOWN");
    let token = client.enter(1).await;
    service.advance(600);
    client.reserve(&token, 1).await.expect_error(401, "TOKEN_EXPIRED");
}

#[tokio::test]
async fn what_does_not_exist_is_not_found_and_what_is_wrong_is_refused() {
    let service = service!();
    let mut client = service.client().await;
    let token = client.enter(1).await;
    for seat in [0, 51, u64::MAX] {
        client.reserve(&token, seat).await.expect_error(404, "NO_SUCH_SEAT");
    }
    for body in [
        "",
        "{}",
        r#"{"scheduleId":1}"#,
        r#"{"scheduleId":"1","seatId":1}"#,
        r#"{"scheduleId":1,"seatId":1.5}"#,
    ] {
        let answer = client.send("POST", "/api/v1/reservations", &[(TOKEN, &token)], body).await;
        answer.expect_error(400, "BAD_REQUEST");
    }
    let other_schedule = r#"{"scheduleId":2,"seatId":1}"#;
    let answer = client.send("POST", "/api/v1/reservations", &[(TOKEN, &token)], other_schedule).await;
    answer.expect_error(404, "NO_SUCH_SEAT");
    client.get("/api/v1/reservations/1").await.expect_error(404, "NO_SUCH_RESERVATION");
    client.get("/api/v1/reservations/one").await.expect_error(400, "BAD_REQUEST");
}
