//! Watching the target while the load runs: processes, endpoints, containers; what thresholds and drift make of it.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;

use crate::support::docker::{Container, has_docker};
use crate::support::faulty::{Behaviour, Faulty};
use crate::support::program::{Ended, Loadtest};
use crate::support::recording::{Answer, Recording};

/// A watched source, by its name.
#[track_caller]
fn source<'a>(ended: &'a Ended, name: &str) -> &'a Value {
    let watched = ended.list("monitor").iter().find(|watched| watched["name"] == name);
    watched.unwrap_or_else(|| panic!("{name} was not watched; {}", ended.said()))
}

/// A gauge of a watched source.
#[track_caller]
fn gauge<'a>(ended: &'a Ended, of: &str, name: &str) -> &'a Value {
    let found = source(ended, of)["gauges"].as_array().unwrap().iter().find(|gauge| gauge["name"] == name);
    found.unwrap_or_else(|| panic!("{of} has no {name}; {}", ended.said()))
}

#[track_caller]
fn figure(gauge: &Value, name: &str) -> f64 {
    gauge[name].as_f64().unwrap_or_else(|| panic!("no {name} in {gauge:#}"))
}

/// Its figures, without the seconds that have none.
fn figures(gauge: &Value) -> Vec<f64> {
    gauge["values"].as_array().unwrap().iter().filter_map(Value::as_f64).collect()
}

#[test]
fn the_bundled_service_is_watched_without_being_asked_for() {
    let yaml = "target: bundled\nload: { users: 3, duration: 2500ms }\n\
                flow:\n  - get: /api/v1/concerts\n  - think: 5ms\n";
    let ended = Loadtest::run(yaml).end().expect_passed();
    let seconds = ended.result["series"]["at_s"].as_array().unwrap().len();
    for (name, unit, least) in [
        ("cpu", "share", 0.0),
        ("memory", "bytes", 1e6),
        ("descriptors", "number", 3.0),
        ("threads", "number", 1.0),
    ] {
        let gauge = gauge(&ended, "bundled", name);
        assert_eq!(gauge["unit"], unit);
        let values = gauge["values"].as_array().unwrap();
        assert_eq!(values.len(), seconds, "one for each second of the series: {gauge:#}");
        let figures = figures(gauge);
        assert!(!figures.is_empty() && figures.iter().all(|figure| *figure >= least), "{gauge:#}");
        let max = figures.iter().copied().fold(0.0, f64::max);
        assert!(gauge["max"].as_f64().unwrap() <= max, "{gauge:#}");
    }
    assert!(ended.stdout.contains("cpu as a share of one core"), "{}", ended.said());
}

#[test]
fn a_process_is_watched_by_its_port_and_by_its_number() {
    // Both are this very process.
    let server = Recording::start(|_| Answer::ok());
    let port = server.address().port();
    let yaml = format!(
        "target: {}\nload: {{ users: 2, duration: 2500ms }}\n\
         monitor:\n  process:\n    - {{ port: {port} }}\n    - {{ name: tests, pid: \"${{ env('PID') }}\" }}\n\
         flow:\n  - get: /\n  - think: 10ms\n\
         thresholds:\n  target_memory{{of=tests}}: [min > 100KB, max < 100GB]\n  \
         target_descriptors{{of=port {port}}}: [min > 2]\n  target_cpu{{of=tests}}: [max < 100000%]\n",
        server.url()
    );
    let ended = Loadtest::run(&yaml).env("PID", &std::process::id().to_string()).end().expect_passed();
    let by_port = figure(gauge(&ended, &format!("port {port}"), "memory"), "max");
    let by_number = figure(gauge(&ended, "tests", "memory"), "max");
    assert!(by_port > by_number / 2.0 && by_number > by_port / 2.0, "{by_port} {by_number}");
}

