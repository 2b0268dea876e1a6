//! Distributions: HDR histograms that cost next to nothing while they have few samples.

use std::borrow::Cow;
use std::time::Duration;

use hdrhistogram::Histogram;

/// Times at three significant digits, from 64 ns on.
///
/// The first samples are kept as they are: a histogram takes some 50 KB once answers take milliseconds, and a
/// test of a thousand steps has thousands of distributions, few of which see more than a handful of samples
/// in a second. Past 128 they become a histogram, which grows with the largest value.
#[derive(Debug, Clone, Default)]
pub struct Times {
    /// In nanoseconds; empty once there is a histogram.
    few: Vec<u32>,
    many: Option<Box<Histogram<u64>>>,
}

/// How many samples are kept one by one.
const FEW: usize = 128;
/// The finest difference that is kept, in nanoseconds.
const FINEST: u64 = 64;
/// The longest time that is told apart; longer ones count as this.
const LONGEST: u64 = 3600 * 1_000_000_000;

impl Times {
    pub fn record(&mut self, time: Duration) {
        let nanos = time.as_secs().saturating_mul(1_000_000_000).saturating_add(time.subsec_nanos().into());
        let nanos = nanos.min(LONGEST);
        if let Some(histogram) = &mut self.many {
            note(histogram, nanos);
            return;
        }
        match u32::try_from(nanos) {
            Ok(nanos) if self.few.len() < FEW => self.few.push(nanos),
            _ => note(self.gathered(), nanos),
        }
    }

    pub fn count(&self) -> u64 {
        self.many.as_ref().map_or(self.few.len() as u64, |histogram| histogram.len())
    }

    pub fn is_empty(&self) -> bool {
        self.count() == 0
    }

    /// The value that `percent` (0 to 100) of the samples do not exceed; none without samples.
    pub fn percentile(&self, percent: f64) -> Option<Duration> {
        match self.some() {
            Some(histogram) => Some(Duration::from_nanos(histogram.value_at_percentile(percent))),
            None => {
                let mut sorted = self.few.clone();
                sorted.sort_unstable();
                let rank = (percent / 100.0 * sorted.len() as f64).ceil().max(1.0) as usize;
                sorted
                    .get(rank.min(sorted.len()).checked_sub(1)?)
                    .map(|nanos| Duration::from_nanos((*nanos).into()))
            }
        }
    }

    pub fn max(&self) -> Option<Duration> {
        let few = || self.few.iter().max().map(|nanos| u64::from(*nanos));
        self.some().map(Histogram::max).or_else(few).map(Duration::from_nanos)
    }

    pub fn min(&self) -> Option<Duration> {
        let few = || self.few.iter().min().map(|nanos| u64::from(*nanos));
        self.some().map(Histogram::min).or_else(few).map(Duration::from_nanos)
    }

    pub fn mean(&self) -> Option<Duration> {
        self.histogram().map(|histogram| Duration::from_nanos(histogram.mean() as u64))
    }

    pub fn standard_deviation(&self) -> Option<Duration> {
        self.histogram().map(|histogram| Duration::from_nanos(histogram.stdev() as u64))
    }

    pub fn add(&mut self, other: &Times) {
        for nanos in &other.few {
            self.record(Duration::from_nanos((*nanos).into()));
        }
        if let Some(from) = other.some() {
            // Both have the same resolution and may grow, so adding cannot fail.
            let added = self.gathered().add(from);
            debug_assert!(added.is_ok(), "histograms of one kind add up");
        }
    }

    /// Adds the samples to a histogram of nanoseconds, of whatever resolution.
    pub fn add_to(&self, histogram: &mut Histogram<u64>) -> Result<(), hdrhistogram::errors::AdditionError> {
        for nanos in &self.few {
            note(histogram, (*nanos).into());
        }
        self.some().map_or(Ok(()), |from| histogram.add(from))
    }

    /// Each value that was seen, with how often.
    pub fn each(&self, mut see: impl FnMut(Duration, u64)) {
        for nanos in &self.few {
            see(Duration::from_nanos((*nanos).into()), 1);
        }
        for value in self.some().into_iter().flat_map(Histogram::iter_recorded) {
            see(Duration::from_nanos(value.value_iterated_to()), value.count_since_last_iteration());
        }
    }

    /// Forgets the samples, keeps the memory.
    pub fn clear(&mut self) {
        self.few.clear();
        if let Some(histogram) = &mut self.many {
            histogram.reset();
        }
    }

