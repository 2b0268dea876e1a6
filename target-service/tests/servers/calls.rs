//! Calls that may fail: a request on a connection of its own, and a load of them to break servers under.

#![expect(clippy::unwrap_used, reason = "what goes wrong here fails a test, which is what it is for")]

use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::support::TOKEN;

/// The longest that any answer may take: somewhat more than the service allows itself.
const LONGEST: Duration = Duration::from_secs(8);

/// What came back: the status and the JSON.
pub(crate) type Reply = (u16, Value);

pub(crate) async fn call(
    address: SocketAddr,
    method: &str,
    path: &str,
    header: (&str, &str),
    body: &Value,
) -> Result<Reply> {
    let exchange = async {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let mut stream = TcpStream::connect(address).await?;
        let (name, value) = header;
        let head =
            format!("{method} {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n{name}: {value}\r\n");
        let request = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        let broken = || Error::from(ErrorKind::UnexpectedEof);
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(broken)?;
        let (_, body) = answer.split_once("\r\n\r\n").ok_or_else(broken)?;
        Ok((status, serde_json::from_str(body).map_err(|_| broken())?))
    };
    timeout(LONGEST, exchange).await.unwrap_or_else(|_| panic!("{method} {path} is not answered"))
}

pub(crate) async fn get(address: SocketAddr, path: &str) -> Result<Reply> {
    call(address, "GET", path, ("X", "1"), &Value::Null).await
}

pub(crate) async fn post(address: SocketAddr, path: &str, body: Value) -> Result<Reply> {
    call(address, "POST", path, ("X", "1"), &body).await
}

/// What a load was promised, and must find kept later.
#[derive(Debug, Default)]
pub(crate) struct Promises {
    /// Payments by their key: the reservation and the answer.
    pub(crate) paid: Vec<(String, u64, Value)>,
    pub(crate) orders: Vec<u64>,
    /// How often the answer was that a store is unavailable.
    pub(crate) unavailable: u64,
}

/// A load that goes on until it is told to stop.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    users: JoinSet<Promises>,
}

impl Load {
    /// So many users at once, who do everything there is. `part` keeps their keys apart from other loads'.
    pub(crate) fn start(address: SocketAddr, users: u64, part: &'static str) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut all = JoinSet::new();
        for user in 0..users {
            let stop = Arc::clone(&stop);
            all.spawn(async move {
                let mut promises = Promises::default();
                for round in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let key = format!("{part}-{user}-{round}");
                    // A service that is gone ends nothing but this round.
                    if turn(address, user, round, key, &mut promises).await.is_err() {
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                }
                promises
            });
        }
        Self { stop, users: all }
    }

    pub(crate) async fn end(self) -> Promises {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Promises::default();
        for promises in self.users.join_all().await {
            all.paid.extend(promises.paid);
            all.orders.extend(promises.orders);
            all.unavailable += promises.unavailable;
        }
        all
    }
}

async fn turn(
    address: SocketAddr,
    user: u64,
    round: u64,
    key: String,
    promises: &mut Promises,
) -> Result<()> {
    let entered = post(address, "/api/v1/queues", json!({ "userId": user })).await?;
    if let Some(token) = checked(&entered, promises)["token"].as_str() {
        let seat = (user * 7 + round) % 20 + 1;
        let body = json!({ "scheduleId": 1, "seatId": seat });
        let held = call(address, "POST", "/api/v1/reservations", (TOKEN, token), &body).await?;
        if let Some(id) = checked(&held, promises)["reservationId"].as_u64() {
            let body = json!({ "reservationId": id });
            let paid = call(address, "POST", "/api/v1/payments", ("Idempotency-Key", &key), &body).await?;
            let data = checked(&paid, promises);
            if let Some(payment) = data["paymentId"].as_u64() {
                promises.paid.push((key, id, data));
                let cancelled =
                    post(address, &format!("/api/v1/payments/{payment}/cancel"), json!({})).await?;
                checked(&cancelled, promises);
            }
        }
    }
    let products = json!([{ "id": round % 3 + 1, "quantity": 1 }, { "id": user % 3 + 1, "quantity": 1 }]);
    let ordered = post(address, "/api/v1/orders", json!({ "userId": user, "products": products })).await?;
    let order = checked(&ordered, promises)["orderId"].as_u64();
    promises.orders.extend(order);
    let path = format!("/api/v1/users/{}/coupons/publish", user * 1000 + round);
    checked(&post(address, &path, json!({ "couponId": 1 })).await?, promises);
    Ok(())
}

/// The data of a good answer. No other is allowed but the contract's refusals, and that a store is unavailable.
fn checked((status, body): &Reply, promises: &mut Promises) -> Value {
    match *status {
        200 | 401 | 402 | 404 | 409 | 410 => {}
        503 if body["error"] == "STORE_UNAVAILABLE" => promises.unavailable += 1,
        _ => panic!("{status}: {body}"),
    }
    body["data"].clone()
}

/// Asks until the status is this one.
pub(crate) async fn until(address: SocketAddr, path: &str, status: u16) {
    let asked = Instant::now();
    loop {
        if let Ok((got, _)) = get(address, path).await
            && got == status
        {
            return;
        }
        assert!(asked.elapsed() < Duration::from_secs(20), "{path} does not come to answer {status}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Everything that was promised is so, and no invariant is broken.
pub(crate) async fn keeps(address: SocketAddr, promises: &Promises) {
    for (key, id, data) in &promises.paid {
        let body = json!({ "reservationId": id });
        let again = call(address, "POST", "/api/v1/payments", ("Idempotency-Key", key), &body).await;
        assert_eq!(again.unwrap(), (200, json!({ "code": 200, "message": "OK", "data": data })), "{key}");
    }
    let asked = Instant::now();
    for order in &promises.orders {
        loop {
            let (status, body) = get(address, &format!("/api/v1/orders/{order}")).await.unwrap();
            assert_eq!(status, 200, "order {order}: {body}");
            if body["data"]["status"] != "PENDING" {
                break;
            }
            assert!(asked.elapsed() < Duration::from_secs(30), "order {order} is never settled");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    let (_, audit) = get(address, "/admin/audit").await.unwrap();
    for name in ["doubleBooked", "doublePaid", "couponsOver", "stockBelowZero", "balanceDrift", "orphanHolds"]
    {
        assert_eq!(audit[name], 0, "{name} in {audit}");
    }
}
