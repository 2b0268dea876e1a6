//! The data of the charts: which there are, their lines, and the moments marked on all of them.

use serde::Serialize;

use super::heat::{HeatData, heat};
use super::json::Short;
use crate::report::analysis::{Combine, Curve, Measure, Thinned, Track, curves, planned};
use crate::report::content::plain;
use crate::report::figures::of_scenario;
use crate::report::words::Words;
use crate::result::{LoadModel, OutcomeKind, PollKind, PollResult, RunResult, Unit, WatchedKind};

/// How many causes of failure have a line of their own.
const CAUSES: usize = 8;
/// How many percentile curves there are.
const CURVES: usize = 12;

/// Everything that the page's scripts are given.
#[derive(Debug, Serialize)]
pub(super) struct Data {
    pub(super) words: &'static crate::report::words::PageWords,
    /// Seconds that one point covers.
    pub(super) step_s: u32,
    /// Where each point begins, in seconds since the beginning of the load.
    pub(super) at_s: Vec<u32>,
    /// Where stages begin, and what is worth a line.
    marks: Vec<Mark>,
    pub(super) charts: Vec<Chart>,
    pub(super) curve: Option<CurveData>,
    pub(super) heat: Option<HeatData>,
}

#[derive(Debug, Serialize)]
struct Mark {
    at_s: f64,
    text: String,
    is_bad: bool,
}

/// A chart over time.
#[derive(Debug, Serialize)]
pub(super) struct Chart {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    /// Said below it.
    #[serde(skip)]
    pub(super) note: Option<&'static str>,
    measure: &'static str,
    is_log: bool,
    lines: Vec<Line>,
}

#[derive(Debug, Serialize)]
struct Line {
    label: String,
    /// The name of a colour of the style sheet.
    color: &'static str,
    is_dashed: bool,
    values: Vec<Short>,
}

#[derive(Debug, Serialize)]
pub(super) struct CurveData {
    shares: Vec<f64>,
    lines: Vec<Line>,
}

const COLORS: [&str; CAUSES] = ["c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8"];
/// Of what is neither good nor bad: the red of failures comes last.
const CALM: [&str; 8] = ["c4", "c2", "c3", "c6", "c7", "c5", "c8", "c1"];

pub(super) fn data(result: &RunResult, words: &'static Words) -> Data {
    let series = &result.series;
    let thinned = Thinned::new(&series.at_s);
    let charts = if series.at_s.is_empty() {
        Vec::new()
    } else {
        let charts = [
            users(result, words),
            arrivals(result, words),
            throughput(result, words),
            response_times(result, words),
            by_cause(result, words),
            waiting(result, words),
            places(result, words),
            lateness(result, words),
        ];
        charts.into_iter().flatten().chain(target(result, words)).map(|draft| draft.chart(&thinned)).collect()
    };
    Data {
        words: &words.page,
        step_s: thinned.step_s,
        marks: marks(result, words),
        charts,
        curve: curve(result, words),
        heat: heat(result, [words.success, words.business, words.failure]),
        at_s: thinned.at_s,
    }
}

/// A chart before its seconds are put together.
struct Draft {
    id: &'static str,
    title: &'static str,
    note: Option<&'static str>,
    measure: Measure,
    is_log: bool,
    tracks: Vec<(String, &'static str, bool, Track)>,
}

impl Draft {
    fn new(id: &'static str, title: &'static str, measure: Measure) -> Draft {
        Draft { id, title, note: None, measure, is_log: false, tracks: Vec::new() }
    }

    fn line(mut self, label: impl Into<String>, color: &'static str, track: Track) -> Draft {
        self.tracks.push((label.into(), color, false, track));
        self
    }

    fn dashed(mut self, label: impl Into<String>, color: &'static str, track: Track) -> Draft {
        self.tracks.push((label.into(), color, true, track));
        self
    }

    /// None where there is nothing to draw.
    fn if_any(mut self) -> Option<Draft> {
        self.tracks.retain(|(_, _, _, track)| track.values.iter().any(Option::is_some));
        self.tracks.iter().any(|(_, _, _, track)| track.is_there()).then_some(self)
    }

