//! Our reader of answers against hyper's client: the same bytes, split the same way, must be the same answer.
//!
//! What hyper reads (status, headers, body, and whether the body is whole), ours reads too; what hyper
//! refuses, ours refuses with a named cause. The one exception is written down in [`Read::exception`].

mod answers;

use std::collections::{BTreeMap, VecDeque};
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use answers::{Chunks, Framing, Harm, Recipe, recipe};
use hyper::body::Body;
use hyper::client::conn::http1;
use hyper::rt::ReadBufCursor;
use loadtest::http::{KeepBody, Progress, Response};
use loadtest::outcome::Cause;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};

/// What a reader made of an answer.
#[derive(Debug, Clone, PartialEq)]
enum Read {
    /// No head.
    Refused(String),
    /// A head, and a body that is whole or ends with an error.
    Answer { status: u16, headers: Vec<(String, Vec<u8>)>, body: Vec<u8>, broken: Option<String> },
}

impl Read {
    /// hyper hands a 101 to its caller, who may have asked for it. We never ask, and refuse.
    fn exception(&self) -> bool {
        matches!(self, Read::Answer { status: 101, .. })
    }

    fn outcome(&self) -> &'static str {
        match self {
            Read::Refused(_) => "refused",
            Read::Answer { broken: Some(_), .. } => "broken body",
            Read::Answer { broken: None, .. } => "whole",
        }
    }
}

fn in_order(mut headers: Vec<(String, Vec<u8>)>) -> Vec<(String, Vec<u8>)> {
    // hyper keeps the order within a name only.
    headers.sort_by(|one, two| one.0.cmp(&two.0));
    headers
}

fn read_by_us(recipe: &Recipe) -> Read {
    let mut response = Response::new();
    response.begin(recipe.method == "HEAD", KeepBody::Always);
    let mut outcome = Ok(());
    let mut complete = false;
    for segment in recipe.segments() {
        match response.receive(&segment) {
            Ok(Progress::More) => {}
            Ok(Progress::Complete) => complete = true,
            Err(fault) => outcome = Err(Cause::Protocol(fault)),
        }
        if complete || outcome.is_err() {
            break;
        }
    }
    if !complete && outcome.is_ok() {
        outcome = response.end();
    }
    let broken = outcome.err().map(|cause| cause.to_string());
    if response.status() == 0 {
        return Read::Refused(broken.expect("an answer without a head is refused"));
    }
    assert_eq!(response.body_len(), response.body().len() as u64);
    let headers = response.headers().map(|(name, value)| (name.to_ascii_lowercase(), value.to_vec()));
    Read::Answer {
        status: response.status(),
        headers: in_order(headers.collect()),
        body: response.body().to_vec(),
        broken,
    }
}

/// A connection that plays segments, one for each read, once a request has been written.
struct Script {
    segments: VecDeque<Vec<u8>>,
    written: bool,
    waiting: Option<Waker>,
}

