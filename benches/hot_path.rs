//! What a request costs the generator, piece by piece, and what reading a large file costs before the first one.
//!
//! `cargo bench --bench hot_path` (or `just bench-micro`) runs all of it, with a filter behind it a part:
//! `cargo bench --bench hot_path -- "response"`. Sockets and timers are no part of it: `bench/` measures whole runs.

use std::fmt::Write as _;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput};

use loadtest::http::{KeepBody, Progress, Response};
use loadtest::metrics::{Exchange, Recorder, Second, Staged, Times};
use loadtest::outcome::{Cause, Outcome};
use loadtest::plan;
use loadtest::scenario::model::{Catalog, Profile, RowId, RowInfo, Spacing, Stage, StatusSet};
use loadtest::scenario::{LoadOptions, load_text};
use loadtest::template::{
    Encoding, Env, Expr, JsonTemplate, Random, Scope, Shared, Slot, SlotNames, TextTemplate, Value,
    ValueTemplate, Visible,
};

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    schedule(&mut criterion);
    template(&mut criterion);
    classification(&mut criterion);
    response(&mut criterion);
    record(&mut criterion);
    merge(&mut criterion);
    load(&mut criterion);
    criterion.final_summary();
}

// The schedule: when is the next one due, and when is a user there?

/// Up, along, up again, along and down.
fn course(highest: f64) -> Profile {
    let stage = |seconds, share: f64| Stage {
        duration: Duration::from_secs(seconds),
        target: highest * share,
        name: None,
    };
    Profile {
        from: 0.0,
        stages: vec![stage(60, 0.5), stage(600, 0.5), stage(60, 1.0), stage(600, 1.0), stage(60, 0.0)],
    }
}

fn schedule(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("schedule");
    let arrivals = plan::Arrivals::new(&course(10_000.0));
    let mut number = 0;
    group.bench_function("due time of arrival n, evenly spaced", |bencher| {
        bencher.iter(|| {
            number = (number + 1) % arrivals.count();
            arrivals.due(black_box(number))
        });
    });
    // So many arrivals that no measurement comes to their end.
    let endless = plan::Arrivals::new(&Profile::constant(1e6, Duration::from_secs(1_000_000)));
    for (spacing, spaced) in [(Spacing::Uniform, "evenly spaced"), (Spacing::Poisson, "Poisson")] {
        for of in [1, 8] {
            let mut mine = plan::striped(&endless, spacing, Random::of_iteration(7, 0, 0, 0), 0, of);
            let name = format!("next arrival of one worker of {of}, {spaced}");
            group.bench_function(name, |bencher| bencher.iter(|| mine.next()));
        }
    }
    let profile = course(10_000.0);
    let mut user = 0;
    group.bench_function("when one user is there, 5 stages", |bencher| {
        bencher.iter(|| {
            user = (user + 1) % 10_000;
            plan::presence(&profile, black_box(user))
        });
    });
    group.bench_function("the stage a request belongs to, 5 stages", |bencher| {
        bencher.iter(|| plan::stage_at(&profile, black_box(1000.0)));
    });
    group.finish();
}

// Templates: from a user's values to the bytes of a request.

const SLOTS: [&str; 3] = ["concert", "token", "seats"];

/// What compiles the texts of a scenario with the variables [`SLOTS`].
struct Compiler {
    slots: SlotNames,
    env: Env,
}

impl Compiler {
    fn new() -> Self {
        Compiler { slots: SLOTS.into_iter().collect(), env: Env::default() }
    }

    fn visible(&self) -> Visible<'_> {
        Visible { slots: &self.slots, answer: true, results: false, rows: &[], env: &self.env }
    }

    fn expr(&self, source: &str) -> Expr {
        Expr::compile(source, self.visible()).expect("an expression of this benchmark compiles")
    }

    fn text(&self, source: &str) -> TextTemplate {
        TextTemplate::compile(source, self.visible()).expect("a text of this benchmark compiles")
    }

    /// A user that has a value for every variable.
    fn user(&self) -> Box<Scope> {
        let names: Arc<[String]> = self.slots.names().into();
        let mut scope = Scope::new(Arc::new(Shared::default()), Arc::from("bench"), 0, names);
        scope.user_id = 4711;
        scope.begin_iteration(1);
        scope.set(Slot(0), Some(Value::from(12)));
        scope.set(Slot(1), Some(Value::from("3a63e9e829786cfe")));
        scope.set(Slot(2), Some(Value::from(50)));
        scope
    }
}

