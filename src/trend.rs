//! Whether a series goes somewhere: its slope, and how sure one can be of it. Pure functions.
//!
//! The slope is that of Theil and Sen, the median of the slopes between all pairs (P. K. Sen, 'Estimates of the
//! regression coefficient based on Kendall's tau', JASA 63, 1968): a quarter of the seconds may be wild, and it
//! stays as it is.
//!
//! Seconds follow each other: a slow one comes with slow neighbours, memory stays where it was. Taken as
//! independent they would make every series look sure of something. So the series is first cut into windows,
//! each as its median, and these count as fewer the more each resembles the one before it (B. D. Santer and
//! others, 'Statistical significance of trends and trend differences in layer-average atmospheric temperature
//! time series', Journal of Geophysical Research 105, 2000). The slope is then held against Student's t.
//!
//! Why not the rank test of Mann and Kendall: it knows how many pairs rise, and not how far. Where neighbours
//! resemble each other it took one series in seven without a trend for one that has (with the correction of
//! Hamed and Rao, 1998), or, corrected further, missed leaks of forty times the swing around them.

use statrs::distribution::{ContinuousCDF as _, StudentsT};

/// A series is cut into at most so many windows.
const WINDOWS: usize = 60;
/// Of fewer windows nothing is said.
const FEWEST: usize = 10;
/// Windows count as so many independent values at least. Few of them resemble each other by chance, and then
/// even a straight line with a bend would be in doubt.
const FEWEST_INDEPENDENT: f64 = 6.0;
/// How sure the bounds of a slope are.
const CONFIDENCE: f64 = 0.95;

/// Where a series goes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trend {
    /// Per second.
    pub slope: f64,
    /// The slope lies between this and `high` in 95 of 100 series of this kind.
    pub low: f64,
    pub high: f64,
    /// How likely a series that goes nowhere would look like this one, or more so.
    pub p_value: f64,
    /// What the series begins with, by its slope.
    pub begins: f64,
    /// How many windows this rests on.
    pub windows: usize,
    /// Seconds between the first and the last point.
    pub span: f64,
}

/// The trend of points in the order of their times: seconds, and a value each. None where they are too few.
pub fn trend(points: &[(f64, f64)]) -> Option<Trend> {
    let windows = windows(points);
    if windows.len() < FEWEST {
        return None;
    }
    let slope = median(&slopes(&windows))?;
    let (first, last) = (points.first()?.0, points.last()?.0);
    let rests: Vec<f64> = windows.iter().map(|(at, value)| value - slope * (at - first)).collect();
    let (error, freedom) = Rests::new(&rests).error_of_slope(&windows);
    let student = StudentsT::new(0.0, 1.0, freedom).ok()?;
    let half = error * student.inverse_cdf(f64::midpoint(1.0, CONFIDENCE));
    let p_value = match (slope.abs(), error) {
        (0.0, _) => 1.0,
        (_, 0.0) => 0.0,
        (slope, error) => 2.0 * student.sf(slope / error),
    };
    let begins = median(&sorted(rests))?;
    // Figures near the end of what a float holds overflow.
    let is_sane = [slope, half, begins].iter().all(|figure| figure.is_finite());
    is_sane.then_some(Trend {
        slope,
        low: slope - half,
        high: slope + half,
        p_value,
        begins,
        windows: windows.len(),
        span: last - first,
    })
}

/// Windows of equal length, each of a second at least, as the mean of its times and the median of its values.
fn windows(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let (Some((first, _)), Some((last, _))) = (points.first(), points.last()) else { return Vec::new() };
    let length = ((last - first) / WINDOWS as f64).max(1.0);
    let number = |at: f64| (((at - first) / length) as usize).min(WINDOWS - 1);
    let parts = points.chunk_by(|(one, _), (next, _)| number(*one) == number(*next));
    let window = |part: &[(f64, f64)]| {
        let at = part.iter().map(|(at, _)| at).sum::<f64>() / part.len() as f64;
        Some((at, median(&sorted(part.iter().map(|(_, value)| *value).collect()))?))
    };
    parts.filter_map(window).collect()
}

/// The slopes between all pairs, in the order of their size.
fn slopes(points: &[(f64, f64)]) -> Vec<f64> {
    let mut slopes = Vec::with_capacity(points.len() * points.len().saturating_sub(1) / 2);
    for (place, (at, value)) in points.iter().enumerate() {
        let later = points[place + 1..].iter().filter(|(later, _)| later > at);
        slopes.extend(later.map(|(later, other)| (other - value) / (later - at)));
    }
    sorted(slopes)
}

/// What is left of a series without its slope: how far it swings, and how long a swing lasts.
#[derive(Debug)]
struct Rests {
    /// Squared swings, summed.
    squares: f64,
    /// How much a value resembles the one before it: 0 not at all, 1 entirely.
    resemblance: f64,
    count: f64,
}

impl Rests {
    fn new(rests: &[f64]) -> Rests {
        let count = rests.len() as f64;
        let mean = rests.iter().sum::<f64>() / count;
        let squares: f64 = rests.iter().map(|rest| (rest - mean).powi(2)).sum();
        let together: f64 = rests.windows(2).map(|pair| (pair[0] - mean) * (pair[1] - mean)).sum();
        let seen = if squares > 0.0 { together / squares } else { 0.0 };
        // What is seen in few values is too little (M. G. Kendall, Biometrika 41, 1954).
        let resemblance = (seen + (1.0 + 4.0 * seen) / count).clamp(0.0, 0.95);
        Rests { squares, resemblance, count }
    }

    /// As how many independent values they count: formula 6 of Santer and others.
    fn independent(&self) -> f64 {
        (self.count * (1.0 - self.resemblance) / (1.0 + self.resemblance)).max(FEWEST_INDEPENDENT)
    }

    /// The standard error of a slope over these times, and its degrees of freedom: formulas 3 to 5.
    fn error_of_slope(&self, times: &[(f64, f64)]) -> (f64, f64) {
        let middle = times.iter().map(|(at, _)| at).sum::<f64>() / self.count;
        let spread: f64 = times.iter().map(|(at, _)| (at - middle).powi(2)).sum();
        let freedom = self.independent() - 2.0;
        ((self.squares / freedom / spread).sqrt(), freedom)
    }
}

fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values
}

/// Of values in the order of their size.
fn median(sorted: &[f64]) -> Option<f64> {
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    let lower = if sorted.len().is_multiple_of(2) { sorted[middle - 1] } else { upper };
    Some(f64::midpoint(lower, upper))
}

#[cfg(test)]
mod tests;
