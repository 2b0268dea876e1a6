//! HTTP/2 from outside: the same scenarios, another protocol.

use crate::support::faulty::{Behaviour, Faulty};
use crate::support::http2::Frames;
use crate::support::program::{Ended, Loadtest};
use crate::support::proxy::Tunnels;
use crate::support::secure::Authority;

fn run(url: &str, http: &str, load: &str, flow: &str) -> Loadtest {
    Loadtest::run(&format!("target: {url}\nhttp: {{ {http} }}\nload: {load}\nflow:\n{flow}"))
}

#[test]
fn each_user_has_a_connection_of_its_own() {
    let server = Frames::start(None);
    let ended = run(
        &server.url("http"),
        "version: 2, cookies: true, follow_redirects: true",
        "{ users: 3, iterations: 30 }",
        "  - name: log in\n    post: /cookie\n    json: { user: \"${ user.id }\" }\n\
         \x20 - name: echo\n    put: /echo?a=b\n    body: \"user ${ user.id }\"\n\
         \x20   expect: { checks: { same: 'body == \"user \" ~ user.id' } }\n\
         \x20 - name: moved\n    get: /moved\n    expect: { status: 200 }\n\
         \x20 - name: form\n    post: /form\n    multipart: { a: b, file: { file: f.txt } }\n",
    )
    .file("f.txt", "content of a file")
    .end()
    .expect_passed();
    for name in ["log in", "echo", "moved", "form"] {
        assert_eq!(ended.count(name, "success"), 30, "{}", ended.said());
    }
    assert_eq!(server.connections(), 3);
    let asked = server.asked();
    assert_eq!(asked.len(), 5 * 30, "a redirect is two requests");
    assert!(asked.iter().filter(|asked| asked.url.ends_with("/form")).all(|asked| {
        String::from_utf8_lossy(&asked.body).contains("content of a file")
            && asked.header("cookie") == Some("sid=1; b=2")
    }));
    assert_eq!(ended.row("echo")["outcomes"][0]["connect"]["count"], serde_json::Value::Null);
}

#[test]
fn over_tls_both_sides_agree() {
    let authority = Authority::new();
    let new = Frames::start(Some(authority.config("127.0.0.1", |_| {}, None)));
    let run = |http: &str| {
        let http = format!("{http}, tls: {{ ca: ca.pem }}");
        let flow = "  - name: ask\n    get: /\n";
        run(&new.url("https"), &http, "{ users: 2, iterations: 8 }", flow)
            .file("ca.pem", &authority.pem())
            .end()
    };
    for version in ["auto", "2"] {
        let before = new.connections();
        let ended = run(&format!("version: {version}")).expect_passed();
        assert_eq!(ended.count("ask", "success"), 8, "{}", ended.said());
        assert_eq!(new.connections() - before, 2);
    }
    let proxy = Tunnels::start(200);
    let ended = run(&format!("version: 2, proxy: \"http://{}\"", proxy.address())).expect_passed();
    assert_eq!(ended.count("ask", "success"), 8, "{}", ended.said());
    assert_eq!(proxy.asked().len(), 3);
}

/// Prior knowledge goes through a proxy in a tunnel: it could not be passed on in HTTP/1.1.
#[test]
fn a_tunnel_for_plain_frames() {
    let server = Frames::start(None);
    let proxy = Tunnels::start(200);
    let http = format!("version: 2, proxy: \"http://{}\"", proxy.address());
    let flow = "  - name: ask\n    get: /\n";
    let ended = run(&server.url("http"), &http, "{ users: 1, iterations: 3 }", flow).end().expect_passed();
    assert_eq!((ended.count("ask", "success"), proxy.asked().len()), (3, 2), "{}", ended.said());
}

#[track_caller]
fn expect_cause(ended: &Ended, cause: &str, words: &str) {
    assert_eq!(ended.count("ask", cause), 2, "{cause}: {}", ended.said());
    let detail = ended.list("causes")[0]["example"]["detail"].as_str().unwrap();
    assert!(detail.contains(words), "`{detail}` has no `{words}`");
}

#[test]
fn streams_and_connections_that_end() {
    let server = Frames::start(None);
    for (path, cause, words) in [
        ("/reset", "stream reset", "before an answer (INTERNAL_ERROR)"),
        ("/refused", "stream reset", "(REFUSED_STREAM)"),
        ("/reset-inside", "stream reset", "inside the answer (CANCEL)"),
        ("/goaway", "goaway", "(ENHANCE_YOUR_CALM)"),
        ("/close", "closed before an answer", "without an answer"),
        ("/truncated", "truncated answer", "inside the answer"),
        ("/shorter", "protocol (http/2)", "PROTOCOL_ERROR"),
        ("/hang", "timeout (wait)", "before an answer came"),
        ("/slow-body", "timeout (receive)", "inside the answer"),
    ] {
        let before = server.asked().len();
        let flow = format!("  - name: ask\n    get: {path}\n");
        let http = "version: 2, timeout: 500ms";
        let ended = run(&server.url("http"), http, "{ users: 1, iterations: 2 }", &flow).end();
        let ended = ended.expect_code(99).expect_sent(server.asked().len() - before);
        expect_cause(&ended, cause, words);
        assert_eq!(ended.total("in_doubt"), 2, "they were sent: {}", ended.said());
    }
}

#[test]
fn a_server_without_frames() {
    let old = Faulty::start(Behaviour::Ok);
    let flow = "  - name: ask\n    get: /\n";
    let ended = run(&old.url(), "version: 2", "{ users: 1, iterations: 2 }", flow).end().expect_code(99);
    expect_cause(&ended.expect_accounted(), "protocol (http/2)", "the server answers in HTTP/1");
    let new = Frames::start(None);
    let ended =
        run(&new.url("http"), "version: 1.1", "{ users: 1, iterations: 2 }", flow).end().expect_code(99);
    let words = "the server answers in HTTP/2: `http: { version: 2 }` speaks it";
    expect_cause(&ended.expect_accounted(), "protocol (status line)", words);
}
