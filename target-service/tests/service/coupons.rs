//! Coupons: one for a user, and none beyond the limit.

use serde_json::json;

use crate::support::TestService;

#[tokio::test]
async fn a_user_gets_one_until_none_is_left() {
    let service = TestService::sized(json!({ "coupons": 2, "couponLimit": 2 })).await;
    let mut client = service.client().await;
    let data = client.publish(1, 2).await.expect(200);
    let expected = json!({ "userId": "1", "couponId": 2, "issuedAt": "2026-01-01T00:00:00.000Z" });
    assert_eq!(data, expected);
    client.publish(1, 2).await.expect_error(409, "ALREADY_ISSUED");
    client.publish(1, 1).await.expect(200);
    client.publish(2, 2).await.expect(200);
    client.publish(3, 2).await.expect_error(410, "SOLD_OUT");
    client.publish(2, 2).await.expect_error(409, "ALREADY_ISSUED");
    service.clean_audit().await;
    assert_eq!(service.audit().await["couponsIssued"], 3);
}

#[tokio::test]
async fn both_paths_give_the_same_coupon() {
    let service = TestService::start().await;
    let mut client = service.client().await;
    client.post("/api/v0/users/u/coupons/publish", json!({ "couponId": 1 })).await.expect(200);
    let again = client.post("/api/v1/users/u/coupons/publish", json!({ "couponId": 1 })).await;
    again.expect_error(409, "ALREADY_ISSUED");
}

#[tokio::test]
async fn what_does_not_exist_is_not_found_and_what_is_wrong_is_refused() {
    let service = TestService::start().await;
    let mut client = service.client().await;
    for coupon in [0, 2, u64::MAX] {
        client.publish(1, coupon).await.expect_error(404, "NO_SUCH_COUPON");
    }
    for body in ["", "[1]", "{}", r#"{"couponId":"1"}"#, r#"{"couponId":-1}"#, r#"{"couponId":null}"#] {
        let answer = client.send("POST", "/api/v1/users/1/coupons/publish", &[], body).await;
        answer.expect_error(400, "BAD_REQUEST");
    }
    client.get("/api/v1/users/1/coupons/publish").await.expect_error(405, "METHOD_NOT_ALLOWED");
}
