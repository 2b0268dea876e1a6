//! `${ … }`: expressions, text with expressions in it, and JSON bodies made of both.
//!
//! Everything is compiled once, when the scenario is checked. What is static is never rendered again, what is
//! a plain name or path never reaches the expression engine, and what a template reads of an answer is known
//! beforehand, so that a body nobody reads is never parsed.

mod builtins;
mod env;
mod expr;
mod json;
mod lexer;
mod names;
mod random;
mod scope;
mod shape;
mod text;
mod times;

pub use env::{Env, EnvFileError, EnvFileProblem, SecretError};
pub use expr::{EvalError, Expr, Reads};
pub use json::{answer_json, object, parse_json, write_json};
pub use names::{RowFields, RowNames, SlotNames, Visible, is_reserved};
pub use random::Random;
pub use scope::{Answer, Scope, Shared};
pub use text::{Encoding, JsonTemplate, TextTemplate, Uses, ValueTemplate};

/// A value of an expression: null (shown as `null`, held as undefined), a truth value, number, text, list or
/// object.
pub use minijinja::value::{Value, ValueKind};

use std::ops::Range;

/// The place of a name among a scenario's variables and captures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(pub u16);

impl Slot {
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Why a template or an expression cannot be compiled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct TemplateError {
    pub problem: String,
    pub help: Option<String>,
    /// Where in the given text, in bytes.
    pub at: Option<Range<usize>>,
}

#[cfg(test)]
mod tests;
