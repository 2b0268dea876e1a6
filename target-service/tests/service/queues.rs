//! The waiting queue: tokens, order, expiry.

use serde_json::json;

use crate::support::{TOKEN, service};

#[tokio::test]
async fn a_post_gives_a_token_in_header_and_body() {
    let service = service!();
    let mut client = service.client().await;
    let answer = client.post("/api/v1/queues", json!({ "userId": 7, "unknown": [1] })).await;
    let data = answer.expect(200);
    assert_eq!(data["token"], answer.header(TOKEN).unwrap());
    assert_eq!((&data["status"], &data["position"]), (&json!("ACTIVE"), &json!(0)));
    assert_eq!(answer.json()["message"], "OK");
    assert!(answer.headers.iter().any(|(name, _)| name == TOKEN), "the header is spelt as scripts read it");

    let data = client.standing(answer.header(TOKEN).unwrap()).await.expect(200);
    assert_eq!((&data["status"], &data["retryAfterMs"]), (&json!("ACTIVE"), &json!(0)));
}

#[tokio::test]
async fn each_post_gives_a_new_token_and_older_ones_live() {
    let service = service!();
    let mut client = service.client().await;
    let (first, second) = (client.enter("user1").await, client.enter("user1").await);
    assert_ne!(first, second);
    client.standing(&first).await.expect(200);
    client.standing(&second).await.expect(200);
}

#[tokio::test]
async fn the_other_path_creates_and_finds_by_user() {
    let service = service!();
    let mut client = service.client().await;
    let body = json!({ "userId": "user1", "requestAt": "2026-01-01T00:00:00" });
    let answer = client.post("/api/waiting-queue-token", body).await;
    let created = answer.expect(201);
    assert_eq!(created["token"], answer.header(TOKEN).unwrap());
    let found = client.get("/api/waiting-queue-token/user1").await.expect(200);
    assert_eq!((&found["token"], &found["status"]), (&created["token"], &json!("ACTIVE")));
    client.get("/api/waiting-queue-token/user2").await.expect_error(404, "NO_SUCH_TOKEN");
    let token = client.enter(12).await;
    assert_eq!(client.get("/api/waiting-queue-token/12").await.expect(200)["token"], token);
}

#[tokio::test]
async fn wrong_bodies_are_bad_requests() {
    let service = service!();
    let mut client = service.client().await;
    for path in ["/api/v1/queues", "/api/waiting-queue-token"] {
        for body in [
            "",
            "{",
            "null",
            "7",
            "[7]",
            "{}",
            r#"{"userId":null}"#,
            r#"{"userId":true}"#,
            r#"{"userId":1.5}"#,
            r#"{"userId":""}"#,
            r#"{"userId":[1]}"#,
            r#"{"userId":{}}"#,
            r#"{"userId":1,"userId":2}"#,
            r#"{"userId":1} x"#,
            r#"{"userId":1,"requestAt":5}"#,
        ] {
            client.send("POST", path, &[], body).await.expect_error(400, "BAD_REQUEST");
        }
    }
}

#[tokio::test]
async fn tokens_are_missing_unknown_or_expired() {
    let service = service!();
    let mut client = service.client().await;
    for method in ["GET", "DELETE"] {
        client.send(method, "/api/v1/queues", &[], "").await.expect_error(401, "TOKEN_MISSING");
        for token in ["0123456789abcdef", "nonsense", "12"] {
            let answer = client.send(method, "/api/v1/queues", &[(TOKEN, token)], "").await;
            answer.expect_error(401, "TOKEN_UNKNOWN");
        }
    }
    let token = client.enter(1).await;
    service.advance(599);
    client.standing(&token).await.expect(200);
    service.advance(1);
    client.standing(&token).await.expect_error(401, "TOKEN_EXPIRED");
    client.leave(&token).await.expect_error(401, "TOKEN_EXPIRED");
    client.get("/api/waiting-queue-token/1").await.expect_error(404, "NO_SUCH_TOKEN");
}

#[tokio::test]
async fn a_reset_forgets_the_tokens_of_the_world_before() {
    let service = service!();
    let mut client = service.client().await;
    let token = client.enter(1).await;
    client.post("/admin/reset", json!({})).await.expect(200);
    client.enter(1).await;
    client.standing(&token).await.expect_error(401, "TOKEN_UNKNOWN");
}

#[tokio::test]
async fn the_line_is_served_in_strict_order() {
    let service = service!(json!({ "activeLimit": 2, "tokenSeconds": 60 }));
    let mut client = service.client().await;
    let mut tokens = Vec::new();
    for user in 0..10 {
        tokens.push(client.enter(user).await);
    }
    // Position 0 is active.
    let expected = |active: u64, n: u64| if n < active { 0 } else { n - active + 1 };
    for (n, token) in (0..).zip(&tokens) {
        let data = client.standing(token).await.expect(200);
        assert_eq!(data["position"], expected(2, n), "{data}");
        assert_eq!(data["status"], if n < 2 { "ACTIVE" } else { "WAITING" });
        assert_eq!(data["retryAfterMs"].as_u64().unwrap() > 0, n >= 2);
    }
    client.reserve(&tokens[2], 1).await.expect_error(401, "TOKEN_WAITING");

    // One leaves, one pays, one waiting gives up: each moves the line by one.
    client.leave(&tokens[0]).await.expect(200);
    assert_eq!(client.standing(&tokens[2]).await.expect(200)["status"], "ACTIVE");
    assert_eq!(client.standing(&tokens[3]).await.expect(200)["position"], 1);
    let reservation = client.reserve(&tokens[1], 1).await.expect(200)["reservationId"].as_u64().unwrap();
    client.pay(reservation).await.expect(200);
    assert_eq!(client.standing(&tokens[3]).await.expect(200)["status"], "ACTIVE");
    client.leave(&tokens[5]).await.expect(200);
    assert_eq!(client.standing(&tokens[6]).await.expect(200)["position"], 2);

    // Both active ones expire, and the next two have a whole life from then on.
    service.advance(60);
    for (n, status) in [(4, "ACTIVE"), (6, "ACTIVE"), (7, "WAITING")] {
        assert_eq!(client.standing(&tokens[n]).await.expect(200)["status"], status, "token {n}");
    }
    client.standing(&tokens[2]).await.expect_error(401, "TOKEN_EXPIRED");
    service.advance(59);
    assert_eq!(client.standing(&tokens[4]).await.expect(200)["status"], "ACTIVE");
}
