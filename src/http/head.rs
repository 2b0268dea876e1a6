//! The head of an answer: status line, headers, and what they say about body and connection.
//!
//! The rules for framing and for keeping the connection are those of hyper's client, because both must read the
//! same answer in the same bytes.

use crate::http::body::Body;
use crate::http::buffers::HeaderSpan;
use crate::http::lines::{Stop, header_lines, status_line};
use crate::outcome::ProtocolFault;

/// The longest head that is accepted.
pub(crate) const MAX_HEAD: usize = 64 * 1024;
/// The most headers that are accepted.
pub(crate) const MAX_HEADERS: usize = 100;

/// What a complete head says.
#[derive(Debug)]
pub(crate) struct Head {
    /// Where the head ends, from the start of the bytes it was read from.
    pub(crate) length: usize,
    pub(crate) status: u16,
    pub(crate) keep_alive: bool,
    pub(crate) body: Body,
    pub(crate) marks: Marks,
}

/// What somebody may want to look up in a head, noted while it is read.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Marks {
    /// It sets a cookie.
    pub(crate) sets_cookies: bool,
    /// It says how its body is encoded.
    pub(crate) is_encoded: bool,
}

impl Marks {
    pub(crate) fn note(&mut self, name: &[u8]) {
        // The length of a name alone rules most headers out.
        match name.len() {
            10 if name.eq_ignore_ascii_case(b"set-cookie") => self.sets_cookies = true,
            16 if name.eq_ignore_ascii_case(b"content-encoding") => self.is_encoded = true,
            _ => {}
        }
    }
}

/// Reads a head from the start of `bytes`; `None` where it is not complete yet.
///
/// An interim answer (100, 102–199) is a head like any other, with no body: the caller skips it.
/// The headers' places in `bytes` replace what was in `headers`.
pub(crate) fn parse(
    bytes: &[u8],
    is_head_request: bool,
    headers: &mut Vec<HeaderSpan>,
) -> Result<Option<Head>, ProtocolFault> {
    match read(bytes, is_head_request, headers) {
        Ok(head) if head.length > MAX_HEAD => Err(ProtocolFault::HeadTooLarge),
        Ok(head) => Ok(Some(head)),
        Err(Stop::NotYet) if bytes.len() >= MAX_HEAD => Err(ProtocolFault::HeadTooLarge),
        Err(Stop::NotYet) => Ok(None),
        Err(Stop::Fault(fault)) => Err(fault),
    }
}

fn read(bytes: &[u8], is_head_request: bool, headers: &mut Vec<HeaderSpan>) -> Result<Head, Stop> {
    let line = status_line(bytes)?;
    headers.clear();
    let mut facts = Facts { keep_alive: line.is_http_11, ..Facts::default() };
    let length = header_lines(bytes, line.end, MAX_HEADERS, |span, name, value| {
        facts.learn(name, value);
        headers.push(span);
    })?;
    let body = match line.status {
        0..=99 => Err(ProtocolFault::StatusLine),
        // Nobody asked for another protocol.
        101 => Err(ProtocolFault::Unexpected),
        status => facts.body(status, line.is_http_11, is_head_request),
    };
    let body = body.map_err(Stop::Fault)?;
    Ok(Head { length, status: line.status, keep_alive: facts.keep_alive, body, marks: facts.marks })
}

/// What the headers that matter for framing have said so far.
#[derive(Debug, Default)]
struct Facts {
    keep_alive: bool,
    close: bool,
    marks: Marks,
    content_length: ContentLength,
    /// Whether the last `Transfer-Encoding` ends in `chunked`.
    chunked: Option<bool>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq)]
enum ContentLength {
    #[default]
    Unsaid,
    Said(u64),
    /// No number, or several that differ.
    Broken,
}

