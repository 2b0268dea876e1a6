//! Turning points: when a course left what it was at first, and when it came back.
//!
//! The method is a simple one, to be understood by whoever reads a review:
//!
//! 1. The first tenth of the load (at least 5 seconds, at most 60) is warm-up. What is normal is its median; how
//!    much is normal about it, the median of the absolute differences from that (times 1.4826, which makes it the
//!    standard deviation of what is normally distributed).
//! 2. The bound is the median, and above it the greatest of: four of these deviations, a share of the median, and
//!    a fixed amount below which a difference does not matter.
//! 3. A departure begins with the first of three seconds in a row beyond the bound, and ends before the first of
//!    three within it. Seconds without a value are neither.

/// So many seconds in a row begin and end a departure.
const IN_A_ROW: usize = 3;
/// So many deviations are still normal.
const DEVIATIONS: f64 = 4.0;

/// What makes a difference one that matters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rule {
    /// As a share of what is normal: 1 is twice as much.
    pub(crate) share: f64,
    /// In the unit of the values.
    pub(crate) amount: f64,
}

/// A stretch of time beyond what is normal, in seconds since the beginning of the load.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Departure {
    pub(crate) normal: f64,
    pub(crate) bound: f64,
    pub(crate) from_s: u32,
    /// None where it lasted to the end.
    pub(crate) to_s: Option<u32>,
    pub(crate) worst: f64,
    pub(crate) worst_at_s: u32,
}

/// How many seconds of the load are warm-up.
pub(crate) fn warm_up(load_s: f64) -> f64 {
    (load_s / 10.0).clamp(5.0, 60.0)
}

/// The median of the values of some seconds; none where there are none.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.filter(|value| value.is_finite()).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// When the values went beyond what is normal, in their order. `at_s` and `values` belong together; what comes after
/// the load is not looked at.
pub(crate) fn departures(at_s: &[u32], values: &[Option<f64>], load_s: f64, rule: Rule) -> Vec<Departure> {
    let seconds: Vec<(u32, f64)> = at_s
        .iter()
        .zip(values)
        .filter_map(|(at, value)| Some((*at, (*value)?)))
        .filter(|(at, value)| f64::from(*at) < load_s && value.is_finite())
        .collect();
    let Some((normal, bound)) = normal(&seconds, warm_up(load_s), rule) else { return Vec::new() };
    let mut found: Vec<Departure> = Vec::new();
    // Seconds in a row on the other side than the last ones that counted.
    let mut turning: Vec<(u32, f64)> = Vec::new();
    for (at, value) in seconds {
        let open = found.last_mut().filter(|departure| departure.to_s.is_none());
        let is_beyond = value > bound;
        if is_beyond == open.is_some() {
            if let Some(departure) = open {
                departure.note(at, value);
                // A second or two within the bound between others beyond it.
                turning.iter().for_each(|(at, value)| departure.note(*at, *value));
            }
            turning.clear();
            continue;
        }
        turning.push((at, value));
        if turning.len() < IN_A_ROW {
            continue;
        }
        let (from_s, worst) = turning[0];
        match open {
            Some(departure) => departure.to_s = Some(from_s),
            None => {
                let mut new = Departure { normal, bound, from_s, to_s: None, worst, worst_at_s: from_s };
                turning.iter().for_each(|(at, value)| new.note(*at, *value));
                found.push(new);
            }
        }
        turning.clear();
    }
    found
}

/// What is normal, and the bound of it; none where the warm-up says too little.
fn normal(seconds: &[(u32, f64)], warm_s: f64, rule: Rule) -> Option<(f64, f64)> {
    let warm = || seconds.iter().filter(|(at, _)| f64::from(*at) < warm_s).map(|(_, value)| *value);
    if warm().count() < IN_A_ROW {
        return None;
    }
    let normal = median(warm())?;
    let deviation = 1.4826 * median(warm().map(|value| (value - normal).abs()))?;
    let allowed = (DEVIATIONS * deviation).max(rule.share * normal.abs()).max(rule.amount);
    Some((normal, normal + allowed))
}

