//! Writes requests: a head checked so that no value can break out of its line, and the body behind it.
//!
//! What is written is appended, so parts that never change can be written once and copied from then on.

use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use thiserror::Error;

use crate::http::{KeepBody, Network, Origin};

/// What the tool calls itself, unless a scenario says otherwise.
pub const USER_AGENT: &str = concat!("loadtest/", env!("CARGO_PKG_VERSION"));

/// Why a part of a request cannot be sent. Values are not repeated: they may be secrets.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RequestError {
    #[error("`{0}` is not a method: a method is letters, such as GET")]
    Method(String),
    #[error("a path begins with `/`")]
    Relative,
    #[error(
        "the path has a blank, a control character or a letter outside ASCII at byte {0}: percent-encode it"
    )]
    Target(usize),
    #[error("`{0}` is not a header name: it is letters, digits and dashes")]
    HeaderName(String),
    #[error("the value of header `{0}` has a line break or another control character at byte {1}")]
    HeaderValue(String, usize),
    #[error("header `{0}` is written by loadtest itself: leave it out")]
    Reserved(String),
}

/// What is sent, and how its answer is read.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    pub origin: &'a Origin,
    /// The request as it goes out, head and body, but for the insets.
    pub wire: &'a [u8],
    /// Files that stand in its body, in their order.
    pub insets: &'a [Inset],
    /// A HEAD request: its answer has no body, whatever its headers say.
    pub is_head: bool,
    /// For the whole exchange, from the start of connecting or sending.
    pub timeout: Duration,
    pub keep_body: KeepBody,
}

impl Request<'_> {
    /// All bytes that go out.
    pub(crate) fn len(&self) -> usize {
        self.wire.len() + self.insets.iter().map(|inset| inset.bytes.len()).sum::<usize>()
    }

    /// The bytes that go out after so many others: as far as they stand together. Empty at the end.
    pub(crate) fn bytes_after(&self, written: usize) -> &[u8] {
        let (mut from, mut skip) = (0, written);
        for inset in self.insets {
            let text = &self.wire[from..inset.at];
            if skip < text.len() {
                return &text[skip..];
            }
            skip -= text.len();
            if skip < inset.bytes.len() {
                return &inset.bytes[skip..];
            }
            skip -= inset.bytes.len();
            from = inset.at;
        }
        &self.wire[from + skip..]
    }
}

/// A request as it goes out.
#[derive(Debug, Default)]
pub struct Outgoing {
    /// Head and body, but for the files.
    pub text: Vec<u8>,
    /// Files that stand in the body, in their order.
    pub insets: Vec<Inset>,
    /// The server it goes to, where a value has named another one than that of its step.
    pub elsewhere: Option<Origin>,
    /// Where in the text the step's own cookies stand, without the user's behind them.
    pub own_cookies: Range<usize>,
}

/// A file within a request, shared with all others that send it.
#[derive(Debug, Clone)]
pub struct Inset {
    /// It stands before the byte of the text at this place.
    pub at: usize,
    pub bytes: Bytes,
}

impl Inset {
    /// The same with so many bytes of text more before it.
    #[must_use]
    pub fn behind(self, more: usize) -> Inset {
        Inset { at: self.at + more, ..self }
    }
}

impl Outgoing {
    pub fn clear(&mut self) {
        self.text.clear();
        self.insets.clear();
        self.elsewhere = None;
        self.own_cookies = 0..0;
    }

    /// The path that is asked for, without its query.
    pub fn path(&self) -> &str {
        self.target().split('?').next().unwrap_or_default()
    }

    /// The path that is asked for, and its query.
    pub fn target(&self) -> &str {
        let line = self.text.split(|byte| *byte == b'\r').next().unwrap_or_default();
        let target = line.split(|byte| *byte == b' ').nth(1).and_then(|target| str::from_utf8(target).ok());
        let target = target.unwrap_or_default();
        // A proxy is told the whole URL.
        match target.find("://").filter(|_| !target.starts_with('/')) {
            Some(scheme) => target[scheme + 3..].find('/').map_or("/", |host| &target[scheme + 3 + host..]),
            None => target,
        }
    }
}

/// The first lines of a request: what is asked for, of whom, by whom.
#[derive(Debug, Clone, Copy)]
pub struct HeadStart<'a> {
    pub method: &'a str,
    /// Path and query, percent-encoded.
    pub target: &'a [u8],
    /// The `Host` header; see [`Origin::authority`](super::Origin::authority).
    pub host: &'a str,
    /// [`USER_AGENT`]; `None` where the scenario has a header of its own for it.
    pub user_agent: Option<&'a str>,
    /// Where a proxy reads the request and passes it on.
    pub forward: Option<Forward<'a>>,
}

/// What a proxy is told that passes a request on.
#[derive(Debug, Clone, Copy)]
pub struct Forward<'a> {
    /// Scheme, host and port of the server, like `http://localhost:8080`.
    pub origin: &'a str,
    /// The value of `Proxy-Authorization`.
    pub authorization: Option<&'a str>,
}

