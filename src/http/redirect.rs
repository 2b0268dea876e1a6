//! Where an answer sends its asker, and the request that follows.
//!
//! Methods and bodies are those of browsers: after 301, 302 and 303 the next request is a GET without a body
//! (a HEAD stays one), after 307 and 308 it is the same again. What says who the sender is does not go to
//! another origin.

use std::time::Instant;

use bytes::Bytes;
use thiserror::Error;
use url::Url;

use crate::http::request::{
    Forward, HeadStart, Inset, Outgoing, RequestError, finish_head, write_head_start, write_header,
};
use crate::http::{Jar, Network, Origin, OriginError};

/// Whether an answer of this status, with a `Location`, sends its asker elsewhere.
pub fn sends_on(status: u16) -> bool {
    matches!(status, 301 | 302 | 303 | 307 | 308)
}

/// Why nobody can go where an answer sends.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BadRedirect {
    #[error("its Location is no URL: {0}")]
    Location(String),
    #[error(transparent)]
    Origin(#[from] OriginError),
    #[error(transparent)]
    Request(#[from] RequestError),
}

/// Where the next request of a chain goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    pub origin: Origin,
    /// Path and query.
    pub target: String,
    /// A GET without a body instead of the same again.
    asks_anew: bool,
    leaves_origin: bool,
}

impl Hop {
    /// `origin` and `target` (path and query) are those of the request that was answered with this status and
    /// `Location`.
    pub fn new(status: u16, location: &[u8], origin: &Origin, target: &str) -> Result<Hop, BadRedirect> {
        let wrong = |error: url::ParseError| BadRedirect::Location(error.to_string());
        let base = Url::parse(&format!("{origin}{target}")).map_err(wrong)?;
        let next = base.join(String::from_utf8_lossy(location).trim()).map_err(wrong)?;
        let (next_origin, rest) = Origin::parse_url(next.as_str())?;
        let rest = rest.split('#').next().unwrap_or_default();
        let slash = if rest.starts_with('/') { "" } else { "/" };
        Ok(Hop {
            asks_anew: !matches!(status, 307 | 308),
            leaves_origin: next_origin != *origin,
            target: format!("{slash}{rest}"),
            origin: next_origin,
        })
    }

