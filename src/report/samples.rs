//! Results for the tests of what shows them.

mod rare;

pub(crate) use rare::{drifting, two_scenarios, waiting};

use crate::result::{
    CauseResult, CheckResult, CustomResult, CustomValue, Distribution, Doubt, Ended, Environment,
    ExampleResult, FORMAT, GaugeResult, GeneratorResult, GroupResult, InvariantResult, InvariantState,
    LoadModel, OutcomeKind, OutcomeResult, RowResult, RunResult, ScenarioInfo, ScenarioResult, Series,
    Soundness, TargetInfo, ThresholdResult, Totals, Unit, Validity, WatchedKind, WatchedResult,
};

pub(crate) fn times(count: u64, p50_ms: f64) -> Distribution {
    Distribution {
        count,
        min_ms: p50_ms * 0.5,
        avg_ms: p50_ms * 1.1,
        p50_ms,
        p90_ms: p50_ms * 1.8,
        p95_ms: p50_ms * 2.3,
        p99_ms: p50_ms * 4.1,
        p999_ms: p50_ms * 7.0,
        max_ms: p50_ms * 9.4,
        stddev_ms: p50_ms * 0.4,
    }
}

pub(crate) fn outcome(kind: OutcomeKind, name: &str, count: u64, p50_ms: f64) -> OutcomeResult {
    let seen = (count > 0).then(|| times(count, p50_ms));
    OutcomeResult {
        response_windows: None,
        kind,
        name: name.into(),
        count,
        rate_per_s: count as f64 / 130.0,
        share: 0.0,
        response: seen,
        service: seen,
        ttfb: None,
        connect: None,
        tls: None,
        response_histogram: None,
        service_histogram: None,
    }
}

pub(crate) fn row(name: &str, mut outcomes: Vec<OutcomeResult>) -> RowResult {
    let of = |outcomes: &[OutcomeResult], kind| {
        outcomes.iter().filter(|outcome| outcome.kind == kind).map(|outcome| outcome.count).sum::<u64>()
    };
    let all: u64 = outcomes.iter().map(|outcome| outcome.count).sum();
    for outcome in &mut outcomes {
        outcome.share = outcome.count as f64 / all.max(1) as f64;
    }
    RowResult {
        optional: false,
        name: name.into(),
        method: Some("POST".into()),
        path: None,
        scenario: "reservation-stress".into(),
        groups: vec![],
        attempted: all,
        success: of(&outcomes, OutcomeKind::Success),
        business: of(&outcomes, OutcomeKind::Business),
        failure: of(&outcomes, OutcomeKind::Failure),
        interrupted: 0,
        in_doubt: 0,
        sent_bytes: all * 310,
        received_bytes: all * 280,
        outcomes,
    }
}

pub(crate) fn threshold(
    text: &str,
    unit: Unit,
    observed: Option<f64>,
    limit: f64,
    met: bool,
) -> ThresholdResult {
    ThresholdResult {
        text: text.into(),
        unit,
        observed,
        limit,
        met,
        samples: 0,
        reason: observed.is_none().then(|| "no samples".into()),
        implied: false,
        aborted: false,
        over_s: None,
        broken_at_s: None,
        line: None,
        breaches: vec![],
    }
}

pub(crate) fn invariant(name: &str, state: InvariantState, detail: Option<&str>) -> InvariantResult {
    InvariantResult {
        scenario: "reservation-stress".into(),
        name: name.into(),
        state,
        detail: detail.map(Into::into),
    }
}

