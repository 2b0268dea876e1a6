//! Numbers that can be proved right: what is reported is what a server of known behaviour did.

#![expect(clippy::unwrap_used, reason = "a broken fixture is a broken test")]

mod arrivals;
mod capacity;
#[path = "../support/known.rs"]
mod known;
mod omission;
mod oracle;
#[expect(dead_code, reason = "these tests need a part of it")]
#[path = "../support/program.rs"]
mod program;
