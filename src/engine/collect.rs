//! Starts the workers, adds up what they hand over, and passes orders on.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};

use super::inject::{Begin, Lane};
use super::log::LogLine;
use super::worker::{Assignment, Control, HandOver, work};
use super::{Base, Prepared};
use crate::metrics::{Sample, Staged};
use crate::outcome::OwnFault;
use crate::plan::users_before;

/// A load under way.
#[derive(Debug)]
pub struct Running {
    hand_overs: mpsc::UnboundedReceiver<HandOver>,
    control: watch::Sender<Control>,
    /// By the number of the scenario.
    begins: Vec<watch::Sender<Option<Begin>>>,
    threads: Vec<JoinHandle<()>>,
    /// The beginning of the load.
    pub epoch: Instant,
    open: BTreeMap<u32, Interval>,
    /// How many seconds each worker has handed over; all there are, once it is done.
    through: Vec<u32>,
    /// By the number of the scenario.
    ends: Vec<Ends>,
}

/// The workers that are done with a scenario.
#[derive(Debug, Clone, Copy, Default)]
struct Ends {
    workers: usize,
    latest: Duration,
}

/// One second of all workers.
#[derive(Debug)]
pub struct Interval {
    /// Since the beginning of the load.
    pub second: u32,
    pub counted: Staged,
    /// Users of each scenario at its end.
    pub users: Vec<u64>,
    pub samples: Vec<Sample>,
    pub logs: Vec<LogLine>,
    pub faults: Vec<(OwnFault, String)>,
    pub stop_run: bool,
    /// Scenarios that are over, and when that was, since the beginning of the load. Nothing of theirs comes
    /// after this second.
    pub ended: Vec<(u16, Duration)>,
}

impl Prepared {
    /// Starts `workers` threads; a scenario's load begins where it is [told to](Running::begin).
    pub fn start(self: &Arc<Self>, workers: usize) -> io::Result<Running> {
        /// Until all threads are there; the first user comes when they are.
        const HEAD_START: Duration = Duration::from_millis(3);
        let epoch = Instant::now() + HEAD_START;
        let (sender, hand_overs) = mpsc::unbounded_channel();
        let (control, orders) = watch::channel(Control::Run);
        let scenarios = &self.test.scenarios;
        let shared_iterations: Arc<[AtomicU64]> = scenarios.iter().map(|_| AtomicU64::new(0)).collect();
        let users_before: Arc<[u64]> = users_before(scenarios).into();
        let begins: Vec<_> = scenarios.iter().map(|_| watch::Sender::new(None)).collect();
        let mut threads = Vec::with_capacity(workers);
        for number in 0..workers {
            let assignment = Assignment {
                prepared: Arc::clone(self),
                begins: begins.iter().map(watch::Sender::subscribe).collect(),
                lane: Lane {
                    number: number as u64,
                    of: workers as u64,
                    shared_iterations: Arc::clone(&shared_iterations),
                    users_before: Arc::clone(&users_before),
                },
                epoch,
                control: orders.clone(),
                hand_overs: sender.clone(),
            };
            let thread = std::thread::Builder::new().name(format!("worker-{number}"));
            threads.push(thread.spawn(move || work(assignment))?);
        }
        let ends = vec![Ends::default(); scenarios.len()];
        let (open, through) = (BTreeMap::new(), vec![0; workers]);
        Ok(Running { hand_overs, control, begins, threads, epoch, open, through, ends })
    }
}

impl Running {
    /// The next second that all workers are through with; none when the load is over.
    pub async fn next(&mut self) -> Option<Interval> {
        loop {
            if let Some(first) = self.open.first_entry() {
                let second = *first.key();
                if self.through.iter().all(|&through| through > second) {
                    let mut interval = first.remove();
                    let ended = std::mem::take(&mut interval.ended);
                    interval.ended = self.with_all_workers(ended);
                    return Some(interval);
                }
            }
            let hand_over = self.hand_overs.recv().await?;
            self.take(hand_over);
        }
    }