fn template(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("template");
    let compiler = Compiler::new();
    let mut user = compiler.user();
    let mut out = Vec::with_capacity(1024);

    let one = ("userId".to_owned(), ValueTemplate::Expr(compiler.expr("user.id")));
    let body = JsonTemplate::new(ValueTemplate::Object(vec![one]));
    group.bench_function("JSON body with one value", |bencher| {
        bencher.iter(|| {
            out.clear();
            body.render(&mut user, &mut out).expect("it renders");
            out.len()
        });
    });
    let path = compiler.text("/api/v1/concerts/${ concert }/tokens/${ token }?user=${ user.id }");
    group.bench_function("path with three values, encoded", |bencher| {
        bencher.iter(|| {
            out.clear();
            path.render(&mut user, Encoding::Path, &mut out).expect("it renders");
            out.len()
        });
    });
    let text = compiler.text("concert ${ concert }, token ${ token }, user ${ user.id }");
    group.bench_function("plain text with three values", |bencher| {
        bencher.iter(|| {
            out.clear();
            text.render(&mut user, Encoding::Raw, &mut out).expect("it renders");
            out.len()
        });
    });
    let engine = compiler.expr("user.id % seats + 1");
    group.bench_function("expression of the engine: user.id % seats + 1", |bencher| {
        bencher.iter(|| engine.eval(&mut user).expect("it has a value"));
    });
    let random = compiler.expr("random_int(1, seats)");
    group.bench_function("expression of the engine: random_int(1, seats)", |bencher| {
        bencher.iter(|| random.eval(&mut user).expect("it has a value"));
    });
    answered(&mut user, &plain_answer());
    let header = compiler.expr("header(\"Queue-Token-Queue-Id\")");
    group.bench_function("capture of a header", |bencher| {
        bencher.iter(|| {
            let token = header.eval(&mut user).expect("the answer has it");
            user.set(Slot(1), Some(token));
        });
    });
    group.finish();
}

// Classification: which outcome is this answer?

fn classification(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("classification");
    let compiler = Compiler::new();
    let mut user = compiler.user();
    let statuses = StatusSet(vec![(200, 201), (204, 204), (300, 399)]);
    group.bench_function("status among three ranges", |bencher| {
        bencher.iter(|| statuses.contains(black_box(304)));
    });
    answered(&mut user, &plain_answer());
    for (name, source) in [
        ("check of a header that is there", "header(\"Queue-Token-Queue-Id\") != null"),
        ("check of a status and a field of JSON, parsed already", "status == 200 and json.code == 200"),
    ] {
        let check = compiler.expr(source);
        assert!(check.holds(&mut user).expect("it can be asked"), "{source} holds");
        group.bench_function(name, |bencher| {
            bencher.iter(|| check.holds(&mut user).expect("it can be asked"));
        });
    }
    let check = compiler.expr("json.data.status == \"ACTIVE\"");
    let answer = plain_answer();
    group.bench_function("answer received, its JSON parsed, one field checked", |bencher| {
        bencher.iter(|| {
            answered(&mut user, &answer);
            check.holds(&mut user).expect("it can be asked")
        });
    });
    group.finish();
}

// Answers, as they come from the socket.

const BODY: &str = r#"{"code":200,"message":"OK","data":{"token":"3a63e9e829786cfe","status":"ACTIVE","position":0,"retryAfterMs":0,"expiresAt":"2026-11-20T23:49:40.907Z"}}"#;
const HEADERS: &str = "content-type: application/json\r\nqueue-token-queue-id: 3a63e9e829786cfe\r\n\
                       x-request-id: 0f9c1b7e\r\ndate: Fri, 20 Nov 2026 23:39:40 GMT\r\n";

fn plain_answer() -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\n{HEADERS}content-length: {}\r\n\r\n{BODY}", BODY.len()).into_bytes()
}

/// The same answer in three chunks.
fn chunked_answer() -> Vec<u8> {
    let mut answer = format!("HTTP/1.1 200 OK\r\n{HEADERS}transfer-encoding: chunked\r\n\r\n");
    for chunk in BODY.as_bytes().chunks(BODY.len().div_ceil(3)) {
        let _ = write!(answer, "{:x}\r\n{}\r\n", chunk.len(), String::from_utf8_lossy(chunk));
    }
    (answer + "0\r\n\r\n").into_bytes()
}

fn large_answer() -> Vec<u8> {
    let body = BODY.repeat(64 * 1024 / BODY.len());
    format!("HTTP/1.1 200 OK\r\n{HEADERS}content-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

fn receive(response: &mut Response, answer: &[u8], keep: KeepBody) {
    response.begin(false, keep);
    assert_eq!(response.receive(answer), Ok(Progress::Complete), "the answer is whole");
}

/// Lets the user see this answer.
fn answered(user: &mut Scope, answer: &[u8]) {
    receive(user.expect_answer(), answer, KeepBody::Always);
    user.answered(Duration::from_millis(3));
}

fn response(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("response");
    let mut response = Response::new();
    for (name, answer, keep) in [
        ("150 bytes of JSON, body kept", plain_answer(), KeepBody::Always),
        ("150 bytes of JSON, body only counted", plain_answer(), KeepBody::Never),
        ("150 bytes of JSON in three chunks, body kept", chunked_answer(), KeepBody::Always),
        ("64 KiB, body kept", large_answer(), KeepBody::Always),
    ] {
        group.throughput(Throughput::Bytes(answer.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                receive(&mut response, black_box(&answer), keep);
                response.body_len()
            });
        });
    }
    group.finish();
}

