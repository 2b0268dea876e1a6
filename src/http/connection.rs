//! One connection to one origin, plain or TLS: how it is opened, written, read, and looked at while idle.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::http::error::ExchangeError;
use crate::http::{Network, Origin, Scheme, Timing, dns, tls};
use crate::outcome::{Cause, OwnFault, Phase};

#[derive(Debug)]
pub(crate) enum Connection {
    Plain(TcpStream),
    /// Boxed: its state is large, and most users have none.
    Tls(Box<TlsStream<TcpStream>>),
}

/// A single TLS record holds this much at most.
const TLS_RECORD: usize = 16 * 1024;

impl Connection {
    /// Resolves, connects and shakes hands. `phase` says which of them is under way, `timing` how long each took.
    pub(crate) async fn open(
        origin: &Origin,
        network: &Network,
        phase: &Cell<Phase>,
        timing: &mut Timing,
    ) -> Result<Connection, ExchangeError> {
        phase.set(Phase::Dns);
        let start = Instant::now();
        let addresses = dns::resolve(origin).await.map_err(|error| {
            ExchangeError::target(Cause::Dns, format!("{} cannot be resolved: {error}", origin.host()))
        })?;
        let resolved = Instant::now();
        if addresses.asked {
            timing.dns = Some(resolved - start);
        }

        phase.set(Phase::Connect);
        let stream = connect_any(addresses.iter()).await?;
        let connected = Instant::now();
        timing.connect = Some(connected - resolved);

        if origin.scheme() == Scheme::Http {
            return Ok(Connection::Plain(stream));
        }
        phase.set(Phase::Tls);
        let stream = shake_hands(stream, origin, network).await?;
        timing.tls = Some(connected.elapsed());
        Ok(Connection::Tls(Box::new(stream)))
    }

    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>, space: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut space = ReadBuf::new(space);
        let read = match self {
            Connection::Plain(stream) => Pin::new(stream).poll_read(cx, &mut space),
            Connection::Tls(stream) => Pin::new(stream).poll_read(cx, &mut space),
        };
        read.map_ok(|()| space.filled().len())
    }

    pub(crate) fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Connection::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
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
                if socket.try_io(Interest::READABLE, || Ok(())).is_err() {
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

/// The first address that answers. Where none does, the first error that says something about the target: a
/// host with an IPv6 name but no IPv6 would else hide that nothing listens.
async fn connect_any(addresses: impl Iterator<Item = SocketAddr>) -> Result<TcpStream, ExchangeError> {
    let mut first: Option<ExchangeError> = None;
    for address in addresses {
        let error = match connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => {
                ExchangeError::from_system(&error, Cause::Timeout(Phase::Connect), Cause::Unreachable)
            }
        };
        match error {
            ExchangeError::Own { fault: OwnFault::NoDescriptors, .. } => return Err(error),
            ExchangeError::Target { .. } if !matches!(first, Some(ExchangeError::Target { .. })) => {
                first = Some(error);
            }
            _ => first = first.or(Some(error)),
        }
    }
    Err(first.unwrap_or_else(|| ExchangeError::target(Cause::Dns, "the name has no address")))
}

async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    // On loopback, a connect to a port nobody listens on can meet itself when the system happens to pick
    // that very port for our end. It would then read its own requests as answers, and keep the server out.
    if address.ip().is_loopback() && stream.local_addr()? == address {
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn shake_hands(
    stream: TcpStream,
    origin: &Origin,
    network: &Network,
) -> Result<TlsStream<TcpStream>, ExchangeError> {
    let tls = network.tls().map_err(|error| ExchangeError::own(OwnFault::System, error.to_string()))?;
    let Some(name) = tls::server_name(origin) else {
        return Err(ExchangeError::target(
            Cause::Tls,
            format!("{} is no name that TLS knows", origin.host()),
        ));
    };
    tls.connector().connect(name, stream).await.map_err(|error| handshake_error(&error, origin))
}

fn handshake_error(error: &io::Error, origin: &Origin) -> ExchangeError {
    if let Some(error) = tls_error(error) {
        return ExchangeError::target(Cause::Tls, tls::in_words(error, origin));
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
