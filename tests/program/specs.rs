//! Sizes of a target from outside, as far as it goes without containers; with them it is in `tests/containers/`.

use crate::support::program::Loadtest;

const BUNDLED: &str =
    "name: t\ntarget: bundled\nload: { users: 1, iterations: 1 }\nflow:\n  - get: /api/v1/concerts\n";
const ADDRESS: &str =
    "name: t\ntarget: http://127.0.0.1:9\nload: { users: 1, iterations: 1 }\nflow:\n  - get: /a\n";
const NOWHERE: &str = "unix:///nonexistent/docker.sock";

fn on_specs(verb: &str, yaml: &str, names: &str) -> Loadtest {
    let slo: &[&str] = if verb == "capacity" { &["--slo", "latency p95 < 1s"] } else { &[] };
    let program = Loadtest::new(verb).scenario(yaml).args(&["--out", "reports", "--spec", names]);
    program.args(slo).env("DOCKER_HOST", NOWHERE)
}

#[test]
fn without_an_engine_it_says_what_is_missing_and_how_to_get_it() {
    for verb in ["run", "capacity"] {
        let ended = on_specs(verb, BUNDLED, "small").end().expect_code(96);
        for said in [
            "no Docker engine answers at unix:///nonexistent/docker.sock",
            "apt install docker.io",
            "DOCKER_HOST",
        ] {
            assert!(ended.stderr.contains(said), "{}", ended.said());
        }
    }
    let image = BUNDLED.replace("target: bundled", "target: { image: app }");
    let ended = Loadtest::run(&image).env("DOCKER_HOST", NOWHERE).end().expect_code(96);
    assert!(ended.stdout.contains("no Docker engine answers"), "{}", ended.said());
}

#[test]
fn what_cannot_be_had_in_that_size_says_what_to_write() {
    let image = BUNDLED.replace("target: bundled", "target: { image: app }");
    let table = [
        (BUNDLED, "smal", "the target has no spec `smal`; did you mean `small`?"),
        (BUNDLED, "huge", "the target has no spec `huge`; it has `small`, `medium`"),
        (&image, "small", "the target has no specs; write under `target`"),
        (ADDRESS, "small", "`http://127.0.0.1:9` is only an address; write `target: { image: "),
    ];
    for (yaml, names, text) in table {
        for verb in ["run", "capacity"] {
            let ended = on_specs(verb, yaml, names).end().expect_code(2);
            assert!(ended.stderr.contains(text), "{}", ended.said());
            assert!(!ended.folder.join("reports").exists(), "nothing is left");
        }
    }
    let ended = on_specs("run", BUNDLED, "small,small").end().expect_code(2);
    assert!(ended.stderr.contains("the spec `small` is named twice"), "{}", ended.said());
    for arguments in [["--repeat", "2"], ["--warm-up", "1s"]] {
        let ended = Loadtest::run(BUNDLED).args(&arguments).end().expect_code(2);
        assert!(ended.stderr.contains("--spec <NAMES>"), "{}", ended.said());
    }
}

#[test]
fn a_plan_shows_the_sizes() {
    let yaml = BUNDLED.replace(
        "target: bundled",
        "target: { image: app, port: 9000, specs: { s: { cpus: 2, memory: 1GiB, price: 0.5 } } }",
    );
    let ended = Loadtest::new("plan").scenario(&yaml).end().expect_code(0);
    assert!(ended.stdout.contains("a container of app, its port 9000"), "{}", ended.said());
    assert!(ended.stdout.contains("as s: 2 cores, 1GiB, 0.5 per hour"), "{}", ended.said());
}
