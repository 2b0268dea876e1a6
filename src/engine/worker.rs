//! One worker: a thread with its own runtime, its users, and what it counts.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashSet};
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Notify, mpsc, watch};
use tokio::task::LocalSet;

use super::inject::{Begin, Lane, inject};
use super::log::{LogBook, LogLine};
use super::throttle::Throttle;
use super::timer::Timer;
use super::user::User;
use super::wire::Scratch;
use super::{Prepared, PreparedScenario};
use crate::data::Block;
use crate::http::Pool;
use crate::http::request::Outgoing;
use crate::metrics::{Recorder, Sample, Staged};
use crate::outcome::{Cause, OwnFault};
use crate::plan;
use crate::scenario::model::{Action, CheckId, Connections, Shape, StageId, Step, StepId};
use crate::template::{Expr, Scope};

/// What the coordinator tells its workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Control {
    Run,
    /// Begin nothing new; running iterations may end until then.
    Drain {
        until: Instant,
    },
    /// Stop at once.
    Kill,
}

/// What a worker counted in one second.
#[derive(Debug)]
pub(super) struct HandOver {
    /// Who hands over.
    pub(super) worker: usize,
    /// Since the beginning of the load.
    pub(super) second: u32,
    pub(super) interval: Staged,
    /// Users of each scenario at its end.
    pub(super) users: Vec<u64>,
    pub(super) samples: Vec<Sample>,
    /// The first of each fault of our own, in words.
    pub(super) faults: Vec<(OwnFault, String)>,
    /// What `log` steps said, as far as it is shown.
    pub(super) logs: Vec<LogLine>,
    /// A step said `stop: run`.
    pub(super) stop_run: bool,
    /// Scenarios whose last user on this worker is done, and when that was, since the beginning of the load.
    pub(super) ended: Vec<(u16, Duration)>,
    /// The worker is done.
    pub(super) last: bool,
}

/// The state of a worker. Users share it; all of them live on its thread.
#[derive(Debug)]
pub(super) struct Worker {
    /// Its place among the workers of a load.
    number: usize,
    pub(super) prepared: Arc<Prepared>,
    pub(super) timer: Timer,
    /// The beginning of the load.
    epoch: Instant,
    /// That of each scenario's own.
    begins: Vec<Cell<Instant>>,
    ended: RefCell<Vec<(u16, Duration)>>,
    recorder: RefCell<Staged>,
    /// By scenario; none where requests go out as they come.
    throttles: Vec<Option<Throttle>>,
    pub(super) scratch: RefCell<Scratch>,
    /// Boxed: they go from here to a user and back for each request.
    #[expect(clippy::vec_box)]
    buffers: RefCell<Vec<Box<Outgoing>>>,
    /// By scenario, where users share connections; empty where nobody does.
    pools: Vec<Option<Rc<RefCell<Pool<Timer>>>>>,
    pub(super) samples: RefCell<Vec<Sample>>,
    pub(super) sampled: RefCell<HashSet<(StepId, Cause)>>,
    faults: RefCell<BTreeMap<OwnFault, String>>,
    /// Faults whose words were handed over already.
    told: RefCell<HashSet<OwnFault>>,
    /// For `setup`, `verify` and `teardown`: checks and problems, in their order.
    pub(super) checks: RefCell<Vec<super::CheckResult>>,
    pub(super) problems: RefCell<Vec<String>>,
    /// Who their requests said that they are, for reports to leave out.
    pub(super) credentials: RefCell<Vec<String>>,
    pub(super) skipped: RefCell<Vec<CheckId>>,
    pub(super) logs: RefCell<LogBook>,
    /// Users of each scenario.
    users: RefCell<Vec<u64>>,
    is_draining: Cell<bool>,
    pub(super) draining: Notify,
    stop_run: Cell<bool>,
    /// What was read last of each feeder's rows.
    pub(super) blocks: RefCell<Vec<Block>>,
    /// By scenario: whether somebody found no row left.
    out_of_data: RefCell<Vec<bool>>,
    pub(super) part: Part,
}

/// Which part of a test a worker is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// The load: requests and checks are counted.
    Load,
    /// `setup`, `verify` or `teardown`: checks and problems are noted one by one.
    Once(super::Once),
}

