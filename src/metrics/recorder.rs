//! One worker's counters for one interval; the same shape, added up, is the totals of a run.

use std::collections::BTreeMap;
use std::time::Duration;

use super::polls::PollRecord;
use super::times::{Amounts, Times};
use crate::outcome::{Cause, Outcome, OwnFault};
use crate::scenario::model::{Catalog, CheckId, CustomId, CustomKind, GroupId, PollId, RowId, StepId};

/// Everything that is measured, by the numbers of the catalog.
#[derive(Debug, Clone, Default)]
pub struct Recorder {
    pub rows: Vec<RowRecord>,
    pub groups: Vec<Times>,
    pub polls: Vec<PollRecord>,
    pub checks: Vec<Tried>,
    pub customs: Vec<Custom>,
    pub scenarios: Vec<ScenarioRecord>,
    pub own_faults: BTreeMap<OwnFault, u64>,
}

/// The requests of one row.
#[derive(Debug, Clone, Default)]
pub struct RowRecord {
    /// Requests that were begun. At the end of a run `attempted = success + business + failure + interrupted`.
    pub attempted: u64,
    pub success: Cell,
    /// By the number of the business outcome.
    pub business: Vec<Cell>,
    /// By cause; few, so looked up by going through them.
    pub failures: Vec<(Cause, Cell)>,
    /// Cut off by the end of the run, or kept from being sent by a fault of our own.
    pub interrupted: u64,
    /// Bytes went out and no whole answer came back: the target may have done it or not.
    pub in_doubt: u64,
    pub bytes_sent: u64,
    pub bytes_received: u64,
}

/// The samples of one outcome of one row.
#[derive(Debug, Clone, Default)]
pub struct Cell {
    /// From when the request was due.
    pub response: Times,
    /// From the first byte written.
    pub service: Times,
    /// From the first byte written to the first byte read.
    pub ttfb: Times,
    /// Opening the connection, where this request had to.
    pub connect: Times,
    pub tls: Times,
}

/// How often something held.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tried {
    pub passed: u64,
    pub failed: u64,
}

/// A metric of the user's own.
#[derive(Debug, Clone)]
pub enum Custom {
    Count { sum: f64, samples: u64 },
    Observe(Amounts),
    Share(Tried),
}

/// The iterations of one scenario.
#[derive(Debug, Clone, Default)]
pub struct ScenarioRecord {
    /// Of iterations that came to their end.
    pub iterations: Times,
    pub started: u64,
    /// Ended early for want of a capture.
    pub cut: u64,
    /// Ended by a user who would wait for a turn no longer.
    pub abandoned: u64,
    /// Ended early by a failure, a business outcome or `stop`.
    pub ended_early: u64,
    /// Still running when the time to stop was over.
    pub interrupted: u64,
    /// Arrivals that found `max_users` busy.
    pub dropped: u64,
    /// How late arrivals and waking users began: the generator's own tardiness.
    pub lateness: Times,
    /// How long requests waited for the throttle, of those that had to.
    pub throttled: Times,
}

/// A finished exchange, as measured.
#[derive(Debug, Clone, Copy, Default)]
pub struct Exchange {
    pub response: Duration,
    /// None where not a byte was written.
    pub service: Option<Duration>,
    pub ttfb: Option<Duration>,
    pub connect: Option<Duration>,
    pub tls: Option<Duration>,
    pub bytes_sent: u64,
    pub bytes_received: u64,
    /// Bytes went out, and no whole answer came back.
    pub in_doubt: bool,
}

/// A failed exchange, or a poll that gave up, kept as an example of its cause.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    pub step: StepId,
    pub cause: Cause,
    /// Since the beginning of the load.
    pub at: Duration,
    /// `POST /api/v1/queues`, values filled in.
    pub request: String,
    pub status: Option<u16>,
    /// What happened, in words.
    pub detail: String,
    /// The beginning of the answer's body.
    pub body: String,
    /// What the user had captured by then: left out where the sample is shown.
    pub captured: Vec<String>,
}

impl Recorder {
    pub fn new(catalog: &Catalog, scenarios: usize) -> Self {
        let row = |row: &crate::scenario::model::RowInfo| RowRecord {
            business: vec![Cell::default(); row.business.len()],
            ..RowRecord::default()
        };
        let custom = |kind| match kind {
            CustomKind::Count => Custom::Count { sum: 0.0, samples: 0 },
            CustomKind::Observe => Custom::Observe(Amounts::default()),
            CustomKind::Share => Custom::Share(Tried::default()),
        };
        Recorder {
            rows: catalog.rows.iter().map(row).collect(),
            groups: vec![Times::default(); catalog.groups.len()],
            polls: vec![PollRecord::default(); catalog.polls.len()],
            checks: vec![Tried::default(); catalog.checks.len()],
            customs: catalog.customs.iter().map(|info| custom(info.kind)).collect(),
            scenarios: vec![ScenarioRecord::default(); scenarios],
            own_faults: BTreeMap::new(),
        }
    }

