//! Small servers that speak HTTP/2: a well-behaved one, and one that misbehaves by path.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use bytes::Bytes;
use h2::{Reason, RecvStream};
use hyper::http::{Request, Response};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// A request as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) connection: usize,
    pub(crate) method: String,
    /// Scheme, authority, path and query.
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// A running server; it lives as long as the process.
#[derive(Debug, Clone)]
pub(crate) struct Frames {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    connections: AtomicUsize,
    asked: Mutex<Vec<Asked>>,
}

impl Frames {
    /// Speaks HTTP/2 at once, as clients with prior knowledge do; behind TLS where `tls` says how.
    pub(crate) fn start(tls: Option<Arc<ServerConfig>>) -> Frames {
        let (tell, told) = std::sync::mpsc::channel();
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            tokio::task::LocalSet::new().block_on(&runtime, async move {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                tell.send(listener.local_addr().unwrap()).unwrap();
                let acceptor = tls.map(TlsAcceptor::from);
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    stream.set_nodelay(true).unwrap();
                    let (shared, acceptor) = (Arc::clone(&theirs), acceptor.clone());
                    tokio::task::spawn_local(accept(stream, acceptor, shared));
                }
            });
        });
        Frames { address: told.recv().unwrap(), shared }
    }

    pub(crate) fn url(&self, scheme: &str) -> String {
        format!("{scheme}://{}", self.address)
    }

    /// Connections over which a request came.
    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.shared.asked.lock().unwrap().clone()
    }
}

async fn accept(stream: TcpStream, acceptor: Option<TlsAcceptor>, shared: Arc<Shared>) {
    match acceptor {
        None => serve(stream, shared).await,
        Some(acceptor) => {
            if let Ok(stream) = acceptor.accept(stream).await {
                serve(stream, shared).await;
            }
        }
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, shared: Arc<Shared>) {
    let Ok(mut connection) = h2::server::handshake(stream).await else { return };
    let number = shared.connections.fetch_add(1, Ordering::SeqCst);
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        let path = request.uri().path().to_owned();
        if path == "/close" {
            note(&shared, number, &request, Vec::new());
            // What is still to be read would make a reset of the close.
            let quiet = std::future::poll_fn(|cx| connection.poll_closed(cx));
            let _ = tokio::time::timeout(std::time::Duration::from_millis(30), quiet).await;
            drop(connection);
            drop(respond);
            return;
        }
        if path == "/goaway" {
            note(&shared, number, &request, Vec::new());
            connection.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
            let _ = std::future::poll_fn(|cx| connection.poll_closed(cx)).await;
            return;
        }
        if path == "/truncated" {
            note(&shared, number, &request, Vec::new());
            let mut body = respond.send_response(head(200), false).unwrap();
            body.send_data(Bytes::from_static(b"half of it"), false).unwrap();
            // Until it is out; nothing else comes meanwhile.
            let flushed = std::future::poll_fn(|cx| connection.poll_closed(cx));
            let _ = tokio::time::timeout(std::time::Duration::from_millis(30), flushed).await;
            return;
        }
        if path == "/bye" {
            connection.graceful_shutdown();
        }
        let shared = Arc::clone(&shared);
        tokio::task::spawn_local(async move {
            let (parts, body) = request.into_parts();
            let body = read(body).await;
            let is_head = parts.method == "HEAD";
            note(&shared, number, &Request::from_parts(parts, ()), body.clone());
            if is_head {
                drop(respond.send_response(head(200), true));
            } else {
                answer(&path, body, respond).await;
            }
        });
    }
}

fn note<B>(shared: &Shared, connection: usize, request: &Request<B>, body: Vec<u8>) {
    let headers = request.headers().iter();
    let headers =
        headers.map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into()));
    shared.asked.lock().unwrap().push(Asked {
        connection,
        method: request.method().to_string(),
        url: request.uri().to_string(),
        headers: headers.collect(),
        body,
    });
}

async fn read(mut body: RecvStream) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Some(Ok(part)) = body.data().await {
        whole.extend_from_slice(&part);
        let _ = body.flow_control().release_capacity(part.len());
    }
    whole
}

fn head(status: u16) -> Response<()> {
    Response::builder().status(status).body(()).unwrap()
}

