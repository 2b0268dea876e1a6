//! TLS: a good server is spoken to, and each bad certificate or handshake is named in words.

#![expect(clippy::unwrap_used, reason = "a broken fixture is a broken test")]

mod support;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use loadtest::http::{ExchangeError, KeepBody, Origin, Request, Response, Timing, Tls, UserConnections};
use loadtest::outcome::{Cause, Phase, ProtocolFault};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rustls::pki_types::PrivateKeyDer;
use rustls::{HandshakeKind, ServerConfig, ServerConnection, StreamOwned};
use support::faulty::{Behaviour, Faulty};

/// Whoever signs the servers' certificates.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Authority {
        Authority::named("An Authority")
    }

    fn named(name: &str) -> Authority {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Authority(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn tls(&self) -> Tls {
        Tls::with_roots([self.0.der().clone()]).unwrap()
    }

    /// A server whose certificate is for `name`, changed as `change` says.
    fn server(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Server {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            )
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Server::start(Arc::new(config))
    }
}

/// Answers every request with `ok`. After `/bye` it closes the connection; after `/cut` too, with an answer
/// whose end that close would be, and without TLS's goodbye.
struct Server {
    address: SocketAddr,
    resumed: Arc<AtomicUsize>,
}

impl Server {
    fn start(config: Arc<ServerConfig>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let resumed = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&resumed);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (config, counter) = (Arc::clone(&config), Arc::clone(&counter));
                thread::spawn(move || {
                    let session = ServerConnection::new(config).unwrap();
                    let mut stream = StreamOwned::new(session, stream);
                    let mut part = [0; 16 * 1024];
                    while let Ok(count) = stream.read(&mut part) {
                        if count == 0 {
                            break;
                        }
                        if stream.conn.handshake_kind() == Some(HandshakeKind::Resumed) {
                            counter.fetch_add(1, Ordering::SeqCst);
                        }
                        let request = String::from_utf8_lossy(&part[..count]);
                        let answer: &[u8] = match &request {
                            it if it.contains(" /cut ") => b"HTTP/1.1 200 OK\r\n\r\nok",
                            _ => b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
                        };
                        let ends = request.contains(" /cut ") || request.contains(" /bye ");
                        if stream.write_all(answer).is_err() || ends {
                            break;
                        }
                    }
                });
            }
        });
        Server { address, resumed }
    }

    fn url(&self, host: &str) -> String {
        format!("https://{host}:{}", self.address.port())
    }
}

struct User {
    connections: UserConnections,
    response: Response,
    timing: Timing,
}

impl User {
    fn new(tls: Tls) -> User {
        User {
            connections: UserConnections::new(Some(tls)),
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
    let mut user = User::new(authority.tls());
    let url = server.url("localhost") + "/";
    for nth in 0..10 {
        assert_eq!(user.get(&url).await, Ok(200));
        assert_eq!(user.response.body(), b"ok");
        assert_eq!(user.timing.tls.is_some(), nth == 0, "one handshake for all requests");
    }
    assert_eq!(server.resumed.load(Ordering::SeqCst), 0);

    user.connections.close();
    assert_eq!(user.get(&url).await, Ok(200));
    assert_eq!(server.resumed.load(Ordering::SeqCst), 1, "a new connection resumes the session");
}

#[tokio::test]
async fn an_address_can_have_a_certificate() {
    let authority = Authority::new();
    let server = authority.server("127.0.0.1", |_| {});
    let mut user = User::new(authority.tls());
    assert_eq!(user.get(&(server.url("127.0.0.1") + "/")).await, Ok(200));
}

#[tokio::test]
async fn bad_certificates_are_named() {
    let authority = Authority::new();
    let mut user = User::new(authority.tls());

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
    let mut user = User::new(authority.tls());

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
    let mut user = User::new(authority.tls());
    let outcome = user.get(&(server.url("localhost") + "/cut")).await;
    assert_eq!(outcome.map_err(|(cause, _)| cause), Err(Cause::Truncated));
}

#[tokio::test]
async fn a_closed_idle_connection_is_noticed() {
    let authority = Authority::new();
    let server = authority.server("localhost", |_| {});
    let url = server.url("localhost");
    let mut user = User::new(authority.tls());
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
    let mut user = User::new(Authority::new().tls());
    let request = Request {
        origin: &origin,
        wire: b"GET / HTTP/1.1\r\n\r\n",
        is_head: false,
        timeout: Duration::from_millis(150),
        keep_body: KeepBody::Never,
    };
    let outcome = user.connections.exchange(&request, &mut user.response, &mut user.timing).await;
    let Err(ExchangeError::Target { cause, .. }) = outcome else { panic!("{outcome:?}") };
    assert_eq!(cause, Cause::Timeout(Phase::Tls));
}
