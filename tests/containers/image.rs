//! The image of the service: what is in it, what it may use, how it is told to be well, and how it ends.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::Instant;

use crate::engine::{Container, docker, engine, has, image, inspect};
use crate::http::{get, metric, send};
use crate::support::program::{Loadtest, wait_until};

/// A short load of everything that costs the service something.
const SCENARIO: &str = r#"
target: bundled
load: { users: 4, iterations: 100 }
flow:
  - name: issue token
    post: /api/v1/queues
    json: { userId: "${ user.id }" }
    capture: { token: header("Queue-Token-Queue-Id") }
  - name: reserve seat
    post: /api/v1/reservations
    headers: { Queue-Token-Queue-Id: "${ token }" }
    json: { scheduleId: 1, seatId: "${ random_int(1, 5) }" }
    expect:
      business: { seat taken: 409 }
verify:
  - get: /admin/audit
    expect:
      checks:
        no seat sold twice: json.doubleBooked == 0
        a seat for every success: json.reserved == results["reserve seat"].success
"#;

#[test]
fn it_holds_one_program_that_is_run_by_nobody_in_particular() {
    if !has("it_holds_one_program_that_is_run_by_nobody_in_particular", engine()) {
        return;
    }
    let told = inspect(image());
    assert_eq!(told["Config"]["User"], "65532:65532");
    assert_eq!(told["RootFS"]["Layers"].as_array().unwrap().len(), 1);
    assert!(told["Size"].as_u64().unwrap() < 50_000_000, "{}", told["Size"]);
    assert_eq!(
        docker(&["run", "--rm", image(), "--version"]),
        concat!("ticketing ", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn limits_hold_and_are_seen_inside() {
    if !has("limits_hold_and_are_seen_inside", engine()) {
        return;
    }
    for (cpus, memory, nanos, bytes) in
        [("0.5", "512m", 500_000_000, 512 << 20), ("1", "1g", 1_000_000_000, 1 << 30)]
    {
        let container = Container::start(&["--cpus", cpus, "--memory", memory]);
        container.wait_until_health_is("healthy");
        let host = &container.inspect()["HostConfig"];
        assert_eq!((&host["NanoCpus"], &host["Memory"]), (&nanos.into(), &bytes.into()));
        assert_eq!(metric(container.port, "ticketing_cpu_limit_cores"), Some(f64::from(nanos) / 1e9));
        assert_eq!(metric(container.port, "ticketing_memory_limit_bytes"), Some(f64::from(bytes)));
    }
}

#[test]
fn nobody_gets_more_than_the_limits() {
    if !has("nobody_gets_more_than_the_limits", engine()) {
        return;
    }
    let container = Container::start(&["--cpus", "0.2", "--memory", "64m", "--memory-swap", "64m"]);
    container.wait_until_health_is("healthy");
    let port = container.port;
    let spent = || (Instant::now(), metric(port, "process_cpu_seconds_total").unwrap());
    let (started, before) = spent();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..100 {
                    get(port, "/api/v1/products/ranks").unwrap().ok();
                }
            });
        }
    });
    let (ended, after) = spent();
    let share = (after - before) / (ended - started).as_secs_f64();
    // The time is handed out in slices to each core, so a short look may see some too many.
    assert!(share < 0.5, "{share} of a core");

    // Each request leaks as much as the container may have in all.
    let leak = r#"[{"path":"/api/v1/concerts","share":1,"leakKiB":65536}]"#;
    send(port, "PUT", "/admin/faults", "", leak).unwrap().ok();
    assert!(get(port, "/api/v1/concerts").is_err(), "it outlives what it may not have");
    wait_until("that the container is ended", || container.state()["Running"] == false);
    assert_eq!(container.state()["OOMKilled"], true);
}

#[test]
fn a_service_that_is_not_ready_is_unhealthy_until_it_is() {
    if !has("a_service_that_is_not_ready_is_unhealthy_until_it_is", engine()) {
        return;
    }
    let container = Container::start(&[]);
    container.wait_until_health_is("healthy");
    let fault = r#"[{"path":"/readyz","share":1,"status":503}]"#;
    send(container.port, "PUT", "/admin/faults", "", fault).unwrap().ok();
    container.wait_until_health_is("unhealthy");
    let log = container.state()["Health"]["Log"].to_string();
    assert!(log.contains("it answers 503 Service Unavailable"), "{log}");
    send(container.port, "PUT", "/admin/faults", "", "[]").unwrap().ok();
    container.wait_until_health_is("healthy");
}

#[test]
fn it_takes_a_load_and_answers_what_is_under_way_before_it_ends() {
    if !has("it_takes_a_load_and_answers_what_is_under_way_before_it_ends", engine()) {
        return;
    }
    let container = Container::start(&["--cpus", "0.5", "--memory", "512m"]);
    container.wait_until_health_is("healthy");
    let port = container.port;
    let url = format!("http://127.0.0.1:{port}");
    let ended = Loadtest::run(SCENARIO).args(&["--target", &url]).end().expect_passed();
    assert_eq!((ended.total("attempted"), ended.total("failure")), (200, 0));
    assert_eq!(ended.count("reserve seat", "success"), 5);

    // An interim answer tells that the request is under way; it then waits for its body.
    let mut waiting = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let body = r#"{"userId":1}"#;
    let head = "POST /api/v1/queues HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\n";
    write!(waiting, "{head}Content-Length: {}\r\n\r\n", body.len()).unwrap();
    let mut answer = [0; 12];
    waiting.read_exact(&mut answer).unwrap();
    assert_eq!(String::from_utf8_lossy(&answer), "HTTP/1.1 100");
    thread::scope(|scope| {
        let stopping = scope.spawn(|| container.stop());
        wait_until("that nobody else is answered", || get(port, "/healthz").is_err());
        waiting.write_all(body.as_bytes()).unwrap();
        let mut rest = String::new();
        waiting.read_to_string(&mut rest).unwrap();
        assert!(rest.contains("HTTP/1.1 200 OK") && rest.contains("ACTIVE"), "{rest}");
        stopping.join().unwrap();
    });
    let state = container.state();
    assert_eq!((&state["ExitCode"], &state["OOMKilled"]), (&0.into(), &false.into()), "{state}");
}
