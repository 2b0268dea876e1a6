//! The administrator's paths: there when asked for, and nowhere else.

use serde_json::json;
use ticketing::Config;

use crate::support::service;

#[tokio::test]
async fn without_admin_there_is_nothing() {
    let service = service!(Config::default(), None);
    let mut client = service.client().await;
    for method in ["GET", "POST", "PUT"] {
        for path in ["/admin/reset", "/admin/audit", "/admin/faults"] {
            client.send(method, path, &[], "{}").await.expect_error(404, "NOT_FOUND");
        }
    }
}

#[tokio::test]
async fn a_reset_has_a_default_for_everything() {
    let service = service!();
    let mut client = service.client().await;
    let defaults = json!({
        "concerts": 1, "schedules": 1, "seats": 50, "users": 0, "balance": 1_000_000, "products": 10_000,
        "stock": 1000, "coupons": 1, "couponLimit": 10_000, "activeLimit": null, "holdSeconds": 300,
        "tokenSeconds": 600
    });
    for body in ["", "{}", r#"{"activeLimit":null,"users":null,"unknown":1}"#] {
        let answer = client.send("POST", "/admin/reset", &[], body).await;
        assert_eq!(answer.expect(200), defaults, "{body}");
    }
    let all = json!({
        "concerts": 2, "schedules": 2, "seats": 3, "users": 4, "balance": 5, "products": 6, "stock": 7,
        "coupons": 8, "couponLimit": 9, "activeLimit": 10, "holdSeconds": 11, "tokenSeconds": 12
    });
    assert_eq!(client.post("/admin/reset", all.clone()).await.expect(200), all);
    assert_eq!(client.balance(1).await, 5);
    let seats = client.get("/api/v1/schedules/4/seats").await.expect(200);
    assert_eq!(seats["available"], 3);
}

#[tokio::test]
async fn a_world_that_cannot_be_is_refused_and_the_old_one_stays() {
    let service = service!();
    let mut client = service.client().await;
    client.hold(1, 1).await;
    for size in [
        json!({ "seats": -1 }),
        json!({ "seats": "5" }),
        json!({ "seats": 1e18 }),
        json!({ "seats": u64::MAX }),
        json!({ "concerts": u64::MAX, "seats": 0 }),
        json!({ "activeLimit": 0 }),
        json!({ "holdSeconds": 0 }),
        json!([]),
    ] {
        client.post("/admin/reset", size).await.expect_error(400, "BAD_REQUEST");
    }
    assert_eq!(service.clean_audit().await, (1, 0, 0));
    client.post("/admin/reset", json!({})).await.expect(200);
    assert_eq!(service.clean_audit().await, (0, 0, 0));
}

#[tokio::test]
async fn an_audit_comes_bare_and_whole() {
    let service = service!();
    let zeros = json!({
        "reserved": 0, "confirmed": 0, "payments": 0, "doubleBooked": 0, "doublePaid": 0, "couponsIssued": 0,
        "couponsOver": 0, "stockBelowZero": 0, "balanceDrift": 0, "orphanHolds": 0
    });
    assert_eq!(service.audit().await, zeros);
}
