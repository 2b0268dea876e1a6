//! The bounds that every input is held to, and the runner that makes inputs.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::{Mutex, Once, PoisonError};
use std::time::{Duration, Instant};

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use rustix::process::{Resource, Rlimit, setrlimit};

/// One input takes milliseconds; whatever the machine is busy with, past this it hangs.
const LONGEST: Duration = Duration::from_mins(1);
/// All memory that this process may ask for, threads and code included. Going past it ends the process.
const MEMORY: u64 = 2 * 1024 * 1024 * 1024;

/// What is tried just now, by test, and since when.
static UNDER_WAY: Mutex<Vec<(&'static str, Instant)>> = Mutex::new(Vec::new());

/// How long to go on; none for the short form.
pub(crate) fn seconds() -> Option<Duration> {
    let seconds = std::env::var("FUZZ_SECONDS").ok()?;
    Some(Duration::from_secs(seconds.parse().expect("FUZZ_SECONDS is a number of seconds")))
}

/// Where the input of a test is kept while it is tried: what ends the process can be read there.
fn last_input(test: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{test}.txt"))
}

/// Bounds the memory of this process, and ends it where an input takes too long.
fn guard() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        setrlimit(Resource::As, Rlimit { current: Some(MEMORY), maximum: None }).unwrap();
        std::thread::spawn(|| {
            loop {
                std::thread::sleep(Duration::from_secs(1));
                let under_way = UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some((test, since)) = under_way.iter().find(|(_, since)| since.elapsed() > LONGEST) {
                    let path = last_input(test);
                    // Around what catches the output of tests: it goes down with the process.
                    let said = format!("{test} hangs since {:?} on {}\n", since.elapsed(), path.display());
                    let _ = std::io::stderr().write_all(said.as_bytes());
                    std::process::abort();
                }
            }
        });
    });
}

/// An input that is tried; gone when that is over, in whatever way.
struct UnderWay(&'static str);

impl UnderWay {
    fn begin(test: &'static str) -> UnderWay {
        UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner).push((test, Instant::now()));
        UnderWay(test)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner).retain(|(test, _)| *test != self.0);
    }
}

/// Tries one input, under guard.
pub(crate) fn try_one(test: &'static str, input: &str, check: impl FnOnce(&str)) {
    guard();
    std::fs::write(last_input(test), input).unwrap();
    let _under_way = UnderWay::begin(test);
    check(input);
}

/// Tries inputs of a kind: `cases` of them, or as many as there is time for.
pub(crate) fn fuzz(
    test: &'static str,
    cases: u32,
    inputs: &impl Strategy<Value = String>,
    check: impl Fn(&str),
) {
    let until = seconds().map(|time| Instant::now() + time);
    let config = Config { cases, failure_persistence: None, max_shrink_time: 60_000, ..Config::default() };
    let mut tried = 0;
    loop {
        let tried_ones = TestRunner::new(config.clone()).run(inputs, |input| {
            try_one(test, &input, &check);
            Ok::<(), TestCaseError>(())
        });
        if let Err(error) = tried_ones {
            panic!("{test}: {error}");
        }
        tried += cases;
        if until.is_none_or(|until| Instant::now() >= until) {
            break;
        }
    }
    eprintln!("{test}: {tried} inputs");
}
