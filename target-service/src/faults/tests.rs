//! What faults do to a request, on the runtime's paused clock.

use super::*;

fn fault(path: &str, part: f64) -> Fault {
    Fault {
        pattern: Pattern::parse(path).unwrap(),
        share: Share::new(part).unwrap(),
        delay: Duration::ZERO,
        jitter: Duration::ZERO,
        status: None,
        reset: false,
        stall: Duration::ZERO,
        leak: 0,
    }
}

fn set(list: Vec<Fault>) -> Faults {
    let faults = Faults::default();
    faults.set(list);
    faults
}

#[tokio::test(start_paused = true)]
async fn a_delay_holds_requests_on_its_path_up() {
    let (delay, jitter) = (Duration::from_millis(100), Duration::from_millis(50));
    let faults = set(vec![Fault { delay, jitter, ..fault("/slow", 1.0) }]);
    let mut times = Vec::new();
    for _ in 0..50 {
        let start = Instant::now();
        assert_eq!(faults.meet("/slow").await, Fate::Handle);
        times.push(start.elapsed());
    }
    // The timer counts whole milliseconds, and rounds up.
    assert!(times.iter().all(|&time| time >= delay && time <= delay + jitter + Duration::from_millis(2)));
    assert!(times.iter().max() > times.iter().min().map(|&least| least + jitter / 2).as_ref());
    let start = Instant::now();
    assert_eq!(faults.meet("/fast").await, Fate::Handle);
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_share_of_the_requests_fails_and_a_reset_goes_before_an_answer() {
    let faults = set(vec![Fault { status: Some(503), ..fault("/a", 0.2) }, fault("/a", 1.0)]);
    let mut failed = 0;
    for _ in 0..1000 {
        failed += u32::from(faults.meet("/a").await == Fate::Answer(503));
    }
    assert!((170..230).contains(&failed), "{failed}");
    faults.set(vec![
        Fault { status: Some(500), ..fault("/a", 1.0) },
        Fault { status: Some(502), ..fault("/a", 1.0) },
    ]);
    assert_eq!(faults.meet("/a").await, Fate::Answer(500));
    faults
        .set(vec![Fault { reset: true, ..fault("/a", 1.0) }, Fault { status: Some(500), ..fault("*", 1.0) }]);
    assert_eq!((faults.meet("/a").await, faults.meet("/b").await), (Fate::Reset, Fate::Answer(500)));
}

#[tokio::test(start_paused = true)]
async fn a_stall_holds_everyone_up_until_it_ends() {
    let stall = Duration::from_secs(3);
    // By these dice the first request is missed, and one soon after begins the stall.
    let faults = set(vec![Fault { stall, ..fault("*", 0.3) }]);
    let start = Instant::now();
    let mut missed = 0;
    while start.elapsed() == Duration::ZERO {
        faults.meet("/a").await;
        missed += 1;
    }
    assert!(missed < 50, "{missed}");
    assert!(start.elapsed() >= stall && start.elapsed() < stall + Duration::from_millis(5));

    faults.set(vec![Fault { stall, ..fault("/a", 1.0) }]);
    let start = Instant::now();
    let later = async {
        sleep(Duration::from_secs(2)).await;
        faults.meet("/a").await;
    };
    tokio::join!(faults.meet("/a"), faults.meet("/a"), later);
    assert!(start.elapsed() >= stall && start.elapsed() < stall + Duration::from_millis(5));
}

#[tokio::test(start_paused = true)]
async fn clearing_lets_go_of_those_who_are_held_up() {
    let faults = set(vec![Fault { delay: Duration::from_mins(5), status: Some(500), ..fault("*", 1.0) }]);
    let start = Instant::now();
    let clear = async {
        sleep(Duration::from_secs(1)).await;
        faults.set(Vec::new());
    };
    let (fate, ()) = tokio::join!(faults.meet("/a"), clear);
    assert_eq!(fate, Fate::Handle);
    assert!(start.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn a_leak_has_an_end_and_is_given_back_with_its_fault() {
    let leak = 64 << 20;
    let faults = set(vec![Fault { leak, ..fault("*", 1.0) }]);
    for _ in 0..3 {
        faults.meet("/a").await;
    }
    assert_eq!(faults.leaked.load(Ordering::Relaxed), 3 * leak);
    assert_eq!(lock(&faults.current().faults[0].hoard).len(), 3);
    faults.leaked.store(LARGEST_LEAK - leak + 1, Ordering::Relaxed);
    faults.meet("/a").await;
    assert_eq!(lock(&faults.current().faults[0].hoard).len(), 3);
    faults.leaked.store(3 * leak, Ordering::Relaxed);
    faults.set(Vec::new());
    assert!(!faults.any());
    assert_eq!(faults.leaked.load(Ordering::Relaxed), 0);
}