impl Worker {
    /// Within a tokio runtime.
    pub(super) fn new(
        number: usize,
        prepared: Arc<Prepared>,
        epoch: Instant,
        part: Part,
    ) -> io::Result<Worker> {
        let scenarios = prepared.test.scenarios.len();
        let blocks = prepared.test.data.iter().map(|_| Block::default()).collect();
        Ok(Worker {
            number,
            recorder: RefCell::new(Staged::new(&prepared.test.catalog, scenarios)),
            throttles: match part {
                Part::Load => {
                    let limits = prepared.scenarios.iter().map(|scenario| scenario.limit.clone());
                    limits.map(|limit| limit.map(Throttle::new)).collect()
                }
                // What is done once is no load.
                Part::Once(_) => prepared.scenarios.iter().map(|_| None).collect(),
            },
            pools: pools(&prepared),
            prepared,
            timer: Timer::new()?,
            epoch,
            begins: vec![Cell::new(epoch); scenarios],
            ended: RefCell::default(),
            scratch: RefCell::default(),
            buffers: RefCell::default(),
            samples: RefCell::default(),
            sampled: RefCell::default(),
            faults: RefCell::default(),
            told: RefCell::default(),
            checks: RefCell::default(),
            problems: RefCell::default(),
            credentials: RefCell::default(),
            skipped: RefCell::default(),
            logs: RefCell::default(),
            users: RefCell::new(vec![0; scenarios]),
            is_draining: Cell::new(false),
            draining: Notify::new(),
            stop_run: Cell::new(false),
            blocks: RefCell::new(blocks),
            out_of_data: RefCell::new(vec![false; scenarios]),
            part,
        })
    }

    /// The load of a scenario begins at `at`.
    pub(super) fn begin(&self, scenario: u16, at: Instant) {
        if let Some(begins) = self.begins.get(usize::from(scenario)) {
            begins.set(at);
        }
    }

    /// The beginning of the load of all.
    pub(super) fn epoch(&self) -> Instant {
        self.epoch
    }

    pub(super) fn began(&self, scenario: u16) -> Instant {
        self.begins.get(usize::from(scenario)).map_or(self.epoch, Cell::get)
    }

    /// Ready when the run drains; at once where it does already.
    pub(super) async fn until_draining(&self) {
        // Asked for before it is looked at, so that nothing comes between.
        let notified = self.draining.notified();
        if !self.is_draining() {
            notified.await;
        }
    }

    pub(super) fn record(&self, stage: Option<StageId>, count: impl FnOnce(&mut Recorder)) {
        if self.part == Part::Load {
            count(self.recorder.borrow_mut().at(stage));
        }
    }

    /// The named stage to which something due at `at` belongs.
    pub(super) fn stage_at(&self, scenario: u16, at: Instant) -> Option<StageId> {
        let test = &self.prepared.test;
        if test.catalog.stages.is_empty() {
            return None;
        }
        let (Shape::Users(profile) | Shape::Arrivals { profile, .. }) =
            &test.scenarios[usize::from(scenario)].load.shape
        else {
            return None;
        };
        let seconds = at.saturating_duration_since(self.began(scenario)).as_secs_f64();
        profile.stages.get(plan::stage_at(profile, seconds)).and_then(|stage| stage.name)
    }

    /// Notes how late something began that was due at `due`.
    pub(super) fn late(&self, scenario: u16, due: Instant, now: Instant) {
        let stage = self.stage_at(scenario, due);
        let lateness = now.saturating_duration_since(due);
        self.record(stage, |recorder| recorder.scenarios[usize::from(scenario)].lateness.record(lateness));
    }

    /// The cap on a scenario's requests.
    pub(super) fn throttle(&self, scenario: u16) -> Option<&Throttle> {
        self.throttles.get(usize::from(scenario)).and_then(Option::as_ref)
    }

    pub(super) fn checked(
        &self,
        stage: Option<StageId>,
        scope: &mut Box<Scope>,
        check: CheckId,
        held: bool,
        expr: &Expr,
    ) {
        if self.part == Part::Load {
            self.record(stage, |recorder| recorder.check(check, held));
        } else {
            let detail = (!held).then(|| expr.explain(scope));
            self.checks.borrow_mut().push(super::CheckResult { check, held, detail });
        }
    }

    pub(super) fn own_fault(&self, user: &User, fault: OwnFault, detail: String) {
        if self.part == Part::Load {
            let stage = self.stage_at(user.scenario, user.cursor);
            self.record(stage, |recorder| recorder.own_fault(fault));
            self.faults.borrow_mut().entry(fault).or_insert(detail);
        } else {
            self.note_problem(detail);
        }
    }

