//! Scenarios and parts of them, and the tables of the language.

use std::sync::LazyLock;

use tempfile::TempDir;

use loadtest::scenario::{Failed, FileKind, LoadOptions, load_text, schema};

use super::blocks::{Block, Page, page, pages, root};
use super::commands::workplace;

/// The files of all pages, for examples that name them.
static FILES: LazyLock<TempDir> = LazyLock::new(workplace);

/// What `validate` would say; empty for a file without findings.
pub(crate) fn findings(yaml: &str) -> String {
    match load_text(&FILES.path().join("example.yaml"), yaml.to_owned(), &LoadOptions::default()) {
        Ok(loaded) => loaded.source.render(&loaded.warnings, false),
        Err(Failed::Findings { file, findings }) => file.render(&findings, false),
        Err(Failed::Read(error)) => error.to_string(),
    }
}

pub(crate) fn indented(text: &str) -> String {
    text.split_inclusive('\n').flat_map(|line| ["  ", line]).collect()
}

/// Keys of a scenario, with those that it cannot do without.
pub(crate) fn completed(part: &str) -> String {
    let mut whole = part.to_owned();
    for (key, default) in [
        ("target:", "target: bundled\n"),
        ("load:", "load: { users: 1, duration: 1s }\n"),
        ("flow:", "flow:\n  - get: /api/v1/concerts\n"),
    ] {
        let has = |key: &str| part.lines().any(|line| line.starts_with(key));
        // Several scenarios have each their own.
        if !has(key) && (key == "target:" || !has("scenarios:")) {
            whole += default;
        }
    }
    whole
}

fn whole_file(block: &Block, page: &Page) -> Option<String> {
    Some(match block.check.as_str() {
        "whole" => block.text.clone(),
        "part" => completed(&block.text),
        "step" => completed(&format!("flow:\n{}", indented(&block.text))),
        "thresholds" => {
            let blocks = page.blocks();
            let base = blocks.iter().find(|block| block.check == "whole").unwrap();
            format!("{}thresholds:\n{}", base.text, indented(&block.text))
        }
        _ => return None,
    })
}

