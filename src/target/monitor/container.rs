//! A container, by what the Docker engine tells of it.
//!
//! The engine is asked once for a stream, and tells about once a second. Asked for single looks, engines before
//! 25 let those wait who ask while another does.

use std::future::poll_fn;
use std::pin::pin;
use std::time::{Duration, Instant};

use bollard::Docker;
use bollard::errors::Error;
use bollard::models::{ContainerInspectResponse, ContainerMemoryStats, ContainerStatsResponse};
use bollard::query_parameters::{InspectContainerOptions, StatsOptionsBuilder};
use futures_core::Stream;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::Limits;
use super::reading::{Look, Periods, Reading};

/// An engine that tells nothing for so long has stopped telling.
const SILENCE: Duration = Duration::from_secs(4);

/// One container.
#[derive(Debug)]
pub(super) struct Container {
    name: String,
    listening: Option<Listening>,
    pub(super) limits: Limits,
}

/// A stream of what the engine tells, read by a task of its own.
#[derive(Debug)]
struct Listening {
    heard: watch::Receiver<Option<Heard>>,
    task: JoinHandle<()>,
}

type Heard = Result<Look, String>;

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Container {
    pub(super) fn new(name: &str) -> Container {
        Container { name: name.to_owned(), listening: None, limits: Limits::default() }
    }

    /// The last that was heard. Begins to listen where nobody does.
    pub(super) async fn look(&mut self) -> Result<Look, String> {
        if self.listening.is_none() {
            self.listening = Some(self.listen().await?);
        }
        let Some(listening) = &mut self.listening else { return Err("nobody listens".into()) };
        let first = listening.heard.wait_for(Option::is_some).await;
        let last = first.ok().and_then(|heard| heard.clone());
        match last {
            Some(Ok(look)) if look.at.elapsed() < SILENCE => Ok(look),
            Some(Err(problem)) => {
                self.listening = None;
                Err(problem)
            }
            Some(Ok(_)) | None => {
                self.listening = None;
                Err("the engine tells nothing of it any more".into())
            }
        }
    }

    async fn listen(&mut self) -> Result<Listening, String> {
        let docker = Docker::connect_with_defaults().map_err(|error| self.why(&error))?;
        let docker = docker.negotiate_version().await.map_err(|error| self.why(&error))?;
        let options = None::<InspectContainerOptions>;
        let inspected = docker.inspect_container(&self.name, options).await;
        self.limits = limits(&inspected.map_err(|error| self.why(&error))?);
        let (teller, heard) = watch::channel(None);
        let name = self.name.clone();
        let task = tokio::task::spawn_local(async move {
            let options = StatsOptionsBuilder::default().stream(true).one_shot(false).build();
            let mut stream = pin!(docker.stats(&name, Some(options)));
            while let Some(told) = poll_fn(|cx| stream.as_mut().poll_next(cx)).await {
                let at = Instant::now();
                let heard = match told {
                    Ok(stats) => reading(&stats).map(|reading| Look { at, reading }),
                    Err(error) => Err(in_words(&error)),
                };
                // Nobody hears it once the load is over.
                if teller.send(Some(heard)).is_err() {
                    break;
                }
            }
        });
        Ok(Listening { heard, task })
    }

    fn why(&self, error: &Error) -> String {
        match error {
            Error::DockerResponseServerError { status_code: 404, .. } => {
                format!("there is no container `{}` (`docker ps` shows those that run)", self.name)
            }
            error => in_words(error),
        }
    }
}

fn in_words(error: &Error) -> String {
    match error {
        Error::DockerResponseServerError { message, .. } => format!("the Docker engine says: {message}"),
        error => {
            // The cause behind the cause is what one can act on: `Permission denied`.
            let mut cause: &dyn std::error::Error = error;
            while let Some(behind) = cause.source() {
                cause = behind;
            }
            format!("the Docker engine cannot be asked: {cause} (does it run, and may this user use it?)")
        }
    }
}

/// What a container may use.
fn limits(inspected: &ContainerInspectResponse) -> Limits {
    let Some(host) = &inspected.host_config else { return Limits::default() };
    let some = |value: Option<i64>| value.filter(|value| *value > 0);
    let nanos = some(host.nano_cpus).map(|nanos| nanos as f64 / 1e9);
    // The period is 100 ms where nothing is said.
    let period = some(host.cpu_period).unwrap_or(100_000) as f64;
    let quota = some(host.cpu_quota).map(|quota| quota as f64 / period);
    Limits { cpu: nanos.or(quota), memory: some(host.memory).map(i64::unsigned_abs) }
}

/// What the engine told; of a container that does not run it tells zeros.
fn reading(stats: &ContainerStatsResponse) -> Result<Reading, String> {
    let cpu = stats.cpu_stats.as_ref();
    let used = cpu.and_then(|cpu| cpu.cpu_usage.as_ref()?.total_usage);
    let threads = stats.pids_stats.as_ref().and_then(|pids| pids.current);
    if used.unwrap_or(0) == 0 && threads.is_none() {
        return Err("it does not run".into());
    }
    let throttling = cpu.and_then(|cpu| cpu.throttling_data.as_ref());
    let periods =
        throttling.and_then(|data| Some(Periods { all: data.periods?, throttled: data.throttled_periods? }));
    let networks = stats.networks.as_ref();
    let bytes = |pick: fn(&bollard::models::ContainerNetworkStats) -> Option<u64>| {
        networks.map(|networks| networks.values().filter_map(pick).fold(0, u64::saturating_add))
    };
    Ok(Reading {
        cpu: used.map(Duration::from_nanos),
        periods,
        memory: stats.memory_stats.as_ref().and_then(memory),
        threads,
        received: bytes(|network| network.rx_bytes),
        sent: bytes(|network| network.tx_bytes),
        ..Reading::default()
    })
}

