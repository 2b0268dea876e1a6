//! The compose file: both sizes on real servers, with their limits, and watched by a real Prometheus.

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::OnceLock;
use std::thread::sleep;
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::engine::{
    docker, engine, free_port, has, image, inspect, name, root, said, tried, wait_until_health_is,
};
use crate::files::{expressions, read};
use crate::http::{get, metric, post, send};
use crate::page::{Reader, blocks};
use crate::standins::StandIns;
use crate::support::program::wait_until;

const WITHOUT_PROFILE: [&str; 4] = ["mysql", "redis", "ticketing-medium", "ticketing-small"];
/// A container's service, in the words of compose.
const SERVICE: &str = "com.docker.compose.service";
const PROJECT: &str = "com.docker.compose.project";

/// The command: version 2, or the one before it, which Debian has.
fn compose() -> &'static Result<&'static str, String> {
    static COMMAND: OnceLock<Result<&str, String>> = OnceLock::new();
    COMMAND.get_or_init(|| {
        if tried("", Command::new("docker").args(["compose", "version"])).is_ok() {
            return Ok("docker compose");
        }
        tried("no docker compose", Command::new("docker-compose").arg("version")).map(|()| "docker-compose")
    })
}

#[test]
fn the_file_is_valid_with_and_without_the_profile() {
    let test = "the_file_is_valid_with_and_without_the_profile";
    if !has(test, &compose().clone().map(drop)) {
        return;
    }
    let command = compose().clone().unwrap();
    let config = |options: &str| {
        let line = format!("{command} {options}");
        said(Command::new("sh").args(["-ec", &line]).current_dir(root()))
    };
    assert_eq!(config("config --quiet"), "");
    let told = config("--profile monitoring config --services");
    let all: BTreeSet<&str> = told.lines().collect();
    assert_eq!(all, WITHOUT_PROFILE.into_iter().chain(["grafana", "prometheus"]).collect());
}

/// What the page's commands have started, which goes with this value.
struct Project {
    name: String,
    command: &'static str,
}

impl Project {
    fn container(&self, service: &str) -> String {
        let found = self.containers(&["--filter", &format!("label={SERVICE}={service}")]);
        assert_eq!(found.lines().count(), 1, "{service}: {found}");
        found
    }

    fn containers(&self, which: &[&str]) -> String {
        let ours = format!("label={PROJECT}={}", self.name);
        docker(&[&["ps", "--all", "--quiet", "--filter", &ours], which].concat())
    }

    fn wait_until_healthy(&self, services: &[&str]) {
        for service in services {
            wait_until_health_is(&self.container(service), "healthy");
        }
    }

    fn execute(&self, service: &str, command: &[&str]) -> String {
        docker(&[&["exec", &self.container(service)], command].concat())
    }

    fn left(&self) -> String {
        let ours = format!("label={PROJECT}={}", self.name);
        let kinds: [&[&str]; 3] = [&["ps", "--all"], &["network", "ls"], &["volume", "ls"]];
        kinds.map(|kind| docker(&[kind, &["--quiet", "--filter", &ours]].concat())).concat()
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        let line =
            format!("{} --project-name {} --profile monitoring down --volumes", self.command, self.name);
        let _ = Command::new("sh").args(["-c", &line]).current_dir(root()).output();
    }
}

/// Ports of this machine.
#[derive(Clone, Copy)]
struct Ports {
    small: u16,
    medium: u16,
    prometheus: u16,
}

