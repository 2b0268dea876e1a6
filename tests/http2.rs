//! HTTP/2: the same requests and answers as over HTTP/1.1, and every way in which a server can fail by its name.

#![expect(clippy::unwrap_used, reason = "a broken fixture is a broken test")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::http::{Request as Message, Response as Answer};
use loadtest::http::request::{HeadStart, Inset, USER_AGENT, finish_head, write_head_start, write_header};
use loadtest::http::{
    ExchangeError, KeepBody, MAX_KEPT_BODY, Network, NetworkOptions, Origin, Request, Response, Timing,
    TlsOptions, UserConnections, Version,
};
use loadtest::outcome::{Cause, Phase, ProtocolFault};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use support::faulty::{Behaviour, Faulty};
use support::http2::{Frames, hyper_server};
use support::secure::Authority;
use tokio::task::LocalSet;

const LONG: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_millis(200);

struct User {
    origin: Origin,
    connections: UserConnections,
    response: Response,
    timing: Timing,
    timeout: Duration,
    keep_body: KeepBody,
}

impl User {
    fn new(url: &str, version: Version) -> User {
        User::with(url, NetworkOptions { version, ..NetworkOptions::default() })
    }

    fn with(url: &str, options: NetworkOptions) -> User {
        let origin: Origin = url.parse().unwrap();
        User {
            connections: UserConnections::new(Arc::new(Network::new(options, origin.clone(), None))),
            origin,
            response: Response::new(),
            timing: Timing::new(),
            timeout: LONG,
            keep_body: KeepBody::Always,
        }
    }

    async fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
        insets: &[Inset],
    ) -> Result<u16, Cause> {
        let mut wire = Vec::new();
        let host = self.origin.authority();
        let start = HeadStart {
            method,
            target: path.as_bytes(),
            host: &host,
            user_agent: Some(USER_AGENT),
            forward: None,
        };
        write_head_start(&mut wire, &start).unwrap();
        for (name, value) in headers {
            write_header(&mut wire, name, value.as_bytes()).unwrap();
        }
        let files: usize = insets.iter().map(|inset| inset.bytes.len()).sum();
        finish_head(&mut wire, method, body.map(|body| body.len() + files));
        let head = wire.len();
        wire.extend_from_slice(body.unwrap_or_default());
        let insets: Vec<Inset> = insets.iter().map(|inset| inset.clone().behind(head)).collect();
        let request = Request {
            origin: &self.origin,
            wire: &wire,
            insets: &insets,
            is_head: method == "HEAD",
            timeout: self.timeout,
            keep_body: self.keep_body,
        };
        match self.connections.exchange(&request, &mut self.response, &mut self.timing).await {
            Ok(()) => Ok(self.response.status()),
            Err(ExchangeError::Target { cause, .. }) => Err(cause),
            Err(own) => panic!("not the target's fault: {own}"),
        }
    }

    async fn get(&mut self, path: &str) -> Result<u16, Cause> {
        self.send("GET", path, &[], None, &[]).await
    }
}

/// Runs within what the connections of HTTP/2 need.
fn within<F: Future>(work: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, work)
}

/// A user that speaks HTTP/2 to a plain server at once.
fn knowing(server: &Frames) -> User {
    User::new(&server.url("http"), Version::Http2)
}

