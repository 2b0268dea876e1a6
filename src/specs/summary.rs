//! What all runs come to: figures by size, what differs, and which to take.

use std::cmp::Ordering;

use hdrhistogram::Histogram;

use super::recommend::recommend;
use super::record::{FORMAT, SpecResult, SpecRun, Specs, SpecsVerdict};
use super::trials::{Outcome, Trial};
use crate::compare::{Comparison, Options, Side, Source, Word, compare};
use crate::exit::Exit;
use crate::result::{
    GaugeResult, Limit, Resource, RunResult, Soundness, WatchedKind, WatchedResult, gauge, limit, successes,
};
use crate::scenario::model::Spec;

/// What is known besides the runs themselves.
#[derive(Debug, Clone)]
pub struct Facts {
    pub scenario: String,
    pub file: String,
    pub started: String,
    pub image: String,
}

/// The record of all runs. Trials name their specs by their places in `specs`.
pub fn summary(facts: Facts, specs: &[Spec], trials: Vec<Trial>) -> Specs {
    let order = trials.iter().filter_map(|trial| Some(specs.get(trial.spec)?.name.clone())).collect();
    let mut groups: Vec<Group> =
        specs.iter().map(|spec| Group { spec: spec.clone(), outcomes: Vec::new() }).collect();
    for trial in trials {
        if let Some(group) = groups.get_mut(trial.spec) {
            group.outcomes.push(trial.outcome);
        }
    }
    groups.sort_by(|a, b| by_size(&a.spec, &b.spec));
    let results: Vec<SpecResult> = groups.iter().map(Group::result).collect();
    let sides: Vec<Side> = groups.into_iter().map(Group::side).collect();
    let p95 = |from: usize, to: usize| match (sides.get(from), sides.get(to)) {
        (Some(from), Some(to)) => p95_word(&compared(&[from, to])),
        _ => Word::NotJudged,
    };
    let recommendation = recommend(&results, &p95);
    let measured: Vec<&Side> = sides.iter().filter(|side| !side.runs.is_empty()).collect();
    let comparison = (measured.len() > 1).then(|| compared(&measured));
    let codes = results.iter().flat_map(|spec| &spec.runs).map(|run| Exit::from_code(run.exit_code));
    let exit = match &recommendation.spec {
        Some(_) => Exit::Passed,
        None => Exit::of(&codes.collect::<Vec<_>>()),
    };
    let exit = if recommendation.spec.is_none() && exit == Exit::Passed { Exit::Other } else { exit };
    let line = match exit {
        Exit::Passed => recommendation.line.clone(),
        exit => format!("(exit {}) {}", exit.code(), recommendation.line),
    };
    Specs {
        format: FORMAT,
        loadtest: env!("CARGO_PKG_VERSION").into(),
        scenario: facts.scenario,
        file: facts.file,
        started: facts.started,
        image: facts.image,
        order,
        specs: results,
        comparison,
        verdict: SpecsVerdict { exit_code: exit.code(), line },
        recommendation,
    }
}

/// The smaller one first: by cores, then memory, then price.
fn by_size(a: &Spec, b: &Spec) -> Ordering {
    let price = |spec: &Spec| spec.price.unwrap_or_default();
    a.cpus.total_cmp(&b.cpus).then(a.memory.cmp(&b.memory)).then(price(a).total_cmp(&price(b)))
}

fn compared(sides: &[&Side]) -> Comparison {
    let copies: Vec<Side> = sides
        .iter()
        .map(|side| Side {
            name: side.name.clone(),
            runs: side
                .runs
                .iter()
                .map(|run| Source { from: run.from.clone(), result: run.result.clone() })
                .collect(),
        })
        .collect();
    compare(&copies, Options::default(), &[])
}

/// How the second side's 95th percentile differs over all steps.
fn p95_word(comparison: &Comparison) -> Word {
    let total = comparison.rows.first().map(|row| row.figures.as_slice()).unwrap_or_default();
    let p95 = total.iter().find(|figure| figure.figure == "p95").and_then(|figure| figure.changes.first());
    p95.map_or(Word::NotJudged, |change| change.word)
}

/// A size with all its runs.
struct Group {
    spec: Spec,
    outcomes: Vec<Outcome>,
}

impl Group {
    fn side(self) -> Side {
        let runs = self.outcomes.into_iter().filter_map(|outcome| match outcome {
            Outcome::Ran { folder, result, .. } => {
                Some(Source { from: folder.display().to_string(), result: *result })
            }
            Outcome::NotReady(_) => None,
        });
        Side { name: self.spec.name, runs: runs.collect() }
    }