    /// The request that follows `before`, and whether it is a HEAD.
    pub fn request(
        &self,
        before: &Outgoing,
        network: &Network,
        jar: Option<&Jar>,
    ) -> Result<(Outgoing, bool), RequestError> {
        let head_end = before.text.windows(4).position(|four| four == b"\r\n\r\n");
        let head_end = head_end.unwrap_or(before.text.len());
        let mut lines = before.text[..head_end].split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end);
        let start = lines.next().unwrap_or_default();
        let method = start.split(|byte| *byte == b' ').next().and_then(|it| str::from_utf8(it).ok());
        let method = match method.unwrap_or("GET") {
            method if method == "HEAD" || !self.asks_anew => method,
            _ => "GET",
        };
        let headers: Vec<(&str, &[u8])> = lines.filter_map(header).collect();
        let named = |wanted: &str| headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        let host =
            named("host").filter(|_| !self.leaves_origin).and_then(|(_, host)| str::from_utf8(host).ok());
        let (authority, url) = (self.origin.authority(), self.origin.to_string());
        let forward = network.forwarding_proxy(&self.origin);
        let mut next = Outgoing::default();
        write_head_start(
            &mut next.text,
            &HeadStart {
                method,
                target: self.target.as_bytes(),
                host: host.unwrap_or(&authority),
                user_agent: None,
                forward: forward.map(|proxy| Forward { origin: &url, authorization: proxy.authorization() }),
            },
        )?;
        for (name, value) in &headers {
            if !self.drops(name) {
                write_header(&mut next.text, name, value)?;
            }
        }
        self.write_cookies(before, jar, &mut next)?;
        // Only a request with a body said how long it is.
        let has_body = !self.asks_anew && named("content-length").is_some();
        if has_body {
            let body = before.text.get(head_end + 4..).unwrap_or_default();
            let files: usize = before.insets.iter().map(|inset| inset.bytes.len()).sum();
            finish_head(&mut next.text, method, Some(body.len() + files));
            let head = next.text.len();
            next.text.extend_from_slice(body);
            let moved = |inset: &Inset| Inset {
                at: inset.at - (head_end + 4) + head,
                bytes: Bytes::clone(&inset.bytes),
            };
            next.insets = before.insets.iter().map(moved).collect();
        } else {
            finish_head(&mut next.text, method, None);
        }
        Ok((next, method == "HEAD"))
    }

    /// Headers that are written anew, or mean nothing any more.
    fn drops(&self, name: &str) -> bool {
        const WRITTEN_ANEW: [&str; 4] = ["host", "content-length", "proxy-authorization", "cookie"];
        const OF_THE_SENDER: [&str; 1] = ["authorization"];
        const OF_THE_BODY: [&str; 4] =
            ["content-type", "content-encoding", "content-language", "content-location"];
        let is_one_of = |names: &[&str]| names.iter().any(|it| name.eq_ignore_ascii_case(it));
        is_one_of(&WRITTEN_ANEW)
            || (self.leaves_origin && is_one_of(&OF_THE_SENDER))
            || (self.asks_anew && is_one_of(&OF_THE_BODY))
    }

    fn write_cookies(
        &self,
        before: &Outgoing,
        jar: Option<&Jar>,
        next: &mut Outgoing,
    ) -> Result<(), RequestError> {
        let mut cookies = Vec::new();
        if !self.leaves_origin {
            cookies.extend_from_slice(before.text.get(before.own_cookies.clone()).unwrap_or_default());
        }
        let own = cookies.len();
        if let Some(jar) = jar {
            let path = self.target.split('?').next().unwrap_or_default();
            jar.write(&self.origin, path, Instant::now(), &mut cookies);
        }
        if cookies.is_empty() {
            return Ok(());
        }
        let from = next.text.len() + "cookie: ".len();
        next.own_cookies = from..from + own;
        write_header(&mut next.text, "cookie", &cookies)
    }
}

