//! How the run is going, on standard error: bars on a terminal, a line every ten seconds elsewhere.
//!
//! The table at the end is another matter and goes to standard output, so that it can be kept alone.

use std::io::Write;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::metrics::Second;
use crate::result::harmless;
use crate::units::{count, measured_time, scenario_duration};

/// How to show progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Standard error is a terminal.
    Bars,
    /// It is not: a plain line every ten seconds.
    Lines,
    /// `--quiet`.
    Nothing,
}

/// One scenario's load, as far as progress is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Course {
    pub name: String,
    /// When its load begins, since the beginning of all; none before that is known.
    pub begins: Option<Duration>,
    /// None where a number of iterations, not time, ends it.
    pub duration: Option<Duration>,
}

/// Shows how a run is going. To be told of each second.
#[derive(Debug)]
pub struct Progress {
    shown: Shown,
    figures: Figures,
}

#[derive(Debug)]
enum Shown {
    Bars { all: MultiProgress, bars: Vec<(Course, ProgressBar)>, figures: ProgressBar },
    Lines { next: Duration },
    Nothing,
}

/// Between two lines.
const EVERY: Duration = Duration::from_secs(10);

impl Progress {
    /// Begins to show; with bars there is one for each scenario, and a line of figures below them.
    pub fn start(mode: Mode, scenarios: &[Course]) -> Progress {
        let shown = match mode {
            Mode::Bars => {
                // Drawn when told to: nothing here needs a thread or a clock of its own.
                let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
                let bars = scenarios.iter().map(|course| {
                    let bar = all.add(ProgressBar::new(100));
                    bar.set_style(bar_style());
                    bar.set_prefix(harmless(&course.name, false).into_owned());
                    (course.clone(), bar)
                });
                let bars = bars.collect();
                let figures = all.add(ProgressBar::new_spinner());
                figures.set_style(figures_style());
                Shown::Bars { all, bars, figures }
            }
            Mode::Lines => Shown::Lines { next: EVERY },
            Mode::Nothing => Shown::Nothing,
        };
        Progress { shown, figures: Figures::default() }
    }

    /// The load of a scenario begins at `at`, since the beginning of all.
    pub fn begin(&mut self, scenario: usize, at: Duration) {
        if let Shown::Bars { bars, .. } = &mut self.shown
            && let Some((course, _)) = bars.get_mut(scenario)
        {
            course.begins = Some(at);
        }
    }

    /// To be called at the end of each second of the load: `elapsed` since its beginning, of `total` where a
    /// time is planned. After that the target drains.
    pub fn tick(&mut self, second: &Second, elapsed: Duration, total: Option<Duration>) {
        self.figures.add(second);
        match &mut self.shown {
            Shown::Bars { bars, figures, .. } => {
                for (course, bar) in bars {
                    let (percent, time) = course_at(course, elapsed);
                    bar.set_position(percent);
                    bar.set_message(time);
                }
                figures.set_message(self.figures.line(second));
                self.figures.forget_recent();
            }
            Shown::Lines { next } => {
                // Ticks come a little early or late.
                if elapsed + Duration::from_millis(500) < *next {
                    return;
                }
                *next += EVERY;
                let time = whole(elapsed);
                let time = match total {
                    Some(total) if total > Duration::ZERO => format!("{time}/{}", whole(total)),
                    _ => time,
                };
                say(&format!("{time:>12}  {}", self.figures.line(second)));
                self.figures.forget_recent();
            }
            Shown::Nothing => {}
        }
    }

    /// Says something among the progress: `interrupted, waiting for 12 users`.
    pub fn say(&self, text: &str) {
        let text = harmless(text, false);
        match &self.shown {
            Shown::Bars { all, .. } => {
                // A line that cannot be written to a terminal that is gone is no reason to stop.
                let _ = all.println(text);
            }
            Shown::Lines { .. } => say(&text),
            Shown::Nothing => {}
        }
    }

    /// Takes the bars away, so that the report begins on a clean line.
    pub fn finish(self) {
        if let Shown::Bars { all, .. } = self.shown {
            let _ = all.clear();
        }
    }
}

