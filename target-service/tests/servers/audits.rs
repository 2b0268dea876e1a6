//! What no request can bring about is written into the tables by hand, and the audit must find it; and events that
//! come twice.

use serde_json::json;
use sqlx::{Connection, MySqlConnection};
use ticketing::Servers;

use crate::servers;
use crate::support::{ADMIN, TestService};

/// A service with a little of everything, and its servers.
async fn busy(test: &str) -> Option<(TestService, Servers)> {
    let servers = servers::fresh(test).await?;
    let service = TestService::start(ADMIN, Some(servers.clone())).await;
    let mut client = service.client().await;
    let size = json!({ "products": 2, "stock": 5, "couponLimit": 2 });
    client.post("/admin/reset", size).await.expect(200);
    let sold = client.hold(1, 1).await;
    client.pay(sold).await.expect(200);
    client.hold(1, 2).await;
    for user in 1..=2 {
        client.publish(user, 1).await.expect(200);
    }
    let order = client.order(1, 1, 3).await.expect(200)["orderId"].clone();
    client.settled(&order).await;
    assert_eq!(service.clean_audit().await, (2, 1, 1));
    Some((service, servers))
}

#[tokio::test]
async fn the_audit_finds_what_no_request_does() {
    let Some((service, servers)) = busy("the_audit_finds_what_no_request_does").await else { return };
    let mut database = MySqlConnection::connect(&servers.database).await.unwrap();
    for (wrong, right, found, count) in [
        (
            "INSERT INTO reservations (world, schedule, seat, user, token, state, until) \
             SELECT world, schedule, seat, user, token, 1, 0 FROM reservations WHERE seat = 2",
            "DELETE FROM reservations WHERE seat = 2 AND state = 1",
            "doubleBooked",
            1,
        ),
        (
            "ALTER TABLE payments DROP KEY reservation; \
             INSERT INTO payments (world, reservation, user, amount) \
             SELECT world, reservation, user, 0 FROM payments",
            "DELETE FROM payments WHERE amount = 0",
            "doublePaid",
            1,
        ),
        (
            "INSERT INTO copies (world, coupon, user, issued_at) SELECT world, 1, 'x', 0 FROM coupons",
            "DELETE FROM copies WHERE user = 'x'",
            "couponsOver",
            1,
        ),
        (
            "UPDATE products SET stock = -1 WHERE product = 2 ORDER BY world DESC LIMIT 1",
            "UPDATE products SET stock = 5 WHERE product = 2 ORDER BY world DESC LIMIT 1",
            "stockBelowZero",
            1,
        ),
        (
            "UPDATE products SET stock = 4 WHERE product = 2 ORDER BY world DESC LIMIT 1",
            "UPDATE products SET stock = 5 WHERE product = 2 ORDER BY world DESC LIMIT 1",
            "orphanHolds",
            1,
        ),
        (
            "UPDATE accounts SET balance = balance - 7",
            "UPDATE accounts SET balance = balance + 7",
            "balanceDrift",
            7,
        ),
        (
            "UPDATE ledger SET amount = amount + 3 ORDER BY id LIMIT 1",
            "UPDATE ledger SET amount = amount - 3 ORDER BY id LIMIT 1",
            "balanceDrift",
            3,
        ),
        (
            "UPDATE seats SET state = 0 WHERE state = 2",
            "UPDATE seats SET state = 2 WHERE state = 0 AND reservation > 0",
            "orphanHolds",
            1,
        ),
        (
            "UPDATE seats SET state = 2 WHERE seat = 9 ORDER BY world DESC LIMIT 1",
            "UPDATE seats SET state = 0 WHERE seat = 9 ORDER BY world DESC LIMIT 1",
            "orphanHolds",
            1,
        ),
    ] {
        sqlx::raw_sql(wrong).execute(&mut database).await.unwrap();
        assert_eq!(service.audit().await[found], count, "{wrong}");
        sqlx::raw_sql(right).execute(&mut database).await.unwrap();
        assert_eq!(service.clean_audit().await, (2, 1, 1), "{right}");
    }
}

#[tokio::test]
async fn an_event_that_comes_again_changes_nothing() {
    let Some((service, servers)) = busy("an_event_that_comes_again_changes_nothing").await else { return };
    let mut database = MySqlConnection::connect(&servers.database).await.unwrap();
    let identity: u64 =
        sqlx::query_scalar("SELECT number FROM identity").fetch_one(&mut database).await.unwrap();
    let order: u64 = sqlx::query_scalar("SELECT id FROM orders").fetch_one(&mut database).await.unwrap();
    let mut cache =
        redis::Client::open(&*servers.cache).unwrap().get_multiplexed_async_connection().await.unwrap();
    let stream = format!("ticketing:orders:{identity:016x}");
    // The last is of an order that there never was.
    for number in [order, order, order, u64::MAX] {
        let mut add = redis::cmd("XADD");
        add.arg(&stream).arg("*").arg("order").arg(number);
        add.exec_async(&mut cache).await.unwrap();
    }
    let mut client = service.client().await;
    while client.metric("ticketing_pending_orders").await != "0" {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let sold: u64 = sqlx::query_scalar("SELECT CAST(SUM(sold) AS UNSIGNED) FROM products")
        .fetch_one(&mut database)
        .await
        .unwrap();
    assert_eq!(sold, 3);
    service.clean_audit().await;
}

#[tokio::test]
async fn an_order_whose_event_is_lost_is_settled_nevertheless() {
    let Some((service, servers)) = busy("an_order_whose_event_is_lost_is_settled_nevertheless").await else {
        return;
    };
    let mut database = MySqlConnection::connect(&servers.database).await.unwrap();
    // As if the service had been killed between the two.
    sqlx::raw_sql(
        "INSERT INTO orders (world, user, amount) SELECT world, user, 0 FROM orders; \
         UPDATE orders SET placed = placed - INTERVAL 1 MINUTE WHERE state = 0",
    )
    .execute(&mut database)
    .await
    .unwrap();
    assert_eq!(service.client().await.settled(&json!(2)).await["status"], "COMPLETED");
    service.clean_audit().await;
}
