//! Servers that go and come, and a service that is killed: what was promised holds, and nothing wrong is answered.

#![expect(clippy::unwrap_used, reason = "what goes wrong here fails a test, which is what it is for")]

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::json;
use ticketing::Servers;
use tokio::time::sleep;

use crate::calls::{Load, get, keeps, post, until};
use crate::servers::{self, new_database};
use crate::support::{ADMIN, TestService, service};

const WORLD: &str = r#"{"seats":20,"products":3,"stock":100000,"couponLimit":50,"balance":1000000000}"#;

async fn reset(address: SocketAddr) {
    let size = serde_json::from_str(WORLD).unwrap();
    assert_eq!(post(address, "/admin/reset", size).await.unwrap().0, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_that_are_lost_in_mid_load_are_told_and_come_back() {
    let name = "servers_that_are_lost_in_mid_load_are_told_and_come_back";
    let Some((mut database, mut cache)) = servers::own(name).await else { return };
    let addresses = Servers { database: new_database(&database.url()).await, cache: cache.url() };
    let service = TestService::start(ADMIN, Some(addresses)).await;
    let address = service.address;
    reset(address).await;
    for part in ["cache", "database"] {
        let load = Load::start(address, 10, part);
        let server = if part == "cache" { &mut cache } else { &mut database };
        sleep(Duration::from_millis(500)).await;
        server.stop();
        until(address, "/readyz", 503).await;
        assert_eq!(get(address, "/healthz").await.unwrap().0, 200);
        let metrics = service.client().await.get("/metrics").await;
        assert!(metrics.body.contains("ticketing_pool_in_use"), "{}", metrics.body);
        assert!(!metrics.body.contains("ticketing_held_seats"), "{}", metrics.body);
        // Each call is answered in its time, which `Load` sees to.
        sleep(Duration::from_secs(2)).await;
        server.start();
        until(address, "/readyz", 200).await;
        sleep(Duration::from_millis(500)).await;
        let promises = load.end().await;
        assert!(
            promises.unavailable > 0 && !promises.paid.is_empty() && !promises.orders.is_empty(),
            "{part}"
        );
        keeps(address, &promises).await;
        // And it works as before.
        let mut client = service.client().await;
        let order = client.order(1, 1, 1).await.expect(200)["orderId"].clone();
        assert_eq!(client.settled(&order).await["status"], "COMPLETED");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_that_hang_are_not_waited_for() {
    let name = "servers_that_hang_are_not_waited_for";
    let Some((database, cache)) = servers::own(name).await else { return };
    let addresses = Servers { database: new_database(&database.url()).await, cache: cache.url() };
    let service = TestService::start(ADMIN, Some(addresses)).await;
    let address = service.address;
    reset(address).await;
    for (part, server) in [("cache", &cache), ("database", &database)] {
        let load = Load::start(address, 10, part);
        sleep(Duration::from_millis(500)).await;
        server.signal("STOP");
        until(address, "/readyz", 503).await;
        // Each call is answered in its time, which `Load` sees to.
        sleep(Duration::from_secs(2)).await;
        server.signal("CONT");
        until(address, "/readyz", 200).await;
        let promises = load.end().await;
        assert!(promises.unavailable > 0, "{part}");
        keeps(address, &promises).await;
    }
}

/// The service as a program of its own.
pub(crate) struct Program {
    child: Child,
    log: Option<JoinHandle<String>>,
    pub(crate) address: SocketAddr,
}

impl Program {
    pub(crate) fn start(servers: &Servers) -> Self {
        Self::start_with(["--port", "0", "--admin", "--store", &servers.database, "--cache", &servers.cache])
    }

    pub(crate) fn start_with<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_ticketing"))
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim_end().rsplit('/').next().unwrap().parse().unwrap();
        // Its log is read while it runs, or it would wait for that.
        let mut log = child.stderr.take().unwrap();
        let log = std::thread::spawn(move || {
            let mut text = String::new();
            log.read_to_string(&mut text).unwrap();
            text
        });
        Self { child, log: Some(log), address }
    }

    /// Kills it, and gives what it has logged.
    pub(crate) fn end(mut self) -> String {
        self.child.kill().unwrap();
        self.log.take().unwrap().join().unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // As by `kill -9`.
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_is_killed_in_mid_load_breaks_no_promise() {
    let name = "a_service_that_is_killed_in_mid_load_breaks_no_promise";
    let Some(servers) = servers::fresh(name).await else { return };
    let mut service = Program::start(&servers);
    reset(service.address).await;
    for part in ["first", "second"] {
        let load = Load::start(service.address, 16, part);
        sleep(Duration::from_millis(1200)).await;
        drop(service);
        let promises = load.end().await;
        assert!(!promises.paid.is_empty() && !promises.orders.is_empty());
        service = Program::start(&servers);
        keeps(service.address, &promises).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_services_share_one_world() {
    let Some(servers) = servers::fresh("two_services_share_one_world").await else { return };
    let (one, other) = (Program::start(&servers), Program::start(&servers));
    reset(one.address).await;
    // The other looks for a new world each second.
    sleep(Duration::from_millis(2500)).await;
    let loads = [Load::start(one.address, 8, "one"), Load::start(other.address, 8, "other")];
    sleep(Duration::from_millis(1500)).await;
    for load in loads {
        let promises = load.end().await;
        // What one has promised, the other knows.
        keeps(other.address, &promises).await;
        keeps(one.address, &promises).await;
    }
}

#[tokio::test]
async fn a_world_of_a_hundred_thousand_seats_is_built_in_seconds() {
    let service = service!();
    let mut client = service.client().await;
    let started = Instant::now();
    client.post("/admin/reset", json!({ "schedules": 100, "seats": 1000 })).await.expect(200);
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    assert_eq!(client.get("/api/v1/schedules/100/seats").await.expect(200)["available"], 1000);
    service.clean_audit().await;
}
