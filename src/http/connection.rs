//! One connection to one origin, plain or TLS: how it is opened, written, read, and looked at while idle.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::http::error::ExchangeError;
use crate::http::network::Way;
use crate::http::socket::Socket;
use crate::http::{Clock, Network, Origin, Scheme, Timing, dns, tls};
use crate::outcome::{Cause, OwnFault, Phase};

#[derive(Debug)]
pub(crate) enum Connection {
    Plain(Socket),
    /// Boxed: its state is large, and most users have none.
    Tls(Box<TlsStream<Socket>>),
}

/// A single TLS record holds this much at most.
const TLS_RECORD: usize = 16 * 1024;

impl Connection {
    /// Resolves, connects and shakes hands. `phase` says which of them is under way, `timing` how long each took.
    pub(crate) async fn open(
        origin: &Origin,
        network: &Network,
        clock: &impl Clock,
        phase: &Cell<Phase>,
        timing: &mut Timing,
    ) -> Result<Connection, ExchangeError> {
        let socket = connect(origin, network, clock, phase, timing).await?;
        if origin.scheme() == Scheme::Http {
            return Ok(Connection::Plain(socket));
        }
        phase.set(Phase::Tls);
        let start = Instant::now();
        let stream = shake_hands(socket, origin, network).await?;
        timing.tls = Some(start.elapsed());
        Ok(Connection::Tls(Box::new(stream)))
    }

    /// Ready where there may be something to read. So nobody needs room for it before that.
    pub(crate) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Connection::Plain(socket) => socket.poll_readable(cx),
            // Only TLS itself can tell whether it holds something back.
            Connection::Tls(_) => Poll::Ready(()),
        }
    }

    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>, space: &mut [u8]) -> Poll<io::Result<usize>> {
        match self {
            Connection::Plain(socket) => socket.poll_receive(cx, space),
            Connection::Tls(stream) => {
                let mut space = ReadBuf::new(space);
                Pin::new(stream).poll_read(cx, &mut space).map_ok(|()| space.filled().len())
            }
        }
    }

    pub(crate) fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Connection::Plain(socket) => socket.poll_send(cx, bytes),
            Connection::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    /// TLS may hold back what it accepted; a plain connection never does.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Connection::Plain(_) => Poll::Ready(Ok(())),
            Connection::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    pub(crate) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Connection::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Connection::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }

    /// Whether both sides agreed on HTTP/2 in the TLS handshake.
    pub(crate) fn agreed_on_http2(&self) -> bool {
        match self {
            Connection::Plain(_) => false,
            Connection::Tls(stream) => stream.get_ref().1.alpn_protocol() == Some(tls::HTTP_2),
        }
    }

    /// Whether a first write that failed can have reached the server all the same. A plain write that fails
    /// has sent nothing. TLS may have sent whole records before the one that failed; a part of a record is
    /// nothing that a server could read.
    pub(crate) fn failed_write_is_unsent(&self, request: usize) -> bool {
        matches!(self, Connection::Plain(_)) || request <= TLS_RECORD
    }

    /// Whether an idle connection is still there. Silence is what is expected: an end, an error, and bytes
    /// that nobody asked for (a 408 before the close) all mean that it is done. Costs no system call while
    /// nothing has arrived.
    pub(crate) fn is_idle(&mut self) -> bool {
        match self {
            Connection::Plain(stream) => {
                matches!(stream.try_read(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
            }
            Connection::Tls(stream) => {
                let (socket, session) = stream.get_mut();
                match session.process_new_packets() {
                    Ok(state) if state.plaintext_bytes_to_read() == 0 => {}
                    _ => return false,
                }
                if !socket.may_have_more() {
                    return true;
                }
                // Something has come; a session ticket would be nothing to worry about. Without the task's
                // budget, or an exhausted one would look like silence.
                let mut byte = [0];
                let read = std::future::poll_fn(|cx| {
                    Pin::new(&mut **stream).poll_read(cx, &mut ReadBuf::new(&mut byte))
                });
                let read = std::pin::pin!(tokio::task::coop::unconstrained(read));
                read.poll(&mut Context::from_waker(Waker::noop())).is_pending()
            }
        }
    }
}

/// The way to an origin, as far as bytes: TLS is still to come.
pub(crate) async fn connect(
    origin: &Origin,
    network: &Network,
    clock: &impl Clock,
    phase: &Cell<Phase>,
    timing: &mut Timing,
) -> Result<Socket, ExchangeError> {
    match network.way_to(origin) {
        Way::Direct => connect_tcp(origin, phase, timing).await.map(Socket::Tcp),
        Way::Socket(path) => {
            phase.set(Phase::Connect);
            let start = Instant::now();
            let stream = Socket::connect_path(path, clock).await?;
            timing.connect = Some(start.elapsed());
            Ok(Socket::Unix(Box::new(stream)))
        }
        Way::Proxy(proxy) => {
            let connected = connect_tcp(proxy.origin(), phase, timing).await;
            let mut stream = connected.map_err(|error| match error {
                ExchangeError::Target { detail, .. } => proxy.failed(&detail),
                own @ ExchangeError::Own { .. } => own,
            })?;
            if network.tunnels_to(origin) {
                let start = Instant::now();
                proxy.open_way(&mut stream, origin).await?;
                timing.connect = timing.connect.map(|connect| connect + start.elapsed());
            }
            Ok(Socket::Tcp(stream))
        }
    }
}

/// Resolves a host and connects to it.
async fn connect_tcp(
    host: &Origin,
    phase: &Cell<Phase>,
    timing: &mut Timing,
) -> Result<TcpStream, ExchangeError> {
    phase.set(Phase::Dns);
    let start = Instant::now();
    let addresses = dns::resolve(host).await.map_err(|error| {
        ExchangeError::target(Cause::Dns, format!("{} cannot be resolved: {error}", host.host()))
    })?;
    let resolved = Instant::now();
    if addresses.asked {
        timing.dns = Some(resolved - start);
    }
    phase.set(Phase::Connect);
    let stream = Socket::connect_any(addresses.iter()).await?;
    timing.connect = Some(resolved.elapsed());
    Ok(stream)
}

async fn shake_hands(
    socket: Socket,
    origin: &Origin,
    network: &Network,
) -> Result<TlsStream<Socket>, ExchangeError> {
    let tls = network.tls().map_err(|error| ExchangeError::own(OwnFault::System, error.to_string()))?;
    let Some(name) = tls::server_name(origin, network) else {
        return Err(ExchangeError::target(
            Cause::Tls,
            format!("{} is no name that TLS knows", origin.host()),
        ));
    };
    let shaken = tls.connector().connect(name, socket).await;
    shaken.map_err(|error| handshake_error(&error, origin, network))
}

fn handshake_error(error: &io::Error, origin: &Origin, network: &Network) -> ExchangeError {
    if let Some(error) = tls_error(error) {
        return ExchangeError::target(Cause::Tls, tls::in_words(error, origin, network));
    }
    if error.kind() == io::ErrorKind::UnexpectedEof {
        let detail = format!(
            "the server closed the connection in the TLS handshake: does port {} speak TLS?",
            origin.port()
        );
        return ExchangeError::target(Cause::Tls, detail);
    }
    ExchangeError::from_system(error, Cause::Timeout(Phase::Tls), Cause::Tls)
}

/// The TLS error inside an error of the stream.
pub(crate) fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}
