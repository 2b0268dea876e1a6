//! Every way in which a server can fail becomes its own cause, and no request is sent twice.

#![expect(clippy::unwrap_used, reason = "a broken fixture is a broken test")]

mod support;

use std::net::TcpListener;
use std::time::Duration;

use loadtest::http::request::{HeadStart, USER_AGENT, finish, write_head_start};
use loadtest::http::{
    ExchangeError, KeepBody, MAX_KEPT_BODY, Origin, Request, Response, Timing, UserConnections,
};
use loadtest::outcome::{Cause, Phase, ProtocolFault};
use support::faulty::{Behaviour, Faulty, FullBacklog};

/// Long enough for loopback on a busy machine, short enough to wait for.
const SHORT: Duration = Duration::from_millis(150);
const LONG: Duration = Duration::from_secs(10);

/// One virtual user, and what its last exchange left.
struct User {
    origin: Origin,
    connections: UserConnections,
    response: Response,
    timing: Timing,
    timeout: Duration,
    keep_body: KeepBody,
}

impl User {
    fn of(server: &Faulty) -> User {
        User::at(&server.url())
    }

    fn at(url: &str) -> User {
        User {
            origin: url.parse().unwrap(),
            connections: UserConnections::default(),
            response: Response::new(),
            timing: Timing::new(),
            timeout: LONG,
            keep_body: KeepBody::Always,
        }
    }

    fn within(mut self, timeout: Duration) -> User {
        self.timeout = timeout;
        self
    }

