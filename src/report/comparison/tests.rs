//! One comparison in every format, and a hostile one.

use super::*;
use crate::compare::gate::{Names, parse};
use crate::compare::simulated::{SERVICE, Service};
use crate::compare::{Comparison, Options, Side, compare};
use crate::report::samples::{is_text, markup_and_escapes, stands_alone};
use crate::report::terminal::{Style, render_comparison};

fn compared(sides: &[Side], gates: &[&str]) -> Comparison {
    let names = Names::of_sides(sides);
    let gates: Vec<_> = gates.iter().map(|text| parse(text, &names).unwrap()).collect();
    compare(sides, Options { resamples: 200, ..Options::default() }, &gates)
}

fn pair() -> Comparison {
    let slower = Service { median_ms: 30.0, failures: 0.1, ..SERVICE };
    let gates = ["latency p95 > +10%", "requests rate < -5%", "failures{outcome=reset} rate > +20pp"];
    compared(&[SERVICE.side("A", 1), slower.side("B", 2)], &gates)
}

#[test]
fn two_sides_on_a_terminal() {
    insta::assert_snapshot!(render_comparison(&pair(), Style { color: false, width: 100 }));
}

#[test]
fn three_sides_on_a_terminal() {
    let sides = [
        SERVICE.side("A", 1),
        Service { median_ms: 30.0, ..SERVICE }.side("B", 2),
        Service { windows: 9, ..SERVICE }.side("C", 3),
    ];
    insta::assert_snapshot!(render_comparison(&compared(&sides, &[]), Style { color: false, width: 100 }));
}

#[test]
fn as_markdown() {
    insta::assert_snapshot!(markdown::render(&pair()));
}

#[test]
fn as_html() {
    let page = html::render(&pair());
    let body = page.split_once("</style>").unwrap().1;
    insta::assert_snapshot!(body);
    assert!(stands_alone(&page));
}

#[test]
fn strings_of_others_stay_text() {
    let hostile = markup_and_escapes();
    let hostile = hostile.as_str();
    let mut sides = [SERVICE.side("A", 1), SERVICE.side("B", 2)];
    for side in &mut sides {
        side.name = format!("{}{hostile}", side.name);
        let run = &mut side.runs[0];
        run.from = hostile.into();
        let result = &mut run.result;
        result.scenario.name = hostile.into();
        result.target.url = hostile.into();
        result.verdict.line = hostile.into();
        result.validity.verdict = crate::result::Soundness::Suspect;
        result.validity.reasons = vec![hostile.into()];
        result.rows[0].name = hostile.into();
        result.rows[0].outcomes[1].name = hostile.into();
    }
    let comparison = compared(&sides, &[]);
    let page = html::render(&comparison);
    let text = markdown::render(&comparison);
    for (format, text) in [("html", &page), ("md", &text)] {
        assert!(is_text(text), "{format}: {text}");
    }
    assert!(!text.contains(" | `c`") && !text.contains("[l](u)"), "{text}");
    // One row is one row, whatever stands in it.
    let columns = |line: &str| line.replace("\\|", "").matches('|').count();
    let table: Vec<usize> = text.lines().filter(|line| line.starts_with('|')).map(columns).collect();
    assert!(table.iter().all(|number| *number == table[0]), "{text}");
    assert!(!render_comparison(&comparison, Style { color: false, width: 100 }).contains('\x1b'));
}

#[test]
fn changes_have_a_sign_and_three_digits() {
    let table = [
        (0.0, "±0"),
        (0.001, "±0"),
        (0.314, "+0.31"),
        (-4.25, "−4.2"),
        (-14.26, "−14.3"),
        (99.96, "+100"),
        (312.4, "+312"),
    ];
    for (value, text) in table {
        assert_eq!(signed(value), text, "{value}");
    }
}

#[test]
fn an_interval_without_an_end_has_no_digits_for_it() {
    let said = |low, high| interval(Some(Interval { low, high }), FigureUnit::PerSecond);
    assert_eq!(said(-0.748, 308e12), "−74.8% … over +10000%");
    assert_eq!(said(0.1, 99.0), "+10.0% … +9900%");
}
