//! A small server that misbehaves on order, on loopback, over plain threads.
//!
//! `Faulty::start(Behaviour::CloseBeforeAnswer)` listens at once and counts connections and requests.
//! It stops with the value.

#![allow(dead_code, reason = "each test file uses some of the behaviours")]

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// What the server does with a connection, or with each request on it.
#[derive(Debug, Clone)]
pub(crate) enum Behaviour {
    /// 200 with a body of `ok`, kept alive.
    Ok,
    /// This status with a body of `no`, kept alive.
    Status(u16),
    /// 200 with the request's body, kept alive.
    Echo,
    /// 200 with this many bytes.
    LargeBody(usize),
    /// 200 and a body that never ends.
    Endless,
    /// These bytes as the answer, kept alive.
    Raw(Vec<u8>),
    /// Reads the request, then a reset.
    ResetBeforeAnswer,
    /// A reset after the first half of an answer.
    ResetInsideAnswer,
    /// Reads the request, then closes.
    CloseBeforeAnswer,
    /// Closes after this many bytes of an answer.
    CloseAfter(usize),
    /// Reads nothing, says nothing.
    HangAfterAccept,
    /// Reads the request, says nothing.
    HangBeforeAnswer,
    /// A good answer, a byte of its head per tick.
    SlowHead(Duration),
    /// A good answer, a byte of its body per tick.
    SlowBody(Duration),
    /// More bytes than `Content-Length` says.
    LongerThanSaid,
    /// Fewer bytes than `Content-Length` says, then a close.
    ShorterThanSaid,
    /// A chunk whose size is no number.
    BrokenChunk,
    /// Something that is not HTTP.
    NoStatusLine,
    /// A header of this many bytes.
    HugeHeader(usize),
    /// Closes after each answer without having said so.
    CloseAfterAnswer,
    /// A good answer, and a reset right behind it.
    ResetAfterAnswer,
    /// Answers the first request of a connection, reads the second and closes.
    CloseOnSecondRequest,
    /// As above, with a reset.
    ResetOnSecondRequest,
    /// Answers the first request of a connection, then sends bytes that nobody asked for.
    SpeakUnasked,
    /// Closes its own direction instead of answering, and goes on reading.
    HalfClose,
    /// Answers 413 on the head alone, and closes with the body unread.
    RefuseBody,
}

/// A running server.
#[derive(Debug)]
pub(crate) struct Faulty {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    stopped: AtomicBool,
    connections: AtomicUsize,
    requests: AtomicUsize,
}

enum After {
    Keep,
    Close,
}

impl Faulty {
    pub(crate) fn start(behaviour: Behaviour) -> Faulty {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if theirs.stopped.load(Ordering::SeqCst) {
                    break;
                }
                let Ok(stream) = stream else {
                    // A test that takes descriptors away takes them from this thread too, for a while.
                    thread::sleep(Duration::from_millis(1));
                    continue;
                };
                theirs.connections.fetch_add(1, Ordering::SeqCst);
                let (behaviour, shared) = (behaviour.clone(), Arc::clone(&theirs));
                // An error is the client's going away: nothing to do about it here.
                thread::spawn(move || serve(stream, &behaviour, &shared));
            }
        });
        Faulty { address, shared }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Connections accepted so far.
    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Requests whose head was read so far.
    pub(crate) fn requests(&self) -> usize {
        self.shared.requests.load(Ordering::SeqCst)
    }
}

impl Drop for Faulty {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.address);
    }
}

/// An address whose queue of connections is full: the system lets further ones wait.
#[derive(Debug)]
pub(crate) struct FullBacklog {
    address: SocketAddr,
    _listener: rustix::fd::OwnedFd,
    _queued: Vec<TcpStream>,
}

impl FullBacklog {
    pub(crate) fn new() -> FullBacklog {
        use rustix::net::{AddressFamily, SocketType, bind, getsockname, listen, socket};
        let listener = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
        bind(&listener, &SocketAddr::from(([127, 0, 0, 1], 0))).expect("loopback has a free port");
        listen(&listener, 0).expect("a bound socket can listen");
        let address = getsockname(&listener).expect("a bound socket has an address");
        let address = SocketAddr::try_from(address).expect("an address of the internet");
        // Nobody accepts, until one is left hanging.
        let fill = |_| TcpStream::connect_timeout(&address, Duration::from_millis(50));
        let queued = (0..8).map(fill).map_while(Result::ok).collect();
        FullBacklog { address, _listener: listener, _queued: queued }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

fn serve(mut stream: TcpStream, behaviour: &Behaviour, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    if matches!(behaviour, Behaviour::HangAfterAccept) {
        while !shared.stopped.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(5));
        }
        return Ok(());
    }
    let mut pending = Vec::new();
    for nth in 0.. {
        let Some(length) = read_head(&mut stream, &mut pending)? else { return Ok(()) };
        shared.requests.fetch_add(1, Ordering::SeqCst);
        if matches!(behaviour, Behaviour::RefuseBody) {
            stream.write_all(b"HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno")?;
            // Time to arrive before the reset that closing over unread bytes becomes.
            thread::sleep(Duration::from_millis(30));
            return Ok(());
        }
        let body = read_body(&mut stream, &mut pending, length)?;
        if let After::Close = answer(&mut stream, behaviour, nth, &body)? {
            return Ok(());
        }
    }
    Ok(())
}

