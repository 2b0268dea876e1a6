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
    /// How many seconds each worker has handed over; all there are, once it is done.
    through: Vec<u32>,
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
        const HEAD_START: Duration = Duration::from_millis(3);
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
        Ok(Running { hand_overs, control, threads, epoch, open: BTreeMap::new(), through: vec![0; workers] })
    }
}

impl Running {
    /// The next second that all workers are through with; none when the load is over.
    pub async fn next(&mut self) -> Option<Interval> {
        loop {
            if let Some(first) = self.open.first_entry() {
                let second = *first.key();
                if self.through.iter().all(|&through| through > second) {
                    return Some(first.remove());
                }
            }
            let hand_over = self.hand_overs.recv().await?;
            self.take(hand_over);
        }
    }

    fn take(&mut self, from: HandOver) {
        let HandOver { worker, second, interval, users, samples, faults, stop_run, last } = from;
        if let Some(through) = self.through.get_mut(worker) {
            *through = if last { u32::MAX } else { second + 1 };
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::model::{Catalog, RowId, RowInfo};

    fn catalog() -> Catalog {
        let row =
            RowInfo { name: "r".into(), scenario: 0, groups: vec![], optional: false, business: vec![] };
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
            faults: Vec::new(),
            stop_run: false,
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
            threads: Vec::new(),
            epoch: Instant::now(),
            open: BTreeMap::new(),
            through: vec![0; 2],
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
            seen.push((interval.second, attempted, interval.users[0]));
        }
        assert_eq!(seen, [(0, 3, 2), (1, 3, 2), (2, 3, 2), (3, 2, 1)]);
    }
}
