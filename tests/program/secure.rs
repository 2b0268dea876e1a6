//! Targets behind TLS: a good one is measured like any other, and a bad certificate fails every request by name.

use rcgen::date_time_ymd;

use crate::support::program::{Ended, Loadtest};
use crate::support::secure::{Authority, Secure};

const HOST: &str = "127.0.0.1";

/// A run of six requests by two users who trust `authority`.
fn run(url: &str, authority: &Authority, path: &str) -> Ended {
    let yaml = format!(
        "target: {url}\nload: {{ users: 2, iterations: 6 }}\nflow:\n  - name: ask\n    get: {path}\n"
    );
    let run = Loadtest::run(&yaml).file("roots.pem", &authority.pem()).env("SSL_CERT_FILE", "roots.pem");
    run.end()
}

#[track_caller]
fn expect_cause(ended: &Ended, cause: &str, words: &str) {
    assert_eq!(ended.count("ask", cause), 6, "{}", ended.said());
    assert_eq!(ended.total("attempted"), 6, "{}", ended.said());
    let detail = ended.list("causes")[0]["example"]["detail"].as_str().unwrap();
    assert!(detail.contains(words), "`{detail}` has no `{words}`");
}

#[test]
fn a_good_certificate() {
    let authority = Authority::new();
    let server = authority.server(HOST, |_| {});
    let ended = run(&server.url(HOST), &authority, "/").expect_passed().expect_sent(server.requests());
    assert_eq!(ended.count("ask", "success"), 6, "{}", ended.said());
    assert_eq!(server.requests(), 6);
    let handshakes = &ended.row("ask")["outcomes"][0]["tls"];
    assert_eq!(handshakes["count"], 2, "one for each user: {handshakes:#}");
}

#[test]
fn certificates_that_are_not_accepted() {
    let authority = Authority::new();
    let for_another = authority.server("other.example", |_| {});
    let expired = authority.server(HOST, |params| params.not_after = date_time_ymd(2001, 1, 1));
    let early = authority.server(HOST, |params| params.not_before = date_time_ymd(4000, 1, 1));
    let stranger = Authority::named("Another").server(HOST, |_| {});
    let table: [(&Secure, &str); 4] = [
        (&for_another, "the certificate is for other.example, not 127.0.0.1"),
        (&expired, "the certificate expired"),
        (&early, "the certificate is not valid yet"),
        (&stranger, "the certificate is signed by an unknown authority"),
    ];
    for (server, words) in table {
        let ended = run(&server.url(HOST), &authority, "/").expect_code(99).expect_sent(server.requests());
        expect_cause(&ended, "tls", words);
        assert_eq!(ended.total("in_doubt"), 0, "nothing was asked: {}", ended.said());
        assert_eq!(server.requests(), 0);
    }
}

#[test]
fn an_answer_that_ends_without_goodbye() {
    let authority = Authority::new();
    let server = authority.server(HOST, |_| {});
    let ended = run(&server.url(HOST), &authority, "/cut").expect_code(99).expect_sent(server.requests());
    expect_cause(&ended, "truncated answer", "inside the answer");
    assert_eq!(ended.total("in_doubt"), 6);
    assert_eq!(server.requests(), 6);
}

#[test]
fn plain_http_to_a_port_with_tls() {
    let authority = Authority::new();
    let server = authority.server(HOST, |_| {});
    let url = server.url(HOST).replace("https", "http");
    let ended = run(&url, &authority, "/").expect_code(99).expect_accounted();
    expect_cause(&ended, "protocol (status line)", "is it https:// there?");
    assert_eq!(server.requests(), 0);
}

/// Without roots no server could be trusted: nothing is sent.
#[test]
fn no_root_certificates() {
    let authority = Authority::new();
    let server = authority.server(HOST, |_| {});
    let yaml =
        format!("target: {}\nload: {{ users: 1, iterations: 2 }}\nflow:\n  - get: /\n", server.url(HOST));
    let run =
        Loadtest::run(&yaml).file("roots.pem", "").env("SSL_CERT_FILE", "roots.pem").env("SSL_CERT_DIR", "");
    let ended = run.end().expect_code(96).expect_sent(server.requests());
    assert!(ended.stdout.contains("no root certificate was found"), "{}", ended.said());
    assert_eq!(ended.total("attempted"), 0);
}
