//! Makes the record of the facts of a run.

mod judged;
mod polls;

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::serialization::{Serializer, V2DeflateSerializer};
use jiff::Timestamp;

use self::judged::judged;
use self::polls::polls;
use super::drift::drift;
use super::monitor::monitor;
use super::polls::PollResult;
use super::record::{
    CauseResult, CheckResult, CustomResult, CustomValue, Distribution, Ended, Environment, ExampleResult,
    FORMAT, FaultResult, GeneratorResult, GroupResult, InvariantResult, LoadModel, OutcomeKind,
    OutcomeResult, RowResult, RunResult, ScenarioInfo, ScenarioResult, StageResult, TargetInfo,
    ThresholdResult, Totals,
};
use super::redact::{Redactor, harmless};
use super::series::{Series, millis};
use super::validity::{DataRanOut, ValidityFacts, validity};
use super::verdict::verdict;
use super::windows::encode;
use crate::metrics::{
    Cell, CellWindows, Custom, Recorder, RowRecord, RowWindows, Sample, Second, Staged, Times, Watched,
    Windows,
};
use crate::outcome::Cause;
use crate::scenario::model::{
    Action, BaseUrl, Catalog, GroupId, PollId, RequestStep, RowId, Scenario, Shape, Stage, Step, StepId,
    TargetKind, Test,
};
use crate::threshold::{Judgement, LoadTime};

/// What a run leaves behind, and what a result is made of.
#[derive(Debug)]
pub struct Facts<'a> {
    pub test: &'a Test,
    pub totals: &'a Staged,
    pub seconds: &'a [Second],
    pub windows: &'a Windows,
    pub watched: &'a Watched,
    /// At most one per row and cause is shown: the first.
    pub samples: &'a [Sample],
    /// One for each of the test's thresholds, in their order.
    pub judgements: &'a [Judgement],
    pub invariants: Vec<InvariantResult>,
    pub ended: Ended,
    /// The time under load, clipped to where the load ended.
    pub load: &'a LoadTime,
    /// What `--time-scale` made of the file's times; 1 without it.
    pub time_scale: f64,
    pub command: &'a [String],
    pub seed: u64,
    pub workers: u32,
    /// Cores the program could use.
    pub cpus: u32,
    pub cpu_model: Option<String>,
    /// Of the machine.
    pub memory_bytes: Option<u64>,
    /// When the load began.
    pub started: Timestamp,
    /// From the first action to the last, set-up and draining included.
    pub wall: Duration,
    pub target_url: &'a str,
    /// Processor time of the generator, all threads together.
    pub cpu_time: Duration,
    /// Of the cores its workers had, between 0 and 1.
    pub cpu_share: Option<f64>,
    pub peak_rss_bytes: Option<u64>,
    /// The values of `secret()`: left out wherever text of the run is kept.
    pub secrets: &'a [String],
    pub data_ran_out: &'a [DataRanOut],
    /// Whether a suspect run is no better than an invalid one.
    pub strict: bool,
    /// What was captured, as far as it could stand in the samples.
    pub captured: &'a [String],
}

