//! What this machine cannot do, and what the file has wrong: never counted against the target, and nothing is lost.

use crate::support::program::Loadtest;
use crate::support::recording::{Answer, Recording};

fn ask(server: &Recording, load: &str) -> String {
    format!("target: {}\nload: {{ {load} }}\nflow:\n  - name: ask\n    get: /thing\n", server.url())
}

/// What this machine cannot do says nothing about the target.
#[test]
fn out_of_descriptors() {
    let server = Recording::start(|_| Answer::ok());
    let yaml = ask(&server, "users: 60, duration: 1s");
    let ended = Loadtest::run(&yaml).after_shell("ulimit -n 32").end();
    let ended = ended.expect_code(97).expect_sent(server.asked().len());
    assert_eq!((ended.total("failure"), ended.total("in_doubt")), (0, 0), "{}", ended.said());
    assert!(ended.total("success") > 0, "{}", ended.said());
    assert_eq!(ended.result["validity"]["verdict"], "invalid");
    assert_eq!(ended.list("own_faults")[0]["name"], "out of file descriptors");
    assert!(ended.stdout.contains("NOT VALID (exit 97): out of file descriptors"), "{}", ended.said());
    assert!(ended.stderr.contains("warning: out of file descriptors"), "{}", ended.said());
}

/// Without a single descriptor for anyone, it still keeps time, hears signals, and does not spin.
#[test]
fn no_descriptors_at_all() {
    let server = Recording::start(|_| Answer::ok());
    let yaml = ask(&server, "users: 60, duration: 5m");
    let running = Loadtest::run(&yaml).after_shell("ulimit -n 32").start();
    running.wait_for_stderr("warning: out of file descriptors");
    running.signal(rustix::process::Signal::INT);
    let ended = running.end().expect_code(130).expect_accounted();
    assert_eq!(ended.result["validity"]["verdict"], "invalid", "{}", ended.said());
}

/// An expression that fails whatever the answer is: the fault is the file's, and the answer is what it is without.
#[test]
fn an_expression_that_fails_beside_an_answer() {
    let server = Recording::start(|_| Answer::ok());
    let yaml = format!(
        "target: {}\nload: {{ users: 1, iterations: 3 }}\nflow:\n  - name: ask\n    get: /thing\n\
         \x20   expect: {{ checks: {{ odd: \"random([]) == 1\" }}, business: {{ no: \"random([])\" }} }}\n\
         \x20   capture: {{ what: \"random([])\" }}\n  - get: /never/${{ what }}\n",
        server.url()
    );
    let ended = Loadtest::run(&yaml).end().expect_code(97).expect_sent(server.asked().len());
    assert_eq!((ended.count("ask", "success"), ended.total("attempted")), (3, 3), "{}", ended.said());
    assert_eq!(ended.total("in_doubt"), 0, "{}", ended.said());
    assert_eq!(ended.list("own_faults")[0]["name"], "a template failed");
    assert_eq!(server.asked().len(), 3);
}

#[test]
fn results_that_have_no_place_to_go() {
    let server = Recording::start(|_| Answer::ok());
    let yaml = ask(&server, "users: 1, iterations: 3");
    // A file stands where a folder is wanted, and a place that takes no folders: nothing is sent.
    let ended = Loadtest::new("run").scenario(&yaml).args(&["--out", "/proc/nowhere"]).end().expect_code(1);
    assert!(ended.stderr.contains("cannot write /proc/nowhere/"), "{}", ended.said());
    let ended = Loadtest::new("run").scenario(&yaml).file("taken", "").args(&["--out", "taken"]).end();
    let ended = ended.expect_code(1);
    assert!(
        ended.stderr.contains("the result has no place to go; choose another with --out"),
        "{}",
        ended.said()
    );
    assert!(ended.stderr.contains("taken"), "{}", ended.said());
    assert_eq!(server.asked().len(), 0);
    assert_eq!(ended.stdout, "");
}

/// No file can be written any more, as on a full disk: the table is shown all the same.
#[test]
fn a_full_disk() {
    let server = Recording::start(|_| Answer::ok());
    let yaml = ask(&server, "users: 1, iterations: 3");
    let ended = Loadtest::run(&yaml).after_shell("trap '' XFSZ; ulimit -f 0").end().expect_code(1);
    assert!(
        ended.stderr.contains("error: the result could not be written: cannot write "),
        "{}",
        ended.said()
    );
    assert!(ended.stderr.contains("result.json"), "{}", ended.said());
    assert!(ended.stdout.contains("PASSED"), "{}", ended.said());
    assert!(ended.stdout.contains("ask"), "{}", ended.said());
}