/// A target with an endpoint of its own: each look at it finds 50 more orders and 3 in the queue.
fn with_metrics() -> Recording {
    let looks = AtomicU64::new(0);
    Recording::start(move |asked| {
        if asked.target != "/base/metrics" {
            return Answer::ok();
        }
        let orders = 50 * looks.fetch_add(1, Ordering::SeqCst);
        Answer::ok().body(&format!(
            "# TYPE orders_total counter\norders_total{{shop=\"a\",state=\"paid\"}} {orders}\n\
             orders_total{{shop=\"b\",state=\"paid\"}} {orders}\norders_total{{shop=\"c\"}} 7\n\
             queue_length 3\nheap NaN\n"
        ))
    })
}

#[test]
fn series_of_an_endpoint_are_taken_and_judged() {
    let server = with_metrics();
    let yaml = format!(
        "target: {}/base\nload: {{ users: 1, duration: 3500ms }}\n\
         monitor:\n  prometheus:\n    url: /metrics\n    series:\n      - queue_length\n      - heap\n      \
         - {{ name: paid orders, metric: 'orders_total{{state=\"paid\"}}' }}\n\
         flow:\n  - get: /\n  - think: 20ms\n\
         thresholds:\n  target{{series=queue_length}}: [max < 5, last == 3, avg > 10]\n  \
         target{{series=paid orders}}: [min > 1/s]\n  target{{series=heap}}: [max < 1]\n",
        server.url()
    );
    let ended = Loadtest::run(&yaml).end().expect_code_unless_late(99).expect_accounted();
    assert_eq!(
        ended.unmet(),
        ["target{series=queue_length}: avg > 10", "target{series=heap}: max < 1"],
        "{}",
        ended.said()
    );
    let orders = gauge(&ended, "prometheus", "paid orders");
    assert_eq!(orders["unit"], "per_second");
    // A hundred more at each look, and a look each second, as far as the machine comes to it.
    assert!(figures(orders).iter().all(|rate| (20.0..500.0).contains(rate)), "{orders:#}");
    assert_eq!(ended.threshold("target{series=heap}: max < 1")["reason"], "no samples");
    assert_eq!(source(&ended, "prometheus")["failed"], 0);
    assert!(ended.stdout.contains("! prometheus: it never told heap"), "{}", ended.said());
    let asked = server.asked();
    let scrapes: Vec<_> = asked.iter().filter(|asked| asked.target == "/base/metrics").collect();
    assert!((2..=6).contains(&scrapes.len()), "once before the load, and once a second: {}", scrapes.len());
    assert!(
        scrapes.iter().all(|scrape| scrape.connection == scrapes[0].connection),
        "one connection is kept"
    );
}

