//! The counters as text, in the `OpenMetrics` form that Prometheus reads.

use std::fmt::Error;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

use super::{BOUNDS, Metrics, Requests, STATUSES, limits, process, read};
use crate::domain::world::Load;
use crate::store::{Census, PoolUse};

#[derive(Debug)]
struct Scrape {
    metrics: Arc<Metrics>,
    census: Census,
}

impl Metrics {
    pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

    /// Everything as text.
    pub(crate) fn text(self: &Arc<Self>, census: Census) -> String {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Scrape { metrics: Arc::clone(self), census }));
        let mut text = String::with_capacity(16 * 1024);
        // Nothing can fail while writing into memory; an empty text would show it.
        if encode(&mut text, &registry).is_err() {
            text.clear();
        }
        text
    }
}

impl Collector for Scrape {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        self.requests(&mut encoder)?;
        self.latencies(&mut encoder)?;
        let sum = |of: fn(&super::Counts) -> u64| self.metrics.counts.each().map(of).sum::<u64>();
        let hits = sum(|counts| read(&counts.cache_hits));
        counter(&mut encoder, "ticketing_cache_hits", "Kept pages that were sent again", None, hits)?;
        let misses = sum(|counts| read(&counts.cache_misses));
        counter(&mut encoder, "ticketing_cache_misses", "Pages that had to be rendered", None, misses)?;
        let Census { load, pending, pool } = self.census;
        if let Some(Load { waiting, active, held }) = load {
            gauge(
                &mut encoder,
                "ticketing_queue_length",
                "Tokens that wait to become active",
                None,
                waiting,
            )?;
            gauge(&mut encoder, "ticketing_active_tokens", "Tokens that may reserve", None, active)?;
            gauge(&mut encoder, "ticketing_held_seats", "Seats that are held and not paid", None, held)?;
        }
        if let Some(pending) = pending {
            let help = "Orders that wait to be settled";
            gauge(&mut encoder, "ticketing_pending_orders", help, None, pending)?;
        }
        if let Some(PoolUse { used, most }) = pool {
            let help = "Connections to the database that requests are using";
            gauge(&mut encoder, "ticketing_pool_in_use", help, None, used)?;
            let help = "Connections to the database that there may be";
            gauge(&mut encoder, "ticketing_pool_limit", help, None, most)?;
        }
        let mut cpu = encoder.encode_descriptor(
            "process_cpu",
            "Time that all threads have spent on a core",
            Some(&Unit::Seconds),
            MetricType::Counter,
        )?;
        cpu.encode_counter::<NoLabelSet, f64, f64>(&process::cpu().as_secs_f64(), None)?;
        if let Some(bytes) = process::resident_memory() {
            let help = "Memory that the process holds";
            gauge(&mut encoder, "process_resident_memory", help, Some(&Unit::Bytes), bytes)?;
        }
        if let Some(cores) = limits::cores() {
            let (name, help) = ("ticketing_cpu_limit", "Cores that the container may use");
            let unit = Unit::Other("cores".to_owned());
            encoder.encode_descriptor(name, help, Some(&unit), MetricType::Gauge)?.encode_gauge(&cores)?;
        }
        if let Some(bytes) = limits::memory() {
            let help = "Memory that the container may use";
            gauge(&mut encoder, "ticketing_memory_limit", help, Some(&Unit::Bytes), bytes)?;
        }
        Ok(())
    }
}

impl Scrape {
    fn requests(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
        let help = "Requests that were answered";
        let mut family = encoder.encode_descriptor("ticketing_requests", help, None, MetricType::Counter)?;
        let names = STATUSES.iter().map(u16::to_string).chain(["other".to_owned()]);
        let names: Vec<String> = names.collect();
        for (index, (method, route)) in self.metrics.endpoints.names().enumerate() {
            for (slot, status) in names.iter().enumerate() {
                let count = self.sum(index, |requests| read(&requests.statuses[slot]));
                if count > 0 {
                    let labels = [("method", method), ("route", route), ("status", status)];
                    family.encode_family(&labels)?.encode_counter::<NoLabelSet, _, f64>(&count, None)?;
                }
            }
        }
        Ok(())
    }

