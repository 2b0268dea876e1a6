//! The program from outside: what it does with targets, signals, files and arguments, and how it ends.

#![expect(clippy::unwrap_used, reason = "a broken fixture is a broken test")]

#[path = "../support/mod.rs"]
mod support;

mod capacity;
mod commands;
mod compare;
mod connections;
mod control;
mod data;
mod ends;
mod faults;
mod language;
mod load;
mod monitor;
mod optional;
mod run;
mod scenarios;
mod secrets;
mod secure;
mod signals;
mod soundness;
mod system;
mod thresholds;
mod throttle;
mod turns;
