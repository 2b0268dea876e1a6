//! The way to servers, the same for all users of a run: what TLS trusts.

use std::sync::OnceLock;

use crate::http::{Tls, TlsSetupError};

/// How servers are reached. Users share one.
#[derive(Debug, Default)]
pub struct Network {
    /// Made when it is first needed: reading the system's certificates takes longer than all the rest, and most
    /// runs need none.
    tls: OnceLock<Result<Tls, TlsSetupError>>,
}

impl Network {
    /// With this TLS instead of that of the system.
    #[must_use]
    pub fn with_tls(tls: Tls) -> Network {
        Network { tls: OnceLock::from(Ok(tls)) }
    }

    /// What https origins are spoken to with.
    pub fn tls(&self) -> Result<&Tls, TlsSetupError> {
        self.tls.get_or_init(Tls::native).as_ref().map_err(Clone::clone)
    }
}
