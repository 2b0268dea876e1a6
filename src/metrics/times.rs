//! Distributions: HDR histograms that cost nothing until their first sample.

use std::time::Duration;

use hdrhistogram::Histogram;

/// Times at three significant digits, from 64 ns on.
///
/// A histogram is allocated at its first sample and grows with the largest value, so that an outcome that
/// never occurs costs one pointer.
#[derive(Debug, Clone, Default)]
pub struct Times(Option<Box<Histogram<u64>>>);

/// The finest difference that is kept, in nanoseconds.
const FINEST: u64 = 64;
/// The longest time that is told apart; longer ones count as this.
const LONGEST: u64 = 3600 * 1_000_000_000;

impl Times {
    pub fn record(&mut self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(LONGEST).min(LONGEST);
        // It grows as needed up to LONGEST, so recording cannot fail.
        let recorded = self.0.get_or_insert_with(|| new_histogram(FINEST)).record(nanos);
        debug_assert!(recorded.is_ok(), "histograms grow");
    }

    pub fn count(&self) -> u64 {
        self.0.as_ref().map_or(0, |histogram| histogram.len())
    }

    pub fn is_empty(&self) -> bool {
        self.count() == 0
    }

    /// The value that `percent` (0 to 100) of the samples do not exceed; none without samples.
    pub fn percentile(&self, percent: f64) -> Option<Duration> {
        self.some().map(|histogram| Duration::from_nanos(histogram.value_at_percentile(percent)))
    }

    pub fn max(&self) -> Option<Duration> {
        self.some().map(|histogram| Duration::from_nanos(histogram.max()))
    }

    pub fn min(&self) -> Option<Duration> {
        self.some().map(|histogram| Duration::from_nanos(histogram.min()))
    }

    pub fn mean(&self) -> Option<Duration> {
        self.some().map(|histogram| Duration::from_nanos(histogram.mean() as u64))
    }

    pub fn standard_deviation(&self) -> Option<Duration> {
        self.some().map(|histogram| Duration::from_nanos(histogram.stdev() as u64))
    }

    pub fn add(&mut self, other: &Times) {
        let Some(from) = other.some() else { return };
        let into = self.0.get_or_insert_with(|| new_histogram(FINEST));
        // Both have the same resolution and may grow, so adding cannot fail.
        let added = into.add(from);
        debug_assert!(added.is_ok(), "histograms of one kind add up");
    }

    /// Forgets the samples, keeps the memory.
    pub fn clear(&mut self) {
        if let Some(histogram) = &mut self.0 {
            histogram.reset();
        }
    }

    /// The histogram, in nanoseconds, where there are samples.
    pub fn histogram(&self) -> Option<&Histogram<u64>> {
        self.some()
    }

    fn some(&self) -> Option<&Histogram<u64>> {
        self.0.as_deref().filter(|histogram| !histogram.is_empty())
    }
}

/// Values of a user's own metric: not negative, percentiles at three significant digits, thousandths told apart.
#[derive(Debug, Clone, Default)]
pub struct Amounts {
    histogram: Option<Box<Histogram<u64>>>,
    /// Exact, since a largest value of 100 that is shown as 100 must be 100 to a threshold as well.
    exact: Exact,
}

#[derive(Debug, Clone, Copy, Default)]
struct Exact {
    min: f64,
    max: f64,
    sum: f64,
}

impl Exact {
    fn add(&mut self, other: Exact, is_first: bool) {
        let Exact { min, max, sum } = if is_first { Exact { sum: 0.0, ..other } } else { *self };
        *self = Exact { min: min.min(other.min), max: max.max(other.max), sum: sum + other.sum };
    }
}

/// How many steps of the histogram make one unit of the metric.
const PER_UNIT: f64 = 1000.0;
const LARGEST: u64 = 1 << 52;

