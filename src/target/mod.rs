//! What is tested: where it is, how it is started, when it is ready, and what it uses meanwhile.

mod bundled;
mod container;
mod monitor;
mod ready;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

pub use bundled::{Bundled, CHILD_FLAG, announce};
pub use container::Container;
pub use monitor::Monitor;

use crate::http::{Network, Origin, OriginError};
use crate::scenario::model::{Image, Spec, TargetKind, Test};
use ready::Sign;

/// A target that answers.
#[derive(Debug)]
pub struct Ready {
    /// Base URL, without a trailing slash.
    pub url: String,
    pub origin: Origin,
    /// The path of the URL, before the paths of steps.
    pub prefix: String,
    /// The way to it.
    pub network: Arc<Network>,
    /// The bundled service as a child process, where that is the target. It ends when this is dropped.
    pub bundled: Option<Bundled>,
    /// The container that it was started in, if any. It is taken away when this is dropped.
    pub container: Option<Container>,
    /// Whether it is the bundled service, however it was started.
    pub is_bundled: bool,
    /// Whether it shares this machine's cores with the generator.
    pub is_local: bool,
}

impl Ready {
    /// Gives the bundled service a fresh world; of others only the test's `setup` knows how.
    pub async fn reset(&self) -> Result<(), String> {
        if !self.is_bundled {
            return Ok(());
        }
        let request = ("POST", "/admin/reset");
        ready::answers(&self.network, &self.origin, request, Duration::from_secs(10), 200..300).await
    }
}

/// Why a target cannot be tested.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    #[error("the target's URL `{url}` cannot be used: {source}")]
    Url { url: String, source: OriginError },
    #[error("the bundled service could not be started: {0}")]
    Bundled(String),
    #[error(
        "no Docker engine answers at {host}: {why}; install one (`apt install docker.io`, or Docker Desktop) and \
         start it, let this user use it (the group `docker`), or say where it is with DOCKER_HOST"
    )]
    NoEngine { host: String, why: String },
    #[error("Docker has no image `{image}`: {remedy}")]
    NoImage { image: String, remedy: String },
    #[error("a container of `{image}` could not be started: {why}")]
    Container { image: String, why: String },
    #[error("the target was not ready: {why}, at once (see `docker run {image}`)")]
    Ended { image: String, why: String },
    #[error("{0} is not ours to start: a spec is for `target: bundled`, or a target with an `image`")]
    NotOurs(String),
    #[error("the target {url} was not ready within {}: {last}", crate::units::scenario_duration(*.within))]
    NotReady { url: String, within: Duration, last: String },
}

/// Starts the target where it is ours, and waits until it is ready.
pub async fn start(test: &Test) -> Result<Ready, TargetError> {
    match &test.target.kind {
        TargetKind::Url(url) => {
            let url = url.trim_end_matches('/').to_owned();
            ready(test, url, Own::Nothing).await
        }
        TargetKind::Bundled => {
            let (child, url) = Bundled::start().await?;
            ready(test, url, Own::Child(child)).await
        }
        TargetKind::Image(_) => start_container(test, None).await,
    }
}

/// Starts the target in a container of this size, or of any, and waits until it is ready.
pub async fn start_container(test: &Test, spec: Option<&Spec>) -> Result<Ready, TargetError> {
    let ticketing = || Image { name: ticketing::IMAGE.into(), port: ticketing::PORT, env: Vec::new() };
    let (image, arguments, remedy) = match &test.target.kind {
        TargetKind::Bundled => {
            let remedy = "make it with `target-service/image.sh`, in a copy of the repository";
            (&ticketing(), vec!["--admin".to_owned()], remedy.to_owned())
        }
        TargetKind::Image(image) => {
            (image, Vec::new(), format!("fetch it with `docker pull {}`", image.name))
        }
        TargetKind::Url(url) => return Err(TargetError::NotOurs(url.clone())),
    };
    let (container, url) = Container::start(container::Wanted { image, arguments, spec, remedy }).await?;
    ready(test, url, Own::Container(container)).await
}

/// What of the target belongs to the run.
enum Own {
    Nothing,
    Child(Bundled),
    Container(Container),
}

/// Waits until a target answers.
async fn ready(test: &Test, url: String, own: Own) -> Result<Ready, TargetError> {
    let target = &test.target;
    let is_bundled = target.kind == TargetKind::Bundled;
    let parsed = Origin::parse_url(&url);
    let (origin, prefix) = parsed.map_err(|source| TargetError::Url { url: url.clone(), source })?;
    let prefix = prefix.trim_end_matches('/').to_owned();
    let default = is_bundled.then_some("/readyz");
    let path = target.ready.as_deref().or(default).map(|path| format!("{prefix}{path}"));
    let network = Network::new(test.http.network.clone(), origin.clone(), target.socket.clone());
    let network = Arc::new(network);
    let sign = match (&path, &own) {
        (Some(path), _) => Sign::Success(path),
        // Before a container there is Docker, which accepts connections from the beginning.
        (None, Own::Container(_)) => Sign::Answer,
        (None, _) => Sign::Connection,
    };
    let waited = ready::wait(&network, &origin, &url, sign, target.ready_timeout).await;
    if let (Err(TargetError::NotReady { url, within, last }), Own::Container(container)) = (&waited, &own)
        && let Some(end) = container.ended().await
    {
        let (url, within) = (url.clone(), *within);
        return Err(TargetError::NotReady { url, within, last: format!("{last}; {end}") });
    }
    waited?;
    let is_local = target.socket.is_some()
        || match origin.address() {
            Some(address) => is_loopback(address),
            None => origin.host().eq_ignore_ascii_case("localhost"),
        };
    let (bundled, container) = match own {
        Own::Nothing => (None, None),
        Own::Child(child) => (Some(child), None),
        Own::Container(container) => (None, Some(container)),
    };
    Ok(Ready { url, origin, prefix, network, bundled, container, is_bundled, is_local })
}

fn is_loopback(address: IpAddr) -> bool {
    address.is_loopback()
}