    fn take(&mut self, from: HandOver) {
        let HandOver { worker, second, interval, users, samples, logs, faults, stop_run, ended, last } = from;
        if let Some(through) = self.through.get_mut(worker) {
            *through = if last { u32::MAX } else { second + 1 };
        }
        match self.open.entry(second) {
            std::collections::btree_map::Entry::Vacant(place) => {
                let counted = interval;
                place.insert(Interval { second, counted, users, samples, logs, faults, stop_run, ended });
            }
            std::collections::btree_map::Entry::Occupied(mut place) => {
                let sum = place.get_mut();
                sum.counted.add(&interval);
                sum.users.iter_mut().zip(users).for_each(|(into, more)| *into += more);
                sum.samples.extend(samples);
                sum.logs.extend(logs);
                sum.faults.extend(faults);
                sum.stop_run |= stop_run;
                sum.ended.extend(ended);
            }
        }
    }

    /// Which scenarios all workers are done with now, given with whom one more is.
    fn with_all_workers(&mut self, ended: Vec<(u16, Duration)>) -> Vec<(u16, Duration)> {
        let mut over = Vec::new();
        for (scenario, at) in ended {
            let Some(ends) = self.ends.get_mut(usize::from(scenario)) else { continue };
            ends.workers += 1;
            ends.latest = ends.latest.max(at);
            if ends.workers == self.through.len() {
                over.push((scenario, ends.latest));
            }
        }
        over
    }

    /// Lets the load of a scenario begin at `at`. `base` is what its `setup` left.
    pub fn begin(&self, scenario: u16, at: Instant, base: Base) {
        if let Some(begin) = self.begins.get(usize::from(scenario)) {
            begin.send_replace(Some(Begin { at, base }));
        }
    }

    /// No new iterations; running ones may take until `until`.
    pub fn drain(&self, until: Instant) {
        self.control.send_replace(Control::Drain { until });
    }

    /// Stops at once.
    pub fn kill(&self) {
        self.control.send_replace(Control::Kill);
    }

    /// Waits for the threads; after [`Running::next`] has given none.
    pub fn join(self) -> Result<(), String> {
        for thread in self.threads {
            if let Err(panic) = thread.join() {
                let text = panic.downcast_ref::<String>().cloned();
                let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
                return Err(text.unwrap_or_else(|| "a worker ended without saying why".into()));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::model::{Catalog, RowId, RowInfo};

    fn catalog() -> Catalog {
        let row = RowInfo { name: "r".into(), scenario: 0, groups: vec![], business: vec![] };
        Catalog { rows: vec![row], ..Catalog::default() }
    }

    fn hand_over(worker: usize, second: u32, attempted: u64, last: bool) -> HandOver {
        let mut interval = Staged::new(&catalog(), 1);
        (0..attempted).for_each(|_| interval.at(None).attempt(RowId(0)));
        HandOver {
            worker,
            second,
            interval,
            users: vec![1],
            samples: Vec::new(),
            logs: Vec::new(),
            faults: Vec::new(),
            stop_run: false,
            ended: if last { vec![(0, Duration::from_millis(u64::from(second)))] } else { Vec::new() },
            last,
        }
    }

    /// One that is done early must not make a second of another, slower one look complete.
    #[tokio::test]
    async fn each_second_comes_once_and_whole() {
        let (sender, hand_overs) = mpsc::unbounded_channel();
        let (control, _orders) = watch::channel(Control::Run);
        let mut running = Running {
            hand_overs,
            control,
            begins: Vec::new(),
            threads: Vec::new(),
            epoch: Instant::now(),
            open: BTreeMap::new(),
            through: vec![0; 2],
            ends: vec![Ends::default()],
        };
        let order = [
            hand_over(0, 0, 1, false),
            hand_over(0, 1, 1, false),
            hand_over(0, 2, 1, true),
            hand_over(1, 0, 2, false),
            hand_over(1, 1, 2, false),
            hand_over(1, 2, 2, false),
            hand_over(1, 3, 2, true),
        ];
        order.into_iter().for_each(|one| sender.send(one).unwrap());
        drop(sender);
        let mut seen = Vec::new();
        while let Some(interval) = running.next().await {
            let attempted = interval.counted.total().rows[0].attempted;
            seen.push((interval.second, attempted, interval.users[0], interval.ended.len()));
        }
        // The scenario is over with the last of its workers, and not with the first.
        assert_eq!(seen, [(0, 3, 2, 0), (1, 3, 2, 0), (2, 3, 2, 0), (3, 2, 1, 1)]);
    }
}
