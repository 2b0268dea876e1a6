//! `loadtest`: from a YAML scenario to a verdict about a service under load.
//!
//! Data flows one way, and each module knows only those before it:
//! `scenario` → `plan` → `engine` (over `http`) → `metrics` → `threshold` → `result` → `report`.

pub mod http;
pub mod outcome;
