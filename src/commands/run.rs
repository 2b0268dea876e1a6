//! `loadtest run`: target, setup, load, verify, teardown; then the result, whatever happened before.

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use anyhow::Context as _;
use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::LocalSet;

use super::github;
use super::scenario::{self, print, show};
use crate::cli::RunArgs;
use crate::engine::{Base, Interval, Once, OnceReport, Prepared};
use crate::exit::Exit;
use crate::metrics::{Heat, Sample, Second, Staged};
use crate::outcome::OwnFault;
use crate::output::{Course, Mode, Progress};
use crate::report::{Lang, junit, markdown, terminal};
use crate::result::{
    Ended, Facts, InvariantResult, InvariantState, LatencyLog, Redactor, RunDirectory, RunResult, WriteError,
    harmless,
};
use crate::scenario::model::{Scenario, Shape, TargetKind, Test};
use crate::target;
use crate::template::{Env, Shared};
use crate::threshold::{Data, Gate, Judgement, LoadTime};
use crate::usage;

pub(super) fn run(args: &RunArgs) -> anyhow::Result<Exit> {
    let Some(test) = scenario::read(&args.scenario) else { return Ok(Exit::Usage) };
    usage::raise_open_files();
    let started = Timestamp::now();
    let directory = RunDirectory::create(&args.out, &test.name, started);
    let directory = directory.context("the result has no place to go; choose another with --out")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut session = Session::new(args, Arc::new(test), started);
    let ended = LocalSet::new().block_on(&runtime, session.run(&directory));
    // Without waiting for a name server that says nothing: whoever asked it has long had their timeout.
    runtime.shutdown_background();
    let ended = ended?;
    let result = session.result(ended);

    // Shown whether or not it could be written: where the disk is full, at least the table is there.
    let written = directory.write(&result).context("the result could not be written");
    if written.is_ok() {
        reports(&result, &directory, args.lang);
    }
    let style = scenario::style(args.scenario.no_color);
    let text =
        if args.quiet { format!("{}\n", result.verdict.line) } else { terminal::render(&result, style) };
    print(&text)?;
    github::tell(&result, args.lang)?;
    written?;
    if !args.quiet {
        print(&terminal::written(directory.path(), style))?;
    }
    Ok(Exit::from_code(result.verdict.exit_code))
}

/// Writes the reports beside the result. They can be made again from it, so that one that fails ends nothing.
fn reports(result: &RunResult, directory: &RunDirectory, lang: Lang) {
    let made = [
        ("report.md", Ok(markdown::render(result, lang))),
        ("junit.xml", junit::render(result).map_err(anyhow::Error::from)),
    ];
    for (name, text) in made {
        let written = text.and_then(|text| Ok(directory.write_report(name, &text)?));
        if let Err(error) = written {
            show(&format!("warning: {name}: {error:#}\n"));
        }
    }
}

/// A run, from its first action to its last.
struct Session<'a> {
    args: &'a RunArgs,
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
    /// What `setup` and `verify` captured, for the reports to leave out.
    captured: Vec<String>,
    judgements: Vec<Judgement>,
    invariants: Vec<InvariantResult>,
    load: LoadTime,
    cpu_time: Duration,
    cpu_share: Option<f64>,
}

impl<'a> Session<'a> {
    fn new(args: &'a RunArgs, test: Arc<Test>, started: Timestamp) -> Self {
        // Nine digits: random enough, and short enough to be typed again.
        let seed =
            args.seed.unwrap_or_else(|| started.as_nanosecond().unsigned_abs() as u64 / 1000 % 1_000_000_000);
        Session {
            args,
            seed,
            workers: scenario::workers(&args.scenario, true),
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
            captured: Vec::new(),
            judgements: Vec::new(),
            invariants: Vec::new(),
            load: LoadTime::planned(&test).between(Duration::ZERO, Duration::ZERO),
            cpu_time: Duration::ZERO,
            cpu_share: None,
            test,
        }
    }

