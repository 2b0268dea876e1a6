//! Fewer points than seconds: an hour's chart has room for some hundreds, and a page should stay small.

use super::track::{Combine, Track};

/// How many points a chart has at most.
const MOST: u32 = 500;

/// Seconds put together to points of the same length.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Thinned {
    /// Seconds that one point covers.
    pub(crate) step_s: u32,
    /// Where each point begins.
    pub(crate) at_s: Vec<u32>,
    /// For each point the places of its seconds, from and to.
    places: Vec<(usize, usize)>,
}

impl Thinned {
    /// `at_s` is in order.
    pub(crate) fn new(at_s: &[u32]) -> Thinned {
        let length = at_s.last().map_or(0, |last| last + 1);
        let step_s = length.div_ceil(MOST).max(1);
        let mut thinned = Thinned { step_s, at_s: Vec::new(), places: Vec::new() };
        for (place, at) in at_s.iter().enumerate() {
            let begin = at - at % step_s;
            match thinned.places.last_mut() {
                Some((_, to)) if thinned.at_s.last() == Some(&begin) => *to = place + 1,
                _ => {
                    thinned.at_s.push(begin);
                    thinned.places.push((place, place + 1));
                }
            }
        }
        thinned
    }

    /// The points of a track; none where none of the seconds has a value.
    pub(crate) fn points(&self, track: &Track) -> Vec<Option<f64>> {
        let point = |(from, to): &(usize, usize)| {
            let seconds = track.values.get(*from..*to).unwrap_or_default();
            let values = || seconds.iter().copied().flatten();
            match track.combine {
                Combine::Worst => values().reduce(f64::max),
                Combine::Mean => {
                    let sum = values().reduce(|sum, value| sum + value)?;
                    Some(sum / values().count() as f64)
                }
            }
        };
        self.places.iter().map(point).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::track::Measure;
    use super::*;

    #[test]
    fn short_runs_keep_their_seconds() {
        let at_s: Vec<u32> = (0..500).collect();
        let thinned = Thinned::new(&at_s);
        assert_eq!((thinned.step_s, &thinned.at_s), (1, &at_s));
        assert_eq!(Thinned::new(&[]).points(&Track::counts(&[])), []);
    }

    #[test]
    fn an_hour_fits_and_its_worst_second_is_still_there() {
        let at_s: Vec<u32> = (0..3600).collect();
        let thinned = Thinned::new(&at_s);
        assert_eq!((thinned.step_s, thinned.at_s.len()), (8, 450));
        let mut values = vec![Some(1.0); 3600];
        values[1000] = Some(900.0);
        values[0..8].fill(None);
        let worst = thinned.points(&Track::new(Measure::Millis, Combine::Worst, values.clone()));
        assert_eq!((worst[0], worst[1], worst[125]), (None, Some(1.0), Some(900.0)));
        let mean = thinned.points(&Track::new(Measure::PerSecond, Combine::Mean, values));
        assert_eq!(mean[125], Some((900.0 + 7.0) / 8.0));
    }

    #[test]
    fn seconds_that_are_missing_leave_no_points() {
        let thinned = Thinned::new(&[0, 1, 5, 1300]);
        assert_eq!((thinned.step_s, thinned.at_s.as_slice()), (3, [0, 3, 1299].as_slice()));
        let mean = thinned.points(&Track::counts(&[2, 4, 7, 9]));
        assert_eq!(mean, [Some(3.0), Some(7.0), Some(9.0)]);
        assert_eq!(thinned.points(&Track::counts(&[])), [None, None, None]);
    }
}
