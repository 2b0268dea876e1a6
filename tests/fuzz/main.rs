//! What no input may do: bring the program down, keep it busy without end, or fill the memory.
//!
//! A short form runs with every `cargo test`: some hundred inputs of each kind. `just fuzz` goes on for five
//! minutes; `FUZZ_SECONDS` says how long. Inputs that once did harm are kept in `tests/fixtures/found/`, and are
//! tried each time.

#![expect(clippy::unwrap_used, reason = "a test that cannot run has failed")]

mod expressions;
mod files;
mod limits;
mod program;
