//! The files around the containers, as far as they can be held against each other without running anything.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::engine::{has, root, said, tried};

pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// What Grafana asks Prometheus, with the time of rates written out and for all sizes.
pub(crate) fn expressions() -> Vec<String> {
    let dashboard: Value =
        serde_json::from_str(&read("target-service/compose/grafana/dashboards/ticketing.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap());
    let expressions: Vec<String> = targets
        .map(|target| {
            target["expr"].as_str().unwrap().replace("$__rate_interval", "30s").replace("$size", ".*")
        })
        .collect();
    assert!(expressions.len() > 12, "only {} expressions were found", expressions.len());
    assert!(expressions.iter().all(|expression| !expression.contains('$')), "{expressions:?}");
    expressions
}

#[test]
fn both_ways_to_an_image_end_alike() {
    let ends = ["Dockerfile", "Dockerfile.scratch"].map(|file| {
        let text = read(&format!("target-service/{file}"));
        let (_, end) = text.rsplit_once("FROM scratch\n").unwrap();
        end.lines()
            .map(|line| line.split_once("/usr/local/bin").map_or(line, |(_, rest)| rest).to_owned())
            .collect()
    });
    let [one, other]: [Vec<String>; 2] = ends;
    assert_eq!(one, other);
    assert!(one.len() > 5, "{one:?}");
}

#[test]
fn the_image_has_one_name_everywhere() {
    for file in
        ["docker-compose.yml", "target-service/image.sh", "target-service/Dockerfile", "docs/ticketing.md"]
    {
        assert!(read(file).contains(ticketing::IMAGE), "{file} does not name {}", ticketing::IMAGE);
    }
}

#[test]
fn a_panel_has_a_place_a_name_and_a_source() {
    let dashboard: Value =
        serde_json::from_str(&read("target-service/compose/grafana/dashboards/ticketing.json")).unwrap();
    let source = read("target-service/compose/grafana/datasources/prometheus.yml");
    let mut places = BTreeSet::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        let place = &panel["gridPos"];
        assert!(places.insert((place["x"].as_u64().unwrap(), place["y"].as_u64().unwrap())), "{panel}");
        assert!(!panel["title"].as_str().unwrap().is_empty());
        for target in panel["targets"].as_array().unwrap().iter().chain([panel]) {
            let uid = target["datasource"]["uid"].as_str().unwrap();
            assert!(source.contains(&format!("uid: {uid}\n")), "{target}");
        }
    }
}

#[test]
fn prometheus_takes_its_configuration() {
    let promtool = tried("no Prometheus", Command::new("promtool").arg("--version"));
    if has("prometheus_takes_its_configuration", &promtool) {
        let file = root().join("target-service/compose/prometheus.yml");
        said(Command::new("promtool").args(["check", "config"]).arg(file));
    }
}