#[test]
fn every_scenario_is_valid() {
    let mut wrong = Vec::new();
    for page in pages() {
        for block in page.blocks().iter().filter(|block| block.language == "yaml") {
            let found = match whole_file(block, &page) {
                Some(whole) => findings(&whole),
                None if block.check == "invalid" && findings(&block.text).is_empty() => "no findings".into(),
                None => String::new(),
            };
            if !found.is_empty() {
                wrong.push(format!("{}:\n{found}\n", block.place));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_excerpt_stands_in_its_file() {
    for block in pages().iter().flat_map(Page::blocks).filter(|block| block.check == "excerpt") {
        let path = block.of.as_ref().unwrap();
        let whole = format!("\n{}", std::fs::read_to_string(root().join(path)).unwrap());
        let mut rest = whole.as_str();
        for part in block.text.split("\n…\n") {
            let lines = format!("\n{}\n", part.trim_matches('\n'));
            let at = rest.find(&lines);
            assert!(at.is_some(), "{}: {path} has no such lines here:{lines}", block.place);
            // The last line's end may begin the next part.
            rest = &rest[at.unwrap_or_default() + lines.len() - 1..];
        }
    }
}

#[test]
fn every_json_is_json() {
    for block in pages().iter().flat_map(Page::blocks).filter(|block| block.language == "json") {
        let parsed = serde_json::from_str::<serde_json::Value>(&block.text);
        assert!(parsed.is_ok(), "{}: {parsed:?}", block.place);
    }
}

#[test]
fn every_key_of_the_language_is_in_the_reference_and_has_an_example() {
    let page = page("docs/scenario-language.md");
    let prose = page.prose();
    let examples: String =
        page.blocks().into_iter().filter(|block| block.language == "yaml").map(|block| block.text).collect();
    let schema = schema(FileKind::Test);
    let definitions = schema["definitions"].as_object().unwrap().values();
    for place in definitions.chain([&schema]) {
        for key in place["properties"].as_object().unwrap().keys() {
            let said = prose.contains(&format!("`{key}`")) || prose.contains(&format!(".{key}`"));
            assert!(said, "the reference says nothing of `{key}`");
            let key_of_a_map = format!("{key}:");
            let mut words = examples.match_indices(&key_of_a_map).map(|(at, _)| &examples[..at]);
            let shown = words.any(|before| before.ends_with([' ', '\n', '{']) || before.is_empty());
            assert!(shown, "the reference has no example with `{key}:`");
        }
    }
}

/// Whether the first whole file of the page takes this threshold.
fn takes(base: &str, key: &str, condition: &str) -> bool {
    findings(&format!("{base}thresholds:\n  {key}: [\"{condition}\"]\n")).is_empty()
}

#[test]
fn the_table_of_metrics_is_that_of_the_program() {
    const FILTERS: [(&str, &str); 6] = [
        ("step", "reserve seat"),
        ("group", "buy"),
        ("scenario", "reservation-stress"),
        ("stage", "peak"),
        ("check", "it is held"),
        ("outcome", ""),
    ];
    let page = page("docs/thresholds.md");
    let base = page.blocks().remove(0).text;
    let rows = page.rows().into_iter().filter(|row| row.len() == 6 && row[0].starts_with('`'));
    let mut listed = Vec::new();
    for row in rows {
        let metric = row[0].trim_matches('`').to_owned();
        let any = |aggregate: &str, limits: &[&str]| {
            limits.iter().any(|limit| takes(&base, &metric, &format!("{aggregate} < {limit}")))
        };
        for aggregate in ["p50", "p99.9", "avg", "min", "max"] {
            assert_eq!(any(aggregate, &["1s", "1"]), row[2] == "yes", "{metric} {aggregate}");
        }
        assert_eq!(any("count", &["1"]), row[3] == "yes", "{metric} count");
        assert_eq!(any("rate", &["1/s"]), row[4] == "per second", "{metric} rate per second");
        assert_eq!(any("rate", &["1%"]), row[4] == "share", "{metric} rate as a share");
        for (filter, value) in FILTERS {
            let value = match (filter, metric.as_str()) {
                ("step", "poll_duration" | "given_up") => "concerts are there",
                ("step", "time_to_turn" | "queue_position" | "abandoned") => "waiting room",
                ("outcome", "business") => "seat taken",
                ("outcome", _) => "timeout",
                _ => value,
            };
            let filtered = format!("{metric}{{{filter}={value}}}");
            let said = row[5].split(' ').any(|word| word == filter);
            assert_eq!(takes(&base, &filtered, "count < 1"), said, "{filtered}");
        }
        listed.push(metric);
    }
    // The finding for a metric that there is not lists those that there are.
    let help = findings(&format!("{base}thresholds:\n  qqqqqqqq: [count < 1]\n"));
    let help = help.split("the metrics are ").nth(1).unwrap();
    let known: Vec<&str> = help.split('`').skip(1).step_by(2).take_while(|name| *name != "count").collect();
    assert!(known.len() > 10, "{help}");
    for metric in known {
        assert!(listed.iter().any(|name| name == metric), "the table lacks `{metric}`");
    }
}

#[test]
fn drift_is_for_the_metrics_that_the_page_names() {
    let base = page("docs/thresholds.md").blocks().remove(0).text;
    for metric in ["latency", "service_time"] {
        assert!(takes(&base, metric, "drift < 20%"), "{metric}");
    }
    assert!(!takes(&base, "requests", "drift < 20%"));
}

#[test]
fn the_table_of_what_is_watched_is_that_of_the_program() {
    let base = "target: http://a\nload:\n  stages: [{ duration: 1s, target: 1, name: steady }]\nflow: [{ get: / }]\n\
                monitor:\n  container: c\n  process: { name: p, port: 1 }\n  \
                prometheus: { url: /m, series: [level, pace_total] }\n";
    let rows = page("docs/monitoring.md").rows();
    let rows: Vec<_> =
        rows.into_iter().filter(|row| row.len() == 4 && row[0].starts_with("`target")).collect();
    for row in &rows {
        let metric = row[0].trim_matches('`');
        let sources: &[&str] = if metric == "target" { &["series=level"] } else { &["of=c", "of=p"] };
        let source = |condition: &str| {
            sources.iter().find(|source| takes(base, &format!("\"{metric}{{{source}}}\""), condition))
        };
        let limit = row[1].split('`').nth(1).unwrap();
        for aggregate in ["p50", "p99.9", "avg", "min", "max", "last"] {
            assert!(source(&format!("{aggregate} < {limit}")).is_some(), "{metric} {aggregate} < {limit}");
        }
        let slope = row[2].split('`').nth(1);
        let has_slope =
            ["1%/min", "1MB/min", "5/min"].iter().any(|limit| source(&format!("slope < {limit}")).is_some());
        assert_eq!(has_slope, slope.is_some(), "{metric} slope");
        if let Some(slope) = slope {
            assert!(source(&format!("slope < {slope}")).is_some(), "{metric} slope < {slope}");
        }
        for filter in ["of=p", "series=level", "stage=steady", "step=/"] {
            let with = source(&format!("max < {limit}")).unwrap();
            let name = filter.split('=').next().unwrap();
            let said = row[3].split(' ').any(|word| word == name);
            let key = if with.starts_with(name) { (*with).to_owned() } else { format!("{with}, {filter}") };
            assert_eq!(
                takes(base, &format!("\"{metric}{{{key}}}\""), &format!("max < {limit}")),
                said,
                "{metric} {filter}"
            );
        }
    }
    assert!(takes(base, "\"target{series=pace_total}\"", "max < 50/s"), "a rate");
    assert!(!takes(base, "\"target{series=pace_total}\"", "slope < 5/min"), "a rate has no slope");
    let help = findings(&format!("{base}thresholds:\n  qqqqqqqq: [count < 1]\n"));
    let known: Vec<&str> =
        help.split('`').filter(|word| *word == "target" || word.starts_with("target_")).collect();
    let listed: Vec<&str> = rows.iter().map(|row| row[0].trim_matches('`')).collect();
    assert_eq!(known, listed);
}

#[test]
fn causes_of_failure_are_those_of_the_program() {
    let base = page("docs/thresholds.md").blocks().remove(0).text;
    let language = page("docs/scenario-language.md").text;
    let from = language.find("Causes of failure, as reports").unwrap();
    let table = &language[from..from + language[from..].find("What the generator itself").unwrap()];
    let known = findings(&format!("{base}thresholds:\n  \"failures{{outcome=qqqqqqqq}}\": [count < 1]\n"));
    let known = known.split("outcomes here are ").nth(1).unwrap();
    let known: Vec<&str> = known.split('`').skip(1).step_by(2).collect();
    assert!(known.len() > 10);
    for cause in known {
        let said = table.contains(&format!("`{cause}`")) || table.contains(&format!("`{cause} "));
        assert!(said, "the table of causes lacks `{cause}`");
    }
}
