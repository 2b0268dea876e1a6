//! Tries one rate after another on a target that is ready, and tells what came of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::judge::{Judged, judge};
use super::knee::{Point, knee};
use super::record::{Capacity, CapacityVerdict, FORMAT, FoundKind, FoundRate, Instances, Knee, Try};
use super::search::{Answer, Bounds, Found, Next, Purpose, Search};
use crate::exit::Exit;
use crate::plan::{smoke, steady};
use crate::result::{Ended, Limit, RunResult, gauge, limit, successes};
use crate::run::{On, RunError, Settings, Stops, run};
use crate::scenario::model::{Shape, Test};
use crate::scenario::threshold::{Aggregate, Metric, Threshold};
use crate::target::Ready;
use crate::units::{count, rate_of as rate};

/// How to search.
#[derive(Debug, Clone)]
pub struct Plan {
    pub bounds: Bounds,
    /// How long a rate is tried.
    pub probe: Duration,
    /// How long what was found is confirmed.
    pub confirm: Duration,
    /// How long the target may take to recover after a rate that did not hold.
    pub settle: Duration,
    /// Less than this is a failure.
    pub at_least: Option<f64>,
    /// For which rate instances are to be counted, and the share of each that is to stay free.
    pub wanted: Option<(f64, f64)>,
    /// The name of the spec that the target was given.
    pub spec: Option<String>,
}

/// Arrivals that a try must have: fewer tell nothing.
const FEWEST_ARRIVALS: f64 = 10.0;

impl Plan {
    /// The lowest rate that tells anything in the time there is.
    pub fn least(from: f64, probe: Duration) -> f64 {
        from.min(FEWEST_ARRIVALS / probe.as_secs_f64())
    }

    /// How long a rate is tried.
    fn duration(&self, rate: f64, purpose: Purpose, idle: Idle) -> Duration {
        let wanted = if purpose == Purpose::Confirm { self.confirm } else { self.probe };
        // A load must be longer than an iteration, or it never comes to its height.
        let seconds = wanted.max(idle.iteration * 4).as_secs_f64().max(FEWEST_ARRIVALS / rate);
        // Whole seconds: what piles up is seen by seconds.
        Duration::from_secs(seconds.ceil() as u64)
    }
}

/// Why a search could not be done.
#[derive(Debug, thiserror::Error)]
pub enum HuntError {
    #[error(transparent)]
    Run(#[from] RunError),
    #[error("the file cannot be read any more")]
    File,
    /// Before anything was tried.
    #[error("interrupted")]
    Interrupted,
    /// The target is not ready any more, or `setup` failed.
    #[error("{0}")]
    NotReady(String),
    #[error("a single user fails, without any load: {0}; try it with `loadtest run FILE --smoke`")]
    Fails(String),
}

/// What a search needs besides its plan.
pub struct Hunt<'a> {
    /// The test, anew for each try: with the objectives as its thresholds.
    pub test: &'a dyn Fn() -> Option<Test>,
    pub ready: &'a Ready,
    pub settings: &'a Settings,
    pub stops: &'a Stops,
    /// Called after each try.
    pub tell: &'a dyn Fn(&Try),
    /// Called with what a person should know meanwhile.
    pub warn: &'a dyn Fn(&str),
}

/// What is known of a target without load.
#[derive(Debug, Clone, Copy)]
struct Idle {
    /// An iteration, think times included.
    iteration: Duration,
    response_ms: f64,
}

/// The searched target, and the results of tries that say what it was short of.
struct Seen {
    tries: Vec<Try>,
    /// By the rate that broke: the lowest of them tells most. What a try without doubt tells comes before all that
    /// others do, in which the generator was short itself.
    broken: Option<((bool, f64), Option<Limit>)>,
    confirmed: Option<Limit>,
    warnings: Vec<String>,
    is_interrupted: bool,
    /// Why the target could not be asked any more.
    lost: Option<String>,
}

