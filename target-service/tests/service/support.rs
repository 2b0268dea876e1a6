//! A service of its own for each test, on a clock that the test moves, and a small HTTP/1.1 client.

#![expect(clippy::unwrap_used, reason = "what goes wrong here fails a test, which is what it is for")]

use std::fmt::Write;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use ticketing::{Clock, Config, Servers, Surroundings, listen, serve_in};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::servers;

pub(crate) const TOKEN: &str = "Queue-Token-Queue-Id";

/// Which store the tests of this program run against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(dead_code, reason = "each program has one of them")]
pub(crate) enum StoreKind {
    Memory,
    Servers,
}

/// With the administrator's paths.
pub(crate) const ADMIN: Config = Config { admin: true, ..Config::DEFAULT };

/// A service of this test's own, with a world of this size. Where there are no servers for its store, the test
/// ends here, and says so.
macro_rules! service {
    () => {
        service!($crate::support::ADMIN, None)
    };
    ($size:expr) => {
        service!($crate::support::ADMIN, Some($size))
    };
    ($config:expr, $size:expr) => {{
        let name = std::any::type_name_of_val(&|| ());
        match $crate::support::TestService::open(name, $config, $size).await {
            Some(service) => service,
            None => return,
        }
    }};
}
pub(crate) use service;

/// A running service; it ends with the test.
pub(crate) struct TestService {
    pub(crate) address: SocketAddr,
    clock: Clock,
    stop: Option<oneshot::Sender<()>>,
    pub(crate) ended: JoinHandle<std::io::Result<()>>,
}

impl TestService {
    /// None if the servers for its store are missing; then the test is skipped, by its name.
    pub(crate) async fn open(test: &str, config: Config, size: Option<Value>) -> Option<Self> {
        let servers = match crate::STORE {
            StoreKind::Memory => None,
            StoreKind::Servers => Some(servers::fresh(test).await?),
        };
        let service = Self::start(config, servers).await;
        if let Some(size) = size {
            service.client().await.post("/admin/reset", size).await.expect(200);
        }
        Some(service)
    }

    pub(crate) async fn start(config: Config, servers: Option<Servers>) -> Self {
        let listener = listen("127.0.0.1", 0).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let clock = Clock::manual();
        let shutdown = async {
            let _ = stopped.await;
        };
        let surroundings = Surroundings { clock: clock.clone(), servers };
        let ended = tokio::spawn(serve_in(listener, config, surroundings, shutdown));
        Self { address, clock, stop: Some(stop), ended }
    }

    pub(crate) async fn client(&self) -> Client {
        Client { stream: BufReader::new(TcpStream::connect(self.address).await.unwrap()) }
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    pub(crate) fn stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }

    pub(crate) async fn audit(&self) -> Value {
        self.client().await.get("/admin/audit").await.expect(200)
    }

    /// Asserts that no invariant is broken, and gives reserved, confirmed and payments.
    pub(crate) async fn clean_audit(&self) -> (u64, u64, u64) {
        let audit = self.audit().await;
        for name in
            ["doubleBooked", "doublePaid", "couponsOver", "stockBelowZero", "balanceDrift", "orphanHolds"]
        {
            assert_eq!(audit[name], 0, "{name} in {audit}");
        }
        let count = |name: &str| audit[name].as_u64().unwrap();
        (count("reserved"), count("confirmed"), count("payments"))
    }
}

