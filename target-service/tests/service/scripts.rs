//! The k6 scripts that the service stands in for: the same calls in the same order, with the headers and
//! bodies they send and the checks they make.

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::{Answer, Client, TOKEN, TestService};

const JSON: (&str, &str) = ("Content-Type", "application/json");

async fn post(client: &mut Client, path: &str, headers: &[(&str, &str)], body: Value) -> Answer {
    let headers = [&[JSON], headers].concat();
    client.send("POST", path, &headers, &body.to_string()).await
}

/// A header as k6 finds it: by its exact spelling.
fn k6_header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    answer.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
}

/// Issuing and verifying queue tokens, for users 1 to 20.
#[tokio::test]
async fn token_issue_and_verification() {
    let service = TestService::start().await;
    let mut client = service.client().await;
    for user in 1..=20 {
        let issued = post(&mut client, "/api/v1/queues", &[], json!({ "userId": user })).await;
        assert_eq!(issued.status, 200);
        let token = k6_header(&issued, TOKEN).unwrap();
        let verified = client.send("GET", "/api/v1/queues", &[JSON, (TOKEN, token)], "").await;
        assert_eq!(verified.status, 200);
    }
}

/// Two hundred at once after five seats. The script takes 401 for a seat that is taken; here that is 409, which
/// its own report names as well.
#[tokio::test]
async fn seat_reservation() {
    let service = TestService::start().await;
    let mut users = JoinSet::new();
    for n in 0..200_u64 {
        let mut client = service.client().await;
        users.spawn(async move {
            let issued = post(&mut client, "/api/v1/queues", &[], json!({ "userId": n % 20 + 1 })).await;
            assert_eq!(issued.status, 200);
            let token = k6_header(&issued, TOKEN).unwrap();
            let body = json!({ "seatId": n % 5 + 1, "scheduleId": 1 });
            post(&mut client, "/api/v1/reservations", &[(TOKEN, token)], body).await.status
        });
    }
    let statuses = users.join_all().await;
    let count = |wanted| statuses.iter().filter(|&&status| status == wanted).count();
    assert_eq!((count(200), count(409)), (5, 195));
    assert_eq!(service.clean_audit().await, (5, 0, 0));
}

/// Ranks, charging, balance, order, and its state; every branch that the script takes by chance.
#[tokio::test]
async fn order_and_payment() {
    let service = TestService::start().await;
    let mut client = service.client().await;
    for user in 1..=20 {
        let ranks = client.get("/api/v1/api/v0/products/ranks").await;
        assert_eq!(ranks.status, 200);
        let products = ranks.json()["data"]["products"].clone();
        assert!(products.as_array().is_some_and(|products| !products.is_empty()));
        let selected = &products[user % products.as_array().map_or(1, Vec::len)];

        let path = format!("/api/v1/users/{user}/balance");
        let charged = post(&mut client, &format!("{path}/charge"), &[], json!({ "amount": 10_000 })).await;
        assert_eq!(charged.status, 200);
        assert_eq!((&charged.json()["code"], &charged.json()["message"]), (&json!(200), &json!("OK")));
        let balance = client.get(&path).await;
        assert_eq!(balance.status, 200);
        assert_eq!(balance.json()["data"]["amount"], 1_010_000);

        let products = json!([{ "id": selected["id"], "quantity": 1 }]);
        let body = json!({ "userId": user, "products": products });
        let ordered = post(&mut client, "/api/v1/orders", &[], body).await;
        assert_eq!(ordered.status, 200);
        // The script takes a number of 0 for none.
        let order = ordered.json()["data"]["orderId"].clone();
        assert!(order.as_u64().is_some_and(|id| id > 0));
        client.settled(&order).await;
        let state = client.get(&format!("/api/v1/orders/{order}")).await;
        assert_eq!(state.status, 200);
        assert_eq!(state.json()["data"]["status"], "COMPLETED");
    }
    service.clean_audit().await;
}

/// First come, first served: as many users as the script has had iterations in its best run.
#[tokio::test]
async fn coupon_publishing() {
    let service = TestService::start().await;
    let mut client = service.client().await;
    for iteration in 0..9549_u64 {
        let user = (iteration % 1000 + 1) * 1_000_000 + iteration / 1000;
        let path = format!("/api/v0/users/{user}/coupons/publish");
        assert_eq!(post(&mut client, &path, &[], json!({ "couponId": 1 })).await.status, 200);
    }
    service.clean_audit().await;
    assert_eq!(service.audit().await["couponsIssued"], 9549);
}