fn header(line: &[u8]) -> Option<(&str, &[u8])> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    Some((str::from_utf8(&line[..colon]).ok()?, line[colon + 1..].trim_ascii_start()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{NetworkOptions, Proxy};

    fn origin(url: &str) -> Origin {
        url.parse().unwrap()
    }

    fn hop(status: u16, location: &str) -> Result<Hop, BadRedirect> {
        Hop::new(status, location.as_bytes(), &origin("http://a:8080"), "/b/c?d=e")
    }

    #[test]
    fn locations_are_resolved() {
        let table = [
            ("/x", "http://a:8080", "/x"),
            ("x", "http://a:8080", "/b/x"),
            ("../x?y=z#part", "http://a:8080", "/x?y=z"),
            ("?x=1", "http://a:8080", "/b/c?x=1"),
            ("", "http://a:8080", "/b/c?d=e"),
            ("//b/x", "http://b", "/x"),
            ("https://b", "https://b", "/"),
            ("https://B.example:443/x", "https://b.example", "/x"),
            (" http://a:8080/x y/é ", "http://a:8080", "/x%20y/%C3%A9"),
            ("http://[::1]:1/x", "http://[::1]:1", "/x"),
            ("http://bücher.example/", "http://xn--bcher-kva.example", "/"),
        ];
        for (location, expected, target) in table {
            let hop = hop(302, location).unwrap();
            assert_eq!(
                (hop.origin.to_string().as_str(), hop.target.as_str()),
                (expected, target),
                "{location}"
            );
            assert_eq!(hop.leaves_origin, expected != "http://a:8080", "{location}");
        }
        for location in
            ["ftp://b/x", "http://", "javascript:alert(1)", "http://me:secret@b/", "http://b:99999/"]
        {
            let error = hop(302, location).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{location}: {error}");
        }
    }

    fn followed(status: u16, method: &str, location: &str) -> String {
        let text = format!(
            "{method} /b/c?d=e HTTP/1.1\r\nhost: a:8080\r\nuser-agent: u\r\nAuthorization: Basic x\r\n\
             Content-Type: text/x\r\nX-Own: 1\r\ncookie: own=1; sid=2\r\ncontent-length: 5\r\n\r\nhello"
        );
        let from = text.find("own=1").unwrap();
        let before = Outgoing { text: text.into(), own_cookies: from..from + 5, ..Outgoing::default() };
        let mut jar = Jar::default();
        jar.keep(b"sid=3; Path=/", &origin("http://a"), "/", Instant::now());
        let (next, is_head) =
            hop(status, location).unwrap().request(&before, &Network::default(), Some(&jar)).unwrap();
        assert_eq!(is_head, method == "HEAD");
        String::from_utf8(next.text).unwrap()
    }

    #[test]
    fn after_301_to_303_a_get_without_a_body() {
        let expected = "GET /x HTTP/1.1\r\nhost: a:8080\r\nuser-agent: u\r\nAuthorization: Basic x\r\n\
                        X-Own: 1\r\ncookie: own=1; sid=3\r\n\r\n";
        for status in [301, 302, 303] {
            assert_eq!(followed(status, "POST", "/x"), expected);
            assert_eq!(followed(status, "HEAD", "/x"), expected.replace("GET", "HEAD"));
        }
    }

    #[test]
    fn after_307_and_308_the_same_again() {
        for status in [307, 308] {
            assert_eq!(
                followed(status, "PUT", "/x"),
                "PUT /x HTTP/1.1\r\nhost: a:8080\r\nuser-agent: u\r\nAuthorization: Basic x\r\n\
                 Content-Type: text/x\r\nX-Own: 1\r\ncookie: own=1; sid=3\r\ncontent-length: 5\r\n\r\nhello"
            );
        }
    }

    #[test]
    fn another_origin_is_not_told_who_asks() {
        assert_eq!(
            followed(307, "POST", "http://b/x"),
            "POST /x HTTP/1.1\r\nhost: b\r\nuser-agent: u\r\nContent-Type: text/x\r\nX-Own: 1\r\n\
             content-length: 5\r\n\r\nhello"
        );
        // Cookies go by host, not by port.
        let other_port = followed(302, "GET", "http://a:9090/x");
        assert!(
            other_port.contains("\r\ncookie: sid=3\r\n") && !other_port.contains("Basic"),
            "{other_port}"
        );
    }

    #[test]
    fn files_go_along() {
        let mut before = Outgoing::default();
        before.text.extend_from_slice(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\n--x\r\n");
        let at = before.text.len() - 2;
        before.insets.push(Inset { at, bytes: Bytes::from_static(b"file") });
        let (next, _) =
            hop(308, "/longer/path").unwrap().request(&before, &Network::default(), None).unwrap();
        let text = String::from_utf8(next.text.clone()).unwrap();
        assert_eq!(text, "POST /longer/path HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\n--x\r\n");
        assert_eq!(&text[next.insets[0].at..], "\r\n");
    }

    #[test]
    fn a_proxy_is_told_of_each_hop() {
        let proxy = Some(Proxy::parse("http://me:pw@proxy").unwrap());
        let options = NetworkOptions { proxy, ..NetworkOptions::default() };
        let network = Network::new(options, origin("http://a:8080"), None);
        let mut before = Outgoing::default();
        before.text.extend_from_slice(
            b"GET http://a:8080/ HTTP/1.1\r\nhost: a:8080\r\nproxy-authorization: Basic x\r\n\r\n",
        );
        let request = |location| {
            let (next, _) = hop(302, location).unwrap().request(&before, &network, None).unwrap();
            String::from_utf8(next.text).unwrap()
        };
        assert_eq!(
            request("http://b/x"),
            "GET http://b/x HTTP/1.1\r\nhost: b\r\nproxy-authorization: Basic bWU6cHc=\r\n\r\n"
        );
        assert_eq!(request("https://b/x"), "GET /x HTTP/1.1\r\nhost: b\r\n\r\n");
    }
}
