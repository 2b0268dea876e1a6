//! A service whose capacity is known is found to take that.

use std::sync::Mutex;
use std::time::Duration;

use serde_json::Value;

use crate::known::Known;
use crate::program::{Ended, Loadtest};

/// So many servers behind one queue, each taking the same time for every request: 400 a second.
const SERVERS: usize = 8;
const SERVICE: Duration = Duration::from_millis(20);

/// When each answer is due follows from when requests came, and not from how punctual this machine is.
fn service() -> Known {
    let free = Mutex::new([Duration::ZERO; SERVERS]);
    Known::start(move |_, now| {
        let mut free = free.lock().unwrap();
        let soonest = free.iter_mut().min().unwrap();
        *soonest = now.max(*soonest) + SERVICE;
        soonest.saturating_sub(now)
    })
}

fn searched(arguments: &[&str]) -> (Ended, Value) {
    let known = service();
    let scenario = format!(
        "name: known\ntarget: {}\nload: {{ users: 1, duration: 1s }}\nflow:\n  - name: ask\n    get: /\n",
        known.url
    );
    let ended = Loadtest::new("capacity")
        .scenario(&scenario)
        .args(&["--out", "reports"])
        .args(arguments)
        .patient()
        .end();
    let folder = ended.folder.join("reports/known-capacity");
    let run = std::fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
    let text = std::fs::read_to_string(run.join("capacity.json")).unwrap();
    for page in ["capacity.md", "capacity.html"] {
        assert!(run.join(page).exists(), "{page}");
    }
    (ended, serde_json::from_str(&text).unwrap())
}

#[test]
fn a_known_capacity_is_found_to_within_a_twentieth() {
    let arguments = ["--slo", "latency p95 < 100ms", "--from", "300/s", "--probe", "2s", "--confirm", "6s"];
    let wanted = ["--settle", "5s", "--no-curve", "--for", "2000/s", "--headroom", "20%"];
    let arguments: Vec<&str> = arguments.into_iter().chain(wanted).collect();
    let mut seen = Vec::new();
    // A generator on a machine so busy that it is late says so, and finds no limit of the target.
    for _ in 0..3 {
        let (ended, capacity) = searched(&arguments);
        if capacity["found"]["kind"] == "limit" {
            let ended = ended.expect_code(0);
            let holds = capacity["found"]["holds"].as_f64().unwrap();
            assert!((380.0..=420.0).contains(&holds), "{holds}; {}", ended.said());
            assert!(capacity["found"]["breaks"].as_f64().unwrap() > 395.0, "{}", ended.said());
            assert_eq!(capacity["instances"]["number"], (2000.0 / (holds * 0.8)).ceil(), "{}", ended.said());
            assert!(ended.stdout.contains(" do not: latency: p95 < 100ms was "), "{}", ended.said());
            return;
        }
        seen.push(ended.said());
    }
    panic!("no limit was found: {}", seen.join("\n"));
}

#[test]
fn less_than_what_is_asked_for_fails() {
    let known = ["--slo", "latency p95 < 10ms", "--from", "20/s", "--probe", "1s", "--settle", "1s"];
    let (ended, capacity) = searched(&known);
    let ended = ended.expect_code(99);
    assert_eq!(capacity["found"]["kind"], "below", "{}", ended.said());
    assert!(ended.stdout.contains("FAILED (exit 99): not even 10/s hold"), "{}", ended.said());
}
