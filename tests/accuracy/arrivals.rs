//! Arrivals: as many as the integral of the rate, whatever the number of workers.

use std::sync::{Mutex, PoisonError};

use crate::known::Known;
use crate::program::{Ended, Loadtest};

/// One at a time: where a crowded machine lets thousands of connections pile up, two tests of this kind would
/// share the descriptors that one may need.
static ALONE: Mutex<()> = Mutex::new(());

/// Rates, for how many milliseconds, and how many workers.
const LOADS: [(u32, u32, u32); 3] = [(1_000, 1_000, 1), (5_000, 1_000, 2), (20_000, 500, 2)];

fn arrive(load: &str, workers: u32) -> (Ended, usize) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let server = Known::start(|_, _| std::time::Duration::ZERO);
    let yaml = format!(
        "name: arrivals\ntarget: bundled\nload: {load}\nflow:\n  - {{ name: ask, get: /ask }}\nthresholds:\n  failures: [count == 0]\n"
    );
    let run = Loadtest::new("run").scenario(&yaml).arg("--out").arg("reports").arg("--seed").arg("11");
    // A crowded machine makes the generator late, and the run suspect or even invalid: that is another matter.
    let ended = run.arg("--workers").arg(workers.to_string()).arg("--target").arg(&server.url).end();
    let count = server.log().arrived.len();
    (ended.expect_accounted(), count)
}

#[test]
fn uniform_arrivals_are_the_integral_of_the_rate() {
    for (rate, millis, workers) in LOADS {
        let (ended, count) = arrive(&format!("{{ rate: {rate}/s, duration: {millis}ms }}"), workers);
        let expected = (rate * millis / 1000) as usize;
        assert!(count.abs_diff(expected) <= 1, "{count} of {expected}");
        assert_eq!(ended.row("ask")["attempted"].as_u64().unwrap(), count as u64);
    }
}

#[test]
fn a_ramp_of_arrivals_is_its_area() {
    let (_, count) =
        arrive("{ stages: [{ duration: 1s, target: 1000/s }, { duration: 1s, target: 0/s }] }", 2);
    assert!(count.abs_diff(1000) <= 1, "{count}");
}

#[test]
fn poisson_arrivals_vary_as_they_should_and_repeat_with_the_seed() {
    for (rate, millis, workers) in LOADS {
        let load = format!("{{ rate: {rate}/s, duration: {millis}ms, arrivals: poisson }}");
        let (_, count) = arrive(&load, workers);
        let expected = f64::from(rate * millis / 1000);
        assert!((count as f64 - expected).abs() < 4.0 * expected.sqrt(), "{count} of {expected}");
        let (_, again) = arrive(&load, 3 - workers);
        assert_eq!(count, again, "the same seed, another number of workers");
    }
}
