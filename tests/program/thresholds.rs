//! Thresholds over whole runs and windows: met, missed, and ending a run.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::json;

use crate::support::faulty::{Behaviour, Faulty};
use crate::support::program::{Ended, Loadtest};
use crate::support::recording::{Answer, Recording};

/// A run in which everything that can be measured is: one request in ten is refused, one fails.
fn rich(thresholds: &str) -> Ended {
    let server = Recording::start(|asked| match asked.target.as_str() {
        "/refuse" => Answer::status(409),
        "/fail" => Answer::status(500),
        _ => Answer::json(&json!({ "n": 5 })).header("X-Cache", "HIT"),
    });
    let yaml = format!(
        "name: t\ntarget: {}\nload:\n  stages:\n    - {{ duration: 500ms, target: 2, name: ramp }}\n\
         \x20   - {{ duration: 1500ms, target: 2, name: steady }}\n\
         flow:\n  - group: all\n    do:\n\
         \x20     - name: ask\n        get: /fine\n        expect: {{ checks: {{ five: json.n == 5 }} }}\n\
         \x20       share: {{ hit: header(\"X-Cache\") == \"HIT\" }}\n        observe: {{ size: json.n }}\n        count: {{ bytes: json.n }}\n\
         \x20     - {{ name: refused, get: /refuse, expect: {{ business: {{ taken: 409 }} }} }}\n\
         \x20     - {{ name: failed, get: /fail, on_failure: continue }}\n\
         \x20 - think: 10ms\nthresholds:\n{thresholds}",
        server.url()
    );
    Loadtest::run(&yaml).end().expect_accounted()
}

const MET: &str = "  latency: [p50 < 20s, p99.9 < 20s, avg < 20s, min > 0s, max < 20s]
  latency{step=ask, group=all, scenario=t, stage=steady}: [p95 < 20s]
  latency{outcome=answered}: [p95 < 20s]
  latency{outcome=failure}: [p95 < 20s]
  latency{outcome=any}: [p95 < 20s]
  latency{outcome=taken}: [p95 < 20s]
  latency{outcome=status 500}: [p95 < 20s]
  service_time: [p95 < 20s]
  connect: [max < 20s]
  ttfb: [p95 < 20s]
  iteration_duration: [p95 < 20s]
  group_duration{group=all}: [p95 < 20s]
  requests: [rate > 0.1/s, count > 3]
  requests{outcome=business}: [count > 1]
  iterations: [rate > 0.1/s, count > 1]
  failures: [rate < 40%]
  failures{step=ask}: [rate == 0%]
  failures{step=failed}: [rate == 100%]
  business: [rate < 40%]
  business{step=refused, outcome=taken}: [rate == 100%, count > 1]
  checks: [rate == 100%]
  checks{check=five}: [rate == 100%]
  dropped: [count == 0]
  cut: [count == 0]
  interrupted: [count == 0]
  lateness: [p50 < 20s]
  hit: [rate == 100%]
  size: [max == 5, avg == 5]
  bytes: [count > 5]
";

#[test]
fn every_metric_can_be_met() {
    let ended = rich(MET).expect_passed();
    for threshold in ended.list("thresholds") {
        assert!(threshold["observed"].is_number(), "{threshold:#}");
        assert_eq!(threshold["implied"], false);
    }
    assert!(ended.stdout.contains("✓ failures{step=failed}: rate == 100%"), "{}", ended.said());
}

#[test]
fn every_metric_can_be_missed() {
    let missed = "  latency: [p50 < 1us, avg > 20s, max > 20s, drift < 20%]
  latency{stage=ramp}: [p95 < 1us]
  service_time: [p95 < 1us]
  connect: [max < 1us]
  tls: [max < 20s]
  ttfb: [p95 < 1us]
  iteration_duration: [p95 < 1us]
  group_duration{group=all}: [p95 < 1us]
  requests: [rate > 1000000/s, count < 3]
  iterations: [rate > 1000000/s]
  failures: [rate < 1%]
  business: [rate > 90%]
  checks: [rate != 100%]
  dropped: [count > 0]
  cut: [count > 0]
  interrupted: [count > 0]
  lateness: [p99 < 1us]
  hit: [rate < 10%]
  size: [p99 > 6]
  bytes: [count < 1]
";
    let ended = rich(missed).expect_code_unless_late(99);
    assert_eq!(ended.unmet().len(), ended.list("thresholds").len(), "{}", ended.said());
    assert_eq!(ended.threshold("tls: max < 20s")["reason"], "no samples");
    let drift = &ended.threshold("latency: drift < 20%")["reason"];
    assert_eq!(drift, "too few samples to tell a drift", "in two seconds: {}", ended.said());
    assert!(ended.result["verdict"]["line"].as_str().unwrap().contains("(and 23 more)"), "{}", ended.said());
}

