//! One request on a connection of its own.

use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

/// An answer: its status, and what came with it.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Answer {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The JSON of an answer with status 200.
    #[track_caller]
    pub(crate) fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{self:?}");
        self.json()
    }
}

pub(crate) fn get(port: u16, path: &str) -> Result<Answer> {
    send(port, "GET", path, "", "")
}

pub(crate) fn post(port: u16, path: &str, body: &str) -> Result<Answer> {
    send(port, "POST", path, "", body)
}

/// `headers` are whole lines. The version is 1.0, so that the body comes as it is and ends with the connection.
pub(crate) fn send(port: u16, method: &str, path: &str, headers: &str, body: &str) -> Result<Answer> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_mins(1)))?;
    let head = format!("{method} {path} HTTP/1.0\r\nHost: test\r\n{headers}");
    write!(stream, "{head}Content-Length: {}\r\n\r\n{body}", body.len())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    // What Docker keeps open for a port takes connections before anybody in the container does.
    let broken = || Error::from(ErrorKind::UnexpectedEof);
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(broken)?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(broken)?;
    Ok(Answer { status, body: body.to_owned() })
}

/// The value of a metric, by its name with all labels; none if it is not told.
pub(crate) fn metric(port: u16, name: &str) -> Option<f64> {
    let text = get(port, "/metrics").unwrap().body;
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
}