/// A result of these rows and judgements, its verdict as the program would give it.
pub(crate) fn result(
    rows: Vec<RowResult>,
    thresholds: Vec<ThresholdResult>,
    invariants: Vec<InvariantResult>,
    validity: (Soundness, &[Doubt]),
) -> RunResult {
    let sum = |pick: fn(&RowResult) -> u64| rows.iter().map(pick).sum::<u64>();
    let totals = Totals {
        optional: 0,
        attempted: sum(|row| row.attempted),
        success: sum(|row| row.success),
        business: sum(|row| row.business),
        failure: sum(|row| row.failure),
        interrupted: 0,
        in_doubt: 0,
        rate_per_s: sum(|row| row.attempted) as f64 / 130.0,
        sent_bytes: sum(|row| row.sent_bytes),
        received_bytes: sum(|row| row.received_bytes),
    };
    let validity = Validity {
        verdict: validity.0,
        reasons: validity.1.iter().map(ToString::to_string).collect(),
        doubts: validity.1.to_vec(),
    };
    let iterations = rows.first().map_or(0, |row| row.attempted);
    RunResult {
        format: FORMAT,
        loadtest: "0.1.0".into(),
        scenario: ScenarioInfo {
            name: "reservation-stress".into(),
            description: Some(
                "50 seats and 50 users. Who wins each seat, and how fast are the others told?".into(),
            ),
            file: "scenarios/reservation-stress.yaml".into(),
        },
        command: vec!["loadtest".into(), "run".into()],
        seed: 7,
        workers: 1,
        started: "2026-03-01T09:30:05.250Z".into(),
        wall_s: 131.2,
        load_s: 130.0,
        time_scale: Some(1.0),
        window_s: Some(1),
        target: TargetInfo {
            url: "http://127.0.0.1:8080".into(),
            bundled: true,
            socket: None,
            insecure: false,
            image: None,
            spec: None,
        },
        environment: Environment {
            os: "linux".into(),
            arch: "x86_64".into(),
            cpus: 2,
            cpu_model: Some("AMD EPYC 7B13".into()),
            memory_bytes: Some(8 << 30),
        },
        totals,
        scenarios: vec![ScenarioResult {
            name: "reservation-stress".into(),
            kind: Some("stress".into()),
            model: LoadModel::Closed,
            load_s: 130.0,
            stages: vec![],
            started: iterations,
            completed: iterations,
            completed_per_s: iterations as f64 / 130.0,
            cut: 0,
            abandoned: 0,
            ended_early: 0,
            interrupted: 0,
            dropped: 0,
            duration: (iterations > 0).then(|| times(iterations, 2010.0)),
            lateness: None,
            throttled: None,
        }],
        rows,
        groups: vec![],
        polls: vec![],
        checks: vec![],
        metrics: vec![],
        causes: vec![],
        verdict: crate::result::verdict::verdict(
            Ended::Completed,
            &thresholds,
            &invariants,
            &validity,
            false,
        ),
        thresholds,
        invariants,
        validity,
        generator: GeneratorResult {
            cpu_s: 3.2,
            cpu_share: Some(0.04),
            peak_rss_bytes: Some(21 << 20),
            lateness_p99_ms: Some(0.081),
        },
        own_faults: vec![],
        series: Series::default(),
        monitor: vec![],
        drift: None,
    }
}

/// A source of these gauges, each with its p95, maximum, first and last figure.
pub(crate) fn watched(name: &str, kind: WatchedKind, gauges: &[(&str, Unit, [f64; 4])]) -> WatchedResult {
    let gauge = |(name, unit, [p95, max, first, last]): &(&str, Unit, [f64; 4])| GaugeResult {
        name: (*name).into(),
        unit: *unit,
        samples: 130,
        first: Some(*first),
        last: Some(*last),
        min: Some(*first),
        avg: Some(*p95 / 2.0),
        p50: Some(*p95 / 2.0),
        p95: Some(*p95),
        p99: Some(*max),
        max: Some(*max),
        values: vec![],
    };
    WatchedResult {
        name: name.into(),
        kind,
        cpu_limit_cores: None,
        memory_limit_bytes: None,
        failed: 0,
        problem: None,
        gauges: gauges.iter().map(gauge).collect(),
    }
}

pub(crate) const MIB: f64 = 1024.0 * 1024.0;

pub(crate) fn bundled() -> WatchedResult {
    let gauges = [
        ("cpu", Unit::Share, [0.4321, 0.61, 0.1, 0.2]),
        ("memory", Unit::Bytes, [15.0 * MIB, 15.2 * MIB, 12.0 * MIB, 15.1 * MIB]),
        ("descriptors", Unit::Number, [61.0, 61.0, 11.0, 61.0]),
        ("threads", Unit::Number, [3.0, 3.0, 3.0, 3.0]),
    ];
    watched("bundled", WatchedKind::Process, &gauges)
}

