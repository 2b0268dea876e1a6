//! What the target ran out of, as far as it was watched.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::monitor::{GaugeResult, WatchedResult};
use super::record::RunResult;
use super::validity::Soundness;
use super::verdict::percent;
use crate::units::{Bytes, trim_float};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    /// Processor time.
    Cpu,
    /// Memory.
    Memory,
    /// The machine that made the load, and not the target.
    Generator,
}

/// What was used up, and the figure that says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Limit {
    /// Of what there was too little.
    pub resource: Resource,
    /// In words, with its figure.
    pub detail: String,
}

/// From this share of what it may use on, a target is short of it.
const FULL: f64 = 0.9;
/// From this share of periods on, being throttled is what a target waits for.
const OFTEN: f64 = 0.1;
/// Memory is used up nearer to its limit: caches fill what there is.
const FULL_MEMORY: f64 = 0.95;

/// What the run was limited by; none where nothing that was watched was short.
pub fn limit(result: &RunResult) -> Option<Limit> {
    // A generator that was busy or late says nothing of what the target lacked.
    if result.validity.verdict != Soundness::Valid {
        let detail = result.validity.reasons.first().cloned().unwrap_or_default();
        return Some(Limit { resource: Resource::Generator, detail });
    }
    let of_cpu = result.monitor.iter().filter_map(|source| cpu(source, result.environment.cpus));
    let of_memory = result.monitor.iter().filter_map(memory);
    of_cpu.chain(of_memory).next()
}

fn cpu(source: &WatchedResult, cores: u32) -> Option<Limit> {
    let throttled = gauge(source, "throttled").and_then(|gauge| gauge.avg).filter(|share| *share >= OFTEN);
    let used = gauge(source, "cpu").and_then(|gauge| gauge.p95);
    let name = &source.name;
    let full = match (source.cpu_limit_cores, used) {
        (Some(limit), Some(used)) if used >= FULL => {
            let limit = if (limit - 1.0).abs() < 1e-9 {
                "1 core".into()
            } else {
                format!("{} cores", trim_float(limit))
            };
            Some(format!("{name} used {} of its {limit}", percent(used)))
        }
        // A share of one core. A single thread ends there, a process at what the machine has.
        (None, Some(used)) if (FULL..1.1).contains(&used) => {
            Some(format!("{name} used {} of one core", percent(used)))
        }
        (None, Some(used)) if used >= FULL * f64::from(cores) => {
            Some(format!("{name} used {} of this machine's {cores} cores", trim_float(used)))
        }
        _ => None,
    };
    let held_back = throttled.map(|share| format!("throttled in {} of periods", percent(share)));
    let detail = match (full, held_back) {
        (Some(full), Some(held_back)) => format!("{full}, {held_back}"),
        (Some(full), None) => full,
        (None, Some(held_back)) => format!("{name} was {held_back}"),
        (None, None) => return None,
    };
    Some(Limit { resource: Resource::Cpu, detail })
}

fn memory(source: &WatchedResult) -> Option<Limit> {
    let limit = source.memory_limit_bytes.filter(|limit| *limit > 0)?;
    let most = gauge(source, "memory")?.max?;
    (most >= FULL_MEMORY * limit as f64).then(|| Limit {
        resource: Resource::Memory,
        detail: format!("{} used {} of its {}", source.name, Bytes(most as u64), Bytes(limit)),
    })
}

/// A figure of something watched, by its name.
pub(crate) fn gauge<'a>(source: &'a WatchedResult, name: &str) -> Option<&'a GaugeResult> {
    source.gauges.iter().find(|gauge| gauge.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::sample_result;

    /// What limits a run whose target used so much of its processor, was throttled so often, and took so much
    /// memory.
    fn limited(cpu: f64, throttled: f64, memory: f64, cores: Option<f64>) -> Option<(Resource, String)> {
        let mut result = sample_result();
        let source = &mut result.monitor[0];
        (source.cpu_limit_cores, source.memory_limit_bytes) = (cores, cores.map(|_| 100_000_000));
        let gauge = source.gauges[0].clone();
        let figure = |name: &str, value: f64| GaugeResult {
            name: name.into(),
            avg: Some(value),
            p95: Some(value),
            max: Some(value),
            ..gauge.clone()
        };
        source.gauges = vec![figure("cpu", cpu), figure("throttled", throttled), figure("memory", memory)];
        limit(&result).map(|limit| (limit.resource, limit.detail))
    }

    #[test]
    fn what_is_short_is_named_with_its_figure() {
        let seen = |cpu, throttled, memory, cores| {
            limited(cpu, throttled, memory, cores).map_or_else(String::new, |(_, detail)| detail)
        };
        assert_eq!(seen(0.5, 0.05, 5e7, Some(0.5)), "");
        assert_eq!(
            seen(0.97, 0.41, 5e7, Some(0.5)),
            "bundled used 97% of its 0.5 cores, throttled in 41% of periods"
        );
        assert_eq!(seen(0.97, 0.0, 5e7, Some(1.0)), "bundled used 97% of its 1 core");
        assert_eq!(seen(0.7, 0.3, 5e7, Some(0.5)), "bundled was throttled in 30% of periods");
        assert_eq!(seen(0.5, 0.0, 9.8e7, Some(0.5)), "bundled used 93.5MiB of its 95.4MiB");
        assert_eq!(seen(0.98, 0.0, 5e7, None), "bundled used 98% of one core");
        assert_eq!(seen(1.5, 0.0, 5e7, None), "");
        assert_eq!(seen(1.9, 0.0, 5e7, None), "bundled used 1.9 of this machine's 2 cores");
    }

    #[test]
    fn a_generator_that_was_short_itself_comes_first() {
        let mut result = sample_result();
        result.validity.verdict = Soundness::Suspect;
        result.validity.reasons = vec!["the generator used 97% of its cores".into()];
        assert_eq!(limit(&result).unwrap().resource, Resource::Generator);
    }
}
