//! A server whose every answer is known: it waits as long as it is told to, and logs what it did. `GET /connect`
//! is answered at once and stands in no log: for users to have their connection before they are measured.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// How long to wait before an answer: by its number (from 0), and the time since the first request.
pub(crate) type Wait = dyn Fn(u64, Duration) -> Duration + Send + Sync;

pub(crate) struct Known {
    pub(crate) url: String,
    log: Arc<Mutex<Log>>,
}

/// What the server saw and did.
#[derive(Debug, Default, Clone)]
pub(crate) struct Log {
    /// From the last byte of each request to the write of its answer, in the order of the answers.
    pub(crate) took: Vec<Duration>,
    /// When each request had arrived, since the first one.
    pub(crate) arrived: Vec<Duration>,
    pub(crate) bytes_read: u64,
    pub(crate) bytes_written: u64,
    first: Option<Instant>,
}

const ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 11\r\n\r\n{\"ok\":true}";

impl Known {
    /// Starts it on a thread of its own; it lives as long as the test's process.
    pub(crate) fn start(wait: impl Fn(u64, Duration) -> Duration + Send + Sync + 'static) -> Known {
        // Thousands arrive at once where the machine is busy; each is a descriptor of this process.
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
        let most = rustix::process::Rlimit { current: limit.maximum, ..limit };
        rustix::process::setrlimit(rustix::process::Resource::Nofile, most).unwrap();
        let log = Arc::new(Mutex::new(Log::default()));
        let (sender, receiver) = std::sync::mpsc::channel();
        let (wait, shared): (Arc<Wait>, _) = (Arc::new(wait), Arc::clone(&log));
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                sender.send(listener.local_addr().unwrap()).unwrap();
                while let Ok((stream, _)) = listener.accept().await {
                    let (wait, log) = (Arc::clone(&wait), Arc::clone(&shared));
                    tokio::spawn(async move {
                        // A client that goes away in mid-request has its reasons.
                        let _ = serve(stream, &wait, &log).await;
                    });
                }
            });
        });
        Known { url: format!("http://{}", receiver.recv().unwrap()), log }
    }

    /// What there is so far.
    pub(crate) fn log(&self) -> Log {
        self.log.lock().unwrap().clone()
    }
}

async fn serve(mut stream: TcpStream, wait: &Arc<Wait>, log: &Arc<Mutex<Log>>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::new();
    loop {
        let Some(length) = whole_request(&mut stream, &mut buffer).await? else { return Ok(()) };
        let only_connects = buffer.starts_with(b"GET /connect ");
        buffer.drain(..length);
        if only_connects {
            stream.write_all(ANSWER).await?;
            continue;
        }
        let arrived = Instant::now();
        let pause = {
            let mut log = log.lock().unwrap();
            let since = arrived - *log.first.get_or_insert(arrived);
            log.arrived.push(since);
            log.bytes_read += length as u64;
            wait(log.arrived.len() as u64 - 1, since)
        };
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
        let took = arrived.elapsed();
        stream.write_all(ANSWER).await?;
        let mut log = log.lock().unwrap();
        log.took.push(took);
        log.bytes_written += ANSWER.len() as u64;
    }
}

/// Reads until the buffer begins with a whole request, and says how long that is; none at the end.
async fn whole_request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<Option<usize>> {
    loop {
        if let Some(head) = buffer.windows(4).position(|end| end == b"\r\n\r\n") {
            let text = String::from_utf8_lossy(&buffer[..head]).to_ascii_lowercase();
            let body = text.lines().find_map(|line| line.strip_prefix("content-length:"));
            let body: usize = body.and_then(|length| length.trim().parse().ok()).unwrap_or(0);
            if buffer.len() >= head + 4 + body {
                return Ok(Some(head + 4 + body));
            }
        }
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
}
