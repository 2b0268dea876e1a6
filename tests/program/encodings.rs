//! Answers that come compressed: asked for where a scenario says so, and read where something looks at them.

use std::io::Write as _;

use brotli::enc::BrotliEncoderParams;
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use crate::support::program::{Ended, Loadtest};
use crate::support::recording::{Answer, Asked, Recording};

fn encoded(encoding: &str, text: &[u8]) -> Vec<u8> {
    match encoding {
        "gzip" => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(text).unwrap();
            encoder.finish().unwrap()
        }
        "deflate" => {
            let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(text).unwrap();
            encoder.finish().unwrap()
        }
        "bare" => {
            let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(text).unwrap();
            encoder.finish().unwrap()
        }
        "br" => {
            let mut out = Vec::new();
            brotli::BrotliCompress(&mut &*text, &mut out, &BrotliEncoderParams::default()).unwrap();
            out
        }
        "zstd" => compress_to_vec(text, CompressionLevel::Fastest),
        _ => panic!("{encoding}"),
    }
}

/// Answers `/ENCODING` with JSON in that encoding.
fn answer(asked: &Asked) -> Answer {
    let text = format!(r#"{{"seat": 7, "long": "{}"}}"#, "seat ".repeat(500));
    match asked.target.as_str() {
        "/plain" => Answer::ok().body(&text),
        "/bare" => {
            Answer::ok().header("Content-Encoding", "deflate").bytes(&encoded("bare", text.as_bytes()))
        }
        "/twice" => {
            let twice = encoded("br", &encoded("gzip", text.as_bytes()));
            Answer::ok().header("Content-Encoding", "gzip").header("Content-Encoding", "br").bytes(&twice)
        }
        "/bomb" => {
            let bomb = encoded("gzip", &vec![b' '; 50_000_000]);
            Answer::ok().header("Content-Encoding", "gzip").bytes(&bomb)
        }
        "/broken" => Answer::ok().header("Content-Encoding", "gzip").body("no such thing"),
        "/broken-500" => Answer::status(500).header("Content-Encoding", "br").body("no such thing"),
        "/unknown" => Answer::ok().header("Content-Encoding", "utf-8").body(&text),
        "/refused" => {
            let refusal = encoded("gzip", br#"{"error": "SEAT_TAKEN"}"#);
            Answer::status(409).header("Content-Encoding", "gzip").bytes(&refusal)
        }
        "/fails" => {
            Answer::status(503).header("Content-Encoding", "gzip").bytes(&encoded("gzip", b"what went wrong"))
        }
        path => {
            let encoding = path.trim_start_matches('/');
            Answer::ok().header("Content-Encoding", encoding).bytes(&encoded(encoding, text.as_bytes()))
        }
    }
}

fn run(rest: &str) -> (Ended, Vec<Asked>) {
    let server = Recording::start(answer);
    let yaml = format!("target: {}\nload: {{ users: 1, iterations: 2 }}\n{rest}", server.url());
    (Loadtest::run(&yaml).end(), server.asked())
}

#[test]
fn every_encoding_is_read() {
    let checks =
        "expect: { checks: { read: json.seat == 7 } }\n    capture: { seat: json.seat, sum: body | sha256 }";
    let paths = ["plain", "gzip", "br", "zstd", "deflate", "bare", "twice", "unknown"];
    let steps = paths.map(|path| format!("  - name: {path}\n    get: /{path}\n    {checks}\n  - check: {{ same: sum == first | default(sum) }}\n  - set: {{ first: \"${{ sum }}\" }}\n"));
    let (ended, asked) = run(&format!("flow:\n{}thresholds:\n  checks: [rate == 100%]\n", steps.concat()));
    let ended = ended.expect_passed();
    for path in paths {
        assert_eq!(ended.count(path, "success"), 2, "{}", ended.said());
    }
    assert!(ended.row("gzip")["received_bytes"].as_u64() < ended.row("plain")["received_bytes"].as_u64());
    assert!(asked.iter().all(|asked| asked.header("accept-encoding").is_none()), "nothing was asked for");
}

#[test]
fn encodings_are_asked_for() {
    for (said, expected) in
        [("true", Some("gzip, br, zstd, deflate")), ("[zstd, gzip]", Some("zstd, gzip")), ("false", None)]
    {
        let (ended, asked) = run(&format!(
            "http: {{ compression: {said} }}\nflow:\n  - get: /gzip\n  - get: /plain\n    headers: {{ accept-encoding: identity }}\n"
        ));
        ended.expect_passed();
        assert_eq!(asked[0].header("accept-encoding"), expected);
        assert_eq!(asked[1].header("accept-encoding"), Some("identity"), "the step's own wins");
    }
}

/// A body that nobody reads is not looked into: what is wrong with it does not matter.
#[test]
fn a_body_that_nobody_reads_costs_nothing() {
    let (ended, _) = run("flow:\n  - name: ask\n    get: /broken\n");
    assert_eq!(ended.expect_passed().count("ask", "success"), 2);
}

#[test]
fn a_bomb_ends_at_the_first_mebibyte() {
    let (ended, asked) = run(
        "flow:\n  - name: ask\n    get: /bomb\n    expect: { checks: { kept: body | length == 1048576 } }\n",
    );
    let ended = ended.expect_passed().expect_sent(asked.len());
    assert_eq!(ended.count("ask", "success"), 2, "{}", ended.said());
    assert!(ended.row("ask")["received_bytes"].as_u64().unwrap() < 200_000);
}

#[test]
fn a_body_that_is_not_what_it_says() {
    let (ended, asked) = run("flow:\n  - name: ask\n    get: /broken\n    capture: { seat: json.seat }\n");
    let ended = ended.expect_code(99).expect_sent(asked.len());
    assert_eq!(ended.count("ask", "decompression"), 2, "{}", ended.said());
    assert_eq!(ended.total("in_doubt"), 0, "it was answered");
    let detail = ended.list("causes")[0]["example"]["detail"].as_str().unwrap();
    assert!(detail.starts_with("the body is not what `Content-Encoding: gzip` says: "), "{detail}");
    // What the status says comes first.
    let (ended, _) = run("flow:\n  - name: ask\n    get: /broken-500\n    capture: { seat: json.seat }\n");
    assert_eq!(ended.expect_code(99).count("ask", "status 500"), 2);
}

#[test]
fn refusals_and_samples_are_read_too() {
    let (ended, _) = run(
        "flow:\n  - name: refused\n    get: /refused\n    expect: { business: { taken: json.error == \"SEAT_TAKEN\" } }\n\
         \x20 - name: fails\n    get: /fails\n",
    );
    let ended = ended.expect_code(99).expect_accounted();
    assert_eq!(ended.count("refused", "taken"), 2, "{}", ended.said());
    assert_eq!(ended.list("causes")[0]["example"]["body"], "what went wrong");
}