    /// The samples as a histogram, in nanoseconds, where there are any.
    pub fn histogram(&self) -> Option<Cow<'_, Histogram<u64>>> {
        if let Some(histogram) = self.some() {
            return Some(Cow::Borrowed(histogram));
        }
        let mut histogram = (!self.few.is_empty()).then(|| *new_histogram(FINEST))?;
        self.few.iter().for_each(|nanos| note(&mut histogram, (*nanos).into()));
        Some(Cow::Owned(histogram))
    }

    fn some(&self) -> Option<&Histogram<u64>> {
        self.many.as_deref().filter(|histogram| !histogram.is_empty())
    }

    /// The histogram, with all samples in it.
    fn gathered(&mut self) -> &mut Histogram<u64> {
        let histogram = self.many.get_or_insert_with(|| new_histogram(FINEST));
        for nanos in std::mem::take(&mut self.few) {
            note(histogram, nanos.into());
        }
        histogram
    }
}

/// Records a value in a histogram that grows as needed, so that it cannot fail.
fn note(histogram: &mut Histogram<u64>, nanos: u64) {
    let recorded = histogram.record(nanos);
    debug_assert!(recorded.is_ok(), "histograms grow");
}

/// Values of a user's own metric, and places in a queue: not negative, and exact as long as few different ones
/// come.
///
/// What people observe are mostly small numbers of few kinds: items in a list, statuses, retries. These are kept
/// each with how often it came, so that a median of 7 is 7. Past 1024 different ones they become a histogram:
/// percentiles at three significant digits, thousandths told apart.
#[derive(Debug, Clone, Default)]
pub struct Amounts {
    /// Each value with how often it came, by value; empty once there is a histogram.
    values: Vec<(f64, u64)>,
    histogram: Option<Box<Histogram<u64>>>,
    /// Exact, since a largest value of 100 that is shown as 100 must be 100 to a threshold as well.
    exact: Exact,
}

#[derive(Debug, Clone, Copy, Default)]
struct Exact {
    count: u64,
    min: f64,
    max: f64,
    sum: f64,
}

impl Exact {
    fn add(&mut self, other: Exact) {
        let Exact { count, min, max, sum } = *self;
        *self = match (count, other.count) {
            (_, 0) => *self,
            (0, _) => other,
            (count, more) => Exact {
                count: count + more,
                min: min.min(other.min),
                max: max.max(other.max),
                sum: sum + other.sum,
            },
        };
    }
}

/// How many different values are kept one by one.
const DIFFERENT: usize = 1024;
/// How many steps of the histogram make one unit of the metric.
const PER_UNIT: f64 = 1000.0;
const LARGEST: u64 = 1 << 52;

impl Amounts {
    /// Records a value; negative ones count as 0.
    pub fn record(&mut self, value: f64) {
        let value = if value.is_nan() { 0.0 } else { value.clamp(0.0, LARGEST as f64 / PER_UNIT) };
        self.exact.add(Exact { count: 1, min: value, max: value, sum: value });
        self.note(value, 1);
    }

    fn note(&mut self, value: f64, times: u64) {
        if let Some(histogram) = &mut self.histogram {
            note_steps(histogram, value, times);
            return;
        }
        match self.values.binary_search_by(|(known, _)| known.total_cmp(&value)) {
            Ok(place) => self.values[place].1 += times,
            Err(place) if self.values.len() < DIFFERENT => self.values.insert(place, (value, times)),
            Err(_) => note_steps(self.gathered(), value, times),
        }
    }

    pub fn count(&self) -> u64 {
        self.exact.count
    }

    pub fn percentile(&self, percent: f64) -> Option<f64> {
        let Exact { count, min, max, .. } = self.exact;
        if let Some(histogram) = self.histogram.as_deref().filter(|_| count > 0) {
            return Some((histogram.value_at_percentile(percent) as f64 / PER_UNIT).clamp(min, max));
        }
        let rank = ((percent / 100.0 * count as f64).ceil() as u64).clamp(1, count.max(1));
        let mut so_far = 0;
        self.values.iter().find_map(|&(value, times)| {
            so_far += times;
            (so_far >= rank).then_some(value)
        })
    }

    pub fn mean(&self) -> Option<f64> {
        self.some().map(|exact| exact.sum / exact.count as f64)
    }

    pub fn min(&self) -> Option<f64> {
        self.some().map(|exact| exact.min)
    }

    pub fn max(&self) -> Option<f64> {
        self.some().map(|exact| exact.max)
    }

    pub fn add(&mut self, other: &Amounts) {
        self.exact.add(other.exact);
        for &(value, times) in &other.values {
            self.note(value, times);
        }
        if let Some(from) = &other.histogram {
            let added = self.gathered().add(from.as_ref());
            debug_assert!(added.is_ok(), "histograms of one kind add up");
        }
    }

