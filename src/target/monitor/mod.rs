//! Watches the target while the load runs: once a second, on the coordinator's thread and never on a worker's.
//!
//! A source that cannot be asked disturbs nothing: it is counted, told once, and asked again a second later.

mod process;
mod reading;

use std::cell::{Ref, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval_at, timeout};

use self::process::Process;
use self::reading::{Reading, figures};
use super::Ready;
use crate::metrics::Watched;
use crate::scenario::monitor::{Watch, WatchKind};

/// Between two looks.
const EVERY: Duration = Duration::from_secs(1);
/// No look may take longer.
const LONGEST_LOOK: Duration = Duration::from_secs(2);
/// A look at the end of the load waits for less: somebody waits for the report.
const LONGEST_LAST_LOOK: Duration = Duration::from_millis(500);
/// Less than this since the look before says little about a rate.
const SHORTEST: Duration = Duration::from_millis(200);

/// All sources of a test.
#[derive(Debug)]
pub struct Monitor {
    seen: Rc<RefCell<Seen>>,
    /// Until the load begins.
    waiting: Vec<Source>,
    tasks: Vec<JoinHandle<()>>,
    stop: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct Seen {
    watched: Watched,
    /// Problems that nobody was told of yet.
    untold: Vec<String>,
}

/// One source, and what it takes to ask it.
#[derive(Debug)]
struct Source {
    /// Its place among the sources.
    index: usize,
    name: String,
    /// Watched without having been asked for: that it cannot be is no news.
    is_implied: bool,
    sampler: Sampler,
}

#[derive(Debug)]
enum Sampler {
    Process(Process),
    /// There is nothing to ask.
    Nothing(&'static str),
}

impl Monitor {
    /// Looks at every source once, so that what cannot be watched is known before the load begins.
    pub async fn open(watches: &[Watch], ready: &Ready) -> Monitor {
        let watched = Watched::new(watches.len());
        let seen = Rc::new(RefCell::new(Seen { watched, untold: Vec::new() }));
        let sources = watches.iter().enumerate().map(|(index, watch)| Source::new(index, watch, ready));
        let mut waiting: Vec<Source> = sources.collect();
        for source in &mut waiting {
            source.look(&seen).await;
        }
        Monitor { seen, waiting, tasks: Vec::new(), stop: watch::Sender::new(false) }
    }

    /// Begins to watch, each second counted from `epoch`, the beginning of the load.
    ///
    /// Must be called within a [`LocalSet`](tokio::task::LocalSet).
    pub fn start(&mut self, epoch: Instant) {
        for source in self.waiting.drain(..) {
            let watching = source.watch(epoch, Rc::clone(&self.seen), self.stop.subscribe());
            self.tasks.push(tokio::task::spawn_local(watching));
        }
    }

    /// What was seen until now.
    pub fn watched(&self) -> Ref<'_, Watched> {
        Ref::map(self.seen.borrow(), |seen| &seen.watched)
    }

    /// Sources that could not be asked, each once.
    pub fn problems(&self) -> Vec<String> {
        std::mem::take(&mut self.seen.borrow_mut().untold)
    }

    /// Looks a last time, and ends.
    pub async fn finish(self) -> Watched {
        self.stop.send_replace(true);
        let until = tokio::time::Instant::now() + LONGEST_LAST_LOOK;
        for mut task in self.tasks {
            // One that hangs is left behind, without its last second.
            if tokio::time::timeout_at(until, &mut task).await.is_err() {
                task.abort();
            }
        }
        self.seen.take().watched
    }
}

impl Source {
    fn new(index: usize, watch: &Watch, ready: &Ready) -> Source {
        let sampler = match watch.kind {
            WatchKind::Bundled => match &ready.bundled {
                Some(child) => Sampler::Process(Process::new(child.id())),
                None => Sampler::Nothing("it was not started"),
            },
        };
        let is_implied = watch.kind == WatchKind::Bundled;
        Source { index, name: watch.name.clone(), is_implied, sampler }
    }

    async fn watch(mut self, epoch: Instant, seen: Rc<RefCell<Seen>>, mut stop: watch::Receiver<bool>) {
        let mut ticks = interval_at(epoch.into(), EVERY);
        // A look that took long costs the seconds it took, and no more.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut before: Option<(Instant, Reading)> = None;
        let mut is_over = false;
        while !is_over {
            let now = tokio::select! {
                biased;
                tick = ticks.tick() => tick.into_std(),
                _ = stop.wait_for(|stop| *stop) => {
                    let now = Instant::now();
                    if before.as_ref().is_some_and(|(at, _)| now.saturating_duration_since(*at) < SHORTEST) {
                        break;
                    }
                    is_over = true;
                    // Just behind a tick that did not come any more, the second that ended is meant.
                    now.checked_sub(SHORTEST).unwrap_or(now)
                }
            };
            let asked = Instant::now();
            let Some(reading) = self.look(&seen).await else { continue };
            if let Some((at, before)) = &before
                && let Some(second) = second_before(now.saturating_duration_since(epoch))
                && let Some(source) = seen.borrow_mut().watched.sources.get_mut(self.index)
            {
                let took = asked.saturating_duration_since(*at);
                for (gauge, value) in figures(before, &reading, took, source.cpu_limit) {
                    source.record(second, gauge, value);
                }
            }
            before = Some((asked, reading));
        }
    }

    /// One reading; where there is none that is noted.
    async fn look(&mut self, seen: &RefCell<Seen>) -> Option<Reading> {
        let answer = timeout(LONGEST_LOOK, self.sampler.read()).await;
        let answer = answer.unwrap_or_else(|_| Err("no answer in time".into()));
        let problem = match answer {
            Ok(reading) => return Some(reading),
            Err(problem) => problem,
        };
        let Seen { watched, untold } = &mut *seen.borrow_mut();
        let source = watched.sources.get_mut(self.index)?;
        source.failed += 1;
        if source.problem.is_none() {
            if !self.is_implied {
                untold.push(format!("`{}` cannot be watched: {problem}", self.name));
            }
            source.problem = Some(problem);
        }
        None
    }
}

impl Sampler {
    async fn read(&mut self) -> Result<Reading, String> {
        match self {
            Sampler::Process(process) => process.read(),
            Sampler::Nothing(why) => Err((*why).into()),
        }
    }
}

/// The second that has passed when so much of the load has; none at its very beginning.
fn second_before(elapsed: Duration) -> Option<u32> {
    // Ticks come on the dot, so that the end of a second is the beginning of the next.
    let millis = elapsed.as_millis().checked_sub(1)?;
    u32::try_from(millis / 1000).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_at_the_end_of_a_second_is_that_seconds() {
        for (millis, second) in [(0, None), (1, Some(0)), (1000, Some(0)), (1400, Some(1)), (7000, Some(6))] {
            assert_eq!(second_before(Duration::from_millis(millis)), second, "{millis}ms");
        }
    }
}
