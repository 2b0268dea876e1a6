//! `--spec` with containers: what is run, what is said, and that nothing stays behind.

use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::Signal;
use serde_json::Value;

use crate::engine::{docker, engine, has, image};
use crate::support::program::{Ended, Loadtest, wait_until};

/// Sizes that differ by much, so that a short run tells them apart.
const SCENARIO: &str = r#"
name: tokens
target:
  bundled: ticketing
  specs:
    tiny: { cpus: 0.1, memory: 64MiB, price: 0.01 }
    roomy: { cpus: 0.5, memory: 128MiB, price: 0.02 }
load: { rate: 40/s, duration: 2s }
flow:
  - name: issue token
    post: /api/v1/queues
    json: { userId: "${ user.id }" }
verify:
  - get: /admin/audit
    expect:
      checks: { the service is the bundled one: target.bundled }
"#;

/// One at a time: they count the containers that are left, and share the machine.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    // Whoever asks for the bundled service in a container gets this image.
    let guard = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    if Command::new("docker").args(["image", "inspect", ticketing::IMAGE]).output().unwrap().status.success()
    {
        return guard;
    }
    docker(&["tag", image(), ticketing::IMAGE]);
    guard
}

/// The containers that runs of the process of this number have left.
fn left(id: u32) -> Vec<String> {
    let name = format!("name=loadtest-target-{id}-");
    let told = docker(&["ps", "--all", "--quiet", "--filter", "label=loadtest.run", "--filter", &name]);
    told.lines().map(str::to_owned).collect()
}

fn on(verb: &str, specs: &str) -> Loadtest {
    Loadtest::new(verb).scenario(SCENARIO).args(&["--out", "reports", "--spec", specs]).patient()
}

fn record(ended: &Ended, folder: &str, name: &str) -> Value {
    let mut runs = std::fs::read_dir(ended.folder.join("reports").join(folder)).unwrap();
    let run = runs.next().unwrap().unwrap().path();
    for format in ["md", "html"] {
        assert!(run.join(format!("{name}.{format}")).exists(), "{}", ended.said());
    }
    serde_json::from_str(&std::fs::read_to_string(run.join(format!("{name}.json"))).unwrap()).unwrap()
}

#[test]
fn each_size_is_run_and_one_is_recommended() {
    if !has("each_size_is_run_and_one_is_recommended", engine()) {
        return;
    }
    let _alone = alone();
    let running = on("run", "roomy,tiny").args(&["--repeat", "2", "--warm-up", "1s"]).start();
    let id = running.id();
    let ended = running.end().expect_code(0);
    let specs = record(&ended, "tokens-specs", "specs");
    assert_eq!(specs["order"], serde_json::json!(["roomy", "tiny", "tiny", "roomy"]));
    let names: Vec<&Value> = specs["specs"].as_array().unwrap().iter().map(|spec| &spec["name"]).collect();
    assert_eq!(names, ["tiny", "roomy"], "the smallest comes first");
    for (spec, cpus, memory) in [(&specs["specs"][0], 0.1, 64 << 20), (&specs["specs"][1], 0.5, 128 << 20)] {
        assert_eq!((&spec["cpus"], &spec["memory_limit_bytes"]), (&cpus.into(), &memory.into()));
        for run in spec["runs"].as_array().unwrap() {
            let folder = ended.folder.join(run["folder"].as_str().unwrap());
            let text = std::fs::read_to_string(folder.join("result.json")).unwrap();
            let result: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(result["target"]["spec"], spec["name"]);
            assert_eq!(result["target"]["image"], ticketing::IMAGE);
            // What the engine was told is what held.
            assert_eq!(result["monitor"][0]["kind"], "container", "{}", result["monitor"]);
            assert_eq!(result["monitor"][0]["cpu_limit_cores"], cpus);
            assert_eq!(result["monitor"][0]["memory_limit_bytes"], memory);
            assert!(folder.join("report.html").exists() && folder.join("report.md").exists());
        }
        assert_eq!(spec["runs"].as_array().unwrap().len(), 2);
        assert!(spec["p95_ms"].as_f64().unwrap() > 0.0, "{spec}");
        assert!(spec["cost_per_million"].as_f64().unwrap() > 0.0, "{spec}");
    }
    let taken = specs["recommendation"]["spec"].as_str().unwrap();
    assert!(ended.stdout.contains(&format!("✓ {taken}: ")), "{}", ended.said());
    assert!(ended.stdout.contains("per million requests"), "{}", ended.said());
    assert_eq!(specs["comparison"]["sides"].as_array().unwrap().len(), 2);
    assert_eq!(left(id), [""; 0]);
}

