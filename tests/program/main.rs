//! The program from outside: what it does with targets, signals, files and arguments, and how it ends.

#![expect(clippy::unwrap_used, reason = "a broken fixture is a broken test")]

#[path = "../support/mod.rs"]
mod support;

mod bodies;
mod capacity;
mod commands;
mod compare;
mod connections;
mod control;
mod cookies;
mod data;
mod encodings;
mod ends;
mod faults;
mod http2;
mod includes;
mod language;
mod load;
mod monitor;
mod optional;
mod own_faults;
mod paths;
mod redirects;
mod reports;
mod run;
mod scenarios;
mod secrets;
mod secure;
mod signals;
mod soundness;
mod specs;
mod system;
mod thresholds;
mod throttle;
mod turns;
mod ways;