impl Hunt<'_> {
    /// Searches until something is found, or the user has enough.
    pub async fn search(&self, plan: &Plan, started: Timestamp) -> Result<Capacity, HuntError> {
        let test = (self.test)().ok_or(HuntError::File)?;
        let mut seen = Seen {
            tries: Vec::new(),
            broken: None,
            confirmed: None,
            warnings: warnings(&test),
            is_interrupted: false,
            lost: None,
        };
        let mut search = Search::new(plan.bounds);
        let Some(idle) = self.first_look().await? else { return Err(HuntError::Interrupted) };
        let found = loop {
            let (rate, purpose) = match search.next() {
                Next::Done(found) => break found,
                Next::Try { rate, purpose } => (rate, purpose),
            };
            let duration = plan.duration(rate, purpose, idle);
            let most_users = most_users(&test, rate, idle);
            let probe = steady((self.test)().ok_or(HuntError::File)?, rate, duration, most_users);
            let result = match self.run(probe).await {
                // What was found out until then is worth more than an error.
                Err(HuntError::NotReady(why)) if !seen.tries.is_empty() => {
                    seen.lost = Some(why);
                    break search.found_so_far();
                }
                result => result?,
            };
            if result.verdict.ended == Ended::Interrupted {
                seen.is_interrupted = true;
                break search.found_so_far();
            }
            let judged = judge(&result, rate);
            self.keep(&mut seen, &result, rate, purpose, &judged);
            search.answer(judged.answer);
            if judged.answer != Answer::Held && !self.settle(plan, idle, &mut seen).await? {
                break search.found_so_far();
            }
        };
        Ok(self.report(plan, &test, started, found, seen))
    }

    async fn run(&self, test: Test) -> Result<RunResult, HuntError> {
        let on = On::Ready(self.ready);
        let result = run(Arc::new(test), on, self.settings, Timestamp::now(), None, self.stops).await?;
        match &result.verdict.ended {
            Ended::NotReady(why) => Err(HuntError::NotReady(why.clone())),
            Ended::SetupFailed(why) => Err(HuntError::NotReady(format!("setup failed: {why}"))),
            _ => Ok(result),
        }
    }

    /// A single user, a few times; none if the search was interrupted.
    async fn first_look(&self) -> Result<Option<Idle>, HuntError> {
        let mut idle: Option<Idle> = None;
        for _ in 0..3 {
            let result = self.run(smoke((self.test)().ok_or(HuntError::File)?)).await?;
            if result.verdict.ended == Ended::Interrupted {
                return Ok(None);
            }
            let Some(once) = once(&result) else {
                let cause = result.causes.first();
                let why = cause.map_or_else(
                    || "it had no success".to_owned(),
                    |cause| format!("`{}` ended in {}", cause.step, cause.cause),
                );
                return Err(HuntError::Fails(why));
            };
            idle = Some(match idle {
                // The first has the cost of what is done once; the longest iteration is the safe one.
                Some(before) => Idle {
                    iteration: before.iteration.max(once.iteration),
                    response_ms: before.response_ms.min(once.response_ms),
                },
                None => once,
            });
        }
        Ok(idle)
    }

    fn keep(&self, seen: &mut Seen, result: &RunResult, rate: f64, purpose: Purpose, judged: &Judged) {
        let one = tried(result, rate, purpose, judged);
        (self.tell)(&one);
        seen.tries.push(one);
        match judged.answer {
            Answer::Broken | Answer::Unusable => {
                let this = (judged.answer == Answer::Unusable, rate);
                if seen.broken.as_ref().is_none_or(|(best, _)| this <= *best) {
                    seen.broken = Some((this, limit(result)));
                }
            }
            Answer::Held if purpose == Purpose::Confirm => seen.confirmed = limit(result),
            Answer::Held => {}
        }
    }

    /// Waits until a single user is answered about as fast as before any load; false if there is
    /// nothing more to try: it was interrupted, or the target did not come back.
    async fn settle(&self, plan: &Plan, idle: Idle, seen: &mut Seen) -> Result<bool, HuntError> {
        let until = Instant::now() + plan.settle;
        loop {
            let result = self.run(smoke((self.test)().ok_or(HuntError::File)?)).await;
            let calm = match result {
                Ok(result) if result.verdict.ended == Ended::Interrupted => {
                    seen.is_interrupted = true;
                    return Ok(false);
                }
                Ok(result) => {
                    once(&result).is_some_and(|once| once.response_ms <= idle.response_ms * 3.0 + 5.0)
                }
                // Its `setup` may fail while it is still busy with what came before.
                Err(HuntError::NotReady(why)) if Instant::now() >= until => {
                    seen.lost = Some(why);
                    return Ok(false);
                }
                Err(HuntError::NotReady(_)) => false,
                Err(error) => return Err(error),
            };
            if calm {
                return Ok(true);
            }
            if Instant::now() >= until {
                let warning = format!(
                    "after a rate that did not hold, the target had not recovered within {}; \
                     later tries may have found it busy (`--settle` gives it more time)",
                    crate::units::scenario_duration(plan.settle)
                );
                if !seen.warnings.contains(&warning) {
                    (self.warn)(&warning);
                    seen.warnings.push(warning);
                }
                return Ok(true);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    fn report(&self, plan: &Plan, test: &Test, started: Timestamp, found: Found, seen: Seen) -> Capacity {
        let (kind, holds, breaks) = match found {
            Found::Limit { holds, breaks } => (FoundKind::Limit, Some(holds), Some(breaks)),
            Found::AtLeast { holds, generator: false } => (FoundKind::AtLeast, Some(holds), None),
            Found::AtLeast { holds, generator: true } => (FoundKind::GeneratorLimit, Some(holds), None),
            Found::Below { breaks } => (FoundKind::Below, None, Some(breaks)),
            Found::Nothing { .. } => (FoundKind::Nothing, None, None),
        };
        let held = |one: &&Try| one.answer == Answer::Held;
        let at_limit = seen.tries.iter().filter(held).rfind(|one| Some(one.rate) == holds);
        let found = FoundRate { kind, holds, requests: at_limit.map(|one| one.requests_per_s), breaks };
        let points: Vec<Point> = seen
            .tries
            .iter()
            .filter(held)
            .filter(|one| holds.is_some_and(|holds| one.rate <= holds))
            .filter_map(|one| Some(Point { rate: one.rate, response_ms: one.avg_ms? }))
            .collect();
        let instances = plan.wanted.zip(holds).map(|((rate, headroom), holds)| {
            let each = holds * (1.0 - headroom);
            Instances { rate, headroom, each, number: (rate / each).ceil().max(1.0) as u64 }
        });
        let limit = match kind {
            FoundKind::Nothing => None,
            FoundKind::AtLeast => seen.confirmed.clone(),
            _ => seen.broken.clone().and_then(|(_, limit)| limit).or_else(|| seen.confirmed.clone()),
        };
        let verdict = verdict(plan, &found, &seen);
        Capacity {
            format: FORMAT,
            loadtest: env!("CARGO_PKG_VERSION").into(),
            scenario: test.name.clone(),
            file: test.file.display().to_string(),
            started: started.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
            target: self.ready.url.clone(),
            spec: plan.spec.clone(),
            objectives: test.thresholds.iter().map(|threshold| threshold.text.clone()).collect(),
            knee: knee(&points).zip(holds).map(|(point, holds)| Knee {
                rate: point.rate,
                response_ms: point.response_ms,
                share: point.rate / holds,
            }),
            found,
            limit,
            instances,
            warnings: seen.warnings,
            tries: seen.tries,
            verdict,
        }
    }
}

/// What a single iteration took; none without a success.
fn once(result: &RunResult) -> Option<Idle> {
    let response = successes(result)?;
    let iteration = result.scenarios.iter().filter_map(|scenario| scenario.duration);
    let iteration = iteration.map(|times| times.max_ms).fold(0.0, f64::max);
    Some(Idle {
        iteration: Duration::try_from_secs_f64(iteration / 1e3).unwrap_or_default(),
        response_ms: response.mean() / 1e6,
    })
}

fn tried(result: &RunResult, rate: f64, purpose: Purpose, judged: &Judged) -> Try {
    let response = successes(result);
    let percentile = |percent| response.as_ref().map(|all| all.value_at_percentile(percent) as f64 / 1e6);
    let totals = &result.totals;
    let finished = totals.success + totals.business + totals.failure;
    let watched = |name: &str, pick: fn(&crate::result::GaugeResult) -> Option<f64>| {
        let values = result.monitor.iter().filter_map(|source| gauge(source, name).and_then(pick));
        values.reduce(f64::max)
    };
    Try {
        rate,
        purpose,
        load_s: result.load_s,
        answer: judged.answer,
        reasons: judged.reasons.clone(),
        requests_per_s: totals.rate_per_s,
        avg_ms: response.as_ref().map(|all| all.mean() / 1e6),
        p50_ms: percentile(50.0),
        p95_ms: percentile(95.0),
        p99_ms: percentile(99.0),
        failures: if finished > 0 { totals.failure as f64 / finished as f64 } else { 0.0 },
        users: result.series.users.iter().copied().max().unwrap_or(0),
        cpu: watched("cpu", |cpu| cpu.p95),
        throttled: watched("throttled", |throttled| throttled.avg),
        memory_bytes: watched("memory", |memory| memory.max),
    }
}

/// How many users at once are enough to see that a rate does not hold: those who are there when every iteration
/// takes four times as long as objectives allow, and at least a second.
fn most_users(test: &Test, rate: f64, idle: Idle) -> u32 {
    let is_time = |threshold: &&Threshold| {
        threshold.metric == Metric::Latency
            && matches!(threshold.aggregate, Aggregate::Percentile(_) | Aggregate::Maximum)
    };
    let allowed =
        test.thresholds.iter().filter(is_time).map(|threshold| threshold.limit).fold(0.25, f64::max);
    let users = rate * (idle.iteration.as_secs_f64() + 4.0 * allowed);
    users.clamp(64.0, 20_000.0) as u32
}

/// What the test makes of a search for a rate.
fn warnings(test: &Test) -> Vec<String> {
    let mut warnings = Vec::new();
    for scenario in &test.scenarios {
        let is_open = matches!(scenario.load.shape, Shape::Arrivals { .. });
        if !is_open && !scenario.on_start.is_empty() {
            warnings.push(
                "every arrival is a new user, and so takes `on_start` each time: the mix of requests is another \
                 than with the load of the file"
                    .to_owned(),
            );
        }
    }
    warnings
}

fn verdict(plan: &Plan, found: &FoundRate, seen: &Seen) -> CapacityVerdict {
    let of = |exit: Exit, line: String| CapacityVerdict { exit_code: exit.code(), line };
    let why = |breaks: f64| {
        let broken =
            seen.tries.iter().rfind(|one| (one.rate - breaks).abs() < 1e-9 && one.answer != Answer::Held);
        broken.and_then(|one| one.reasons.first()).map(|reason| format!(": {reason}")).unwrap_or_default()
    };
    let requests = found.requests.map(|requests| format!(" ({} requests/s)", count(requests.round() as u64)));
    let requests = requests.unwrap_or_default();
    let line = match (found.kind, found.holds, found.breaks) {
        (FoundKind::Limit, Some(holds), Some(breaks)) => {
            format!("{}{requests} hold, {} do not{}", rate(holds), rate(breaks), why(breaks))
        }
        (FoundKind::GeneratorLimit, Some(holds), _) => {
            format!("{}{requests} hold; the generator cannot make more", rate(holds))
        }
        (_, Some(holds), _) => format!("{}{requests} hold; more was not tried", rate(holds)),
        (FoundKind::Below, _, Some(breaks)) => format!("not even {} hold{}", rate(breaks), why(breaks)),
        _ => "nothing was found".into(),
    };
    if seen.is_interrupted {
        return of(Exit::Interrupted, format!("INTERRUPTED (exit 130): {line}"));
    }
    if let Some(why) = &seen.lost {
        return of(Exit::NotReady, format!("NOT READY (exit 96): the target did not come back: {why}"));
    }
    match (found.kind, found.holds, plan.at_least) {
        (FoundKind::Nothing, ..) => {
            let weak = seen.tries.iter().rfind(|one| one.answer == Answer::Unusable);
            let why = match weak.and_then(|one| one.reasons.first()) {
                Some(reason) => format!("the generator could not make the load: {reason}"),
                None => "the target answers so differently from try to try that no limit was found".into(),
            };
            of(Exit::NotValid, format!("NOT VALID (exit 97): {why}"))
        }
        (FoundKind::GeneratorLimit, Some(holds), Some(least)) if holds < least => {
            of(Exit::NotValid, format!("NOT VALID (exit 97): {line}; {} were asked for", rate(least)))
        }
        (_, Some(holds), Some(least)) if holds < least => {
            of(Exit::ThresholdNotMet, format!("FAILED (exit 99): {line}; {} were asked for", rate(least)))
        }
        (_, None, _) => of(Exit::ThresholdNotMet, format!("FAILED (exit 99): {line}")),
        _ => of(Exit::Passed, line),
    }
}

impl std::fmt::Debug for Hunt<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hunt").field("ready", &self.ready).finish_non_exhaustive()
    }
}