impl RunResult {
    /// The record, judged; secrets are left out, and what a server said is harmless to show.
    pub fn new(facts: Facts<'_>) -> RunResult {
        let Facts { test, load, .. } = facts;
        let total = facts.totals.total();
        let none: &[String] = &[];
        let redactor = Redactor::new(facts.secrets, none);
        let clean = |text: &str| harmless(&redactor.redact(text), true).into_owned();
        // Only samples can hold what was captured, and captured words may be quite common ones.
        let redactor_of_samples = Redactor::new(facts.secrets, facts.captured);
        let clean_sample = |text: &str| harmless(&redactor_of_samples.redact(text), true).into_owned();

        let rows = rows(test, &total, facts.windows, load);
        let polls = polls(test, &total, facts.seconds);
        let aside = totals(&rows, true, 0.0);
        let is_measured = |number: usize| test.scenarios.get(number).is_some_and(|one| one.is_measured);
        let totals =
            Totals { optional: aside.attempted, ..totals(&rows, false, load.seconds(is_measured, &[])) };
        let mut lateness = Times::default();
        total.scenarios.iter().for_each(|scenario| lateness.add(&scenario.lateness));
        let validity = validity(&ValidityFacts {
            own_faults: Some(&total.own_faults),
            // The books are those of all requests.
            attempted: totals.attempted + aside.attempted,
            success: totals.success + aside.success,
            business: totals.business + aside.business,
            failure: totals.failure + aside.failure,
            interrupted: totals.interrupted + aside.interrupted,
            lateness_p99: lateness.percentile(99.0),
            cpu_share: facts.cpu_share,
            data_ran_out: facts.data_ran_out,
        });
        let thresholds: Vec<ThresholdResult> = test
            .thresholds
            .iter()
            .enumerate()
            .map(|(index, threshold)| judged(threshold, test, facts.judgements.get(index)))
            .collect();
        let invariants: Vec<InvariantResult> = facts
            .invariants
            .into_iter()
            .map(|invariant| InvariantResult {
                detail: invariant.detail.map(|detail| clean(&detail)),
                ..invariant
            })
            .collect();
        let ended = match facts.ended {
            Ended::NotReady(why) => Ended::NotReady(clean(&why)),
            Ended::SetupFailed(why) => Ended::SetupFailed(clean(&why)),
            ended => ended,
        };
        RunResult {
            format: FORMAT,
            loadtest: env!("CARGO_PKG_VERSION").into(),
            scenario: ScenarioInfo {
                name: test.name.clone(),
                description: test.description.clone(),
                file: test.file.display().to_string(),
            },
            command: facts.command.iter().map(|word| clean(word)).collect(),
            seed: facts.seed,
            workers: facts.workers,
            started: facts.started.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
            wall_s: seconds(facts.wall),
            load_s: seconds(load.end()),
            time_scale: Some(facts.time_scale),
            target: TargetInfo {
                url: clean(facts.target_url),
                bundled: test.target.kind == TargetKind::Bundled,
                socket: test.target.socket.as_ref().map(|path| clean(&path.display().to_string())),
                insecure: test.is_insecure(),
                image: match &test.target.kind {
                    TargetKind::Image(image) => Some(clean(&image.name)),
                    TargetKind::Bundled => test.target.spec.as_ref().map(|_| ticketing::IMAGE.into()),
                    TargetKind::Url(_) => None,
                },
                spec: test.target.spec.as_ref().map(|spec| clean(&spec.name)),
            },
            environment: Environment {
                os: std::env::consts::OS.into(),
                arch: std::env::consts::ARCH.into(),
                cpus: facts.cpus,
                cpu_model: facts.cpu_model,
                memory_bytes: facts.memory_bytes,
            },
            window_s: Some(facts.windows.slice_s()),
            totals,
            scenarios: scenarios(test, &total, load),
            causes: causes(&rows, &polls, facts.samples, clean_sample),
            rows,
            groups: groups(test, &total),
            polls,
            checks: checks(test, &total),
            metrics: metrics(&test.catalog, &total),
            verdict: verdict(ended, &thresholds, &invariants, &validity, facts.strict),
            thresholds,
            invariants,
            validity,
            generator: GeneratorResult {
                cpu_s: seconds(facts.cpu_time),
                cpu_share: facts.cpu_share.filter(|share| share.is_finite()),
                peak_rss_bytes: facts.peak_rss_bytes,
                lateness_p99_ms: lateness.percentile(99.0).map(millis),
            },
            own_faults: total
                .own_faults
                .iter()
                .map(|(fault, count)| FaultResult { name: fault.to_string(), count: *count })
                .collect(),
            series: Series::new(facts.seconds),
            drift: drift(test, facts.seconds, facts.watched, load, clean),
            monitor: monitor(&test.monitor, facts.watched, facts.seconds, load, clean),
        }
    }
}