async fn answer(path: &str, body: Vec<u8>, mut respond: h2::server::SendResponse<Bytes>) {
    match path {
        "/reset" => respond.send_reset(Reason::INTERNAL_ERROR),
        "/refused" => respond.send_reset(Reason::REFUSED_STREAM),
        "/reset-inside" => {
            let mut out = respond.send_response(head(200), false).unwrap();
            out.send_data(Bytes::from_static(b"half of it"), false).unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            out.send_reset(Reason::CANCEL);
        }
        "/shorter" => {
            let head = Response::builder().header("content-length", "100").body(()).unwrap();
            let mut out = respond.send_response(head, false).unwrap();
            out.send_data(Bytes::from_static(b"less"), true).unwrap();
        }
        "/hang" => std::future::pending().await,
        "/slow-body" => {
            let _out = respond.send_response(head(200), false).unwrap();
            std::future::pending::<()>().await;
        }
        "/interim" => {
            let _ = respond.send_informational(head(103));
            send(&mut respond, head(200), b"late".to_vec()).await;
        }
        "/empty" => drop(respond.send_response(head(204), true)),
        "/echo" => send(&mut respond, head(200), body).await,
        "/large" => send(&mut respond, head(200), vec![b'x'; 3_000_000]).await,
        "/cookie" => {
            let head = Response::builder().header("set-cookie", "sid=1; Path=/").header("set-cookie", "b=2");
            send(&mut respond, head.body(()).unwrap(), Vec::new()).await;
        }
        "/moved" => {
            let head = Response::builder().status(302).header("location", "/echo").body(()).unwrap();
            drop(respond.send_response(head, true));
        }
        "/many-headers" => {
            let mut head = Response::builder();
            for number in 0..3000 {
                head = head.header(format!("x-{number}"), "y".repeat(100));
            }
            drop(respond.send_response(head.body(()).unwrap(), true));
        }
        status if status.starts_with("/status/") => {
            let status = status["/status/".len()..].parse().unwrap();
            send(&mut respond, head(status), b"as asked".to_vec()).await;
        }
        _ => send(&mut respond, head(200), b"ok".to_vec()).await,
    }
}

async fn send(respond: &mut h2::server::SendResponse<Bytes>, head: Response<()>, body: Vec<u8>) {
    let Ok(mut out) = respond.send_response(head, false) else { return };
    let mut rest = Bytes::from(body);
    while !rest.is_empty() {
        out.reserve_capacity(rest.len());
        match std::future::poll_fn(|cx| out.poll_capacity(cx)).await {
            Some(Ok(room)) => {
                let part = rest.split_to(room.min(rest.len()));
                if out.send_data(part, rest.is_empty()).is_err() {
                    return;
                }
            }
            _ => return,
        }
    }
    if out.send_data(Bytes::new(), true).is_err() {
        // An answer with a body has ended already.
    }
}

/// hyper's server, which speaks what its client begins with. Calls `answer` for each request, body read.
pub(crate) fn hyper_server(
    answer: impl Fn(Request<Vec<u8>>) -> Response<Vec<u8>> + Send + Clone + 'static,
) -> SocketAddr {
    let (tell, told) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        tokio::task::LocalSet::new().block_on(&runtime, async move {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            tell.send(listener.local_addr().unwrap()).unwrap();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let answer = answer.clone();
                tokio::task::spawn_local(async move {
                    let mut first = [0; 3];
                    let speaks_http2 = stream.peek(&mut first).await.is_ok_and(|_| first == *b"PRI");
                    let service =
                        hyper::service::service_fn(move |request: Request<hyper::body::Incoming>| {
                            let answer = answer.clone();
                            async move {
                                let (parts, body) = request.into_parts();
                                let body = collect(body).await;
                                Ok::<_, Infallible>(answer(Request::from_parts(parts, body)).map(Whole::new))
                            }
                        });
                    let io = hyper_util::rt::TokioIo::new(stream);
                    if speaks_http2 {
                        let server = hyper::server::conn::http2::Builder::new(Local);
                        let _ = server.serve_connection(io, service).await;
                    } else {
                        let _ =
                            hyper::server::conn::http1::Builder::new().serve_connection(io, service).await;
                    }
                });
            }
        });
    });
    told.recv().unwrap()
}

async fn collect(mut body: hyper::body::Incoming) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Some(Ok(frame)) =
        std::future::poll_fn(|cx| hyper::body::Body::poll_frame(std::pin::Pin::new(&mut body), cx)).await
    {
        whole.extend_from_slice(frame.data_ref().map_or(&[], |data| &data[..]));
    }
    whole
}

/// A body in one piece.
struct Whole(Option<Bytes>);

impl Whole {
    fn new(bytes: Vec<u8>) -> Whole {
        Whole(Some(Bytes::from(bytes)).filter(|bytes| !bytes.is_empty()))
    }
}

impl hyper::body::Body for Whole {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<Bytes>, Infallible>>> {
        std::task::Poll::Ready(self.0.take().map(|bytes| Ok(hyper::body::Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        hyper::body::SizeHint::with_exact(self.0.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}

/// Tasks stay on their thread.
#[derive(Debug, Clone)]
struct Local;

impl<F: Future + 'static> hyper::rt::Executor<F> for Local {
    fn execute(&self, task: F) {
        tokio::task::spawn_local(task);
    }
}
