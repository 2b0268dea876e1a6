//! The cookies of one user: what answers set, and which of it goes back to whom (RFC 6265).
//!
//! There is no list of public suffixes: a cookie may be for `co.uk`, as long as the host is within it. It may
//! not be for a name without a dot, like `com`.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use cookie::Cookie;

use crate::http::{Origin, Scheme};

/// More would not be asked of a browser either; the oldest go.
const MOST_COOKIES: usize = 100;
/// Name and value of one, in bytes; larger ones are not kept.
const LARGEST_COOKIE: usize = 4096;

/// A user's cookies. There is none before the first one is set.
#[derive(Debug, Default)]
pub struct Jar {
    /// Longest path first, and of those in the order of their making: the order in which they are sent.
    cookies: Vec<Stored>,
    made: u64,
}

#[derive(Debug)]
struct Stored {
    name: Box<str>,
    value: Box<str>,
    domain: Box<str>,
    /// Not for the hosts within the domain.
    host_only: bool,
    path: Box<str>,
    secure: bool,
    expires: Option<Instant>,
    made: u64,
}

impl Jar {
    pub fn is_empty(&self) -> bool {
        self.cookies.is_empty()
    }

    /// Takes the value of a `Set-Cookie` header of an answer to a request for `path` (without its query).
    /// What breaks the rules is left out.
    pub fn keep(&mut self, set_cookie: &[u8], origin: &Origin, path: &str, now: Instant) {
        let Ok(text) = std::str::from_utf8(set_cookie) else { return };
        let Ok(cookie) = Cookie::parse(text) else { return };
        let (name, value) = (cookie.name(), cookie.value());
        if name.len() + value.len() > LARGEST_COOKIE || text.contains(|c: char| c.is_control() && c != '\t') {
            return;
        }
        let Some((domain, host_only)) = domain(cookie.domain(), origin) else { return };
        let path = match cookie.path() {
            Some(path) if path.starts_with('/') => path,
            _ => directory(path),
        };
        let same =
            |stored: &Stored| *stored.name == *name && *stored.domain == *domain && *stored.path == *path;
        // One that takes another's place keeps its turn.
        let before = self.cookies.iter().position(same).map(|place| self.cookies.remove(place).made);
        let expires = match expiry(&cookie, now) {
            Expiry::Past => return,
            Expiry::At(at) => Some(at),
            Expiry::Never => None,
        };
        let made = before.unwrap_or(self.made);
        self.made += 1;
        if self.cookies.len() >= MOST_COOKIES {
            self.make_room(now);
        }
        let place = self.cookies.partition_point(|stored| {
            (stored.path.len(), std::cmp::Reverse(stored.made)) >= (path.len(), std::cmp::Reverse(made))
        });
        let stored = Stored {
            name: name.into(),
            value: value.into(),
            domain: domain.into(),
            host_only,
            path: path.into(),
            secure: cookie.secure().unwrap_or_default(),
            expires,
            made,
        };
        self.cookies.insert(place, stored);
    }

    fn make_room(&mut self, now: Instant) {
        self.cookies.retain(|stored| !stored.is_over(now));
        while self.cookies.len() >= MOST_COOKIES {
            let oldest = self.cookies.iter().enumerate().min_by_key(|(_, stored)| stored.made);
            let Some((place, _)) = oldest else { return };
            self.cookies.remove(place);
        }
    }

    /// Appends what a `Cookie` header says to this origin and path, behind `out`'s own cookies; names that are
    /// there already stay as they are.
    pub fn write(&self, origin: &Origin, path: &str, now: Instant, out: &mut Vec<u8>) {
        let own = out.len();
        for stored in self.cookies.iter().filter(|stored| stored.is_for(origin, path) && !stored.is_over(now))
        {
            if has_pair(&out[..own], &stored.name) {
                continue;
            }
            if !out.is_empty() {
                out.extend_from_slice(b"; ");
            }
            out.extend_from_slice(stored.name.as_bytes());
            out.push(b'=');
            out.extend_from_slice(stored.value.as_bytes());
        }
    }
}

impl Stored {
    fn is_over(&self, now: Instant) -> bool {
        self.expires.is_some_and(|at| at <= now)
    }

    fn is_for(&self, origin: &Origin, path: &str) -> bool {
        if self.secure && origin.scheme() != Scheme::Https {
            return false;
        }
        let host = origin.host();
        let is_host = *host == *self.domain || (!self.host_only && is_within(host, &self.domain));
        is_host && path_matches(path, &self.path)
    }
}

