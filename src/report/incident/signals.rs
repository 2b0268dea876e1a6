//! Which figures turned, and what the resources of the target did meanwhile.

use std::fmt::Write as _;

use super::{Review, heading, offset};
use crate::report::analysis::{Incident, Measure, Of, Signal};
use crate::report::content::{Cell, Table, Tone};
use crate::report::escape::markdown as text;
use crate::report::figures::{rate, time};
use crate::report::markdown::table;
use crate::result::verdict::percent;
use crate::result::{LoadModel, ScenarioResult};
use crate::units::{Bytes, trim_float};

impl Review<'_> {
    pub(super) fn signals(&self) -> Option<String> {
        if !self.was_load() || self.signals.is_empty() {
            return None;
        }
        let i = &self.words.incident;
        let mut out = heading(i.signals);
        match self.turned() {
            Some(turned) => out += &table(&turned, 3),
            None => {
                let _ = writeln!(out, "{}", text(i.nothing_turned));
            }
        }
        match self.resources() {
            Some(resources) => {
                let _ = write!(out, "\n{}", table(&resources, 3));
            }
            None if self.result.monitor.is_empty() => {
                let _ = writeln!(out, "\n{}", text(i.not_watched));
            }
            None => {}
        }
        let _ = writeln!(out, "\n{}", i.fill_in_signals);
        Some(out)
    }

    /// A row for each departure, in the order of time: the first is the nearest to the cause.
    fn turned(&self) -> Option<Table> {
        let i = &self.words.incident;
        let mut departures: Vec<_> = self
            .signals
            .iter()
            .flat_map(|signal| signal.departures.iter().map(move |departure| (signal, departure)))
            .collect();
        departures.sort_by_key(|(_, departure)| departure.from_s);
        let figures = [i.turned_at, i.normal, i.worst_value, i.worst_at, i.back_at];
        let mut turned = Table::new(i.what_turned, &[i.figure], &figures);
        for (signal, departure) in departures {
            let tone = if signal.of.is_harm() { Tone::Bad } else { Tone::Plain };
            turned.rows.push(vec![
                Cell::new(self.name_of(signal)),
                Cell::new(offset(departure.from_s.into())),
                Cell::new(figure(signal, departure.normal)),
                Cell::toned(tone, figure(signal, departure.worst)),
                Cell::new(offset(departure.worst_at_s.into())),
                Cell::new(departure.to_s.map_or_else(|| i.not_over.to_owned(), |to| offset(to.into()))),
            ]);
        }
        turned.if_any()
    }

    /// The figures of the target: at first, and during the incident.
    fn resources(&self) -> Option<Table> {
        let i = &self.words.incident;
        let Incident { from_s, to_s, .. } = self.incident?;
        let to_s = to_s.unwrap_or(self.result.load_s).max(from_s + 1.0);
        let figures = [i.before, i.during, self.words.longest];
        let mut resources = Table::new(i.resources, &[i.figure], &figures);
        for signal in &self.signals {
            let Of::Target(_, gauge) = signal.of else { continue };
            let (before, during) = signal.before_and_during(self.result, from_s, to_s);
            let cell =
                |value: Option<f64>| value.map_or_else(Cell::empty, |value| Cell::new(figure(signal, value)));
            resources.rows.push(vec![
                Cell::new(self.name_of(signal)),
                cell(before),
                cell(during),
                cell(gauge.max),
            ]);
        }
        resources.if_any()
    }

    pub(super) fn name_of(&self, signal: &Signal<'_>) -> String {
        let i = &self.words.incident;
        match signal.of {
            Of::P50 => (i.response_time)("p50"),
            Of::P95 => (i.response_time)("p95"),
            Of::P99 => (i.response_time)("p99"),
            Of::Failures => i.failure_share.into(),
            Of::Business => i.business_share.into(),
            Of::Users => self.words.page.at_once.into(),
            Of::Lateness => i.lateness.into(),
            Of::Target(source, gauge) => format!("{}: {}", source.name, self.words.gauge(&gauge.name)),
        }
    }

    /// Users, or arrivals per second.
    pub(super) fn load_of(&self, scenario: &ScenarioResult, value: f64) -> String {
        match scenario.model {
            LoadModel::Closed => (self.words.incident.users)(&trim_float(value)),
            LoadModel::Open => rate(value),
        }
    }
}

/// A value of a signal's course.
pub(super) fn figure(signal: &Signal<'_>, value: f64) -> String {
    match signal.measure {
        Measure::Millis => time(value),
        Measure::Share => percent((value * 1000.0).round() / 1000.0),
        Measure::Bytes => Bytes(value.max(0.0) as u64).to_string(),
        Measure::BytesPerSecond => format!("{}/s", Bytes(value.max(0.0) as u64)),
        Measure::PerSecond => rate(value),
        Measure::Number => trim_float(value),
    }
}