#[test]
fn one_connection_carries_all_requests() {
    let server = Frames::start(None);
    within(async {
        let mut user = knowing(&server);
        for nth in 0..20 {
            assert_eq!(user.get("/").await, Ok(200));
            assert_eq!(user.response.body(), b"ok");
            assert_eq!(user.timing.connect.is_some(), nth == 0);
        }
        assert_eq!(user.send("POST", "/echo?x=y", &[("X-Own", "1")], Some(b"hello"), &[]).await, Ok(200));
        assert_eq!((user.response.body(), user.response.body_len()), (b"hello".as_slice(), 5));
        assert_eq!(user.send("HEAD", "/", &[], None, &[]).await, Ok(200));
        assert_eq!(user.get("/empty").await, Ok(204));
        assert_eq!(user.get("/interim").await, Ok(200));
        assert_eq!(user.response.body(), b"late");
        let timing = user.timing;
        assert!(timing.began <= timing.first_byte_written.unwrap());
        assert!(timing.first_byte_written < timing.first_byte_read);
        assert!(timing.first_byte_read.unwrap() <= timing.ended);
        assert!(timing.bytes_sent > 9 && timing.bytes_received > 13, "{timing:?}");
        assert_eq!(user.get("/cookie").await, Ok(200));
        assert!(user.response.sets_cookies());
        assert_eq!(user.response.headers().filter(|(name, _)| *name == "set-cookie").count(), 2);
    });
    assert_eq!(server.connections(), 1);
    let asked = server.asked();
    let echo = asked.iter().find(|asked| asked.method == "POST").unwrap();
    assert_eq!(echo.url, format!("{}/echo?x=y", server.url("http")));
    assert_eq!(
        (echo.header("x-own"), echo.header("content-length"), echo.header("host")),
        (Some("1"), Some("5"), None)
    );
}

#[test]
fn bodies_are_counted_whole_and_kept_in_part() {
    let server = Frames::start(None);
    within(async {
        let mut user = knowing(&server);
        for (keep, kept) in [(KeepBody::Always, MAX_KEPT_BODY), (KeepBody::Never, 0), (KeepBody::UnlessOk, 0)]
        {
            user.keep_body = keep;
            assert_eq!(user.get("/large").await, Ok(200));
            assert_eq!((user.response.body().len(), user.response.body_len()), (kept, 3_000_000), "{keep:?}");
        }
        assert_eq!(user.get("/status/503").await, Ok(503));
        assert_eq!(user.response.body(), b"as asked");
    });
}

/// More than the windows of a connection hold at once.
#[test]
fn large_requests_with_files_arrive_whole() {
    let server = Frames::start(None);
    let file = Bytes::from(vec![b'f'; 2_000_000]);
    within(async {
        let mut user = knowing(&server);
        let insets = [Inset { at: 2, bytes: file.clone() }, Inset { at: 2, bytes: file.clone() }];
        assert_eq!(user.send("POST", "/", &[], Some(b"<<>>"), &insets).await, Ok(200));
        assert!(user.timing.bytes_sent > 4_000_004);
    });
    let asked = &server.asked()[0];
    assert_eq!(asked.body.len(), 4_000_004);
    assert!(asked.body.starts_with(b"<<ff") && asked.body.ends_with(b"ff>>"));
}

#[test]
fn every_failure_has_its_cause() {
    let server = Frames::start(None);
    within(async {
        for (path, cause, keeps) in [
            ("/reset", Cause::StreamReset, true),
            ("/refused", Cause::StreamReset, true),
            ("/reset-inside", Cause::StreamReset, true),
            ("/goaway", Cause::GoAway, false),
            ("/close", Cause::Closed, false),
            ("/truncated", Cause::Truncated, false),
            ("/shorter", Cause::Protocol(ProtocolFault::Http2), false),
            ("/many-headers", Cause::Protocol(ProtocolFault::Http2), false),
        ] {
            let mut user = knowing(&server);
            assert_eq!(user.get(path).await, Err(cause), "{path}");
            assert!(user.timing.first_byte_written.is_some(), "{path}: bytes went out");
            let before = server.connections();
            assert_eq!(user.get("/").await, Ok(200), "{path}");
            assert_eq!(server.connections() - before, usize::from(!keeps), "{path}: is the connection kept?");
        }
        let mut user = knowing(&server);
        assert_eq!(user.get("/").await, Ok(200));
        assert_eq!(user.get("/close").await, Err(Cause::StaleConnection));
    });
}

