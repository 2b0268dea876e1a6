//! TLS: a good server is spoken to, and each bad certificate or handshake is named in words.

#![expect(clippy::unwrap_used, reason = "a broken fixture is a broken test")]

mod support;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use loadtest::http::{
    ExchangeError, KeepBody, Network, Origin, Request, Response, Timing, Tls, UserConnections,
};
use loadtest::outcome::{Cause, Phase, ProtocolFault};
use rcgen::date_time_ymd;
use support::faulty::{Behaviour, Faulty};
use support::secure::Authority;

fn trust(authority: &Authority) -> Tls {
    Tls::with_roots([authority.certificate()]).unwrap()
}

struct User {
    connections: UserConnections,
    response: Response,
    timing: Timing,
}

impl User {
    fn new(tls: Tls) -> User {
        User {
            connections: UserConnections::new(Arc::new(Network::with_tls(tls))),
            response: Response::new(),
            timing: Timing::new(),
        }
    }

    async fn get(&mut self, url: &str) -> Result<u16, (Cause, String)> {
        let (origin, path) = Origin::parse_url(url).unwrap();
        let wire = format!("GET {path} HTTP/1.1\r\nhost: {}\r\n\r\n", origin.authority());
        let request = Request {
            origin: &origin,
            wire: wire.as_bytes(),
            insets: &[],
            is_head: false,
            timeout: Duration::from_secs(10),
            keep_body: KeepBody::Always,
        };
        match self.connections.exchange(&request, &mut self.response, &mut self.timing).await {
            Ok(()) => Ok(self.response.status()),
            Err(ExchangeError::Target { cause, detail }) => Err((cause, detail.into_owned())),
            Err(own) => panic!("not the target's fault: {own}"),
        }
    }
}

/// The words of a TLS failure.
fn words(outcome: Result<u16, (Cause, String)>) -> String {
    match outcome {
        Err((Cause::Tls, words)) => words,
        other => panic!("a TLS failure was expected: {other:?}"),
    }
}

#[tokio::test]
async fn a_good_server() {
    let authority = Authority::new();
    let server = authority.server("localhost", |_| {});
    let mut user = User::new(trust(&authority));
    let url = server.url("localhost") + "/";
    for nth in 0..10 {
        assert_eq!(user.get(&url).await, Ok(200));
        assert_eq!(user.response.body(), b"ok");
        assert_eq!(user.timing.tls.is_some(), nth == 0, "one handshake for all requests");
    }
    assert_eq!(server.resumed(), 0);

    user.connections.close();
    assert_eq!(user.get(&url).await, Ok(200));
    assert_eq!(server.resumed(), 1, "a new connection resumes the session");
}

#[tokio::test]
async fn an_address_can_have_a_certificate() {
    let authority = Authority::new();
    let server = authority.server("127.0.0.1", |_| {});
    let mut user = User::new(trust(&authority));
    assert_eq!(user.get(&(server.url("127.0.0.1") + "/")).await, Ok(200));
}

#[tokio::test]
async fn bad_certificates_are_named() {
    let authority = Authority::new();
    let mut user = User::new(trust(&authority));

    let server = authority.server("other.example", |_| {});
    let said = words(user.get(&server.url("localhost")).await);
    assert_eq!(said, "the certificate is for other.example, not localhost");

    let server = authority.server("localhost", |params| params.not_after = date_time_ymd(2001, 1, 1));
    assert_eq!(words(user.get(&server.url("localhost")).await), "the certificate expired");

    let server = authority.server("localhost", |params| params.not_before = date_time_ymd(4000, 1, 1));
    assert_eq!(words(user.get(&server.url("localhost")).await), "the certificate is not valid yet");

    let server = Authority::new().server("localhost", |_| {});
    let said = words(user.get(&server.url("localhost")).await);
    assert!(said.starts_with("the certificate is not signed by the authority it names"), "{said}");

    let server = Authority::named("Another").server("localhost", |_| {});
    let said = words(user.get(&server.url("localhost")).await);
    assert!(said.starts_with("the certificate is signed by an unknown authority"), "{said}");
    assert!(user.timing.connect.is_some() && user.timing.tls.is_none());
}

#[tokio::test]
async fn tls_on_a_plain_port_and_plain_on_a_tls_port() {
    let authority = Authority::new();
    let mut user = User::new(trust(&authority));

    // Answers 400 to what is no HTTP, as most servers do.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let answers = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 4096]);
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
        stream
    });
    let said = words(user.get(&format!("https://localhost:{port}")).await);
    assert_eq!(said, format!("the server does not speak TLS on port {port}: is it http:// there?"));
    drop(answers);

    // Closes on it, as others do.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 4096]);
    });
    let said = words(user.get(&format!("https://localhost:{port}")).await);
    assert!(said.contains(&format!("does port {port} speak TLS?")), "{said}");

    let server = authority.server("localhost", |_| {});
    let plain = server.url("localhost").replace("https", "http") + "/";
    let Err((cause, said)) = user.get(&plain).await else { panic!("a TLS server answered plain HTTP") };
    assert_eq!(cause, Cause::Protocol(ProtocolFault::StatusLine));
    assert_eq!(said, "the server speaks TLS on this port: is it https:// there?");
}

#[tokio::test]
async fn an_end_without_goodbye_cuts_the_answer() {
    let authority = Authority::new();
    let server = authority.server("localhost", |_| {});
    let mut user = User::new(trust(&authority));
    let outcome = user.get(&(server.url("localhost") + "/cut")).await;
    assert_eq!(outcome.map_err(|(cause, _)| cause), Err(Cause::Truncated));
}

#[tokio::test]
async fn a_closed_idle_connection_is_noticed() {
    let authority = Authority::new();
    let server = authority.server("localhost", |_| {});
    let url = server.url("localhost");
    let mut user = User::new(trust(&authority));
    assert_eq!(user.get(&(url.clone() + "/")).await, Ok(200));
    // Session tickets have come by now; they are no reason to give the connection up.
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(user.get(&(url.clone() + "/bye")).await, Ok(200));
    assert!(user.timing.tls.is_none());
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(user.get(&(url + "/")).await, Ok(200));
    assert!(user.timing.tls.is_some(), "the request went over a new connection, and was not lost");
}

#[tokio::test]
async fn a_handshake_has_no_more_time_than_the_request() {
    let silent = Faulty::start(Behaviour::HangAfterAccept);
    let url = silent.url().replace("http", "https");
    let origin: Origin = url.parse().unwrap();
    let mut user = User::new(trust(&Authority::new()));
    let request = Request {
        origin: &origin,
        wire: b"GET / HTTP/1.1\r\n\r\n",
        insets: &[],
        is_head: false,
        timeout: Duration::from_millis(150),
        keep_body: KeepBody::Never,
    };
    let outcome = user.connections.exchange(&request, &mut user.response, &mut user.timing).await;
    let Err(ExchangeError::Target { cause, .. }) = outcome else { panic!("{outcome:?}") };
    assert_eq!(cause, Cause::Timeout(Phase::Tls));
}