    fn latencies(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
        let help = "Time from a request's head to its answer's";
        let name = "ticketing_request_duration";
        let mut family =
            encoder.encode_descriptor(name, help, Some(&Unit::Seconds), MetricType::Histogram)?;
        let bounds = BOUNDS.iter().map(std::time::Duration::as_secs_f64).chain([f64::INFINITY]);
        let bounds: Vec<f64> = bounds.collect();
        for (index, (method, route)) in self.metrics.endpoints.names().enumerate() {
            let count = |(slot, &bound): (usize, &f64)| {
                (bound, self.sum(index, |requests| read(&requests.buckets[slot])))
            };
            let buckets: Vec<(f64, u64)> = bounds.iter().enumerate().map(count).collect();
            let count = buckets.iter().map(|(_, count)| count).sum();
            if count > 0 {
                let seconds = self.sum(index, |requests| read(&requests.nanoseconds)) as f64 / 1e9;
                let labels = [("method", method), ("route", route)];
                let mut histogram = family.encode_family(&labels)?;
                histogram.encode_histogram::<NoLabelSet>(seconds, count, &buckets, None)?;
            }
        }
        Ok(())
    }

    /// One counter of an endpoint, over all cores.
    fn sum(&self, endpoint: usize, counter: impl Fn(&Requests) -> u64) -> u64 {
        self.metrics.counts.each().map(|counts| counter(&counts.requests[endpoint])).sum()
    }
}

fn counter(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    unit: Option<&Unit>,
    value: u64,
) -> Result<(), Error> {
    let mut metric = encoder.encode_descriptor(name, help, unit, MetricType::Counter)?;
    metric.encode_counter::<NoLabelSet, _, f64>(&value, None)
}

fn gauge(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    unit: Option<&Unit>,
    value: u64,
) -> Result<(), Error> {
    let mut metric = encoder.encode_descriptor(name, help, unit, MetricType::Gauge)?;
    metric.encode_gauge(&i64::try_from(value).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn requests_are_told_by_endpoint_status_and_time() {
        let metrics = Arc::new(Metrics::new(&["/a/{id}"]));
        let endpoint = metrics.endpoints().find("GET", "/a/7");
        for (status, millis) in [(200, 1), (200, 2), (418, 60_000)] {
            metrics.answered(endpoint, status, Duration::from_millis(millis));
        }
        metrics.looked_up(true);
        let text = metrics.text(Census {
            load: Some(Load { waiting: 3, active: 0, held: 0 }),
            pending: None,
            pool: Some(PoolUse { used: 2, most: 32 }),
        });
        for line in [
            r#"ticketing_requests_total{method="GET",route="/a/{id}",status="200"} 2"#,
            r#"ticketing_requests_total{method="GET",route="/a/{id}",status="other"} 1"#,
            r#"ticketing_request_duration_seconds_bucket{le="0.001",method="GET",route="/a/{id}"} 1"#,
            r#"ticketing_request_duration_seconds_bucket{le="10.0",method="GET",route="/a/{id}"} 2"#,
            r#"ticketing_request_duration_seconds_bucket{le="+Inf",method="GET",route="/a/{id}"} 3"#,
            r#"ticketing_request_duration_seconds_sum{method="GET",route="/a/{id}"} 60.003"#,
            "ticketing_cache_hits_total 1",
            "ticketing_cache_misses_total 0",
            "ticketing_queue_length 3",
            "ticketing_pool_in_use 2",
            "# EOF",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} is not in:\n{text}");
        }
        assert!(text.contains("process_cpu_seconds_total "), "{text}");
        assert!(text.contains("process_resident_memory_bytes "), "{text}");
    }
}
