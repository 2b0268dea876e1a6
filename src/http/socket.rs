//! Bytes to and from a server: over TCP, or over a socket of this machine.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use rustix::net::{RecvFlags, SendFlags, recv, send};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::coop::{consume_budget, has_budget_remaining};

use crate::http::Clock;
use crate::http::error::ExchangeError;
use crate::outcome::{Cause, OwnFault, Phase};

#[derive(Debug)]
pub(crate) enum Socket {
    Tcp(TcpStream),
    /// Boxed, so that all others are as small as without it.
    Unix(Box<UnixStream>),
}

impl Socket {
    /// The first address that answers. Where none does, the first error that says something about the target: a
    /// host with an IPv6 name but no IPv6 would else hide that nothing listens.
    pub(crate) async fn connect_any(
        addresses: impl Iterator<Item = SocketAddr>,
    ) -> Result<TcpStream, ExchangeError> {
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

    pub(crate) async fn connect_path(path: &Path, clock: &impl Clock) -> Result<UnixStream, ExchangeError> {
        /// Between two tries. Such a socket does not let a connection wait when its queue is full, as TCP does.
        const PAUSE: Duration = Duration::from_millis(1);
        loop {
            let error = match UnixStream::connect(path).await {
                Ok(stream) => return Ok(stream),
                Err(error) => error,
            };
            match error.kind() {
                io::ErrorKind::WouldBlock => clock.sleep_until(Instant::now() + PAUSE).await,
                io::ErrorKind::NotFound => {
                    let detail = format!("there is no socket {}", path.display());
                    return Err(ExchangeError::target(Cause::Refused, detail));
                }
                _ => {
                    let timeout = Cause::Timeout(Phase::Connect);
                    return Err(ExchangeError::from_system(&error, timeout, Cause::Unreachable));
                }
            }
        }
    }

    /// Reads without waiting, and without the task's budget.
    pub(crate) fn try_read(&self, space: &mut [u8]) -> io::Result<usize> {
        match self {
            Socket::Tcp(stream) => stream.try_read(space),
            Socket::Unix(stream) => stream.try_read(space),
        }
    }

    /// Ready where something may have come since the last read that found nothing, or an error that reading tells.
    pub(crate) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.may_have_more() && has_budget_remaining() {
            return Poll::Ready(());
        }
        match self {
            Socket::Tcp(stream) => stream.poll_read_ready(cx).map(drop),
            Socket::Unix(stream) => stream.poll_read_ready(cx).map(drop),
        }
    }

    /// Whether something may have come since the last read that found nothing.
    pub(crate) fn may_have_more(&self) -> bool {
        let looked = match self {
            Socket::Tcp(stream) => stream.try_io(Interest::READABLE, || Ok(())),
            Socket::Unix(stream) => stream.try_io(Interest::READABLE, || Ok(())),
        };
        looked.is_ok()
    }
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

// What follows is the way of plain HTTP/1.1. It does what tokio's `TcpStream` does, for less: the system call is made
// first and readiness is asked for where it finds nothing, and it is made by rustix, not through the C library, whose
// `send` and `recv` are points where a thread may be cancelled. That took 550 instructions a request, and takes 360
// (callgrind; 7,900 in all), less what the C library did with four atomic operations.

#[cfg(not(target_vendor = "apple"))]
const NO_SIGNAL: SendFlags = SendFlags::NOSIGNAL;
/// There the option is set on each socket by the standard library.
#[cfg(target_vendor = "apple")]
const NO_SIGNAL: SendFlags = SendFlags::empty();

impl Socket {
    /// Reads into `space`, which is not empty.
    pub(crate) fn poll_receive(&mut self, cx: &mut Context<'_>, space: &mut [u8]) -> Poll<io::Result<usize>> {
        let stream = match self {
            Socket::Tcp(stream) => stream,
            Socket::Unix(stream) => {
                let mut space = ReadBuf::new(space);
                return Pin::new(&mut **stream).poll_read(cx, &mut space).map_ok(|()| space.filled().len());
            }
        };
        // A task that has used up its budget is made to yield by what it waits with.
        let mut must_ask = !has_budget_remaining();
        loop {
            if must_ask {
                ready!(stream.poll_read_ready(cx))?;
            }
            must_ask = true;
            let mut came = 0;
            let read = stream.try_io(Interest::READABLE, || {
                (came, _) = recv(&*stream, &mut *space, RecvFlags::empty())?;
                // Less than there was room for is all there was: the next read has to wait. The runtime takes that
                // from an operation which says that it would block.
                let is_all = (1..space.len()).contains(&came);
                if is_all { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
            });
            match read {
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Poll::Ready(Err(error)),
                Err(_) if came == 0 => {}
                _ => {
                    if came == space.len() {
                        // There may be more, without end: that no task reads on and on is what its budget is for.
                        let _ = pin!(consume_budget()).poll(cx);
                    }
                    return Poll::Ready(Ok(came));
                }
            }
        }
    }

    pub(crate) fn poll_send(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let stream = match self {
            Socket::Tcp(stream) => stream,
            Socket::Unix(stream) => return Pin::new(&mut **stream).poll_write(cx, bytes),
        };
        let mut must_ask = !has_budget_remaining();
        loop {
            if must_ask {
                ready!(stream.poll_write_ready(cx))?;
            }
            must_ask = true;
            match stream.try_io(Interest::WRITABLE, || Ok(send(&*stream, bytes, NO_SIGNAL)?)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => return Poll::Ready(written),
            }
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        space: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Socket::Tcp(stream) => Pin::new(stream).poll_read(cx, space),
            Socket::Unix(stream) => Pin::new(&mut **stream).poll_read(cx, space),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Socket::Tcp(stream) => Pin::new(stream).poll_write(cx, bytes),
            Socket::Unix(stream) => Pin::new(&mut **stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Socket::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Socket::Unix(stream) => Pin::new(&mut **stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Socket::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Socket::Unix(stream) => Pin::new(&mut **stream).poll_shutdown(cx),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Socket::Tcp(stream) => Pin::new(stream).poll_write_vectored(cx, pieces),
            Socket::Unix(stream) => Pin::new(&mut **stream).poll_write_vectored(cx, pieces),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }
}
