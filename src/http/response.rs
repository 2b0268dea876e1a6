//! An answer, read from bytes that arrive in any split, and kept as far as somebody will look at it.
//!
//! Everything stands in one pooled buffer: the head as it came, then the payload that is kept, moved together
//! where chunks had held it apart. Headers are places in that buffer. In steady state nothing is allocated.

use crate::http::body::Body;
use crate::http::buffers::{self, BUFFER_SIZE, Buffer, HeaderSpan};
use crate::http::encoding::{self, EncodingError};
use crate::http::head::{self, MAX_HEAD, Marks};
use crate::outcome::{Cause, ProtocolFault};

/// How much of a body is kept. What is longer is counted to its end, and cut.
pub const MAX_KEPT_BODY: usize = 1024 * 1024;
/// With less room than this behind what is kept, a read would be too small to be worth a system call.
const SMALLEST_READ: usize = 4 * 1024;

/// Whether the body of an answer is kept, or only counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeepBody {
    #[default]
    Never,
    Always,
    /// Where the status is neither 2xx nor 3xx: for samples of failures.
    UnlessOk,
}

/// Whether an answer is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    More,
    Complete,
}

/// An answer. One value serves a user for all its requests.
#[derive(Debug, Default)]
pub struct Response {
    /// There from the first byte on, until [`reset`](Response::reset).
    buffer: Option<Buffer>,
    is_head_request: bool,
    keep: KeepBody,
    /// Bytes of the buffer that hold something: of the head while it arrives, then the head and the kept body.
    filled: usize,
    /// Zero until the head is complete.
    status: u16,
    head_length: usize,
    /// What is still to come of the body; `None` while the head arrives.
    body: Option<Body>,
    body_len: u64,
    /// `None` until the first byte, be it of an interim answer.
    progress: Option<Progress>,
    /// Whether the head lets the connection live, and nothing came behind the answer.
    keeps_connection: bool,
    /// `is_encoded` until the body is as it was before.
    marks: Marks,
}

impl Response {
    pub fn new() -> Response {
        Response::default()
    }