    fn results(&self) -> impl Iterator<Item = &RunResult> + Clone {
        self.outcomes.iter().filter_map(|outcome| match outcome {
            Outcome::Ran { result, .. } => Some(&**result),
            Outcome::NotReady(_) => None,
        })
    }

    fn result(&self) -> SpecResult {
        let results: Vec<&RunResult> = self.results().collect();
        let times = pooled(&results);
        let percentile = |percent| times.as_ref().map(|all| all.value_at_percentile(percent) as f64 / 1e6);
        let finished: u64 = results.iter().map(|result| finished(result)).sum();
        let failed: u64 = results.iter().map(|result| result.totals.failure).sum();
        let load_s: f64 = results.iter().map(|result| result.load_s).sum();
        let requests_per_s = (load_s > 0.0).then(|| finished as f64 / load_s);
        let cpu = mean(&results, "cpu", |cpu| cpu.avg);
        let problems = self.problems();
        let price = self.spec.price;
        SpecResult {
            name: self.spec.name.clone(),
            cpus: self.spec.cpus,
            memory_limit_bytes: self.spec.memory,
            price_per_hour: price,
            runs: self.outcomes.iter().map(run_of).collect(),
            passed: problems.is_empty() && !self.outcomes.is_empty(),
            problems,
            requests_per_s,
            p50_ms: percentile(50.0),
            p95_ms: percentile(95.0),
            p99_ms: percentile(99.0),
            failures: (finished > 0).then(|| failed as f64 / finished as f64),
            cpu_cores: cpu.map(|share| share * self.spec.cpus),
            cpu,
            cpu_p95: most(&results, "cpu", |cpu| cpu.p95),
            throttled: mean(&results, "throttled", |throttled| throttled.avg),
            memory_bytes: most(&results, "memory", |memory| memory.max),
            limit: self.limit(),
            cost_per_million: price
                .zip(requests_per_s.filter(|rate| *rate > 0.0))
                .map(|(price, rate)| price / 3600.0 / rate * 1e6),
        }
    }

    /// Why it does not pass, each reason once.
    fn problems(&self) -> Vec<String> {
        let mut problems: Vec<String> = Vec::new();
        for outcome in &self.outcomes {
            let found = match outcome {
                Outcome::NotReady(why) => vec![why.clone()],
                Outcome::Ran { result, ended, .. } => {
                    let mut found: Vec<String> = ended.iter().cloned().collect();
                    if result.verdict.exit_code != 0 {
                        found.extend(reasons(result));
                    }
                    found
                }
            };
            for problem in found {
                if !problems.contains(&problem) {
                    problems.push(problem);
                }
            }
        }
        problems
    }

    /// What it was short of, in the first run that was; that memory ran out comes first.
    fn limit(&self) -> Option<Limit> {
        let killed = self.outcomes.iter().find_map(|outcome| match outcome {
            Outcome::Ran { ended: Some(why), .. } | Outcome::NotReady(why) => {
                why.contains("out of memory").then(|| "a process was killed: out of memory".to_owned())
            }
            Outcome::Ran { .. } => None,
        });
        if let Some(detail) = killed {
            return Some(Limit { resource: Resource::Memory, detail });
        }
        self.results().find_map(|result| {
            let mut limit = limit(result)?;
            // The size is named beside it.
            if let Some(rest) = container(result)
                .and_then(|source| limit.detail.strip_prefix(&source.name)?.strip_prefix(' '))
            {
                limit.detail = rest.to_owned();
            }
            Some(limit)
        })
    }
}

fn run_of(outcome: &Outcome) -> SpecRun {
    match outcome {
        Outcome::Ran { folder, result, .. } => SpecRun {
            folder: Some(folder.display().to_string()),
            exit_code: result.verdict.exit_code,
            line: result.verdict.line.clone(),
        },
        Outcome::NotReady(why) => {
            SpecRun { folder: None, exit_code: Exit::NotReady.code(), line: why.clone() }
        }
    }
}

/// What a run that did not pass missed.
fn reasons(result: &RunResult) -> Vec<String> {
    let missed: Vec<String> =
        result.thresholds.iter().filter(|one| !one.met).map(|one| one.text.clone()).collect();
    let is_invalid = result.validity.verdict == Soundness::Invalid;
    if missed.is_empty() || is_invalid || result.verdict.exit_code != Exit::ThresholdNotMet.code() {
        return vec![result.verdict.line.clone()];
    }
    missed
}

fn finished(result: &RunResult) -> u64 {
    result.totals.success + result.totals.business + result.totals.failure
}

