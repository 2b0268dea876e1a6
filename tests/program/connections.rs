//! `http.connections`: whose connections they are, as the server sees it.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::support::program::Loadtest;
use crate::support::recording::{Answer, Recording};

/// Which connections the requests to a path came over.
fn over(server: &Recording, path: &str) -> BTreeSet<usize> {
    server.asked_for(path).iter().map(|asked| asked.connection).collect()
}

/// A user's requests of one iteration come over one connection, those of the next over another; `on_start` has
/// one of its own.
#[test]
fn fresh_connections_last_for_one_iteration() {
    for load in ["{ users: 3, iterations: 12 }", "{ rate: 24/s, duration: 500ms }"] {
        let server = Recording::start(|_| Answer::ok());
        let yaml = format!(
            "target: {}\nhttp: {{ connections: fresh }}\nload: {load}\n\
             on_start:\n  - get: /start\n\
             flow:\n  - get: /a\n  - get: /b\n  - name: dial\n    get: /c\n\
             thresholds:\n  connect{{step=GET /a}}: [count == 12]\n  connect{{step=dial}}: [count == 0]\n",
            server.url()
        );
        let ended = Loadtest::run(&yaml).end().expect_passed();
        let (starts, first) = (over(&server, "/start"), over(&server, "/a"));
        assert_eq!(first.len(), 12, "{load}: {}", ended.said());
        assert_eq!((over(&server, "/b"), over(&server, "/c")), (first.clone(), first.clone()), "{load}");
        assert!(starts.is_disjoint(&first), "{load}: {starts:?} {first:?}");
        // One more than users and iterations is that of looking whether the target is there.
        assert_eq!(server.connections(), starts.len() + 12 + 1, "{load}: {}", ended.said());
    }
}

/// More users than connections: none has one while it thinks. Each still gets the answer to its own question.
#[test]
fn shared_connections_are_as_many_as_are_used_at_once() {
    for (load, workers) in [
        ("{ users: 40, iterations: 200 }", "1"),
        ("{ users: 40, iterations: 200 }", "2"),
        ("{ rate: 200/s, duration: 1s }", "1"),
    ] {
        let server = Recording::start(|asked| Answer::ok().body(&asked.body));
        let yaml = format!(
            "target: {}\nhttp: {{ connections: shared }}\nload: {load}\n\
             flow:\n  - think: 0s..200ms\n  - name: ask\n    post: /a\n    json: {{ user: \"${{ user.id }}\" }}\n\
             \x20   expect:\n      checks:\n        its own answer: json.user == user.id\n",
            server.url()
        );
        let ended = Loadtest::run(&yaml).args(&["--workers", workers]).end().expect_passed();
        assert!(server.connections() < 40, "{load}: {} connections; {}", server.connections(), ended.said());
        let success = ended.count("ask", "success");
        assert!(success.abs_diff(200) <= 1, "{load}: {}", ended.said());
        let opened = ended.row("ask")["outcomes"][0]["connect"]["count"].as_u64().unwrap();
        assert_eq!(opened + 1, server.connections() as u64, "{load}: each was opened by a request");
    }
}

/// As many as are busy at once: the pool is no limit.
#[test]
fn a_pool_opens_what_is_needed_at_once() {
    let server = Recording::start(|_| {
        std::thread::sleep(Duration::from_millis(300));
        Answer::ok()
    });
    let yaml = format!(
        "target: {}\nhttp: {{ connections: shared }}\nload: {{ users: 6, iterations: 12 }}\nflow:\n  - get: /a\n",
        server.url()
    );
    Loadtest::run(&yaml).end().expect_passed();
    assert!(over(&server, "/a").len() >= 6, "all six ask while nobody has been answered");
}