    /// The status; zero where no head was read.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The value of the first header of this name, in whatever case it came.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.raw_headers()
            .find(|(there, _)| there.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value)
    }

    /// Names, as the server wrote them, and values, in the order in which they came.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        // A name is a token, so it is always text.
        self.raw_headers().map(|(name, value)| (std::str::from_utf8(name).unwrap_or_default(), value))
    }

    fn raw_headers(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let buffer = self.buffer.as_ref().filter(|_| self.status != 0);
        let (bytes, headers): (&[u8], &[HeaderSpan]) =
            buffer.map_or((&[], &[]), |buffer| (&buffer.bytes, &buffer.headers));
        let part = |(from, to): (u32, u32)| bytes.get(from as usize..to as usize).unwrap_or_default();
        headers.iter().map(move |header| (part(header.name), part(header.value)))
    }

    /// Whether any header sets a cookie.
    pub fn sets_cookies(&self) -> bool {
        self.marks.sets_cookies
    }

    /// The body as far as it was kept: all of it, its first [`MAX_KEPT_BODY`] bytes, or none.
    pub fn body(&self) -> &[u8] {
        let kept = self.buffer.as_ref().filter(|_| self.status != 0);
        kept.and_then(|buffer| buffer.bytes.get(self.head_length..self.filled)).unwrap_or_default()
    }

    /// Makes of a kept body what it was before the server encoded it, up to [`MAX_KEPT_BODY`] bytes. One that
    /// cannot be read is then empty; one in an encoding that is unknown stays as it is.
    pub fn decode(&mut self) -> Result<(), EncodingError> {
        if !std::mem::take(&mut self.marks.is_encoded) {
            return Ok(());
        }
        let body = self.body();
        let is_cut = (body.len() as u64) < self.body_len;
        let named = self.headers().filter(|(name, _)| name.eq_ignore_ascii_case("content-encoding"));
        let encodings = named.filter_map(|(_, value)| std::str::from_utf8(value).ok());
        let decoded = encoding::decoded(encodings, body, is_cut, MAX_KEPT_BODY);
        let body = match &decoded {
            Ok(None) => return Ok(()),
            Ok(Some(body)) => body.as_slice(),
            Err(_) => &[],
        };
        self.filled = self.head_length + body.len();
        if let Some(buffer) = &mut self.buffer {
            if buffer.bytes.len() < self.filled {
                buffer.bytes.resize(self.filled, 0);
            }
            buffer.bytes[self.head_length..self.filled].copy_from_slice(body);
        }
        decoded.map(drop)
    }

    /// How many bytes of payload came, kept or not.
    pub fn body_len(&self) -> u64 {
        self.body_len
    }

    /// Forgets the answer and gives its buffer back to the worker's pool. Call it as soon as the answer has
    /// been looked at: a user that waits should hold none.
    pub fn reset(&mut self) {
        self.begin(false, KeepBody::Never);
    }

    /// Makes ready for the answer to a request. [`UserConnections::exchange`](super::UserConnections::exchange)
    /// does it; this, [`receive`](Response::receive) and [`end`](Response::end) are for reading an answer that
    /// comes from elsewhere.
    pub fn begin(&mut self, is_head_request: bool, keep: KeepBody) {
        *self = Response { is_head_request, keep, ..Response::default() };
    }

    /// Takes the next bytes of the answer. What follows a complete answer is dropped, and the connection it
    /// came over is then [not reusable](Response::is_reusable).
    pub fn receive(&mut self, mut bytes: &[u8]) -> Result<Progress, ProtocolFault> {
        while !bytes.is_empty() && !self.is_complete() {
            let space = self.space();
            let now = bytes.len().min(space.len());
            let (first, rest) = bytes.split_at(now);
            space[..now].copy_from_slice(first);
            self.received(now)?;
            bytes = rest;
        }
        self.keeps_connection &= bytes.is_empty();
        Ok(self.progress.unwrap_or(Progress::More))
    }

    /// Says that no more bytes will come: fine where the answer is complete, or its end is the end of the
    /// connection; else [`Cause::Closed`] before its first byte and [`Cause::Truncated`] after it.
    pub fn end(&mut self) -> Result<(), Cause> {
        if matches!(self.body, Some(Body::UntilClose)) {
            self.progress = Some(Progress::Complete);
            self.keeps_connection = false;
        }
        match self.progress {
            Some(Progress::Complete) => Ok(()),
            Some(Progress::More) => Err(Cause::Truncated),
            None => Err(Cause::Closed),
        }
    }

    /// Whether the connection may carry another request. As in hyper, bytes behind a complete answer do not
    /// spoil the answer, but the connection is not trusted any more.
    pub fn is_reusable(&self) -> bool {
        self.is_complete() && self.keeps_connection
    }

    fn is_complete(&self) -> bool {
        self.progress == Some(Progress::Complete)
    }

    /// Whether any byte of an answer, be it an interim one, has come.
    pub(crate) fn has_begun(&self) -> bool {
        self.progress.is_some()
    }

    /// The first bytes of an answer whose head could not be read, to tell what they are instead.
    pub(crate) fn unread(&self) -> &[u8] {
        let bytes = self.buffer.as_ref().and_then(|buffer| buffer.bytes.get(..self.filled));
        bytes.filter(|_| self.status == 0).unwrap_or_default()
    }

    /// Room for the next read; never empty.
    pub(crate) fn space(&mut self) -> &mut [u8] {
        let bytes = &mut self.buffer.get_or_insert_with(buffers::take).bytes;
        // A head can fill its buffer to the last byte; a body would only be read in ever smaller pieces.
        let least = if self.status == 0 { 1 } else { SMALLEST_READ };
        if bytes.len() < self.filled + least {
            let most = self.head_length + MAX_KEPT_BODY + BUFFER_SIZE;
            bytes.resize((bytes.len() * 2).min(most), 0);
        }
        &mut bytes[self.filled..]
    }

    /// Gives an unused buffer back while nothing has come.
    pub(crate) fn release_unused(&mut self) {
        if !self.has_begun() {
            self.buffer = None;
        }
    }

    /// Takes a head that came another way than as bytes of HTTP/1.1.
    pub(crate) fn take_head<'a>(&mut self, status: u16, headers: impl Iterator<Item = (&'a [u8], &'a [u8])>) {
        let buffer = self.buffer.get_or_insert_with(buffers::take);
        buffer.headers.clear();
        let mut at = 0;
        let mut put = |text: &[u8]| {
            let end = at + text.len();
            if buffer.bytes.len() < end {
                buffer.bytes.resize(end.next_power_of_two(), 0);
            }
            buffer.bytes[at..end].copy_from_slice(text);
            let span = (at as u32, end as u32);
            at = end;
            span
        };
        for (name, value) in headers {
            self.marks.note(name);
            let span = HeaderSpan { name: put(name), value: put(value) };
            buffer.headers.push(span);
        }
        (self.status, self.head_length, self.filled) = (status, at, at);
        self.progress = Some(Progress::More);
    }

    /// Takes the next bytes of the payload behind such a head.
    pub(crate) fn take_payload(&mut self, mut bytes: &[u8]) {
        self.body_len += bytes.len() as u64;
        if !self.keep.keeps(self.status) {
            return;
        }
        while !bytes.is_empty() && self.filled < self.head_length + MAX_KEPT_BODY {
            let room = self.head_length + MAX_KEPT_BODY - self.filled;
            let space = self.space();
            let now = bytes.len().min(space.len()).min(room);
            let (first, rest) = bytes.split_at(now);
            space[..now].copy_from_slice(first);
            self.filled += now;
            bytes = rest;
        }
    }

    /// Reads the `count` bytes that were just put into [`space`](Response::space).
    pub(crate) fn received(&mut self, count: usize) -> Result<Progress, ProtocolFault> {
        let Some(buffer) = &mut self.buffer else { return Ok(Progress::More) };
        self.progress = Some(Progress::More);
        let mut from = self.filled;
        let mut to = (from + count).min(buffer.bytes.len());

        while self.body.is_none() {
            self.filled = to;
            // The first bytes tell whether this is HTTP at all. After them, only a line feed can end a head:
            // other bytes are not worth a new look at all that came before.
            if from > 0 && to < MAX_HEAD && !buffer.bytes[from..to].contains(&b'\n') {
                return Ok(Progress::More);
            }
            let parsed = head::parse(&buffer.bytes[..to], self.is_head_request, &mut buffer.headers)?;
            let Some(head) = parsed else { return Ok(Progress::More) };
            if head.status < 200 {
                // An interim answer is skipped; what follows it moves to the front.
                buffer.bytes.copy_within(head.length..to, 0);
                (from, to) = (0, to - head.length);
                continue;
            }
            self.status = head.status;
            self.head_length = head.length;
            self.keeps_connection = head.keep_alive;
            self.marks = head.marks;
            self.body = Some(head.body);
            self.filled = head.length;
        }

        if let Some(body) = &mut self.body {
            let raw = &mut buffer.bytes[self.filled..to];
            let decoded = body.decode(raw)?;
            let leftover = decoded.consumed < raw.len();
            self.body_len += decoded.payload as u64;
            if self.keep.keeps(self.status) {
                let room = (self.head_length + MAX_KEPT_BODY).saturating_sub(self.filled);
                self.filled += decoded.payload.min(room);
            }
            if decoded.done {
                self.progress = Some(Progress::Complete);
                self.keeps_connection &= !leftover;
            }
        }
        Ok(self.progress.unwrap_or(Progress::More))
    }
}