impl Facts {
    fn learn(&mut self, name: &[u8], value: &[u8]) {
        // The length of a name alone rules most headers out.
        match name.len() {
            10 if name.eq_ignore_ascii_case(b"connection") => self.connection(value),
            14 if name.eq_ignore_ascii_case(b"content-length") => {
                self.content_length = self.content_length.and(value);
            }
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => {
                let last = visible(value).and_then(|text| text.rsplit(',').next());
                self.chunked = Some(last.is_some_and(|coding| coding.trim().eq_ignore_ascii_case("chunked")));
            }
            10 | 16 => self.marks.note(name),
            _ => {}
        }
    }

    /// Once any `Connection` line asks to close, no later one undoes it.
    fn connection(&mut self, value: &[u8]) {
        let has = |token: &str| {
            visible(value).is_some_and(|text| text.split(',').any(|it| it.trim().eq_ignore_ascii_case(token)))
        };
        if self.close || has("close") {
            self.close = true;
            self.keep_alive = false;
        } else if !self.keep_alive {
            self.keep_alive = has("keep-alive");
        }
    }

    /// How the body is framed: RFC 9112, section 6.3, with hyper's choices where it leaves some.
    fn body(&self, status: u16, http_11: bool, is_head_request: bool) -> Result<Body, ProtocolFault> {
        if matches!(status, 100..=199 | 204 | 304) || is_head_request {
            return Ok(Body::None);
        }
        match (self.chunked, self.content_length) {
            // An encoding outweighs a length; HTTP/1.0 knows no encodings.
            (Some(_), _) if !http_11 => Err(ProtocolFault::TransferEncoding),
            (Some(true), _) => Ok(Body::chunked()),
            (None, ContentLength::Said(length)) => Ok(Body::Length(length)),
            (None, ContentLength::Broken) => Err(ProtocolFault::ContentLength),
            (Some(false), _) | (None, ContentLength::Unsaid) => Ok(Body::UntilClose),
        }
    }
}

impl ContentLength {
    /// Several lines, or one with commas, are fine as long as all agree.
    fn and(self, value: &[u8]) -> ContentLength {
        // As it nearly always is.
        if let (ContentLength::Unsaid, Some(length)) = (self, digits(value)) {
            return ContentLength::Said(length);
        }
        let Some(text) = visible(value) else { return ContentLength::Broken };
        text.split(',').fold(self, |known, part| match (known, digits(part.trim().as_bytes())) {
            (ContentLength::Unsaid, Some(length)) => ContentLength::Said(length),
            (ContentLength::Said(known), Some(length)) if known == length => ContentLength::Said(known),
            _ => ContentLength::Broken,
        })
    }
}

/// A number of plain digits; `str::parse` would also take a plus sign.
/// The two largest numbers are hyper's marks for other framings, and refused by it.
fn digits(text: &[u8]) -> Option<u64> {
    let number = text.iter().try_fold(0_u64, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    });
    number.filter(|&length| !text.is_empty() && length <= u64::MAX - 2)
}