    /// The checks of steps that a condition left out: nobody wanted them asked.
    pub(super) fn note_skipped(&self, steps: &[Step]) {
        if self.part == Part::Load {
            return;
        }
        super::walk(steps, &mut |step| {
            let checks = match &step.action {
                Action::Request(request) => &request.expect.checks,
                Action::Check(checks) => checks,
                _ => return,
            };
            self.skipped.borrow_mut().extend(checks.iter().map(|(check, _)| *check));
        });
    }

    pub(super) fn note_problem(&self, problem: String) {
        self.problems.borrow_mut().push(problem);
    }

    pub(super) fn is_retired(&self, user: &User) -> bool {
        // The cursor is the time of the user's last doing, good enough here and cheaper than the clock.
        self.is_draining.get() || user.retire_at.is_some_and(|at| user.cursor >= at)
    }

    pub(super) fn is_draining(&self) -> bool {
        self.is_draining.get()
    }

    pub(super) fn note_out_of_data(&self, scenario: u16) {
        if let Some(out) = self.out_of_data.borrow_mut().get_mut(usize::from(scenario)) {
            *out = true;
        }
    }

    /// Whether a user of this scenario found no row left: who comes later finds none either.
    pub(super) fn is_out_of_data(&self, scenario: u16) -> bool {
        self.out_of_data.borrow().get(usize::from(scenario)).copied().unwrap_or_default()
    }

    pub(super) fn ask_to_stop_run(&self) {
        self.stop_run.set(true);
    }

    /// Counts one user more, until what it returns is dropped.
    pub(super) fn count_user(self: &Rc<Self>, scenario: u16) -> impl Drop + use<> {
        struct Counted(Rc<Worker>, usize);
        impl Drop for Counted {
            fn drop(&mut self) {
                self.0.users.borrow_mut()[self.1] -= 1;
            }
        }
        self.users.borrow_mut()[usize::from(scenario)] += 1;
        Counted(Rc::clone(self), usize::from(scenario))
    }

    pub(super) fn take_buffer(&self) -> Box<Outgoing> {
        self.buffers.borrow_mut().pop().unwrap_or_default()
    }

    pub(super) fn give_buffer(&self, buffer: Box<Outgoing>) {
        /// A large body must not stay with every buffer.
        const KEPT: usize = 64 * 1024;
        if buffer.text.capacity() <= KEPT {
            self.buffers.borrow_mut().push(buffer);
        }
    }

    /// Lends a user what it needs for an exchange, where connections are shared.
    pub(super) fn lend_connections(&self, user: &mut User) {
        if let Some(pool) = self.pool_of(user) {
            pool.borrow_mut().lend(&mut user.connections);
        }
    }

    pub(super) fn take_connections_back(&self, user: &mut User) {
        if let Some(pool) = self.pool_of(user) {
            pool.borrow_mut().take_back(&mut user.connections);
        }
    }

    fn pool_of(&self, user: &User) -> Option<&RefCell<Pool<Timer>>> {
        self.pools.get(usize::from(user.scenario))?.as_deref()
    }

    /// What a user does with its connections when an iteration is over, or its `on_start`.
    pub(super) fn let_go_of_connections(&self, user: &mut User) {
        if self.prepared.scenarios[usize::from(user.scenario)].connections == Connections::Fresh {
            user.connections.close();
        }
    }

    fn drain(&self) {
        self.is_draining.set(true);
        self.draining.notify_waiters();
    }

    fn hand_over(&self, second: u32, last: bool) -> HandOver {
        let test = &self.prepared.test;
        let fresh = Staged::new(&test.catalog, test.scenarios.len());
        let mut told = self.told.borrow_mut();
        let faults = std::mem::take(&mut *self.faults.borrow_mut());
        HandOver {
            worker: self.number,
            second,
            interval: std::mem::replace(&mut *self.recorder.borrow_mut(), fresh),
            users: self.users.borrow().clone(),
            samples: std::mem::take(&mut *self.samples.borrow_mut()),
            logs: self.logs.borrow_mut().hand_over(),
            faults: faults.into_iter().filter(|(fault, _)| told.insert(*fault)).collect(),
            stop_run: self.stop_run.get(),
            ended: std::mem::take(&mut *self.ended.borrow_mut()),
            last,
        }
    }
}