/// A line on standard error. A closed pipe is no reason to stop a run, and none to panic.
pub(crate) fn say(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// How far a scenario is, in percent and in words.
fn course_at(course: &Course, elapsed: Duration) -> (u64, String) {
    let Some(begins) = course.begins.filter(|begins| *begins <= elapsed) else {
        return (0, "waits".into());
    };
    let elapsed = elapsed.saturating_sub(begins);
    match course.duration {
        Some(duration) if elapsed >= duration => (100, format!("{} done", whole(duration))),
        Some(duration) => {
            let percent = 100.0 * elapsed.as_secs_f64() / duration.as_secs_f64();
            (percent as u64, format!("{}/{}", whole(elapsed), whole(duration)))
        }
        None => (0, whole(elapsed)),
    }
}

fn whole(time: Duration) -> String {
    scenario_duration(Duration::from_secs(time.as_secs_f64().round() as u64))
}

/// What has been, in all and since it was last shown.
#[derive(Debug, Default)]
struct Figures {
    success: u64,
    business: u64,
    failure: u64,
    dropped: u64,
    recent_seconds: u32,
    recent_finished: u64,
    recent_p95: Option<Duration>,
}

impl Figures {
    fn add(&mut self, second: &Second) {
        self.success += second.success;
        self.business += second.business;
        self.failure += second.failure;
        self.dropped += second.dropped;
        self.recent_seconds += 1;
        self.recent_finished += second.finished();
        // The worst of the seconds: percentiles do not add up, and the mean of them would hide a stall.
        self.recent_p95 = self.recent_p95.max(second.p95);
    }

    fn forget_recent(&mut self) {
        (self.recent_seconds, self.recent_finished, self.recent_p95) = (0, 0, None);
    }

    /// `users 20  34.1 req/s  p95 3.10ms  ok 331  business 0  failures 0`: rate and p95 are recent (the p95 of
    /// the worst second), the counts are of the whole run.
    fn line(&self, second: &Second) -> String {
        let rate = self.recent_finished as f64 / f64::from(self.recent_seconds.max(1));
        let p95 = self.recent_p95.map_or_else(|| "–".into(), measured_time);
        let finished = self.success + self.business + self.failure;
        let business = match self.business {
            0 => "0".into(),
            number => format!("{} ({:.0}%)", count(number), 100.0 * number as f64 / finished as f64),
        };
        let mut line = format!(
            "users {}  {rate:.1} req/s  p95 {p95}  ok {}  business {business}  failures {}",
            count(second.users),
            count(self.success),
            count(self.failure),
        );
        if self.dropped > 0 {
            line.push_str("  dropped ");
            line.push_str(&count(self.dropped));
        }
        line
    }
}

fn bar_style() -> ProgressStyle {
    let style = ProgressStyle::with_template("{prefix}  {bar:30} {percent:>3}%  {msg}");
    style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("━╸─")
}

fn figures_style() -> ProgressStyle {
    ProgressStyle::with_template("  {wide_msg}").unwrap_or_else(|_| ProgressStyle::default_spinner())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(at: u32, business: u64, p95_ms: u64) -> Second {
        Second {
            at,
            users: 20,
            success: 30,
            business,
            p95: (p95_ms > 0).then(|| Duration::from_millis(p95_ms)),
            ..Second::default()
        }
    }

    #[test]
    fn a_line_says_how_it_goes() {
        let mut figures = Figures::default();
        for at in 0..9 {
            figures.add(&second(at, 0, 3));
        }
        let last = second(9, 10, 47);
        figures.add(&last);
        assert_eq!(
            figures.line(&last),
            "users 20  31.0 req/s  p95 47.0ms  ok 300  business 10 (3%)  failures 0"
        );
        figures.forget_recent();
        let mut silent = second(10, 0, 0);
        (silent.success, silent.failure, silent.dropped) = (0, 2, 5);
        figures.add(&silent);
        assert_eq!(
            figures.line(&silent),
            "users 20  2.0 req/s  p95 –  ok 300  business 10 (3%)  failures 2  dropped 5"
        );
    }

    #[test]
    fn bars_know_how_far_it_is() {
        let minute =
            Course { name: "a".into(), begins: Some(Duration::ZERO), duration: Some(Duration::from_mins(1)) };
        assert_eq!(course_at(&minute, Duration::from_millis(29_990)), (49, "30s/1m".into()));
        assert_eq!(course_at(&minute, Duration::from_secs(61)), (100, "1m done".into()));
        let endless = Course { name: "b".into(), begins: Some(Duration::ZERO), duration: None };
        assert_eq!(course_at(&endless, Duration::from_secs(75)), (0, "1m15s".into()));
    }

    #[test]
    fn templates_of_bars_are_valid() {
        assert!(ProgressStyle::with_template("{prefix}  {bar:30} {percent:>3}%  {msg}").is_ok());
        assert!(ProgressStyle::with_template("  {wide_msg}").is_ok());
    }

    #[test]
    fn every_mode_takes_every_call() {
        let course = Course {
            name: "\x1b[2J".into(),
            begins: Some(Duration::ZERO),
            duration: Some(Duration::from_secs(20)),
        };
        for mode in [Mode::Bars, Mode::Lines, Mode::Nothing] {
            let mut progress = Progress::start(mode, std::slice::from_ref(&course));
            for at in 0..25 {
                progress.tick(&second(at, 1, 3), Duration::from_secs(u64::from(at) + 1), course.duration);
            }
            progress.say("draining");
            progress.finish();
        }
    }
}
