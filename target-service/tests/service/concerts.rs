//! Concerts, dates and seats: kept pages where nothing changes, fresh ones where something does.

use serde_json::json;

use crate::support::service;

#[tokio::test]
async fn concerts_are_cached() {
    let service = service!(json!({ "concerts": 3 }));
    let mut client = service.client().await;
    let first = client.get("/api/v1/concerts").await;
    assert_eq!(first.expect(200)["concerts"].as_array().unwrap().len(), 3);
    assert_eq!(first.header("X-Cache"), Some("MISS"));
    let second = client.get("/api/v1/concerts").await;
    assert_eq!(second.header("X-Cache"), Some("HIT"));
    assert_eq!(first.body, second.body);
    client.post("/admin/reset", json!({ "concerts": 4 })).await.expect(200);
    let third = client.get("/api/v1/concerts").await;
    assert_eq!(third.expect(200)["concerts"].as_array().unwrap().len(), 4);
    assert_eq!(third.header("X-Cache"), Some("MISS"));
}

#[tokio::test]
async fn dates_are_found_under_both_paths() {
    let service = service!(json!({ "concerts": 2, "schedules": 3 }));
    let mut client = service.client().await;
    let answer = client.get("/api/v1/concerts/2/dates").await;
    let dates = &answer.expect(200)["dates"];
    assert_eq!(dates[0], json!({ "scheduleId": 4, "date": "2030-01-01" }));
    assert_eq!(dates.as_array().unwrap().len(), 3);
    let other = client.get("/api/availability/dates/2").await;
    assert_eq!((&other.body, other.header("X-Cache")), (&answer.body, Some("HIT")));
    for path in [
        "/api/v1/concerts/3/dates",
        "/api/v1/concerts/0/dates",
        "/api/availability/dates/99999999999999999999",
    ] {
        client.get(path).await.expect_error(404, "NO_SUCH_CONCERT");
    }
    client.get("/api/v1/concerts/x/dates").await.expect_error(400, "BAD_REQUEST");
    client.get("/api/availability/dates/%ff").await.expect_error(400, "BAD_REQUEST");
}

#[tokio::test]
async fn seats_are_as_they_are_now() {
    let service = service!();
    let mut client = service.client().await;
    let paths = ["/api/v1/schedules/1/seats", "/api/availability/seats/1/2026-01-01T00:00:00"];
    let held = client.hold(1, 2).await;
    client.pay(held).await.expect(200);
    client.hold(1, 3).await;
    for path in paths {
        let data = client.get(path).await.expect(200);
        assert_eq!(data["available"], 48);
        assert_eq!(data["seats"].as_array().unwrap().len(), 50);
        for (n, status) in [(0, "AVAILABLE"), (1, "SOLD"), (2, "HELD")] {
            assert_eq!(data["seats"][n], json!({ "seatId": n + 1, "status": status, "price": 1000 }));
        }
    }
    service.advance(300);
    assert_eq!(client.get(paths[0]).await.expect(200)["available"], 49);
    client.get("/api/v1/schedules/2/seats").await.expect_error(404, "NO_SUCH_SCHEDULE");
    client.get("/api/v1/schedules/-1/seats").await.expect_error(400, "BAD_REQUEST");
}
