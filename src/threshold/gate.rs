//! Thresholds that are watched while the load runs: those that end it at once (`abort`) and those judged on a
//! sliding window (`over`). Of all of them it remembers when single seconds broke them.

use std::collections::VecDeque;
use std::time::Duration;

use super::breaches::Breaches;
use super::judge::{Data, Gathered, Judgement, gather, holds, judge, seconds_under_load};
use super::load_time::LoadTime;
use crate::metrics::{Second, Staged, Watched};
use crate::scenario::model::Catalog;
use crate::scenario::threshold::{Aggregate, Comparison, Metric, Threshold};

/// A threshold that ends the run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Broken {
    /// Its place among the thresholds of the test.
    pub threshold: usize,
    /// In the metric's unit.
    pub observed: f64,
}

/// Ticks come a little early or late; never by this much.
const SLACK: Duration = Duration::from_millis(500);

/// Looks at the watched thresholds each second, and remembers what it saw for the verdict.
#[derive(Debug)]
pub struct Gate<'a> {
    thresholds: &'a [Threshold],
    catalog: &'a Catalog,
    planned: LoadTime,
    watched: Vec<Gated>,
    /// One for each threshold.
    breaches: Vec<Breaches>,
}

#[derive(Debug)]
struct Gated {
    /// Its place among the thresholds.
    index: usize,
    window: Option<Window>,
    seen: Seen,
}

/// What a watched threshold was seen to be.
#[derive(Debug, Default)]
struct Seen {
    /// The value furthest on the wrong side of the limit, or nearest to it, with its samples.
    worst: Option<(f64, u64)>,
    broken_at: Option<Duration>,
    aborted: bool,
}

impl<'a> Gate<'a> {
    pub fn new(thresholds: &'a [Threshold], catalog: &'a Catalog, planned: LoadTime) -> Self {
        let watched = |(index, threshold): (usize, &Threshold)| {
            // A drift is one of the whole run by its nature.
            let over = threshold.over.filter(|_| threshold.aggregate != Aggregate::Drift);
            // What is watched is kept by the second anyway.
            let is_kept = matches!(threshold.metric, Metric::Watched { .. });
            (threshold.abort || over.is_some()).then(|| Gated {
                index,
                window: over.filter(|_| !is_kept).map(Window::new),
                seen: Seen::default(),
            })
        };
        let watched = thresholds.iter().enumerate().filter_map(watched).collect();
        let breaches = vec![Breaches::default(); thresholds.len()];
        Gate { thresholds, catalog, planned, watched, breaches }
    }

    /// When what is under load; to be told of what turns out otherwise than planned.
    pub fn load_time(&mut self) -> &mut LoadTime {
        &mut self.planned
    }

    /// To be called at the end of each second of the load, with everything so far and what that second added;
    /// `target` is what was watched until then.
    ///
    /// `elapsed` counts from the beginning of the load. After its planned end nothing is judged any more: a
    /// window on a draining target says nothing. No samples, no decision.
    pub fn tick(
        &mut self,
        elapsed: Duration,
        totals: &Staged,
        interval: &Staged,
        seconds: &[Second],
        target: &Watched,
    ) -> Option<Broken> {
        if elapsed > self.planned.end().saturating_add(SLACK) {
            return None;
        }
        for (threshold, breaches) in self.thresholds.iter().zip(&mut self.breaches) {
            breaches.tick(threshold, self.catalog, elapsed, interval);
        }
        let mut ends = None;
        for watched in &mut self.watched {
            let threshold = &self.thresholds[watched.index];
            let value = if let Some(window) = &mut watched.window {
                if let Some(gathered) = gather(threshold, self.catalog, interval) {
                    window.push(elapsed, gathered);
                }
                window.merged(elapsed).and_then(|gathered| {
                    let load = self.planned.between(elapsed.saturating_sub(window.length), elapsed);
                    let seconds = seconds_under_load(threshold, self.catalog, &load);
                    gathered.value(threshold.aggregate, seconds).ok()
                })
            } else {
                // Of what is watched every second is kept: a window is a look at the last ones.
                let over = threshold.over.filter(|_| matches!(threshold.metric, Metric::Watched { .. }));
                let from = over.map_or(Duration::ZERO, |over| elapsed.saturating_sub(over));
                // It says nothing before it is full.
                let is_full = over.is_none_or(|over| elapsed + SLACK >= over);
                let load = self.planned.between(from, elapsed);
                let data = Data { totals, load: &load, seconds, watched: target };
                let judgement = judge(threshold, self.catalog, &data);
                judgement.observed.filter(|_| is_full).map(|observed| (observed, judgement.samples))
            };
            let Some((observed, samples)) = value.filter(|_| elapsed >= threshold.after) else { continue };
            // A count that has yet to be reached, like `count > 0`, is not broken before anything happened. A
            // window in which nothing happened is another thing.
            if samples == 0
                && watched.window.is_none()
                && !holds(observed, threshold.comparison, threshold.limit)
            {
                continue;
            }
            watched.seen.note(threshold, elapsed, observed, samples);
            if threshold.abort && watched.seen.broken_at.is_some() && ends.is_none() {
                watched.seen.aborted = true;
                ends = Some(Broken { threshold: watched.index, observed });
            }
        }
        ends
    }

