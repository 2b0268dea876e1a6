//! Where requests go: scheme, host and port, read from the front of a URL.
//!
//! The rest of the URL (path and query) is handed back untouched; it belongs to whoever writes requests.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;
use std::sync::Arc;

use thiserror::Error;

/// How bytes travel to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    Http,
    Https,
}

impl Scheme {
    /// The port that a URL of this scheme means when it names none.
    pub fn default_port(self) -> u16 {
        match self {
            Scheme::Http => 80,
            Scheme::Https => 443,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }
}

/// A server as a URL names it. Cloning is cheap: thousands of users share one host text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    // Compared in this order: the cheap parts first, since every request looks its connection up.
    port: u16,
    scheme: Scheme,
    /// In lower case; an IPv6 address without its brackets.
    host: Arc<str>,
    address: Option<IpAddr>,
}

/// Why a text is not an origin. The text of each says what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OriginError {
    #[error("`{0}` has no scheme: write http://{0} or https://{0}")]
    NoScheme(String),
    #[error("`{0}://` is not supported: a target is http:// or https://")]
    UnknownScheme(String),
    #[error("`{0}` names no host: write it as http://host:port")]
    NoHost(String),
    #[error("`{0}` is not a host name: `{1}` cannot stand in one")]
    BadHost(String, char),
    #[error("`{0}` is not ASCII: write the name in its xn-- form")]
    NotAscii(String),
    #[error("`[{0}]` is not an IPv6 address")]
    BadIpv6(String),
    #[error("`{0}` is an IPv6 address: write it in brackets, [{0}]")]
    BareIpv6(String),
    #[error("`{0}` is not a port: a port is a number from 1 to 65535")]
    BadPort(String),
    #[error("a user or password cannot stand in the URL: send an Authorization header instead")]
    Credentials,
    #[error("`{0}` follows the host and port, and only a server is wanted here: leave it out")]
    Path(String),
}

impl Origin {
    /// Reads the origin at the front of a URL and hands back what follows it: path, query, or nothing.
    pub fn parse_url(url: &str) -> Result<(Origin, &str), OriginError> {
        let Some((scheme, after)) = url.split_once("://") else {
            return Err(OriginError::NoScheme(url.to_owned()));
        };
        let scheme = match scheme {
            _ if scheme.eq_ignore_ascii_case("http") => Scheme::Http,
            _ if scheme.eq_ignore_ascii_case("https") => Scheme::Https,
            _ => return Err(OriginError::UnknownScheme(scheme.to_owned())),
        };
        let end = after.find(['/', '?', '#']).unwrap_or(after.len());
        let (authority, rest) = after.split_at(end);
        if authority.contains('@') {
            return Err(OriginError::Credentials);
        }
        let (host, port) = split_authority(authority)?;
        if host.is_empty() {
            return Err(OriginError::NoHost(url.to_owned()));
        }
        let port = match port {
            None | Some("") => scheme.default_port(),
            Some(text) => parse_port(text)?,
        };
        let (host, address) = parse_host(authority, host)?;
        Ok((Origin { port, scheme, host: host.into(), address }, rest))
    }

    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The name or address, in lower case and without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The address, where the host is one and not a name.
    pub fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// What stands in the `Host` header: the port is left out when it is the scheme's own.
    pub fn authority(&self) -> String {
        let (open, close) = if self.host.contains(':') { ("[", "]") } else { ("", "") };
        if self.port == self.scheme.default_port() {
            format!("{open}{}{close}", self.host)
        } else {
            format!("{open}{}{close}:{}", self.host, self.port)
        }
    }
}

/// `host:port`, `[::1]:port` or either without a port.
fn split_authority(authority: &str) -> Result<(&str, Option<&str>), OriginError> {
    if let Some(inside) = authority.strip_prefix('[') {
        let Some(close) = authority.find(']') else {
            return Err(OriginError::BadIpv6(inside.to_owned()));
        };
        let (host, after) = authority.split_at(close + 1);
        return match after.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if after.is_empty() => Ok((host, None)),
            None => Err(OriginError::BadPort(after.to_owned())),
        };
    }
    if authority.parse::<Ipv6Addr>().is_ok() {
        return Err(OriginError::BareIpv6(authority.to_owned()));
    }
    Ok(match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    })
}