    pub fn attempt(&mut self, row: RowId) {
        self.rows[row.index()].attempted += 1;
    }

    pub fn interrupt(&mut self, row: RowId, in_doubt: bool) {
        let row = &mut self.rows[row.index()];
        row.interrupted += 1;
        row.in_doubt += u64::from(in_doubt);
    }

    pub fn own_fault(&mut self, fault: OwnFault) {
        *self.own_faults.entry(fault).or_default() += 1;
    }

    pub fn answer(&mut self, row: RowId, outcome: Outcome, exchange: &Exchange) {
        let row = &mut self.rows[row.index()];
        row.bytes_sent += exchange.bytes_sent;
        row.bytes_received += exchange.bytes_received;
        row.in_doubt += u64::from(exchange.in_doubt);
        let cell = match outcome {
            Outcome::Success => &mut row.success,
            Outcome::Business(number) => &mut row.business[usize::from(number)],
            Outcome::Failure(cause) => row.failure(cause),
        };
        cell.response.record(exchange.response);
        for (times, time) in [
            (&mut cell.service, exchange.service),
            (&mut cell.ttfb, exchange.ttfb),
            (&mut cell.connect, exchange.connect),
            (&mut cell.tls, exchange.tls),
        ] {
            if let Some(time) = time {
                times.record(time);
            }
        }
    }

    pub fn check(&mut self, check: CheckId, held: bool) {
        self.checks[check.index()].add(held);
    }

    pub fn group(&mut self, group: GroupId, time: Duration) {
        self.groups[group.index()].record(time);
    }

    pub fn poll(&mut self, poll: PollId) -> &mut PollRecord {
        &mut self.polls[poll.index()]
    }

    /// Takes a sample of a custom metric: an amount, or for a share whether it is not 0.
    pub fn tally(&mut self, metric: CustomId, value: f64) {
        match &mut self.customs[metric.index()] {
            Custom::Count { sum, samples } => {
                *sum += value;
                *samples += 1;
            }
            Custom::Observe(amounts) => amounts.record(value),
            Custom::Share(tried) => tried.add(value != 0.0),
        }
    }

    /// Adds all of `other`, which is of the same catalog.
    pub fn add(&mut self, other: &Recorder) {
        fn each<T>(into: &mut [T], from: &[T], add: impl Fn(&mut T, &T)) {
            into.iter_mut().zip(from).for_each(|(into, from)| add(into, from));
        }
        each(&mut self.rows, &other.rows, RowRecord::add);
        each(&mut self.groups, &other.groups, Times::add);
        each(&mut self.polls, &other.polls, PollRecord::add);
        each(&mut self.checks, &other.checks, |into, from| {
            into.passed += from.passed;
            into.failed += from.failed;
        });
        each(&mut self.customs, &other.customs, Custom::add);
        each(&mut self.scenarios, &other.scenarios, ScenarioRecord::add);
        for (fault, count) in &other.own_faults {
            *self.own_faults.entry(*fault).or_default() += count;
        }
    }

    /// Forgets everything, keeps the memory.
    pub fn clear(&mut self) {
        self.rows.iter_mut().for_each(RowRecord::clear);
        self.groups.iter_mut().for_each(Times::clear);
        self.polls.iter_mut().for_each(PollRecord::clear);
        self.checks.fill(Tried::default());
        self.customs.iter_mut().for_each(Custom::clear);
        self.scenarios.iter_mut().for_each(ScenarioRecord::clear);
        self.own_faults.clear();
    }
}

impl RowRecord {
    fn failure(&mut self, cause: Cause) -> &mut Cell {
        let place = self.failures.iter().position(|(known, _)| *known == cause).unwrap_or_else(|| {
            self.failures.push((cause, Cell::default()));
            self.failures.len() - 1
        });
        &mut self.failures[place].1
    }

    pub fn successes(&self) -> u64 {
        self.success.count()
    }

    pub fn refusals(&self) -> u64 {
        self.business.iter().map(Cell::count).sum()
    }

    pub fn failed(&self) -> u64 {
        self.failures.iter().map(|(_, cell)| cell.count()).sum()
    }

    /// Requests with an outcome: all but interrupted ones.
    pub fn finished(&self) -> u64 {
        self.successes() + self.refusals() + self.failed()
    }

    fn add(&mut self, other: &RowRecord) {
        self.attempted += other.attempted;
        self.interrupted += other.interrupted;
        self.in_doubt += other.in_doubt;
        self.bytes_sent += other.bytes_sent;
        self.bytes_received += other.bytes_received;
        self.success.add(&other.success);
        self.business.iter_mut().zip(&other.business).for_each(|(into, from)| into.add(from));
        for (cause, cell) in &other.failures {
            self.failure(*cause).add(cell);
        }
    }