/// Whether the text of a `Cookie` header has this name.
fn has_pair(header: &[u8], name: &str) -> bool {
    header.split(|byte| *byte == b';').any(|pair| {
        let before = pair.split(|byte| *byte == b'=').next().unwrap_or_default();
        before.trim_ascii() == name.as_bytes()
    })
}

/// The domain of a cookie, and whether it is for that host only; none where it may not be set from here.
fn domain(wanted: Option<&str>, origin: &Origin) -> Option<(String, bool)> {
    let host = origin.host();
    let Some(wanted) = wanted.map(str::to_ascii_lowercase).filter(|wanted| !wanted.is_empty()) else {
        return Some((host.to_owned(), true));
    };
    let wanted = wanted.trim_start_matches('.');
    if wanted == host {
        return Some((host.to_owned(), origin.address().is_some()));
    }
    let is_allowed = origin.address().is_none() && wanted.contains('.') && is_within(host, wanted);
    is_allowed.then(|| (wanted.to_owned(), false))
}

fn is_within(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|before| before.ends_with('.'))
}

/// The path of a cookie that says none.
fn directory(path: &str) -> &str {
    match path.rfind('/') {
        Some(end @ 1..) => &path[..end],
        _ => "/",
    }
}

fn path_matches(path: &str, of_cookie: &str) -> bool {
    path.strip_prefix(of_cookie)
        .is_some_and(|rest| rest.is_empty() || of_cookie.ends_with('/') || rest.starts_with('/'))
}

enum Expiry {
    Never,
    At(Instant),
    Past,
}