/// To the millisecond.
fn seconds(time: Duration) -> f64 {
    if time == Duration::MAX { 0.0 } else { time.as_millis() as f64 / 1e3 }
}

fn per_second(count: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { count as f64 / seconds } else { 0.0 }
}

fn distribution(times: &Times) -> Option<Distribution> {
    Some(Distribution {
        count: times.count(),
        min_ms: millis(times.min()?),
        avg_ms: millis(times.mean()?),
        p50_ms: millis(times.percentile(50.0)?),
        p90_ms: millis(times.percentile(90.0)?),
        p95_ms: millis(times.percentile(95.0)?),
        p99_ms: millis(times.percentile(99.0)?),
        p999_ms: millis(times.percentile(99.9)?),
        max_ms: millis(times.max()?),
        stddev_ms: millis(times.standard_deviation()?),
    })
}

/// The histogram in `HdrHistogram`'s own compressed form, as text.
fn encoded(times: &Times) -> Option<String> {
    let mut bytes = Vec::new();
    V2DeflateSerializer::new().serialize(times.histogram()?.as_ref(), &mut bytes).ok()?;
    Some(STANDARD.encode(bytes))
}

fn name_of(test: &Test, scenario: u16) -> String {
    test.scenarios.get(usize::from(scenario)).map(|scenario| scenario.name.clone()).unwrap_or_default()
}

fn rows(test: &Test, total: &Recorder, windows: &Windows, load: &LoadTime) -> Vec<RowResult> {
    let mut requests: BTreeMap<u16, &RequestStep> = BTreeMap::new();
    for scenario in &test.scenarios {
        for steps in
            [&scenario.setup, &scenario.on_start, &scenario.flow, &scenario.verify, &scenario.teardown]
        {
            each_request(steps, &mut |request| {
                if let Some(row) = request.row {
                    requests.entry(row.0).or_insert(request);
                }
            });
        }
    }
    let catalog = &test.catalog;
    let row = |(index, (info, record)): (usize, (&crate::scenario::model::RowInfo, &RowRecord))| {
        let request = requests.get(&(index as u16));
        let load_s = load.of_scenario(usize::from(info.scenario)).as_secs_f64();
        RowResult {
            name: info.name.clone(),
            method: request.map(|request| request.method.as_str().into()),
            path: request.and_then(|request| {
                let path = request.url.path.as_static()?;
                Some(match &request.url.base {
                    BaseUrl::Target { prefix } => format!("{prefix}{path}"),
                    BaseUrl::Elsewhere { origin, prefix } => format!("{origin}{prefix}{path}"),
                })
            }),
            scenario: name_of(test, info.scenario),
            groups: names_of_groups(catalog, &info.groups),
            optional: info.optional,
            attempted: record.attempted,
            success: record.successes(),
            business: record.refusals(),
            failure: record.failed(),
            interrupted: record.interrupted,
            in_doubt: record.in_doubt,
            sent_bytes: record.bytes_sent,
            received_bytes: record.bytes_received,
            outcomes: outcomes(&info.business, record, windows.rows().get(index), load_s),
        }
    };
    catalog.rows.iter().zip(&total.rows).enumerate().map(row).collect()
}

fn each_request<'a>(steps: &'a [Step], visit: &mut impl FnMut(&'a RequestStep)) {
    for step in steps {
        if let Action::Request(request) = &step.action {
            visit(request);
        }
        step.action.blocks().into_iter().for_each(|steps| each_request(steps, visit));
    }
}

