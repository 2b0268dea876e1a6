//! Target, setup, load, verify, teardown; then the result, whatever happened before.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use jiff::Timestamp;

use super::{On, RunError, Settings, Stops, workers};
use crate::engine::{Base, Interval, Once, OnceReport, Prepared};
use crate::metrics::{Heat, Sample, Second, Staged, Watched};
use crate::outcome::OwnFault;
use crate::output::{Course, Progress, say};
use crate::result::{
    Ended, Facts, InvariantResult, InvariantState, LatencyLog, Redactor, RunResult, WriteError, harmless,
};
use crate::scenario::model::{Scenario, Shape, TargetKind, Test};
use crate::target::{self, Monitor};
use crate::template::{Env, Shared};
use crate::threshold::{Data, Gate, Judgement, LoadTime};
use crate::usage;

/// A run, from its first action to its last.
pub(super) struct Session<'a> {
    settings: &'a Settings,
    test: Arc<Test>,
    seed: u64,
    workers: usize,
    started: Timestamp,
    began: Instant,
    target_url: String,
    shared: Option<Arc<Shared>>,
    totals: Staged,
    seconds: Vec<Second>,
    heat: Heat,
    samples: Vec<Sample>,
    watched: Watched,
    /// What `setup` and `verify` captured, for the reports to leave out.
    captured: Vec<String>,
    judgements: Vec<Judgement>,
    invariants: Vec<InvariantResult>,
    load: LoadTime,
    cpu_time: Duration,
    cpu_share: Option<f64>,
}

impl<'a> Session<'a> {
    pub(super) fn new(settings: &'a Settings, test: Arc<Test>, started: Timestamp) -> Self {
        // Nine digits: random enough, and short enough to be typed again.
        let seed = settings
            .seed
            .unwrap_or_else(|| started.as_nanosecond().unsigned_abs() as u64 / 1000 % 1_000_000_000);
        Session {
            settings,
            seed,
            workers: workers(settings.workers, true),
            started,
            began: Instant::now(),
            target_url: match &test.target.kind {
                TargetKind::Url(url) => url.clone(),
                TargetKind::Bundled => "the bundled service".into(),
            },
            shared: None,
            totals: Staged::new(&test.catalog, test.scenarios.len()),
            seconds: Vec::new(),
            heat: Heat::default(),
            samples: Vec::new(),
            watched: Watched::default(),
            captured: Vec::new(),
            judgements: Vec::new(),
            invariants: Vec::new(),
            load: LoadTime::planned(&test).between(Duration::ZERO, Duration::ZERO),
            cpu_time: Duration::ZERO,
            cpu_share: None,
            test,
        }
    }

    pub(super) async fn run(
        &mut self,
        on: On<'_>,
        log: Option<&Path>,
        stops: &Stops,
    ) -> Result<Ended, RunError> {
        let test = Arc::clone(&self.test);
        let own;
        let ready = match on {
            On::Ready(ready) => ready,
            On::Its => {
                let ready = tokio::select! {
                    ready = target::start(&test.target) => ready,
                    () = stops.at_least(1) => return Ok(self.without_load(Ended::Interrupted)),
                };
                own = match ready {
                    Ok(ready) => ready,
                    Err(error) => return Ok(self.without_load(Ended::NotReady(error.to_string()))),
                };
                &own
            }
        };
        self.target_url.clone_from(&ready.url);
        self.workers = workers(self.settings.workers, ready.is_local);
        let env = Env { given: self.settings.env.clone() };
        let shared = Arc::new(Shared::new(self.seed, ready.url.clone(), ready.bundled.is_some(), env));
        self.shared = Some(Arc::clone(&shared));
        let prepared = Prepared::new(Arc::clone(&test), &ready.origin, &ready.prefix, shared);
        let prepared = match prepared {
            Ok(prepared) => Arc::new(prepared),
            Err(error) => return Ok(self.without_load(Ended::SetupFailed(error.to_string()))),
        };

        let mut bases = Vec::new();
        let mut ended = None;
        for number in 0..scenario_count(&test) {
            let setup = tokio::select! {
                setup = prepared.once(Once::Setup, number, None, None) => setup,
                () = stops.at_least(1) => {
                    // What it has made until now is for `teardown` to clean up.
                    ended = Some(Ended::Interrupted);
                    break;
                }
            };
            self.captured.extend(setup.captured);
            if !setup.problems.is_empty() {
                ended.get_or_insert(Ended::SetupFailed(setup.problems.join("; ")));
            }
            bases.push(setup.base);
        }
        let ended = match ended {
            Some(ended) => self.without_load(ended),
            None => {
                let monitor = Monitor::open(&test.monitor, ready).await;
                let ended = self.drive(&prepared, &bases, monitor, log, stops).await?;
                let asked = stops.count();
                self.verify(&prepared, &bases, stops).await;
                if stops.count() > asked { Ended::Interrupted } else { ended }
            }
        };
        let enough = stops.count() + 1;
        for number in 0..scenario_count(&test) {
            tokio::select! {
                teardown = prepared.once(Once::Teardown, number, bases.get(usize::from(number)), None) => {
                    for problem in teardown.problems {
                        say(&self.clean(&format!("warning: teardown: {problem}")));
                    }
                }
                () = stops.at_least(enough) => break,
            }
        }
        Ok(ended)
    }

