//! An oracle: a server that draws its latencies from a known distribution, and logs what it did. Every
//! percentile, every count and every byte must be what the log says.

use std::time::Duration;

use crate::known::Known;
use crate::program::Loadtest;

/// Uniform in 0..1 for the nth answer, the same in every run: fractions of the golden ratio, which fill the
/// interval evenly.
fn fraction(n: u64) -> f64 {
    (n as f64 * 0.618_033_988_749_894_9).fract()
}

fn millis(millis: f64) -> Duration {
    Duration::from_secs_f64(millis / 1e3)
}

/// The value that `percent` of the sorted samples do not exceed.
fn percentile(sorted: &[Duration], percent: f64) -> f64 {
    let rank = (percent / 100.0 * sorted.len() as f64).ceil().max(1.0) as usize;
    sorted[rank.min(sorted.len()) - 1].as_secs_f64() * 1e3
}

/// Compares a run with the server's log, with connections made before: response time would include making them,
/// which no server can log. Counts and bytes must be equal; the answer says which percentile is
/// further off than 1 % or 100 µs, if any.
fn compare(wait: fn(u64) -> Duration) -> Result<(), String> {
    let server = Known::start(move |n, _| wait(n));
    let yaml = "
name: oracle
target: bundled
load: { users: 64, iterations: 1600 }
on_start:
  - get: /connect
flow:
  - name: ask
    post: /ask
    json: { user: \"${ user.id }\" }
";
    let ended = Loadtest::run(yaml).arg("--target").arg(&server.url).end().expect_code(0).expect_accounted();
    let log = server.log();
    let row = ended.row("ask");
    assert_eq!(row["success"], 1600);
    assert_eq!(log.took.len(), 1600);
    assert_eq!(row["sent_bytes"].as_u64().unwrap(), log.bytes_read);
    assert_eq!(row["received_bytes"].as_u64().unwrap(), log.bytes_written);
    let mut took = log.took;
    took.sort_unstable();
    for time in ["service", "response"] {
        let seen = &row["outcomes"][0][time];
        assert_eq!(seen["count"], 1600);
        for (name, percent) in
            [("p50_ms", 50.0), ("p90_ms", 90.0), ("p95_ms", 95.0), ("p99_ms", 99.0), ("p999_ms", 99.9)]
        {
            let (seen, logged) = (seen[name].as_f64().unwrap(), percentile(&took, percent));
            if (seen - logged).abs() > (logged * 0.01).max(0.1) {
                return Err(format!("{time} {name}: {seen} reported, {logged} logged"));
            }
        }
    }
    Ok(())
}

/// Other work on the machine delays the generator now and then, and can only add to what it sees. What is
/// wrong by itself is wrong every time, so one run of three that is right throughout proves it.
fn must_agree(wait: fn(u64) -> Duration) {
    let mut seen = Vec::new();
    for _ in 0..3 {
        match compare(wait) {
            Ok(()) => return,
            Err(difference) => seen.push(difference),
        }
    }
    panic!("each of three runs differed: {seen:#?}");
}

#[test]
fn uniform_latencies() {
    must_agree(|n| millis(200.0 + 600.0 * fraction(n)));
}

#[test]
fn bimodal_latencies() {
    must_agree(|n| if fraction(n) < 0.8 { millis(250.0) } else { millis(900.0 + 50.0 * fraction(n * 7)) });
}

#[test]
fn long_tailed_latencies() {
    // A Pareto tail: one in a thousand takes eight times as long as the shortest.
    must_agree(|n| millis((200.0 * (1.0 - fraction(n)).powf(-0.3)).min(2000.0)));
}