    fn clear(&mut self) {
        let RowRecord {
            attempted,
            success,
            business,
            failures,
            interrupted,
            in_doubt,
            bytes_sent,
            bytes_received,
        } = self;
        for number in [attempted, interrupted, in_doubt, bytes_sent, bytes_received] {
            *number = 0;
        }
        success.clear();
        business.iter_mut().for_each(Cell::clear);
        failures.iter_mut().for_each(|(_, cell)| cell.clear());
    }
}

impl Cell {
    pub fn count(&self) -> u64 {
        self.response.count()
    }

    pub fn add(&mut self, other: &Cell) {
        self.response.add(&other.response);
        self.service.add(&other.service);
        self.ttfb.add(&other.ttfb);
        self.connect.add(&other.connect);
        self.tls.add(&other.tls);
    }

    fn clear(&mut self) {
        let Cell { response, service, ttfb, connect, tls } = self;
        for times in [response, service, ttfb, connect, tls] {
            times.clear();
        }
    }
}

impl Tried {
    pub fn add(&mut self, held: bool) {
        if held {
            self.passed += 1;
        } else {
            self.failed += 1;
        }
    }

    pub fn total(self) -> u64 {
        self.passed + self.failed
    }

    /// The share that held; none where nothing was tried.
    pub fn share(self) -> Option<f64> {
        (self.total() > 0).then(|| self.passed as f64 / self.total() as f64)
    }
}

impl Custom {
    fn add(&mut self, other: &Custom) {
        match (self, other) {
            (Custom::Count { sum, samples }, Custom::Count { sum: more, samples: further }) => {
                *sum += more;
                *samples += further;
            }
            (Custom::Observe(into), Custom::Observe(from)) => into.add(from),
            (Custom::Share(into), Custom::Share(from)) => {
                into.passed += from.passed;
                into.failed += from.failed;
            }
            // Recorders of one catalog have the same kinds in the same places.
            _ => {}
        }
    }

    fn clear(&mut self) {
        match self {
            Custom::Count { sum, samples } => (*sum, *samples) = (0.0, 0),
            Custom::Observe(amounts) => amounts.clear(),
            Custom::Share(tried) => *tried = Tried::default(),
        }
    }
}

impl ScenarioRecord {
    fn add(&mut self, other: &ScenarioRecord) {
        self.iterations.add(&other.iterations);
        self.lateness.add(&other.lateness);
        self.throttled.add(&other.throttled);
        self.started += other.started;
        self.cut += other.cut;
        self.abandoned += other.abandoned;
        self.ended_early += other.ended_early;
        self.interrupted += other.interrupted;
        self.dropped += other.dropped;
    }

    fn clear(&mut self) {
        let ScenarioRecord {
            iterations,
            started,
            cut,
            abandoned,
            ended_early,
            interrupted,
            dropped,
            lateness,
            throttled,
        } = self;
        for number in [started, cut, abandoned, ended_early, interrupted, dropped] {
            *number = 0;
        }
        iterations.clear();
        lateness.clear();
        throttled.clear();
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::scenario::model::RowInfo;

    pub(in crate::metrics) fn catalog() -> Catalog {
        let row = RowInfo {
            name: "reserve".into(),
            scenario: 0,
            groups: vec![],
            optional: false,
            business: vec!["taken".into()],
        };
        Catalog { rows: vec![row], stages: vec!["peak".into()], ..Catalog::default() }
    }

    pub(in crate::metrics) fn took(millis: u64) -> Exchange {
        Exchange {
            response: Duration::from_millis(millis),
            bytes_sent: 10,
            bytes_received: 20,
            ..Exchange::default()
        }
    }

    #[test]
    fn each_outcome_has_its_own_distribution() {
        let mut recorder = Recorder::new(&catalog(), 1);
        let row = RowId(0);
        for (outcome, millis) in [
            (Outcome::Success, 50),
            (Outcome::Business(0), 1),
            (Outcome::Business(0), 1),
            (Outcome::Failure(Cause::Status(500)), 3),
            (Outcome::Failure(Cause::Reset), 3),
        ] {
            recorder.attempt(row);
            recorder.answer(row, outcome, &took(millis));
        }
        recorder.attempt(row);
        recorder.interrupt(row, true);
        let record = &recorder.rows[0];
        assert_eq!((record.successes(), record.refusals(), record.failed()), (1, 2, 2));
        assert_eq!(record.attempted, record.finished() + record.interrupted);
        assert_eq!(record.success.response.percentile(50.0).unwrap().as_millis(), 50);
        assert_eq!((record.bytes_sent, record.bytes_received, record.in_doubt), (50, 100, 1));
    }
}
