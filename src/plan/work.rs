//! What one pass through some steps comes to, as far as the file alone says: requests and think time.

use std::ops::Add;

use crate::scenario::model::{Action, Step, StopWhat, Think};
use crate::template::{Value, ValueTemplate};

/// An expected amount that lies between two bounds; without the upper one, nobody can say how much it will be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Between {
    pub least: f64,
    pub most: Option<f64>,
}

impl Between {
    pub const NONE: Between = Between::exactly(0.0);

    pub const fn exactly(amount: f64) -> Between {
        Between { least: amount, most: Some(amount) }
    }

    /// The amount, where there is no doubt.
    pub fn exact(self) -> Option<f64> {
        self.most.filter(|most| (most - self.least).abs() < 1e-9)
    }

    /// It may not come to it at all.
    #[must_use]
    pub fn perhaps(self) -> Between {
        Between { least: 0.0, ..self }
    }

    #[must_use]
    pub fn times(self, other: Between) -> Between {
        let most = match (self.most, other.most) {
            (Some(one), Some(two)) => Some(one * two),
            // None of something is none, however often.
            (Some(0.0), None) | (None, Some(0.0)) => Some(0.0),
            _ => None,
        };
        Between { least: self.least * other.least, most }
    }

    /// One or the other.
    #[must_use]
    pub fn or(self, other: Between) -> Between {
        let most = self.most.zip(other.most).map(|(one, two)| one.max(two));
        Between { least: self.least.min(other.least), most }
    }

    /// No more than this.
    #[must_use]
    pub fn capped(self, cap: f64) -> Between {
        Between { least: self.least.min(cap), most: Some(self.most.map_or(cap, |most| most.min(cap))) }
    }
}

impl Add for Between {
    type Output = Between;

    fn add(self, other: Between) -> Between {
        let most = self.most.zip(other.most).map(|(one, two)| one + two);
        Between { least: self.least + other.least, most }
    }
}

/// What a pass comes to, if every request succeeds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Work {
    pub requests: Between,
    /// In seconds, the mean of what is drawn.
    pub think: Between,
}

impl Work {
    const NONE: Work = Work { requests: Between::NONE, think: Between::NONE };

    fn of_requests(number: f64) -> Work {
        Work { requests: Between::exactly(number), ..Work::NONE }
    }

    fn times(self, rounds: Between) -> Work {
        Work { requests: self.requests.times(rounds), think: self.think.times(rounds) }
    }

    fn or(self, other: Work) -> Work {
        Work { requests: self.requests.or(other.requests), think: self.think.or(other.think) }
    }

    fn perhaps(self) -> Work {
        Work { requests: self.requests.perhaps(), think: self.think.perhaps() }
    }

    fn and(self, other: Work) -> Work {
        Work { requests: self.requests + other.requests, think: self.think + other.think }
    }
}

/// What these steps come to, taken once. What a `chance` decides counts by its probability; what a condition
/// decides may come to nothing.
pub fn work(steps: &[Step]) -> Work {
    let mut sum = Work::NONE;
    let mut may_have_stopped = false;
    for step in steps {
        if !is_possible(step) {
            continue;
        }
        let mut own = of_action(&step.action);
        if let Some(chance) = step.chance {
            own = own.times(Between::exactly(chance.share()));
        }
        if step.when.as_ref().is_some_and(|when| when.constant().is_none()) || may_have_stopped {
            own = own.perhaps();
        }
        sum = sum.and(own);
        let is_sure = step.when.is_none() && step.chance.is_none();
        match &step.action {
            Action::Stop(StopWhat::Iteration | StopWhat::User | StopWhat::Run) if is_sure => break,
            action => may_have_stopped |= may_stop(action),
        }
    }
    sum
}

/// Whether a step can ever be taken where it stands.
pub(super) fn is_possible(step: &Step) -> bool {
    let never = step.when.as_ref().and_then(|when| when.constant()).is_some_and(|when| !when.is_true());
    let impossible = step.chance.is_some_and(|chance| chance.share() <= 0.0);
    !never && !impossible
}

/// How often the steps within an action are taken.
pub(super) fn rounds(action: &Action) -> Between {
    match action {
        Action::Repeat { times: ValueTemplate::Const(times), .. } => {
            times.as_usize().map_or(Between::NONE, |times| Between::exactly(times as f64))
        }
        Action::Repeat { .. } => Between { least: 0.0, most: None },
        Action::While { condition, at_most, .. } => match condition.constant() {
            Some(holds) if !holds.is_true() => Between::NONE,
            _ => Between { least: 0.0, most: at_most.map(|most| most as f64) },
        },
        Action::ForEach { list: ValueTemplate::List(items), .. } => Between::exactly(items.len() as f64),
        Action::ForEach { list: ValueTemplate::Const(list), .. } => {
            Between::exactly(list.len().unwrap_or_default() as f64)
        }
        Action::ForEach { .. } => Between { least: 0.0, most: None },
        Action::Poll(_) => Between { least: 1.0, most: None },
        _ => Between::exactly(1.0),
    }
}

