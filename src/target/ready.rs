//! Waiting until a target is ready: until it accepts a connection, or until a path answers 2xx.

use std::time::{Duration, Instant};

use tokio::net::TcpStream;

use super::TargetError;
use crate::http::request::{HeadStart, USER_AGENT, finish, write_head_start};
use crate::http::{KeepBody, Origin, Request, Response, Timing, UserConnections};

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(50);
/// A single try may not take all of the time.
const LONGEST_TRY: Duration = Duration::from_secs(2);

pub(super) async fn wait(
    origin: &Origin,
    url: &str,
    path: Option<&str>,
    within: Duration,
) -> Result<(), TargetError> {
    let until = Instant::now() + within;
    let mut before = None;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let timeout = left.min(LONGEST_TRY).max(Duration::from_millis(1));
        let tried = match path {
            Some(path) => answers(origin, path, timeout).await,
            None => accepts(origin, timeout).await,
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

async fn accepts(origin: &Origin, timeout: Duration) -> Result<(), String> {
    let host = origin.host().trim_matches(['[', ']']);
    let connect = TcpStream::connect((host, origin.port()));
    match tokio::time::timeout(timeout, connect).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
            Err("connection refused (nothing listens there)".into())
        }
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("no connection in time".into()),
    }
}

async fn answers(origin: &Origin, path: &str, timeout: Duration) -> Result<(), String> {
    let mut wire = Vec::new();
    let host = origin.authority();
    let start =
        HeadStart { method: "GET", target: path.as_bytes(), host: &host, user_agent: Some(USER_AGENT) };
    write_head_start(&mut wire, &start).map_err(|error| error.to_string())?;
    finish(&mut wire, "GET", None);
    let request = Request { origin, wire: &wire, is_head: false, timeout, keep_body: KeepBody::Never };
    let (mut response, mut timing) = (Response::new(), Timing::new());
    let mut connections = UserConnections::default();
    match connections.exchange(&request, &mut response, &mut timing).await {
        Ok(()) if (200..300).contains(&response.status()) => Ok(()),
        Ok(()) => Err(format!("GET {path} answered {}", response.status())),
        Err(error) => Err(format!("GET {path}: {error}")),
    }
}