pub(crate) const VALID: (Soundness, &[Doubt]) = (Soundness::Valid, &[]);

pub(crate) fn implied(observed: Option<f64>, met: bool) -> ThresholdResult {
    ThresholdResult { implied: true, ..threshold("failures: rate < 1%", Unit::Share, observed, 0.01, met) }
}

/// The run that other tools call failed: 1,229 right refusals.
pub(crate) fn business_heavy() -> RunResult {
    use OutcomeKind::{Business, Success};
    result(
        vec![
            row("issue token", vec![outcome(Success, "success", 1279, 1.24)]),
            row(
                "reserve seat",
                vec![
                    outcome(Success, "success", 50, 3.71),
                    outcome(Business, "seat taken", 1229, 1.08),
                    outcome(Business, "token expired", 0, 0.0),
                ],
            ),
        ],
        vec![
            threshold("latency: p95 < 1s", Unit::Seconds, Some(0.002_85), 1.0, true),
            threshold("latency{step=reserve seat}: p99 < 2s", Unit::Seconds, Some(0.015_2), 2.0, true),
            threshold(
                "business{step=reserve seat, outcome=seat taken}: count > 0",
                Unit::Number,
                Some(1229.0),
                0.0,
                true,
            ),
            implied(Some(0.0), true),
        ],
        vec![
            invariant("no seat sold twice", InvariantState::Held, None),
            invariant("a seat for every success", InvariantState::Held, None),
        ],
        VALID,
    )
}

/// All that a report can hold, and most of it bad.
pub(crate) fn failing() -> RunResult {
    use OutcomeKind::{Business, Failure, Success};
    let mut slow = outcome(Success, "success", 41_270, 181.0);
    slow.service = Some(times(41_270, 12.0));
    let mut failing = result(
        vec![
            row("issue token", vec![outcome(Success, "success", 43_310, 1.24)]),
            row(
                "reserve seat",
                vec![
                    slow,
                    outcome(Business, "seat taken", 1229, 1.08),
                    outcome(Failure, "timeout (wait)", 801, 10_000.0),
                    outcome(Failure, "status 503", 10, 4.0),
                ],
            ),
            row("POST /api/v1/payments/confirmations", vec![outcome(Success, "success", 0, 0.0)]),
        ],
        vec![
            ThresholdResult {
                over_s: Some(30.0),
                broken_at_s: Some(72.0),
                ..threshold("latency: p95 < 300ms", Unit::Seconds, Some(0.812_3), 0.3, false)
            },
            threshold("latency{step=pay}: p99 < 2s", Unit::Seconds, None, 2.0, false),
            threshold("requests: rate > 300/s", Unit::PerSecond, Some(666.3), 300.0, true),
            implied(Some(0.0093), true),
        ],
        vec![
            invariant("no seat sold twice", InvariantState::Held, None),
            invariant(
                "a seat for every success",
                InvariantState::NotAsked,
                Some("GET /admin/audit: refused"),
            ),
        ],
        (Soundness::Suspect, &[Doubt::Late { p99_ms: 23.0, limit_ms: 10.0 }]),
    );
    failing.scenarios[0].cut = 12;
    failing.scenarios[0].ended_early = 811;
    failing.scenarios[0].dropped = 1200;
    failing.scenarios[0].interrupted = 3;
    failing.totals.interrupted = 3;
    failing.totals.in_doubt = 804;
    failing.groups = vec![GroupResult {
        optional: false,
        name: "buy".into(),
        scenario: "reservation-stress".into(),
        duration: Some(times(41_270, 195.0)),
    }];
    let check = |name: &str, step: Option<&str>, passed, failed| CheckResult {
        optional: false,
        name: name.into(),
        scenario: "reservation-stress".into(),
        step: step.map(Into::into),
        passed,
        failed,
    };
    failing.checks = vec![
        check("has an id", Some("reserve seat"), 41_270, 0),
        check("queue moves", None, 990, 10),
        check("paid in full", Some("POST /api/v1/payments/confirmations"), 0, 0),
    ];
    let metric = |name: &str, value| CustomResult { name: name.into(), value };
    failing.metrics = vec![
        metric("seats", CustomValue::Count { sum: 41_270.0, samples: 41_270 }),
        metric(
            "price",
            CustomValue::Observe {
                samples: 8,
                min: Some(9.5),
                avg: Some(12.25),
                p50: Some(11.0),
                p95: Some(20.0),
                p99: Some(20.0),
                max: Some(20.0),
            },
        ),
        metric("cached", CustomValue::Share { passed: 25, failed: 75 }),
    ];
    let cause = |cause: &str, count, status, detail: &str, body: &str| CauseResult {
        scenario: "reservation-stress".into(),
        step: "reserve seat".into(),
        cause: cause.into(),
        count,
        example: Some(ExampleResult {
            at_s: 72.4,
            request: "POST /api/v1/reservations".into(),
            status,
            detail: detail.into(),
            body: body.into(),
        }),
    };
    failing.causes = vec![
        cause("timeout (wait)", 801, None, "no answer within 10s", ""),
        cause(
            "status 503",
            10,
            Some(503),
            "the step expects 200..399",
            "\n<html><head><title>503 Service Unavailable</title></head>\n<body>",
        ),
    ];
    failing
}