impl hyper::rt::Read for Script {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut space: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.written {
            self.waiting = Some(cx.waker().clone());
            return Poll::Pending;
        }
        if let Some(mut segment) = self.segments.pop_front() {
            let now = segment.len().min(space.remaining());
            let rest = segment.split_off(now);
            space.put_slice(&segment);
            if !rest.is_empty() {
                self.segments.push_front(rest);
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl hyper::rt::Write for Script {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.written = true;
        if let Some(waiting) = self.waiting.take() {
            waiting.wake();
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

async fn read_by_hyper(recipe: &Recipe) -> Read {
    let script = Script { segments: recipe.segments().into(), written: false, waiting: None };
    let (mut sender, connection) = http1::Builder::new()
        // Our limit; hyper has none of its own but its buffer's.
        .max_header_size(64 * 1024)
        .handshake(script)
        .await
        .expect("a handshake in HTTP/1 is only a word");
    let driver = tokio::spawn(connection);
    let request = hyper::Request::builder()
        .method(recipe.method)
        .uri("/")
        .body(String::new())
        .expect("a plain request is one");
    let read = match sender.send_request(request).await {
        Err(error) => Read::Refused(error.to_string()),
        Ok(answer) => {
            let (head, mut incoming) = answer.into_parts();
            let mut body = Vec::new();
            let mut broken = None;
            while let Some(frame) = poll_fn(|cx| Pin::new(&mut incoming).poll_frame(cx)).await {
                match frame {
                    Ok(frame) => body.extend_from_slice(frame.data_ref().map_or(&[], |data| &data[..])),
                    Err(error) => {
                        broken = Some(error.to_string());
                        break;
                    }
                }
            }
            let headers = head.headers.iter();
            let headers = headers.map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()));
            Read::Answer { status: head.status.as_u16(), headers: in_order(headers.collect()), body, broken }
        }
    };
    driver.abort();
    read
}

/// Where both readers disagree, in words.
fn difference(ours: &Read, theirs: &Read) -> Option<String> {
    if theirs.exception() {
        return matches!(ours, Read::Answer { .. }).then(|| "a 101 was taken".into());
    }
    let same = match (ours, theirs) {
        (Read::Refused(_), Read::Refused(_)) => true,
        (
            Read::Answer { status, headers, body, broken: Some(_) },
            Read::Answer { status: status_2, headers: headers_2, body: body_2, broken: Some(_) },
        ) => {
            // What came in the same read as the fault may be lost.
            status == status_2 && headers == headers_2 && body_2.starts_with(body)
        }
        (ours, theirs) => ours == theirs,
    };
    (!same).then(|| format!("ours: {ours:?}\nhyper's: {theirs:?}"))
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime without drivers")
}

#[test]
fn reads_as_hyper_does() {
    let runtime = runtime();
    let config = Config { cases: 4_000, failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&recipe(), |recipe| {
            let theirs = runtime.block_on(read_by_hyper(&recipe));
            let difference = difference(&read_by_us(&recipe), &theirs);
            let bytes = recipe.bytes();
            let text = String::from_utf8_lossy(&bytes[..bytes.len().min(2_000)]).into_owned();
            prop_assert!(difference.is_none(), "{}\n{text:?}", difference.unwrap_or_default());
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
}

/// The comparison is worth as much as its answers are varied.
#[test]
fn every_class_of_answer_occurs() {
    let runtime = runtime();
    let mut runner = TestRunner::deterministic();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for _ in 0..4_000 {
        let recipe = recipe().new_tree(&mut runner).expect("nothing is filtered").current();
        let read = runtime.block_on(read_by_hyper(&recipe));
        let mut count = |class: String| *seen.entry(class).or_default() += 1;
        count(read.outcome().to_owned());
        if matches!(recipe.harm, Harm::None) {
            count(format!("{:?}: {}", recipe.framing, read.outcome()));
        } else {
            count(format!("{:.3}: {}", format!("{:?}", recipe.harm), read.outcome()));
        }
        if read.outcome() == "whole" {
            for (name, there) in [
                ("interim", !recipe.interim.is_empty()),
                ("lone line feeds", recipe.line_end == "\n"),
                ("HEAD", recipe.method == "HEAD"),
                ("204", recipe.status_line.contains(" 204")),
                ("304", recipe.status_line.contains(" 304")),
                ("bytes behind", !recipe.behind.is_empty()),
                ("a long body", recipe.body.len() > 16 * 1024),
            ] {
                if there {
                    count(name.to_owned());
                }
            }
            if let (Framing::Chunked, Read::Answer { body, .. }) = (recipe.framing, &read)
                && !body.is_empty()
            {
                let Chunks { extension, trailers, .. } = &recipe.chunks;
                count(format!("whole chunks: extension {}", !extension.is_empty()));
                count(format!("whole chunks: trailers {}", !trailers.is_empty()));
            }
        }
    }
    let expected = [
        ("whole", 1_000),
        ("refused", 400),
        ("broken body", 200),
        ("UntilClose: whole", 50),
        ("Length: whole", 100),
        ("LengthTwice: whole", 50),
        ("LengthInList: whole", 50),
        ("LengthsDiffer: refused", 30),
        ("LengthIsNoNumber: refused", 30),
        ("LengthTooLong: broken body", 30),
        ("LengthTooShort: whole", 50),
        ("Chunked: whole", 100),
        ("Chunked: broken body", 40),
        ("ChunkedInCapitals: whole", 20),
        ("ChunkedAndLength: whole", 20),
        ("GzipThenChunked: whole", 20),
        ("ChunkedThenGzip: whole", 50),
        ("UnknownEncoding: whole", 50),
        ("Cut: refused", 100),
        ("Cut: broken body", 50),
        ("Cha: refused", 50),
        ("Gar: refused", 50),
        ("interim", 50),
        ("lone line feeds", 50),
        ("HEAD", 50),
        ("204", 20),
        ("304", 20),
        ("bytes behind", 50),
        ("a long body", 50),
        ("whole chunks: extension true", 10),
        ("whole chunks: trailers true", 10),
    ];
    for (class, least) in expected {
        let there = seen.get(class).copied().unwrap_or(0);
        assert!(there >= least, "{class}: {there}, wanted {least}; all: {seen:#?}");
    }
}

/// Not a comparison, but a promise that hyper makes too: nothing that a server sends stops the reader.
#[test]
fn no_bytes_make_it_panic() {
    let piece = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..40),
        select(vec![
            "HTTP/1.1 200 OK\r\n",
            "HTTP/1.1 100 Continue\r\n\r\n",
            "transfer-encoding: chunked\r\n",
            "content-length: 18446744073709551613\r\n",
            "content-length: 10\r\n",
            "\r\n",
            "\r\n\r\n",
            "\n\n",
            "ffffffffffffffff\r\n",
            "5\r\nhello\r\n",
            "0\r\n\r\n",
            "a: b\r\n",
        ])
        .prop_map(|text: &str| text.as_bytes().to_vec()),
    ];
    let soup = proptest::collection::vec(piece, 0..30);
    let config = Config { cases: 3_000, failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&(soup, any::<bool>()), |(soup, is_head)| {
            let mut response = Response::new();
            response.begin(is_head, KeepBody::Always);
            for piece in &soup {
                if response.receive(piece).is_err() {
                    break;
                }
            }
            let _ = response.end();
            let _ = (response.headers().count(), response.body().len(), response.is_reusable());
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
}
