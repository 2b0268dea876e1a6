//! Gates as users write them.

use super::*;
use crate::scenario::threshold::OutcomeFilter;

fn names() -> Names {
    let row = |name: &str, scenario, business: &[&str]| RowInfo {
        name: name.into(),
        scenario,
        groups: Vec::new(),
        business: business.iter().map(|&name| name.into()).collect(),
    };
    Names {
        catalog: Catalog {
            rows: vec![row("issue token", 0, &[]), row("reserve seat", 0, &["seat taken"])],
            groups: vec![GroupInfo { name: "checkout".into(), scenario: 0 }],
            ..Catalog::default()
        },
        scenarios: vec!["stress".into()],
    }
}

#[test]
fn gates_are_read() {
    use Beyond::{Above, AtLeast, AtMost, Below};
    use GateMetric::{Business, Failures, Latency, Requests};
    let table = [
        ("latency p95 > +10%", Latency, Figure::Percentile(95.0), Above, Limit::Relative(0.1)),
        (" latency p99.9>=+5% ", Latency, Figure::Percentile(99.9), AtLeast, Limit::Relative(0.05)),
        ("latency avg > +20ms", Latency, Figure::Mean, Above, Limit::Absolute(20.0)),
        ("latency p50 > -10%", Latency, Figure::Percentile(50.0), Above, Limit::Relative(-0.1)),
        ("latency{} p50 > + 1s", Latency, Figure::Percentile(50.0), Above, Limit::Absolute(1000.0)),
        ("requests rate < -5%", Requests, Figure::Rate, Below, Limit::Relative(-0.05)),
        ("requests rate <= -20/s", Requests, Figure::Rate, AtMost, Limit::Absolute(-20.0)),
        ("failures rate > +0.5pp", Failures, Figure::Share, Above, Limit::Absolute(0.005)),
        ("business rate > +5 pp", Business, Figure::Share, Above, Limit::Absolute(0.05)),
    ];
    for (text, metric, figure, comparison, limit) in table {
        let gate = parse(text, &names()).unwrap();
        assert_eq!((gate.which.metric, gate.figure, gate.comparison), (metric, figure, comparison), "{text}");
        match (gate.limit, limit) {
            (Limit::Relative(a), Limit::Relative(b)) | (Limit::Absolute(a), Limit::Absolute(b)) => {
                assert!((a - b).abs() < 1e-12, "{text}");
            }
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn filters_are_those_of_thresholds() {
    let which = |text: &str| parse(text, &names()).unwrap().which;
    let of_step = which("latency{step=reserve seat} p99 > +5%");
    assert_eq!((of_step.steps.as_slice(), of_step.outcome), (&["reserve seat".to_owned()][..], None));
    assert_eq!(which("latency{group=checkout} p99 > +5%").groups, ["checkout"]);
    assert_eq!(which("latency{scenario=stress} p99 > +5%").scenarios, ["stress"]);
    let named = which("business{step=reserve seat, outcome=seat taken} rate > +5pp");
    assert_eq!(named.outcome, Some(OutcomeFilter::Named("seat taken".into())));
    assert_eq!(which("latency{outcome=answered} p99 > +5%").outcome, Some(OutcomeFilter::Answered));
}

#[test]
fn errors_point_at_the_word_and_say_what_to_write() {
    let table = [
        ("", "", "write one like `latency p95 > +10%`"),
        ("latenzy p95 > +10%", "latenzy", "did you mean `latency`?"),
        ("http_req_duration p95 > +10%", "http_req_duration", "did you mean `latency`?"),
        (
            "service_time p95 > +10%",
            "service_time",
            "compared are `latency`, `requests`, `failures` and `business`",
        ),
        ("latency{step=reserv seat} p95 > +10%", "reserv seat", "did you mean `reserve seat`?"),
        (
            "latency{step=reserve seat p95 > +10%",
            "{step=reserve seat p95 > +10%",
            "write `}` at its end, like `latency{step=pay}`",
        ),
        ("latency{stage=peak} p95 > +10%", "peak", "give the stage a `name` to speak of it"),
        ("latency p95", "p95", "write when it shall fail, like `latency p95 > +10%`"),
        (
            "latency > +10%",
            "",
            "it has `p50`, `p95`, `p99` and other percentiles, and `avg`, like `latency p95 > +10%`",
        ),
        ("latency p95 == +10%", "==", "write one of `>`, `>=`, `<`, `<=`"),
        ("latency p100 > +10%", "p100", "percentiles lie between 0 and 100, like `p50` or `p99.9`"),
        ("latency max > +10%", "max", "a single answer decides it; write `p99.9`"),
        ("latency rate > +10%", "rate", "it has `p50`, `p95`, `p99` and other percentiles, and `avg`"),
        ("requests p95 > +10%", "p95", "it has `rate`"),
        (
            "latency p95 > 10%",
            "10%",
            "write `+10%` or `+20ms` for an increase, `-10%` for a decrease; limits that do not depend on another run are `thresholds` of the scenario",
        ),
        ("latency p95 > +10", "+10", "write `+10%`, or `+10ms`"),
        ("latency p95 > +10sec", "+10sec", "write `s` instead of `sec`"),
        ("latency p95 >", "", "write one like `+10%` or `+20ms`"),
        ("latency p95 > +ten%", "+ten%", "write one like `+10%` or `+20ms`"),
        ("failures rate > +1%", "+1%", "write `+1pp` for percentage points"),
        ("failures rate > +1", "+1", "write one like `+0.5pp`"),
        ("requests rate < -5", "-5", "write one like `+10%`, `-5%` or `-20/s`"),
    ];
    for (text, word, help) in table {
        let error = parse(text, &names()).unwrap_err();
        assert_eq!((&text[error.at], error.help.as_deref()), (word, Some(help)), "{text}");
    }
}

proptest::proptest! {
    #[test]
    fn no_text_brings_it_down(text in "[a-z0-9{}=, <>!'\"%+.é-]{0,40}") {
        if let Err(error) = parse(&text, &names()) {
            proptest::prop_assert!(text.get(error.at).is_some());
        }
    }

    #[test]
    fn no_limit_brings_it_down(text in "[a-z0-9%+./ é-]{0,12}", metric in "(latency p95|requests rate|failures rate)") {
        let text = format!("{metric} > {text}");
        if let Err(error) = parse(&text, &names()) {
            proptest::prop_assert!(text.get(error.at).is_some());
        }
    }
}
