//! The difference of a figure between two sides: how large, how sure, and in a word.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF as _, Normal, StudentsT};

use super::bootstrap::Draws;
use super::figure::{Figure, Goal, Scale};
use super::sample::{Sample, Tally};

/// A difference in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// Surely better, by more than the margin.
    Better,
    /// Surely worse, by more than the margin.
    Worse,
    /// Surely more, of something of which more is neither better nor worse.
    More,
    /// Surely less, of something of which less is neither better nor worse.
    Less,
    /// What was measured may be chance, or is too small to matter. Not the same as being equal.
    NoDifference,
    /// There is too little to tell; `reason` says of what.
    NotJudged,
}

/// What became of a figure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// In the figure's unit; none where one side has no value.
    pub absolute: Option<f64>,
    /// Of the first side's value: 0.1 is ten percent more.
    pub relative: Option<f64>,
    /// Where the true change lies with the comparison's confidence: relative, but for shares, where it is in
    /// points (0.01 is one point of a hundred). None where it is not judged.
    pub interval: Option<Interval>,
    /// The same in a word.
    pub word: Word,
    /// Why it is not judged.
    pub reason: Option<String>,
}

/// From where to where a change may lie.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Interval {
    /// The least it is.
    pub low: f64,
    /// The most it is.
    pub high: f64,
}

/// How differences are judged.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules<'a> {
    pub(super) draws: &'a Draws,
    /// Between 0 and 1.
    pub(super) confidence: f64,
    /// Relative changes up to this are none, however sure.
    pub(super) margin: f64,
}

/// What one side measured: all its runs together, and each alone.
#[derive(Debug)]
pub(super) struct Measured {
    pub(super) pooled: Sample,
    /// Where there are several.
    pub(super) runs: Vec<Sample>,
}

/// Fewer windows than this, and a draw is no picture of the run.
pub(super) const FEWEST_WINDOWS: usize = 10;

impl Change {
    fn not_judged(reason: impl Into<String>) -> Change {
        Change {
            absolute: None,
            relative: None,
            interval: None,
            word: Word::NotJudged,
            reason: Some(reason.into()),
        }
    }
}

/// From `base` to `other`, for each of the figures; draws are made once for all of them.
pub(super) fn changes(
    figures: &[(Figure, Goal)],
    base: &Measured,
    other: &Measured,
    rules: Rules<'_>,
) -> Vec<Change> {
    let sides = [&base.pooled, &other.pooled];
    let mut judged: Vec<Result<Judged, String>> =
        figures.iter().map(|(figure, _)| Judged::new(*figure, sides)).collect();
    if let [Some(before), Some(after)] = sides.map(|side| side.course.as_ref())
        && judged.iter().any(Result::is_ok)
    {
        for number in 0..rules.draws.len() {
            if let [Some(before), Some(after)] = [before, after].map(|side| side.drawn(rules.draws, number)) {
                judged.iter_mut().flatten().for_each(|judged| judged.draw(&before, &after));
            }
        }
    }
    let change = |((figure, goal), judged): (&(Figure, Goal), Result<Judged, String>)| {
        let (Some(before), Some(after)) = (figure.value(sides[0]), figure.value(sides[1])) else {
            return Change::not_judged("no samples");
        };
        let interval = judged.and_then(|judged| judged.interval(base, other, rules));
        Change {
            absolute: Some(after - before),
            relative: (before > 0.0).then(|| after / before - 1.0),
            word: interval.as_ref().map_or(Word::NotJudged, |&it| word(*figure, *goal, it, rules.margin)),
            reason: interval.as_ref().err().cloned(),
            interval: interval.ok(),
        }
    };
    figures.iter().zip(judged).map(change).collect()
}

fn word(figure: Figure, goal: Goal, interval: Interval, margin: f64) -> Word {
    let margin = match figure.scale() {
        Scale::Relative => margin,
        Scale::Absolute => 0.0,
    };
    let more = interval.low > margin;
    let less = interval.high < -margin;
    match (goal, more, less) {
        (_, false, false) => Word::NoDifference,
        (Goal::Neither, true, _) => Word::More,
        (Goal::Neither, false, true) => Word::Less,
        (Goal::Higher, true, _) | (Goal::Lower, false, true) => Word::Better,
        (Goal::Higher, false, true) | (Goal::Lower, true, _) => Word::Worse,
    }
}

/// A figure of which there is enough to judge a change, and what draws make of it. All on the figure's scale.
struct Judged {
    figure: Figure,
    /// The change of the exact values.
    point: f64,
    /// The change of what the windows make of them: what draws deviate from.
    whole: f64,
    /// Of the side that has fewer.
    windows: usize,
    deviations: Vec<f64>,
}

