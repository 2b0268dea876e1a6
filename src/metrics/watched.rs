//! What was watched of the target: a figure for each second, gauge and source, beside what was counted.

use std::collections::BTreeMap;

use crate::scenario::monitor::Gauge;

/// All sources, in the order of the test's monitor.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Watched {
    pub sources: Vec<WatchedSource>,
}

/// One source: its limits, its figures, and how often it could not be asked.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WatchedSource {
    /// Cores it may use; without a limit its CPU counts as a share of one core.
    pub cpu_limit: Option<f64>,
    /// In bytes.
    pub memory_limit: Option<u64>,
    /// How often it could not be asked.
    pub failed: u64,
    /// Why it could not, the first time.
    pub problem: Option<String>,
    gauges: BTreeMap<Gauge, Vec<Option<f64>>>,
}

impl Watched {
    /// Nothing seen yet of so many sources.
    pub fn new(sources: usize) -> Self {
        Watched { sources: vec![WatchedSource::default(); sources] }
    }
}

impl WatchedSource {
    /// Keeps the figure of a second, counted from the beginning of the load. What is no number is none.
    pub fn record(&mut self, second: u32, gauge: Gauge, value: f64) {
        if !value.is_finite() {
            return;
        }
        let values = self.gauges.entry(gauge).or_default();
        let second = second as usize;
        if values.len() <= second {
            values.resize(second + 1, None);
        }
        values[second] = Some(value);
    }

    /// The gauges it has figures of.
    pub fn gauges(&self) -> impl Iterator<Item = Gauge> {
        self.gauges.keys().copied()
    }

    /// The figure of a second, where there is one.
    pub fn at(&self, gauge: Gauge, second: u32) -> Option<f64> {
        self.gauges.get(&gauge)?.get(second as usize).copied()?
    }

    /// All seconds that have a figure, in their order.
    pub fn of(&self, gauge: Gauge) -> impl Iterator<Item = (u32, f64)> {
        let values = self.gauges.get(&gauge).into_iter().flatten();
        (0..).zip(values).filter_map(|(second, value)| Some((second, (*value)?)))
    }
}

/// Figures of some seconds, and what they come to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Figures {
    in_order: Vec<f64>,
    sorted: Vec<f64>,
}

impl Figures {
    /// Of figures in the order of their seconds.
    pub fn new(figures: impl IntoIterator<Item = f64>) -> Self {
        let in_order: Vec<f64> = figures.into_iter().collect();
        let mut sorted = in_order.clone();
        sorted.sort_by(f64::total_cmp);
        Figures { in_order, sorted }
    }

    pub fn count(&self) -> u64 {
        self.in_order.len() as u64
    }

    pub fn first(&self) -> Option<f64> {
        self.in_order.first().copied()
    }

    pub fn last(&self) -> Option<f64> {
        self.in_order.last().copied()
    }

    pub fn average(&self) -> Option<f64> {
        let sum: f64 = self.in_order.iter().sum();
        (!self.in_order.is_empty()).then(|| sum / self.in_order.len() as f64)
    }

    /// The figure that `percent` (0 to 100) of them do not exceed: 0 asks for the least, 100 for the greatest.
    pub fn percentile(&self, percent: f64) -> Option<f64> {
        let rank = (percent / 100.0 * self.sorted.len() as f64).ceil().max(1.0) as usize;
        self.sorted.get(rank.min(self.sorted.len()).checked_sub(1)?).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_without_a_figure_stay_empty() {
        let mut source = WatchedSource::default();
        source.record(3, Gauge::Memory, 30.0);
        source.record(1, Gauge::Memory, 10.0);
        source.record(2, Gauge::Memory, f64::NAN);
        source.record(0, Gauge::Cpu, f64::INFINITY);
        assert_eq!(source.of(Gauge::Memory).collect::<Vec<_>>(), [(1, 10.0), (3, 30.0)]);
        assert_eq!(source.at(Gauge::Memory, 3), Some(30.0));
        assert_eq!(source.at(Gauge::Memory, 9), None);
        assert_eq!(source.gauges().collect::<Vec<_>>(), [Gauge::Memory]);
    }

    #[test]
    fn what_figures_come_to() {
        let figures = Figures::new([30.0, 10.0, 20.0, 40.0]);
        assert_eq!((figures.first(), figures.last()), (Some(30.0), Some(40.0)));
        let percentiles = [0.0, 25.0, 50.0, 75.1, 95.0, 100.0].map(|percent| figures.percentile(percent));
        assert_eq!(percentiles, [10.0, 10.0, 20.0, 40.0, 40.0, 40.0].map(Some));
        assert_eq!((figures.average(), figures.count()), (Some(25.0), 4));
        let none = Figures::new([]);
        assert_eq!((none.average(), none.percentile(50.0), none.first()), (None, None, None));
    }
}