fn outcomes(
    business: &[String],
    record: &RowRecord,
    windows: Option<&RowWindows>,
    load_s: f64,
) -> Vec<OutcomeResult> {
    let finished = record.finished();
    let outcome = |kind, name: String, cell: &Cell, windows: Option<&CellWindows>| OutcomeResult {
        kind,
        name,
        count: cell.count(),
        rate_per_s: per_second(cell.count(), load_s),
        share: if finished > 0 { cell.count() as f64 / finished as f64 } else { 0.0 },
        response: distribution(&cell.response),
        service: distribution(&cell.service),
        ttfb: distribution(&cell.ttfb),
        connect: distribution(&cell.connect),
        tls: distribution(&cell.tls),
        response_histogram: encoded(&cell.response),
        service_histogram: encoded(&cell.service),
        response_windows: windows.and_then(encode),
    };
    let success = windows.map(|windows| &windows.success);
    let mut outcomes = vec![outcome(OutcomeKind::Success, "success".into(), &record.success, success)];
    let refusals = business.iter().zip(&record.business).enumerate();
    outcomes.extend(refusals.map(|(number, (name, cell))| {
        let windows = windows.and_then(|windows| windows.business.get(number));
        outcome(OutcomeKind::Business, name.clone(), cell, windows)
    }));
    let mut failures: Vec<_> = record.failures.iter().filter(|(_, cell)| cell.count() > 0).collect();
    failures.sort_by_key(|(cause, cell)| (std::cmp::Reverse(cell.count()), *cause));
    let failures = failures.into_iter();
    outcomes.extend(failures.map(|(cause, cell)| {
        let windows = windows.and_then(|windows| windows.failures.iter().find(|(known, _)| known == cause));
        outcome(OutcomeKind::Failure, cause.to_string(), cell, windows.map(|(_, cell)| cell))
    }));
    outcomes
}

/// Of optional rows, or of the others.
fn totals(rows: &[RowResult], optional: bool, load_s: f64) -> Totals {
    let mut totals = Totals::default();
    for row in rows.iter().filter(|row| row.optional == optional) {
        totals.attempted += row.attempted;
        totals.success += row.success;
        totals.business += row.business;
        totals.failure += row.failure;
        totals.interrupted += row.interrupted;
        totals.in_doubt += row.in_doubt;
        totals.sent_bytes += row.sent_bytes;
        totals.received_bytes += row.received_bytes;
    }
    totals.rate_per_s = per_second(totals.success + totals.business + totals.failure, load_s);
    totals
}

fn scenarios(test: &Test, total: &Recorder, load: &LoadTime) -> Vec<ScenarioResult> {
    let scenario = |(index, (scenario, record)): (usize, (&Scenario, &crate::metrics::ScenarioRecord))| {
        let time = load.of_scenario(index);
        let completed = record.iterations.count();
        ScenarioResult {
            name: scenario.name.clone(),
            kind: scenario.load.kind.map(|kind| kind.as_str().into()),
            model: if scenario.load.shape.is_open() { LoadModel::Open } else { LoadModel::Closed },
            load_s: seconds(time),
            stages: stages(&scenario.load.shape, load.begins(index), &test.catalog),
            started: record.started,
            completed,
            completed_per_s: per_second(completed, time.as_secs_f64()),
            cut: record.cut,
            abandoned: record.abandoned,
            ended_early: record.ended_early,
            interrupted: record.interrupted,
            dropped: record.dropped,
            duration: distribution(&record.iterations),
            lateness: distribution(&record.lateness),
            throttled: distribution(&record.throttled),
        }
    };
    test.scenarios.iter().zip(&total.scenarios).enumerate().map(scenario).collect()
}

/// The planned stages of a scenario that begins at `begins`; none where that is not known.
fn stages(shape: &Shape, begins: Option<Duration>, catalog: &Catalog) -> Vec<StageResult> {
    let (Shape::Users(profile) | Shape::Arrivals { profile, .. }) = shape else { return Vec::new() };
    let Some(mut at) = begins else { return Vec::new() };
    let mut value = profile.from;
    let stage = |stage: &Stage| {
        let (from, begin) = (value, at);
        (value, at) = (stage.target, at.saturating_add(stage.duration));
        let name = stage.name.and_then(|name| catalog.stages.get(name.index()));
        StageResult { name: name.cloned(), from_s: seconds(begin), to_s: seconds(at), from, to: stage.target }
    };
    profile.stages.iter().map(stage).collect()
}

