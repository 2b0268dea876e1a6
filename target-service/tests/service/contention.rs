//! Many at once: every promise holds however requests interleave.

use serde_json::json;
use tokio::task::JoinSet;

use crate::support::{Answer, TestService};

fn count(answers: &[Answer], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}

#[tokio::test]
async fn two_hundred_clients_on_five_seats_make_five_winners() {
    let service = TestService::sized(json!({ "seats": 5 })).await;
    let mut tries = JoinSet::new();
    for user in 0..200_u64 {
        let mut client = service.client().await;
        tries.spawn(async move {
            let token = client.enter(user).await;
            let answer = client.reserve(&token, user % 5 + 1).await;
            if answer.status == 200 {
                let id = answer.expect(200)["reservationId"].as_u64().unwrap();
                client.pay(id).await.expect(200);
            }
            answer
        });
    }
    let answers = tries.join_all().await;
    assert_eq!((count(&answers, 200), count(&answers, 409)), (5, 195));
    assert_eq!(service.clean_audit().await, (5, 5, 5));
}

#[tokio::test]
async fn the_same_payment_from_fifty_clients_is_one_charge() {
    let service = TestService::start().await;
    let reservation = service.client().await.hold(1, 1).await;
    let mut tries = JoinSet::new();
    for _ in 0..50 {
        let mut client = service.client().await;
        tries.spawn(async move { client.pay_once(reservation, "one-and-only").await });
    }
    let answers = tries.join_all().await;
    assert_eq!(count(&answers, 200), 50);
    assert!(answers.iter().all(|answer| answer.body == answers[0].body), "{answers:?}");
    assert_eq!(service.client().await.balance(1).await, 999_000);
    assert_eq!(service.clean_audit().await, (1, 1, 1));
}

#[tokio::test]
async fn payments_and_cancellations_at_once_leave_no_trace_but_one() {
    let service = TestService::sized(json!({ "seats": 10, "balance": 5000 })).await;
    let mut tries = JoinSet::new();
    for user in 0..60_u64 {
        let mut client = service.client().await;
        tries.spawn(async move {
            // Six users share an account each, which is too small for all they try.
            for round in 0..10 {
                let token = client.enter(user % 10).await;
                let answer = client.reserve(&token, (user + round) % 10 + 1).await;
                if answer.status != 200 {
                    continue;
                }
                let paid = client.pay(answer.expect(200)["reservationId"].as_u64().unwrap()).await;
                assert!([200, 402].contains(&paid.status), "{paid:?}");
                if paid.status == 200 && round % 2 == 0 {
                    let id = paid.json()["data"]["paymentId"].clone();
                    client.post(&format!("/api/v1/payments/{id}/cancel"), json!({})).await.expect(200);
                }
            }
        });
        if user % 20 == 0 {
            // An audit in the midst of it sees whole transitions only.
            service.clean_audit().await;
        }
    }
    while let Some(done) = tries.join_next().await {
        done.unwrap();
        service.clean_audit().await;
    }
    let (reserved, confirmed, payments) = service.clean_audit().await;
    assert_eq!(confirmed, payments);
    assert!(reserved >= confirmed);
}

#[tokio::test]
async fn never_more_are_active_than_the_limit() {
    let service = TestService::sized(json!({ "activeLimit": 7 })).await;
    let mut tries = JoinSet::new();
    for user in 0..100 {
        let mut client = service.client().await;
        tries.spawn(async move { client.enter(user).await });
    }
    let tokens = tries.join_all().await;
    let mut client = service.client().await;
    let mut positions = Vec::new();
    for token in &tokens {
        positions.push(client.standing(token).await.expect(200)["position"].as_u64().unwrap());
    }
    positions.sort_unstable();
    let expected: Vec<u64> = std::iter::repeat_n(0, 7).chain(1..=93).collect();
    assert_eq!(positions, expected);
}

#[tokio::test]
async fn a_thousand_users_on_a_hundred_coupons_get_a_hundred() {
    let service = TestService::sized(json!({ "couponLimit": 100 })).await;
    let mut tries = JoinSet::new();
    for part in 0..50_u64 {
        let mut client = service.client().await;
        tries.spawn(async move {
            let mut answers = Vec::new();
            for user in part * 20..part * 20 + 20 {
                answers.push(client.publish(user, 1).await);
            }
            answers
        });
    }
    let answers = tries.join_all().await.concat();
    assert_eq!((count(&answers, 200), count(&answers, 410)), (100, 900));
    service.clean_audit().await;
    assert_eq!(service.audit().await["couponsIssued"], 100);
}

#[tokio::test]
async fn one_user_from_many_clients_gets_one_coupon() {
    let service = TestService::start().await;
    let mut tries = JoinSet::new();
    for _ in 0..50 {
        let mut client = service.client().await;
        tries.spawn(async move { client.publish(7, 1).await });
    }
    let answers = tries.join_all().await;
    assert_eq!((count(&answers, 200), count(&answers, 409)), (1, 49));
    service.clean_audit().await;
    assert_eq!(service.audit().await["couponsIssued"], 1);
}

#[tokio::test]
async fn a_stock_of_ten_is_sold_ten_times() {
    let service = TestService::sized(json!({ "products": 1, "stock": 10 })).await;
    let mut tries = JoinSet::new();
    for user in 0..200_u64 {
        let mut client = service.client().await;
        tries.spawn(async move { client.order(user, 1, 1).await });
        if user % 50 == 0 {
            service.clean_audit().await;
        }
    }
    let answers = tries.join_all().await;
    assert_eq!((count(&answers, 200), count(&answers, 409)), (10, 190));
    let mut client = service.client().await;
    for answer in answers.iter().filter(|answer| answer.status == 200) {
        let data = answer.expect(200);
        assert_eq!(client.settled(&data["orderId"]).await["status"], "COMPLETED");
    }
    let ranks = client.get("/api/v1/products/ranks").await.expect(200);
    assert_eq!(ranks["products"][0]["sold"], 10);
    service.clean_audit().await;
}

#[tokio::test]
async fn orders_over_several_products_and_one_account_neither_block_nor_lose_anything() {
    let service = TestService::sized(json!({ "products": 4, "stock": 300, "balance": 500_000 })).await;
    let mut tries = JoinSet::new();
    for number in 0..40_u64 {
        let mut client = service.client().await;
        tries.spawn(async move {
            let mut pieces = 0;
            for round in 0..10 {
                // Both orders of two products, so that taking them as they come would end in a circle.
                let (first, second) = ((number + round) % 4 + 1, (number + 3 * round + 1) % 4 + 1);
                let products = json!([{ "id": first, "quantity": 2 }, { "id": second, "quantity": 1 }]);
                let answer =
                    client.post("/api/v1/orders", json!({ "userId": 1, "products": products })).await;
                assert!([200, 402, 409].contains(&answer.status), "{answer:?}");
                pieces += if answer.status == 200 { 3 } else { 0 };
            }
            pieces
        });
    }
    let pieces: u64 = tries.join_all().await.iter().sum();
    service.clean_audit().await;
    assert_eq!(service.client().await.balance(1).await, 500_000 - 1000 * pieces);
}
