//! What a report says, apart from how it is marked up: facts, tables and examples of one run, in one language.
//!
//! HTML and Markdown show the same; each writes a [`Table`] its own way.

mod drift;
mod failures;
mod judged;
mod load;
mod polls;
mod run;
mod steps;
mod table;
mod target;

pub(super) use drift::drift;
pub(super) use failures::{Failure, failures};
pub(super) use judged::{checks, invariants, thresholds};
pub(super) use load::{groups, iterations, metrics, requests};
pub(super) use polls::{places, polls, turns};
pub(super) use run::{Verdict, command, facts, machine, title, verdict};
pub(super) use steps::{steps, waiting};
pub(super) use table::{Cell, Column, Table, Tone, named, plain};
pub(super) use target::target;
