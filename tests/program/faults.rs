//! Targets that fail, each in its own way: named by its cause, with an example, and nothing lost from the books.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::support::faulty::{Behaviour, Faulty, FullBacklog};
use crate::support::program::{Ended, Loadtest};
use crate::support::recording::{Answer, Recording, own_address};
use crate::support::secure::Authority;

/// More than the system keeps for a server that does not read.
const LARGE: usize = 32_000_000;

/// A request with a body of that size. A scenario file may not be as large, but its values can.
fn post_large() -> String {
    let (part, times) = ("x".repeat(1_000_000), LARGE / 1_000_000);
    format!(
        "vars: {{ part: {part} }}\nflow:\n  - name: ask\n    post: /thing\n    body: \"{}\"\n",
        "${ part }".repeat(times)
    )
}

/// A run of a few requests against a target; all that counts is how each of them ended.
fn run(url: &str, users: u32, iterations: u32, timeout: &str) -> Ended {
    let yaml = format!(
        "name: fault\ntarget: {url}\nhttp: {{ timeout: {timeout} }}\n\
         load: {{ users: {users}, iterations: {iterations} }}\n\
         flow:\n  - name: ask\n    get: /thing\n"
    );
    Loadtest::run(&yaml).end()
}

/// The failures of one cause, with the words of its example.
#[track_caller]
fn expect_cause(ended: &Ended, cause: &str, count: u64, words: &str) {
    assert_eq!(ended.count("ask", cause), count, "{cause}: {}", ended.said());
    let causes = ended.list("causes");
    let found = causes.iter().find(|found| found["cause"] == cause).unwrap();
    assert_eq!(found["step"], "ask");
    assert_eq!(found["count"], count);
    let example = &found["example"];
    assert_eq!(example["request"], "GET /thing", "{cause}: {found:#}");
    let detail = example["detail"].as_str().unwrap();
    assert!(detail.contains(words), "{cause}: `{detail}` has no `{words}`");
    assert!(ended.stdout.contains(&format!("✗ ask: {cause}")), "{}", ended.said());
}

/// All requests fail for one cause, and the threshold that every test has is not met.
#[track_caller]
fn expect_only(ended: Ended, cause: &str, count: u64, words: &str) {
    let ended = ended.expect_code(99).expect_accounted();
    expect_cause(&ended, cause, count, words);
    assert_eq!(ended.total("attempted"), count, "{}", ended.said());
    assert_eq!(ended.total("failure"), count, "{}", ended.said());
    assert_eq!(ended.list("causes").len(), 1, "{}", ended.said());
    assert_eq!(ended.unmet(), ["failures: rate < 1%"]);
    assert!(ended.stdout.contains("FAILED (exit 99): failures rate was 100%, limit 1%"), "{}", ended.said());
}

#[test]
fn statuses_that_nobody_expects() {
    for (status, words) in [(500, "status 500, expected 2"), (503, "status 503"), (404, "status 404")] {
        let server = Faulty::start(Behaviour::Status(status));
        let ended = run(&server.url(), 2, 6, "10s");
        assert_eq!(ended.list("causes")[0]["example"]["status"], status);
        assert_eq!(ended.list("causes")[0]["example"]["body"], "no");
        let ended = ended.expect_sent(server.requests());
        expect_only(ended, &format!("status {status}"), 6, words);
        assert_eq!(server.connections(), 3, "one to see whether it is there, and one for each user");
    }
}

#[test]
fn connections_that_break() {
    for (behaviour, cause, words) in [
        (Behaviour::ResetBeforeAnswer, "reset", "before an answer"),
        (Behaviour::ResetInsideAnswer, "reset", "inside the answer"),
        (Behaviour::CloseBeforeAnswer, "closed before an answer", "without an answer"),
        (Behaviour::HalfClose, "closed before an answer", "without an answer"),
        (Behaviour::CloseAfter(20), "truncated answer", "inside the answer"),
        (Behaviour::ShorterThanSaid, "truncated answer", "inside the answer"),
    ] {
        let server = Faulty::start(behaviour);
        let ended = run(&server.url(), 2, 6, "20s").expect_sent(server.requests());
        assert_eq!(ended.total("in_doubt"), 6, "they were sent, and may have been done");
        expect_only(ended, cause, 6, words);
        assert_eq!(server.requests(), 6, "a request that was sent is never sent again");
    }
}

