//! Target, setup, load, verify, teardown; then the result, whatever happened before.

mod once;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use jiff::Timestamp;
use tokio::task::JoinSet;

use self::once::{Between, once};
use super::order::Order;
use super::{On, RunError, Settings, Stops, workers};
use crate::engine::{Interval, LogLine, Once, Prepared};
use crate::metrics::{Sample, Second, Staged, Watched, Windows};
use crate::outcome::OwnFault;
use crate::output::{Course, Mode, Progress, Said, say};
use crate::result::{
    DataRanOut, Ended, Facts, InvariantResult, LatencyLog, Redactor, RunResult, WriteError, harmless,
};
use crate::scenario::model::{Scenario, Shape, Start, TargetKind, Test};
use crate::target::{self, Monitor};
use crate::template::Shared;
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
    windows: Windows,
    samples: Vec<Sample>,
    watched: Watched,
    /// What `setup` and `verify` captured, for the reports to leave out.
    captured: Vec<String>,
    judgements: Vec<Judgement>,
    invariants: Vec<InvariantResult>,
    data_ran_out: Vec<DataRanOut>,
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
                TargetKind::Image(image) => image.name.clone(),
            },
            shared: None,
            totals: Staged::new(&test.catalog, test.scenarios.len()),
            seconds: Vec::new(),
            windows: Windows::new(&test.catalog),
            samples: Vec::new(),
            watched: Watched::default(),
            captured: Vec::new(),
            judgements: Vec::new(),
            invariants: Vec::new(),
            data_ran_out: Vec::new(),
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
                    ready = target::start(&test) => ready,
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
        let env = test.env.clone();
        let shared = Arc::new(Shared::new(self.seed, ready.url.clone(), ready.is_bundled, env));
        self.shared = Some(Arc::clone(&shared));
        let prepared = Prepared::new(Arc::clone(&test), &ready.origin, &ready.prefix, &ready.network, shared);
        let prepared = match prepared {
            Ok(prepared) => Arc::new(prepared),
            Err(error) => return Ok(self.without_load(Ended::SetupFailed(error.to_string()))),
        };

        let mut order = Order::new(&test);
        let mut ended = None;
        for number in order.first() {
            order.touch(number);
            let setup = tokio::select! {
                setup = once(&prepared, Once::Setup, number, None, None) => setup,
                () = stops.at_least(1) => {
                    // What it has made until now is for `teardown` to clean up.
                    ended = Some(Ended::Interrupted);
                    break;
                }
            };
            self.captured.extend(setup.captured);
            self.show_logs(&setup.logs);
            if !setup.problems.is_empty() {
                ended = Some(Ended::SetupFailed(setup.problems.join("; ")));
                break;
            }
            order.ready(number, setup.base);
        }
        let ended = match ended {
            Some(ended) => self.without_load(ended),
            None => {
                let monitor = Monitor::open(&test.monitor, ready).await;
                let ended = self.drive(&prepared, &mut order, monitor, log, stops).await?;
                let asked = stops.count();
                self.verify(&prepared, &order, stops).await;
                if stops.count() > asked { Ended::Interrupted } else { ended }
            }
        };
        let enough = stops.count() + 1;
        for number in order.touched() {
            tokio::select! {
                teardown = once(&prepared, Once::Teardown, number, order.base(number), None) => {
                    self.show_logs(&teardown.logs);
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
        order: &mut Order,
        mut monitor: Monitor,
        log: Option<&Path>,
        stops: &Stops,
    ) -> Result<Ended, RunError> {
        let test = Arc::clone(&self.test);
        let planned = LoadTime::planned(&test);
        let planned_end = Some(planned.end()).filter(|end| *end < Duration::MAX);
        let mut gate = Gate::new(&test.thresholds, &test.catalog, planned);
        let mut said = Said::new(&test);
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
        let cpu_before = usage::processor_time();
        let mut running = prepared.start(self.workers).map_err(RunError::Workers)?;
        let epoch = running.epoch;
        for number in order.first() {
            if let (Start::At(at), Some(base)) =
                (test.scenarios[usize::from(number)].start, order.base(number))
            {
                running.begin(number, epoch + at, base.clone());
                order.begun(number);
                progress.begin(number.into(), at);
            }
        }
        // What is done between two scenarios: `verify` of the one, `setup` of the next.
        let mut between = JoinSet::new();
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
                    between.abort_all();
                    running.drain(Instant::now() + grace);
                    continue;
                }
                () = stops.at_least(2), if !killed => {
                    killed = true;
                    running.kill();
                    continue;
                }
                Some(done) = between.join_next(), if !between.is_empty() => {
                    let Ok(Between { part, number, report }) = done else { continue };
                    let asked = self.after_once(part, number, &report);
                    if part == Once::Verify {
                        order.verified(number);
                        self.follow(order, number, prepared, &mut between);
                    } else if let Err(problem) = asked {
                        ended = Ended::SetupFailed(problem);
                        cut_short.get_or_insert(epoch.elapsed());
                        running.drain(Instant::now() + longest_grace(&test));
                    } else {
                        let at = Instant::now().max(epoch);
                        running.begin(number, at, report.base.clone());
                        order.ready(number, report.base);
                        order.begun(number);
                        gate.load_time().begin_scenario(number.into(), at - epoch);
                        progress.begin(number.into(), at - epoch);
                    }
                    continue;
                }
                interval = running.next() => interval,
            };
            let Some(interval) = interval else { break };
            let Interval { second, counted, users, samples, logs, faults, stop_run, ended: over } = interval;
            self.totals.add(&counted);
            self.windows.add(second, &counted);
            self.samples.extend(samples);
            self.seconds.push(Second::new(second, users.iter().sum(), &counted, &test.catalog));
            if let Some((path, log)) = &mut log
                && let Err(problem) = log.append(second, &counted, &test.catalog)
            {
                log_failed(&progress, path, problem);
            }
            for out in data_ran_out(prepared, epoch).into_iter().skip(self.data_ran_out.len()) {
                progress.say(&self.clean(&format!("warning: {out}")));
                self.data_ran_out.push(out);
            }
            for line in said.lines(&logs) {
                progress.say(&self.clean_of_secrets(&line));
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
            for (number, at) in over {
                gate.load_time().end_scenario(number.into(), at);
                if ended == Ended::Completed && order.has_followers(number) {
                    self.verify_between(order, number, prepared, &mut between);
                }
            }
            if stop_run && ended == Ended::Completed {
                ended = Ended::Stopped;
                cut_short.get_or_insert(epoch.elapsed());
                between.abort_all();
                running.drain(Instant::now() + longest_grace(&test));
            }
            if let Some(broken) =
                gate.tick(elapsed, &self.totals, &counted, &self.seconds, &monitor.watched())
                && ended == Ended::Completed
            {
                let text = test.thresholds.get(broken.threshold).map(|threshold| threshold.text.clone());
                ended = Ended::Aborted(text.unwrap_or_default());
                cut_short.get_or_insert(epoch.elapsed());
                between.abort_all();
                running.kill();
            }
        }
        let took = epoch.elapsed();
        self.stop_clock(cpu_before, took);
        self.watched = monitor.finish().await;
        progress.finish();
        self.load = gate.load_time().between(Duration::ZERO, cut_short.unwrap_or(took));
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
        let Session { totals, load, seconds, watched, .. } = &*self;
        let data = Data { totals, load, seconds, watched };
        self.judgements = gate.judge_all(&data);
    }

    /// What `log` steps said outside of the load.
    fn show_logs(&self, logs: &[LogLine]) {
        if self.settings.progress != Mode::Nothing {
            for line in Said::new(&self.test).lines(logs) {
                say(&self.clean_of_secrets(&line));
            }
        }
    }

    /// What a step was told to say: what it captured is shown, secrets never.
    fn clean_of_secrets(&self, text: &str) -> String {
        let secrets = self.shared.as_ref().map(|shared| shared.secrets()).unwrap_or_default();
        let none: &[String] = &[];
        harmless(&Redactor::new(&secrets, none).redact(text), false).into_owned()
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
            windows: &self.windows,
            watched: &self.watched,
            samples: &self.samples,
            judgements: &self.judgements,
            invariants: self.invariants.clone(),
            ended,
            load: &self.load,
            time_scale: self.settings.time_scale,
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
            data_ran_out: &self.data_ran_out,
            strict: self.settings.strict,
            captured: &captured,
        })
    }
}

/// The feeders that ran out so far, the first of them first.
fn data_ran_out(prepared: &Prepared, epoch: Instant) -> Vec<DataRanOut> {
    let out = prepared.ran_out().map(|(feeder, at)| DataRanOut {
        name: feeder.name.clone(),
        rows: feeder.rows.count(),
        at: at.saturating_duration_since(epoch),
    });
    let mut out: Vec<DataRanOut> = out.collect();
    out.sort_by_key(|out| out.at);
    out
}

fn courses(test: &Test) -> Vec<Course> {
    let course = |scenario: &Scenario| Course {
        name: scenario.name.clone(),
        begins: None,
        duration: match &scenario.load.shape {
            Shape::Users(profile) | Shape::Arrivals { profile, .. } => Some(profile.duration()),
            Shape::SharedIterations { .. } | Shape::OwnIterations { .. } => None,
        },
    };
    test.scenarios.iter().map(course).collect()
}

fn longest_grace(test: &Test) -> Duration {
    test.scenarios.iter().map(|scenario| scenario.load.graceful_stop).max().unwrap_or_default()
}
