//! A small server that remembers what it was asked, and answers as the test says.
//!
//! `Recording::start(|request| Answer::json(&json!({ "id": 7 })))` listens at once, with a thread for each
//! connection. It stops with the value, or before: to see what a target's death looks like.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use serde_json::Value;

use super::program::wait_until;

/// A request as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    /// The number of its connection, from 0.
    pub(crate) connection: usize,
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    /// The same, where it is no text.
    pub(crate) bytes: Vec<u8>,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in `{}`", self.body))
    }
}

/// What is answered.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Answer {
    pub(crate) fn status(status: u16) -> Answer {
        Answer { status, headers: Vec::new(), body: Vec::new() }
    }

    pub(crate) fn ok() -> Answer {
        Answer::status(200)
    }

    pub(crate) fn json(value: &Value) -> Answer {
        Answer::ok().body(&value.to_string())
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Answer {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn body(self, body: &str) -> Answer {
        self.bytes(body.as_bytes())
    }

    pub(crate) fn bytes(mut self, body: &[u8]) -> Answer {
        body.clone_into(&mut self.body);
        self
    }
}

/// A running server.
#[derive(Debug)]
pub(crate) struct Recording {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    stopped: AtomicBool,
    asked: Mutex<Vec<Asked>>,
    streams: Mutex<Vec<TcpStream>>,
    connections: AtomicUsize,
}

impl Recording {
    pub(crate) fn start(answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Recording {
        Recording::start_at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), answer)
    }

    pub(crate) fn start_at(
        address: SocketAddr,
        answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static,
    ) -> Recording {
        let listener = TcpListener::bind(address).unwrap_or_else(|error| panic!("{address}: {error}"));
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let (theirs, answer) = (Arc::clone(&shared), Arc::new(answer));
        let acceptor = thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if theirs.stopped.load(Ordering::SeqCst) {
                    return;
                }
                let connection = theirs.connections.fetch_add(1, Ordering::SeqCst);
                stream.set_nodelay(true).unwrap();
                theirs.streams.lock().unwrap().push(stream.try_clone().unwrap());
                let (shared, answer) = (Arc::clone(&theirs), Arc::clone(&answer));
                // An error is the client's going away: nothing to do about it here.
                thread::spawn(move || serve(stream, connection, &shared, &*answer));
            }
        });
        Recording { address, shared, acceptor: Some(acceptor) }
    }

    /// One that listens at a socket of this machine, and is never stopped before the test ends.
    pub(crate) fn start_at_path(
        path: &Path,
        answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static,
    ) -> Recording {
        let listener = UnixListener::bind(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let shared = Arc::new(Shared::default());
        let (theirs, answer) = (Arc::clone(&shared), Arc::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let connection = theirs.connections.fetch_add(1, Ordering::SeqCst);
                let (shared, answer) = (Arc::clone(&theirs), Arc::clone(&answer));
                thread::spawn(move || serve(stream, connection, &shared, &*answer));
            }
        });
        Recording { address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), shared, acceptor: None }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What was asked so far, in the order of coming.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.shared.asked.lock().unwrap().clone()
    }

    /// The requests to this path and query.
    pub(crate) fn asked_for(&self, target: &str) -> Vec<Asked> {
        self.asked().into_iter().filter(|asked| asked.target == target).collect()
    }

    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Waits until so many requests have come.
    #[track_caller]
    pub(crate) fn wait_for(&self, count: usize) {
        wait_until(&format!("{count} requests"), || self.shared.asked.lock().unwrap().len() >= count);
    }

    /// Closes all connections and listens no more.
    pub(crate) fn stop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        let Some(acceptor) = self.acceptor.take() else { return };
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.address);
        acceptor.join().unwrap();
        for stream in self.shared.streams.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        self.stop();
    }
}

/// An address of the loopback that nobody else listens or speaks at, so that a port of it stays free.
pub(crate) fn own_address() -> SocketAddr {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let [_, _, high, low] = std::process::id().to_be_bytes();
    let number = NEXT.fetch_add(1, Ordering::SeqCst);
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, number, high, low)), 9000)
}

fn serve(
    mut stream: impl Read + Write,
    connection: usize,
    shared: &Shared,
    answer: &(dyn Fn(&Asked) -> Answer + Send + Sync),
) -> io::Result<()> {
    let mut pending = Vec::new();
    while let Some(asked) = read(&mut stream, connection, &mut pending)? {
        shared.asked.lock().unwrap().push(asked.clone());
        let Answer { status, headers, body } = answer(&asked);
        let mut out = format!("HTTP/1.1 {status} Whatever\r\n");
        for (name, value) in &headers {
            out += &format!("{name}: {value}\r\n");
        }
        if status != 204 {
            out += &format!("content-length: {}\r\n", body.len());
        }
        out += "\r\n";
        let mut out = out.into_bytes();
        if asked.method != "HEAD" && status != 204 {
            out.extend_from_slice(&body);
        }
        stream.write_all(&out)?;
    }
    Ok(())
}

fn read(stream: &mut impl Read, connection: usize, pending: &mut Vec<u8>) -> io::Result<Option<Asked>> {
    let end = loop {
        if let Some(end) = pending.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if !read_more(stream, pending)? {
            return Ok(None);
        }
    };
    let head = String::from_utf8_lossy(&pending[..end]).into_owned();
    pending.drain(..end + 4);
    let mut lines = head.lines();
    let mut start = lines.next().unwrap_or_default().split(' ').map(str::to_owned);
    let headers = lines.filter_map(|line| line.split_once(':'));
    let headers: Vec<(String, String)> =
        headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length.and_then(|(_, value)| value.parse().ok()).unwrap_or(0);
    while pending.len() < length {
        if !read_more(stream, pending)? {
            return Ok(None);
        }
    }
    let bytes: Vec<u8> = pending.drain(..length).collect();
    let body = String::from_utf8_lossy(&bytes).into_owned();
    let (method, target) = (start.next().unwrap_or_default(), start.next().unwrap_or_default());
    Ok(Some(Asked { connection, method, target, headers, body, bytes }))
}

fn read_more(stream: &mut impl Read, pending: &mut Vec<u8>) -> io::Result<bool> {
    let mut part = [0; 4096];
    let count = stream.read(&mut part)?;
    pending.extend_from_slice(&part[..count]);
    Ok(count > 0)
}