    async fn run(&mut self, directory: &RunDirectory) -> anyhow::Result<Ended> {
        let test = Arc::clone(&self.test);
        let stops = Stops::listen();
        let ready = tokio::select! {
            ready = target::start(&test.target) => ready,
            () = stops.at_least(1) => return Ok(self.without_load(Ended::Interrupted)),
        };
        let ready = match ready {
            Ok(ready) => ready,
            Err(error) => return Ok(self.without_load(Ended::NotReady(error.to_string()))),
        };
        self.target_url.clone_from(&ready.url);
        self.workers = scenario::workers(&self.args.scenario, ready.is_local);
        let env = Env { given: self.args.scenario.env.clone() };
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
                let ended = self.drive(&prepared, &bases, directory, &stops).await?;
                let asked = stops.count();
                self.verify(&prepared, &bases, &stops).await;
                if stops.count() > asked { Ended::Interrupted } else { ended }
            }
        };
        let enough = stops.count() + 1;
        for number in 0..scenario_count(&test) {
            tokio::select! {
                teardown = prepared.once(Once::Teardown, number, bases.get(usize::from(number)), None) => {
                    for problem in teardown.problems {
                        show(&format!("{}\n", self.clean(&format!("warning: teardown: {problem}"))));
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
        directory: &RunDirectory,
        stops: &Stops,
    ) -> anyhow::Result<Ended> {
        let test = Arc::clone(&self.test);
        let planned = LoadTime::planned(&test);
        let mut gate = Gate::new(&test.thresholds, &test.catalog, planned.clone());
        let log_path = directory.latency_log();
        let mut progress = Progress::start(progress_mode(self.args.quiet), &courses(&test));
        let mut is_told = false;
        // The log is a second record: a full disk must not end a run that is still measuring.
        let mut log_failed = |progress: &Progress, problem| {
            if !std::mem::replace(&mut is_told, true) {
                let error = WriteError { path: log_path.clone(), problem };
                progress
                    .say(&format!("warning: {error}; the run goes on, and this log lacks what did not fit"));
            }
        };
        let log = LatencyLog::create(&log_path, SystemTime::now());
        let mut log = log.map_err(|problem| log_failed(&progress, problem)).ok();
        let planned_end = Some(planned.end()).filter(|end| *end < Duration::MAX);
        let cpu_before = usage::processor_time();
        let mut running = prepared.start(bases, self.workers).context("the workers could not be started")?;
        let epoch = running.epoch;
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
            if let Some(log) = &mut log
                && let Err(problem) = log.append(second, &counted, &test.catalog)
            {
                log_failed(&progress, problem);
            }
            for (fault, detail) in faults {
                progress.say(&self.clean(&format!("warning: {fault}: {detail}")));
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
        progress.finish();
        self.load = planned.between(Duration::ZERO, cut_short.unwrap_or(took));
        self.judge(&gate);
        if let Err(panic) = running.join() {
            // What the others counted still stands, but the run is none to believe.
            show(&self.clean(&format!("error: a worker broke down, and its last second is lost: {panic}\n")));
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

    fn result(&self, ended: Ended) -> RunResult {
        let secrets = self.shared.as_ref().map(|shared| shared.secrets()).unwrap_or_default();
        let in_samples = self.samples.iter().flat_map(|sample| &sample.captured);
        let captured: Vec<String> = in_samples.chain(&self.captured).cloned().collect();
        let command = command_line();
        RunResult::new(Facts {
            test: &self.test,
            totals: &self.totals,
            seconds: &self.seconds,
            heat: &self.heat,
            samples: &self.samples,
            judgements: &self.judgements,
            invariants: self.invariants.clone(),
            ended,
            load: &self.load,
            command: &command,
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
            strict: self.args.strict,
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

fn progress_mode(quiet: bool) -> Mode {
    match (quiet, std::io::stderr().is_terminal()) {
        (true, _) => Mode::Nothing,
        (false, true) => Mode::Bars,
        (false, false) => Mode::Lines,
    }
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

/// As it was typed, but for the values of `--env`: what of them is secret is known only to the steps that ask
/// for it, and a run may end before any did.
fn command_line() -> Vec<String> {
    let mut is_value = false;
    let shown = |word: std::ffi::OsString| {
        let word = word.to_string_lossy();
        let (flag, given) = match word.strip_prefix("--env=") {
            Some(given) => ("--env=", Some(given)),
            None => ("", is_value.then_some(&*word)),
        };
        let name = given.and_then(|given| given.split_once('=')).map(|(name, _)| name);
        is_value = word == "--env" && !is_value;
        name.map_or_else(|| word.to_string(), |name| format!("{flag}{name}=[redacted]"))
    };
    std::env::args_os().map(shown).collect()
}

/// How often the user asked to stop.
struct Stops(watch::Receiver<u32>);

impl Stops {
    fn listen() -> Stops {
        let (sender, receiver) = watch::channel(0);
        tokio::task::spawn_local(async move {
            loop {
                crate::signals::first().await;
                sender.send_modify(|count| *count += 1);
            }
        });
        Stops(receiver)
    }

    fn count(&self) -> u32 {
        *self.0.borrow()
    }

    /// Ready when there were as many; never where nobody listens.
    async fn at_least(&self, count: u32) {
        if self.0.clone().wait_for(|seen| *seen >= count).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