    /// Judges a run that never came to its load: nothing was measured, and nothing was met.
    fn without_load(&mut self, ended: Ended) -> Ended {
        let test = Arc::clone(&self.test);
        self.judge(&Gate::new(&test.thresholds, &test.catalog, LoadTime::planned(&test)));
        ended
    }

    async fn drive(
        &mut self,
        prepared: &Arc<Prepared>,
        bases: &[Base],
        mut monitor: Monitor,
        log: Option<&Path>,
        stops: &Stops,
    ) -> Result<Ended, RunError> {
        let test = Arc::clone(&self.test);
        let planned = LoadTime::planned(&test);
        let mut gate = Gate::new(&test.thresholds, &test.catalog, planned.clone());
        let mut progress = Progress::start(self.settings.progress, &courses(&test));
        let mut is_told = false;
        // The log is a second record: a full disk must not end a run that is still measuring.
        let mut log_failed = |progress: &Progress, path: &Path, problem| {
            if !std::mem::replace(&mut is_told, true) {
                let error = WriteError { path: path.into(), problem };
                progress
                    .say(&format!("warning: {error}; the run goes on, and this log lacks what did not fit"));
            }
        };
        let mut log = log.and_then(|path| match LatencyLog::create(path, SystemTime::now()) {
            Ok(log) => Some((path, log)),
            Err(problem) => {
                log_failed(&progress, path, problem);
                None
            }
        });
        let planned_end = Some(planned.end()).filter(|end| *end < Duration::MAX);
        let cpu_before = usage::processor_time();
        let mut running = prepared.start(bases, self.workers).map_err(RunError::Workers)?;
        let epoch = running.epoch;
        monitor.start(epoch);
        let mut ended = Ended::Completed;
        // When the load was over, where that was before its planned end.
        let mut cut_short: Option<Duration> = None;
        let mut killed = false;
        loop {
            let interval = tokio::select! {
                biased;
                () = stops.at_least(1), if ended != Ended::Interrupted => {
                    ended = Ended::Interrupted;
                    cut_short.get_or_insert(epoch.elapsed());
                    let grace = longest_grace(&test);
                    progress.say(&format!(
                        "stopping: running iterations may take {} to end; Ctrl-C again stops at once",
                        crate::units::scenario_duration(grace)
                    ));
                    running.drain(Instant::now() + grace);
                    continue;
                }
                () = stops.at_least(2), if !killed => {
                    killed = true;
                    running.kill();
                    continue;
                }
                interval = running.next() => interval,
            };
            let Some(interval) = interval else { break };
            let Interval { second, counted, users, samples, faults, stop_run } = interval;
            self.totals.add(&counted);
            self.samples.extend(samples);
            self.seconds.push(Second::new(second, users.iter().sum(), &counted));
            self.heat.add(second, &counted);
            if let Some((path, log)) = &mut log
                && let Err(problem) = log.append(second, &counted, &test.catalog)
            {
                log_failed(&progress, path, problem);
            }
            for (fault, detail) in faults {
                progress.say(&self.clean(&format!("warning: {fault}: {detail}")));
            }
            for problem in monitor.problems() {
                progress
                    .say(&self.clean(&format!("warning: {problem}; the load goes on without its figures")));
            }
            let elapsed = Duration::from_secs(u64::from(second) + 1);
            if let Some(last) = self.seconds.last() {
                progress.tick(last, elapsed, planned_end);
            }
            if stop_run && ended == Ended::Completed {
                ended = Ended::Stopped;
                cut_short.get_or_insert(epoch.elapsed());
                running.drain(Instant::now() + longest_grace(&test));
            }
            if let Some(broken) = gate.tick(elapsed, &self.totals, &counted, &self.seconds)
                && ended == Ended::Completed
            {
                let text = test.thresholds.get(broken.threshold).map(|threshold| threshold.text.clone());
                ended = Ended::Aborted(text.unwrap_or_default());
                cut_short.get_or_insert(epoch.elapsed());
                running.kill();
            }
        }
        let took = epoch.elapsed();
        self.stop_clock(cpu_before, took);
        self.watched = monitor.finish().await;
        progress.finish();
        self.load = planned.between(Duration::ZERO, cut_short.unwrap_or(took));
        self.judge(&gate);
        if let Err(panic) = running.join() {
            // What the others counted still stands, but the run is none to believe.
            say(&self.clean(&format!("error: a worker broke down, and its last second is lost: {panic}")));
            self.totals.at(None).own_fault(OwnFault::System);
        }
        Ok(ended)
    }

