//! Pages to look at: of a real run, and of what a longer one would have left.

use std::path::{Path, PathBuf};

use loadtest::metrics::{Bucket, CellWindows, Slot};
use loadtest::result::encode_windows;
use serde_json::{Value, json};

use crate::support::program::{Ended, Loadtest};
use crate::support::recording::{Answer, Recording};

/// Would act wherever it is not taken for text.
pub(crate) const HOSTILE: &str =
    "</script><script>window.owned=1</script>\"><img src=x onerror=window.owned=2><!--{{7*7}}";

/// Stands for [`HOSTILE`] where the language takes no such name; a saved result may hold any.
const NAME: &str = "some evil name";

/// A run of some seconds, its server as evil as can be: business outcomes, failures, a threshold that is broken.
/// With its result, in which names are evil too.
pub(crate) fn eventful() -> (Ended, Value) {
    let server = Recording::start(|asked| match asked.target.as_str() {
        "/seat" if asked.body.contains('1') => Answer::status(409).body("taken"),
        "/break" => Answer::status(500).header("content-type", "text/html").body(HOSTILE),
        _ => Answer::ok(),
    });
    let yaml = json!({
        "name": NAME,
        "description": HOSTILE,
        "target": server.url(),
        "load": {
            "stages": [
                { "duration": "2s", "target": 4, "name": "ramp" },
                { "duration": "4s", "target": 4, "name": "some evil name too" },
            ],
        },
        "flow": [
            {
                "name": "take seat",
                "post": "/seat",
                "json": { "seat": "${ random_int(0, 1) }" },
                "expect": { "business": { "taken": 409 } },
            },
            { "name": NAME, "get": "/break", "on_failure": "continue" },
            { "think": "20ms" },
        ],
        "thresholds": { "failures": ["rate < 1%"] },
    });
    let ended = Loadtest::run(&yaml.to_string()).args(&["--seed", "7"]).end().expect_code_unless_late(99);
    let escaped = json!(HOSTILE).to_string();
    let result = ended.result.to_string().replace(NAME, escaped.trim_matches('"'));
    (ended, serde_json::from_str(&result).unwrap())
}

/// A page of a result that is put into a file beside it.
pub(crate) fn page(folder: &Path, name: &str, result: &Value, lang: &str) -> PathBuf {
    let (saved, page) = (folder.join(format!("{name}.json")), folder.join(format!("{name}.html")));
    std::fs::write(&saved, result.to_string()).unwrap();
    let (saved, out) = (saved.display().to_string(), page.display().to_string());
    Loadtest::new("report")
        .args(&[&saved, "--format", "html", "--lang", lang, "--out", &out])
        .end()
        .expect_code(0);
    page
}

/// What the run would have left after an hour: each second again and again, no two quite the same, and a heat map as
/// full as one may be.
pub(crate) fn an_hour_of(result: &Value) -> Value {
    const SECONDS: usize = 3600;
    let mut long = result.clone();
    let series = long["series"].as_object_mut().unwrap();
    for (name, column) in series.iter_mut().filter(|(name, _)| *name != "causes") {
        let short = column.as_array().unwrap().clone();
        let value = |second: usize| match (name.as_str(), short[second % short.len()].as_f64()) {
            ("at_s", _) => json!(second),
            (name, Some(value)) if name.ends_with("_ms") => json!(value + second as f64 / 997.0),
            (_, Some(value)) => json!(value as usize + second % 211),
            (_, None) => json!(null),
        };
        *column = (0..SECONDS).map(value).collect();
    }
    let failed: Vec<usize> = (0..SECONDS).collect();
    long["series"]["causes"] = (500..508)
        .map(|status| json!({ "cause": format!("status {status}"), "at_s": failed, "count": failed }))
        .collect();
    long["window_s"] = json!(16);
    for outcome in long["rows"]
        .as_array_mut()
        .unwrap()
        .iter_mut()
        .flat_map(|row| row["outcomes"].as_array_mut().unwrap())
    {
        outcome["response_windows"] = json!(encode_windows(&CellWindows::new(
            (0..225_u32)
                .flat_map(|window| (1000..3000_u64).map(move |bucket| Slot {
                    window,
                    bucket: Bucket::from_number(bucket / 64 * 64).unwrap(),
                    count: (u64::from(window) * 7919 + bucket * 104_729) % 1000,
                }))
                .collect(),
        )));
    }
    let gauge = |name: &str, unit: &str, scale: f64| {
        let values: Vec<f64> =
            (0..SECONDS).map(|second| scale * (1.0 + (second % 97) as f64 / 97.0)).collect();
        json!({ "name": name, "unit": unit, "samples": SECONDS, "values": values,
            "first": scale, "last": scale, "min": scale, "avg": scale, "p50": scale, "p95": scale, "p99": scale, "max": scale })
    };
    long["polls"] = json!([queue("waiting room", SECONDS), queue("second queue", SECONDS)]);
    long["monitor"] = json!([{
        "name": "tickets", "kind": "process", "cpu_limit_cores": 0.5, "memory_limit_bytes": 536_870_912,
        "failed": 0, "problem": null,
        "gauges": [
            gauge("cpu", "share", 0.4), gauge("throttled", "share", 0.2), gauge("memory", "bytes", 2e8),
            gauge("descriptors", "number", 60.0), gauge("threads", "number", 4.0),
        ],
    }, {
        "name": "shop", "kind": "prometheus", "cpu_limit_cores": null, "memory_limit_bytes": null,
        "failed": 0, "problem": null,
        "gauges": [gauge("orders", "per_second", 31.7), gauge("in the line", "number", 207.0)],
    }]);
    long["load_s"] = json!(SECONDS);
    let stage = |name: &str, from_s: usize, to_s: usize| json!({ "name": name, "from_s": from_s, "to_s": to_s, "from": 4, "to": 400 });
    long["scenarios"][0]["stages"] =
        json!([stage("ramp", 0, 600), stage("peak", 600, 3000), stage("down", 3000, 3600)]);
    long
}

/// Users who waited for their turn all the time.
fn queue(name: &str, seconds: usize) -> Value {
    let places: Vec<f64> = (0..seconds).map(|second| (second % 1409) as f64 + 0.5).collect();
    json!({
        "name": name, "scenario": NAME, "kind": "wait_for_turn", "groups": [], "started": 9, "got": 5,
        "given_up": 1, "abandoned": 1, "ended": 1, "interrupted": 1,
        "series": {
            "waiting": (0..seconds).map(|second| second % 2003).collect::<Vec<_>>(),
            "position_min": places, "position_avg": places, "position_max": places,
        },
    })
}