// Counting what came.

/// Times that differ as those of answers do: a long tail from 100 µs on.
struct Samples(Random);

impl Samples {
    fn new() -> Self {
        Samples(Random::of_iteration(7, 0, 0, 0))
    }

    fn time(&mut self) -> Duration {
        Duration::from_nanos(100_000 + (self.0.exponential() * 400_000.0) as u64)
    }

    fn exchange(&mut self) -> Exchange {
        let service = self.time();
        Exchange {
            response: service + Duration::from_micros(3),
            service: Some(service),
            ttfb: Some(service),
            bytes_sent: 150,
            bytes_received: 300,
            ..Exchange::default()
        }
    }
}

fn catalog(rows: u16) -> Catalog {
    let row = |number| RowInfo {
        name: format!("step {number}"),
        scenario: 0,
        groups: Vec::new(),
        optional: false,
        business: vec!["seat taken".into(), "token expired".into()],
    };
    Catalog { rows: (0..rows).map(row).collect(), ..Catalog::default() }
}

fn record(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("record");
    let catalog = catalog(20);
    let mut samples = Samples::new();
    // Drawn beforehand: drawing costs as much as recording.
    let exchanges: Vec<Exchange> = (0..4096).map(|_| samples.exchange()).collect();
    for (name, outcome) in [
        ("an answer that is a success", Outcome::Success),
        ("an answer that is a business outcome", Outcome::Business(1)),
        ("an answer that is a failure", Outcome::Failure(Cause::Status(503))),
    ] {
        let mut recorder = Recorder::new(&catalog, 1);
        let mut exchanges = exchanges.iter().cycle();
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                if let Some(exchange) = exchanges.next() {
                    recorder.answer(RowId(7), outcome, exchange);
                }
            });
        });
    }
    let mut times = Times::default();
    let mut exchanges = exchanges.iter().cycle();
    group.bench_function("one time", |bencher| {
        bencher.iter(|| exchanges.next().map(|exchange| times.record(exchange.response)));
    });
    group.bench_function("first time of a distribution: its memory", |bencher| {
        bencher.iter(|| {
            let mut times = Times::default();
            times.record(black_box(Duration::from_micros(500)));
            times
        });
    });
    group.finish();
}

/// A second in which each row had `each` successes, and as many refusals.
fn second(catalog: &Catalog, each: usize) -> Staged {
    let mut second = Staged::new(catalog, 1);
    let mut samples = Samples::new();
    let recorder = second.at(None);
    for row in (0..catalog.rows.len()).filter_map(|row| u16::try_from(row).ok()).map(RowId) {
        for _ in 0..each {
            recorder.attempt(row);
            recorder.answer(row, Outcome::Success, &samples.exchange());
            recorder.answer(row, Outcome::Business(0), &samples.exchange());
        }
    }
    second
}

fn merge(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("once a second");
    for rows in [5, 100] {
        let catalog = catalog(rows);
        let second = second(&catalog, 1000);
        let mut totals = second.clone();
        group.bench_function(format!("a second of {rows} steps added to the totals"), |bencher| {
            bencher.iter(|| totals.add(black_box(&second)));
        });
        group.bench_function(format!("a second of {rows} steps as one line of the series"), |bencher| {
            bencher.iter(|| Second::new(1, 50, black_box(&second), &catalog));
        });
    }
    group.finish();
}

// A large file, before anything runs.

/// A file in which each step uses what the one before captured.
fn scenario(steps: usize) -> String {
    let mut text = String::from(
        r#"name: big
target: http://127.0.0.1:8080
load: { users: 1, duration: 1s }
flow:
  - name: issue token
    post: /api/v1/queues
    json: { userId: "${ user.id }" }
    capture: { got_0: header("Queue-Token-Queue-Id") }
"#,
    );
    for number in 1..steps - 1 {
        let before = number - 1;
        let _ = write!(
            text,
            r#"  - name: reserve seat {number}
    post: /api/v1/schedules/{number}/reservations
    headers: {{ Queue-Token-Queue-Id: "${{ got_{before} }}" }}
    json: {{ scheduleId: {number}, seatId: "${{ user.id % 50 + 1 }}" }}
    expect:
      business:
        seat taken: status == 409 and json.error == "SEAT_TAKEN"
      checks:
        it is held: json.data.status == "HELD"
    on_business: stop
    capture: {{ got_{number}: json.data.reservationId }}
"#
        );
    }
    let last = steps - 2;
    let _ = write!(
        text,
        r#"  - name: pay
    post: /api/v1/payments
    json: {{ reservationId: "${{ got_{last} }}" }}
"#
    );
    text
}

fn load(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("scenario file");
    group.sample_size(20);
    let options = LoadOptions::default();
    for steps in [10, 1000] {
        let text = scenario(steps);
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(format!("{steps} steps, read and checked"), |bencher| {
            bencher.iter_batched(
                || text.clone(),
                |text| load_text(Path::new("big.yaml"), text, &options).expect("the file has no errors"),
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}
