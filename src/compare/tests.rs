//! Whole comparisons, and the gates they are held against.

use super::gate::{Names, parse};
use super::simulated::{SERVICE, Service};
use super::*;
use crate::result::Ended;

fn compared(sides: &[Side], gates: &[&str]) -> Comparison {
    let names = Names::of_sides(sides);
    let gates: Vec<Gate> = gates.iter().map(|text| parse(text, &names).unwrap()).collect();
    compare(sides, Options { resamples: 400, ..Options::default() }, &gates)
}

fn words(comparison: &Comparison, row: usize) -> Vec<(&str, Word)> {
    let figures = comparison.rows[row].figures.iter();
    figures.map(|figure| (figure.figure.as_str(), figure.changes[0].word)).collect()
}

#[test]
fn a_slower_run_is_told_in_words() {
    let slower = Service { median_ms: 40.0, ..SERVICE };
    let comparison = compared(&[SERVICE.side("A", 1), slower.side("B", 2), SERVICE.side("C", 3)], &[]);
    let times = [("p50", Word::Worse), ("p95", Word::Worse), ("p99", Word::Worse)];
    assert_eq!(words(&comparison, 0)[2..], times);
    assert_eq!(words(&comparison, 0)[..2], [("rate", Word::NoDifference), ("failures", Word::NoDifference)]);
    assert_eq!(comparison.rows[1].step.as_deref(), Some("reserve seat"));
    assert_eq!(words(&comparison, 1)[1..], times);
    let failures = &comparison.rows[2];
    assert_eq!((failures.outcome.as_deref(), failures.figures.len()), (Some("reset"), 1));
    assert_eq!(
        comparison.lines,
        ["B against A: worse in 6 of 10 figures, better in none", "C against A: no difference shown"]
    );
    assert_eq!(comparison.warnings, [""; 0]);
    assert_eq!(comparison.verdict, None);
}

#[test]
fn gates_want_a_change_that_is_no_chance() {
    let slower = Service { median_ms: 30.0, ..SERVICE };
    let state = |sides: &[Side], gate: &str| compared(sides, &[gate]).gates[0].state;
    let shifted = [SERVICE.side("A", 1), slower.side("B", 2)];
    let table = [
        ("latency p95 > +10%", GateState::Broken),
        ("latency{step=reserve seat} p50 > +2ms", GateState::Broken),
        ("latency p95 > +80%", GateState::Held),
        ("latency p95 > +1s", GateState::Held),
        ("latency avg >= +10%", GateState::Broken),
        ("requests rate < -5%", GateState::Held),
        ("failures rate > +1pp", GateState::Held),
        ("failures{outcome=reset} rate > +5pp", GateState::Held),
        ("latency p95 < -5%", GateState::Held),
        // An improvement that did not come.
        ("latency p50 > -10%", GateState::Broken),
    ];
    for (gate, expected) in table {
        assert_eq!(state(&shifted, gate), expected, "{gate}");
    }
    // A change that may be chance: these two differ by a few percent, and by nothing but their seeds.
    let alike = [SERVICE.side("A", 1), SERVICE.side("B", 2)];
    let by = compared(&alike, &[]).rows[0].figures[2].changes[0].relative.unwrap();
    let gate = if by > 0.0 { "latency p50 > +0%" } else { "latency p50 < -0%" };
    assert_eq!(state(&alike, gate), GateState::Unsure, "{by}");
    // Too short for an interval: what was measured decides.
    let short = |service: Service| Service { windows: 5, ..service };
    let gate = "latency p95 > +10%";
    assert_eq!(state(&[short(SERVICE).side("A", 1), short(slower).side("B", 2)], gate), GateState::Broken);
}

#[test]
fn gates_fail_where_there_is_nothing_to_compare() {
    let mut sides = [SERVICE.side("A", 1), SERVICE.side("B", 2)];
    sides[1].runs[0].result.rows[0].name = "another step".into();
    let comparison = compared(&sides, &["latency{step=reserve seat} p95 > +10%"]);
    assert_eq!(comparison.gates[0].state, GateState::Broken);
    assert_eq!(comparison.warnings, ["only B has `another step`", "only A has `reserve seat`"]);
    let verdict = comparison.verdict.unwrap();
    assert_eq!(
        (verdict.exit_code, verdict.line.as_str()),
        (99, "FAILED (exit 99): latency{step=reserve seat} p95 > +10%")
    );
}

#[test]
fn what_cannot_be_compared_is_said() {
    let mut sides = [SERVICE.side("A", 1), SERVICE.side("B", 2)];
    let other = &mut sides[1].runs[0].result;
    other.scenario.name = "another".into();
    other.time_scale = Some(0.1);
    other.validity.verdict = Soundness::Invalid;
    other.validity.reasons = vec!["out of local ports (1×)".into()];
    other.verdict.ended = Ended::Interrupted;
    other.workers = 4;
    let comparison = compared(&sides, &["latency p95 > +1000%"]);
    assert_eq!(
        comparison.warnings,
        [
            "B is not valid: out of local ports (1×)",
            "B was interrupted",
            "the scenarios differ: `reservation-stress` in A, `another` in B",
            "the time scales differ: 1 in A, 0.1 in B",
            "the generators differ: 1 of 2 cores made the load of A, 4 of 2 cores that of B",
        ]
    );
    let verdict = comparison.verdict.unwrap();
    assert_eq!(
        (verdict.exit_code, verdict.line.as_str()),
        (97, "NOT VALID (exit 97): nothing can be said of B")
    );

    let mut sides = [SERVICE.side("A", 1), Service { windows: 9, ..SERVICE }.side("B", 2)];
    assert_eq!(
        compared(&sides, &[]).warnings,
        [
            "B is too short to tell chance from change: 9 seconds, and it takes 10",
            "the loads are of different length: 1m in A, 9.00s in B",
        ]
    );
    sides[1].runs[0].result.window_s = None;
    let without = compared(&sides, &[]);
    assert!(without.warnings[0].starts_with("B holds no windows"), "{:?}", without.warnings);
    assert!(without.lines[0].ends_with("too little was measured to tell"));
}

#[test]
fn runs_with_longer_windows_are_met_halfway() {
    let long = Service { windows: 60, ..SERVICE };
    let mut sides = [long.side("A", 1), Service { median_ms: 40.0, ..long }.side("B", 2)];
    let fine = compared(&sides, &[]);
    for outcome in &mut sides[1].runs[0].result.rows[0].outcomes {
        let text = outcome.response_windows.as_deref().unwrap();
        let mut windows = crate::result::decode_windows(text).unwrap();
        windows.halve();
        outcome.response_windows = crate::result::encode_windows(&windows);
    }
    sides[1].runs[0].result.window_s = Some(2);
    let coarse = compared(&sides, &[]);
    assert_eq!(words(&coarse, 0), words(&fine, 0));
    // Windows that are no windows are none, and bring nothing down.
    sides[1].runs[0].result.rows[0].outcomes[0].response_windows = Some("AAAA".into());
    let broken = compared(&sides, &[]);
    assert_eq!(broken.rows[1].figures[1].changes[0].reason.as_deref(), Some("no windows"));
}

#[test]
fn what_is_written_is_read_back() {
    let comparison = compared(&[SERVICE.side("A", 1), SERVICE.side("B", 2)], &["latency p95 > +10%"]);
    let json = serde_json::to_string(&comparison).unwrap();
    assert_eq!(serde_json::from_str::<Comparison>(&json).unwrap(), comparison);
}