    /// The final word on all thresholds, in their order: on the whole run, or on what was seen of windows.
    ///
    /// `data` is that of the whole run, its time under load clipped to where the load ended.
    pub fn judge_all(&self, data: &Data<'_>) -> Vec<Judgement> {
        let judged = |(index, threshold): (usize, &Threshold)| {
            let whole = judge(threshold, self.catalog, data);
            let judgement = match self.watched.iter().find(|watched| watched.index == index) {
                Some(watched) => watched.seen.verdict(whole, threshold),
                None => whole,
            };
            let breaches = self.breaches.get(index).map_or_else(Vec::new, |seen| seen.found().to_vec());
            Judgement { breaches, ..judgement }
        };
        self.thresholds.iter().enumerate().map(judged).collect()
    }
}

impl Seen {
    fn note(&mut self, threshold: &Threshold, elapsed: Duration, observed: f64, samples: u64) {
        let met = holds(observed, threshold.comparison, threshold.limit);
        if !met {
            self.broken_at.get_or_insert(elapsed);
        }
        let worse = |than: f64| match threshold.comparison {
            Comparison::Less | Comparison::LessOrEqual => observed > than,
            Comparison::Greater | Comparison::GreaterOrEqual => observed < than,
            Comparison::Equal | Comparison::NotEqual => !met,
        };
        if self.worst.is_none_or(|(worst, _)| worse(worst)) {
            self.worst = Some((observed, samples));
        }
    }

    /// What was seen, and the judgement on the whole run where that is what counts.
    fn verdict(&self, whole: Judgement, threshold: &Threshold) -> Judgement {
        // Without a window, only what ended the run outweighs the whole of it.
        let decisive = threshold.over.is_some() || self.aborted;
        let Some((observed, samples)) = self.worst.filter(|_| decisive) else { return whole };
        let met = self.broken_at.is_none();
        Judgement {
            observed: Some(observed),
            met,
            samples,
            reason: None,
            broken_at: self.broken_at,
            aborted: self.aborted,
            breaches: Vec::new(),
        }
    }
}

/// What one threshold gathered in the last so many seconds.
///
/// Long windows are kept in slices of several seconds, so that memory is bounded whatever their length; they
/// then reach back by up to one slice more.
#[derive(Debug)]
struct Window {
    length: Duration,
    slice: Duration,
    /// When each slice began, oldest first.
    slices: VecDeque<(Duration, Gathered)>,
    /// When the first second that was pushed began.
    began: Option<Duration>,
}

/// At most so many slices make a window.
const SLICES: u32 = 60;

impl Window {
    fn new(length: Duration) -> Self {
        let slice = (length / SLICES).max(Duration::from_secs(1));
        Window { length, slice, slices: VecDeque::new(), began: None }
    }

    /// Adds the second that ended at `end`.
    fn push(&mut self, end: Duration, gathered: Gathered) {
        let begin = end.saturating_sub(Duration::from_secs(1));
        self.began.get_or_insert(begin);
        match self.slices.back_mut() {
            Some((since, slice)) if end < *since + self.slice + SLACK => slice.add(&gathered),
            _ => self.slices.push_back((begin, gathered)),
        }
        while self
            .slices
            .front()
            .is_some_and(|(since, _)| *since + self.slice < (end + SLACK).saturating_sub(self.length))
        {
            self.slices.pop_front();
        }
        while self.slices.len() > SLICES as usize + 1 {
            self.slices.pop_front();
        }
    }

    /// All of the window; none before it is full.
    fn merged(&self, end: Duration) -> Option<Gathered> {
        let full = end.saturating_sub(self.began?) + SLACK >= self.length;
        let mut slices = self.slices.iter();
        let mut merged = slices.next().filter(|_| full)?.1.clone();
        slices.for_each(|(_, slice)| merged.add(slice));
        Some(merged)
    }
}

#[cfg(test)]
mod tests;
