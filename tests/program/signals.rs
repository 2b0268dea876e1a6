//! Being stopped, and being killed: what is left, and that nobody is left behind.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};
use rustix::process::Signal;

use crate::support::faulty::{Behaviour, Faulty};
use crate::support::program::{Loadtest, newest_log, newest_run, wait_until};
use crate::support::recording::{Answer, Recording};

/// Users of the bundled service, for much longer than a test takes.
const BUNDLED: &str = "name: t\ntarget: bundled\nload: { users: 5, duration: 10m }\n\
    flow:\n  - name: list\n    get: /api/v1/concerts\n  - think: 5ms\n\
    thresholds:\n  failures: [rate < 1%]\n  requests: [rate > 1/s]\n";

/// The child outlives the signal, although it goes to the whole group: users drain, and nobody is refused.
#[test]
fn one_signal_drains() {
    for signal in [Signal::INT, Signal::TERM] {
        let running = Loadtest::run(BUNDLED).start();
        running.wait_for_a_second();
        running.signal(signal);
        let ended = running.end().expect_code(130).expect_accounted();
        assert_eq!(ended.total("failure"), 0, "{signal:?}: {}", ended.said());
        assert_eq!(ended.total("interrupted"), 0, "they had time to end: {}", ended.said());
        assert!(ended.total("success") > 0);
        assert_eq!(ended.unmet(), [""; 0], "judged on the time there was: {}", ended.said());
        assert_eq!(ended.list("thresholds").len(), 2);
        assert!(ended.result["load_s"].as_f64().unwrap() < 600.0, "{}", ended.result["load_s"]);
        assert_eq!(ended.result["verdict"]["ended"]["how"], "interrupted");
        assert!(
            ended.stderr.contains("stopping: running iterations may take 30s to end"),
            "{}",
            ended.said()
        );
        assert!(ended.stdout.contains("INTERRUPTED (exit 130): until then all was met"), "{}", ended.said());
        assert!(ended.stdout.contains("list"), "{}", ended.said());
    }
}

#[test]
fn what_was_not_met_is_said_when_interrupted() {
    let server = Faulty::start(Behaviour::Status(500));
    let yaml = format!(
        "target: {}\nload: {{ users: 1, duration: 10m }}\nflow:\n  - get: /a\n  - think: 5ms\n",
        server.url()
    );
    let running = Loadtest::run(&yaml).start();
    running.wait_for_a_second();
    running.signal(Signal::INT);
    let ended = running.end().expect_code(130).expect_accounted();
    assert!(ended.stdout.contains("INTERRUPTED (exit 130): and not all was met"), "{}", ended.said());
}

/// Iterations under way may end, and the thinking ones need not think to their end.
#[test]
fn draining_waits_for_answers_and_not_for_thoughts() {
    let open = Arc::new(AtomicBool::new(false));
    let server = Recording::start({
        let open = Arc::clone(&open);
        move |_| {
            wait_until("the test to let go", || open.load(Ordering::SeqCst));
            Answer::ok()
        }
    });
    let yaml = format!(
        "target: {}\nload: {{ users: 3, duration: 10m }}\nflow:\n  - get: /a\n  - think: 9m\n",
        server.url()
    );
    let running = Loadtest::run(&yaml).start();
    server.wait_for(3);
    running.signal(Signal::INT);
    running.wait_for_stderr("stopping");
    open.store(true, Ordering::SeqCst);
    let ended = running.end().expect_code(130).expect_accounted();
    assert_eq!(ended.total("success"), 3, "{}", ended.said());
    assert_eq!(ended.iterations("completed"), 3, "{}", ended.said());
    assert_eq!(server.asked().len(), 3, "nothing new is begun");
}

#[test]
fn a_second_signal_stops_at_once() {
    let server = Faulty::start(Behaviour::HangBeforeAnswer);
    let yaml = format!(
        "target: {}\nhttp: {{ timeout: 10m }}\nload: {{ users: 2, duration: 10m, graceful_stop: 10m }}\n\
         flow:\n  - name: ask\n    get: /a\n",
        server.url()
    );
    let running = Loadtest::run(&yaml).start();
    wait_until("two requests", || server.requests() == 2);
    running.signal(Signal::INT);
    running.wait_for_stderr("stopping: running iterations may take 10m to end; Ctrl-C again stops at once");
    running.signal(Signal::INT);
    let ended = running.end().expect_code(130).expect_accounted();
    assert_eq!(ended.total("attempted"), 2, "{}", ended.said());
    assert_eq!(ended.total("interrupted"), 2, "{}", ended.said());
    assert_eq!(ended.total("in_doubt"), 2, "they were sent: {}", ended.said());
    assert_eq!(ended.iterations("interrupted"), 2);
    assert!(ended.list("rows")[0]["outcomes"][0]["response"].is_null(), "in no histogram");
}

/// Where iterations take longer than they may, the end comes by itself.
#[test]
fn draining_ends_with_the_grace() {
    let server = Faulty::start(Behaviour::HangBeforeAnswer);
    let yaml = format!(
        "target: {}\nhttp: {{ timeout: 10m }}\nload: {{ users: 2, duration: 10m, graceful_stop: 100ms }}\n\
         flow:\n  - name: ask\n    get: /a\n",
        server.url()
    );
    let running = Loadtest::run(&yaml).start();
    wait_until("two requests", || server.requests() == 2);
    running.signal(Signal::TERM);
    let ended = running.end().expect_code(130).expect_accounted();
    assert_eq!(ended.total("interrupted"), 2, "{}", ended.said());
}

