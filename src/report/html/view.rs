//! What the template is given: the contents of a report, ready to be laid out.

use serde::Serialize;

use super::charts::Data;
use crate::report::content::{self, Cell, Failure, Table, Tone};
use crate::report::words::Words;
use crate::result::{Ended, RunResult};

#[derive(Debug, Serialize)]
pub(super) struct View {
    lang: &'static str,
    title: String,
    description: Option<String>,
    verdict: Verdict,
    facts: Vec<String>,
    /// The figures one looks at first.
    tiles: Vec<Tile>,
    /// What stands before the charts, and what stands behind them.
    first: Vec<Section>,
    rest: Vec<Section>,
    charts: Vec<ChartHead>,
    has_curve: bool,
    heat_note: Option<String>,
    thinned: Option<String>,
    failures: Vec<Failure>,
    more_failures: Option<String>,
    machine: Vec<(&'static str, String)>,
    command: String,
}

#[derive(Debug, Serialize)]
struct Verdict {
    tone: Tone,
    sign: char,
    line: String,
    why: Vec<(Tone, String)>,
}

#[derive(Debug, Serialize)]
struct Tile {
    name: &'static str,
    figure: String,
    tone: Tone,
}

#[derive(Debug, Serialize)]
struct Section {
    /// Where links lead.
    id: &'static str,
    title: &'static str,
    columns: Vec<content::Column>,
    rows: Vec<Row>,
    note: Option<String>,
}

#[derive(Debug, Serialize)]
struct Row {
    /// What the row is of; none where it is that of the row above.
    head: Option<Cell>,
    /// How many rows it is the head of.
    span: usize,
    cells: Vec<Cell>,
}

#[derive(Debug, Serialize)]
struct ChartHead {
    id: &'static str,
    title: &'static str,
    note: Option<&'static str>,
}

pub(super) fn view(result: &RunResult, words: &'static Words, data: &Data) -> View {
    let was_load = !matches!(result.verdict.ended, Ended::NotReady(_) | Ended::SetupFailed(_));
    let sections = |sections: Vec<(&'static str, Option<Table>)>| -> Vec<Section> {
        let there = sections.into_iter().filter(|_| was_load);
        there.filter_map(|(id, table)| Some(Section::new(id, table?))).collect()
    };
    let (failures, more) = content::failures(result, words);
    let content::Verdict { tone, sign, line, why } = content::verdict(result, words);
    View {
        lang: words.code,
        title: content::title(result),
        description: result.scenario.description.clone().filter(|text| !text.trim().is_empty()),
        verdict: Verdict { tone, sign, line, why },
        facts: content::facts(result, words),
        tiles: if was_load { tiles(result, words) } else { Vec::new() },
        first: sections(vec![
            ("thresholds", content::thresholds(result, words)),
            ("invariants", content::invariants(result, words)),
            ("steps", content::steps(result, words)),
            ("waited", content::waiting(result, words)),
        ]),
        rest: sections(vec![
            ("polls", content::polls(result, words)),
            ("turns", content::turns(result, words)),
            ("queues", content::places(result, words)),
            ("checks", content::checks(result, words)),
            ("resources", content::target(result, words)),
            ("drift", content::drift(result, words)),
            ("iterations", content::iterations(result, words)),
            ("groups", content::groups(result, words)),
            ("metrics", content::metrics(result, words)),
        ]),
        charts: data
            .charts
            .iter()
            .map(|chart| ChartHead { id: chart.id, title: chart.title, note: chart.note })
            .collect(),
        has_curve: data.curve.is_some(),
        heat_note: data.heat.as_ref().map(|heat| (words.page.heat_note)(heat.slice_s)),
        thinned: (data.step_s > 1).then(|| (words.page.thinned)(data.step_s)),
        failures,
        more_failures: (more > 0).then(|| (words.more_causes)(more)),
        machine: content::machine(result, words),
        command: content::command(result),
    }
}

fn tiles(result: &RunResult, words: &Words) -> Vec<Tile> {
    let tone = |name: &'static str| match name {
        name if name == words.success => Tone::Good,
        name if name == words.business => Tone::Expected,
        name if name == words.failure && result.totals.failure > 0 => Tone::Bad,
        _ => Tone::Plain,
    };
    let facts = content::requests(result, words).into_iter();
    facts.map(|(name, figure)| Tile { name, figure, tone: tone(name) }).collect()
}

impl Section {
    fn new(id: &'static str, table: Table) -> Section {
        let mut rows: Vec<Row> = Vec::with_capacity(table.rows.len());
        let mut head_at: Option<usize> = None;
        for mut cells in table.rows {
            if cells.is_empty() {
                continue;
            }
            let first = cells.remove(0);
            match head_at.filter(|at| table.is_grouped && rows[*at].head.as_ref() == Some(&first)) {
                Some(at) => {
                    rows[at].span += 1;
                    rows.push(Row { head: None, span: 0, cells });
                }
                None => {
                    head_at = Some(rows.len());
                    rows.push(Row { head: Some(first), span: 1, cells });
                }
            }
        }
        Section { id, title: table.caption, columns: table.columns, rows, note: table.note }
    }
}