#[test]
fn time_runs_out_in_its_phase() {
    let server = Frames::start(None);
    within(async {
        for (path, phase) in [("/hang", Phase::Wait), ("/slow-body", Phase::Receive)] {
            let mut user = knowing(&server);
            user.timeout = SHORT;
            assert_eq!(user.get(path).await, Err(Cause::Timeout(phase)), "{path}");
            assert!(user.timing.first_byte_written.is_some());
            user.timeout = LONG;
            assert_eq!(user.get("/").await, Ok(200));
        }
        let silent = Faulty::start(Behaviour::HangAfterAccept);
        let mut user = User::new(&silent.url(), Version::Http2);
        user.timeout = SHORT;
        assert_eq!(user.get("/").await, Err(Cause::Timeout(Phase::Wait)));
    });
}

/// A user that is cut off in the middle of a request: its bytes are known to have gone out.
#[test]
fn a_request_that_is_dropped_was_sent() {
    let server = Frames::start(None);
    within(async {
        let mut user = knowing(&server);
        let cut_off = tokio::time::timeout(SHORT, user.get("/hang")).await;
        assert!(cut_off.is_err());
        assert!(user.timing.first_byte_written.is_some());
        assert_eq!(user.get("/").await, Ok(200));
    });
    assert_eq!(server.connections(), 2, "the old connection went with the request");
}