#[test]
fn a_signal_before_the_load() {
    // While `setup` waits for an answer, and while a target is not ready.
    let server = Faulty::start(Behaviour::HangBeforeAnswer);
    let load = "load: { users: 1, iterations: 1 }\nflow:\n  - get: /a\n";
    let setup = format!("target: {}\nsetup:\n  - post: /reset\n{load}", server.url());
    let never =
        format!("target: {{ url: \"{}\", ready: /healthz, ready_timeout: 10m }}\n{load}", server.url());
    for yaml in [setup, never] {
        let before = server.requests();
        let running = Loadtest::run(&yaml).start();
        running.wait_until_it_listens_to_signals();
        wait_until("a request", || server.requests() > before);
        running.signal(Signal::INT);
        let ended = running.end().expect_code(130).expect_accounted();
        assert_eq!(ended.total("attempted"), 0);
        assert!(ended.stdout.contains("INTERRUPTED (exit 130)"), "{}", ended.said());
    }
}

/// Whatever `setup` had made until then is cleaned up.
#[test]
fn teardown_follows_an_interrupted_setup() {
    let server = Recording::start(|asked| {
        if asked.target == "/reset" {
            std::thread::sleep(Duration::from_mins(10));
        }
        Answer::ok()
    });
    let yaml = format!(
        "target: {}\nload: {{ users: 1, iterations: 1 }}\nflow:\n  - get: /a\n\
         setup:\n  - post: /reset\nteardown:\n  - post: /clean\n",
        server.url()
    );
    let running = Loadtest::run(&yaml).start();
    server.wait_for(1);
    running.signal(Signal::INT);
    let ended = running.end().expect_code(130).expect_accounted();
    assert_eq!(server.asked_for("/clean").len(), 1, "{}", ended.said());
    assert_eq!(server.asked_for("/a").len(), 0);
}

#[test]
fn verify_is_asked_after_an_interruption() {
    let server = Recording::start(|_| Answer::ok());
    let yaml = format!(
        "target: {}\nload: {{ users: 1, duration: 10m }}\nflow:\n  - get: /a\n  - think: 5ms\n\
         verify:\n  - get: /audit\n    expect: {{ checks: {{ sane: status == 204 }} }}\n",
        server.url()
    );
    let running = Loadtest::run(&yaml).start();
    server.wait_for(3);
    running.signal(Signal::INT);
    let ended = running.end().expect_code(130);
    assert_eq!(ended.list("invariants")[0]["state"], "broken", "{}", ended.said());
}

/// Who will not wait for `verify` either gets no answer to it; the result is written all the same.
#[test]
fn a_second_signal_while_verify_waits() {
    let server = Recording::start(|asked| {
        if asked.target == "/audit" {
            std::thread::sleep(Duration::from_mins(10));
        }
        Answer::ok()
    });
    let yaml = format!(
        "target: {}\nhttp: {{ timeout: 10m }}\nload: {{ users: 1, iterations: 1 }}\nflow:\n  - get: /a\n\
         verify:\n  - get: /audit\n    expect: {{ checks: {{ sane: status == 200 }} }}\n",
        server.url()
    );
    let running = Loadtest::run(&yaml).start();
    server.wait_for(2);
    running.signal(Signal::INT);
    // Two signals of one kind that come together are one: the second is sent until it was heard.
    wait_until("the end", || {
        running.signal_if_there(Signal::TERM);
        running.has_written_its_result()
    });
    let ended = running.end().expect_code(130);
    assert_eq!(ended.list("invariants")[0]["state"], "not_asked", "{}", ended.said());
    assert_eq!(ended.total("success"), 1);
}

/// Killed without a word: what was measured until then can be read, and the service has ended with it.
#[test]
fn a_killed_run_leaves_its_log_and_no_child() {
    let running = Loadtest::run(BUNDLED).start();
    running.wait_for_a_second();
    let children = children_of(running.id());
    assert_eq!(children.len(), 1, "the bundled service");
    running.signal(Signal::KILL);
    let folder = running.folder.clone();
    let ended = running.end();
    assert_eq!(ended.code, -9);
    wait_until("the end of the bundled service", || !is_running(children[0]));

    let log = std::fs::read(newest_log(&folder).unwrap()).unwrap();
    let mut intervals = 0;
    for entry in IntervalLogIterator::new(&log) {
        if let LogEntry::Interval(line) = entry.unwrap() {
            assert_eq!(line.tag().unwrap().as_str(), "list/success");
            assert_eq!(line.duration(), Duration::from_secs(1));
            intervals += 1;
        }
    }
    assert!(intervals > 0);
    assert!(!newest_run(&folder).unwrap().join("result.json").exists());
}

#[test]
fn the_child_ends_with_a_run() {
    let running = Loadtest::run(BUNDLED).start();
    running.wait_for_a_second();
    let children = children_of(running.id());
    running.signal(Signal::INT);
    running.end().expect_code(130);
    assert!(!is_running(children[0]), "it was waited for");
}

fn children_of(parent: u32) -> Vec<u32> {
    let numbers = std::fs::read_dir("/proc").unwrap().flatten();
    let numbers = numbers.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers.filter(|id| stat(*id).is_some_and(|(_, of)| of == parent)).collect()
}

/// Neither gone nor a zombie that nobody has reaped.
fn is_running(id: u32) -> bool {
    stat(id).is_some_and(|(state, _)| state != 'Z')
}

/// The state of a process, and its parent.
fn stat(id: u32) -> Option<(char, u32)> {
    let stat = std::fs::read_to_string(Path::new("/proc").join(id.to_string()).join("stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}
