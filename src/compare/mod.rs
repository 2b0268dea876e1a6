//! Two or more runs side by side: what differs, how sure that is, and whether a gate forbids it.
//!
//! Knows results and what is in them; how a comparison is shown is in `report`.

mod baseline;
mod bootstrap;
mod change;
mod comparable;
mod figure;
pub mod gate;
mod record;
mod runs;
mod sample;
#[cfg(test)]
pub(crate) mod simulated;

use std::collections::BTreeSet;

pub use baseline::baseline;
pub use change::{Change, Interval, Word};
pub use figure::{Figure, FigureUnit};
pub use gate::Gate;
pub use record::{Comparison, FORMAT, FigureRow, GateResult, GateState, GateVerdict, Row, RunInfo, SideInfo};

use bootstrap::Draws;
use change::{Measured, Rules, changes};
use figure::Goal;
use runs::{Cell, Run, StepName, common_window};
use sample::Sample;

use crate::exit::Exit;
use crate::result::{OutcomeKind, RunResult, Soundness};

/// One or several runs of the same thing.
#[derive(Debug)]
pub struct Side {
    /// `A`, `B` …, or the name of a spec.
    pub name: String,
    pub runs: Vec<Source>,
}

/// A run, and where it came from.
#[derive(Debug)]
pub struct Source {
    pub from: String,
    pub result: RunResult,
}

/// How to compare.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// How sure intervals are, between 0 and 1.
    pub confidence: f64,
    /// Relative changes up to this count as none.
    pub margin: f64,
    /// How many draws an interval is made of.
    pub resamples: usize,
}

impl Default for Options {
    /// 99 %: a table has dozens of figures, and at 95 % one of twenty would cry wolf. 1 %: about what windows
    /// tell apart.
    fn default() -> Self {
        Options { confidence: 0.99, margin: 0.01, resamples: 2000 }
    }
}

/// Compares every side with the first one.
pub fn compare(sides: &[Side], options: Options, gates: &[Gate]) -> Comparison {
    let results = || sides.iter().flat_map(|side| &side.runs).map(|source| &source.result);
    let window_s = common_window(results());
    let decoded: Vec<Vec<Run>> = sides
        .iter()
        .map(|side| side.runs.iter().map(|source| Run::new(&source.result, window_s)).collect())
        .collect();
    let lengths: Vec<usize> = decoded.iter().flatten().map(|run| run.windows).collect();
    let draws = Draws::new(&lengths, options.resamples);
    let rules = Rules { draws: &draws, confidence: options.confidence, margin: options.margin };
    let comparer = Comparer { sides: &decoded, rules };
    let rows = comparer.rows();
    let gates: Vec<GateResult> = gates
        .iter()
        .flat_map(|gate| {
            let names = sides.iter().skip(1).map(|side| side.name.clone());
            comparer.gate(gate).into_iter().zip(names).map(|(result, side)| GateResult { side, ..result })
        })
        .collect();
    Comparison {
        format: FORMAT,
        loadtest: env!("CARGO_PKG_VERSION").into(),
        lines: sides.iter().enumerate().skip(1).map(|(index, _)| line(sides, &rows, index)).collect(),
        sides: sides.iter().map(info).collect(),
        warnings: comparable::warnings(sides, window_s),
        confidence: options.confidence,
        margin: options.margin,
        rows,
        verdict: verdict(sides, &gates),
        gates,
    }
}

fn verdict(sides: &[Side], gates: &[GateResult]) -> Option<GateVerdict> {
    if gates.is_empty() {
        return None;
    }
    let is_invalid =
        |side: &&Side| side.runs.iter().any(|run| run.result.validity.verdict == Soundness::Invalid);
    let invalid: Vec<&str> = sides.iter().filter(is_invalid).map(|side| side.name.as_str()).collect();
    let broken: Vec<String> = gates
        .iter()
        .filter(|gate| gate.state == GateState::Broken)
        .map(
            |gate| if sides.len() > 2 { format!("{} ({})", gate.text, gate.side) } else { gate.text.clone() },
        )
        .collect();
    let of = |exit: Exit, line: String| Some(GateVerdict { exit_code: exit.code(), line });
    if !invalid.is_empty() {
        of(Exit::NotValid, format!("NOT VALID (exit 97): nothing can be said of {}", invalid.join(", ")))
    } else if broken.is_empty() {
        of(Exit::Passed, "PASSED: nothing that it shall fail for was seen".into())
    } else {
        of(Exit::ThresholdNotMet, format!("FAILED (exit 99): {}", broken.join("; ")))
    }
}

fn info(side: &Side) -> SideInfo {
    let run = |source: &Source| RunInfo {
        from: source.from.clone(),
        scenario: source.result.scenario.name.clone(),
        started: source.result.started.clone(),
        load_s: source.result.load_s,
        target: source.result.target.url.clone(),
        validity: source.result.validity.verdict,
        verdict: source.result.verdict.line.clone(),
    };
    SideInfo { name: side.name.clone(), runs: side.runs.iter().map(run).collect() }
}

/// What became of one side, in a sentence.
fn line(sides: &[Side], rows: &[Row], index: usize) -> String {
    let changes =
        || rows.iter().flat_map(|row| &row.figures).filter_map(|figure| figure.changes.get(index - 1));
    let count = |word| changes().filter(|change| change.word == word).count();
    let all = changes().filter(|change| change.word != Word::NotJudged).count();
    let (better, worse) = (count(Word::Better), count(Word::Worse));
    let (other, base) = (&sides[index].name, &sides[0].name);
    if all == 0 {
        return format!("{other} against {base}: too little was measured to tell");
    }
    match (better, worse) {
        (0, 0) => format!("{other} against {base}: no difference shown"),
        (better, 0) => format!("{other} against {base}: better in {better} of {all} figures, worse in none"),
        (0, worse) => format!("{other} against {base}: worse in {worse} of {all} figures, better in none"),
        (better, worse) => {
            format!("{other} against {base}: worse in {worse} of {all} figures, better in {better}")
        }
    }
}