    async fn send(&mut self, method: &str, body: Option<&[u8]>) -> Result<u16, Cause> {
        let mut wire = Vec::new();
        let host = self.origin.authority();
        let start =
            HeadStart { method, target: b"/", host: &host, user_agent: Some(USER_AGENT), forward: None };
        write_head_start(&mut wire, &start).unwrap();
        finish(&mut wire, method, body);
        let request = Request {
            origin: &self.origin,
            wire: &wire,
            insets: &[],
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

    async fn get(&mut self) -> Result<u16, Cause> {
        self.send("GET", None).await
    }
}

/// The outcome of a user's first request.
async fn first(behaviour: Behaviour) -> Result<u16, Cause> {
    let server = Faulty::start(behaviour);
    User::of(&server).within(LONG).get().await
}

/// The outcome of a request that has little time.
async fn first_in_a_hurry(behaviour: Behaviour) -> Result<u16, Cause> {
    let server = Faulty::start(behaviour);
    User::of(&server).within(SHORT).get().await
}

#[tokio::test]
async fn answers() {
    assert_eq!(first(Behaviour::Ok).await, Ok(200));
    assert_eq!(first(Behaviour::Status(503)).await, Ok(503));

    let server = Faulty::start(Behaviour::Echo);
    let mut user = User::of(&server);
    assert_eq!(user.send("POST", Some(b"hello")).await, Ok(200));
    assert_eq!(user.response.body(), b"hello");
    assert_eq!(user.response.header("Content-Length"), Some(b"5".as_slice()));
    assert_eq!(user.response.headers().collect::<Vec<_>>(), [("content-length", b"5".as_slice())]);
    let timing = user.timing;
    assert!(timing.connect.is_some() && timing.tls.is_none() && timing.dns.is_none());
    assert_eq!(timing.bytes_received, 43);
    assert!(timing.began <= timing.first_byte_written.unwrap());
    assert!(timing.first_byte_written < timing.first_byte_read);
    assert!(timing.first_byte_read.unwrap() <= timing.ended);
    assert_eq!(user.send("POST", Some(b"again")).await, Ok(200));
    assert!(user.timing.connect.is_none(), "the second exchange opened nothing");
}

#[tokio::test]
async fn bodies_are_counted_whole_and_kept_in_part() {
    let size = MAX_KEPT_BODY + 100_000;
    let server = Faulty::start(Behaviour::LargeBody(size));
    let mut user = User::of(&server);
    for (keep, kept) in [(KeepBody::Always, MAX_KEPT_BODY), (KeepBody::Never, 0), (KeepBody::UnlessOk, 0)] {
        user.keep_body = keep;
        assert_eq!(user.get().await, Ok(200));
        assert_eq!((user.response.body().len(), user.response.body_len()), (kept, size as u64), "{keep:?}");
    }
    assert_eq!(server.connections(), 1);

    let server = Faulty::start(Behaviour::Status(500));
    let mut user = User::of(&server);
    for (keep, kept) in [(KeepBody::Never, b"".as_slice()), (KeepBody::UnlessOk, b"no")] {
        user.keep_body = keep;
        assert_eq!(user.get().await, Ok(500));
        assert_eq!((user.response.body(), user.response.body_len()), (kept, 2));
    }
    user.response.reset();
    assert_eq!((user.response.status(), user.response.body_len()), (0, 0));
    assert_eq!(user.response.headers().count(), 0);
}

#[tokio::test]
async fn resets_and_closes() {
    assert_eq!(first(Behaviour::ResetBeforeAnswer).await, Err(Cause::Reset));
    assert_eq!(first(Behaviour::ResetInsideAnswer).await, Err(Cause::Reset));
    assert_eq!(first(Behaviour::CloseBeforeAnswer).await, Err(Cause::Closed));
    assert_eq!(first(Behaviour::HalfClose).await, Err(Cause::Closed));
    for bytes in [1, 10, 30, 60] {
        assert_eq!(first(Behaviour::CloseAfter(bytes)).await, Err(Cause::Truncated), "after {bytes}");
    }
    assert_eq!(first(Behaviour::ShorterThanSaid).await, Err(Cause::Truncated));
}

#[tokio::test]
async fn refused() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_eq!(User::at(&format!("http://{free}")).get().await, Err(Cause::Refused));
    let named = User::at(&format!("http://localhost:{}", free.port())).get().await;
    assert_eq!(named, Err(Cause::Refused), "every address of the name is tried");
}

#[tokio::test]
async fn a_name_without_an_address() {
    // Too long for a name, so that no resolver outside this machine is asked.
    let name = format!("http://{}.example", "a".repeat(64));
    assert_eq!(User::at(&name).get().await, Err(Cause::Dns));
}

#[tokio::test]
async fn broken_protocol() {
    let table = [
        (Behaviour::NoStatusLine, ProtocolFault::StatusLine),
        (Behaviour::BrokenChunk, ProtocolFault::Chunk),
        (Behaviour::HugeHeader(70_000), ProtocolFault::HeadTooLarge),
        (Behaviour::Raw(b"HTTP/1.1 200 OK\r\nbad header: x\r\n\r\n".to_vec()), ProtocolFault::Header),
        (
            Behaviour::Raw(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n".to_vec()),
            ProtocolFault::ContentLength,
        ),
        (
            Behaviour::Raw(b"HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec()),
            ProtocolFault::TransferEncoding,
        ),
        (Behaviour::Raw(b"HTTP/1.1 101 Switching\r\n\r\n".to_vec()), ProtocolFault::Unexpected),
    ];
    for (behaviour, fault) in table {
        let name = format!("{behaviour:?}");
        assert_eq!(first(behaviour).await, Err(Cause::Protocol(fault)), "{name:.80}");
    }
    assert_eq!(first(Behaviour::HugeHeader(60_000)).await, Ok(200));
}

#[tokio::test]
async fn timeouts_name_their_phase() {
    let hang = first_in_a_hurry(Behaviour::HangBeforeAnswer).await;
    assert_eq!(hang, Err(Cause::Timeout(Phase::Wait)));
    let unread = first_in_a_hurry(Behaviour::HangAfterAccept).await;
    assert_eq!(unread, Err(Cause::Timeout(Phase::Wait)), "the system took the request in");
    let slow_head = first_in_a_hurry(Behaviour::SlowHead(Duration::from_millis(40))).await;
    assert_eq!(slow_head, Err(Cause::Timeout(Phase::Receive)));
    let slow_body = first_in_a_hurry(Behaviour::SlowBody(Duration::from_millis(40))).await;
    assert_eq!(slow_body, Err(Cause::Timeout(Phase::Receive)));

    let server = Faulty::start(Behaviour::HangAfterAccept);
    let mut user = User::of(&server).within(SHORT);
    let stuck = user.send("POST", Some(&vec![0; 64 * 1024 * 1024])).await;
    assert_eq!(stuck, Err(Cause::Timeout(Phase::Send)));
    assert!(user.timing.bytes_sent > 0 && user.timing.first_byte_read.is_none());

    let secure = server.url().replace("http", "https");
    assert_eq!(User::at(&secure).within(SHORT).get().await, Err(Cause::Timeout(Phase::Tls)));
}

#[tokio::test]
async fn a_full_backlog_is_a_timeout_in_connect() {
    let full = FullBacklog::new();
    let mut user = User::at(&full.url()).within(SHORT);
    assert_eq!(user.get().await, Err(Cause::Timeout(Phase::Connect)));
    assert!(user.timing.connect.is_none() && user.timing.first_byte_written.is_none());
    assert!(user.timing.ended > user.timing.began);
}

#[tokio::test]
async fn slow_answers_in_time_are_good() {
    assert_eq!(first(Behaviour::SlowHead(Duration::from_millis(1))).await, Ok(200));
    assert_eq!(first(Behaviour::SlowBody(Duration::from_millis(1))).await, Ok(200));
}

#[tokio::test]
async fn a_hundred_requests_use_one_connection() {
    let server = Faulty::start(Behaviour::Ok);
    let mut user = User::of(&server);
    for _ in 0..100 {
        assert_eq!(user.get().await, Ok(200));
    }
    assert_eq!((server.connections(), server.requests()), (1, 100));

    let mut next = User::of(&server);
    next.connections = user.connections.take();
    assert!(user.connections.is_empty());
    assert_eq!(next.get().await, Ok(200));
    assert_eq!(server.connections(), 1, "the next user took the connection over");
    next.connections.close();
    assert_eq!(next.get().await, Ok(200));
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn one_connection_for_each_origin() {
    let (one, two) = (Faulty::start(Behaviour::Ok), Faulty::start(Behaviour::Ok));
    let mut user = User::of(&one);
    for server in [&one, &two, &one, &two] {
        user.origin = server.url().parse().unwrap();
        assert_eq!(user.get().await, Ok(200));
    }
    assert_eq!((one.connections(), two.connections()), (1, 1));
}

#[tokio::test]
async fn an_unsent_request_is_sent_over_a_new_connection() {
    for behaviour in [Behaviour::CloseAfterAnswer, Behaviour::SpeakUnasked] {
        let server = Faulty::start(behaviour);
        let mut user = User::of(&server);
        for _ in 0..3 {
            assert_eq!(user.get().await, Ok(200));
            // Until the close, or the bytes nobody asked for, have come.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!((server.connections(), server.requests()), (3, 3));
        assert!(user.timing.connect.is_some(), "connecting again belongs to the exchange");
    }
}

#[tokio::test]
async fn a_sent_request_is_never_repeated() {
    for behaviour in [Behaviour::CloseOnSecondRequest, Behaviour::ResetOnSecondRequest] {
        let server = Faulty::start(behaviour);
        let mut user = User::of(&server);
        assert_eq!(user.get().await, Ok(200));
        assert_eq!(user.get().await, Err(Cause::StaleConnection));
        assert_eq!((server.connections(), server.requests()), (1, 2));
        assert_eq!(user.get().await, Ok(200));
        assert_eq!((server.connections(), server.requests()), (2, 3));
    }
}

#[tokio::test]
async fn bytes_behind_an_answer_cost_the_connection_only() {
    let server = Faulty::start(Behaviour::LongerThanSaid);
    let mut user = User::of(&server);
    for _ in 0..3 {
        assert_eq!(user.get().await, Ok(200));
        assert_eq!(user.response.body(), b"ok");
        assert!(user.connections.is_empty());
    }
    assert_eq!(server.connections(), 3);
}

#[tokio::test]
async fn an_early_answer_to_a_large_body_is_read() {
    let server = Faulty::start(Behaviour::RefuseBody);
    let mut user = User::of(&server);
    for _ in 0..5 {
        assert_eq!(user.send("POST", Some(&vec![0; 16 * 1024 * 1024])).await, Ok(413));
        assert_eq!(user.response.body(), b"no");
        assert!(user.connections.is_empty(), "a half-sent request leaves no usable connection");
    }
}

#[tokio::test]
async fn answers_that_end_with_the_connection() {
    let mut user = User::at("http://127.0.0.1:1");
    for answer in [
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok",
        "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
    ] {
        let server = Faulty::start(Behaviour::Raw(answer.into()));
        user.origin = server.url().parse().unwrap();
        assert_eq!(user.get().await, Ok(200));
        assert!(user.connections.is_empty(), "{answer}");
    }
    let server = Faulty::start(Behaviour::Raw("HTTP/1.1 204 No Content\r\ncontent-length: 9\r\n\r\n".into()));
    let mut user = User::of(&server);
    assert_eq!(user.get().await, Ok(204));
    assert_eq!(user.send("HEAD", None).await, Ok(204));
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_dropped_exchange_leaves_no_connection() {
    let server = Faulty::start(Behaviour::SlowBody(Duration::from_millis(20)));
    let mut user = User::of(&server);
    let cut = tokio::time::timeout(Duration::from_millis(100), user.get()).await;
    assert!(cut.is_err());
    assert!(user.response.status() == 200 && user.connections.is_empty());
}

#[tokio::test]
async fn an_endless_answer_still_runs_out_of_time() {
    let server = Faulty::start(Behaviour::Endless);
    let mut user = User::of(&server).within(SHORT);
    user.keep_body = KeepBody::Never;
    assert_eq!(user.get().await, Err(Cause::Timeout(Phase::Receive)));
}

#[tokio::test]
async fn the_future_of_an_exchange_is_small() {
    let server = Faulty::start(Behaviour::Ok);
    let mut user = User::of(&server);
    let request = Request {
        origin: &user.origin,
        wire: b"",
        insets: &[],
        is_head: false,
        timeout: LONG,
        keep_body: KeepBody::Never,
    };
    let exchange = user.connections.exchange(&request, &mut user.response, &mut user.timing);
    let size = std::mem::size_of_val(&exchange);
    assert!(size <= 768, "{size} bytes for each waiting user");
    drop(exchange);
}

#[tokio::test]
async fn a_timer_serves_the_task_that_took_it_over() {
    let (good, silent) = (Faulty::start(Behaviour::Ok), Faulty::start(Behaviour::HangBeforeAnswer));
    let mut first = User::of(&good).within(Duration::from_millis(50));
    let mut second = User::of(&silent).within(SHORT);
    let local = tokio::task::LocalSet::new();
    local
        .run_until(async move {
            let handed_over = tokio::task::spawn_local(async move {
                assert_eq!(first.get().await, Ok(200));
                first.connections
            });
            second.connections = handed_over.await.unwrap();
            let outcome = tokio::task::spawn_local(async move { second.get().await });
            let outcome = tokio::time::timeout(LONG, outcome).await.unwrap().unwrap();
            assert_eq!(outcome, Err(Cause::Timeout(Phase::Wait)));
        })
        .await;
}
