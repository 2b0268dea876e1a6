//! A request of HTTP/1.1 as a message of HTTP/2.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, SizeHint};
use hyper::http::{self, HeaderName, HeaderValue, Uri};
use percent_encoding::{AsciiSet, CONTROLS, percent_encode};

use super::tap::Tap;
use crate::http::request::Request;

/// What servers of HTTP/1.1 take in a path or a query, and the message's type does not.
const STRICT: &AsciiSet =
    &CONTROLS.add(b'"').add(b'<').add(b'>').add(b'`').add(b'\\').add(b'^').add(b'{').add(b'|').add(b'}');
/// They speak of a connection in HTTP/1.1.
const OF_THE_CONNECTION: [&str; 5] = ["connection", "keep-alive", "proxy-connection", "upgrade", "host"];

/// Reads back what was written for HTTP/1.1.
pub(super) fn message(request: &Request<'_>, tap: &Rc<Tap>) -> Result<http::Request<Outgoing>, http::Error> {
    let head_end = request.wire.windows(4).position(|four| four == b"\r\n\r\n");
    let head_end = head_end.unwrap_or(request.wire.len());
    let mut lines = request.wire[..head_end].split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end);
    let mut start = lines.next().unwrap_or_default().split(|byte| *byte == b' ');
    let (method, target) = (start.next().unwrap_or_default(), start.next().unwrap_or_default());
    let headers: Vec<(&[u8], &[u8])> = lines.filter_map(header).collect();
    let host = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(b"host")).map(|(_, value)| *value);
    let own_authority = request.origin.authority();
    let authority = host.unwrap_or(own_authority.as_bytes());
    let uri = |target: &[u8]| {
        let uri = Uri::builder().scheme(request.origin.scheme().name()).authority(authority);
        uri.path_and_query(target).build()
    };
    let uri = uri(target).or_else(|_| uri(percent_encode(target, STRICT).to_string().as_bytes()))?;
    let mut builder = http::Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        if !OF_THE_CONNECTION.iter().any(|own| name.eq_ignore_ascii_case(own.as_bytes())) {
            builder = builder.header(HeaderName::from_bytes(name)?, HeaderValue::from_bytes(value)?);
        }
    }
    builder.body(Outgoing::new(request, head_end + 4, tap))
}

fn header(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    Some((&line[..colon], line[colon + 1..].trim_ascii_start()))
}

/// A body in pieces: text, which is copied, and files, which are not.
#[derive(Debug)]
pub(super) struct Outgoing {
    pieces: VecDeque<Bytes>,
    left: u64,
    tap: Rc<Tap>,
}

impl Outgoing {
    fn new(request: &Request<'_>, from: usize, tap: &Rc<Tap>) -> Outgoing {
        let mut pieces = VecDeque::new();
        let text = Bytes::copy_from_slice(request.wire.get(from..).unwrap_or_default());
        let mut at = 0;
        for inset in request.insets {
            let end = (inset.at - from).min(text.len());
            pieces.push_back(text.slice(at..end));
            pieces.push_back(inset.bytes.clone());
            at = end;
        }
        pieces.push_back(text.slice(at..));
        pieces.retain(|piece| !piece.is_empty());
        let left = pieces.iter().map(|piece| piece.len() as u64).sum();
        if left == 0 {
            tap.hand_over();
        }
        Outgoing { pieces, left, tap: Rc::clone(tap) }
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = self.pieces.pop_front();
        self.left -= piece.as_ref().map_or(0, |piece| piece.len() as u64);
        if self.left == 0 {
            self.tap.hand_over();
        }
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.is_empty()
    }

    // Without a size: how long it is stands in the request's own header, or nowhere.
    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{KeepBody, Origin};

    fn message_of(wire: &str) -> http::Request<Outgoing> {
        let origin: Origin = "https://a.example:8443".parse().unwrap();
        let request = Request {
            origin: &origin,
            wire: wire.as_bytes(),
            insets: &[],
            is_head: false,
            timeout: std::time::Duration::from_secs(1),
            keep_body: KeepBody::Never,
        };
        message(&request, &Tap::new()).unwrap()
    }

    #[test]
    fn a_request_is_read_back() {
        let message = message_of(
            "PATCH /a/b?c=d HTTP/1.1\r\nhost: a.example:8443\r\nX-Own: one\r\nConnection: close\r\ncontent-length: 2\r\n\r\n{}",
        );
        assert_eq!(
            (message.method().as_str(), message.uri().to_string()),
            ("PATCH", "https://a.example:8443/a/b?c=d".into())
        );
        let headers: Vec<_> =
            message.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        assert_eq!(headers, [("x-own", b"one".as_slice()), ("content-length", b"2")]);
        assert!(!message.body().is_end_stream());
        assert!(message_of("GET / HTTP/1.1\r\n\r\n").body().is_end_stream());
    }

    #[test]
    fn another_host_is_the_authority() {
        let message = message_of("GET / HTTP/1.1\r\nHost: tickets.example\r\n\r\n");
        assert_eq!(message.uri().to_string(), "https://tickets.example/");
    }

    #[test]
    fn what_http_1_takes_in_a_path_is_encoded_where_it_must_be() {
        let table = [
            ("/a?q=%7B[x]", "/a?q=%7B[x]"),
            ("/a?q=\"x\"", "/a?q=%22x%22"),
            ("/<a>|b?^`", "/%3Ca%3E%7Cb?%5E%60"),
        ];
        for (path, expected) in table {
            let message = message_of(&format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n"));
            assert_eq!(message.uri().path_and_query().unwrap().as_str(), expected);
        }
    }
}
