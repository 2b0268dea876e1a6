//! What is tested: where it is, how it is started, when it is ready, and what it uses meanwhile.

mod bundled;
mod monitor;
mod ready;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

pub use bundled::{Bundled, CHILD_FLAG, announce};
pub use monitor::Monitor;

use crate::http::{Network, Origin, OriginError};
use crate::scenario::model::{TargetKind, Test};

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
    /// The bundled service, where that is the target. It ends when this is dropped.
    pub bundled: Option<Bundled>,
    /// Whether it shares this machine's cores with the generator.
    pub is_local: bool,
}

/// Why a target cannot be tested.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    #[error("the target's URL `{url}` cannot be used: {source}")]
    Url { url: String, source: OriginError },
    #[error("the bundled service could not be started: {0}")]
    Bundled(String),
    #[error("the target {url} was not ready within {}: {last}", crate::units::scenario_duration(*.within))]
    NotReady { url: String, within: Duration, last: String },
}

/// Starts the target where it is ours, and waits until it is ready.
pub async fn start(test: &Test) -> Result<Ready, TargetError> {
    let target = &test.target;
    let (url, bundled) = match &target.kind {
        TargetKind::Url(url) => (url.trim_end_matches('/').to_owned(), None),
        TargetKind::Bundled => {
            let (child, url) = Bundled::start().await?;
            (url, Some(child))
        }
    };
    let parsed = Origin::parse_url(&url);
    let (origin, prefix) = parsed.map_err(|source| TargetError::Url { url: url.clone(), source })?;
    let prefix = prefix.trim_end_matches('/').to_owned();
    let default = bundled.is_some().then_some("/readyz");
    let path = target.ready.as_deref().or(default).map(|path| format!("{prefix}{path}"));
    let network = Network::new(test.http.network.clone(), origin.clone(), target.socket.clone());
    let network = Arc::new(network);
    ready::wait(&network, &origin, &url, path.as_deref(), target.ready_timeout).await?;
    let is_local = target.socket.is_some()
        || match origin.address() {
            Some(address) => is_loopback(address),
            None => origin.host().eq_ignore_ascii_case("localhost"),
        };
    Ok(Ready { url, origin, prefix, network, bundled, is_local })
}

fn is_loopback(address: IpAddr) -> bool {
    address.is_loopback()
}