/// A run that would take ten minutes ends with its first second.
#[test]
fn a_broken_threshold_ends_the_run() {
    let server = Faulty::start(Behaviour::Status(500));
    let yaml = format!(
        "target: {}\nload: {{ users: 2, duration: 10m }}\nflow:\n  - name: ask\n    get: /a\n  - think: 10ms\n\
         thresholds:\n  failures: [{{ that: rate < 50%, abort: true }}]\n  requests: [count > 0]\n",
        server.url()
    );
    let ended = Loadtest::run(&yaml).end().expect_code_unless_late(99).expect_accounted();
    assert_eq!(ended.result["verdict"]["ended"], json!({ "how": "aborted", "why": "failures: rate < 50%" }));
    assert_eq!(ended.threshold("failures: rate < 50%")["aborted"], true);
    assert_eq!(ended.threshold("failures: rate < 50%")["broken_at_s"], 1.0);
    assert_eq!(ended.unmet(), ["failures: rate < 50%"]);
    assert!(ended.result["load_s"].as_f64().unwrap() < 600.0);
    assert!(ended.stdout.contains("ended the run at 1s"), "{}", ended.said());
}

/// Whoever hangs when a run is ended is counted as interrupted.
#[test]
fn ending_a_run_leaves_nothing_out_of_the_books() {
    let server = Recording::start(|asked| match asked.target.as_str() {
        "/hang" => {
            std::thread::sleep(Duration::from_mins(10));
            Answer::ok()
        }
        _ => Answer::status(500),
    });
    let yaml = format!(
        "target: {}\nhttp: {{ timeout: 10m }}\nload: {{ users: 2, duration: 10m }}\n\
         flow:\n  - {{ get: /hang, when: user.id == 1 }}\n  - get: /fail\n  - think: 10ms\n\
         thresholds:\n  failures: [{{ that: rate < 50%, abort: true }}]\n",
        server.url()
    );
    let ended = Loadtest::run(&yaml).end().expect_code_unless_late(99).expect_accounted();
    assert_eq!(ended.row("GET /hang")["interrupted"], 1, "{}", ended.said());
}

#[test]
fn an_abort_may_wait() {
    let server = Faulty::start(Behaviour::Status(500));
    let yaml = format!(
        "target: {}\nload: {{ users: 1, duration: 10m }}\nflow:\n  - name: ask\n    get: /a\n  - think: 10ms\n\
         thresholds:\n  failures: [{{ that: rate < 50%, abort: true, after: 2s }}]\n",
        server.url()
    );
    let ended = Loadtest::run(&yaml).end().expect_code_unless_late(99).expect_accounted();
    assert!(
        ended.threshold("failures: rate < 50%")["broken_at_s"].as_f64().unwrap() >= 2.0,
        "{}",
        ended.said()
    );
}

/// Bad for the first second and a half, then good: a window sees it, the whole run forgives it.
#[test]
fn a_window_sees_what_the_whole_forgives() {
    let begin: OnceLock<Instant> = OnceLock::new();
    let server = Recording::start(move |_| {
        let since = begin.get_or_init(Instant::now).elapsed();
        Answer::status(if since < Duration::from_millis(1500) { 500 } else { 200 })
    });
    let yaml = format!(
        "target: {}\nload: {{ users: 2, duration: 3s }}\nflow:\n  - name: ask\n    get: /a\n  - think: 10ms\n\
         thresholds:\n  failures: [{{ that: rate < 99.9%, over: 1s }}, rate < 99%]\n",
        server.url()
    );
    let ended = Loadtest::run(&yaml).end().expect_code_unless_late(99).expect_accounted();
    assert_eq!(ended.unmet(), ["failures: rate < 99.9%"], "{}", ended.said());
    let window = ended.threshold("failures: rate < 99.9%");
    assert_eq!(window["over_s"], 1.0);
    assert_eq!(window["observed"], 1.0);
    assert!(ended.stdout.contains("worst 1s"), "{}", ended.said());
}

/// Times of a handshake are there where there is one.
#[test]
fn tls_is_measured_and_trusted_as_the_system_says() {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = certificate.signed_by(&key, &authority).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key).unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut stream = StreamOwned::new(ServerConnection::new(Arc::clone(&config)).unwrap(), stream);
            std::thread::spawn(move || {
                let mut part = [0; 16 * 1024];
                while stream.read(&mut part).is_ok_and(|count| count > 0) {
                    if stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").is_err() {
                        break;
                    }
                }
            });
        }
    });
    let yaml = format!(
        "target: {url}\nload: {{ users: 2, iterations: 10 }}\nflow:\n  - name: ask\n    get: /a\n  - think: 10ms\n\
         thresholds:\n  tls: [max < 20s, count == 2]\n  failures: [rate == 0%]\n"
    );
    let trusting = Loadtest::run(&yaml).file("ca.pem", &authority.pem()).env("SSL_CERT_FILE", "ca.pem").end();
    assert_eq!(trusting.expect_passed().count("ask", "success"), 10);

    let stranger = KeyPair::generate().unwrap();
    let stranger = CertificateParams::new(vec!["other".to_owned()]).unwrap().self_signed(&stranger).unwrap();
    let doubting = Loadtest::run(&yaml).file("ca.pem", &stranger.pem()).env("SSL_CERT_FILE", "ca.pem").end();
    let doubting = doubting.expect_code(99).expect_accounted();
    assert_eq!(doubting.count("ask", "tls"), 10, "{}", doubting.said());
    let detail = doubting.list("causes")[0]["example"]["detail"].as_str().unwrap();
    assert!(detail.contains("certificate"), "{detail}");
}