    pub fn clear(&mut self) {
        self.values.clear();
        self.histogram = None;
        self.exact = Exact::default();
    }

    fn some(&self) -> Option<Exact> {
        (self.exact.count > 0).then_some(self.exact)
    }

    /// The histogram, with all values in it.
    fn gathered(&mut self) -> &mut Histogram<u64> {
        let histogram = self.histogram.get_or_insert_with(|| new_histogram(1));
        for (value, times) in std::mem::take(&mut self.values) {
            note_steps(histogram, value, times);
        }
        histogram
    }
}

/// Records a value in a histogram of steps that grows as needed, so that it cannot fail.
fn note_steps(histogram: &mut Histogram<u64>, value: f64, times: u64) {
    let steps = (value * PER_UNIT).round().clamp(0.0, LARGEST as f64) as u64;
    let recorded = histogram.record_n(steps, times);
    debug_assert!(recorded.is_ok(), "histograms grow");
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
    fn few_samples_and_many_tell_the_same() {
        let sample = |n: u64| Duration::from_nanos(1_000_000 + n * 7_919 % 1_000_003);
        let mut times = Times::default();
        for n in 0..=FEW as u64 {
            let before = times.clone();
            times.record(sample(n));
            assert_eq!(times.count(), n + 1);
            let mut sum = before.clone();
            let mut one = Times::default();
            one.record(sample(n));
            sum.add(&one);
            assert_eq!(sum.count(), n + 1);
            for percent in [1.0, 50.0, 90.0, 99.0, 100.0] {
                let exact = times.percentile(percent).unwrap().as_secs_f64();
                let hdr = times.histogram().unwrap().value_at_percentile(percent) as f64 / 1e9;
                assert!((exact / hdr - 1.0).abs() < 0.001, "p{percent} of {n}: {exact} {hdr}");
            }
        }
        assert!(times.few.is_empty() && times.many.is_some(), "they have become a histogram");
        let mut scratch = Histogram::<u64>::new(2).unwrap();
        times.add_to(&mut scratch).unwrap();
        assert_eq!(scratch.len(), times.count());
        times.clear();
        assert!(times.is_empty() && times.max().is_none() && times.percentile(50.0).is_none());
    }

    #[test]
    fn each_value_with_how_often() {
        let seen = |number: u64| {
            let mut times = Times::default();
            (0..number).for_each(|n| times.record(Duration::from_millis(1 + n % 2)));
            let (mut all, mut long) = (0, 0);
            times.each(|time, count| {
                all += count;
                long += if time > Duration::from_micros(1500) { count } else { 0 };
            });
            (all, long)
        };
        assert_eq!(seen(0), (0, 0));
        assert_eq!(seen(10), (10, 5));
        assert_eq!(seen(1000), (1000, 500));
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
    fn few_different_amounts_are_exact_and_many_nearly_so() {
        let mut amounts = Amounts::default();
        for value in [7.0, 7.0, 200.0, 7.0, 0.1] {
            amounts.record(value);
        }
        let percentiles = |amounts: &Amounts| [1.0, 50.0, 80.0, 81.0].map(|p| amounts.percentile(p).unwrap());
        assert_eq!(percentiles(&amounts).map(f64::to_bits), [0.1, 7.0, 7.0, 200.0].map(f64::to_bits));
        let mut sum = Amounts::default();
        sum.add(&amounts);
        sum.add(&amounts);
        assert_eq!((sum.count(), sum.percentile(50.0)), (10, Some(7.0)));

        let mut many = Amounts::default();
        (1..=DIFFERENT as u32).for_each(|n| many.record(f64::from(n)));
        assert_eq!(many.percentile(50.0), Some(512.0));
        many.record(0.5);
        assert!(many.values.is_empty() && many.histogram.is_some(), "they have become a histogram");
        assert_eq!(many.count(), DIFFERENT as u64 + 1);
        let median = many.percentile(50.0).unwrap();
        assert!((median / 512.0 - 1.0).abs() < 0.002, "{median}");
        // Either kind adds to the other.
        sum.add(&many);
        many.add(&amounts);
        assert_eq!((sum.count(), many.count()), (DIFFERENT as u64 + 11, DIFFERENT as u64 + 6));
        assert_eq!((sum.min(), sum.max()), (Some(0.1), Some(1024.0)));
        many.clear();
        assert_eq!((many.count(), many.percentile(50.0), many.mean()), (0, None, None));
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
