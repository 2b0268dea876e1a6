//! Whole files: what a sound one becomes, that no file brings the checker down, and that large ones are quick.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::model::{Action, RequestStep, Scenario, Step, Target, TargetKind, Test};
use super::*;

fn read(text: &str) -> Result<Loaded, Failed> {
    load_text(Path::new("any.yaml"), text.to_owned(), &LoadOptions::default())
}

/// A test made of its blocks, without findings.
fn test_of(blocks: &str) -> Test {
    match read(&format!("target: bundled\nload: {{ users: 1, duration: 1s }}\n{blocks}")) {
        Ok(loaded) => {
            assert!(loaded.warnings.is_empty(), "{}", loaded.source.render(&loaded.warnings, false));
            loaded.test
        }
        Err(Failed::Findings { file, findings }) => panic!("{}", file.render(&findings, false)),
        Err(error) => panic!("{error}"),
    }
}

fn request(step: &Step) -> &RequestStep {
    match &step.action {
        Action::Request(request) => request,
        other => panic!("no request: {other:?}"),
    }
}

fn needs(scenario: &Scenario, step: &Step) -> Vec<String> {
    step.needs.iter().map(|slot| scenario.slots[slot.index()].clone()).collect()
}

#[test]
fn names_that_may_lack_a_value_are_needed_and_others_are_not() {
    let test = test_of(
        "vars: { limit: 5 }
setup:
  - post: /reset
    capture: { world: json.world }
on_start:
  - post: /login
    capture: { session: json.session }
flow:
  - get: /a/${ limit }/${ world }/${ session }
    when: session != null
    capture: { id: json.id, twice: 'id ~ id' }
  - get: /b/${ id }/${ id }/${ twice | default(0) }
    when: id != null
",
    );
    let scenario = &test.scenarios[0];
    assert_eq!(needs(scenario, &scenario.flow[0]), ["session"]);
    assert_eq!(needs(scenario, &scenario.flow[1]), ["id"]);
    let filled: Vec<&str> =
        scenario.flow_slots.iter().map(|slot| scenario.slots[slot.index()].as_str()).collect();
    assert_eq!(filled, ["id", "twice"]);
}

/// No warnings where each way fills a name, where a poll waits for it, or where an item is used in its loop.
#[test]
fn names_that_are_filled_on_every_way() {
    let test = test_of(
        "flow:
  - get: /first
    capture: { list: json.list }
  - if: status == 200
    then:
      - get: /a
        capture: { one: json.one }
      - get: /a/${ one }
    else:
      - choose:
          - weight: 1
            do:
              - get: /b
                capture: { one: json.one }
          - weight: 2
            do:
              - get: /c
                capture: { one: json.one }
  - get: /d/${ one }
  - for_each: ${ list }
    do:
      - get: /e/${ item }
        capture: { two: json.two }
      - get: /f/${ two }
      - for_each: ${ list }
        do:
          - get: /g/${ item }/${ two }
  - repeat: 2
    do:
      - if: json.other
        then:
          - get: /h
            capture: { three: json.three }
        else:
          - get: /i/${ three }
            when: three != null
  - poll:
      - get: /j
        expect: { business: { not yet: 404 } }
        capture: { order: json.order }
    until: order != null
    every: ${ order | default(100) }
    at_most: 1m
  - poll:
      - get: /k
        capture: { ticket: json.ticket }
    until: json.ready
    at_most: 1m
  - get: /l/${ order }/${ ticket }
",
    );
    let scenario = &test.scenarios[0];
    let last = scenario.flow.last().unwrap();
    assert_eq!(needs(scenario, last), ["order", "ticket"]);
    let Action::ForEach { steps, .. } = &scenario.flow[3].action else { panic!("{:?}", scenario.flow[3]) };
    assert_eq!(needs(scenario, &scenario.flow[3]), ["list"]);
    assert_eq!(needs(scenario, &steps[0]), ["item"]);
}

#[test]
fn a_body_is_kept_only_where_something_reads_it() {
    let bodies = |blocks: &str| -> Vec<bool> {
        test_of(blocks).scenarios[0]
            .flow
            .iter()
            .filter(|step| matches!(step.action, Action::Request(_)))
            .map(|step| request(step).reads_body)
            .collect()
    };
    assert_eq!(
        bodies("flow:\n  - get: /a\n  - get: /b\n    expect: { checks: { ok: json.x == 1 } }\n"),
        [false, true]
    );
    assert_eq!(bodies("flow:\n  - get: /a\n  - check: { ok: json.x == 1 }\n  - get: /b\n"), [true, true]);
    assert_eq!(bodies("flow:\n  - get: /a\n  - get: '/b/${ json.id }'\n"), [true, true]);
    assert_eq!(bodies("flow:\n  - get: /a\n  - get: '/b/${ header(\"Id\") }'\n"), [false, false]);
}

