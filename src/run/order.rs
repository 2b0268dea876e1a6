//! Which scenarios there are, which of them have begun, and which come after which.

use std::time::Duration;

use crate::engine::Base;
use crate::scenario::model::{Start, Test};

/// The scenarios of a test on their way through a run, by their numbers.
#[derive(Debug)]
pub(super) struct Order {
    states: Vec<State>,
}

#[derive(Debug)]
struct State {
    /// The one whose end it waits for.
    after: Option<u16>,
    /// Its `setup` was begun.
    is_touched: bool,
    /// What `setup` left.
    base: Option<Base>,
    has_begun: bool,
    is_verified: bool,
}

impl Order {
    pub(super) fn new(test: &Test) -> Order {
        let states = test.scenarios.iter().map(|scenario| State {
            after: match scenario.start {
                Start::At(_) => None,
                Start::After { scenario, .. } => Some(scenario),
            },
            is_touched: false,
            base: None,
            has_begun: false,
            is_verified: false,
        });
        Order { states: states.collect() }
    }

    fn those(&self, wanted: impl Fn(&State) -> bool) -> Vec<u16> {
        (0..).zip(&self.states).filter(|(_, state)| wanted(state)).map(|(number, _)| number).collect()
    }

    fn change(&mut self, number: u16, change: impl FnOnce(&mut State)) {
        self.states.get_mut(usize::from(number)).map(change);
    }

    /// Those that wait for no other: their `setup` comes before the load.
    pub(super) fn first(&self) -> Vec<u16> {
        self.those(|state| state.after.is_none())
    }

    pub(super) fn has_followers(&self, number: u16) -> bool {
        self.states.iter().any(|state| state.after == Some(number))
    }

    /// Those that wait for this one, and for how long beyond.
    pub(super) fn followers(&self, test: &Test, number: u16) -> Vec<(u16, Duration)> {
        let followers = self.those(|state| state.after == Some(number));
        let delay = |next: u16| match test.scenarios.get(usize::from(next)).map(|scenario| scenario.start) {
            Some(Start::After { delay, .. }) => delay,
            _ => Duration::ZERO,
        };
        followers.into_iter().map(|next| (next, delay(next))).collect()
    }

    /// Its `setup` begins: from now on its `teardown` is owed.
    pub(super) fn touch(&mut self, number: u16) {
        self.change(number, |state| state.is_touched = true);
    }

    pub(super) fn touched(&self) -> Vec<u16> {
        self.those(|state| state.is_touched)
    }

    /// Its `setup` is done.
    pub(super) fn ready(&mut self, number: u16, base: Base) {
        self.change(number, |state| state.base = Some(base));
    }

    pub(super) fn base(&self, number: u16) -> Option<&Base> {
        self.states.get(usize::from(number)).and_then(|state| state.base.as_ref())
    }

    pub(super) fn begun(&mut self, number: u16) {
        self.change(number, |state| state.has_begun = true);
    }

    pub(super) fn has_begun(&self, number: u16) -> bool {
        self.states.get(usize::from(number)).is_some_and(|state| state.has_begun)
    }

    pub(super) fn verified(&mut self, number: u16) {
        self.change(number, |state| state.is_verified = true);
    }

    pub(super) fn not_verified(&self) -> Vec<u16> {
        self.those(|state| !state.is_verified)
    }
}