/// For each scenario whose users share connections, the pool that they have; the same one for those that go the
/// same way. Empty where nobody shares.
fn pools(prepared: &Prepared) -> Vec<Option<Rc<RefCell<Pool<Timer>>>>> {
    let shares = |scenario: &PreparedScenario| scenario.connections == Connections::Shared;
    if !prepared.scenarios.iter().any(shares) {
        return Vec::new();
    }
    let mut pools: Vec<Option<Rc<RefCell<Pool<Timer>>>>> = Vec::new();
    for scenario in &prepared.scenarios {
        let before = prepared.scenarios.iter().zip(&pools);
        let mut known = before.filter(|(other, _)| Arc::ptr_eq(&other.network, &scenario.network));
        let known = known.find_map(|(_, pool)| pool.clone());
        let new = || Rc::new(RefCell::new(Pool::default()));
        pools.push(shares(scenario).then(|| known.unwrap_or_else(new)));
    }
    pools
}

/// What a worker's thread is given.
pub(super) struct Assignment {
    pub(super) prepared: Arc<Prepared>,
    /// For each scenario.
    pub(super) begins: Vec<watch::Receiver<Option<Begin>>>,
    pub(super) lane: Lane,
    pub(super) epoch: Instant,
    pub(super) control: watch::Receiver<Control>,
    pub(super) hand_overs: mpsc::UnboundedSender<HandOver>,
}

/// The life of a worker's thread. Whatever happens, its last hand-over is sent.
pub(super) fn work(assignment: Assignment) {
    let Assignment { prepared, begins, lane, epoch, mut control, hand_overs } = assignment;
    let number = usize::try_from(lane.number).unwrap_or(usize::MAX);
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    // All that happens on time is woken by the worker's own timer.
    runtime.enable_io();
    #[cfg(not(target_os = "linux"))]
    runtime.enable_time();
    let started = runtime.build().and_then(|runtime| {
        let _inside = runtime.enter();
        let worker = Rc::new(Worker::new(number, Arc::clone(&prepared), epoch, Part::Load)?);
        Ok((runtime, worker))
    });
    let (runtime, worker) = match started {
        Ok(started) => started,
        Err(error) => {
            let test = &prepared.test;
            let _ = hand_overs.send(HandOver {
                worker: number,
                second: 0,
                interval: Staged::new(&test.catalog, test.scenarios.len()),
                users: vec![0; test.scenarios.len()],
                samples: Vec::new(),
                logs: Vec::new(),
                faults: vec![(OwnFault::System, format!("a worker could not start: {error}"))],
                stop_run: true,
                ended: Vec::new(),
                last: true,
            });
            return;
        }
    };
    let local = LocalSet::new();
    let second = local.block_on(&runtime, async {
        let driver = Rc::clone(&worker);
        tokio::task::spawn_local(async move { driver.timer.drive().await });
        let mut injectors = tokio::task::JoinSet::new();
        for (number, begin) in (0..).zip(begins) {
            injectors.spawn_local(inject(Rc::clone(&worker), number, begin, lane.clone()));
        }
        let mut second = 0;
        let mut kill_at: Option<Instant> = None;
        let mut running = true;
        while running {
            let next = epoch + Duration::from_secs(u64::from(second) + 1);
            let killed = kill_at.unwrap_or(next);
            tokio::select! {
                biased;
                () = worker.timer.sleep_until(killed), if kill_at.is_some() => running = false,
                () = worker.timer.sleep_until(next) => {
                    // Nobody listens any more where the coordinator is gone: then there is nobody to run for.
                    running = hand_overs.send(worker.hand_over(second, false)).is_ok();
                    second += 1;
                }
                changed = control.changed() => match changed.map(|()| *control.borrow_and_update()) {
                    Ok(Control::Run) => {}
                    Ok(Control::Drain { until }) => {
                        kill_at = Some(until);
                        worker.drain();
                    }
                    Ok(Control::Kill) | Err(_) => running = false,
                },
                done = injectors.join_next() => match done {
                    Some(Ok(scenario)) => worker.ended.borrow_mut().push((scenario, epoch.elapsed())),
                    Some(Err(_)) => {}
                    None => running = false,
                },
            }
        }
        second
    });
    // Whoever still runs is cut off here; their guards count what was under way as interrupted.
    drop(local);
    let _ = hand_overs.send(worker.hand_over(second, true));
    drop(worker);
    // Without waiting for a name server that says nothing: whoever asked it has long had their timeout.
    runtime.shutdown_background();
}