/// Failures by row or poll, and by cause, with one example each, the most frequent first.
fn causes(
    rows: &[RowResult],
    polls: &[PollResult],
    samples: &[Sample],
    clean: impl Fn(&str) -> String,
) -> Vec<CauseResult> {
    let result = |scenario: &str, step: &str, id: StepId, cause: &str, count: u64| {
        let mut samples = samples.iter();
        let sample = samples.find(|sample| sample.step == id && sample.cause.to_string() == cause);
        CauseResult {
            scenario: scenario.to_owned(),
            step: step.to_owned(),
            cause: cause.to_owned(),
            count,
            example: sample.map(|sample| ExampleResult {
                at_s: seconds(sample.at),
                request: clean(&sample.request),
                status: sample.status,
                detail: clean(&sample.detail),
                body: clean(&sample.body),
            }),
        }
    };
    let mut causes = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let id = StepId::Requests(RowId(index as u16));
        let failures = row.outcomes.iter().filter(|outcome| outcome.kind == OutcomeKind::Failure);
        causes.extend(
            failures.map(|outcome| result(&row.scenario, &row.name, id, &outcome.name, outcome.count)),
        );
    }
    for (index, poll) in polls.iter().enumerate().filter(|(_, poll)| poll.given_up > 0) {
        let id = StepId::Poll(PollId(index as u16));
        let cause = Cause::Poll.to_string();
        causes.push(result(&poll.scenario, &poll.name, id, &cause, poll.given_up));
    }
    causes.sort_by_key(|cause| std::cmp::Reverse(cause.count));
    causes
}

fn names_of_groups(catalog: &Catalog, groups: &[GroupId]) -> Vec<String> {
    groups.iter().filter_map(|group| Some(catalog.groups.get(group.index())?.name.clone())).collect()
}

fn groups(test: &Test, total: &Recorder) -> Vec<GroupResult> {
    let groups = test.catalog.groups.iter().zip(&total.groups);
    groups
        .map(|(info, times)| GroupResult {
            name: info.name.clone(),
            scenario: name_of(test, info.scenario),
            optional: info.optional,
            duration: distribution(times),
        })
        .collect()
}

fn checks(test: &Test, total: &Recorder) -> Vec<CheckResult> {
    let checks = test.catalog.checks.iter().zip(&total.checks);
    // Those of `verify` are invariants, and shown as such.
    checks
        .filter(|(info, _)| info.measured)
        .map(|(info, tried)| CheckResult {
            name: info.name.clone(),
            scenario: name_of(test, info.scenario),
            step: info.row.and_then(|row| Some(test.catalog.rows.get(row.index())?.name.clone())),
            optional: info.optional,
            passed: tried.passed,
            failed: tried.failed,
        })
        .collect()
}

fn metrics(catalog: &Catalog, total: &Recorder) -> Vec<CustomResult> {
    let metrics = catalog.customs.iter().zip(&total.customs);
    metrics
        .map(|(info, custom)| CustomResult {
            name: info.name.clone(),
            value: match custom {
                // JSON has no word for what is no number.
                Custom::Count { sum, samples } => {
                    let sum = if sum.is_finite() { *sum } else { 0.0 };
                    CustomValue::Count { sum, samples: *samples }
                }
                Custom::Observe(amounts) => CustomValue::Observe {
                    samples: amounts.count(),
                    min: amounts.min(),
                    avg: amounts.mean(),
                    p50: amounts.percentile(50.0),
                    p95: amounts.percentile(95.0),
                    p99: amounts.percentile(99.0),
                    max: amounts.max(),
                },
                Custom::Share(tried) => CustomValue::Share { passed: tried.passed, failed: tried.failed },
            },
        })
        .collect()
}

#[cfg(test)]
pub(crate) mod tests;
