//! Watching the target while the load runs.

use serde_json::Value;

use crate::support::program::{Ended, Loadtest};

/// A gauge of a watched source.
#[track_caller]
fn gauge<'a>(ended: &'a Ended, source: &str, name: &str) -> &'a Value {
    let watched = ended.list("monitor").iter().find(|watched| watched["name"] == source);
    let gauges = watched.unwrap_or_else(|| panic!("{source} was not watched; {}", ended.said()));
    let found = gauges["gauges"].as_array().unwrap().iter().find(|gauge| gauge["name"] == name);
    found.unwrap_or_else(|| panic!("{source} has no {name}; {}", ended.said()))
}

#[test]
fn the_bundled_service_is_watched_without_being_asked_for() {
    let yaml = "target: bundled\nload: { users: 3, duration: 2500ms }\n\
                flow:\n  - get: /api/v1/concerts\n  - think: 5ms\n";
    let ended = Loadtest::run(yaml).end().expect_passed();
    let seconds = ended.result["series"]["at_s"].as_array().unwrap().len();
    for (name, unit, least) in [
        ("cpu", "share", 0.0),
        ("memory", "bytes", 1e6),
        ("descriptors", "number", 3.0),
        ("threads", "number", 1.0),
    ] {
        let gauge = gauge(&ended, "bundled", name);
        assert_eq!(gauge["unit"], unit);
        let values = gauge["values"].as_array().unwrap();
        assert_eq!(values.len(), seconds, "one for each second of the series: {gauge:#}");
        let figures: Vec<f64> = values.iter().filter_map(Value::as_f64).collect();
        assert!(!figures.is_empty() && figures.iter().all(|figure| *figure >= least), "{gauge:#}");
        let max = figures.iter().copied().fold(0.0, f64::max);
        assert!(gauge["max"].as_f64().unwrap() <= max, "{gauge:#}");
    }
    assert!(ended.stdout.contains("cpu as a share of one core"), "{}", ended.said());
}