/// One connection to the service.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, &[], "").await
    }

    pub(crate) async fn post(&mut self, path: &str, body: Value) -> Answer {
        self.send("POST", path, &[], &body.to_string()).await
    }

    pub(crate) async fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let mut head =
            format!("{method} {path} HTTP/1.1\r\nHost: test\r\nContent-Length: {}\r\n", body.len());
        for (name, value) in headers {
            write!(head, "{name}: {value}\r\n").unwrap();
        }
        self.write(&format!("{head}\r\n{body}")).await;
        self.read().await
    }

    pub(crate) async fn write(&mut self, text: &str) {
        self.try_write(text).await.unwrap();
    }

    /// As [`Client::write`], where the service may have closed the connection already.
    pub(crate) async fn try_write(&mut self, text: &str) -> std::io::Result<()> {
        self.stream.get_mut().write_all(text.as_bytes()).await
    }

    pub(crate) async fn read(&mut self) -> Answer {
        let status_line = self.line().await;
        let status = status_line.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.unwrap_or_else(|| panic!("not a status line: {status_line:?}"));
        let mut headers = Vec::new();
        loop {
            let line = self.line().await;
            let Some((name, value)) = line.split_once(": ") else { break };
            headers.push((name.to_owned(), value.to_owned()));
        }
        let mut answer = Answer { status, headers, body: String::new() };
        let mut body = vec![0; answer.header("Content-Length").map_or(0, |length| length.parse().unwrap())];
        self.stream.read_exact(&mut body).await.unwrap();
        answer.body = String::from_utf8(body).unwrap();
        answer
    }

    /// Orders one product, and gives the order's number.
    pub(crate) async fn order(&mut self, user: u64, product: u64, quantity: u64) -> Answer {
        let products = json!([{ "id": product, "quantity": quantity }]);
        self.post("/api/v1/orders", json!({ "userId": user, "products": products })).await
    }

    /// Asks after an order until it is no longer pending, and gives what it is then.
    pub(crate) async fn settled(&mut self, order: &Value) -> Value {
        loop {
            let data = self.get(&format!("/api/v1/orders/{order}")).await.expect(200);
            if data["status"] != "PENDING" {
                return data;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    pub(crate) async fn publish(&mut self, user: u64, coupon: u64) -> Answer {
        self.post(&format!("/api/v1/users/{user}/coupons/publish"), json!({ "couponId": coupon })).await
    }

    /// Whether the service has closed the connection; waits until it says something.
    pub(crate) async fn is_closed(&mut self) -> bool {
        self.stream.read_u8().await.is_err()
    }

    /// Reads to the end of the connection, however it ends.
    pub(crate) async fn end(&mut self) -> std::io::Result<usize> {
        self.stream.read_to_end(&mut Vec::new()).await
    }

    /// The value of a metric as it is written, by its name with all its labels.
    pub(crate) async fn metric(&mut self, name: &str) -> String {
        let answer = self.get("/metrics").await;
        let value = answer.body.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let value = value.unwrap_or_else(|| panic!("{name} is not in {}", answer.body));
        value.to_owned()
    }

    async fn line(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).await.unwrap();
        line.trim_end().to_owned()
    }

    /// A new token of this user.
    pub(crate) async fn enter(&mut self, user: impl Into<Value>) -> String {
        let answer = self.post("/api/v1/queues", json!({ "userId": user.into() })).await;
        answer.header(TOKEN).unwrap().to_owned()
    }

    pub(crate) async fn standing(&mut self, token: &str) -> Answer {
        self.send("GET", "/api/v1/queues", &[(TOKEN, token)], "").await
    }

    pub(crate) async fn leave(&mut self, token: &str) -> Answer {
        self.send("DELETE", "/api/v1/queues", &[(TOKEN, token)], "").await
    }

    pub(crate) async fn reserve(&mut self, token: &str, seat: u64) -> Answer {
        let body = json!({ "scheduleId": 1, "seatId": seat }).to_string();
        self.send("POST", "/api/v1/reservations", &[(TOKEN, token)], &body).await
    }

    /// A hold on this seat for this user.
    pub(crate) async fn hold(&mut self, user: u64, seat: u64) -> u64 {
        let token = self.enter(user).await;
        self.reserve(&token, seat).await.expect(200)["reservationId"].as_u64().unwrap()
    }

    pub(crate) async fn pay(&mut self, reservation: u64) -> Answer {
        self.post("/api/v1/payments", json!({ "reservationId": reservation })).await
    }

    pub(crate) async fn pay_once(&mut self, reservation: u64, key: &str) -> Answer {
        let body = json!({ "reservationId": reservation }).to_string();
        self.send("POST", "/api/v1/payments", &[("Idempotency-Key", key)], &body).await
    }

    pub(crate) async fn balance(&mut self, user: u64) -> u64 {
        let data = self.get(&format!("/api/v1/users/{user}/balance")).await.expect(200);
        data["amount"].as_u64().unwrap()
    }
}

/// What came back.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// Asserts the status, on the line and in the envelope, and gives the data; without envelope, everything.
    #[track_caller]
    pub(crate) fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        let json = self.json();
        let Some(code) = json.get("code") else { return json };
        assert_eq!(*code, status);
        assert!(json["message"].is_string());
        json["data"].clone()
    }

    /// Asserts an error in the envelope.
    #[track_caller]
    pub(crate) fn expect_error(&self, status: u16, name: &str) {
        assert_eq!(self.status, status, "{}", self.body);
        let json = self.json();
        assert_eq!((&json["code"], &json["error"]), (&json!(status), &json!(name)), "{json}");
        assert!(json["message"].as_str().is_some_and(|message| !message.is_empty()), "{json}");
    }
}