/// Appends the request line, `Host` and, where it is given, `User-Agent`.
pub fn write_head_start(wire: &mut Vec<u8>, start: &HeadStart<'_>) -> Result<(), RequestError> {
    if !is_token(start.method.as_bytes()) {
        return Err(RequestError::Method(start.method.to_owned()));
    }
    if !start.target.starts_with(b"/") {
        return Err(RequestError::Relative);
    }
    if let Some(place) = start.target.iter().position(|byte| !byte.is_ascii_graphic()) {
        return Err(RequestError::Target(place));
    }
    wire.extend_from_slice(start.method.as_bytes());
    wire.push(b' ');
    if let Some(forward) = &start.forward {
        wire.extend_from_slice(forward.origin.as_bytes());
    }
    wire.extend_from_slice(start.target);
    wire.extend_from_slice(b" HTTP/1.1\r\n");
    write_line(wire, "host", start.host.as_bytes())?;
    if let Some(authorization) = start.forward.and_then(|forward| forward.authorization) {
        write_line(wire, "proxy-authorization", authorization.as_bytes())?;
    }
    start.user_agent.map_or(Ok(()), |agent| write_line(wire, "user-agent", agent.as_bytes()))
}

/// A GET without a body, the way that a network wants it.
pub fn get(
    network: &Network,
    origin: &Origin,
    target: &str,
    headers: &[(&str, &str)],
) -> Result<Vec<u8>, RequestError> {
    bare("GET", network, origin, target, headers)
}

/// A request of this method without a body, the way that a network wants it.
pub fn bare(
    method: &str,
    network: &Network,
    origin: &Origin,
    target: &str,
    headers: &[(&str, &str)],
) -> Result<Vec<u8>, RequestError> {
    let mut wire = Vec::new();
    let (host, url, forward) = (origin.authority(), origin.to_string(), network.forwarding_proxy(origin));
    let start = HeadStart {
        method,
        target: target.as_bytes(),
        host: &host,
        user_agent: Some(USER_AGENT),
        forward: forward.map(|proxy| Forward { origin: &url, authorization: proxy.authorization() }),
    };
    write_head_start(&mut wire, &start)?;
    headers.iter().try_for_each(|(name, value)| write_header(&mut wire, name, value.as_bytes()))?;
    finish(&mut wire, method, None);
    Ok(wire)
}

/// Appends one header. `Host` belongs to [`write_head_start`], and how the body is framed to [`finish`].
pub fn write_header(wire: &mut Vec<u8>, name: &str, value: &[u8]) -> Result<(), RequestError> {
    const RESERVED: [&str; 3] = ["host", "content-length", "transfer-encoding"];
    if RESERVED.iter().any(|reserved| name.eq_ignore_ascii_case(reserved)) {
        return Err(RequestError::Reserved(name.to_owned()));
    }
    if !is_token(name.as_bytes()) {
        return Err(RequestError::HeaderName(name.to_owned()));
    }
    write_line(wire, name, value)
}

/// Appends the end of the head and the body; see [`finish_head`].
pub fn finish(wire: &mut Vec<u8>, method: &str, body: Option<&[u8]>) {
    finish_head(wire, method, body.map(<[u8]>::len));
    wire.extend_from_slice(body.unwrap_or_default());
}

/// Appends the end of the head, with the length of the body that follows. `None` is no body: a POST, PUT or
/// PATCH then says that its length is zero, since servers wait for it or refuse.
pub fn finish_head(wire: &mut Vec<u8>, method: &str, body: Option<usize>) {
    let length = body.or_else(|| matches!(method, "POST" | "PUT" | "PATCH").then_some(0));
    if let Some(length) = length {
        // `write!` took 334 of the 7,600 instructions that a request costs in user space (callgrind).
        wire.extend_from_slice(b"content-length: ");
        wire.extend_from_slice(itoa::Buffer::new().format(length).as_bytes());
        wire.extend_from_slice(b"\r\n");
    }
    wire.extend_from_slice(b"\r\n");
}

/// Fine where bytes can stand as the value of a header; else the place of the first that cannot.
pub fn check_header_value(value: &[u8]) -> Result<(), usize> {
    // Bytes above ASCII are allowed, as many a server takes UTF-8 here.
    let bad = value.iter().position(|&byte| (byte < b' ' && byte != b'\t') || byte == 0x7f);
    bad.map_or(Ok(()), Err)
}

fn write_line(wire: &mut Vec<u8>, name: &str, value: &[u8]) -> Result<(), RequestError> {
    check_header_value(value).map_err(|place| RequestError::HeaderValue(name.to_owned(), place))?;
    wire.extend_from_slice(name.as_bytes());
    wire.extend_from_slice(b": ");
    wire.extend_from_slice(value);
    wire.extend_from_slice(b"\r\n");
    Ok(())
}