impl Judged {
    fn new(figure: Figure, sides: [&Sample; 2]) -> Result<Judged, String> {
        const TOO_FEW: &str = "too few samples";
        if !sides.iter().all(|side| figure.has_enough(side)) {
            return Err(TOO_FEW.into());
        }
        let [Some(before), Some(after)] = sides.map(|side| side.course.as_ref()) else {
            return Err("no windows".into());
        };
        let windows = before.windows().min(after.windows());
        if before.shortest().min(after.shortest()) < FEWEST_WINDOWS {
            return Err("too short".into());
        }
        let values = sides.map(|side| figure.value(side).and_then(|value| figure.on_scale(value)));
        let wholes = [figure.drawn(&before.whole()), figure.drawn(&after.whole())];
        match (values, wholes) {
            ([Some(before), Some(after)], [Some(whole_before), Some(whole_after)]) => Ok(Judged {
                figure,
                point: after - before,
                whole: whole_after - whole_before,
                windows,
                deviations: Vec::new(),
            }),
            _ => Err(TOO_FEW.into()),
        }
    }

    fn draw(&mut self, before: &Tally<'_>, after: &Tally<'_>) {
        if let (Some(before), Some(after)) = (self.figure.drawn(before), self.figure.drawn(after)) {
            self.deviations.push(after - before - self.whole);
        }
    }

    fn interval(mut self, base: &Measured, other: &Measured, rules: Rules<'_>) -> Result<Interval, String> {
        // Draws in which none of the answers are say nothing; where they are many, nor do the others.
        if self.deviations.is_empty() || self.deviations.len() * 10 < rules.draws.len() * 9 {
            return Err("too few samples".into());
        }
        self.deviations.sort_by(f64::total_cmp);
        let tail = (1.0 - rules.confidence) / 2.0;
        let correction = rules.draws.correction(self.windows, rules.confidence);
        let end = |share| self.point + quantile(&self.deviations, share) * correction;
        let (mut low, mut high) = (end(tail), end(1.0 - tail));
        if self.figure == Figure::Share {
            let score = score_interval(&base.pooled, &other.pooled, rules.confidence);
            (low, high) = (low.min(score.low), high.max(score.high));
        }
        if let Some(half) = between_runs(self.figure, base, other, rules.confidence) {
            (low, high) = (low.min(self.point - half), high.max(self.point + half));
        }
        Ok(match self.figure.scale() {
            Scale::Relative => Interval { low: low.exp_m1(), high: high.exp_m1() },
            Scale::Absolute => Interval { low, high },
        })
    }
}

/// Of sorted values, with linear interpolation between two (Hyndman and Fan's definition 7).
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return 0.0 };
    let place = share.clamp(0.0, 1.0) * last as f64;
    let below = sorted[place.floor() as usize];
    let above = sorted[place.ceil() as usize];
    below + (above - below) * place.fract()
}

/// The interval of a difference of two shares, by Wilson's scores: where something never came, no draw has it,
/// and yet it may come (Newcombe, "Interval estimation for the difference between independent proportions:
/// comparison of eleven methods", Statistics in Medicine 17, 1998, method 10).
fn score_interval(base: &Sample, other: &Sample, confidence: f64) -> Interval {
    let z = Normal::standard().inverse_cdf(0.5 + confidence / 2.0);
    let wilson = |sample: &Sample| {
        let (share, n) = (sample.count as f64 / sample.of as f64, sample.of as f64);
        let centre = share + z * z / (2.0 * n);
        let half = z * (share * (1.0 - share) / n + z * z / (4.0 * n * n)).sqrt();
        let whole = 1.0 + z * z / n;
        (share, (centre - half) / whole, (centre + half) / whole)
    };
    let (before, before_low, before_high) = wilson(base);
    let (after, after_low, after_high) = wilson(other);
    let difference = after - before;
    Interval {
        low: difference - (after - after_low).hypot(before_high - before),
        high: difference + (after_high - after).hypot(before - before_low),
    }
}

/// Half the width of the interval by what runs of one side differ among themselves: Welch's t, on the scale of
/// the figure. A single run has no such spread; it is taken to be that of the other side.
///
/// Two runs of the same thing differ by more than their windows tell (memory layout, neighbours on the machine):
/// Georges, Buytaert and Eeckhout, "Statistically rigorous Java performance evaluation", OOPSLA 2007.
fn between_runs(figure: Figure, base: &Measured, other: &Measured, confidence: f64) -> Option<f64> {
    let spread = |runs: &[Sample]| {
        let values: Option<Vec<f64>> =
            runs.iter().map(|run| figure.value(run).and_then(|value| figure.on_scale(value))).collect();
        let values = values?;
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0);
        (values.len() > 1).then_some((variance, n))
    };
    let (error, freedom) = match (spread(&base.runs), spread(&other.runs)) {
        (None, None) => return None,
        (Some((variance, n)), None) | (None, Some((variance, n))) => {
            ((variance * (1.0 + 1.0 / n)).sqrt(), n - 1.0)
        }
        (Some((v1, n1)), Some((v2, n2))) => {
            let (e1, e2) = (v1 / n1, v2 / n2);
            let freedom = (e1 + e2).powi(2) / (e1.powi(2) / (n1 - 1.0) + e2.powi(2) / (n2 - 1.0));
            ((e1 + e2).sqrt(), if freedom.is_finite() { freedom } else { n1 + n2 - 2.0 })
        }
    };
    let t = StudentsT::new(0.0, 1.0, freedom).ok()?.inverse_cdf(0.5 + confidence / 2.0);
    Some(t * error)
}

#[cfg(test)]
mod tests;
