//! Balances: what users have, add, and have had.

use serde_json::json;

use crate::support::service;

#[tokio::test]
async fn any_user_is_known_and_can_charge() {
    let service = service!();
    let mut client = service.client().await;
    for user in ["1", "user1", "%EC%A2%8C"] {
        let path = format!("/api/v1/users/{user}/balance");
        assert_eq!(client.get(&path).await.expect(200)["amount"], 1_000_000);
        let charged = client.post(&format!("{path}/charge"), json!({ "amount": 500 })).await;
        assert_eq!(charged.expect(200)["amount"], 1_000_500);
        assert_eq!(client.get(&path).await.expect(200)["amount"], 1_000_500);
    }
    assert_eq!(service.clean_audit().await, (0, 0, 0));
}

#[tokio::test]
async fn an_amount_is_a_positive_whole_number() {
    let service = service!();
    let mut client = service.client().await;
    let amounts = [json!(0), json!(-5), json!(1.5), json!("5"), json!(null), json!(1e300), json!(u64::MAX)];
    for amount in amounts {
        let answer = client.post("/api/v1/users/1/balance/charge", json!({ "amount": amount })).await;
        answer.expect_error(400, "BAD_REQUEST");
    }
    assert_eq!(client.balance(1).await, 1_000_000);
}

#[tokio::test]
async fn the_ledger_tells_every_movement_newest_first() {
    let service = service!();
    let mut client = service.client().await;
    let path = "/api/v1/users/1/balance/histories";
    let fresh = json!({ "userId": "1", "amount": 1_000_000, "total": 0, "histories": [] });
    assert_eq!(client.get(path).await.expect(200), fresh);
    client.post("/api/v1/users/1/balance/charge", json!({ "amount": 5 })).await.expect(200);
    let reservation = client.hold(1, 1).await;
    client.pay(reservation).await.expect(200);
    client.post("/api/v1/payments/1/cancel", json!({})).await.expect(200);
    let data = client.get(path).await.expect(200);
    assert_eq!((&data["total"], &data["amount"]), (&json!(3), &json!(1_000_005)));
    let lines = data["histories"].as_array().unwrap();
    let lines: Vec<_> =
        lines.iter().map(|line| json!([line["type"], line["amount"], line["balance"]])).collect();
    let expected = [
        json!(["REFUND", 1000, 1_000_005]),
        json!(["PAYMENT", 1000, 999_005]),
        json!(["CHARGE", 5, 1_000_005]),
    ];
    assert_eq!(lines, expected);
}
