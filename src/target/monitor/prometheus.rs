//! An endpoint that tells its figures in the text format of Prometheus, asked over a connection of its own.

use std::sync::Arc;
use std::time::Duration;

use super::exposition::values;
use super::reading::{Reading, Taken};
use crate::http::request::get;
use crate::http::{KeepBody, MAX_KEPT_BODY, Origin, Request, Response, Timing, UserConnections};
use crate::scenario::monitor::{ChosenSeries, Endpoint, TakenAs};
use crate::target::Ready;

/// Shorter than a second and a half, so that a slow answer costs one second and not two.
const TIMEOUT: Duration = Duration::from_millis(1400);

/// Any version of the text format.
const ACCEPT: &str = "text/plain;version=0.0.4,*/*;q=0.1";

/// One endpoint.
#[derive(Debug)]
pub(super) struct Scrape {
    origin: Origin,
    wire: Vec<u8>,
    series: Vec<ChosenSeries>,
    /// Which of them were ever there.
    found: Vec<bool>,
    connections: UserConnections,
    response: Response,
}

impl Scrape {
    pub(super) fn new(endpoint: &Endpoint, ready: &Ready) -> Result<Scrape, String> {
        let (origin, path) = if endpoint.url.starts_with('/') {
            (ready.origin.clone(), format!("{}{}", ready.prefix, endpoint.url))
        } else {
            let (origin, path) = Origin::parse_url(&endpoint.url).map_err(|error| error.to_string())?;
            let path = path.split('#').next().unwrap_or_default();
            (origin, if path.starts_with('/') { path.to_owned() } else { format!("/{path}") })
        };
        // The target's own figures are asked for on the way to the target.
        let network = if endpoint.url.starts_with('/') { Arc::clone(&ready.network) } else { Arc::default() };
        let wire = get(&network, &origin, &path, &[("accept", ACCEPT)]).map_err(|error| error.to_string())?;
        Ok(Scrape {
            origin,
            wire,
            found: vec![false; endpoint.series.len()],
            series: endpoint.series.clone(),
            connections: UserConnections::new(network),
            response: Response::new(),
        })
    }

    pub(super) async fn read(&mut self) -> Result<Reading, String> {
        let request = Request {
            origin: &self.origin,
            wire: &self.wire,
            insets: &[],
            is_head: false,
            timeout: TIMEOUT,
            keep_body: KeepBody::Always,
        };
        let mut timing = Timing::new();
        let asked = self.connections.exchange(&request, &mut self.response, &mut timing).await;
        asked.map_err(|error| error.to_string())?;
        let status = self.response.status();
        if !(200..300).contains(&status) {
            return Err(format!("it answered {status}"));
        }
        let body = self.response.body();
        // Of a line that was cut nobody knows what it would have been.
        let is_cut = self.response.body_len() > body.len() as u64;
        let end = body.iter().rposition(|byte| *byte == b'\n').filter(|_| is_cut);
        let text = String::from_utf8_lossy(&body[..end.unwrap_or(body.len())]);
        let selectors: Vec<_> = self.series.iter().map(|series| &series.selector).collect();
        let values = values(&text, &selectors);
        for (found, value) in self.found.iter_mut().zip(&values) {
            *found |= value.is_some();
        }
        let taken = self.series.iter().zip(values).map(|(series, value)| match series.taken_as {
            TakenAs::Value => Taken::Value(value),
            TakenAs::Rate => Taken::Counter(value),
        });
        let reading = Reading { series: taken.collect(), ..Reading::default() };
        self.response.reset();
        if is_cut && !self.found.iter().all(|found| *found) {
            return Err(format!(
                "its answer is longer than {} MiB, and lacks a series up to there",
                MAX_KEPT_BODY >> 20
            ));
        }
        Ok(reading)
    }

    /// The series that were never there.
    pub(super) fn missing(&self) -> Option<String> {
        let missing = self.series.iter().zip(&self.found).filter(|(_, found)| !**found);
        let names: Vec<&str> = missing.map(|(series, _)| series.name.as_str()).collect();
        (!names.is_empty()).then(|| format!("it never told {}", names.join(", ")))
    }
}
