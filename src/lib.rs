//! `loadtest`: from a YAML scenario to a verdict about a service under load.
//!
//! Data flows one way, and each module knows only those before it:
//! `template` and `data` → `scenario` → `plan` → `engine` (over `http`) → `metrics` → `threshold` → `result` →
//! `report`. `run` joins them to one run of a test, and `commands` asks for runs.

pub mod capacity;
pub mod cli;
pub mod commands;
pub mod compare;
pub mod data;
pub mod engine;
pub mod exit;
pub mod http;
pub mod metrics;
pub mod outcome;
pub mod output;
pub mod plan;
pub mod report;
pub mod result;
pub mod run;
pub mod scenario;
mod signals;
pub mod specs;
mod spelling;
pub mod target;
pub mod template;
pub mod threshold;
pub mod trend;
pub mod units;
mod usage;
mod varint;
