//! Reviews of runs of every kind, as they are written.

use super::*;
use crate::report::samples::{bundled, business_heavy, failing, hostile, never_ready};
use crate::result::{BreachResult, CauseSeries, Series, StageResult};

/// A run of 130 seconds whose reservations break from second 40 to 70: slow first, then failing.
fn broken() -> RunResult {
    let mut result = failing();
    let at_s: Vec<u32> = (0..130).collect();
    let is_slow = |at: &u32| (38..71).contains(at);
    let failures = |at: &u32| if (40..70).contains(at) { 27 } else { 0 };
    let times = |good: f64, bad: f64| {
        let time = |at: &u32| {
            Some(if is_slow(at) { bad + f64::from(at % 5) } else { good + f64::from(at % 3) / 10.0 })
        };
        at_s.iter().map(time).collect::<Vec<_>>()
    };
    result.series = Series {
        users: at_s.iter().map(|at| u64::from((at * 5).min(50))).collect(),
        success: at_s.iter().map(|at| 600 - failures(at)).collect(),
        business: at_s.iter().map(|at| if *at > 100 { 90 } else { 1 }).collect(),
        failure: at_s.iter().map(failures).collect(),
        causes: vec![CauseSeries {
            cause: "timeout (wait)".into(),
            at_s: (40..70).collect(),
            count: vec![27; 30],
        }],
        p50_ms: times(1.2, 1.4),
        p95_ms: times(2.9, 700.0),
        p99_ms: times(5.0, 900.0),
        at_s: at_s.clone(),
        ..Series::default()
    };
    let stage =
        |name: &str, from_s, to_s, from, to| StageResult { name: Some(name.into()), from_s, to_s, from, to };
    result.scenarios[0].stages =
        vec![stage("ramp", 0.0, 10.0, 0.0, 50.0), stage("peak", 10.0, 130.0, 50.0, 50.0)];
    result.thresholds[0].breaches = vec![BreachResult { from_s: 39.0, to_s: Some(71.0) }];
    result.thresholds[3].met = false;
    result.thresholds[3].observed = Some(0.043);
    result.thresholds[3].breaches = vec![BreachResult { from_s: 40.0, to_s: Some(70.0) }];
    let mut source = bundled();
    for gauge in &mut source.gauges {
        let normal = gauge.first.unwrap();
        let value = |at: &u32| Some(if gauge.name == "cpu" && is_slow(at) { 0.93 } else { normal });
        gauge.values = at_s.iter().map(value).collect();
    }
    result.monitor = vec![source];
    result
}

#[test]
fn reservations_break_and_mend() {
    insta::assert_snapshot!(render(&broken(), Lang::En));
}

#[test]
fn in_korean() {
    insta::assert_snapshot!(render(&broken(), Lang::Ko));
}

#[test]
fn without_an_incident_it_says_so() {
    let mut good = business_heavy();
    good.series = Series { at_s: (0..130).collect(), p95_ms: vec![Some(2.0); 130], ..Series::default() };
    insta::assert_snapshot!(render(&good, Lang::En));
}

#[test]
fn a_run_that_never_came_to_its_load() {
    insta::assert_snapshot!(render(&never_ready(), Lang::En));
}

#[test]
fn what_is_not_over_is_not_called_over() {
    let mut result = broken();
    for (at, p95) in (0..).zip(&mut result.series.p95_ms) {
        *p95 = p95.map(|time| if at >= 38 { 700.0 } else { time });
    }
    let review = render(&result, Lang::En);
    assert!(review.contains("it was not over when the load ended"), "{review}");
    assert!(review.contains("| Back to normal | not before the end |"), "{review}");
}

#[test]
fn what_a_server_says_is_text() {
    use pulldown_cmark::{Event, Options, Parser, Tag};
    let mut result = broken();
    let evil = hostile();
    result.thresholds = evil.thresholds;
    result.causes = evil.causes;
    result.rows = evil.rows;
    result.scenario = evil.scenario;
    result.series.causes[0].cause = crate::report::samples::MARKUP.into();
    result.monitor[0].name = crate::report::samples::MARKUP.into();
    let review = render(&result, Lang::En);
    for event in Parser::new_ext(&review, Options::ENABLE_TABLES) {
        match event {
            Event::Html(html) | Event::InlineHtml(html) => assert_eq!(html.trim(), "<br>"),
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => panic!("{dest_url}"),
            _ => {}
        }
    }
}
