//! What a comparison comes to: the one record that every format shows, and what `--format json` prints.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::change::Change;
use super::figure::FigureUnit;
use crate::result::{OutcomeKind, Soundness};

/// The version of the record's shape.
pub const FORMAT: u32 = 1;

/// Two or more sides, compared with the first of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// The version of this record's shape: 1.
    pub format: u32,
    /// The version of the program that compared.
    pub loadtest: String,
    /// What was compared, in a sentence for each side but the first.
    pub lines: Vec<String>,
    /// The first is what the others are compared with.
    pub sides: Vec<SideInfo>,
    /// Why the sides may not be comparable.
    pub warnings: Vec<String>,
    /// How sure intervals are, between 0 and 1.
    pub confidence: f64,
    /// Relative changes up to this count as none.
    pub margin: f64,
    /// All steps together first, then steps and outcomes in the order of the file.
    pub rows: Vec<Row>,
    /// One for each gate and side, in the order in which they were given.
    pub gates: Vec<GateResult>,
    /// What the gates come to; none without any.
    pub verdict: Option<GateVerdict>,
}

/// What all gates come to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GateVerdict {
    /// 99 where a gate is broken; 97 where a run is not valid, so that nothing can be said; else 0.
    pub exit_code: u8,
    /// One line for people.
    pub line: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SideInfo {
    /// `A`, `B` …, or the name of a spec.
    pub name: String,
    /// Usually one.
    pub runs: Vec<RunInfo>,
}

/// One run of a side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunInfo {
    /// Where it was read from.
    pub from: String,
    /// The name of the test.
    pub scenario: String,
    /// When its load began, as RFC 3339 in UTC.
    pub started: String,
    /// How long there was load.
    pub load_s: f64,
    /// The base URL of what was tested.
    pub target: String,
    /// Whether it can be believed.
    pub validity: Soundness,
    /// The verdict of the run itself.
    pub verdict: String,
}

/// One outcome of one step, or all steps together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Row {
    /// None for all steps together.
    pub step: Option<String>,
    /// Where the sides have several.
    pub scenario: Option<String>,
    /// None for all steps together.
    pub kind: Option<OutcomeKind>,
    /// `success`, the name of a business outcome, or a cause of failure.
    pub outcome: Option<String>,
    /// What is compared of it.
    pub figures: Vec<FigureRow>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FigureRow {
    /// `rate`, `share`, `p50` …; `failures` for the share of failures among all.
    pub figure: String,
    /// What its values are in.
    pub unit: FigureUnit,
    /// By side; none without samples.
    pub values: Vec<Option<f64>>,
    /// By side from the second on.
    pub changes: Vec<Change>,
}

/// How a gate came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GateState {
    /// What it forbids did not happen.
    Held,
    /// It was measured, but may be chance: no reason to fail.
    Unsure,
    /// It happened.
    Broken,
}

/// A condition of `--fail-if` for one side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GateResult {
    /// As it was written.
    pub text: String,
    /// Which side was held against the first.
    pub side: String,
    /// How it came out.
    pub state: GateState,
    /// What its values are in.
    pub unit: FigureUnit,
    /// Of the first side.
    pub before: Option<f64>,
    /// Of this side.
    pub after: Option<f64>,
    /// From the one to the other.
    pub change: Change,
}