#[test]
fn requests_of_one_name_share_a_row_and_only_the_load_is_measured() {
    let test = test_of(
        "setup:
  - get: /ready
    expect: { checks: { fine: status == 200 } }
flow:
  - name: buy
    post: /a
    expect: { business: { taken: 409, gone: 410 } }
  - name: buy
    post: /b
    expect: { business: { gone: 404, late: 425 } }
  - get: /c
verify:
  - get: /audit
    expect: { checks: { right: json.ok } }
",
    );
    let rows: Vec<(&str, &[String])> =
        test.catalog.rows.iter().map(|row| (row.name.as_str(), row.business.as_slice())).collect();
    assert_eq!(rows[0].0, "buy");
    assert_eq!(rows[0].1, ["taken", "gone", "late"]);
    assert_eq!((rows[1].0, rows.len()), ("GET /c", 2));
    let scenario = &test.scenarios[0];
    let numbers: Vec<u16> = request(&scenario.flow[1]).expect.business.iter().map(|(id, _)| *id).collect();
    assert_eq!(numbers, [1, 2]);
    assert_eq!((request(&scenario.setup[0]).row, request(&scenario.verify[0]).row), (None, None));
    let checks: Vec<(&str, bool, bool)> = test
        .catalog
        .checks
        .iter()
        .map(|check| (check.name.as_str(), check.invariant, check.measured))
        .collect();
    assert_eq!(checks, [("fine", false, false), ("right", true, false)]);
}

#[test]
fn failures_are_limited_unless_the_file_speaks_of_them() {
    let flow = "flow:\n  - get: /a\n";
    let implied = |blocks: &str| test_of(blocks).thresholds.iter().any(|threshold| threshold.implied);
    assert!(implied(flow));
    assert!(implied(&format!("{flow}thresholds: {{ latency: p95 < 1s }}\n")));
    assert!(!implied(&format!("{flow}thresholds: {{ failures: rate < 5% }}\n")));
}

#[test]
fn a_threshold_at_a_step_is_for_that_step() {
    let test = test_of("flow:\n  - name: buy\n    get: /a\n    thresholds: { latency: p95 < 1s }\n");
    assert_eq!(test.thresholds[0].text, "latency{step=buy}: p95 < 1s");
    assert_eq!(test.thresholds[0].filter.rows.len(), 1);
}

#[test]
fn the_command_line_wins_over_the_file() {
    let options =
        LoadOptions { target: Some(target_override("http://localhost:1").unwrap()), ..Default::default() };
    let text = "target: ${ env('LOADTEST_NOT_SET_ANYWHERE') }\nload: { users: 1, duration: 1s }\nflow:\n  - get: /a\n";
    let loaded = load_text(Path::new("x.yaml"), text.into(), &options).unwrap();
    let Target { kind, .. } = loaded.test.target;
    assert_eq!(kind, TargetKind::Url("http://localhost:1".into()));
    assert_eq!(loaded.test.name, "x");
    assert!(load_text(Path::new("x.yaml"), text.into(), &LoadOptions::default()).is_err());
    let mut given = LoadOptions::default();
    given.env.given.push(("LOADTEST_NOT_SET_ANYWHERE".into(), "bundled".into()));
    assert_eq!(
        load_text(Path::new("x.yaml"), text.into(), &given).unwrap().test.target.kind,
        TargetKind::Bundled
    );
}

#[test]
fn every_key_together() {
    let path = Path::new("tests/fixtures/valid/every-key.yaml");
    let loaded = load(path, &LoadOptions::default()).map_err(|error| error.to_string()).unwrap();
    insta::assert_debug_snapshot!(loaded.test);
}

#[test]
fn every_key_of_http() {
    let path = Path::new("tests/fixtures/valid/every-key-of-http.yaml");
    let text = std::fs::read_to_string(path).unwrap();
    let loaded = load_text(path, text, &LoadOptions::default()).map_err(|error| error.to_string()).unwrap();
    let test = loaded.test;
    insta::assert_debug_snapshot!((&test.target, &test.http, &test.scenarios[0].flow));
}

/// A file of so many steps, each with a name of its own, a capture, a check and a use of what came before.
fn long_file(steps: usize) -> String {
    let mut text = String::from("target: bundled\nload: { users: 1, duration: 1s }\nflow:\n");
    for step in 0..steps {
        let before = step.saturating_sub(1);
        let path = if step == 0 { "/a".to_owned() } else { format!("/a/${{ id{before} }}") };
        let _ = writeln!(
            text,
            "  - name: step {step}\n    get: {path}\n    headers: {{ X-N: \"${{ user.id + {step} }}\" }}\n    capture: {{ id{step}: json.data.id }}\n    expect:\n      checks: {{ ok: status == 200 and json.n > {step} }}"
        );
    }
    let _ = writeln!(text, "  - get: /last/${{ id{} }}", steps - 1);
    text
}