fn pooled(results: &[&RunResult]) -> Option<Histogram<u64>> {
    let mut all: Option<Histogram<u64>> = None;
    for one in results.iter().filter_map(|result| successes(result)) {
        match &mut all {
            Some(all) => all.add(&one).unwrap_or_default(),
            None => all = Some(one),
        }
    }
    all
}

/// The container of the target: watched before anything that the file names.
fn container(result: &RunResult) -> Option<&WatchedResult> {
    result.monitor.first().filter(|source| source.kind == WatchedKind::Container)
}

fn values<'a>(
    results: &'a [&RunResult],
    name: &'a str,
    pick: fn(&GaugeResult) -> Option<f64>,
) -> impl Iterator<Item = f64> + 'a {
    results.iter().filter_map(move |result| gauge(container(result)?, name).and_then(pick))
}

fn mean(results: &[&RunResult], name: &str, pick: fn(&GaugeResult) -> Option<f64>) -> Option<f64> {
    let values: Vec<f64> = values(results, name, pick).collect();
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

fn most(results: &[&RunResult], name: &str, pick: fn(&GaugeResult) -> Option<f64>) -> Option<f64> {
    values(results, name, pick).reduce(f64::max)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::result::sample_result;

    /// One that passed, with nothing but what is said.
    pub(crate) fn spec(name: &str, cpus: f64, p95_ms: Option<f64>) -> SpecResult {
        let memory = (cpus * f64::from(1 << 30)) as u64;
        let group =
            Group { spec: Spec { name: name.into(), cpus, memory, price: None }, outcomes: Vec::new() };
        SpecResult { passed: true, p95_ms, ..group.result() }
    }

    fn two() -> Vec<Spec> {
        let mut specs = Spec::usual();
        specs[0].price = Some(0.36);
        specs.reverse();
        specs
    }

    fn facts() -> Facts {
        Facts {
            scenario: "checkout".into(),
            file: "checkout.yaml".into(),
            started: "2026-03-01T09:30:05.250Z".into(),
            image: "app:1".into(),
        }
    }

    fn ran(spec: usize, change: impl FnOnce(&mut RunResult)) -> Trial {
        let mut result = sample_result();
        result.monitor[0].kind = WatchedKind::Container;
        (result.verdict.exit_code, result.validity.verdict) = (0, Soundness::Valid);
        change(&mut result);
        let folder = format!("reports/{spec}").into();
        Trial { spec, outcome: Outcome::Ran { folder, result: Box::new(result), ended: None } }
    }

    #[test]
    fn runs_of_a_size_count_together_and_the_smallest_comes_first() {
        let one =
            summary(facts(), &two(), vec![ran(0, |_| {}), ran(1, |_| {}), ran(1, |_| {}), ran(0, |_| {})]);
        assert_eq!(one.order, ["medium", "small", "small", "medium"]);
        assert_eq!(one.specs.iter().map(|spec| spec.name.as_str()).collect::<Vec<_>>(), ["small", "medium"]);
        let (small, alone) = (&one.specs[0], sample_result());
        assert_eq!(small.runs.len(), 2);
        let rate = finished(&alone) as f64 / alone.load_s;
        assert!((small.requests_per_s.unwrap() - rate).abs() < 1e-9);
        // 0.36 per hour is a ten thousandth per second.
        assert!((small.cost_per_million.unwrap() - 100.0 / rate).abs() < 1e-9);
        assert_eq!(one.specs[1].cost_per_million, None);
        assert!(small.passed && one.verdict.exit_code == 0, "{}", one.verdict.line);
        assert_eq!(one.comparison.unwrap().sides.len(), 2);
    }

    #[test]
    fn one_that_passes_is_enough_and_none_is_as_bad_as_the_worst() {
        let fails = |result: &mut RunResult| {
            (result.verdict.exit_code, result.verdict.line) = (99, "FAILED (exit 99)".into());
            result.thresholds.iter_mut().for_each(|one| one.met = true);
            (result.thresholds[0].met, result.thresholds[0].text) = (false, "latency: p95 < 1ms".into());
        };
        let one = summary(facts(), &two(), vec![ran(0, |_| {}), ran(1, fails)]);
        assert_eq!((one.verdict.exit_code, one.recommendation.spec.as_deref()), (0, Some("medium")));
        assert_eq!(one.verdict.line, "medium: small does not pass (latency: p95 < 1ms)");
        let late = Trial { spec: 0, outcome: Outcome::NotReady("not ready; out of memory".into()) };
        let one = summary(facts(), &two(), vec![late, ran(1, fails)]);
        assert_eq!((one.verdict.exit_code, one.recommendation.spec), (96, None));
        assert!(one.comparison.is_none());
        assert_eq!(one.specs[1].limit.as_ref().unwrap().resource, Resource::Memory);
    }
}
