//! Two sizes in every format, and hostile ones.

use super::*;
use crate::report::samples::{is_text, markup_and_escapes, stands_alone};
use crate::report::terminal::{Style, render_specs};
use crate::result::Limit;
use crate::specs::{FORMAT, Recommendation, SpecRun, SpecsVerdict};

fn spec(name: &str, cpus: f64, p95_ms: f64, throttled: f64) -> SpecResult {
    SpecResult {
        name: name.into(),
        cpus,
        memory_limit_bytes: (cpus * f64::from(1 << 30)) as u64,
        price_per_hour: Some(cpus * 0.04),
        runs: vec![SpecRun {
            folder: Some(format!("reports/checkout-{name}/2026-03-01T09-30-05Z")),
            exit_code: 0,
            line: "PASSED".into(),
        }],
        passed: true,
        problems: vec![],
        requests_per_s: Some(1254.3),
        p50_ms: Some(p95_ms / 3.0),
        p95_ms: Some(p95_ms),
        p99_ms: Some(p95_ms * 1.5),
        failures: Some(0.0012),
        cpu_cores: Some(0.45),
        cpu: Some(0.45 / cpus),
        cpu_p95: Some((0.49 / cpus).min(1.0)),
        throttled: Some(throttled),
        memory_bytes: Some(30e6),
        limit: (throttled > 0.1).then(|| Limit {
            resource: Resource::Cpu,
            detail: "used 98% of its 0.5 cores, throttled in 41% of periods".into(),
        }),
        cost_per_million: Some(cpus * 0.00886),
    }
}

fn specs() -> Specs {
    Specs {
        format: FORMAT,
        loadtest: "0.1.0".into(),
        scenario: "checkout".into(),
        file: "checkout.yaml".into(),
        started: "2026-03-01T09:30:05.250Z".into(),
        image: "loadtest/ticketing:local".into(),
        order: vec!["small".into(), "medium".into()],
        specs: vec![spec("small", 0.5, 155.0, 0.412), spec("medium", 1.0, 50.0, 0.0)],
        comparison: None,
        recommendation: Recommendation { spec: Some("medium".into()), line: "medium: it is better".into() },
        verdict: SpecsVerdict {
            exit_code: 0,
            line: "medium: 3.1× lower p95 than small for 2× the CPU; small is throttled in 41% of periods"
                .into(),
        },
    }
}

#[test]
fn on_a_terminal() {
    insta::assert_snapshot!(render_specs(&specs(), Style { color: false, width: 100 }));
}

#[test]
fn as_markdown() {
    insta::assert_snapshot!(markdown::render(&specs()));
}

#[test]
fn as_html() {
    let page = html::render(&specs());
    insta::assert_snapshot!(page.split_once("</style>").unwrap().1);
    assert!(stands_alone(&page));
}

#[test]
fn strings_of_others_stay_text() {
    let hostile = markup_and_escapes();
    let hostile = hostile.as_str();
    let mut specs = specs();
    for text in [&mut specs.scenario, &mut specs.image, &mut specs.order[0], &mut specs.verdict.line] {
        *text = hostile.into();
    }
    let spec = &mut specs.specs[0];
    (spec.name, spec.problems) = (hostile.into(), vec![hostile.into()]);
    (spec.runs[0].line, spec.runs[0].folder) = (hostile.into(), Some(hostile.into()));
    spec.limit = Some(Limit { resource: Resource::Memory, detail: hostile.into() });
    for text in [html::render(&specs), markdown::render(&specs)] {
        assert!(is_text(&text), "{text}");
    }
    assert!(!render_specs(&specs, Style { color: false, width: 100 }).contains('\x1b'));
}
