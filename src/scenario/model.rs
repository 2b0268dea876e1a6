//! The typed scenario: what `check` makes of a file, and all that the rest of the program knows of it.
//!
//! Everything here is checked and resolved: names are slots, rows and ids (small integers), templates are
//! compiled, quantities have units. What cannot be run cannot be written down in these types.

mod catalog;
mod data;
mod http;
mod load;
mod poll;
mod request;
mod target;

use std::path::PathBuf;
use std::time::Duration;

pub use self::catalog::*;
pub use self::data::*;
pub use self::http::*;
pub use self::load::*;
pub use self::poll::*;
pub use self::request::*;
pub use self::target::*;
use crate::scenario::monitor::Watch;
use crate::scenario::threshold::Threshold;
use crate::template::{Env, Expr, Slot, TextTemplate, ValueTemplate};
use crate::units::Percent;

/// One file, checked.
#[derive(Debug)]
pub struct Test {
    pub name: String,
    pub description: Option<String>,
    /// The file it came from, as the user named it.
    pub file: PathBuf,
    /// What `env()` and `secret()` read: the same when it is checked and when it runs.
    pub env: Env,
    pub target: Target,
    pub http: Http,
    /// What `data` names, in the order of the file; an index is a [`FeederId`].
    pub data: Vec<Feeder>,
    /// The loads of the file; the top-level `load` + `flow` is one named like the file.
    pub scenarios: Vec<Scenario>,
    pub thresholds: Vec<Threshold>,
    /// What is watched while the load runs; the bundled service is without being asked for.
    pub monitor: Vec<Watch>,
    pub catalog: Catalog,
}

impl Test {
    /// What holds for the requests of a scenario.
    pub fn http_of(&self, scenario: usize) -> &Http {
        self.scenarios.get(scenario).and_then(|scenario| scenario.http.as_ref()).unwrap_or(&self.http)
    }

    /// Whether anybody trusts servers that nobody checks.
    pub fn is_insecure(&self) -> bool {
        let own = self.scenarios.iter().filter_map(|scenario| scenario.http.as_ref());
        own.chain([&self.http]).any(|http| http.network.tls.insecure)
    }
}

/// One load and what its users do.
#[derive(Debug)]
pub struct Scenario {
    pub name: String,
    pub start: Start,
    /// Whether its samples count where no filter says which do. A warm-up's do not.
    pub is_measured: bool,
    pub load: Load,
    /// Evaluated once, in this order, before `setup`.
    pub vars: Vec<(Slot, ValueTemplate)>,
    /// Once, before the load; what it captures and collects, every user sees.
    pub setup: Vec<Step>,
    /// Once per user; its captures live with the user.
    pub on_start: Vec<Step>,
    /// What a user does, again and again; its captures live with one iteration.
    pub flow: Vec<Step>,
    /// Once, after the load has drained; before `teardown`.
    pub verify: Vec<Step>,
    /// Once, at the very end, also after a failure or an interruption.
    pub teardown: Vec<Step>,
    /// The names of all variables and captures; a [`Slot`] is an index into it.
    pub slots: Vec<String>,
    /// What holds for its requests, where it says that itself.
    pub http: Option<Http>,
    pub feeds: Feeds,
    /// The slots that `flow` fills: emptied (set back to what `setup` and `on_start` left) at each iteration.
    pub flow_slots: Vec<Slot>,
}

/// One action of a user.
#[derive(Debug)]
pub struct Step {
    /// The name as reports show it.
    pub name: String,
    /// Line in the file, from 1; for messages at run time.
    pub line: u32,
    pub when: Option<Expr>,
    pub chance: Option<Percent>,
    /// Names this step cannot do without. Where one has no value, the iteration ends as cut.
    pub needs: Vec<Slot>,
    pub action: Action,
}

#[derive(Debug)]
pub enum Action {
    Request(Box<RequestStep>),
    Think(Think),
    Group {
        group: GroupId,
        steps: Vec<Step>,
    },
    Repeat {
        times: ValueTemplate,
        steps: Vec<Step>,
    },
    While {
        condition: Expr,
        at_most: Option<u64>,
        steps: Vec<Step>,
    },
    /// Once for each item of a list, which is in the slot meanwhile.
    ForEach {
        list: ValueTemplate,
        item: Slot,
        steps: Vec<Step>,
    },
    If {
        condition: Expr,
        then: Vec<Step>,
        otherwise: Vec<Step>,
    },
    /// One of several ways, by their weights.
    Choose(Vec<Choice>),
    /// Again and again until something holds, or time is up.
    Poll(Box<Poll>),
    Set(Vec<(Slot, ValueTemplate)>),
    Collect(Vec<(Slot, ValueTemplate)>),
    Check(Vec<(CheckId, Expr)>),
    Tally(Vec<Tally>),
    Log {
        id: LogId,
        text: TextTemplate,
    },
    Stop(StopWhat),
}

/// One way of a `choose`.
#[derive(Debug)]
pub struct Choice {
    /// A draw below this, and not below that of the choice before, takes it; the last one's is 1.
    pub below: f64,
    pub steps: Vec<Step>,
}

impl Action {
    /// The lists of steps within it, in the order of the file.
    pub fn blocks(&self) -> Vec<&[Step]> {
        match self {
            Action::Group { steps, .. }
            | Action::Repeat { steps, .. }
            | Action::While { steps, .. }
            | Action::ForEach { steps, .. } => vec![steps],
            Action::If { then, otherwise, .. } => vec![then, otherwise],
            Action::Choose(choices) => choices.iter().map(|choice| choice.steps.as_slice()).collect(),
            Action::Poll(poll) => vec![&poll.steps],
            Action::Request(_)
            | Action::Think(_)
            | Action::Set(_)
            | Action::Collect(_)
            | Action::Check(_)
            | Action::Tally(_)
            | Action::Log { .. }
            | Action::Stop(_) => Vec::new(),
        }
    }

    /// The same, to be changed.
    pub fn blocks_mut(&mut self) -> Vec<&mut [Step]> {
        match self {
            Action::Group { steps, .. }
            | Action::Repeat { steps, .. }
            | Action::While { steps, .. }
            | Action::ForEach { steps, .. } => vec![steps],
            Action::If { then, otherwise, .. } => vec![then, otherwise],
            Action::Choose(choices) => choices.iter_mut().map(|choice| choice.steps.as_mut_slice()).collect(),
            Action::Poll(poll) => vec![&mut poll.steps],
            Action::Request(_)
            | Action::Think(_)
            | Action::Set(_)
            | Action::Collect(_)
            | Action::Check(_)
            | Action::Tally(_)
            | Action::Log { .. }
            | Action::Stop(_) => Vec::new(),
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum Think {
    Constant(Duration),
    Uniform { from: Duration, to: Duration },
    Exponential { mean: Duration },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopWhat {
    Iteration,
    User,
    Run,
}

/// A sample for a metric of the user's own.
#[derive(Debug)]
pub struct Tally {
    pub metric: CustomId,
    /// `count`: how much to add; `observe`: the value; `share`: whether it holds.
    pub value: Expr,
}
