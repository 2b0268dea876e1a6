//! Why an exchange failed: a cause for the counts, a detail for people, and whose fault it was.

use std::borrow::Cow;
use std::io;

use rustix::io::Errno;
use thiserror::Error;

use crate::outcome::{Cause, OwnFault};

/// An exchange that gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ExchangeError {
    /// What the target did, or did not do.
    #[error("{cause}: {detail}")]
    Target { cause: Cause, detail: Cow<'static, str> },
    /// What this machine could not do; the target is not to blame.
    #[error("{fault}: {detail}")]
    Own { fault: OwnFault, detail: Cow<'static, str> },
}

impl ExchangeError {
    pub(crate) fn target(cause: Cause, detail: impl Into<Cow<'static, str>>) -> ExchangeError {
        ExchangeError::Target { cause, detail: detail.into() }
    }

    pub(crate) fn own(fault: OwnFault, detail: impl Into<Cow<'static, str>>) -> ExchangeError {
        ExchangeError::Own { fault, detail: detail.into() }
    }

    /// What an error of the system means, where `otherwise` is the cause of those that have none of their own.
    pub(crate) fn from_system(error: &io::Error, timeout: Cause, otherwise: Cause) -> ExchangeError {
        if let Some(own) = own_fault(error) {
            return own;
        }
        let (cause, detail) = match error.kind() {
            io::ErrorKind::ConnectionRefused => (Cause::Refused, "nothing listens there"),
            io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => {
                (Cause::Unreachable, "no route to the server")
            }
            io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe => {
                (Cause::Reset, "the server reset the connection")
            }
            io::ErrorKind::TimedOut => (timeout, "the system gave up waiting for the server"),
            _ => return ExchangeError::target(otherwise, error.to_string()),
        };
        ExchangeError::target(cause, detail)
    }
}

/// What the generator's own system lacked, where that was it.
fn own_fault(error: &io::Error) -> Option<ExchangeError> {
    if error.kind() == io::ErrorKind::AddrNotAvailable {
        let detail = "every local port towards this address is in use, or waits out its last connection";
        return Some(ExchangeError::own(OwnFault::NoPorts, detail));
    }
    match Errno::from_io_error(error)? {
        Errno::MFILE => {
            let detail = "this process may open no more files: raise its limit (ulimit -n)";
            Some(ExchangeError::own(OwnFault::NoDescriptors, detail))
        }
        Errno::NFILE => {
            let detail = "this system may open no more files: raise fs.file-max";
            Some(ExchangeError::own(OwnFault::NoDescriptors, detail))
        }
        Errno::NOMEM | Errno::NOBUFS => {
            Some(ExchangeError::own(OwnFault::System, "this system has no memory left for sockets"))
        }
        Errno::PERM | Errno::ACCESS => {
            Some(ExchangeError::own(OwnFault::System, "this system forbids connecting there (a firewall?)"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Phase;

    #[test]
    fn system_errors_are_told_apart() {
        let of = |errno: Errno| {
            let error = io::Error::from_raw_os_error(errno.raw_os_error());
            match ExchangeError::from_system(&error, Cause::Timeout(Phase::Connect), Cause::Closed) {
                ExchangeError::Target { cause, .. } => Ok(cause),
                ExchangeError::Own { fault, .. } => Err(fault),
            }
        };
        assert_eq!(of(Errno::CONNREFUSED), Ok(Cause::Refused));
        assert_eq!(of(Errno::NETUNREACH), Ok(Cause::Unreachable));
        assert_eq!(of(Errno::HOSTUNREACH), Ok(Cause::Unreachable));
        assert_eq!(of(Errno::CONNRESET), Ok(Cause::Reset));
        assert_eq!(of(Errno::PIPE), Ok(Cause::Reset));
        assert_eq!(of(Errno::TIMEDOUT), Ok(Cause::Timeout(Phase::Connect)));
        assert_eq!(of(Errno::MFILE), Err(OwnFault::NoDescriptors));
        assert_eq!(of(Errno::NFILE), Err(OwnFault::NoDescriptors));
        assert_eq!(of(Errno::ADDRNOTAVAIL), Err(OwnFault::NoPorts));
        assert_eq!(of(Errno::NOBUFS), Err(OwnFault::System));
        assert_eq!(of(Errno::ACCESS), Err(OwnFault::System));
        assert_eq!(of(Errno::OPNOTSUPP), Ok(Cause::Closed));
    }
}