fn parse_port(text: &str) -> Result<u16, OriginError> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(port) if digits && port > 0 => Ok(port),
        _ => Err(OriginError::BadPort(text.to_owned())),
    }
}

fn parse_host(authority: &str, host: &str) -> Result<(String, Option<IpAddr>), OriginError> {
    if let Some(inside) = host.strip_prefix('[') {
        let inside = inside.strip_suffix(']').unwrap_or(inside);
        let address: Ipv6Addr = inside.parse().map_err(|_| OriginError::BadIpv6(inside.to_owned()))?;
        return Ok((address.to_string(), Some(IpAddr::V6(address))));
    }
    if !host.is_ascii() {
        return Err(OriginError::NotAscii(host.to_owned()));
    }
    if let Some(bad) = host.chars().find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_'))) {
        return Err(OriginError::BadHost(authority.to_owned(), bad));
    }
    let address = host.parse().ok().map(IpAddr::V4);
    Ok((host.to_ascii_lowercase(), address))
}

impl FromStr for Origin {
    type Err = OriginError;

    /// An origin alone; a single slash after it is forgiven.
    fn from_str(text: &str) -> Result<Origin, OriginError> {
        match Origin::parse_url(text)? {
            (origin, "" | "/") => Ok(origin),
            (_, rest) => Err(OriginError::Path(rest.to_owned())),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.name(), self.authority())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_hosts_ports_and_addresses() {
        let table = [
            ("http://localhost", "localhost", 80, "localhost"),
            ("http://localhost:8080", "localhost", 8080, "localhost:8080"),
            ("HTTP://Example.COM:80/", "example.com", 80, "example.com"),
            ("https://example.com", "example.com", 443, "example.com"),
            ("https://example.com:80", "example.com", 80, "example.com:80"),
            ("http://127.0.0.1:9", "127.0.0.1", 9, "127.0.0.1:9"),
            ("http://[::1]:8080", "::1", 8080, "[::1]:8080"),
            ("http://[0:0::1]", "::1", 80, "[::1]"),
            ("http://my_service-1:", "my_service-1", 80, "my_service-1"),
        ];
        for (text, host, port, authority) in table {
            let origin: Origin = text.parse().unwrap();
            assert_eq!(
                (origin.host(), origin.port(), &*origin.authority()),
                (host, port, authority),
                "{text}"
            );
        }
        let origin: Origin = "http://[::1]:8080".parse().unwrap();
        assert_eq!(origin.address(), Some("::1".parse().unwrap()));
        assert_eq!(origin.to_string(), "http://[::1]:8080");
    }

    #[test]
    fn hands_back_the_path() {
        let (origin, rest) = Origin::parse_url("http://a:1/b?c#d").unwrap();
        assert_eq!((origin.to_string().as_str(), rest), ("http://a:1", "/b?c#d"));
        assert_eq!(Origin::parse_url("http://a?q=http://b/").unwrap().1, "?q=http://b/");
    }

    #[test]
    fn says_what_to_write_instead() {
        let table = [
            ("localhost:8080", "`localhost:8080` has no scheme: write http://localhost:8080"),
            ("ftp://a", "`ftp://` is not supported"),
            ("http://", "names no host"),
            ("http://:80", "names no host"),
            ("http://a b", "` ` cannot stand in one"),
            ("http://bücher.example", "xn--"),
            ("http://[::g]", "`[::g]` is not an IPv6 address"),
            ("http://[::1", "is not an IPv6 address"),
            ("http://[::1]80", "`80` is not a port"),
            ("http://::1", "in brackets, [::1]"),
            ("http://a:0", "`0` is not a port"),
            ("http://a:+80", "`+80` is not a port"),
            ("http://a:65536", "is not a port"),
            ("http://me:secret@a", "Authorization"),
            ("http://a/b", "`/b` follows"),
        ];
        for (text, words) in table {
            let error = text.parse::<Origin>().unwrap_err().to_string();
            assert!(error.contains(words), "{text}: {error}");
        }
        let error = "http://me:secret@a".parse::<Origin>().unwrap_err().to_string();
        assert!(!error.contains("secret"), "a password must not be repeated");
    }
}
