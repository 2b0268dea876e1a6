//! One capacity in every format, and a hostile one.

use super::*;
use crate::capacity::{CapacityVerdict, FoundRate, Instances, Knee};
use crate::report::samples::{is_text, markup_and_escapes, stands_alone};
use crate::report::terminal::{Style, render_capacity};
use crate::result::Limit;

fn one(rate: f64, purpose: Purpose, p95_ms: f64, reasons: &[&str]) -> Try {
    Try {
        rate,
        purpose,
        load_s: if purpose == Purpose::Confirm { 60.0 } else { 10.0 },
        answer: if reasons.is_empty() { Answer::Held } else { Answer::Broken },
        reasons: reasons.iter().map(|&reason| reason.into()).collect(),
        requests_per_s: rate * 3.0,
        avg_ms: Some(p95_ms / 2.5),
        p50_ms: Some(p95_ms / 3.0),
        p95_ms: Some(p95_ms),
        p99_ms: Some(p95_ms * 1.5),
        failures: 0.0012,
        users: (rate * p95_ms / 1e3) as u64,
        cpu: Some((rate / 430.0).min(0.98)),
        throttled: Some(0.41),
        memory_bytes: Some(30e6),
    }
}

fn capacity() -> Capacity {
    Capacity {
        format: 1,
        loadtest: "0.1.0".into(),
        scenario: "checkout".into(),
        file: "checkout.yaml".into(),
        started: "2026-03-01T09:30:05.250Z".into(),
        target: "http://127.0.0.1:8080".into(),
        spec: Some("medium".into()),
        objectives: vec!["latency: p95 < 500ms".into(), "failures: rate < 1%".into()],
        found: FoundRate {
            kind: FoundKind::Limit,
            holds: Some(418.3),
            requests: Some(1254.0),
            breaks: Some(430.7),
        },
        knee: Some(Knee { rate: 250.0, response_ms: 8.2, share: 0.5977 }),
        limit: Some(Limit {
            resource: Resource::Cpu,
            detail: "medium used 97% of its 1 core, throttled in 41% of periods".into(),
        }),
        instances: Some(Instances { rate: 2000.0, headroom: 0.3, each: 292.81, number: 7 }),
        warnings: vec!["every arrival is a new user".into()],
        tries: vec![
            one(250.0, Purpose::Explore, 12.0, &[]),
            one(
                500.0,
                Purpose::Explore,
                4200.0,
                &["latency: p95 < 500ms was 4.20s", "work piled up: from 84 users at once to 900"],
            ),
            one(418.3, Purpose::Bisect, 181.0, &[]),
            one(430.7, Purpose::Bisect, 812.0, &["latency: p95 < 500ms was 812ms"]),
            one(418.3, Purpose::Confirm, 203.0, &[]),
        ],
        verdict: CapacityVerdict {
            exit_code: 0,
            line: "418.3/s (1,254 requests/s) hold, 430.7/s do not: latency: p95 < 500ms was 812ms".into(),
        },
    }
}

#[test]
fn on_a_terminal() {
    insta::assert_snapshot!(render_capacity(&capacity(), Style { color: false, width: 100 }));
}

#[test]
fn as_markdown() {
    insta::assert_snapshot!(markdown::render(&capacity()));
}

#[test]
fn as_html() {
    let page = html::render(&capacity());
    insta::assert_snapshot!(page.split_once("</style>").unwrap().1);
    assert!(stands_alone(&page));
}

#[test]
fn strings_of_others_stay_text() {
    let hostile = markup_and_escapes();
    let hostile = hostile.as_str();
    let mut capacity = capacity();
    for text in
        [&mut capacity.scenario, &mut capacity.target, &mut capacity.verdict.line, &mut capacity.warnings[0]]
    {
        *text = hostile.into();
    }
    capacity.objectives[0] = hostile.into();
    capacity.tries[1].reasons[0] = hostile.into();
    capacity.limit = Some(Limit { resource: Resource::Memory, detail: hostile.into() });
    for text in [html::render(&capacity), markdown::render(&capacity)] {
        assert!(is_text(&text), "{text}");
    }
    assert!(!render_capacity(&capacity, Style { color: false, width: 100 }).contains('\x1b'));
}

#[test]
fn a_chart_of_anything_can_be_drawn() {
    for (rate, p95_ms) in
        [(0.0, 0.0), (1e-9, 1e-9), (1e12, 1e12), (f64::NAN, f64::NAN), (100.0, f64::INFINITY)]
    {
        let mut capacity = capacity();
        capacity.tries = vec![one(rate, Purpose::Explore, p95_ms, &[])];
        html::render(&capacity);
        capacity.tries.clear();
        assert!(!html::render(&capacity).contains("<svg"));
    }
}