/// Endpoints that refuse, answer with an error, with noise, or not at all; processes and containers that there
/// are none of. The load does not notice.
#[test]
fn sources_that_cannot_be_asked_disturb_nothing() {
    let silent = Faulty::start(Behaviour::HangBeforeAnswer);
    let server = Recording::start(|asked| match asked.target.as_str() {
        "/broken" => Answer::status(503),
        "/noise" => Answer::ok().body("<html>\u{1b}[2J up 1</html>"),
        _ => Answer::ok(),
    });
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let yaml = format!(
        "target: {}\nload: {{ users: 2, duration: 3500ms }}\nflow:\n  - get: /\n  - think: 10ms\n\
         monitor:\n  container: no-such-container\n  process: [{{ port: {port} }}, {{ pid: 4194304 }}]\n  prometheus:\n    \
         - {{ name: refusing, url: \"http://127.0.0.1:{port}/metrics\", series: [a] }}\n    \
         - {{ name: broken, url: /broken, series: [b] }}\n    \
         - {{ name: noise, url: /noise, series: [c] }}\n    \
         - {{ name: silent, url: \"{}/\", series: [d] }}\n\
         thresholds:\n  target_memory{{of=port {port}}}: [max < 1GB]\n",
        server.url(),
        silent.url()
    );
    let ended = Loadtest::run(&yaml).env("DOCKER_HOST", "unix:///nonexistent.sock").end();
    let ended = ended.expect_code_unless_late(99).expect_accounted();
    assert!(ended.count("GET /", "success") > 10, "{}", ended.said());
    assert_eq!(ended.total("failure"), 0, "{}", ended.said());
    assert_eq!(ended.unmet(), [format!("target_memory{{of=port {port}}}: max < 1GB")]);
    for (name, problem) in [
        ("no-such-container", "the Docker engine cannot be asked: Socket not found: /nonexistent.sock"),
        (&format!("port {port}"), "nothing on this machine listens on port"),
        ("pid 4194304", "there is no process 4194304"),
        ("refusing", "refused: nothing listens there"),
        ("broken", "it answered 503"),
        ("silent", "timeout (wait)"),
    ] {
        let source = source(&ended, name);
        assert!(source["failed"].as_u64().unwrap() >= 2, "{source:#}");
        let told = source["problem"].as_str().unwrap();
        assert!(told.starts_with(problem), "{name}: {told}");
        let warning = format!("warning: `{name}` cannot be watched: {problem}");
        assert_eq!(ended.stderr.matches(&warning).count(), 1, "told once: {}", ended.said());
    }
    let noise = source(&ended, "noise");
    assert_eq!((&noise["failed"], &noise["problem"]), (&Value::from(0), &Value::from("it never told c")));
    assert!(!ended.stdout.contains('\u{1b}'), "{}", ended.said());
}

#[test]
fn what_the_target_uses_can_end_a_run() {
    let yaml = "target: bundled\nload: { users: 1, duration: 40s, graceful_stop: 1s }\n\
                flow:\n  - get: /api/v1/concerts\n  - think: 20ms\n\
                thresholds:\n  target_memory: [{ that: max < 1MB, abort: true }]\n";
    let ended = Loadtest::run(yaml).end().expect_code_unless_late(99).expect_accounted();
    let threshold = ended.threshold("target_memory: max < 1MB");
    assert_eq!((&threshold["aborted"], &threshold["unit"]), (&Value::from(true), &Value::from("bytes")));
    assert!(ended.result["load_s"].as_f64().unwrap() < 35.0, "{}", ended.said());
    assert!(ended.stdout.contains("ended the run"), "{}", ended.said());
}

/// The bundled service under constant load, leaking so much with each request.
fn endurance(leak_kib: u64) -> Loadtest {
    Loadtest::run(&format!(
        "target: bundled\nload: {{ kind: endurance, users: 4, duration: 20s }}\n\
         setup:\n  - put: /admin/faults\n    json: [{{ path: /api/v1/concerts, share: 1, leakKiB: {leak_kib} }}]\n\
         flow:\n  - get: /api/v1/concerts\n  - think: 50ms\n\
         thresholds:\n  target_memory: [slope < 20MB/min]\n"
    ))
}

/// What the drift analysis said of a figure.
#[track_caller]
fn drift<'a>(ended: &'a Ended, name: &str) -> &'a Value {
    let trends = ended.result["drift"]["trends"].as_array().unwrap();
    let found = trends.iter().find(|trend| trend["name"] == name);
    found.unwrap_or_else(|| panic!("no trend of {name}; {}", ended.said()))
}

