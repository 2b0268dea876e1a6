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

/// Runs shipped scenarios side by side, each in a part of its time. What they draw is the same in every run: in a tenth
/// of its time, one order in fifty iterations is so few of them that by chance they are too few for its threshold.
fn all_pass(scenarios: &[(&str, &str)]) {
    std::thread::scope(|scope| {
        for &(name, scale) in scenarios {
            scope.spawn(move || {
                let args = ["--time-scale", scale, "--seed", "1"];
                let ended = Loadtest::shipped(name).args(&args).end().expect_passed();
                assert_eq!(ended.total("failure"), 0, "{name}: {}", ended.said());
                assert!(ended.total("success") > 0, "{name}: {}", ended.said());
            });
        }
    });
}

#[test]
fn the_other_scenarios_pass() {
    all_pass(&[
        ("queue-spike.yaml", "0.05"),
        ("payment-load.yaml", "0.03"),
        ("payment-repeat.yaml", "0.1"),
        ("concert-endurance.yaml", "0.03"),
    ]);
}

/// In a part of its time it never comes to the stretch in which the service breaks; the kept example shows that one.
#[test]
fn the_drill_passes_where_nothing_breaks() {
    all_pass(&[("incident-drill.yaml", "0.05")]);
}

/// Those that load-test reports of others were made of.
#[test]
fn the_scenarios_of_reports_pass() {
    all_pass(&[
        ("seat-reservation-200.yaml", "0.03"),
        ("seats-open.yaml", "0.05"),
        ("dates-open.yaml", "0.05"),
    ]);
    all_pass(&[("token-issue-1000.yaml", "0.05"), ("order-payment.yaml", "0.1")]);
    all_pass(&[("coupon-rush.yaml", "0.1"), ("coupon-order-suite.yaml", "0.01")]);
}

/// What the first report saw: more than half of the tokens fail, and the others take seconds.
#[test]
fn an_overloaded_service_fails_as_its_report_says() {
    let overloaded = ["--time-scale", "0.1", "--env", "FAULTS=overload"];
    let ended = Loadtest::shipped("token-issue-1000.yaml").args(&overloaded).end();
    let ended = ended.expect_code_unless_late(99).expect_accounted();
    let unmet = ended.unmet();
    for expected in ["latency{step=issue token}: p95 < 1s", "failures: rate < 1%"] {
        assert!(unmet.contains(&expected), "{unmet:?}");
    }
    let row = ended.row("issue token");
    let share = row["failure"].as_f64().unwrap() / row["attempted"].as_f64().unwrap();
    assert!((0.4..0.7).contains(&share), "{share}: {}", ended.said());
}

/// What the third report saw: connections are reset under stress, and in none of the other tests.
#[test]
fn resets_under_stress_fail_the_tests_under_stress() {
    let resets = ["--time-scale", "0.01", "--env", "FAULTS=resets"];
    let ended = Loadtest::shipped("coupon-order-suite.yaml").args(&resets).end();
    let ended = ended.expect_code_unless_late(99).expect_accounted();
    let expected =
        ["failures{scenario=coupon stress}: rate < 1%", "failures{scenario=order stress}: rate < 1%"];
    assert_eq!(ended.unmet(), expected, "{}", ended.said());
    // On a connection that was used before, a reset may look as if it had been closed long ago.
    for cause in ended.list("causes") {
        let cause = cause["cause"].as_str().unwrap();
        assert!(["reset", "stale connection"].contains(&cause), "{cause}: {}", ended.said());
    }
}

/// Everyone who joins gets a turn, leaves, or is there still; nobody is lost in the line.
#[test]
fn those_who_wait_are_told_their_place() {
    let ended = Loadtest::shipped("waiting-queue-poll.yaml").args(&["--time-scale", "0.2"]).end();
    let ended = ended.expect_passed();
    let waited = &ended.list("polls")[0];
    let number = |key: &str| waited[key].as_u64().unwrap();
    let all = number("got") + number("abandoned") + number("interrupted");
    assert_eq!(all, ended.count("join the line", "success"), "{waited}");
    assert!(number("got") > 1000, "{waited}");
    assert!(ended.count("ask for the turn", "success") > number("got"), "{}", ended.said());
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
