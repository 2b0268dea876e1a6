//! The scenarios that come with the program, against the service that comes with it.

use crate::support::program::Loadtest;

/// A seat is sold once, however many want it: with fifty seats there are fifty successes, whatever happens.
#[test]
fn reservation_stress_sells_each_seat_once() {
    let ended = Loadtest::shipped("reservation-stress.yaml").args(&["--time-scale", "0.1"]).end();
    let ended = ended.expect_passed();
    assert_eq!(ended.count("reserve seat", "success"), 50);
    let row = ended.row("reserve seat");
    let refused = ended.count("reserve seat", "seat taken");
    assert!(refused > 0, "{}", ended.said());
    assert_eq!(row["business"], refused);
    assert_eq!(row["attempted"].as_u64().unwrap(), 50 + refused + row["interrupted"].as_u64().unwrap());
    assert_eq!(ended.total("failure"), 0);
    assert_eq!(ended.list("invariants").len(), 2);
    assert_eq!(ended.result["target"]["bundled"], true);
    assert!(ended.stdout.contains("○ seat taken"), "{}", ended.said());
}

#[test]
fn the_other_scenarios_pass() {
    std::thread::scope(|scope| {
        for (name, scale) in [
            ("queue-spike.yaml", "0.05"),
            ("payment-load.yaml", "0.03"),
            ("payment-repeat.yaml", "0.1"),
            ("concert-endurance.yaml", "0.03"),
        ] {
            scope.spawn(move || {
                let ended = Loadtest::shipped(name).args(&["--time-scale", scale]).end().expect_passed();
                assert_eq!(ended.total("failure"), 0, "{name}: {}", ended.said());
                assert!(ended.total("success") > 0, "{name}: {}", ended.said());
            });
        }
    });
}

/// Think times do not scale, and so 500 requests a second are not reached in a twentieth of the time.
#[test]
fn waiting_queue_open_misses_only_its_rate_when_scaled() {
    let ended = Loadtest::shipped("waiting-queue-open.yaml").args(&["--time-scale", "0.05"]).end();
    let ended = ended.expect_code_unless_late(99).expect_accounted();
    assert_eq!(ended.unmet(), ["requests: rate >= 500/s"]);
    assert_eq!(ended.total("failure"), 0, "{}", ended.said());
    // (20 + 50) / 2 · 1 s + 50 · 1 s + (50 + 1) / 2 · 1 s.
    assert!(ended.iterations("started").abs_diff(110) <= 1, "{}", ended.said());
}