/// As good as never, on a machine however busy.
const HANGS: Duration = Duration::from_mins(1);

#[test]
fn a_long_file_is_read_and_does_not_hang() {
    let time = |steps: usize| {
        let text = long_file(steps);
        let start = Instant::now();
        assert!(read(&text).is_ok());
        start.elapsed()
    };
    time(100);
    let long = time(5000);
    eprintln!("1000 steps {:?}, 5000 steps {long:?}", time(1000));
    // A debug build takes some tenths of a second; `bench/limits.py` has the figures.
    assert!(long < HANGS, "5000 steps took {long:?}");
}

#[test]
fn a_file_of_nothing_but_slips_is_told_so_quickly() {
    let text = long_file(5000).replace("${ id", "${ di").replace("status ==", "statsu ==");
    let start = Instant::now();
    let Err(Failed::Findings { file, findings }) = read(&text) else { panic!("slips are errors") };
    assert!(findings.len() <= 101, "{}", findings.len());
    file.render(&findings, false);
    assert!(start.elapsed() < HANGS, "{:?}", start.elapsed());
}

fn survives(text: &str) {
    match read(text) {
        Ok(loaded) => {
            loaded.source.render(&loaded.warnings, true);
        }
        Err(Failed::Findings { file, findings }) => {
            assert!(findings.iter().any(|finding| finding.severity == Severity::Error));
            file.render(&findings, false);
            file.for_machines(&findings);
        }
        Err(Failed::Read(_)) => {}
    }
}

/// More variables than a file may have.
fn many_names() -> String {
    let mut text = String::from("vars:\n");
    for n in 0..20_000 {
        let _ = writeln!(text, "  a{n}: ${{ a{n} }}");
    }
    text
}

#[test]
fn large_heaps_of_anything_end_soon() {
    const SIZE: usize = 256 * 1024;
    let heap = |unit: &str| unit.repeat(SIZE / unit.len());
    for text in [
        heap("a"),
        heap("\"\" "),
        heap("'"),
        heap("a\n"),
        heap("a: \n"),
        heap("- a\n"),
        heap("- \"\n"),
        heap(": "),
        heap("&a "),
        heap("*a "),
        heap("!x "),
        heap("? a\n"),
        format!("a: {}", heap("${ ")),
        format!("a: {{{}}}", heap("a, ")),
        format!("a: [{}]", heap("f(, ")),
        format!("vars: {{ a: \"{}\" }}", heap("${ b } ")),
        format!("vars: {{ a: \"${{ {} }}\" }}", heap("base64(")),
        many_names(),
        format!("thresholds:\n  latency{{{}}}: x", heap("step=a,")),
        format!("flow:\n{}", heap("  - get: /a\n")),
        format!("flow:\n{}", heap("  - gte: /a\n")),
    ] {
        let start = Instant::now();
        survives(&text);
        let shown: String = text.chars().take(40).collect();
        assert!(start.elapsed() < HANGS, "{:?} for {shown:?}", start.elapsed());
        eprintln!("{:?} {shown:?}", start.elapsed());
    }
}

const SOUND: [&str; 4] = [
    include_str!("../../tests/fixtures/valid/every-key.yaml"),
    include_str!("../../scenarios/payment-repeat.yaml"),
    include_str!("../../scenarios/waiting-queue-open.yaml"),
    include_str!("../../scenarios/reservation-stress.yaml"),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_bytes_bring_it_down(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        survives(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn no_slip_in_a_sound_file_brings_it_down(
        which in 0..SOUND.len(),
        cuts in proptest::collection::vec((0.0..1.0, 0_usize..12, "[-{}\\[\\]:,#&*!$\"'<>=|% \ta-z0-9é\n]{0,4}"), 1..4),
    ) {
        let mut text: Vec<char> = SOUND[which].chars().collect();
        for (place, len, new) in cuts {
            let start = (place * text.len() as f64) as usize;
            let end = (start + len).min(text.len());
            text.splice(start..end, new.chars());
        }
        survives(&text.into_iter().collect::<String>());
    }

    #[test]
    fn no_line_moved_brings_it_down(which in 0..SOUND.len(), from in 0.0..1.0, to in 0.0..1.0, indent in 0_usize..8) {
        let mut lines: Vec<String> = SOUND[which].lines().map(str::to_owned).collect();
        let line = lines.remove((from * lines.len() as f64) as usize);
        let to = (to * lines.len() as f64) as usize;
        lines.insert(to, format!("{}{}", " ".repeat(indent), line.trim_start()));
        survives(&lines.join("\n"));
    }
}
