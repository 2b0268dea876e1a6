//! What a request says of its sender's identity, for reports to leave out where a server repeats it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::http::Response;

/// Tokens, passwords and cookies that went out with this head, and cookies that came back.
pub(super) fn credentials(request: &[u8], response: &Response) -> Vec<String> {
    let head_end = request.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(request.len());
    let head = String::from_utf8_lossy(&request[..head_end]);
    let mut found = Vec::new();
    for (name, value) in head.split("\r\n").skip(1).filter_map(|line| line.split_once(": ")) {
        if name.eq_ignore_ascii_case("cookie") {
            found.extend(value.split(';').filter_map(value_of));
        } else if ["authorization", "proxy-authorization"].iter().any(|it| name.eq_ignore_ascii_case(it)) {
            let token = value.split_once(' ').map_or(value, |(_, token)| token);
            found.push(token.to_owned());
            let pair = STANDARD.decode(token).ok().and_then(|pair| String::from_utf8(pair).ok());
            found.extend(pair.and_then(|pair| Some(pair.split_once(':')?.1.to_owned())));
        }
    }
    for (_, value) in response.headers().filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie")) {
        let value = String::from_utf8_lossy(value);
        found.extend(value.split(';').next().and_then(value_of));
    }
    found
}

/// The value of `name=value`.
fn value_of(pair: &str) -> Option<String> {
    let (_, value) = pair.split_once('=')?;
    Some(value.trim().trim_matches('"').to_owned()).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_kinds() {
        let mut response = Response::new();
        let answer = b"HTTP/1.1 200 OK\r\nSet-Cookie: sid=s3ss10n; Path=/\r\ncontent-length: 0\r\n\r\n";
        response.receive(answer).unwrap();
        let request = b"GET / HTTP/1.1\r\nhost: a\r\nAuthorization: Basic bWU6aHVudGVyMg==\r\n\
            proxy-authorization: Bearer t0ken\r\ncookie: a=one; b=\"two\"; c=\r\n\r\nCookie: x=no";
        assert_eq!(
            credentials(request, &response),
            ["bWU6aHVudGVyMg==", "hunter2", "t0ken", "one", "two", "s3ss10n"]
        );
        assert!(credentials(b"", &Response::new()).is_empty());
    }
}
