//! Series of which the truth is known.

use proptest::prelude::*;

use super::*;

/// Numbers that look drawn at random, from -1 to 1, the same for the same seed.
fn noise(seed: u64) -> impl Iterator<Item = f64> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    })
}

/// One point a second.
fn series(values: impl IntoIterator<Item = f64>) -> Vec<(f64, f64)> {
    (0..).map(f64::from).zip(values).collect()
}

/// Each value resembles the one before it by this much.
fn resembling(seed: u64, much: f64) -> impl Iterator<Item = f64> {
    noise(seed).scan(0.0, move |before, fresh| {
        *before = *before * much + fresh;
        Some(*before)
    })
}

/// How many of so many series without a trend are taken for one that has.
fn false_alarms(series_of: impl Fn(u64) -> Vec<(f64, f64)>) -> usize {
    (1..=400).filter(|seed| trend(&series_of(*seed)).unwrap().p_value < 0.01).count()
}

#[test]
fn a_straight_line_is_found_as_it_is() {
    let trend = trend(&series((0..300).map(|second| 20.0 + 0.5 * f64::from(second)))).unwrap();
    assert!((trend.slope - 0.5).abs() < 1e-9 && (trend.begins - 20.0).abs() < 1e-6, "{trend:?}");
    assert!((trend.low - 0.5).abs() < 1e-9 && (trend.high - 0.5).abs() < 1e-9, "{trend:?}");
    assert!(trend.p_value < 1e-6 && trend.windows == 60, "{trend:?}");
    assert!((trend.span - 299.0).abs() < 1e-9);
}

#[test]
fn what_stays_the_same_goes_nowhere() {
    let trend = trend(&series(std::iter::repeat_n(7.0, 100))).unwrap();
    assert_eq!((trend.slope, trend.low, trend.high, trend.begins), (0.0, 0.0, 0.0, 7.0));
    assert!((trend.p_value - 1.0).abs() < 1e-9);
}

#[test]
fn few_seconds_say_nothing() {
    assert_eq!(trend(&[]), None);
    assert_eq!(trend(&series((0..9).map(f64::from))), None);
    assert!(trend(&series((0..10).map(f64::from))).is_some());
}

/// By hand: swings of 1 0 -1 0 about their middle, over and over.
#[test]
fn the_error_of_a_slope() {
    let rests: Vec<f64> = [1.0, 0.0, -1.0, 0.0].repeat(5);
    let independent = Rests::new(&rests);
    assert!((independent.squares - 10.0).abs() < 1e-9 && independent.count > 19.9);
    // Neighbours have nothing in common; a twentieth is what 20 values hide.
    assert!((independent.resemblance - 0.05).abs() < 1e-9, "{independent:?}");
    assert!((independent.independent() - 20.0 * 0.95 / 1.05).abs() < 1e-9);
    let (error, freedom) = independent.error_of_slope(&series(rests));
    assert!((freedom - 16.095_238).abs() < 1e-6);
    // The squares of -9.5 … 9.5 sum up to 665.
    assert!((error - (10.0 / 16.095_238 / 665.0_f64).sqrt()).abs() < 1e-9, "{error}");
    let slow = Rests::new(&[[1.0; 10], [-1.0; 10]].concat());
    assert!((slow.independent() - FEWEST_INDEPENDENT).abs() < 1e-9, "{slow:?}");
}

#[test]
fn chance_is_seldom_taken_for_a_trend() {
    let alarms = false_alarms(|seed| series(noise(seed).take(300)));
    assert!(alarms <= 8, "{alarms} of 400 series of pure chance");
    let alarms = false_alarms(|seed| series(resembling(seed, 0.8).take(300)));
    assert!(alarms <= 12, "{alarms} of 400 series in which seconds resemble their neighbours");
    let alarms = false_alarms(|seed| series(resembling(seed, 0.5).take(30)));
    assert!(alarms <= 20, "{alarms} of 400 short ones of these");
}

/// A collector that lets garbage grow and takes it away again is no leak.
#[test]
fn a_sawtooth_goes_nowhere() {
    for period in [7, 20, 45, 90] {
        let values = (0..600).map(|second| f64::from(second % period));
        let trend = trend(&series(values)).unwrap();
        let growth = trend.slope * trend.span;
        assert!(trend.p_value > 0.01 || growth.abs() < 0.1 * f64::from(period), "{period}: {trend:?}");
    }
}