impl KeepBody {
    fn keeps(self, status: u16) -> bool {
        match self {
            KeepBody::Never => false,
            KeepBody::Always => true,
            KeepBody::UnlessOk => !(200..400).contains(&status),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fed(parts: &[&str], keep: KeepBody) -> (Response, Result<Progress, ProtocolFault>) {
        let mut response = Response::new();
        response.begin(false, keep);
        let mut last = Ok(Progress::More);
        for part in parts {
            last = response.receive(part.as_bytes());
        }
        (response, last)
    }

    #[test]
    fn an_answer_in_parts() {
        let parts = [
            "HTTP/1.1 100 Conti",
            "nue\r\n\r\nHTTP/1.1 201 C",
            "reated\r\nA: b\r\ncontent-length: 5\r",
            "\n\r\nhe",
            "llo",
        ];
        let (response, last) = fed(&parts, KeepBody::Always);
        assert_eq!(last, Ok(Progress::Complete));
        assert_eq!((response.status(), response.body(), response.body_len()), (201, b"hello".as_slice(), 5));
        assert_eq!((response.header("a"), response.header("b")), (Some(b"b".as_slice()), None));
        assert!(response.is_reusable());
    }

    #[test]
    fn chunks_are_joined() {
        let parts =
            ["HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3\r", "\nl", "lo\r\n0\r\n\r\n"];
        let (response, last) = fed(&parts, KeepBody::Always);
        assert_eq!((last, response.body()), (Ok(Progress::Complete), b"hello".as_slice()));
        let (response, _) = fed(&parts, KeepBody::UnlessOk);
        assert_eq!((response.body(), response.body_len()), (b"".as_slice(), 5));
    }

    #[test]
    fn ends() {
        let end = |parts: &[&str]| fed(parts, KeepBody::Never).0.end();
        assert_eq!(end(&[]), Err(Cause::Closed));
        assert_eq!(end(&["H"]), Err(Cause::Truncated));
        assert_eq!(end(&["HTTP/1.1 100 Continue\r\n\r\n"]), Err(Cause::Truncated));
        assert_eq!(end(&["HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n"]), Err(Cause::Truncated));
        assert_eq!(end(&["HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"]), Ok(()));
        assert_eq!(end(&["HTTP/1.1 200 OK\r\n\r\nhello"]), Ok(()));
    }

    #[test]
    fn an_encoded_body_is_read_when_asked_for() {
        let whole = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\nA: b\r\n\r\n";
        let body = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xcb\x48\xcd\xc9\xc9\x07\x00\x86\xa6\x10\x36\x05\x00\x00\x00";
        let mut response = Response::new();
        response.begin(false, KeepBody::Always);
        response.receive(whole).unwrap();
        response.receive(body).unwrap();
        response.end().unwrap();
        assert_eq!(response.body(), body);
        for _ in 0..2 {
            assert_eq!(response.decode(), Ok(()));
            assert_eq!((response.body(), response.header("a")), (b"hello".as_slice(), Some(b"b".as_slice())));
        }
        assert_eq!(response.body_len(), body.len() as u64, "as many as came");

        response.begin(false, KeepBody::Always);
        response.receive(whole).unwrap();
        response.receive(&body[..12]).unwrap();
        response.end().unwrap();
        assert!(response.decode().is_err());
        assert_eq!(response.body(), b"");
    }

    #[test]
    fn bytes_behind_an_answer_end_the_connection() {
        let answer = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
        assert!(fed(&[answer], KeepBody::Never).0.is_reusable());
        for parts in [[answer, "x"], [&*format!("{answer}x"), ""]] {
            let (response, last) = fed(&parts, KeepBody::Never);
            assert_eq!((last, response.is_reusable()), (Ok(Progress::Complete), false));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        /// Whatever a server sends, and however much of it.
        #[test]
        fn memory_is_bounded(
            start in prop::sample::select(vec![
                "",
                "HTTP/1.1 200 OK\r\n\r\n",
                "HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n",
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffff\r\n",
            ]),
            again in prop::sample::select(vec![
                "HTTP/1.1 100 Continue\r\n\r\n", "\r\n", "a: b\r\n", "x", "5\r\nhello\r\n", "0;x", "0\r\na: b\r\n",
            ]),
            keep in prop::sample::select(vec![KeepBody::Never, KeepBody::Always]),
        ) {
            let mut response = Response::new();
            response.begin(false, keep);
            let _ = response.receive(start.as_bytes());
            let part = again.repeat(8 * 1024);
            for _ in 0..100 {
                if response.receive(part.as_bytes()) != Ok(Progress::More) {
                    break;
                }
            }
            let size = response.buffer.as_ref().map_or(0, |buffer| buffer.bytes.len());
            prop_assert!(size <= 2 * MAX_HEAD + MAX_KEPT_BODY + BUFFER_SIZE);
            prop_assert!(response.body().len() <= MAX_KEPT_BODY);
        }
    }
}
