//! A proxy: who it is, and how it is asked to open a way to a server (CONNECT).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use thiserror::Error;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::http::error::ExchangeError;
use crate::http::head::{self, MAX_HEAD};
use crate::http::request::USER_AGENT;
use crate::http::{Origin, OriginError};
use crate::outcome::Cause;

/// An HTTP proxy, as a URL names it.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    origin: Origin,
    /// The value of `Proxy-Authorization`.
    authorization: Option<String>,
    password: Option<String>,
}

/// Why a text is no proxy. The text of each says what to write instead, and repeats no password.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ProxyError {
    #[error("`{0}` is no kind of proxy that is known: write http://host:port")]
    Scheme(String),
    #[error("a proxy has no path: end its URL after the port")]
    Path,
    #[error("a proxy's user and password are text: percent-encode what else is in them")]
    Credentials,
    #[error(transparent)]
    Origin(#[from] OriginError),
}

impl Proxy {
    /// Reads `http://host:port` or `http://user:password@host:port`.
    pub fn parse(url: &str) -> Result<Proxy, ProxyError> {
        let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
        if !scheme.eq_ignore_ascii_case("http") {
            return Err(ProxyError::Scheme(scheme.to_owned()));
        }
        let (authority, path) = rest.find(['/', '?', '#']).map_or((rest, ""), |end| rest.split_at(end));
        if !matches!(path, "" | "/") {
            return Err(ProxyError::Path);
        }
        let (credentials, host) = match authority.rsplit_once('@') {
            Some((credentials, host)) => (Some(credentials), host),
            None => (None, authority),
        };
        let origin: Origin = format!("http://{host}").parse()?;
        let Some(credentials) = credentials else {
            return Ok(Proxy { origin, authorization: None, password: None });
        };
        let (user, password) = credentials.split_once(':').unwrap_or((credentials, ""));
        let decoded = |text| percent_decode_str(text).decode_utf8().map_err(|_| ProxyError::Credentials);
        let (user, password) = (decoded(user)?, decoded(password)?.into_owned());
        let authorization = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
        let password = Some(password).filter(|password| !password.is_empty());
        Ok(Proxy { origin, authorization: Some(authorization), password })
    }

    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// What it is told to let requests through, for the `Proxy-Authorization` header.
    pub fn authorization(&self) -> Option<&str> {
        self.authorization.as_deref()
    }

    /// What no report may show.
    pub fn password(&self) -> Option<&str> {
        self.password.as_deref()
    }

    /// Has the proxy open a way to `origin`, over a connection to the proxy that is new.
    pub(crate) async fn open_way(
        &self,
        stream: &mut TcpStream,
        origin: &Origin,
    ) -> Result<(), ExchangeError> {
        let authority = connect_authority(origin);
        let mut wire =
            format!("CONNECT {authority} HTTP/1.1\r\nhost: {authority}\r\nuser-agent: {USER_AGENT}\r\n");
        if let Some(authorization) = &self.authorization {
            wire += "proxy-authorization: ";
            wire += authorization;
            wire += "\r\n";
        }
        wire += "\r\n";
        let lost =
            |error: std::io::Error| match ExchangeError::from_system(&error, Cause::Proxy, Cause::Proxy) {
                ExchangeError::Target { detail, .. } => self.failed(&detail),
                own @ ExchangeError::Own { .. } => own,
            };
        stream.write_all(wire.as_bytes()).await.map_err(lost)?;
        let mut answer = Vec::new();
        let mut headers = Vec::new();
        loop {
            // What follows the head is the server's already, so no more than the head may be read.
            let mut ahead = [0; 1024];
            let there = stream.peek(&mut ahead).await.map_err(lost)?;
            if there == 0 {
                return Err(self.failed("it closed the connection when it was asked to open a way"));
            }
            let before = answer.len();
            answer.extend_from_slice(&ahead[..there]);
            let parsed = head::parse(&answer, true, &mut headers)
                .map_err(|_| self.failed("its answer is no HTTP: does a proxy listen there?"))?;
            let taken = parsed.as_ref().map_or(there, |head| head.length - before);
            stream.read_exact(&mut ahead[..taken]).await.map_err(lost)?;
            match parsed {
                None if answer.len() > MAX_HEAD => return Err(self.failed("its answer never ends")),
                None => {}
                Some(head) if head.status < 200 => answer.clear(),
                Some(head) if head.status < 300 => return Ok(()),
                Some(head) => return Err(self.refused(head.status, origin)),
            }
        }
    }

    fn refused(&self, status: u16, origin: &Origin) -> ExchangeError {
        match (status, &self.authorization) {
            (407, None) => {
                self.failed("it wants a user and a password (407): http://user:password@host:port")
            }
            (407, Some(_)) => self.failed("it does not accept this user and password (407)"),
            _ => self.failed(&format!("it opens no way to {} (status {status})", connect_authority(origin))),
        }
    }

    /// An error that is the proxy's, and says nothing about the target.
    pub(crate) fn failed(&self, detail: &str) -> ExchangeError {
        ExchangeError::target(Cause::Proxy, format!("the proxy {}: {detail}", self.origin.authority()))
    }
}

impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Proxy").field(&self.origin.to_string()).finish()
    }
}

/// Host and port, the port always said: CONNECT knows no default.
fn connect_authority(origin: &Origin) -> String {
    let authority = origin.authority();
    let is_default = origin.port() == origin.scheme().default_port();
    if is_default { format!("{authority}:{}", origin.port()) } else { authority }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_with_and_without_credentials() {
        let table = [
            ("http://proxy.example:3128", "http://proxy.example:3128", None),
            ("proxy.example:3128/", "http://proxy.example:3128", None),
            ("HTTP://10.0.0.1", "http://10.0.0.1", None),
            ("http://me:pw@proxy:3128", "http://proxy:3128", Some("Basic bWU6cHc=")),
            ("http://me@proxy:3128", "http://proxy:3128", Some("Basic bWU6")),
            ("http://m%40e:p%3Aw@proxy:3128", "http://proxy:3128", Some("Basic bUBlOnA6dw==")),
        ];
        for (text, origin, authorization) in table {
            let proxy = Proxy::parse(text).unwrap();
            assert_eq!((proxy.origin().to_string().as_str(), proxy.authorization()), (origin, authorization));
        }
        assert_eq!(Proxy::parse("http://m:p%3Aw@proxy").unwrap().password(), Some("p:w"));
        let debug = format!("{:?}", Proxy::parse("http://me:hunter2@proxy").unwrap());
        assert_eq!(debug, "Proxy(\"http://proxy\")");
    }

    #[test]
    fn what_is_no_proxy() {
        let table = [
            ("https://proxy:3128", "`https` is no kind of proxy"),
            ("socks5://proxy:1080", "`socks5` is no kind of proxy"),
            ("http://proxy:3128/path", "has no path"),
            ("http://:3128", "names no host"),
            ("http://me:pw@", "names no host"),
            ("http://me:%ff@proxy", "percent-encode"),
            ("http://me:pw@proxy:x", "is not a port"),
        ];
        for (text, words) in table {
            let error = Proxy::parse(text).unwrap_err().to_string();
            assert!(error.contains(words), "{text}: {error}");
            assert!(!error.contains("pw"), "{text}: a password must not be repeated");
        }
    }

    #[test]
    fn connect_always_says_the_port() {
        let of = |url: &str| connect_authority(&url.parse().unwrap());
        assert_eq!(of("https://a.example"), "a.example:443");
        assert_eq!(of("https://a.example:8443"), "a.example:8443");
        assert_eq!(of("http://[::1]"), "[::1]:80");
    }
}