#[test]
fn nothing_stays_behind_when_it_is_interrupted_or_killed() {
    if !has("nothing_stays_behind_when_it_is_interrupted_or_killed", engine()) {
        return;
    }
    let _alone = alone();
    let long = || on("run", "tiny").args(&["--warm-up", "0s", "--time-scale", "100"]).start();
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 130)] {
        let running = long();
        let id = running.id();
        running.wait_for_a_second();
        assert_eq!(left(id).len(), 1);
        running.signal(signal);
        running.end().expect_code(code);
        assert_eq!(left(id), [""; 0], "{signal:?}");
    }
    // Who is killed cannot tidy up; the next one does.
    let running = long();
    let id = running.id();
    running.wait_for_a_second();
    running.signal(Signal::KILL);
    running.end().expect_code(-9);
    assert_eq!(left(id).len(), 1);
    on("run", "tiny").args(&["--warm-up", "0s", "--smoke"]).end().expect_code(0);
    wait_until("that what was left is gone", || left(id).is_empty());
}

#[test]
fn a_capacity_can_be_that_of_a_size() {
    if !has("a_capacity_can_be_that_of_a_size", engine()) {
        return;
    }
    let _alone = alone();
    let quick = ["--from", "20/s", "--most", "40/s", "--probe", "2s", "--confirm", "2s", "--no-curve"];
    let running = on("capacity", "roomy").args(&quick).args(&["--slo", "latency p95 < 5s"]).start();
    let id = running.id();
    let ended = running.end().expect_code(0);
    let capacity = record(&ended, "tokens-capacity", "capacity");
    assert_eq!(capacity["spec"], "roomy");
    assert_eq!(capacity["found"]["holds"], 40.0, "{}", ended.said());
    assert!(capacity["tries"][0]["memory_bytes"].as_f64().is_some(), "{}", capacity["tries"][0]);
    assert!(ended.stdout.contains("(roomy)"), "{}", ended.said());
    assert_eq!(left(id), [""; 0]);
}

#[test]
fn an_image_runs_without_a_size_too_and_one_that_is_not_there_says_how_to_get_it() {
    if !has("an_image_runs_without_a_size_too_and_one_that_is_not_there_says_how_to_get_it", engine()) {
        return;
    }
    let _alone = alone();
    let yaml = |image: &str| {
        format!(
            "name: t\ntarget: {{ image: '{image}', env: {{ A: b }} }}\nload: {{ users: 1, duration: 3s }}\n\
             flow:\n  - get: /api/v1/concerts\n  - think: 10ms\n"
        )
    };
    let running = Loadtest::run(&yaml(image())).start();
    let id = running.id();
    let ended = running.end().expect_passed();
    assert_eq!(ended.result["monitor"][0]["name"], "container");
    assert_eq!(ended.result["monitor"][0]["kind"], "container");
    assert_eq!(ended.result["target"]["image"], image());
    assert_eq!(left(id), [""; 0]);
    let ended = Loadtest::run(&yaml("loadtest/nothing:here")).end().expect_code(96);
    let said =
        "Docker has no image `loadtest/nothing:here`: fetch it with `docker pull loadtest/nothing:here`";
    assert!(ended.stdout.contains(said), "{}", ended.said());
}