/// A value as text, where it holds nothing but visible ASCII, blanks and tabs.
fn visible(value: &[u8]) -> Option<&str> {
    let plain = value.iter().all(|&byte| byte == b'\t' || (b' '..0x7f).contains(&byte));
    if plain { std::str::from_utf8(value).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Option<Head>, ProtocolFault> {
        parse(text.as_bytes(), false, &mut Vec::new())
    }

    #[test]
    fn framing() {
        let table = [
            ("content-length: 5", Ok(Body::Length(5))),
            ("content-length: 5\r\ncontent-length: 5", Ok(Body::Length(5))),
            ("content-length: 5, 5", Ok(Body::Length(5))),
            ("content-length: 5\r\ncontent-length: 6", Err(ProtocolFault::ContentLength)),
            ("content-length: 5, 6", Err(ProtocolFault::ContentLength)),
            ("content-length: +5", Err(ProtocolFault::ContentLength)),
            ("content-length: -5", Err(ProtocolFault::ContentLength)),
            ("content-length: 0x5", Err(ProtocolFault::ContentLength)),
            ("content-length:", Err(ProtocolFault::ContentLength)),
            ("content-length: 18446744073709551616", Err(ProtocolFault::ContentLength)),
            ("transfer-encoding: chunked", Ok(Body::chunked())),
            ("Transfer-Encoding: gzip, Chunked ", Ok(Body::chunked())),
            ("transfer-encoding: gzip\r\ntransfer-encoding: chunked", Ok(Body::chunked())),
            ("transfer-encoding: chunked, gzip", Ok(Body::UntilClose)),
            ("content-length: 5\r\ntransfer-encoding: chunked", Ok(Body::chunked())),
            ("content-length: x\r\ntransfer-encoding: chunked", Ok(Body::chunked())),
            ("x: y", Ok(Body::UntilClose)),
        ];
        for (headers, body) in table {
            let found = read(&format!("HTTP/1.1 200 OK\r\n{headers}\r\n\r\n")).map(|head| head.unwrap().body);
            assert_eq!(found, body, "{headers}");
        }
        assert_eq!(
            read("HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").unwrap_err(),
            ProtocolFault::TransferEncoding
        );
        for status in [103, 204, 304] {
            let head = read(&format!("HTTP/1.1 {status} x\r\ncontent-length: 9\r\n\r\n")).unwrap().unwrap();
            assert_eq!(head.body, Body::None);
        }
    }

    #[test]
    fn keeping_the_connection() {
        let table = [
            ("1.1", "x: y", true),
            ("1.1", "connection: close", false),
            ("1.1", "connection: x, Close", false),
            ("1.1", "connection: close\r\nconnection: keep-alive", false),
            ("1.0", "x: y", false),
            ("1.0", "connection: keep-alive", true),
            ("1.0", "connection: keep-alive\r\nconnection: close", false),
        ];
        for (version, headers, keep_alive) in table {
            let head = read(&format!("HTTP/{version} 204 x\r\n{headers}\r\n\r\n")).unwrap().unwrap();
            assert_eq!(head.keep_alive, keep_alive, "{version} {headers}");
        }
    }

    #[test]
    fn what_is_no_head() {
        let many = "a: b\r\n".repeat(MAX_HEADERS + 1);
        let table = [
            ("SSH-2.0-OpenSSH\r\n", ProtocolFault::StatusLine),
            ("HTTP/2.0 200 OK\r\n\r\n", ProtocolFault::StatusLine),
            ("HTTP/1.1 20 OK\r\n\r\n", ProtocolFault::StatusLine),
            ("HTTP/1.1 099 OK\r\n\r\n", ProtocolFault::StatusLine),
            ("HTTP/1.1 101 Switching\r\n\r\n", ProtocolFault::Unexpected),
            ("HTTP/1.1 200 OK\r\na b: c\r\n\r\n", ProtocolFault::Header),
            ("HTTP/1.1 200 OK\r\na: b\r\n c\r\n\r\n", ProtocolFault::Header),
            ("HTTP/1.1 200 OK\r\na : b\r\n\r\n", ProtocolFault::Header),
            (&format!("HTTP/1.1 200 OK\r\n{many}\r\n"), ProtocolFault::HeadTooLarge),
            (&format!("HTTP/1.1 200 OK\r\na: {}", "b".repeat(MAX_HEAD)), ProtocolFault::HeadTooLarge),
        ];
        for (text, fault) in table {
            assert_eq!(read(text).unwrap_err(), fault, "{text:.60}");
        }
        for part in ["", "HTT", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\na: b\r\n", "\r\n"] {
            assert!(read(part).unwrap().is_none(), "{part}");
        }
        assert_eq!(read("HTTP/1.1 200\r\n\r\n").unwrap().unwrap().status, 200);
        assert_eq!(read("\r\nHTTP/1.1 200 OK\n\n").unwrap().unwrap().length, 19);
    }
}