impl Departure {
    fn note(&mut self, at_s: u32, value: f64) {
        if value > self.worst {
            (self.worst, self.worst_at_s) = (value, at_s);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RULE: Rule = Rule { share: 1.0, amount: 1.0 };

    /// The departures of values that come one a second; a dash is a second without one.
    fn of(course: &str) -> Vec<(u32, Option<u32>, f64)> {
        let values: Vec<Option<f64>> = course.split_whitespace().map(|word| word.parse().ok()).collect();
        let at_s: Vec<u32> = (0..).take(values.len()).collect();
        let found = departures(&at_s, &values, values.len() as f64, RULE);
        found.iter().map(|departure| (departure.from_s, departure.to_s, departure.worst)).collect()
    }

    #[test]
    fn what_is_sustained_counts() {
        assert_eq!(of("2 2 2 2 2 2 2 2"), []);
        assert_eq!(of("2 2 2 2 2 9 9 2 2 9 2"), [], "two seconds are none");
        assert_eq!(of("2 2 2 2 2 9 8 7 2 2 2"), [(5, Some(8), 9.0)]);
        assert_eq!(
            of("2 2 2 2 2 9 8 30 2 2 40 2 2 2"),
            [(5, Some(11), 40.0)],
            "two good seconds end nothing"
        );
        assert_eq!(of("2 2 2 2 2 9 8 7 6"), [(5, None, 9.0)], "it lasts to the end");
        assert_eq!(of("2 2 2 2 2 9 9 9 2 2 2 2 8 8 8"), [(5, Some(8), 9.0), (12, None, 8.0)]);
    }

    #[test]
    fn seconds_without_a_value_are_neither() {
        assert_eq!(of("2 2 - 2 2 9 - - 8 - 7 2 - 2 2"), [(5, Some(11), 9.0)]);
        assert_eq!(of("- - - - - 9 9 9"), [], "without a warm-up nothing is normal");
    }

    #[test]
    fn what_varies_at_first_may_vary_later() {
        // The median is 10 and the deviation 4 × 1.4826: up to 33.7 is normal, where the rule alone would say 20.
        assert_eq!(of("10 6 14 10 14 25 26 27 2 2"), []);
        assert_eq!(of("10 6 14 10 14 35 36 37 2 2"), [(5, None, 37.0)]);
    }

    #[test]
    fn warm_up_is_a_tenth_within_bounds() {
        let whole = |load_s: f64| warm_up(load_s).round() as u32;
        assert_eq!([10.0, 200.0, 86_400.0].map(whole), [5, 20, 60]);
        let long: Vec<Option<f64>> =
            (0..200).map(|second| Some(if second < 20 { 2.0 } else { 5.0 })).collect();
        let at_s: Vec<u32> = (0..200).collect();
        assert_eq!(departures(&at_s, &long, 200.0, RULE)[0].from_s, 20);
        // Draining is no part of it.
        assert_eq!(departures(&at_s, &long, 20.0, RULE), []);
    }

    proptest! {
        #[test]
        fn departures_are_apart_and_hold_their_worst(values in prop::collection::vec(prop::option::of(0.0..100.0_f64), 0..120)) {
            let at_s: Vec<u32> = (0..).take(values.len()).collect();
            let found = departures(&at_s, &values, values.len() as f64, RULE);
            let mut last = 0;
            for (number, departure) in found.iter().enumerate() {
                prop_assert!(departure.from_s >= last);
                prop_assert!(departure.to_s.is_some() || number + 1 == found.len());
                prop_assert!(departure.worst > departure.bound && departure.bound > departure.normal);
                let end = departure.to_s.unwrap_or(u32::MAX);
                prop_assert!((departure.from_s..end).contains(&departure.worst_at_s));
                prop_assert_eq!(values[departure.worst_at_s as usize], Some(departure.worst));
                last = end;
            }
        }
    }
}
