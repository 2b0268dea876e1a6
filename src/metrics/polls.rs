//! What is counted of polls, and of users who wait for their turn.

use super::times::{Amounts, Times};

/// The polls of one name: `started = got + given up + abandoned + ended + interrupted`, at the end of a run.
#[derive(Debug, Clone, Default)]
pub struct PollRecord {
    pub started: u64,
    /// How long those took that got what they waited for, from when their first probe was due.
    pub got: Times,
    /// How long those had taken that gave up.
    pub given_up: Times,
    /// How long those had waited who left.
    pub abandoned: Times,
    /// A step of a probe ended the iteration: a failure, a business outcome, `stop`, something missing.
    pub ended: u64,
    /// The user had to go, or was cut off.
    pub interrupted: u64,
    /// Places in the queue, as answers told them.
    pub position: Amounts,
}

impl PollRecord {
    /// Those that came to an end of their own.
    pub fn finished(&self) -> u64 {
        self.got.count() + self.given_up.count() + self.abandoned.count()
    }

    /// Those that are over, in whatever way.
    pub fn over(&self) -> u64 {
        self.finished() + self.ended + self.interrupted
    }

    pub(super) fn add(&mut self, other: &PollRecord) {
        let PollRecord { started, got, given_up, abandoned, ended, interrupted, position } = other;
        self.started += started;
        self.got.add(got);
        self.given_up.add(given_up);
        self.abandoned.add(abandoned);
        self.ended += ended;
        self.interrupted += interrupted;
        self.position.add(position);
    }

    pub(super) fn clear(&mut self) {
        let PollRecord { started, got, given_up, abandoned, ended, interrupted, position } = self;
        for number in [started, ended, interrupted] {
            *number = 0;
        }
        for times in [got, given_up, abandoned] {
            times.clear();
        }
        position.clear();
    }
}
