//! Arrivals: as many as the integral of the rate, whatever the number of workers.

use crate::known::Known;
use crate::program::{Ended, Loadtest};

fn arrive(load: &str, workers: u32) -> (Ended, usize) {
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
    for (rate, workers) in [(1_000, 1), (5_000, 2), (20_000, 2)] {
        let (ended, count) = arrive(&format!("{{ rate: {rate}/s, duration: 1s }}"), workers);
        assert!(count.abs_diff(rate as usize) <= 1, "{count} of {rate}");
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
    for (rate, workers) in [(1_000, 1), (5_000, 2), (20_000, 2)] {
        let load = format!("{{ rate: {rate}/s, duration: 1s, arrivals: poisson }}");
        let (_, count) = arrive(&load, workers);
        let expected = f64::from(rate);
        assert!((count as f64 - expected).abs() < 4.0 * expected.sqrt(), "{count} of {rate}");
        let (_, again) = arrive(&load, 3 - workers);
        assert_eq!(count, again, "the same seed, another number of workers");
    }
}