#[test]
fn a_kept_connection_that_is_closed_on_the_next_request() {
    for behaviour in [Behaviour::CloseOnSecondRequest, Behaviour::ResetOnSecondRequest] {
        let server = Faulty::start(behaviour);
        let ended = run(&server.url(), 1, 6, "20s").expect_code(99).expect_sent(server.requests());
        assert_eq!(ended.count("ask", "success"), 3, "{}", ended.said());
        expect_cause(&ended, "stale connection", 3, "a kept connection");
        assert_eq!(ended.row("ask")["in_doubt"], 3, "they were sent, and may have been done");
        assert_eq!(server.requests(), 6);
    }
}

#[test]
fn time_that_runs_out() {
    for (behaviour, cause) in [
        (Behaviour::HangBeforeAnswer, "timeout (wait)"),
        (Behaviour::HangAfterAccept, "timeout (wait)"),
        (Behaviour::SlowHead(Duration::from_millis(100)), "timeout (receive)"),
        (Behaviour::SlowBody(Duration::from_millis(100)), "timeout (receive)"),
        (Behaviour::Endless, "timeout (receive)"),
    ] {
        let server = Faulty::start(behaviour);
        let ended = run(&server.url(), 2, 2, "800ms").expect_sent(server.requests());
        assert_eq!(ended.total("in_doubt"), 2, "they were sent: {}", ended.said());
        expect_only(ended, cause, 2, "the time ran out");
    }
}

/// A run of three iterations with two requests each: one that is answered, and another elsewhere.
fn run_elsewhere(url: &str, elsewhere: &str, timeout: &str) -> Ended {
    let yaml = format!(
        "name: fault\ntarget: {url}\nhttp: {{ timeout: {timeout} }}\nload: {{ users: 1, iterations: 3 }}\n\
         flow:\n  - name: here\n    get: /thing\n  - name: ask\n    {elsewhere}\n"
    );
    Loadtest::run(&yaml).end()
}

/// The requests elsewhere came to nothing without a byte sent, and the others were answered.
#[track_caller]
fn expect_unsent(ended: Ended, cause: &str, words: &str, server: &Recording) {
    let ended = ended.expect_code(99).expect_sent(server.asked().len());
    expect_cause(&ended, cause, 3, words);
    assert_eq!(ended.count("here", "success"), 3, "{}", ended.said());
    assert_eq!(ended.total("attempted"), 6, "{}", ended.said());
    assert_eq!(ended.total("in_doubt"), 0, "nothing was sent there: {}", ended.said());
}

#[test]
fn a_port_where_nobody_listens() {
    let server = Recording::start(|_| Answer::ok());
    let ended = run_elsewhere(&server.url(), &format!("get: http://{}/thing", own_address()), "20s");
    expect_unsent(ended, "refused", "nothing listens there", &server);
}

#[test]
fn time_that_runs_out_before_a_request_is_sent() {
    let server = Recording::start(|_| Answer::ok());
    let full = FullBacklog::new();
    let ended = run_elsewhere(&server.url(), &format!("get: {}/thing", full.url()), "1s");
    expect_unsent(ended, "timeout (connect)", "before the server accepted the connection", &server);

    let silent = Faulty::start(Behaviour::HangAfterAccept);
    let secure = silent.url().replace("http", "https");
    let yaml = format!(
        "target: {secure}\nhttp: {{ timeout: 1s }}\nload: {{ users: 2, iterations: 2 }}\n\
         flow:\n  - name: ask\n    get: /thing\n"
    );
    let authority = Authority::new();
    let run = Loadtest::run(&yaml).file("roots.pem", &authority.pem()).env("SSL_CERT_FILE", "roots.pem");
    let ended = run.end().expect_sent(silent.requests());
    assert_eq!(ended.total("in_doubt"), 0, "{}", ended.said());
    expect_only(ended, "timeout (tls)", 2, "in the TLS handshake");
}