fn is_token(bytes: &[u8]) -> bool {
    let token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !bytes.is_empty() && bytes.iter().all(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: HeadStart<'_> = HeadStart {
        method: "POST",
        target: b"/a?b=c",
        host: "localhost:8080",
        user_agent: Some("loadtest/1"),
        forward: None,
    };

    #[test]
    fn writes_a_request() {
        let mut wire = Vec::new();
        write_head_start(&mut wire, &START).unwrap();
        write_header(&mut wire, "X-Name", "Zoë".as_bytes()).unwrap();
        finish(&mut wire, "POST", Some(b"{}"));
        let text = "POST /a?b=c HTTP/1.1\r\nhost: localhost:8080\r\nuser-agent: loadtest/1\r\n\
                    X-Name: Zoë\r\ncontent-length: 2\r\n\r\n{}";
        assert_eq!(String::from_utf8(wire).unwrap(), text);
    }

    #[test]
    fn a_proxy_is_told_where_a_request_goes() {
        let mut wire = Vec::new();
        let forward = Forward { origin: "http://localhost:8080", authorization: Some("Basic eA==") };
        write_head_start(&mut wire, &HeadStart { forward: Some(forward), ..START }).unwrap();
        let text = "POST http://localhost:8080/a?b=c HTTP/1.1\r\nhost: localhost:8080\r\n\
                    proxy-authorization: Basic eA==\r\nuser-agent: loadtest/1\r\n";
        assert_eq!(String::from_utf8(wire).unwrap(), text);
    }

    #[test]
    fn says_the_length_where_one_is_expected() {
        let end = |method, body| {
            let mut wire = Vec::new();
            finish(&mut wire, method, body);
            String::from_utf8(wire).unwrap()
        };
        assert_eq!(end("GET", None), "\r\n");
        assert_eq!(end("DELETE", None), "\r\n");
        assert_eq!(end("POST", None), "content-length: 0\r\n\r\n");
        assert_eq!(end("GET", Some(b"x".as_slice())), "content-length: 1\r\n\r\nx");
        assert_eq!(end("GET", Some(b"".as_slice())), "content-length: 0\r\n\r\n");
    }

    #[test]
    fn lets_nothing_break_out_of_its_line() {
        let start = |start: HeadStart<'_>| write_head_start(&mut Vec::new(), &start);
        assert_eq!(start(HeadStart { method: "GE T", ..START }), Err(RequestError::Method("GE T".into())));
        assert_eq!(start(HeadStart { method: "", ..START }), Err(RequestError::Method(String::new())));
        assert_eq!(start(HeadStart { target: b"a", ..START }), Err(RequestError::Relative));
        assert_eq!(start(HeadStart { target: b"/a b", ..START }), Err(RequestError::Target(2)));
        assert_eq!(start(HeadStart { target: b"/\r\nx: y", ..START }), Err(RequestError::Target(1)));
        assert_eq!(start(HeadStart { target: "/é".as_bytes(), ..START }), Err(RequestError::Target(1)));
        assert!(start(HeadStart { host: "a\r\nx: y", ..START }).is_err());
        assert!(start(HeadStart { user_agent: Some("a\nb"), ..START }).is_err());

        let header = |name: &str, value: &[u8]| write_header(&mut Vec::new(), name, value);
        assert_eq!(header("a", b"b\tc"), Ok(()));
        assert_eq!(header("a:", b"b"), Err(RequestError::HeaderName("a:".into())));
        assert_eq!(header("", b"b"), Err(RequestError::HeaderName(String::new())));
        for value in [b"b\r\nx: y".as_slice(), b"b\n", b"b\0", b"b\x7f"] {
            assert_eq!(header("a", value), Err(RequestError::HeaderValue("a".into(), 1)));
        }
        for name in ["Content-Length", "transfer-encoding", "HOST"] {
            assert_eq!(header(name, b"1"), Err(RequestError::Reserved(name.into())));
        }
    }

    #[test]
    fn bytes_with_files_in_between() {
        let origin: Origin = "http://a".parse().unwrap();
        let file = |at, text: &'static str| Inset { at, bytes: bytes::Bytes::from_static(text.as_bytes()) };
        for (wire, insets, whole) in [
            ("head", vec![], "head"),
            ("headtail", vec![file(4, "<one>")], "head<one>tail"),
            ("headtail", vec![file(4, "<one>"), file(4, "<two>")], "head<one><two>tail"),
            ("headtail", vec![file(0, "<one>"), file(6, ""), file(8, "<two>")], "<one>headtail<two>"),
        ] {
            let request = Request {
                origin: &origin,
                wire: wire.as_bytes(),
                insets: &insets,
                is_head: false,
                timeout: Duration::ZERO,
                keep_body: KeepBody::Never,
            };
            assert_eq!(request.len(), whole.len());
            for step in [1, 3, 100] {
                let mut sent = Vec::new();
                while sent.len() < whole.len() {
                    let next = request.bytes_after(sent.len());
                    sent.extend_from_slice(&next[..next.len().min(step)]);
                }
                assert_eq!(String::from_utf8(sent).unwrap(), whole);
            }
            assert!(request.bytes_after(whole.len()).is_empty());
        }
    }
}
