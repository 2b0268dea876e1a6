//! Waiting until a target is ready: until it accepts a connection, or until a path answers 2xx.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::TargetError;
use crate::http::request::bare;
use crate::http::{ExchangeError, KeepBody, Network, Origin, Request, Response, Timing, UserConnections};
use crate::outcome::{Cause, Phase};

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(50);
/// A single try may not take all of the time.
const LONGEST_TRY: Duration = Duration::from_secs(2);

/// What says that a target is ready.
#[derive(Debug, Clone, Copy)]
pub(super) enum Sign<'a> {
    /// It accepts a connection.
    Connection,
    /// It answers at all, whatever that is.
    Answer,
    /// This path answers 2xx.
    Success(&'a str),
}

pub(super) async fn wait(
    network: &Arc<Network>,
    origin: &Origin,
    url: &str,
    sign: Sign<'_>,
    within: Duration,
) -> Result<(), TargetError> {
    let until = Instant::now() + within;
    let mut before = None;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let timeout = left.min(LONGEST_TRY).max(Duration::from_millis(1));
        let tried = match sign {
            Sign::Success(path) => answers(network, origin, ("GET", path), timeout, 200..300).await,
            Sign::Answer => answers(network, origin, ("GET", "/"), timeout, 100..600).await,
            Sign::Connection => accepts(network, origin, timeout).await,
        };
        let Err(mut last) = tried else { return Ok(()) };
        // The end of the time cuts the last try short: what the one before it heard says more.
        if Instant::now() >= until {
            last = before.take().unwrap_or(last);
        }
        if Instant::now() + PAUSE >= until {
            return Err(TargetError::NotReady { url: url.to_owned(), within, last });
        }
        before = Some(last);
        tokio::time::sleep(PAUSE).await;
    }
}

async fn accepts(network: &Network, origin: &Origin, timeout: Duration) -> Result<(), String> {
    network.reach(origin, timeout).await.map_err(|error| match error {
        ExchangeError::Target { cause: Cause::Timeout(Phase::Connect), .. } => "no connection in time".into(),
        ExchangeError::Target { cause: Cause::Refused, detail } => format!("connection refused ({detail})"),
        ExchangeError::Target { detail, .. } | ExchangeError::Own { detail, .. } => detail.into_owned(),
    })
}

pub(super) async fn answers(
    network: &Arc<Network>,
    origin: &Origin,
    (method, path): (&str, &str),
    timeout: Duration,
    good: Range<u16>,
) -> Result<(), String> {
    let wire = bare(method, network, origin, path, &[]).map_err(|error| error.to_string())?;
    let request =
        Request { origin, wire: &wire, insets: &[], is_head: false, timeout, keep_body: KeepBody::Never };
    let (mut response, mut timing) = (Response::new(), Timing::new());
    let mut connections = UserConnections::new(Arc::clone(network));
    match connections.exchange(&request, &mut response, &mut timing).await {
        Ok(()) if good.contains(&response.status()) => Ok(()),
        Ok(()) => Err(format!("{method} {path} answered {}", response.status())),
        Err(error) => Err(format!("{method} {path}: {error}")),
    }
}