/// A run that never came to its load.
pub(crate) fn never_ready() -> RunResult {
    let mut result = business_heavy();
    let why = "nothing listens at http://127.0.0.1:8080 after 10s";
    result.verdict = crate::result::verdict::verdict(
        Ended::NotReady(why.into()),
        &result.thresholds,
        &result.invariants,
        &result.validity,
        false,
    );
    result
}

/// Texts that would act where they are not escaped, wherever a file or a server can put one.
pub(crate) const MARKUP: &str = "</script><script>alert(1)</script>\"><img src=x onerror=alert(2)> '${7*7}' {{7*7}} | `c` *e* [l](u) &amp;";

/// The same, and what would act on a terminal.
pub(crate) fn markup_and_escapes() -> String {
    format!("</td>{MARKUP} \x1b[2J")
}

/// Whether what came from a file or a server is text, in Markdown or in a page without scripts.
pub(crate) fn is_text(report: &str) -> bool {
    ["<script>", "<img", "\x1b"].iter().all(|acting| !report.contains(acting))
}

/// A page without a script, a picture or a link to anywhere.
pub(crate) fn stands_alone(page: &str) -> bool {
    ["<script", "<link", "@import", "url(", "src=", "href="].iter().all(|outside| !page.contains(outside))
}

/// A run whose server and file say nothing but markup.
pub(crate) fn hostile() -> RunResult {
    let mut hostile = failing();
    let name = || MARKUP.to_owned();
    hostile.scenario.name = name();
    hostile.scenario.description = Some(name());
    hostile.scenario.file = name();
    hostile.command.push(name());
    hostile.target.url = name();
    hostile.environment.cpu_model = Some(name());
    for row in &mut hostile.rows {
        row.name = name();
        row.outcomes.iter_mut().skip(1).for_each(|outcome| outcome.name = name());
    }
    hostile.thresholds.iter_mut().for_each(|threshold| threshold.text = format!("latency: {MARKUP}"));
    hostile.invariants.iter_mut().for_each(|invariant| {
        (invariant.name, invariant.detail) = (name(), Some(name()));
    });
    hostile.checks.iter_mut().for_each(|check| (check.name, check.step) = (name(), Some(name())));
    hostile.metrics.iter_mut().for_each(|metric| metric.name = name());
    hostile.groups.iter_mut().for_each(|group| group.name = name());
    hostile.scenarios.iter_mut().for_each(|scenario| scenario.name = name());
    for cause in &mut hostile.causes {
        (cause.step, cause.cause) = (name(), name());
        if let Some(example) = &mut cause.example {
            (example.request, example.detail) = (name(), name());
            example.body = format!("{MARKUP}\n```\n{MARKUP}");
        }
    }
    hostile
}