/// A step is taken once, and is no growth that goes on.
#[test]
fn a_single_step_has_no_slope() {
    for at in [50, 150, 250] {
        let trend = trend(&series((0..300).map(|second| if second < at { 10.0 } else { 20.0 }))).unwrap();
        assert!(trend.p_value > 0.01 || (trend.slope * trend.span).abs() < 1.0, "{at}: {trend:?}");
    }
}

/// As memory often does: fast at first, then slower. That it grows is beyond doubt all the same.
#[test]
fn a_bend_does_not_hide_growth() {
    for seconds in [15, 25, 300] {
        let values = noise(1)
            .zip(0..)
            .map(|(noise, second)| (1.0 + 5.0 * f64::from(second) / f64::from(seconds)).ln() + 0.02 * noise);
        let trend = trend(&series(values.take(seconds as usize))).unwrap();
        assert!(trend.p_value < 0.01, "{seconds}: {trend:?}");
    }
}

#[test]
fn a_leak_is_found_under_noise() {
    for seed in 1..=50 {
        // It grows by three in the course of the run, and swings by one to either side.
        let values =
            resembling(seed, 0.5).zip(0..).map(|(noise, second)| 100.0 + f64::from(second) * 0.01 + noise);
        let trend = trend(&series(values.take(300))).unwrap();
        assert!(trend.p_value < 0.01, "{seed}: {trend:?}");
        assert!((0.004..0.016).contains(&trend.slope), "{seed}: {trend:?}");
    }
}

#[test]
fn a_wild_fifth_of_the_seconds_changes_little() {
    let values =
        noise(3).zip(0..).map(
            |(noise, second): (f64, i32)| {
                if second % 5 == 0 { 1000.0 * noise } else { 0.1 * f64::from(second) }
            },
        );
    let trend = trend(&series(values.take(400))).unwrap();
    assert!((trend.slope - 0.1).abs() < 0.02, "{trend:?}");
}

/// The true slope lies within the bounds about as often as they say.
#[test]
fn the_bounds_hold() {
    let inside = (1..=300).filter(|seed| {
        let values = noise(*seed).zip(0..).map(|(noise, second)| 0.02 * f64::from(second) + noise);
        let trend = trend(&series(values.take(200))).unwrap();
        (trend.low..=trend.high).contains(&0.02)
    });
    let inside = inside.count();
    assert!((270..=300).contains(&inside), "{inside} of 300");
}

proptest! {
    #[test]
    fn a_trend_is_sane(points in proptest::collection::vec((0.0_f64..1e6, any::<f64>()), 0..200)) {
        let mut points = points;
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        if let Some(trend) = trend(&points) {
            prop_assert!(trend.low <= trend.slope && trend.slope <= trend.high, "{trend:?}");
            prop_assert!((0.0..=1.0).contains(&trend.p_value), "{trend:?}");
            prop_assert!(trend.windows <= WINDOWS && trend.slope.is_finite() && trend.begins.is_finite());
        }
    }

    /// Lifted, stretched or turned over, a series has the slope that follows.
    #[test]
    fn slopes_follow_the_series(
        seed in any::<u64>(), lift in -1e3_f64..1e3, stretch in 0.1_f64..10.0, length in 10_usize..150,
    ) {
        let values: Vec<f64> = resembling(seed, 0.5).take(length).collect();
        let plain = trend(&series(values.iter().copied())).unwrap();
        let changed = trend(&series(values.iter().map(|value| value * stretch + lift))).unwrap();
        let near = |a: f64, b: f64| (a - b).abs() < 1e-5;
        prop_assert!(near(changed.slope, plain.slope * stretch), "{plain:?} {changed:?}");
        prop_assert!(near(changed.begins, plain.begins * stretch + lift), "{plain:?} {changed:?}");
        prop_assert!(near(changed.p_value, plain.p_value), "{plain:?} {changed:?}");
        let turned = trend(&series(values.iter().map(|value| -value))).unwrap();
        prop_assert!(near(turned.slope, -plain.slope) && near(turned.p_value, plain.p_value));
        prop_assert!(near(turned.low, -plain.high) && near(turned.high, -plain.low), "{plain:?} {turned:?}");
    }
}