/// A body that fills every buffer on the way to a server that reads nothing.
#[test]
fn time_that_runs_out_while_a_request_is_sent() {
    let server = Faulty::start(Behaviour::HangAfterAccept);
    let yaml = format!(
        "target: {}\nhttp: {{ timeout: 1s }}\nload: {{ users: 1, iterations: 2 }}\n{}",
        server.url(),
        post_large()
    );
    let ended = Loadtest::run(&yaml).end().expect_code(99).expect_sent(server.requests());
    assert_eq!(ended.count("ask", "timeout (send)"), 2, "{}", ended.said());
    assert_eq!(ended.total("in_doubt"), 2, "a part was sent, and may have been done");
    let sent = ended.row("ask")["sent_bytes"].as_u64().unwrap();
    assert!((1..2 * LARGE as u64).contains(&sent), "{sent}");
}

/// Refused on its head alone: that answer is what counts, though most of the body was never sent.
#[test]
fn a_large_request_that_is_refused_early() {
    let server = Faulty::start(Behaviour::RefuseBody);
    let yaml = format!("target: {}\nload: {{ users: 1, iterations: 3 }}\n{}", server.url(), post_large());
    let ended = Loadtest::run(&yaml).end().expect_code(99).expect_sent(server.requests());
    assert_eq!(ended.count("ask", "status 413"), 3, "{}", ended.said());
    assert_eq!(ended.total("in_doubt"), 0, "it was answered");
    assert_eq!(server.requests(), 3);
}

/// All of it is counted, and what expressions see of it is its first mebibyte.
#[test]
fn a_huge_body() {
    let server = Faulty::start(Behaviour::LargeBody(3_000_000));
    let yaml = format!(
        "target: {}\nload: {{ users: 1, iterations: 2 }}\nflow:\n  - name: ask\n    get: /thing\n\
         \x20   expect: {{ checks: {{ kept: body | length == 1048576 }} }}\n",
        server.url()
    );
    let ended = Loadtest::run(&yaml).end().expect_passed().expect_sent(server.requests());
    assert_eq!(ended.count("ask", "success"), 2, "{}", ended.said());
    assert!(ended.row("ask")["received_bytes"].as_u64().unwrap() > 6_000_000);
    assert_eq!(server.connections(), 2, "one to see whether it is there, and one for both");
}

#[test]
fn answers_that_are_no_http() {
    let raw = |head: &str| Behaviour::Raw(format!("HTTP/1.1 {head}\r\n\r\n").into_bytes());
    let alert = b"\x15\x03\x03\x00\x02\x02\x46".to_vec();
    for (behaviour, cause, words) in [
        (Behaviour::BrokenChunk, "protocol (broken chunk)", "a chunk"),
        (Behaviour::NoStatusLine, "protocol (status line)", "does not begin with an HTTP status line"),
        (Behaviour::HugeHeader(200_000), "protocol (head too large)", "64 KiB"),
        (Behaviour::Raw(alert), "protocol (status line)", "is it https:// there?"),
        (raw("200 OK\r\nbad header: x"), "protocol (header)", "a header"),
        (raw("200 OK\r\ncontent-length: many"), "protocol (content length)", "Content-Length"),
        (
            Behaviour::Raw(b"HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec()),
            "protocol (transfer encoding)",
            "Transfer-Encoding",
        ),
        (raw("101 Switching Protocols"), "protocol (unexpected bytes)", "nobody asked for"),
    ] {
        let server = Faulty::start(behaviour);
        let ended = run(&server.url(), 2, 4, "20s").expect_sent(server.requests());
        assert_eq!(ended.total("in_doubt"), 4, "they were sent, and may have been done");
        expect_only(ended, cause, 4, words);
        assert_eq!(server.requests(), 4);
    }
}

#[test]
fn what_costs_a_connection_and_no_request() {
    for behaviour in [
        Behaviour::LongerThanSaid,
        Behaviour::SpeakUnasked,
        Behaviour::CloseAfterAnswer,
        Behaviour::ResetAfterAnswer,
    ] {
        let server = Faulty::start(behaviour);
        let yaml = format!(
            "target: {}\nload: {{ users: 1, iterations: 4 }}\n\
             flow:\n  - name: ask\n    get: /thing\n  - think: 200ms\n",
            server.url()
        );
        let ended = Loadtest::run(&yaml).end().expect_passed().expect_sent(server.requests());
        assert_eq!(ended.count("ask", "success"), 4, "{}", ended.said());
        assert_eq!(server.requests(), 4, "each once");
        // One more than requests: whether the target is there was asked for with a connection of its own.
        assert_eq!(server.connections(), 5);
    }
}

/// Without a pause it is a race: the next request goes over a new connection, or is lost with the old one. It is
/// never sent twice.
#[test]
fn a_connection_that_ends_under_the_next_request() {
    for behaviour in [Behaviour::CloseAfterAnswer, Behaviour::ResetAfterAnswer] {
        let server = Faulty::start(behaviour);
        let ended = run(&server.url(), 3, 90, "20s").expect_sent(server.requests());
        let (success, stale) = (ended.count("ask", "success"), ended.count("ask", "stale connection"));
        assert_eq!(success + stale, 90, "{}", ended.said());
        assert_eq!(ended.total("in_doubt"), stale);
        assert_eq!(ended.total("attempted"), 90);
    }
}

/// A plain server behind an https URL: the first bytes of the handshake make it complain.
#[test]
fn tls_to_a_port_without_it() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut part = [0; 4096];
            if stream.read(&mut part).is_ok_and(|count| count > 0) {
                let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
            }
        }
    });
    expect_only(run(&url, 2, 4, "20s"), "tls", 4, "");
}