    fn stop_clock(&mut self, cpu_before: Duration, took: Duration) {
        self.cpu_time = usage::processor_time().saturating_sub(cpu_before);
        let cores = self.workers.min(usage::cores()) as f64;
        let share = self.cpu_time.as_secs_f64() / (took.as_secs_f64() * cores);
        // Of a moment's load it says nothing: three requests keep a core busy while they last.
        self.cpu_share = (took >= Duration::from_secs(1)).then_some(share.min(1.0));
    }

    fn judge(&mut self, gate: &Gate<'_>) {
        let data = Data { totals: &self.totals, load: &self.load, seconds: &self.seconds };
        self.judgements = gate.judge_all(&data);
    }

    /// Asks whether the data is still right. A user who will not wait gets no answer, and no pass either.
    async fn verify(&mut self, prepared: &Arc<Prepared>, bases: &[Base], stops: &Stops) {
        let totals = self.totals.total();
        // One more than there were: whoever has waited for users to drain must not be taken to mean this too.
        let enough = stops.count() + 1;
        for number in 0..scenario_count(&self.test) {
            if self.test.scenarios[usize::from(number)].verify.is_empty() {
                continue;
            }
            let base = bases.get(usize::from(number));
            let report = tokio::select! {
                report = prepared.once(Once::Verify, number, base, Some(&totals)) => report,
                () = stops.at_least(enough) => OnceReport {
                    base: Arc::from([]),
                    checks: Vec::new(),
                    skipped: Vec::new(),
                    captured: Vec::new(),
                    problems: vec!["stopped before it was asked".into()],
                },
            };
            self.invariants.extend(invariants(&self.test, number, &report));
            self.captured.extend(report.captured);
        }
    }

    /// Words that may hold what a step said or was told: without secrets, and with nothing to drive a terminal.
    fn clean(&self, text: &str) -> String {
        let secrets = self.shared.as_ref().map(|shared| shared.secrets()).unwrap_or_default();
        harmless(&Redactor::new(&secrets, &self.captured).redact(text), false).into_owned()
    }

    pub(super) fn result(&self, ended: Ended) -> RunResult {
        let secrets = self.shared.as_ref().map(|shared| shared.secrets()).unwrap_or_default();
        let in_samples = self.samples.iter().flat_map(|sample| &sample.captured);
        let captured: Vec<String> = in_samples.chain(&self.captured).cloned().collect();
        RunResult::new(Facts {
            test: &self.test,
            totals: &self.totals,
            seconds: &self.seconds,
            heat: &self.heat,
            watched: &self.watched,
            samples: &self.samples,
            judgements: &self.judgements,
            invariants: self.invariants.clone(),
            ended,
            load: &self.load,
            command: &self.settings.command,
            seed: self.seed,
            workers: u32::try_from(self.workers).unwrap_or(u32::MAX),
            cpus: u32::try_from(usage::cores()).unwrap_or(u32::MAX),
            cpu_model: usage::processor_model(),
            memory_bytes: usage::memory(),
            started: self.started,
            wall: self.began.elapsed(),
            target_url: &self.target_url,
            cpu_time: self.cpu_time,
            cpu_share: self.cpu_share,
            peak_rss_bytes: usage::peak_resident(),
            secrets: &secrets,
            strict: self.settings.strict,
            captured: &captured,
        })
    }
}

/// The checks of `verify` by name: held, broken, or never asked.
fn invariants(test: &Test, scenario: u16, report: &OnceReport) -> Vec<InvariantResult> {
    let problem = (!report.problems.is_empty()).then(|| report.problems.join("; "));
    let mut results = Vec::new();
    for (index, info) in test.catalog.checks.iter().enumerate() {
        if !info.invariant || info.scenario != scenario {
            continue;
        }
        let mut seen = report.checks.iter().filter(|result| result.check.index() == index).peekable();
        let (state, detail) = if report.skipped.iter().any(|check| check.index() == index) {
            (InvariantState::Skipped, None)
        } else if seen.peek().is_none() {
            (InvariantState::NotAsked, problem.clone())
        } else {
            match seen.find(|result| !result.held) {
                Some(broken) => (InvariantState::Broken, broken.detail.clone()),
                None => (InvariantState::Held, None),
            }
        };
        results.push(InvariantResult { name: info.name.clone(), state, detail });
    }
    if results.is_empty()
        && let Some(problem) = problem
    {
        let name = "verify".to_owned();
        results.push(InvariantResult { name, state: InvariantState::NotAsked, detail: Some(problem) });
    }
    results
}

fn courses(test: &Test) -> Vec<Course> {
    let course = |scenario: &Scenario| Course {
        name: scenario.name.clone(),
        duration: match &scenario.load.shape {
            Shape::Users(profile) | Shape::Arrivals { profile, .. } => Some(profile.duration()),
            Shape::SharedIterations { .. } => None,
        },
    };
    test.scenarios.iter().map(course).collect()
}

fn scenario_count(test: &Test) -> u16 {
    u16::try_from(test.scenarios.len()).unwrap_or(u16::MAX)
}

fn longest_grace(test: &Test) -> Duration {
    test.scenarios.iter().map(|scenario| scenario.load.graceful_stop).max().unwrap_or_default()
}