/// Reads up to the end of a head, and returns the length of the body that follows.
fn read_head(stream: &mut TcpStream, pending: &mut Vec<u8>) -> io::Result<Option<usize>> {
    loop {
        if let Some(end) = pending.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&pending[..end]).to_ascii_lowercase();
            pending.drain(..end + 4);
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
            return Ok(Some(length.and_then(|text| text.trim().parse().ok()).unwrap_or(0)));
        }
        let mut part = [0; 4096];
        match stream.read(&mut part)? {
            0 => return Ok(None),
            count => pending.extend_from_slice(&part[..count]),
        }
    }
}

fn read_body(stream: &mut TcpStream, pending: &mut Vec<u8>, length: usize) -> io::Result<Vec<u8>> {
    while pending.len() < length {
        let mut part = [0; 4096];
        match stream.read(&mut part)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => pending.extend_from_slice(&part[..count]),
        }
    }
    Ok(pending.drain(..length).collect())
}

fn answer(stream: &mut TcpStream, behaviour: &Behaviour, nth: usize, body: &[u8]) -> io::Result<After> {
    let good = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
    let hundred = with_length(100, &[b'x'; 100]);
    match behaviour {
        Behaviour::Status(status) => {
            write!(stream, "HTTP/1.1 {status} Whatever\r\ncontent-length: 2\r\n\r\nno")?;
        }
        Behaviour::Echo => stream.write_all(&with_length(body.len(), body))?,
        Behaviour::LargeBody(size) => stream.write_all(&with_length(*size, &vec![b'x'; *size]))?,
        Behaviour::Endless => {
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
            let part = vec![b'x'; 64 * 1024];
            loop {
                stream.write_all(&part)?;
            }
        }
        Behaviour::Raw(bytes) => stream.write_all(bytes)?,
        Behaviour::ResetBeforeAnswer => return reset(stream),
        Behaviour::ResetInsideAnswer => {
            stream.write_all(&hundred[..60])?;
            thread::sleep(Duration::from_millis(20));
            return reset(stream);
        }
        Behaviour::CloseBeforeAnswer | Behaviour::RefuseBody => return Ok(After::Close),
        Behaviour::CloseAfter(count) => {
            stream.write_all(&hundred[..*count])?;
            return Ok(After::Close);
        }
        // Reading on without answering: until the client goes away.
        Behaviour::HangBeforeAnswer | Behaviour::HangAfterAccept => {}
        Behaviour::SlowHead(tick) => trickle(stream, good, 0, *tick)?,
        Behaviour::SlowBody(tick) => trickle(stream, &hundred, hundred.len() - 100, *tick)?,
        Behaviour::LongerThanSaid => stream.write_all(&with_length(2, b"okay"))?,
        Behaviour::ShorterThanSaid => {
            stream.write_all(&with_length(4, b"ok"))?;
            return Ok(After::Close);
        }
        Behaviour::BrokenChunk => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\nzz\r\n")?;
        }
        Behaviour::NoStatusLine => stream.write_all(b"220 mail.example ESMTP\r\n")?,
        Behaviour::HugeHeader(size) => {
            write!(stream, "HTTP/1.1 200 OK\r\nx-huge: {}\r\ncontent-length: 0\r\n\r\n", "x".repeat(*size))?;
        }
        Behaviour::CloseAfterAnswer => {
            stream.write_all(good)?;
            return Ok(After::Close);
        }
        Behaviour::ResetAfterAnswer => {
            stream.write_all(good)?;
            return reset(stream);
        }
        Behaviour::CloseOnSecondRequest if nth > 0 => return Ok(After::Close),
        Behaviour::ResetOnSecondRequest if nth > 0 => return reset(stream),
        Behaviour::Ok | Behaviour::CloseOnSecondRequest | Behaviour::ResetOnSecondRequest => {
            stream.write_all(good)?;
        }
        Behaviour::SpeakUnasked => {
            stream.write_all(good)?;
            thread::sleep(Duration::from_millis(5));
            stream.write_all(b"HTTP/1.1 408 Too Slow\r\ncontent-length: 0\r\n\r\n")?;
        }
        Behaviour::HalfClose => stream.shutdown(Shutdown::Write)?,
    }
    Ok(After::Keep)
}

fn with_length(said: usize, body: &[u8]) -> Vec<u8> {
    let mut answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {said}\r\n\r\n").into_bytes();
    answer.extend_from_slice(body);
    answer
}

/// Sends the first `at_once` bytes together, and the rest one by one.
fn trickle(stream: &mut TcpStream, bytes: &[u8], at_once: usize, tick: Duration) -> io::Result<()> {
    stream.write_all(&bytes[..at_once])?;
    for byte in &bytes[at_once..] {
        thread::sleep(tick);
        stream.write_all(std::slice::from_ref(byte))?;
    }
    Ok(())
}

/// Closing with no time to linger sends a reset.
fn reset(stream: &TcpStream) -> io::Result<After> {
    rustix::net::sockopt::set_socket_linger(stream, Some(Duration::ZERO))?;
    Ok(After::Close)
}