#[test]
fn a_name_that_nobody_knows() {
    let server = Recording::start(|_| Answer::ok());
    let yaml = format!(
        "target: {}\nload: {{ users: 1, iterations: 2 }}\nflow:\n  - get: /here\n\
         \x20 - name: elsewhere\n    get: http://nowhere.loadtest.invalid/thing\n",
        server.url()
    );
    let ended = Loadtest::run(&yaml).end().expect_code(99).expect_sent(server.asked().len());
    assert_eq!(ended.total("in_doubt"), 0);
    assert_eq!(ended.count("elsewhere", "dns"), 2, "{}", ended.said());
    assert_eq!(ended.count("GET /here", "success"), 2);
    let detail = ended.list("causes")[0]["example"]["detail"].as_str().unwrap();
    assert!(detail.starts_with("nowhere.loadtest.invalid cannot be resolved"), "{detail}");
}

/// It dies in mid-run and stays dead: connections break, then nobody listens, and the run goes on to its end.
#[test]
fn a_target_that_dies() {
    let mut server = Recording::start_at(own_address(), |_| Answer::ok());
    let yaml = format!(
        "target: {}\nload: {{ users: 2, duration: 2s }}\nflow:\n  - name: ask\n    get: /thing\n  - think: 10ms\n",
        server.url()
    );
    let running = Loadtest::run(&yaml).start();
    server.wait_for(10);
    server.stop();
    let ended = running.end().expect_code_unless_late(99).expect_sent(server.asked().len());
    assert!(ended.count("ask", "success") >= 8, "{}", ended.said());
    assert!(ended.count("ask", "refused") > 0, "{}", ended.said());
    let broken = ["refused", "reset", "stale connection", "closed before an answer"];
    for cause in ended.list("causes") {
        assert!(broken.contains(&cause["cause"].as_str().unwrap()), "{cause:#}");
        assert_ne!(cause["example"]["detail"], "");
    }
    assert_eq!(ended.unmet(), ["failures: rate < 1%"]);
}

/// Without any pause in the flow, refused connections must not keep the program from its clock and its signals.
#[test]
fn a_target_that_dies_and_users_who_never_pause() {
    let mut server = Recording::start_at(own_address(), |_| Answer::ok());
    let yaml = format!(
        "target: {}\nload: {{ users: 3, duration: 5m }}\nflow:\n  - name: ask\n    get: /thing\n",
        server.url()
    );
    let running = Loadtest::run(&yaml).start();
    server.wait_for(10);
    server.stop();
    running.wait_for_a_second();
    running.signal(rustix::process::Signal::INT);
    let ended = running.end().expect_code(130).expect_sent(server.asked().len());
    assert!(ended.count("ask", "refused") > 0, "{}", ended.said());
}

#[test]
fn a_target_that_is_started_again() {
    let mut server = Recording::start_at(own_address(), |_| Answer::ok());
    let yaml = format!(
        "target: {}\nload: {{ users: 2, duration: 5m }}\nflow:\n  - name: ask\n    get: /thing\n  - think: 10ms\n",
        server.url()
    );
    let running = Loadtest::run(&yaml).start();
    server.wait_for(10);
    server.stop();
    std::thread::sleep(Duration::from_millis(200));
    let again = Recording::start_at(server.address(), |_| Answer::ok());
    again.wait_for(10);
    running.signal(rustix::process::Signal::INT);
    let ended = running.end().expect_code(130).expect_sent(server.asked().len() + again.asked().len());
    assert!(ended.count("ask", "success") >= 18, "{}", ended.said());
    assert!(ended.count("ask", "refused") > 0, "{}", ended.said());
    assert!(again.connections() >= 2, "each user has connected again");
}