/// The commands of the page, from the first to the last, with a look at what they have brought about.
#[test]
fn both_sizes_run_within_their_limits_and_are_watched() {
    let test = "both_sizes_run_within_their_limits_and_are_watched";
    let needed = engine().clone().and(compose().clone().map(drop)).and_then(|()| StandIns::possible());
    if !has(test, &needed) {
        return;
    }
    let (command, standins) = (compose().clone().unwrap(), StandIns::make());
    let project = Project { name: name("compose"), command };
    let ports = Ports { small: free_port(), medium: free_port(), prometheus: free_port() };
    let own = format!("{command} --project-name {}", project.name);
    let mut reader = Reader::new()
        .instead("docker compose", own)
        .instead("127.0.0.1:8081", format!("127.0.0.1:{}", ports.small))
        .instead("127.0.0.1:8082", format!("127.0.0.1:{}", ports.medium))
        .environment("SMALL_PORT", ports.small.to_string())
        .environment("MEDIUM_PORT", ports.medium.to_string())
        .environment("PROMETHEUS_PORT", ports.prometheus.to_string())
        .environment("GRAFANA_PORT", free_port().to_string())
        .environment("TICKETING_IMAGE", image())
        // There is no Grafana to be had here: this one stands in its place and does nothing.
        .environment("GRAFANA_IMAGE", image());
    for (name, image) in &standins.images {
        reader = reader.environment(name, image);
    }
    if command == "docker-compose" {
        // The older one cannot wait; the test does.
        reader = reader.instead(" --wait", "");
    }
    let blocks = blocks();
    let block = blocks.iter().find(|block| block[0].starts_with("docker compose up")).unwrap();
    let mut looked = 0;
    for line in block {
        reader.run(line);
        if line.contains("monitoring up") {
            project.wait_until_healthy(&["prometheus"]);
            every_expression_returns_something(ports);
            looked += 1;
        } else if line.contains(" up ") {
            project.wait_until_healthy(&WITHOUT_PROFILE);
            assert_eq!(
                project.containers(&[]).lines().count(),
                WITHOUT_PROFILE.len(),
                "more than was asked for"
            );
            servers_come_first(&project);
            limits_hold(&project, ports);
            worlds_are_apart(&project, ports);
            a_cache_that_comes_back_is_found(&project, ports);
            looked += 1;
        } else if line.contains(" down ") {
            assert_eq!(project.left(), "");
            looked += 1;
        }
    }
    assert_eq!(looked, 3, "{block:?}");
}

/// The services were started only once their servers were healthy.
fn servers_come_first(project: &Project) {
    let created = inspect(&project.container("mysql"))["Created"].as_str().unwrap().to_owned();
    let until = jiff::Timestamp::now().to_string();
    let format = format!("{{{{.Action}}}} {{{{index .Actor.Attributes \"{SERVICE}\"}}}}");
    let ours = format!("label={PROJECT}={}", project.name);
    let told =
        docker(&["events", "--since", &created, "--until", &until, "--filter", &ours, "--format", &format]);
    let first = |event: &str| told.lines().position(|line| line == event);
    for server in ["mysql", "redis"] {
        let healthy = first(&format!("health_status: healthy {server}"));
        for size in ["small", "medium"] {
            let started = first(&format!("start ticketing-{size}"));
            assert!(healthy.is_some() && healthy < started, "{server}, {size}:\n{told}");
        }
    }
}

fn limits_hold(project: &Project, ports: Ports) {
    for (size, port, nanos, bytes) in
        [("small", ports.small, 500_000_000, 512 << 20), ("medium", ports.medium, 1_000_000_000, 1 << 30)]
    {
        let host = &inspect(&project.container(&format!("ticketing-{size}")))["HostConfig"];
        let limits = [&host["NanoCpus"], &host["Memory"], &host["MemorySwap"]];
        assert_eq!(limits, [&json!(nanos), &json!(bytes), &json!(bytes)], "{size}");
        assert_eq!(host["ReadonlyRootfs"], true);
        let published = &host["PortBindings"]["8080/tcp"];
        assert_eq!(published, &json!([{ "HostIp": "127.0.0.1", "HostPort": port.to_string() }]));
        assert_eq!(metric(port, "ticketing_cpu_limit_cores"), Some(f64::from(nanos) / 1e9), "{size}");
        assert_eq!(metric(port, "ticketing_memory_limit_bytes"), Some(f64::from(bytes)), "{size}");
        // And it is a world in a database.
        assert_eq!(metric(port, "ticketing_pool_limit"), Some(32.0), "{size}");
    }
    for server in ["mysql", "redis"] {
        let ports = &inspect(&project.container(server))["HostConfig"]["PortBindings"];
        assert!(ports.as_object().is_none_or(serde_json::Map::is_empty), "{server}: {ports}");
    }
}

