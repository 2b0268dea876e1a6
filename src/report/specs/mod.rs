//! Runs on several sizes for people: the same words and figures in every format.

pub mod html;
pub mod markdown;

use crate::result::Resource;
use crate::result::verdict::percent;
use crate::scenario::model::size;
use crate::specs::{SpecResult, Specs};
use crate::units::{Bytes, trim_float};

/// What was run, in a line.
pub(super) fn head(specs: &Specs) -> String {
    format!("{} · {} · {}", specs.image, specs.order.join(", "), specs.started)
}

/// What stands in a row for a size.
type Cell<'a> = &'a dyn Fn(&SpecResult) -> String;

/// The rows of the table: a name, and a cell for each size. What nobody knows of any of them has no row.
pub(super) fn rows(specs: &Specs) -> Vec<(&'static str, Vec<String>)> {
    let share = |share: Option<f64>| share.map_or_else(none, |share| percent(rounded(share)));
    let time = |millis: Option<f64>| millis.map_or_else(none, super::figures::time);
    let rows: [(&'static str, Cell<'_>); 15] = [
        ("may use", &|spec| size(spec.cpus, spec.memory_limit_bytes)),
        ("runs", &|spec| spec.runs.len().to_string()),
        ("passed", &|spec| if spec.passed { "✓".into() } else { "✗".into() }),
        ("requests", &|spec| spec.requests_per_s.map_or_else(none, super::figures::rate)),
        ("p50", &|spec| time(spec.p50_ms)),
        ("p95", &|spec| time(spec.p95_ms)),
        ("p99", &|spec| time(spec.p99_ms)),
        ("failures", &|spec| spec.failures.map_or_else(none, percent)),
        ("cpu", &|spec| match (spec.cpu_cores, spec.cpu) {
            (Some(cores), Some(cpu)) => {
                let cores = trim_float((cores * 100.0).round() / 100.0);
                format!("{cores} ({})", percent(rounded(cpu)))
            }
            _ => none(),
        }),
        ("cpu p95", &|spec| share(spec.cpu_p95)),
        ("throttled", &|spec| share(spec.throttled)),
        ("memory", &|spec| {
            let bytes = spec.memory_bytes.map(|bytes| Bytes(bytes as u64).to_string());
            let of = spec.memory_bytes.map(|bytes| bytes / spec.memory_limit_bytes.max(1) as f64);
            bytes.zip(of).map_or_else(none, |(bytes, of)| format!("{bytes} ({})", percent(rounded(of))))
        }),
        ("limited by", &|spec| match &spec.limit {
            None => none(),
            Some(limit) => match limit.resource {
                Resource::Cpu => "processor".into(),
                Resource::Memory => "memory".into(),
                Resource::Generator => "the generator".into(),
            },
        }),
        ("price per hour", &|spec| spec.price_per_hour.map_or_else(none, trim_float)),
        ("per million requests", &|spec| spec.cost_per_million.map_or_else(none, cost)),
    ];
    rows.into_iter()
        .map(|(name, cell)| (name, specs.specs.iter().map(cell).collect::<Vec<String>>()))
        .filter(|(_, cells)| cells.iter().any(|cell| *cell != none()))
        .collect()
}

fn none() -> String {
    "–".into()
}

/// To whole percents: finer ones are noise here.
fn rounded(share: f64) -> f64 {
    (share * 100.0).round() / 100.0
}

/// Three digits that count.
fn cost(cost: f64) -> String {
    match cost {
        cost if cost >= 100.0 => format!("{cost:.0}"),
        cost if cost >= 1.0 => format!("{cost:.2}"),
        cost => format!("{cost:.4}"),
    }
}

/// What is to be said of single sizes: what they missed, and what they were short of.
pub(super) fn remarks(specs: &Specs) -> Vec<(String, String)> {
    let mut remarks = Vec::new();
    for spec in &specs.specs {
        let mut said = spec.problems.clone();
        said.extend(spec.limit.iter().map(|limit| limit.detail.clone()).filter(|what| !what.is_empty()));
        if !said.is_empty() {
            remarks.push((spec.name.clone(), said.join("; ")));
        }
    }
    remarks
}

/// The folders of all runs of all sizes.
pub(super) fn folders(specs: &Specs) -> impl Iterator<Item = (&str, &str, &str)> {
    specs.specs.iter().flat_map(|spec| {
        spec.runs.iter().map(|run| (&*spec.name, run.folder.as_deref().unwrap_or("no result"), &*run.line))
    })
}

#[cfg(test)]
mod tests;