/// An answer that is not as it should be is no fault of the file, also where an expression stumbles over it.
#[test]
fn an_expression_that_stumbles_over_an_answer() {
    let server = Recording::start(|_| Answer::json(&serde_json::json!({ "n": "many", "list": {} })));
    let yaml = format!(
        "target: {}\nload: {{ users: 1, iterations: 3 }}\nflow:\n\
         \x20 - name: check\n    get: /a\n    on_failure: continue\n\
         \x20   expect: {{ checks: {{ grows: json.n - 2 > 3 }}, business: {{ never: json.n - 1 > 0 }} }}\n\
         \x20 - name: capture\n    get: /b\n    on_failure: continue\n    capture: {{ half: json.n / 2 }}\n\
         \x20 - name: ask\n    get: /c\n    observe: {{ double: json.n - 2 }}\n\
         \x20 - check: {{ outside: json.n - 1 > 0 }}\n\
         \x20 - name: behind\n    get: /d/${{ half }}\n    when: json.n - 2 > 3\n\
         \x20 - name: otherwise\n    get: /e\n    when: not (json.n - 2 > 3)\n\
         thresholds: {{ failures: [rate < 100%] }}\n",
        server.url()
    );
    let ended = Loadtest::run(&yaml).end().expect_passed().expect_sent(server.asked().len());
    assert_eq!(ended.count("check", "check"), 3, "{}", ended.said());
    assert_eq!(ended.count("capture", "capture"), 3, "{}", ended.said());
    assert_eq!((ended.count("behind", "success"), ended.count("otherwise", "success")), (0, 0));
    let metric = &ended.list("metrics")[0];
    assert_eq!((&metric["name"], &metric["samples"]), (&serde_json::json!("double"), &serde_json::json!(0)));
    let outside = ended.list("checks").iter().find(|check| check["name"] == "outside").unwrap();
    assert_eq!((&outside["passed"], &outside["failed"]), (&serde_json::json!(0), &serde_json::json!(3)));
    for (cause, words) in [
        ("check", "check `grows` does not hold: json.n - 2 > 3: "),
        ("capture", "the capture `json.n / 2` found nothing: "),
    ] {
        let found = ended.list("causes").iter().find(|found| found["cause"] == cause).unwrap();
        let detail = found["example"]["detail"].as_str().unwrap();
        assert!(detail.starts_with(words), "{detail}");
    }
}

/// One request in three fails: the shares are right, and each step has its own row.
#[test]
fn some_fail_and_some_do_not() {
    let seen = Arc::new(AtomicUsize::new(0));
    let server = Recording::start({
        let seen = Arc::clone(&seen);
        move |_| match seen.fetch_add(1, Ordering::SeqCst) % 3 {
            0 => Answer::status(503).body("try later"),
            _ => Answer::ok(),
        }
    });
    let ended = run(&server.url(), 3, 30, "20s").expect_code(99).expect_accounted();
    assert_eq!(ended.count("ask", "success"), 20);
    expect_cause(&ended, "status 503", 10, "status 503");
    assert_eq!(ended.list("causes")[0]["example"]["body"], "try later");
    assert!(ended.stdout.contains("failures rate was 33.3%, limit 1%"), "{}", ended.said());
}

/// Whatever a server says is data: it can neither drive the terminal nor end the run.
#[test]
fn a_hostile_answer_is_shown_harmless() {
    let said =
        Arc::new(Mutex::new(String::from("\x1b[2J\x1b]0;owned\x07<script>alert(1)</script>\r\n\u{202e}")));
    let server = Recording::start({
        let said = Arc::clone(&said);
        move |_| Answer::status(500).body(&said.lock().unwrap())
    });
    let ended = run(&server.url(), 1, 2, "20s").expect_code(99).expect_accounted();
    for (place, text) in ended.all_text() {
        assert!(!text.contains('\x1b') && !text.contains('\x07') && !text.contains('\u{202e}'), "{place}");
    }
    assert!(ended.stdout.contains("\\x1b[2J"), "{}", ended.said());
}