    fn chart(self, thinned: &Thinned) -> Chart {
        let line = |(label, color, is_dashed, track): (String, &'static str, bool, Track)| {
            let values = thinned.points(&track).into_iter().map(Short).collect();
            Line { label: plain(&label).into_owned(), color, is_dashed, values }
        };
        Chart {
            id: self.id,
            title: self.title,
            note: self.note,
            measure: match self.measure {
                Measure::Number => "number",
                Measure::PerSecond => "per_s",
                Measure::Millis => "ms",
                Measure::Share => "share",
                Measure::Bytes => "bytes",
                Measure::BytesPerSecond => "bytes_per_s",
            },
            is_log: self.is_log,
            lines: self.tracks.into_iter().map(line).collect(),
        }
    }
}

fn number(values: &[u64]) -> Track {
    let values = values.iter().map(|value| Some(*value as f64)).collect();
    Track::new(Measure::Number, Combine::Mean, values)
}

fn users(result: &RunResult, words: &Words) -> Option<Draft> {
    let page = &words.page;
    let mut draft = Draft::new("users", page.users, Measure::Number);
    if let Some(plan) = planned(result, LoadModel::Closed) {
        draft = draft.dashed(page.planned, "quiet", Track::new(Measure::Number, Combine::Mean, plan));
    }
    draft.line(page.at_once, "load", number(&result.series.users)).if_any()
}

fn arrivals(result: &RunResult, words: &Words) -> Option<Draft> {
    let page = &words.page;
    let plan = planned(result, LoadModel::Open)?;
    let mut draft = Draft::new("arrivals", page.arrivals, Measure::PerSecond)
        .dashed(page.planned, "quiet", Track::new(Measure::PerSecond, Combine::Mean, plan))
        .line(words.completed, "load", Track::counts(&result.series.iterations));
    let dropped = Track::counts(&result.series.dropped);
    if dropped.is_there() {
        draft = draft.line(words.dropped, "failure", dropped);
    }
    draft.if_any()
}

fn throughput(result: &RunResult, words: &Words) -> Option<Draft> {
    let series = &result.series;
    let mut draft = Draft::new("throughput", words.page.throughput, Measure::PerSecond)
        .dashed(words.page.begun, "quiet", Track::counts(&series.attempted))
        .line(words.success, "success", Track::counts(&series.success));
    for (name, color, counts) in
        [(words.business, "business", &series.business), (words.failure, "failure", &series.failure)]
    {
        let track = Track::counts(counts);
        if track.is_there() {
            draft = draft.line(name, color, track);
        }
    }
    draft.if_any()
}

fn response_times(result: &RunResult, words: &Words) -> Option<Draft> {
    let series = &result.series;
    let mut draft = Draft::new("response-times", words.page.response_times, Measure::Millis)
        .line("p50", "p50", Track::times(&series.p50_ms))
        .line("p95", "p95", Track::times(&series.p95_ms))
        .line("p99", "p99", Track::times(&series.p99_ms))
        .line(words.longest, "max", Track::times(&series.max_ms))
        .dashed(words.service_p99, "quiet", Track::times(&series.service_p99_ms));
    draft.is_log = true;
    draft.note = Some(words.page.response_times_note);
    draft.if_any()
}

fn by_cause(result: &RunResult, words: &Words) -> Option<Draft> {
    let series = &result.series;
    let mut draft = Draft::new("causes", words.page.by_cause, Measure::PerSecond);
    for (cause, color) in series.causes.iter().zip(COLORS) {
        let mut counts = vec![0; series.at_s.len()];
        for (at, count) in cause.at_s.iter().zip(&cause.count) {
            if let Ok(place) = series.at_s.binary_search(at) {
                counts[place] += count;
            }
        }
        draft = draft.line(cause.cause.clone(), color, Track::counts(&counts));
    }
    draft.if_any()
}

fn lateness(result: &RunResult, words: &Words) -> Option<Draft> {
    let track = Track::times(&result.series.lateness_p99_ms);
    let mut draft = Draft::new("lateness", words.page.lateness, Measure::Millis).line("p99", "late", track);
    draft.note = Some(words.lateness_note);
    draft.if_any()
}

/// Those who wait for their turn, of each queue.
fn waiting(result: &RunResult, words: &Words) -> Option<Draft> {
    let draft = Draft::new("waiting", words.page.waiting, Measure::Number);
    let draft = queues(result)
        .zip(CALM)
        .fold(draft, |draft, ((name, poll), color)| draft.line(name, color, number(&poll.series.waiting)));
    draft.if_any()
}

/// What they are told of their places.
fn places(result: &RunResult, words: &Words) -> Option<Draft> {
    let mut draft = Draft::new("places", words.page.places, Measure::Number);
    draft.note = Some(words.page.places_note);
    let draft = queues(result).zip(CALM).fold(draft, |draft, ((name, poll), color)| {
        let places = poll.series.position_avg.clone();
        draft.line(name, color, Track::new(Measure::Number, Combine::Mean, places))
    });
    draft.if_any()
}

fn queues(result: &RunResult) -> impl Iterator<Item = (String, &PollResult)> {
    let queues = result.polls.iter().filter(|poll| poll.kind == PollKind::WaitForTurn);
    queues.map(|poll| (of_scenario(result, &poll.scenario, &poll.name), poll))
}

/// A chart for each unit in which something was watched.
fn target(result: &RunResult, words: &Words) -> Vec<Draft> {
    let page = &words.page;
    let charts = [
        ("target-cpu", page.cpu, false, Unit::Share, Measure::Share, Combine::Mean),
        ("target-memory", page.memory, false, Unit::Bytes, Measure::Bytes, Combine::Worst),
        ("target-network", page.network, false, Unit::BytesPerSecond, Measure::BytesPerSecond, Combine::Mean),
        ("target-other", page.other, false, Unit::Number, Measure::Number, Combine::Worst),
        // What an endpoint tells is of sizes of its own.
        ("target-rates", page.rates, true, Unit::PerSecond, Measure::PerSecond, Combine::Mean),
        ("target-values", page.values, true, Unit::Number, Measure::Number, Combine::Mean),
    ];
    let several = result.monitor.len() > 1;
    let draft = |(id, title, is_endpoint, unit, measure, combine)| {
        let mut draft = Draft::new(id, title, measure);
        let sources = result.monitor.iter();
        let sources = sources.filter(|source| (source.kind == WatchedKind::Prometheus) == is_endpoint);
        let gauges = sources.flat_map(|source| source.gauges.iter().map(move |gauge| (source, gauge)));
        for ((source, gauge), color) in
            gauges.filter(|(_, gauge)| gauge.unit == unit).zip(CALM.into_iter().cycle())
        {
            let name = words.gauge(&gauge.name);
            let label = if several { format!("{}: {name}", source.name) } else { name.into_owned() };
            draft = draft.line(label, color, Track::new(measure, combine, gauge.values.clone()));
        }
        draft.if_any()
    };
    charts.into_iter().filter_map(draft).collect()
}

fn marks(result: &RunResult, words: &Words) -> Vec<Mark> {
    let mut marks = Vec::new();
    let several = result.scenarios.len() > 1;
    for scenario in &result.scenarios {
        for (place, stage) in scenario.stages.iter().enumerate() {
            let name = stage.name.as_deref();
            // Of several scenarios one wants to see where each begins.
            let name = name.or((several && place == 0).then_some(scenario.name.as_str()));
            // The first begins with the load, which needs no mark, if it has no name.
            if name.is_some() || stage.from_s > 0.0 {
                let text = plain(name.unwrap_or_default()).into_owned();
                marks.push(Mark { at_s: stage.from_s, text, is_bad: false });
            }
        }
    }
    marks.sort_by(|a, b| a.at_s.total_cmp(&b.at_s));
    for threshold in result.thresholds.iter().filter(|threshold| !threshold.met) {
        let broken = threshold.broken_at_s.or(threshold.breaches.first().map(|breach| breach.from_s));
        if let Some(at_s) = broken {
            let text = format!("{}: {}", words.page.first_broken, plain(&threshold.text));
            marks.push(Mark { at_s, text, is_bad: true });
        }
    }
    marks
}

fn curve(result: &RunResult, words: &Words) -> Option<CurveData> {
    let curves = curves(result, CURVES);
    let label = |curve: &Curve| {
        let of_kind = match curve.kind {
            OutcomeKind::Success => words.success,
            OutcomeKind::Business => words.business,
            OutcomeKind::Failure => words.failure,
        };
        let outcome = curve.outcome.as_deref().filter(|_| curve.kind != OutcomeKind::Success);
        let step = curve.step.as_deref().unwrap_or(words.page.all_steps);
        plain(&format!("{step}: {}", outcome.unwrap_or(of_kind))).into_owned()
    };
    let shares: Vec<f64> = Curve::shares();
    // Not those of the three outcomes.
    let mut single = ["c3", "c2", "c6", "c7", "c8", "load"].into_iter().cycle();
    let lines: Vec<Line> = curves
        .iter()
        .map(|curve| {
            let color = match (&curve.step, curve.kind) {
                (None, OutcomeKind::Success) => "success",
                (None, OutcomeKind::Business) => "business",
                (None, OutcomeKind::Failure) => "failure",
                (Some(_), _) => single.next().unwrap_or("quiet"),
            };
            let mut values: Vec<Short> = curve.millis.iter().map(|millis| Short(Some(*millis))).collect();
            values.resize(shares.len(), Short(None));
            Line { label: label(curve), color, is_dashed: curve.step.is_some(), values }
        })
        .collect();
    let longest = curves.iter().map(|curve| curve.millis.len()).max()?;
    let mut data = CurveData { shares, lines };
    data.shares.truncate(longest);
    data.lines.iter_mut().for_each(|line| line.values.truncate(longest));
    Some(data)
}
