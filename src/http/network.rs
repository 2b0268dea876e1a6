//! The way to servers, the same for all users of a run: the version of HTTP, what TLS trusts and shows, and
//! whether there is a proxy or a socket of this machine in between.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use crate::http::{
    ExchangeError, Origin, Proxy, Scheme, Timing, Tls, TlsOptions, TlsSetupError, TokioClock, connection,
};
use crate::outcome::{Cause, Phase};

/// Which version of HTTP is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Version {
    /// HTTP/1.1, with the own codec.
    #[default]
    Http1,
    /// HTTP/2: agreed upon in the TLS handshake, and without a word on plain connections (prior knowledge).
    Http2,
    /// Over TLS whatever the server prefers; HTTP/1.1 on plain connections.
    Auto,
}

/// What a scenario says of the way to its servers.
#[derive(Debug, Clone, Default)]
pub struct NetworkOptions {
    pub version: Version,
    pub tls: TlsOptions,
    pub proxy: Option<Proxy>,
}

/// How servers are reached. Users share one.
#[derive(Debug, Default)]
pub struct Network {
    options: NetworkOptions,
    target: Option<Target>,
    /// Made when it is first needed: reading the system's certificates takes longer than all the rest, and most
    /// runs need none.
    tls: OnceLock<Result<Tls, TlsSetupError>>,
}

#[derive(Debug, Clone)]
struct Target {
    origin: Origin,
    socket: Option<PathBuf>,
}

/// What a connection is opened to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Way<'a> {
    /// The server itself.
    Direct,
    /// A socket of this machine that stands for it.
    Socket(&'a Path),
    Proxy(&'a Proxy),
}

impl Network {
    /// `socket` stands for the target's origin, where there is one: a path of this machine.
    #[must_use]
    pub fn new(options: NetworkOptions, target: Origin, socket: Option<PathBuf>) -> Network {
        Network { options, target: Some(Target { origin: target, socket }), tls: OnceLock::new() }
    }

    /// The same target, another way.
    #[must_use]
    pub fn with_options(&self, options: NetworkOptions) -> Network {
        Network { options, target: self.target.clone(), tls: OnceLock::new() }
    }

    /// A direct one with this TLS instead of that of the system.
    #[must_use]
    pub fn with_tls(tls: Tls) -> Network {
        Network { tls: OnceLock::from(Ok(tls)), ..Network::default() }
    }

    /// What https origins are spoken to with.
    pub fn tls(&self) -> Result<&Tls, TlsSetupError> {
        let made = self.tls.get_or_init(|| Tls::new(&self.options.tls, self.options.version));
        made.as_ref().map_err(Clone::clone)
    }

    pub fn version(&self) -> Version {
        self.options.version
    }

    pub fn proxy(&self) -> Option<&Proxy> {
        self.options.proxy.as_ref()
    }

    /// Whether somebody accepts connections where requests to this origin go first: the server, or a proxy,
    /// which then opens a way to it where it does not pass requests on itself.
    pub async fn reach(&self, origin: &Origin, within: Duration) -> Result<(), ExchangeError> {
        let (phase, mut timing) = (Cell::new(Phase::Connect), Timing::new());
        let connecting = connection::connect(origin, self, &TokioClock, &phase, &mut timing);
        match tokio::time::timeout(within, connecting).await {
            Ok(connected) => connected.map(drop),
            Err(_) => {
                let detail = "the time ran out before a connection was there";
                Err(ExchangeError::target(Cause::Timeout(Phase::Connect), detail))
            }
        }
    }

    pub(crate) fn way_to(&self, origin: &Origin) -> Way<'_> {
        match (self.target(origin).and_then(|target| target.socket.as_deref()), &self.options.proxy) {
            (Some(socket), _) => Way::Socket(socket),
            (None, Some(proxy)) => Way::Proxy(proxy),
            (None, None) => Way::Direct,
        }
    }

    /// The proxy that reads and passes on requests to this origin, and so wants to be told where they go. The
    /// others only open a way for bytes.
    pub(crate) fn forwarding_proxy(&self, origin: &Origin) -> Option<&Proxy> {
        match self.way_to(origin) {
            Way::Proxy(proxy) if !self.tunnels_to(origin) => Some(proxy),
            _ => None,
        }
    }

    /// Whether a proxy has to open a way to the origin and then keep out of it.
    pub(crate) fn tunnels_to(&self, origin: &Origin) -> bool {
        origin.scheme() == Scheme::Https || self.options.version == Version::Http2
    }

    /// The name that a certificate of this origin must be for, where the scenario has one of its own.
    pub(crate) fn server_name(&self, origin: &Origin) -> Option<&str> {
        self.options.tls.server_name.as_deref().filter(|_| self.target(origin).is_some())
    }

    fn target(&self, origin: &Origin) -> Option<&Target> {
        self.target.as_ref().filter(|target| target.origin == *origin)
    }
}
