//! Orders: taken at once, settled a moment later.

use serde_json::{Value, json};

use crate::support::{Client, TestService};

async fn place(client: &mut Client, products: Value, coupon: Option<u64>) -> crate::support::Answer {
    let body = json!({ "userId": 1, "products": products, "couponId": coupon });
    client.post("/api/v1/orders", body).await
}

#[tokio::test]
async fn an_order_is_pending_and_then_completed() {
    let service = TestService::start().await;
    let mut client = service.client().await;
    let products =
        json!([{ "id": 7, "quantity": 2 }, { "id": 3, "quantity": 1 }, { "id": 7, "quantity": 1 }]);
    let data = place(&mut client, products, None).await.expect(200);
    assert_eq!((&data["orderId"], &data["amount"]), (&json!(1), &json!(4000)));
    assert!(["PENDING", "COMPLETED"].contains(&data["status"].as_str().unwrap()), "{data}");
    let settled = client.settled(&data["orderId"]).await;
    let expected = json!({ "orderId": 1, "userId": "1", "status": "COMPLETED", "amount": 4000 });
    assert_eq!(settled, expected);
    assert_eq!(client.balance(1).await, 996_000);
    service.clean_audit().await;
}

#[tokio::test]
async fn a_coupon_makes_one_order_cheaper() {
    let service = TestService::start().await;
    let mut client = service.client().await;
    let products = json!([{ "id": 1, "quantity": 2 }]);
    place(&mut client, products.clone(), Some(1)).await.expect_error(409, "COUPON_NOT_ISSUED");
    place(&mut client, products.clone(), Some(2)).await.expect_error(404, "NO_SUCH_COUPON");
    client.publish(1, 1).await.expect(200);
    let data = place(&mut client, products.clone(), Some(1)).await.expect(200);
    assert_eq!(data["amount"], 1800);
    client.settled(&data["orderId"]).await;
    assert_eq!(client.balance(1).await, 998_200);
    place(&mut client, products, Some(1)).await.expect_error(409, "COUPON_USED");
    assert_eq!(client.balance(1).await, 998_200);
    service.clean_audit().await;
}

#[tokio::test]
async fn of_many_orders_with_one_coupon_one_completes_and_the_others_cost_nothing() {
    let service = TestService::start().await;
    service.client().await.publish(1, 1).await.expect(200);
    let mut tries = tokio::task::JoinSet::new();
    for _ in 0..30 {
        let mut client = service.client().await;
        tries.spawn(async move {
            let answer = place(&mut client, json!([{ "id": 1, "quantity": 1 }]), Some(1)).await;
            match answer.status {
                200 => client.settled(&answer.expect(200)["orderId"]).await["status"].clone(),
                _ => json!(answer.status),
            }
        });
    }
    let ends = tries.join_all().await;
    assert_eq!(ends.iter().filter(|&end| end == "COMPLETED").count(), 1, "{ends:?}");
    assert!(ends.iter().all(|end| end == "COMPLETED" || end == "FAILED" || *end == 409), "{ends:?}");
    assert_eq!(service.client().await.balance(1).await, 999_100);
    service.clean_audit().await;
}

#[tokio::test]
async fn an_order_beyond_stock_or_money_takes_nothing() {
    let service = TestService::sized(json!({ "stock": 3, "balance": 2500 })).await;
    let mut client = service.client().await;
    client.order(1, 1, 4).await.expect_error(409, "OUT_OF_STOCK");
    client.order(1, 1, 3).await.expect_error(402, "INSUFFICIENT_BALANCE");
    client.order(1, 1, 2).await.expect(200);
    client.order(1, 1, 1).await.expect_error(402, "INSUFFICIENT_BALANCE");
    client.order(2, 1, 2).await.expect_error(409, "OUT_OF_STOCK");
    client.order(2, 1, 1).await.expect(200);
    assert_eq!((client.balance(1).await, client.balance(2).await), (500, 1500));
    service.clean_audit().await;
}

#[tokio::test]
async fn what_does_not_exist_is_not_found_and_what_is_wrong_is_refused() {
    let service = TestService::sized(json!({ "products": 2 })).await;
    let mut client = service.client().await;
    for product in [0, 3, u64::MAX] {
        client.order(1, product, 1).await.expect_error(404, "NO_SUCH_PRODUCT");
    }
    for body in [
        "",
        "{}",
        r#"{"userId":1}"#,
        r#"{"userId":1,"products":[]}"#,
        r#"{"userId":1,"products":{"id":1,"quantity":1}}"#,
        r#"{"userId":1,"products":[[1,1]]}"#,
        r#"{"userId":1,"products":[{"id":1}]}"#,
        r#"{"userId":1,"products":[{"id":1,"quantity":0}]}"#,
        r#"{"userId":1,"products":[{"id":1,"quantity":-1}]}"#,
        r#"{"userId":1,"products":[{"id":"1","quantity":1}]}"#,
        r#"{"userId":1,"products":[{"id":1,"quantity":1e30}]}"#,
        r#"{"userId":1,"products":[{"id":1,"quantity":1}],"couponId":"1"}"#,
        r#"{"products":[{"id":1,"quantity":1}]}"#,
    ] {
        client.send("POST", "/api/v1/orders", &[], body).await.expect_error(400, "BAD_REQUEST");
    }
    client.get("/api/v1/orders/1").await.expect_error(404, "NO_SUCH_ORDER");
    client.get("/api/v1/orders/x").await.expect_error(400, "BAD_REQUEST");
}

#[tokio::test]
async fn a_reset_forgets_orders_and_takes_the_next_from_a_full_stock() {
    let service = TestService::sized(json!({ "stock": 1 })).await;
    let mut client = service.client().await;
    client.order(1, 1, 1).await.expect(200);
    client.order(1, 1, 1).await.expect_error(409, "OUT_OF_STOCK");
    client.post("/admin/reset", json!({ "stock": 1 })).await.expect(200);
    client.get("/api/v1/orders/1").await.expect_error(404, "NO_SUCH_ORDER");
    client.order(1, 1, 1).await.expect(200);
    service.clean_audit().await;
}
