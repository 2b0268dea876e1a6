//! The report of runs of every kind, as it looks.

use super::*;
use crate::report::samples::{
    MIB, VALID, bundled, business_heavy, drifting, failing, implied, never_ready, outcome, result, row,
    threshold, two_scenarios, waiting, watched,
};
use crate::result::{Doubt, OutcomeKind, Unit, WatchedKind, WatchedResult};

/// The lines of a report from the one that begins so up to an empty one.
fn section(report: &str, begins: &str) -> String {
    let lines = report.lines().skip_while(|line| !line.trim_start().starts_with(begins));
    lines.take_while(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_the_target_used() {
    let mut result = result(vec![row("get", vec![])], vec![], vec![], VALID);
    assert_eq!(section(&render(&result, Style::default()), "target"), "", "nothing was watched");
    result.monitor = vec![bundled()];
    let wide = section(&render(&result, Style::default()), "target");
    let narrow = section(&render(&result, Style { width: 60, color: false }), "target");
    result.monitor.push(WatchedResult {
        cpu_limit_cores: Some(0.5),
        memory_limit_bytes: Some(512 << 20),
        ..watched(
            "db",
            WatchedKind::Container,
            &[
                ("cpu", Unit::Share, [0.97, 1.0, 0.1, 0.2]),
                ("throttled", Unit::Share, [0.8, 0.9, 0.0, 0.0]),
                ("memory", Unit::Bytes, [200.0 * MIB, 210.0 * MIB, 190.0 * MIB, 205.0 * MIB]),
            ],
        )
    });
    let two = section(&render(&result, Style::default()), "target");
    result.monitor.truncate(1);
    result.monitor[0].gauges.clear();
    result.monitor[0].failed = 130;
    result.monitor[0].problem = Some("it has ended".into());
    let nothing = section(&render(&result, Style::default()), "!");
    insta::assert_snapshot!([wide, narrow, two, nothing].join("\n\n"));
}

#[test]
fn series_of_endpoints() {
    let mut result = result(vec![row("get", vec![])], vec![], vec![], VALID);
    let gauges = [
        ("queue length", Unit::Number, [31.0, 40.0, 0.0, 2.5]),
        ("orders", Unit::PerSecond, [512.25, 600.0, 1.0, 480.0]),
    ];
    let mut endpoint = watched("prometheus", WatchedKind::Prometheus, &gauges);
    endpoint.problem = Some("it never told heap\u{1b}[2J".into());
    result.monitor = vec![endpoint];
    let report = render(&result, Style::default());
    insta::assert_snapshot!([section(&report, "!"), section(&report, "series")].join("\n\n"));
}

#[test]
fn where_an_endurance_run_went() {
    insta::assert_snapshot!(section(&render(&drifting(), Style::default()), "Drift"));
}

#[test]
fn all_good() {
    let mut good = business_heavy();
    good.rows.truncate(1);
    (good.totals.business, good.totals.success, good.totals.attempted) = (0, 1279, 1279);
    good.thresholds.remove(2);
    good.verdict.line = "PASSED: 3 thresholds met, 2 invariants hold, run valid".into();
    insta::assert_snapshot!(render(&good, Style::default()));
}

#[test]
fn right_refusals_are_no_failures() {
    let result = business_heavy();
    assert_eq!(result.verdict.exit_code, 0);
    insta::assert_snapshot!(render(&result, Style::default()));
}

#[test]
fn a_run_that_fails_in_every_way() {
    insta::assert_snapshot!(render(&failing(), Style::default()));
}

#[test]
fn a_narrow_place() {
    let text = render(&failing(), Style { color: false, width: 72 });
    // All but the verdict, which is one line wherever it stands.
    let lines = text.trim_end().lines().rev().skip(1);
    for line in lines {
        assert!(line.chars().count() <= 72, "{line}");
    }
    insta::assert_snapshot!(text);
}

#[test]
fn nothing_happened() {
    let empty = result(
        vec![row("issue token", vec![outcome(OutcomeKind::Success, "success", 0, 0.0)])],
        vec![threshold("latency: p95 < 1s", Unit::Seconds, None, 1.0, false), implied(None, false)],
        vec![],
        (Soundness::Invalid, &[Doubt::NothingAttempted]),
    );
    insta::assert_snapshot!(render(&empty, Style::default()));
}

#[test]
fn polls_and_waits() {
    let mut waiting = waiting();
    insta::assert_snapshot!(render(&waiting, Style::default()));
    waiting.polls[1].name = "\x1b[2J".into();
    assert!(!render(&waiting, Style::default()).contains('\x1b'));
}

#[test]
fn there_is_no_table_of_nothing() {
    let result = never_ready();
    insta::assert_snapshot!(render(&result, Style::default()));
}

#[test]
fn of_two_scenarios_each_is_told_apart() {
    insta::assert_snapshot!(render(&two_scenarios(), Style::default()));
}

#[test]
fn what_a_server_says_cannot_act_on_the_terminal() {
    let mut hostile = failing();
    let evil = "\x1b]0;owned\x07\x1b[2J\r\u{202e}dne\u{9b}31m\ttab";
    hostile.scenario.name = evil.into();
    hostile.rows[0].name = evil.into();
    hostile.rows[1].outcomes[3].name = evil.into();
    hostile.thresholds[0].text = evil.into();
    hostile.invariants[1].detail = Some(evil.into());
    hostile.validity.reasons[0] = evil.into();
    hostile.verdict.line = evil.into();
    hostile.target.url = evil.into();
    hostile.checks[0].name = evil.into();
    hostile.metrics[0].name = evil.into();
    hostile.groups[0].name = evil.into();
    let example = hostile.causes[1].example.as_mut().unwrap();
    example.request = evil.into();
    example.body = format!("{evil}{}", "x".repeat(100_000));
    example.detail = evil.into();
    let text = render(&hostile, Style::default());
    let harmful = |letter: char| letter != '\n' && (letter.is_control() || letter == '\u{202e}');
    assert!(!text.contains(harmful), "{text:?}");
    insta::assert_snapshot!(text);
}

#[test]
fn colours_only_when_asked() {
    assert!(!render(&failing(), Style::default()).contains('\x1b'));
    let coloured = render(&failing(), Style { color: true, ..Style::default() });
    assert!(coloured.contains("\x1b[1;31m✗ "));
    // The same text underneath.
    let mut bare = String::new();
    let mut rest = coloured.as_str();
    while let Some((before, after)) = rest.split_once("\x1b[") {
        bare += before;
        rest = after.split_once('m').map_or("", |(_, after)| after);
    }
    bare += rest;
    let trimmed = |text: &str| text.lines().map(|line| line.trim_end().to_string()).collect::<Vec<_>>();
    assert_eq!(trimmed(&bare), trimmed(&render(&failing(), Style::default())));
}
