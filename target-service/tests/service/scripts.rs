//! The k6 scripts that the service stands in for: the same calls in the same order, with the headers and bodies
//! they send, and each of their checks by its own name and with its own condition.

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::{Answer, Client, TOKEN, service};

const JSON: (&str, &str) = ("Content-Type", "application/json");

async fn post(client: &mut Client, path: &str, headers: &[(&str, &str)], body: Value) -> Answer {
    let headers = [&[JSON], headers].concat();
    client.send("POST", path, &headers, &body.to_string()).await
}

/// A header as k6 finds it: by its exact spelling.
fn k6_header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    answer.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
}

/// A condition of a script on an answer.
type Holds = fn(&Answer) -> bool;

/// What a script calls `check`: all its conditions must hold.
#[track_caller]
fn check(answer: &Answer, conditions: &[(&str, Holds)]) {
    for (name, holds) in conditions {
        assert!(holds(answer), "✗ {name}: {answer:?}");
    }
}

/// Queue tokens are issued and verified, for users 1 to 20.
#[tokio::test]
async fn token_issue_and_verification() {
    let service = service!();
    let mut client = service.client().await;
    for user in 1..=20 {
        let res = post(&mut client, "/api/v1/queues", &[], json!({ "userId": user })).await;
        check(&res, &[("POST status is 200", |r| r.status == 200)]);
        let token = k6_header(&res, TOKEN).unwrap();
        let verified = client.send("GET", "/api/v1/queues", &[JSON, (TOKEN, token)], "").await;
        assert_eq!(verified.expect(200)["status"], "ACTIVE", "the script does not check this one");
    }
}

/// Two hundred at once after five seats.
#[tokio::test]
async fn seat_reservation() {
    let service = service!();
    let mut users = JoinSet::new();
    for n in 0..200_u64 {
        let mut client = service.client().await;
        users.spawn(async move {
            let queue = post(&mut client, "/api/v1/queues", &[], json!({ "userId": n % 20 + 1 })).await;
            check(&queue, &[("Queue Token: status is 200", |r| r.status == 200)]);
            let token = k6_header(&queue, TOKEN).unwrap();
            let body = json!({ "seatId": n % 5 + 1, "scheduleId": 1 });
            let reservation = post(&mut client, "/api/v1/reservations", &[(TOKEN, token)], body).await;
            // The script expects 401 for a seat that is taken. That is 409 here, which its report names as well, and
            // 401 is for tokens.
            check(
                &reservation,
                &[("Reservation: status is 200 or 401", |r| {
                    r.status == 200 || (r.status == 409 && r.json()["error"] == "SEAT_TAKEN")
                })],
            );
            reservation.status
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
    let service = service!();
    let mut client = service.client().await;
    for user in 1..=20 {
        let ranks = client.get("/api/v1/api/v0/products/ranks").await;
        check(
            &ranks,
            &[
                ("인기상품 조회 성공", |r| r.status == 200),
                ("인기상품 데이터 확인", |r| {
                    r.json()["data"]["products"].as_array().is_some_and(|products| !products.is_empty())
                }),
            ],
        );
        let products = ranks.json()["data"]["products"].as_array().unwrap().clone();
        let selected = &products[user % products.len()];

        let path = format!("/api/v1/users/{user}/balance");
        let charge = post(&mut client, &format!("{path}/charge"), &[], json!({ "amount": 10_000 })).await;
        check(
            &charge,
            &[
                ("포인트 충전 성공", |r| r.status == 200),
                ("포인트 충전 확인", |r| r.json()["code"] == 200 && r.json()["message"] == "OK"),
            ],
        );
        let balance = client.get(&path).await;
        check(
            &balance,
            &[
                ("포인트 조회 성공", |r| r.status == 200),
                // Not undefined; and what it must be.
                ("포인트 잔액 확인", |r| r.json()["data"]["amount"] == 1_010_000),
            ],
        );

        let products = json!([{ "id": selected["id"], "quantity": 1 }]);
        let body = json!({ "userId": user, "products": products });
        let order = post(&mut client, "/api/v1/orders", &[], body).await;
        check(
            &order,
            &[
                ("주문 생성 성공", |r| r.status == 200),
                // The script takes a number of 0 for none.
                ("주문 확인", |r| r.json()["data"]["orderId"].as_u64().is_some_and(|id| id > 0)),
            ],
        );
        // The script waits for two seconds; it is settled much sooner.
        let number = order.json()["data"]["orderId"].clone();
        client.settled(&number).await;
        let status = client.get(&format!("/api/v1/orders/{number}")).await;
        check(
            &status,
            &[
                ("주문 상태 조회 성공", |r| r.status == 200),
                ("주문 상태 확인", |r| r.json()["data"]["status"] == "COMPLETED"),
            ],
        );
    }
    service.clean_audit().await;
}

/// First come, first served: as many users as the script has had iterations in its best run.
#[tokio::test]
async fn coupon_publishing() {
    let service = service!();
    let mut client = service.client().await;
    for iteration in 0..9549_u64 {
        let user = (iteration % 1000 + 1) * 1_000_000 + iteration / 1000;
        let path = format!("/api/v0/users/{user}/coupons/publish");
        let response = post(&mut client, &path, &[], json!({ "couponId": 1 })).await;
        check(&response, &[("쿠폰 발급 성공", |r| r.status == 200)]);
    }
    service.clean_audit().await;
    assert_eq!(service.audit().await["couponsIssued"], 9549);
}