/// A token, and with it the seat of this number.
fn reserve(port: u16, seat: u64) -> u16 {
    let entered = post(port, "/api/v1/queues", r#"{"userId":1}"#).unwrap().ok();
    let token = format!("Queue-Token-Queue-Id: {}\r\n", entered["data"]["token"].as_str().unwrap());
    let body = json!({ "scheduleId": 1, "seatId": seat }).to_string();
    send(port, "POST", "/api/v1/reservations", &token, &body).unwrap().status
}

fn available(port: u16) -> Value {
    get(port, "/api/v1/schedules/1/seats").unwrap().ok()["data"]["available"].clone()
}

/// One database and one cache hold both worlds, and neither knows of the other.
fn worlds_are_apart(project: &Project, ports: Ports) {
    post(ports.small, "/admin/reset", r#"{"seats":3}"#).unwrap().ok();
    post(ports.medium, "/admin/reset", r#"{"seats":5}"#).unwrap().ok();
    assert_eq!([reserve(ports.small, 1), reserve(ports.small, 1), reserve(ports.small, 2)], [200, 409, 200]);
    assert_eq!((available(ports.small), available(ports.medium)), (1.into(), 5.into()));
    assert_eq!(reserve(ports.medium, 1), 200);
    for (port, reserved) in [(ports.small, 2), (ports.medium, 1)] {
        let audit = get(port, "/admin/audit").unwrap().ok();
        assert_eq!(
            (&audit["reserved"], &audit["doubleBooked"], &audit["orphanHolds"]),
            (&reserved.into(), &0.into(), &0.into())
        );
    }
    for database in ["0", "1"] {
        let keys: u64 = project.execute("redis", &["redis-cli", "-n", database, "dbsize"]).parse().unwrap();
        assert!(keys > 0, "nothing is in the cache's database {database}");
    }
    let client =
        ["mysqladmin", "--host=127.0.0.1", "--user=ticketing", "--password=ticketing", "extended-status"];
    let status = project.execute("mysql", &client);
    let encrypted = status.lines().find(|line| line.contains("Ssl_accepts")).unwrap().to_owned();
    assert!(!encrypted.contains("| 0 "), "connections to the database are not encrypted: {encrypted}");
}

fn a_cache_that_comes_back_is_found(project: &Project, ports: Ports) {
    docker(&["stop", "--time", "1", &project.container("redis")]);
    wait_until("503 without the cache", || get(ports.small, "/readyz").unwrap().status == 503);
    let refused = post(ports.small, "/api/v1/queues", r#"{"userId":1}"#).unwrap();
    assert_eq!((refused.status, refused.json()["error"].as_str()), (503, Some("STORE_UNAVAILABLE")));
    docker(&["start", &project.container("redis")]);
    project.wait_until_healthy(&["redis", "ticketing-small", "ticketing-medium"]);
    assert_eq!(reserve(ports.small, 3), 200);
}

/// What the dashboard asks has an answer, once there has been something of everything.
fn every_expression_returns_something(ports: Ports) {
    let fault = r#"[{"path":"/api/v1/concerts/{id}/dates","share":1,"status":500}]"#;
    let sizes = [ports.small, ports.medium];
    for port in sizes {
        post(port, "/admin/reset", "{}").unwrap().ok();
        send(port, "PUT", "/admin/faults", "", fault).unwrap().ok();
    }
    let mut unanswered = expressions();
    wait_until("something for every expression of the dashboard", || {
        for port in sizes {
            get(port, "/api/v1/concerts").unwrap().ok();
            assert_eq!(get(port, "/api/v1/concerts/1/dates").unwrap().status, 500);
            assert!([200, 409].contains(&reserve(port, 1)));
        }
        unanswered.retain(|expression| !is_told_of_both_sizes(ports.prometheus, expression));
        // Prometheus looks every five seconds.
        sleep(Duration::from_millis(200));
        unanswered.is_empty()
    });
    let panels = read("target-service/compose/grafana/dashboards/ticketing.json");
    let up = query(ports.prometheus, "up{job=\"ticketing\"} == 1");
    assert!(up.len() == 2 && panels.contains("up{job=\\\"ticketing\\\"}"), "{up:?}");
}

fn is_told_of_both_sizes(prometheus: u16, expression: &str) -> bool {
    let told = query(prometheus, expression);
    let sizes: BTreeSet<&str> = told
        .iter()
        .filter(|series| series["value"][1].as_str().unwrap().parse::<f64>().unwrap().is_finite())
        .filter_map(|series| series["metric"]["size"].as_str())
        .collect();
    sizes == ["medium", "small"].into()
}

fn query(prometheus: u16, expression: &str) -> Vec<Value> {
    let encoded = utf8_percent_encode(expression, NON_ALPHANUMERIC);
    let answer = get(prometheus, &format!("/api/v1/query?query={encoded}")).unwrap();
    assert_eq!(answer.status, 200, "Prometheus does not take {expression}: {}", answer.body);
    answer.json()["data"]["result"].as_array().unwrap().clone()
}