fn of_action(action: &Action) -> Work {
    match action {
        Action::Request(_) => Work::of_requests(1.0),
        Action::Think(think) => {
            let mean = match think {
                Think::Constant(pause) => *pause,
                Think::Uniform { from, to } => (*from + *to) / 2,
                Think::Exponential { mean } => *mean,
            };
            Work { think: Between::exactly(mean.as_secs_f64()), ..Work::NONE }
        }
        Action::Group { steps, .. }
        | Action::Repeat { steps, .. }
        | Action::While { steps, .. }
        | Action::ForEach { steps, .. } => work(steps).times(rounds(action)),
        // What passes between two probes is the target's to decide, and no think time.
        Action::Poll(poll) => work(&poll.steps).times(rounds(action)),
        Action::If { condition, then, otherwise } => match condition.constant().map(Value::is_true) {
            Some(true) => work(then),
            Some(false) => work(otherwise),
            None => work(then).or(work(otherwise)),
        },
        Action::Choose(choices) => {
            let mut before = 0.0;
            choices.iter().fold(Work::NONE, |sum, choice| {
                let share = choice.below - before;
                before = choice.below;
                sum.and(work(&choice.steps).times(Between::exactly(share)))
            })
        }
        Action::Set(_)
        | Action::Collect(_)
        | Action::Check(_)
        | Action::Tally(_)
        | Action::Log { .. }
        | Action::Stop(_) => Work::NONE,
    }
}

/// Whether the iteration may end within.
fn may_stop(action: &Action) -> bool {
    matches!(action, Action::Stop(_))
        || action.blocks().into_iter().flatten().any(|step| may_stop(&step.action))
}

#[cfg(test)]
mod tests {
    use super::super::tests::test_of;
    use super::*;

    #[track_caller]
    fn work_of(flow: &str) -> (f64, Option<f64>, f64) {
        let test = test_of(&format!("load: {{ users: 1, duration: 1s }}\nflow:\n{flow}"));
        let Work { requests, think } = work(&test.scenarios[0].flow);
        (requests.least, requests.most, think.least)
    }

    #[test]
    fn what_is_sure_what_is_likely_and_what_nobody_knows() {
        for (flow, expected) in [
            ("  - get: /a\n  - get: /b\n  - think: 1s..3s\n", (2.0, Some(2.0), 2.0)),
            (
                "  - get: /a\n    chance: 25%\n  - think: { mean: 4s }\n    chance: 50%\n",
                (0.25, Some(0.25), 2.0),
            ),
            ("  - get: /a\n  - get: /b\n    when: status == 200\n", (1.0, Some(2.0), 0.0)),
            (
                "  - get: /a\n  - get: /b\n    when: false\n  - get: /c\n    chance: 0%\n",
                (1.0, Some(1.0), 0.0),
            ),
            ("  - repeat: 3\n    do:\n      - get: /a\n      - think: 1s\n", (3.0, Some(3.0), 3.0)),
            ("  - repeat: ${ random_int(1, 3) }\n    do:\n      - get: /a\n", (0.0, None, 0.0)),
            ("  - while: status != 200\n    at_most: 5\n    do:\n      - get: /a\n", (0.0, Some(5.0), 0.0)),
            ("  - while: status != 200\n    do:\n      - get: /a\n", (0.0, None, 0.0)),
            ("  - for_each: [1, 2, 3]\n    do:\n      - get: /a/${ item }\n", (3.0, Some(3.0), 0.0)),
            (
                "  - if: user.id > 1\n    then:\n      - get: /a\n      - get: /b\n    else:\n      - get: /c\n",
                (1.0, Some(2.0), 0.0),
            ),
            (
                "  - choose:\n      - { weight: 3, do: [{ get: /a }, { get: /b }] }\n      - { weight: 1, do: [{ get: /c }] }\n",
                (1.75, Some(1.75), 0.0),
            ),
            ("  - poll:\n      - get: /a\n    until: status == 200\n    at_most: 10s\n", (1.0, None, 0.0)),
            ("  - get: /a\n  - stop: iteration\n  - get: /b\n", (1.0, Some(1.0), 0.0)),
            ("  - get: /a\n  - stop: user\n    when: status == 500\n  - get: /b\n", (1.0, Some(2.0), 0.0)),
        ] {
            assert_eq!(work_of(flow), expected, "{flow}");
        }
    }
}