/// A server that says goodbye takes no more requests, and none is lost.
#[test]
fn a_goodbye_costs_a_connection_and_no_request() {
    let server = Frames::start(None);
    within(async {
        let mut user = knowing(&server);
        for _ in 0..5 {
            assert_eq!(user.get("/bye").await, Ok(200));
            // The goodbye comes behind the answer.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    assert_eq!((server.connections(), server.asked().len()), (5, 5));
}

#[test]
fn servers_that_speak_something_else() {
    within(async {
        let http_1 = Faulty::start(Behaviour::Ok);
        let mut user = User::new(&http_1.url(), Version::Http2);
        assert_eq!(user.get("/").await, Err(Cause::Protocol(ProtocolFault::Http2)));
        let mail = Faulty::start(Behaviour::NoStatusLine);
        let mut user = User::new(&mail.url(), Version::Http2);
        assert_eq!(user.get("/").await, Err(Cause::Protocol(ProtocolFault::Http2)));
        let http_2 = Frames::start(None);
        let mut user = User::new(&http_2.url("http"), Version::Http1);
        let Err(cause) = user.get("/").await else { panic!("frames are no HTTP/1.1") };
        assert!(
            [Cause::Protocol(ProtocolFault::StatusLine), Cause::Closed, Cause::Reset].contains(&cause),
            "{cause}"
        );
    });
}

fn trusting(authority: &Authority, version: Version) -> NetworkOptions {
    let tls = TlsOptions { authorities: vec![authority.certificate()], ..TlsOptions::default() };
    NetworkOptions { version, tls, proxy: None }
}

#[test]
fn what_is_spoken_is_agreed_upon_over_tls() {
    let authority = Authority::new();
    let both = Frames::start(Some(authority.config("127.0.0.1", |_| {}, None)));
    let old = authority.server("127.0.0.1", |_| {});
    within(async {
        for version in [Version::Http2, Version::Auto] {
            let mut user = User::with(&both.url("https"), trusting(&authority, version));
            assert_eq!(user.get("/").await, Ok(200), "{version:?}");
            assert_eq!(user.get("/").await, Ok(200), "{version:?}");
        }
        assert_eq!((both.connections(), both.asked().len()), (2, 4));
        assert!(both.asked()[0].url.starts_with("https://127.0.0.1:"));

        // This one says that it speaks HTTP/2, and does not; with HTTP/1.1 it is fine.
        let mut user = User::with(&old.url("127.0.0.1"), trusting(&authority, Version::Auto));
        assert_eq!(user.get("/").await, Err(Cause::Protocol(ProtocolFault::Http2)));
        let mut user = User::with(&old.url("127.0.0.1"), trusting(&authority, Version::Http1));
        assert_eq!(user.get("/").await, Ok(200));
    });
    let mut only_http_1 = Arc::unwrap_or_clone(authority.config("127.0.0.1", |_| {}, None));
    only_http_1.alpn_protocols = vec![b"http/1.1".to_vec()];
    let old = support::secure::Secure::start(Arc::new(only_http_1));
    let mut without = Arc::unwrap_or_clone(authority.config("127.0.0.1", |_| {}, None));
    without.alpn_protocols = Vec::new();
    let older = support::secure::Secure::start(Arc::new(without));
    within(async {
        for server in [&old, &older] {
            let mut user = User::with(&server.url("127.0.0.1"), trusting(&authority, Version::Auto));
            assert_eq!(user.get("/").await, Ok(200));
            let mut user = User::with(&server.url("127.0.0.1"), trusting(&authority, Version::Http2));
            assert_eq!(user.get("/").await, Err(Cause::Tls));
        }
    });
}

/// What a server of hyper's saw of a request, and what it answers.
fn mirror(request: &Message<Vec<u8>>) -> Answer<Vec<u8>> {
    let mut seen = format!("{} {}\n", request.method(), request.uri().path_and_query().unwrap());
    let mut headers: Vec<String> = Vec::new();
    for (name, value) in request.headers() {
        if name != "host" {
            headers.push(format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes())));
        }
    }
    headers.sort();
    seen += &headers.concat();
    seen += &String::from_utf8_lossy(request.body());
    let status = request.headers().get("x-status").map_or("200", |status| status.to_str().unwrap());
    let answer = Answer::builder().status(status).header("x-one", "1").header("x-one", "2");
    let is_empty = status == "204" || request.method() == "HEAD";
    answer.body(if is_empty { Vec::new() } else { seen.into_bytes() }).unwrap()
}

/// The same request over both versions is the same to the server, and so is its answer to us.
#[test]
fn both_versions_are_the_same_to_a_server_of_hyper_s() {
    let address = hyper_server(|request| mirror(&request));
    let url = format!("http://{address}");
    let requests = (
        prop::sample::select(vec!["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]),
        "/[a-zA-Z0-9_.~!$&'()*+,;=:@%/-]{0,30}(\\?[a-zA-Z0-9=&\\[\\]{}|-]{0,20})?",
        proptest::collection::vec(("x-[a-z]{1,8}", "[ -~]{0,20}"), 0..5),
        proptest::option::of(proptest::collection::vec(any::<u8>(), 0..40_000)),
        prop::sample::select(vec!["200", "204", "404", "503"]),
    );
    let config = Config { cases: 150, failure_persistence: None, ..Config::default() };
    let read = |user: &User| {
        let headers: Vec<(String, Vec<u8>)> = user
            .response
            .headers()
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_vec()))
            .filter(|(name, _)| !["date", "content-length", "transfer-encoding"].contains(&name.as_str()))
            .collect();
        (user.response.status(), headers, user.response.body().to_vec(), user.response.body_len())
    };
    TestRunner::new(config)
        .run(&requests, |(method, path, headers, body, status)| {
            within(async {
                let mut headers: Vec<(&str, &str)> =
                    headers.iter().map(|(name, value)| (name.as_str(), value.trim())).collect();
                headers.push(("x-status", status));
                let mut seen = Vec::new();
                for version in [Version::Http1, Version::Http2] {
                    let mut user = User::new(&url, version);
                    let outcome = user.send(method, &path, &headers, body.as_deref(), &[]).await;
                    prop_assert_eq!(
                        outcome,
                        Ok(status.parse().unwrap()),
                        "{:?} {} {}",
                        version,
                        method,
                        path
                    );
                    seen.push(read(&user));
                }
                prop_assert_eq!(String::from_utf8_lossy(&seen[0].2), String::from_utf8_lossy(&seen[1].2));
                prop_assert_eq!((seen[0].0, &seen[0].1), (seen[1].0, &seen[1].1));
                Ok(())
            })
        })
        .unwrap_or_else(|error| panic!("{error}"));
}