/// The sides, decoded, and the rules.
struct Comparer<'a> {
    sides: &'a [Vec<Run>],
    rules: Rules<'a>,
}

const TIMES: [(Figure, Goal); 3] = [
    (Figure::Percentile(50.0), Goal::Lower),
    (Figure::Percentile(95.0), Goal::Lower),
    (Figure::Percentile(99.0), Goal::Lower),
];

impl Comparer<'_> {
    fn rows(&self) -> Vec<Row> {
        let steps = self.steps();
        let several = steps.iter().map(|step| &step.scenario).collect::<BTreeSet<_>>().len() > 1;
        let mut rows = vec![self.total()];
        for step in &steps {
            for (kind, outcome) in self.outcomes(step) {
                let figures = self.of_outcome(step, kind, &outcome);
                if figures.iter().any(|figure| figure.values.iter().any(Option::is_some)) {
                    rows.push(Row {
                        step: Some(step.step.clone()),
                        scenario: several.then(|| step.scenario.clone()),
                        kind: Some(kind),
                        outcome: Some(outcome),
                        figures,
                    });
                }
            }
        }
        rows
    }

    /// All steps together.
    fn total(&self) -> Row {
        let all = self.measured(|_| true, |_| true);
        let failures = self.measured(|cell| cell.kind == OutcomeKind::Failure, |_| true);
        let successes = self.measured(|cell| cell.kind == OutcomeKind::Success, |_| true);
        let mut figures = self.figures(&[(Figure::Rate, Goal::Higher)], &all);
        let failures = self.figures(&[(Figure::Share, Goal::Lower)], &failures);
        figures.extend(failures.into_iter().map(|figure| FigureRow { figure: "failures".into(), ..figure }));
        figures.extend(self.figures(&TIMES, &successes));
        Row { step: None, scenario: None, kind: None, outcome: None, figures }
    }

    fn of_outcome(&self, step: &StepName, kind: OutcomeKind, outcome: &str) -> Vec<FigureRow> {
        let is_it = |cell: &Cell| cell.step == *step && cell.kind == kind && cell.outcome == outcome;
        let measured = self.measured(is_it, |cell| cell.step == *step);
        if measured.iter().all(|side| side.pooled.count == 0) {
            return Vec::new();
        }
        let mut wanted = match kind {
            OutcomeKind::Success => vec![(Figure::Rate, Goal::Higher)],
            OutcomeKind::Business => vec![(Figure::Share, Goal::Neither)],
            OutcomeKind::Failure => vec![(Figure::Share, Goal::Lower)],
        };
        // How fast something fails says nothing good of it.
        if kind != OutcomeKind::Failure {
            wanted.extend(TIMES);
        }
        self.figures(&wanted, &measured)
    }

    fn figures(&self, wanted: &[(Figure, Goal)], sides: &[Measured]) -> Vec<FigureRow> {
        let Some((base, others)) = sides.split_first() else { return Vec::new() };
        let mut by_side: Vec<_> =
            others.iter().map(|other| changes(wanted, base, other, self.rules).into_iter()).collect();
        wanted
            .iter()
            .map(|(figure, _)| FigureRow {
                figure: figure.name(),
                unit: figure.unit(),
                values: sides.iter().map(|side| figure.value(&side.pooled)).collect(),
                changes: by_side.iter_mut().filter_map(Iterator::next).collect(),
            })
            .collect()
    }

    /// What each side measured of some cells; a share is of those that `all` names.
    fn measured(
        &self,
        chosen: impl Fn(&Cell) -> bool + Copy,
        all: impl Fn(&Cell) -> bool + Copy,
    ) -> Vec<Measured> {
        let measured = |runs: &Vec<Run>| Measured {
            pooled: Sample::new(&runs.iter().collect::<Vec<_>>(), chosen, all),
            runs: match runs.as_slice() {
                [] | [_] => Vec::new(),
                several => several.iter().map(|run| Sample::new(&[run], chosen, all)).collect(),
            },
        };
        self.sides.iter().map(measured).collect()
    }

    /// The steps of all sides, in the order of the first that has them.
    fn steps(&self) -> Vec<StepName> {
        let mut steps: Vec<StepName> = Vec::new();
        for cell in self.cells() {
            if !steps.contains(&cell.step) {
                steps.push(cell.step.clone());
            }
        }
        steps
    }

    /// The outcomes of a step: success, then business outcomes, then failures.
    fn outcomes(&self, step: &StepName) -> Vec<(OutcomeKind, String)> {
        let mut outcomes: Vec<(OutcomeKind, String)> = Vec::new();
        for cell in self.cells().filter(|cell| cell.step == *step) {
            if !outcomes.iter().any(|(kind, name)| (*kind, name) == (cell.kind, &cell.outcome)) {
                outcomes.push((cell.kind, cell.outcome.clone()));
            }
        }
        let order = |kind: OutcomeKind| match kind {
            OutcomeKind::Success => 0,
            OutcomeKind::Business => 1,
            OutcomeKind::Failure => 2,
        };
        outcomes.sort_by_key(|(kind, _)| order(*kind));
        outcomes
    }

    fn cells(&self) -> impl Iterator<Item = &Cell> {
        self.sides.iter().flatten().flat_map(|run| &run.cells)
    }
}

#[cfg(test)]
mod tests;
