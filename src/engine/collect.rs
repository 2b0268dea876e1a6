//! Starts the workers, adds up what they hand over, and passes orders on.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};

use super::inject::Lane;
use super::worker::{Assignment, Control, HandOver, work};
use super::{Base, Prepared};
use crate::metrics::{Sample, Staged};
use crate::outcome::OwnFault;

/// A load under way.
#[derive(Debug)]
pub struct Running {
    hand_overs: mpsc::UnboundedReceiver<HandOver>,
    control: watch::Sender<Control>,
    threads: Vec<JoinHandle<()>>,
    /// The beginning of the load.
    pub epoch: Instant,
    open: BTreeMap<u32, Interval>,
    /// Workers that still run, and those that have handed each second over.
    workers: usize,
    handed: BTreeMap<u32, usize>,
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
    pub faults: Vec<(OwnFault, String)>,
    pub stop_run: bool,
}

impl Prepared {
    /// Starts the load on `workers` threads. `bases` are what `setup` left, by scenario.
    pub fn start(self: &Arc<Self>, bases: &[Base], workers: usize) -> io::Result<Running> {
        /// Until all threads are there; the first user comes when they are.
        const HEAD_START: Duration = Duration::from_millis(10);
        let epoch = Instant::now() + HEAD_START;
        let (sender, hand_overs) = mpsc::unbounded_channel();
        let (control, orders) = watch::channel(Control::Run);
        let shared_iterations: Arc<[AtomicU64]> = bases.iter().map(|_| AtomicU64::new(0)).collect();
        let mut threads = Vec::with_capacity(workers);
        for number in 0..workers {
            let assignment = Assignment {
                prepared: Arc::clone(self),
                bases: bases.to_vec(),
                lane: Lane {
                    number: number as u64,
                    of: workers as u64,
                    shared_iterations: Arc::clone(&shared_iterations),
                },
                epoch,
                control: orders.clone(),
                hand_overs: sender.clone(),
            };
            let thread = std::thread::Builder::new().name(format!("worker-{number}"));
            threads.push(thread.spawn(move || work(assignment))?);
        }
        Ok(Running {
            hand_overs,
            control,
            threads,
            epoch,
            open: BTreeMap::new(),
            workers,
            handed: BTreeMap::new(),
        })
    }
}

impl Running {
    /// The next second that all workers are through with; none when the load is over.
    pub async fn next(&mut self) -> Option<Interval> {
        loop {
            if let Some(mut first) = self.open.first_entry() {
                let second = *first.key();
                let complete = self.handed.get(&second).copied().unwrap_or(0) >= self.workers;
                if complete {
                    first.get_mut().second = second;
                    self.handed.remove(&second);
                    return Some(first.remove());
                }
            }
            let hand_over = self.hand_overs.recv().await?;
            self.take(hand_over);
        }
    }

    fn take(&mut self, from: HandOver) {
        if from.last {
            // What a worker counted in its last, short second stands by itself: it is through with all.
            self.workers -= 1;
        } else {
            *self.handed.entry(from.second).or_default() += 1;
        }
        let HandOver { second, interval, users, samples, faults, stop_run, .. } = from;
        match self.open.entry(second) {
            std::collections::btree_map::Entry::Vacant(place) => {
                place.insert(Interval { second, counted: interval, users, samples, faults, stop_run });
            }
            std::collections::btree_map::Entry::Occupied(mut place) => {
                let sum = place.get_mut();
                sum.counted.add(&interval);
                sum.users.iter_mut().zip(users).for_each(|(into, more)| *into += more);
                sum.samples.extend(samples);
                sum.faults.extend(faults);
                sum.stop_run |= stop_run;
            }
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