#[test]
fn an_endurance_run_finds_a_leak_and_only_a_leak() {
    // At the same time, to last no longer than one.
    let (leaking, healthy) = (endurance(64).start(), endurance(0).start());

    let healthy = healthy.end().expect_passed();
    for name in ["bundled memory", "bundled descriptors"] {
        assert_eq!(drift(&healthy, name)["verdict"], "no_drift", "{}", healthy.said());
        assert_eq!(drift(&healthy, name)["text"], "no drift");
    }
    assert!(drift(&healthy, "latency p99")["windows"].as_u64().unwrap() >= 10, "{}", healthy.said());

    // Up to 80 requests a second, 64 KiB each, are some 300 MiB a minute; on a busy machine fewer come.
    let leaking = leaking.end().expect_code_unless_late(99).expect_accounted();
    let memory = drift(&leaking, "bundled memory");
    assert_eq!(memory["verdict"], "grows", "{}", leaking.said());
    let (slope, low, high) = (figure(memory, "per_minute"), figure(memory, "low"), figure(memory, "high"));
    assert!(low > 0.0 && low <= slope && slope <= high, "{memory:#}");
    let asked = leaking.count("GET /api/v1/concerts", "success") as f64;
    let leaked = asked * 64.0 * 1024.0 * 3.0;
    assert!((leaked * 0.7..leaked * 1.3).contains(&slope), "{leaked} a minute: {memory:#}");
    assert!(memory["text"].as_str().unwrap().starts_with("grows "), "{memory:#}");
    assert_eq!(drift(&leaking, "bundled descriptors")["verdict"], "no_drift");
    assert_eq!(leaking.unmet(), ["target_memory: slope < 20MB/min"], "{}", leaking.said());
    assert!(leaking.stdout.contains("! bundled memory       grows "), "{}", leaking.said());
}

#[test]
fn containers_are_watched() {
    if !has_docker("containers_are_watched") {
        return;
    }
    let busy = Container::start(&["--cpus", "0.2", "--memory", "64m"], "while :; do :; done");
    let idle = Container::start(&[], "exec /bin/sleep 1000");
    let yaml = format!(
        "target: bundled\nload: {{ users: 1, duration: 5s }}\n\
         monitor: {{ container: [{busy}, {idle}] }}\n\
         flow:\n  - get: /api/v1/concerts\n  - think: 20ms\n\
         thresholds:\n  target_cpu{{of={busy}}}: [p50 > 30%, p50 < 140%]\n  target_cpu{{of={idle}}}: [p50 < 20%]\n  \
         target_throttled{{of={busy}}}: [avg > 30%]\n  target_memory{{of={busy}}}: [max < 64MiB, min > 0KiB]\n  \
         target_threads{{of={idle}}}: [max < 5]\n  target_sent{{of={idle}}}: [max < 1MB/s]\n",
        busy = busy.name,
        idle = idle.name
    );
    let ended = Loadtest::run(&yaml).end().expect_passed();
    let limited = source(&ended, &busy.name);
    assert_eq!(
        (&limited["kind"], &limited["memory_limit_bytes"]),
        (&"container".into(), &(64_u64 << 20).into())
    );
    assert!((figure(limited, "cpu_limit_cores") - 0.2).abs() < 1e-9, "{limited:#}");
    let free = source(&ended, &idle.name);
    assert_eq!((&free["cpu_limit_cores"], &free["failed"]), (&Value::Null, &Value::from(0)));
    assert!(figures(gauge(&ended, &busy.name, "cpu")).len() >= 3, "{}", ended.said());
    assert!(ended.stdout.contains(&format!("its limit of 0.2 cores for {}", busy.name)), "{}", ended.said());
}

#[test]
fn a_container_that_stops_is_told_and_counted() {
    if !has_docker("a_container_that_stops_is_told_and_counted") {
        return;
    }
    let container = Container::start(&[], "exec /bin/sleep 1000");
    let yaml = format!(
        "target: bundled\nload: {{ users: 1, duration: 8s }}\nmonitor: {{ container: {} }}\n\
         flow:\n  - get: /api/v1/concerts\n  - think: 20ms\n",
        container.name
    );
    let run = Loadtest::run(&yaml).start();
    run.wait_for_a_second();
    container.stop();
    run.wait_for_stderr("it does not run");
    let ended = run.end().expect_passed();
    let source = source(&ended, &container.name);
    assert!(source["failed"].as_u64().unwrap() >= 1, "{source:#}");
    assert_eq!(ended.stderr.matches("it does not run").count(), 1, "{}", ended.said());
}