fn expiry(cookie: &Cookie<'_>, now: Instant) -> Expiry {
    let left = if let Some(age) = cookie.max_age() {
        age.whole_seconds()
    } else if let Some(at) = cookie.expires_datetime() {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        at.unix_timestamp().saturating_sub(i64::try_from(unix).unwrap_or(i64::MAX))
    } else {
        return Expiry::Never;
    };
    match u64::try_from(left) {
        Ok(left @ 1..) => {
            let at = now.checked_add(std::time::Duration::from_secs(left));
            at.map_or(Expiry::Never, Expiry::At)
        }
        _ => Expiry::Past,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use proptest::prelude::*;

    /// What is sent to `to` after `from` has set these, `later` seconds later.
    fn sent(from: &str, set: &[&str], to: &str, later: u64) -> String {
        let mut jar = Jar::default();
        let now = Instant::now();
        let (origin, path) = Origin::parse_url(from).unwrap();
        set.iter().for_each(|set| jar.keep(set.as_bytes(), &origin, path, now));
        let (origin, path) = Origin::parse_url(to).unwrap();
        let mut out = Vec::new();
        jar.write(&origin, path, now + Duration::from_secs(later), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn hosts_and_domains() {
        let table = [
            ("http://a.example/", "s=1", "http://a.example/", "s=1"),
            ("http://a.example/", "s=1", "http://a.example:8080/", "s=1"),
            ("http://a.example/", "s=1", "http://b.example/", ""),
            ("http://a.example/", "s=1", "http://x.a.example/", ""),
            ("http://a.example/", "s=1; Domain=a.example", "http://x.a.example/", "s=1"),
            ("http://x.a.example/", "s=1; Domain=.A.example", "http://y.a.example/", "s=1"),
            ("http://x.a.example/", "s=1; Domain=a.example", "http://ba.example/", ""),
            ("http://a.example/", "s=1; Domain=x.a.example", "http://x.a.example/", ""),
            ("http://a.example/", "s=1; Domain=b.example", "http://b.example/", ""),
            ("http://a.example/", "s=1; Domain=example", "http://a.example/", ""),
            ("http://localhost/", "s=1; Domain=localhost", "http://localhost/", "s=1"),
            ("http://localhost/", "s=1; Domain=", "http://localhost/", "s=1"),
            ("http://127.0.0.1/", "s=1", "http://127.0.0.1/", "s=1"),
            ("http://127.0.0.1/", "s=1; Domain=127.0.0.1", "http://127.0.0.1/", "s=1"),
            ("http://127.0.0.1/", "s=1; Domain=0.0.1", "http://127.0.0.1/", ""),
            ("http://a.example/", "s=1; Secure", "http://a.example/", ""),
            ("http://a.example/", "s=1; Secure", "https://a.example/", "s=1"),
            ("https://a.example/", "s=1", "http://a.example/", "s=1"),
        ];
        for (from, set, to, expected) in table {
            assert_eq!(sent(from, &[set], to, 0), expected, "{from} {set} {to}");
        }
    }

    #[test]
    fn paths() {
        let table = [
            ("/", "s=1", "/x", "s=1"),
            ("/a/b", "s=1", "/a", "s=1"),
            ("/a/b", "s=1", "/a/c", "s=1"),
            ("/a/b", "s=1", "/ab", ""),
            ("/a/b", "s=1", "/", ""),
            ("/a/b/", "s=1", "/a/b", "s=1"),
            ("/a", "s=1; Path=/b", "/b/c", "s=1"),
            ("/a", "s=1; Path=/b/", "/b", ""),
            ("/a", "s=1; Path=b", "/c", "s=1"),
            ("/a", "s=1; Path=", "/c", "s=1"),
        ];
        for (from, set, to, expected) in table {
            let seen = sent(&format!("http://h{from}"), &[set], &format!("http://h{to}"), 0);
            assert_eq!(seen, expected, "{from} {set} {to}");
        }
    }

    #[test]
    fn ends() {
        let table: [(&[&str], u64, &str); 9] = [
            (&["s=1; Max-Age=10"], 9, "s=1"),
            (&["s=1; Max-Age=10"], 10, ""),
            (&["s=1; Max-Age=0"], 0, ""),
            (&["s=1; Max-Age=-5"], 0, ""),
            (&["s=1", "s=2; Max-Age=0"], 0, ""),
            (&["s=1; Expires=Wed, 21 Oct 2015 07:28:00 GMT"], 0, ""),
            (&["s=1; Expires=Fri, 31 Dec 9999 23:59:59 GMT"], 1000, "s=1"),
            (&["s=1; Expires=Wed, 21 Oct 2015 07:28:00 GMT; Max-Age=5"], 1, "s=1"),
            (&["s=1; Expires=never; Max-Age=99999999999999999999"], 1, "s=1"),
        ];
        for (set, later, expected) in table {
            assert_eq!(sent("http://h/", set, "http://h/", later), expected, "{set:?}");
        }
    }

    #[test]
    fn values_and_their_order() {
        let set =
            ["a=1", "b=\"two words\"", "c=x=y", "deep=1; Path=/d", "a=3", "=empty", "none", "d=", "e=\u{7}"];
        assert_eq!(sent("http://h/", &set, "http://h/d/e", 0), "deep=1; a=3; b=\"two words\"; c=x=y; d=");
    }

    #[test]
    fn cookies_of_the_step_itself_come_first_and_win() {
        let mut jar = Jar::default();
        let (origin, now) = ("http://h".parse().unwrap(), Instant::now());
        jar.keep(b"session=s", &origin, "/", now);
        jar.keep(b"lang=de", &origin, "/", now);
        let mut out = b"lang=ko; x=y".to_vec();
        jar.write(&origin, "/", now, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), "lang=ko; x=y; session=s");
    }

    #[test]
    fn a_jar_has_room_for_so_many() {
        let mut jar = Jar::default();
        let (origin, now) = ("http://h".parse().unwrap(), Instant::now());
        jar.keep(b"short=1; Max-Age=1", &origin, "/", now);
        for number in 0..MOST_COOKIES {
            jar.keep(format!("c{number}=1").as_bytes(), &origin, "/", now + Duration::from_secs(2));
        }
        assert_eq!(jar.cookies.len(), MOST_COOKIES);
        assert_eq!(&*jar.cookies[0].name, "c0", "what had ended went first");
        jar.keep(b"one-more=1", &origin, "/", now);
        assert_eq!((jar.cookies.len(), &*jar.cookies[0].name), (MOST_COOKIES, "c1"));
        jar.keep(format!("large={}", "x".repeat(LARGEST_COOKIE)).as_bytes(), &origin, "/", now);
        assert!(jar.cookies.iter().all(|stored| &*stored.name != "large"));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

        /// Nothing that a server sets breaks out of the header, grows without end, or stops the program.
        #[test]
        fn whatever_is_set(set in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..60), 0..200)) {
            let mut jar = Jar::default();
            let (origin, now) = ("http://a.example".parse().unwrap(), Instant::now());
            for set in &set {
                jar.keep(set, &origin, "/a/b", now);
            }
            let mut out = Vec::new();
            jar.write(&origin, "/a/b", now, &mut out);
            prop_assert!(jar.cookies.len() <= MOST_COOKIES);
            prop_assert!(crate::http::request::check_header_value(&out).is_ok());
        }
    }
}