impl Amounts {
    /// Records a value; negative ones count as 0.
    pub fn record(&mut self, value: f64) {
        let steps = (value * PER_UNIT).round().clamp(0.0, LARGEST as f64) as u64;
        let value = if value.is_nan() { 0.0 } else { value.clamp(0.0, LARGEST as f64 / PER_UNIT) };
        self.exact.add(Exact { min: value, max: value, sum: value }, self.count() == 0);
        let recorded = self.histogram.get_or_insert_with(|| new_histogram(1)).record(steps);
        debug_assert!(recorded.is_ok(), "histograms grow");
    }

    pub fn count(&self) -> u64 {
        self.histogram.as_ref().map_or(0, |histogram| histogram.len())
    }

    pub fn percentile(&self, percent: f64) -> Option<f64> {
        let Exact { min, max, .. } = self.exact;
        let value = |histogram: &Histogram<u64>| histogram.value_at_percentile(percent) as f64 / PER_UNIT;
        self.some().map(|histogram| value(histogram).clamp(min, max))
    }

    pub fn mean(&self) -> Option<f64> {
        self.some().map(|histogram| self.exact.sum / histogram.len() as f64)
    }

    pub fn min(&self) -> Option<f64> {
        self.some().map(|_| self.exact.min)
    }

    pub fn max(&self) -> Option<f64> {
        self.some().map(|_| self.exact.max)
    }

    pub fn add(&mut self, other: &Amounts) {
        let Some(from) = other.some() else { return };
        self.exact.add(other.exact, self.count() == 0);
        let added = self.histogram.get_or_insert_with(|| new_histogram(1)).add(from);
        debug_assert!(added.is_ok(), "histograms of one kind add up");
    }

    pub fn clear(&mut self) {
        if let Some(histogram) = &mut self.histogram {
            histogram.reset();
        }
    }

    fn some(&self) -> Option<&Histogram<u64>> {
        self.histogram.as_deref().filter(|histogram| !histogram.is_empty())
    }
}

fn new_histogram(finest: u64) -> Box<Histogram<u64>> {
    let Ok(mut histogram) = Histogram::new_with_bounds(finest, finest * 4096, 3) else {
        unreachable!("constant bounds are valid")
    };
    histogram.auto(true);
    Box::new(histogram)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_within_a_thousandth() {
        let mut times = Times::default();
        assert_eq!(times.percentile(99.0), None);
        for micros in 1..=10_000 {
            times.record(Duration::from_micros(micros));
        }
        for (percent, micros) in [(50.0, 5_000.0), (95.0, 9_500.0), (99.9, 9_990.0)] {
            let seen = times.percentile(percent).unwrap().as_secs_f64() * 1e6;
            assert!((seen / micros - 1.0).abs() < 0.002, "p{percent}: {seen}");
        }
    }

    #[test]
    fn what_is_too_long_counts_as_the_longest() {
        let mut times = Times::default();
        times.record(Duration::MAX);
        assert_eq!(times.count(), 1);
        assert!(times.max().unwrap() >= Duration::from_secs(3599));
    }

    #[test]
    fn adding_and_clearing() {
        let (mut a, mut b) = (Times::default(), Times::default());
        a.record(Duration::from_millis(1));
        b.record(Duration::from_secs(100));
        a.add(&b);
        assert_eq!(a.count(), 2);
        a.clear();
        assert_eq!((a.count(), a.max()), (0, None));
    }

    #[test]
    fn amounts_keep_thousandths() {
        let mut amounts = Amounts::default();
        amounts.record(0.25);
        amounts.record(-3.0);
        assert_eq!((amounts.min(), amounts.max()), (Some(0.0), Some(0.25)));
        // Whatever the resolution, the ends and the mean are what they are.
        let mut more = Amounts::default();
        more.record(100_001.0);
        amounts.add(&more);
        assert_eq!((amounts.max(), amounts.percentile(100.0)), (Some(100_001.0), Some(100_001.0)));
        assert_eq!(amounts.mean(), Some(100_001.25 / 3.0));
        amounts.clear();
        amounts.record(2.0);
        assert_eq!((amounts.min(), amounts.max(), amounts.mean()), (Some(2.0), Some(2.0), Some(2.0)));
    }
}
