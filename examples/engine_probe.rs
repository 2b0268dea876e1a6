use loadtest::engine::{Once, Prepared};
use loadtest::http::Origin;
use loadtest::metrics::Staged;
use loadtest::scenario::model::*;
use loadtest::template::*;
use std::sync::Arc;
use std::time::{Duration, Instant};

fn main() {
    let url = std::env::args().nth(1).unwrap();
    let users: f64 = std::env::args().nth(2).unwrap().parse().unwrap();
    let secs: u64 = std::env::args().nth(3).unwrap().parse().unwrap();
    let workers: usize = std::env::args().nth(4).map_or(1, |w| w.parse().unwrap());
    let env = Env::default();
    let slots = vec!["token".to_string()];
    let v = Visible { slots: &slots, answer: true, results: false, env: &env };
    let json = JsonTemplate::new(ValueTemplate::Object(vec![(
        "userId".into(),
        ValueTemplate::compile("${ user.id }", v).unwrap(),
    )]));
    let step = Step {
        name: "issue token".into(),
        line: 1,
        when: None,
        chance: None,
        needs: vec![],
        action: Action::Request(Box::new(RequestStep {
            id: RequestId(0),
            row: Some(RowId(0)),
            method: Method::Post,
            url: Url::Path(TextTemplate::compile("/api/v1/queues", v).unwrap()),
            headers: vec![("Accept".into(), TextTemplate::compile("application/json", v).unwrap())],
            query: vec![],
            body: Body::Json(json),
            timeout: Duration::from_secs(10),
            expect: Expect { status: StatusSet::default(), business: vec![], checks: vec![], latency: None },
            captures: vec![(Slot(0), Expr::compile("header(\"Queue-Token-Queue-Id\")", v).unwrap())],
            tallies: vec![],
            on_failure: OnFailure::End,
            on_business: OnBusiness::Continue,
            reads_body: false,
        })),
    };
    let test = Test {
        name: "probe".into(),
        description: None,
        file: "x".into(),
        target: Target {
            kind: TargetKind::Url(url.clone()),
            ready: None,
            ready_timeout: Duration::from_secs(1),
        },
        scenarios: vec![Scenario {
            name: "probe".into(),
            load: Load {
                kind: None,
                shape: Shape::Users(Profile::constant(users, Duration::from_secs(secs))),
                graceful_stop: Duration::from_secs(1),
                max_duration: None,
            },
            vars: vec![],
            setup: vec![],
            on_start: vec![],
            flow: vec![step],
            verify: vec![],
            teardown: vec![],
            slots: slots.clone(),
            flow_slots: vec![Slot(0)],
        }],
        thresholds: vec![],
        catalog: Catalog {
            rows: vec![RowInfo { name: "issue token".into(), scenario: 0, groups: vec![], business: vec![] }],
            ..Catalog::default()
        },
    };
    let test = Arc::new(test);
    let (origin, _) = Origin::parse_url(&url).unwrap();
    let shared = Arc::new(Shared::new(1, url, false, Env::default()));
    let prepared = Arc::new(Prepared::new(test.clone(), &origin, "", shared, None).unwrap());
    let rt = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let once = prepared.once(&rt, Once::Setup, 0, None, None);
    println!("{:?}", once.problems);
    let began = Instant::now();
    let mut totals = Staged::new(&test.catalog, 1);
    rt.block_on(async {
        let mut running = prepared.start(&[once.base], workers).unwrap();
        while let Some(interval) = running.next().await {
            totals.add(&interval.counted);
            println!("{} {:?} {:?}", interval.second, interval.users, interval.faults);
            for s in interval.samples {
                println!("{s:?}");
            }
        }
        running.join().unwrap();
    });
    let total = totals.total();
    let row = &total.rows[0];
    println!(
        "{:?} attempted {} ok {} fail {} int {} p50 {:?} p99 {:?} max {:?} svc {:?} late {:?}",
        began.elapsed(),
        row.attempted,
        row.successes(),
        row.failed(),
        row.interrupted,
        row.success.response.percentile(50.0),
        row.success.response.percentile(99.0),
        row.success.response.max(),
        row.success.service.percentile(99.0),
        total.scenarios[0].lateness.percentile(99.0)
    );
    let t = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    println!(
        "cpu/request {:.2}us",
        (t.tv_sec as f64 + t.tv_nsec as f64 / 1e9) / row.successes() as f64 * 1e6
    );
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    println!("{}", status.lines().find(|l| l.starts_with("VmHWM")).unwrap());
}