/// Without files that the system could forget at once, as `docker stats` shows it. The first name is that of
/// cgroups of version 1, where the second leaves out those below.
fn memory(stats: &ContainerMemoryStats) -> Option<u64> {
    let usage = stats.usage?;
    let detail = |name: &str| stats.stats.as_ref()?.get(name).copied();
    let idle = detail("total_inactive_file").or_else(|| detail("inactive_file"));
    Some(idle.and_then(|idle| usage.checked_sub(idle)).unwrap_or(usage))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Reading, String> {
        reading(&serde_json::from_str(json).unwrap())
    }

    /// Of engine 20.10 with cgroups of version 1, shortened; limited to a fifth of a core.
    const VERSION_1: &str = r#"{
        "read": "2026-11-21T02:55:01.093690882Z", "preread": "0001-01-01T00:00:00Z",
        "pids_stats": { "current": 3 },
        "blkio_stats": { "io_service_bytes_recursive": [], "io_merged_recursive": null },
        "num_procs": 0, "storage_stats": {},
        "cpu_stats": {
            "cpu_usage": { "total_usage": 458773904, "percpu_usage": [424975585, 33798319],
                           "usage_in_kernelmode": 10000000, "usage_in_usermode": 440000000 },
            "system_cpu_usage": 30540400000000, "online_cpus": 2,
            "throttling_data": { "periods": 25, "throttled_periods": 17, "throttled_time": 420960163 }
        },
        "precpu_stats": { "cpu_usage": { "total_usage": 0 }, "throttling_data": {} },
        "memory_stats": {
            "usage": 4194304, "max_usage": 8388608,
            "stats": { "cache": 1048576, "inactive_file": 4096, "total_inactive_file": 1048576 },
            "limit": 67108864
        },
        "name": "/app", "id": "8b28b3190f96f41a1520561ac1da7cb1d344519d8b0bcadfb683687b1e0fe8cf",
        "networks": { "eth0": { "rx_bytes": 736, "rx_packets": 8, "tx_bytes": 120 },
                      "eth1": { "rx_bytes": 264, "tx_bytes": 80 } }
    }"#;

    /// Of engine 28 with cgroups of version 2, shortened; without a limit, in the network of its machine.
    const VERSION_2: &str = r#"{
        "name": "/app", "id": "f0e1", "os_type": "linux",
        "read": "2026-11-21T02:55:01.093690882Z", "preread": "2026-11-21T02:55:00.090690882Z",
        "pids_stats": { "current": 12, "limit": 18446744073709551615 },
        "cpu_stats": {
            "cpu_usage": { "total_usage": 1500000000, "usage_in_kernelmode": 500000000, "usage_in_usermode": 1000000000 },
            "system_cpu_usage": 30540400000000, "online_cpus": 8,
            "throttling_data": { "periods": 0, "throttled_periods": 0, "throttled_time": 0 }
        },
        "memory_stats": {
            "usage": 104857600,
            "stats": { "anon": 62914560, "file": 41943040, "inactive_file": 20971520, "active_file": 20971520 },
            "limit": 16777216000
        }
    }"#;

    /// Of one that was stopped.
    const STOPPED: &str = r#"{
        "read": "0001-01-01T00:00:00Z", "preread": "0001-01-01T00:00:00Z", "pids_stats": {},
        "cpu_stats": { "cpu_usage": { "total_usage": 0, "usage_in_kernelmode": 0, "usage_in_usermode": 0 },
                       "throttling_data": { "periods": 0, "throttled_periods": 0, "throttled_time": 0 } },
        "memory_stats": {}, "name": "/app"
    }"#;

    #[test]
    fn both_versions_of_cgroups_are_understood() {
        assert_eq!(
            read(VERSION_1),
            Ok(Reading {
                cpu: Some(Duration::from_nanos(458_773_904)),
                periods: Some(Periods { all: 25, throttled: 17 }),
                memory: Some(3 << 20),
                threads: Some(3),
                received: Some(1000),
                sent: Some(200),
                ..Reading::default()
            })
        );
        assert_eq!(
            read(VERSION_2),
            Ok(Reading {
                cpu: Some(Duration::from_millis(1500)),
                periods: Some(Periods::default()),
                memory: Some(80 << 20),
                threads: Some(12),
                ..Reading::default()
            })
        );
    }

    #[test]
    fn one_that_does_not_run_says_so() {
        assert_eq!(read(STOPPED), Err("it does not run".into()));
        assert_eq!(read("{}"), Err("it does not run".into()));
    }

    #[test]
    fn limits_are_those_it_was_started_with() {
        let limits = |host: &str| {
            limits(&serde_json::from_str(&format!("{{ \"HostConfig\": {{ {host} }} }}")).unwrap())
        };
        let none = Limits::default();
        assert_eq!(
            limits(r#""NanoCpus": 200000000, "CpuQuota": 0, "Memory": 67108864"#),
            Limits { cpu: Some(0.2), memory: Some(64 << 20) }
        );
        assert_eq!(limits(r#""CpuQuota": 150000, "CpuPeriod": 100000"#), Limits { cpu: Some(1.5), ..none });
        assert_eq!(limits(r#""CpuQuota": 50000, "CpuPeriod": 0"#), Limits { cpu: Some(0.5), ..none });
        assert_eq!(limits(r#""NanoCpus": 0, "CpuQuota": -1, "Memory": 0"#), none);
    }
}
