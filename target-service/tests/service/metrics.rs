//! `GET /metrics`: what was asked, and what there is.

use serde_json::json;

use crate::support::TestService;

#[tokio::test]
async fn requests_are_counted_by_route_and_status() {
    let service = TestService::start().await;
    let mut client = service.client().await;
    for user in 1..=3 {
        client.get(&format!("/api/v1/users/{user}/balance")).await.expect(200);
    }
    client.get("/api/v1/orders/9").await.expect_error(404, "NO_SUCH_ORDER");
    for path in ["/nothing", "/api/v1/users"] {
        client.get(path).await.expect_error(404, "NOT_FOUND");
    }
    client.send("PATCH", "/api/v1/orders", &[], "").await.expect_error(405, "METHOD_NOT_ALLOWED");
    let fault = json!([{ "path": "/healthz", "share": 1, "status": 500 }]).to_string();
    client.send("PUT", "/admin/faults", &[], &fault).await.expect(200);
    client.get("/healthz").await.expect_error(500, "INJECTED");

    for (method, route, status, count) in [
        ("GET", "/api/v1/users/{id}/balance", 200, "3"),
        ("GET", "/api/v1/orders/{id}", 404, "1"),
        ("GET", "none", 404, "2"),
        ("other", "/api/v1/orders", 405, "1"),
        ("GET", "/healthz", 500, "1"),
    ] {
        let name =
            format!(r#"ticketing_requests_total{{method="{method}",route="{route}",status="{status}"}}"#);
        assert_eq!(client.metric(&name).await, count, "{name}");
        let name =
            format!(r#"ticketing_request_duration_seconds_count{{method="{method}",route="{route}"}}"#);
        assert_eq!(client.metric(&name).await, count, "{name}");
    }
}

#[tokio::test]
async fn what_there_is_comes_from_the_world_as_it_is() {
    let service = TestService::sized(json!({ "activeLimit": 2, "holdSeconds": 10 })).await;
    let mut client = service.client().await;
    for user in 1..=5 {
        client.enter(user).await;
    }
    let token = client.send("GET", "/api/waiting-queue-token/1", &[], "").await.expect(200)["token"].clone();
    client.reserve(token.as_str().unwrap(), 1).await.expect(200);
    for (name, value) in [
        ("ticketing_active_tokens", "2"),
        ("ticketing_queue_length", "3"),
        ("ticketing_held_seats", "1"),
        ("ticketing_pending_orders", "0"),
    ] {
        assert_eq!(client.metric(name).await, value, "{name}");
    }
    service.advance(10);
    assert_eq!(client.metric("ticketing_held_seats").await, "0");
    client.post("/admin/reset", json!({})).await.expect(200);
    assert_eq!(client.metric("ticketing_active_tokens").await, "0");
    client.enter(1).await;
    assert_eq!(client.metric("ticketing_active_tokens").await, "1");
    service.advance(600);
    assert_eq!(client.metric("ticketing_active_tokens").await, "0");
}

#[tokio::test]
async fn kept_pages_are_counted() {
    let service = TestService::start().await;
    let mut client = service.client().await;
    for path in ["/api/v1/concerts", "/api/v1/products/ranks", "/api/v1/concerts/1/dates"] {
        for _ in 0..3 {
            client.get(path).await.expect(200);
        }
    }
    assert_eq!(client.metric("ticketing_cache_misses_total").await, "3");
    assert_eq!(client.metric("ticketing_cache_hits_total").await, "6");
}

#[tokio::test]
async fn the_process_is_measured() {
    let service = TestService::start().await;
    let mut client = service.client().await;
    let answer = client.get("/metrics").await;
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!((answer.status, answer.header("Content-Type")), (200, Some(kind)));
    assert!(answer.body.ends_with("# EOF\n"));
    let cpu = client.metric("process_cpu_seconds_total").await;
    assert!(cpu.parse::<f64>().unwrap() > 0.0, "{cpu}");
    let memory = client.metric("process_resident_memory_bytes").await;
    assert!(memory.parse::<u64>().unwrap() > 1_000_000, "{memory}");
}
