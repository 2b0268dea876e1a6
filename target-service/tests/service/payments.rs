//! Payments: the price, once, and back once.

use serde_json::json;

use crate::support::service;

#[tokio::test]
async fn a_seat_costs_a_thousand_once() {
    let service = service!();
    let mut client = service.client().await;
    let reservation = client.hold(1, 1).await;
    let data = client.pay(reservation).await.expect(200);
    assert_eq!((&data["paymentId"], &data["amount"]), (&json!(1), &json!(1000)));
    assert_eq!(client.balance(1).await, 999_000);
    client.pay(reservation).await.expect_error(409, "ALREADY_PAID");
    assert_eq!(client.balance(1).await, 999_000);
    assert_eq!(service.clean_audit().await, (1, 1, 1));
}

#[tokio::test]
async fn who_cannot_pay_keeps_the_hold() {
    let service = service!(json!({ "balance": 999 }));
    let mut client = service.client().await;
    let reservation = client.hold(1, 1).await;
    client.pay(reservation).await.expect_error(402, "INSUFFICIENT_BALANCE");
    client.post("/api/v1/users/1/balance/charge", json!({ "amount": 1 })).await.expect(200);
    client.pay(reservation).await.expect(200);
    assert_eq!(client.balance(1).await, 0);
    assert_eq!(service.clean_audit().await, (1, 1, 1));
}

#[tokio::test]
async fn a_cancelled_payment_frees_the_seat_and_is_given_back() {
    let service = service!();
    let mut client = service.client().await;
    let reservation = client.hold(1, 1).await;
    client.pay(reservation).await.expect(200);
    assert_eq!(client.send("POST", "/api/v1/payments/1/cancel", &[], "").await.expect(200)["paymentId"], 1);
    assert_eq!(client.balance(1).await, 1_000_000);
    let status = client.get(&format!("/api/v1/reservations/{reservation}")).await.expect(200);
    assert_eq!(status["status"], "CANCELLED");
    let again = client.post("/api/v1/payments/1/cancel", json!({})).await;
    again.expect_error(409, "ALREADY_CANCELLED");
    client.pay(reservation).await.expect_error(409, "ALREADY_CANCELLED");
    assert_eq!(service.clean_audit().await, (0, 0, 0));
    client.hold(2, 1).await;
    assert_eq!(service.clean_audit().await, (1, 0, 0));
}

#[tokio::test]
async fn the_same_key_answers_as_the_first_time() {
    let service = service!(json!({ "balance": 1000 }));
    let mut client = service.client().await;
    let (first, second) = (client.hold(1, 1).await, client.hold(1, 2).await);
    let answer = client.pay_once(first, "a").await;
    answer.expect(200);
    assert_eq!(client.pay_once(first, "a").await.body, answer.body);
    client.pay_once(first, "b").await.expect_error(409, "ALREADY_PAID");
    client.pay_once(second, "c").await.expect_error(402, "INSUFFICIENT_BALANCE");
    client.post("/api/v1/users/1/balance/charge", json!({ "amount": 1000 })).await.expect(200);
    client.pay_once(second, "c").await.expect_error(402, "INSUFFICIENT_BALANCE");
    client.pay_once(second, "d").await.expect(200);
    client.pay_once(second, &"k".repeat(256)).await.expect_error(400, "BAD_REQUEST");
    assert_eq!(service.clean_audit().await, (2, 2, 2));
}

#[tokio::test]
async fn what_does_not_exist_cannot_be_paid() {
    let service = service!();
    let mut client = service.client().await;
    client.pay(1).await.expect_error(404, "NO_SUCH_RESERVATION");
    client.post("/api/v1/payments", json!({ "reservationId": "1" })).await.expect_error(400, "BAD_REQUEST");
    client.post("/api/v1/payments/1/cancel", json!({})).await.expect_error(404, "NO_SUCH_PAYMENT");
    client.post("/api/v1/payments/x/cancel", json!({})).await.expect_error(400, "BAD_REQUEST");
}
