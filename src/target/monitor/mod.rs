//! Watches the target while the load runs: once a second, on the coordinator's thread and never on a worker's.
//!
//! A source that cannot be asked disturbs nothing: it is counted, told once, and asked again a second later.

mod container;
mod exposition;
mod process;
mod prometheus;
mod reading;

use std::cell::{Ref, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval_at, timeout};

use self::container::Container;
use self::process::Process;
use self::prometheus::Scrape;
use self::reading::{Look, figures, seconds};
use super::Ready;
use crate::metrics::Watched;
use crate::scenario::monitor::{ProcessId, Watch, WatchKind};

/// Between two looks.
const EVERY: Duration = Duration::from_secs(1);
/// No look may take longer.
const LONGEST_LOOK: Duration = Duration::from_secs(2);
/// A look at the end of the load waits for less: somebody waits for the report.
const LONGEST_LAST_LOOK: Duration = Duration::from_millis(500);
/// Two looks further apart say nothing of the seconds between them: one that failed may lie there, and no more.
const LONGEST_GAP: Duration = Duration::from_millis(2500);
/// Less than this since the look before says little about a rate.
const SHORTEST: Duration = Duration::from_millis(200);

/// What a source may use, where that is known.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Limits {
    /// In cores.
    cpu: Option<f64>,
    /// In bytes.
    memory: Option<u64>,
}

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
    Container(Container),
    Prometheus(Box<Scrape>),
    /// There is nothing to ask, for this reason.
    Nothing(String),
}

impl Monitor {
    /// Looks at every source once, so that what cannot be watched is known before the load begins.
    ///
    /// Must be called within a [`LocalSet`](tokio::task::LocalSet).
    pub async fn open(watches: &[Watch], ready: &Ready) -> Monitor {
        let watched = Watched::new(watches.len());
        let seen = Rc::new(RefCell::new(Seen { watched, untold: Vec::new() }));
        // At the same time: one that keeps silent holds up the load no longer than all of them.
        let looks = watches.iter().enumerate().map(|(index, watch)| {
            let (mut source, seen) = (Source::new(index, watch, ready), Rc::clone(&seen));
            tokio::task::spawn_local(async move {
                source.look(&seen).await;
                source
            })
        });
        let looks: Vec<JoinHandle<Source>> = looks.collect();
        let mut waiting = Vec::new();
        for look in looks {
            waiting.extend(look.await);
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
        let sampler = match &watch.kind {
            WatchKind::Bundled => match &ready.bundled {
                Some(child) => Sampler::Process(Process::new(ProcessId::Pid(child.id()))),
                None => Sampler::Nothing("it was not started".into()),
            },
            WatchKind::Started => match &ready.container {
                Some(container) => Sampler::Container(Container::new(container.name())),
                None => Sampler::Nothing("it was not started".into()),
            },
            WatchKind::Process(id) => Sampler::Process(Process::new(*id)),
            WatchKind::Container(name) => Sampler::Container(Container::new(name)),
            WatchKind::Prometheus(endpoint) => match Scrape::new(endpoint, ready) {
                Ok(scrape) => Sampler::Prometheus(Box::new(scrape)),
                Err(why) => Sampler::Nothing(why),
            },
        };
        let is_implied = watch.kind == WatchKind::Bundled;
        Source { index, name: watch.name.clone(), is_implied, sampler }
    }

    async fn watch(mut self, epoch: Instant, seen: Rc<RefCell<Seen>>, mut stop: watch::Receiver<bool>) {
        let mut ticks = interval_at(epoch.into(), EVERY);
        // A look that took long costs the seconds it took, and no more.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut before: Option<Look> = None;
        let mut is_over = false;
        while !is_over {
            tokio::select! {
                biased;
                _ = ticks.tick() => {}
                _ = stop.wait_for(|stop| *stop) => is_over = true,
            }
            let is_fresh = |look: &Look| look.at.elapsed() < SHORTEST;
            if is_over && before.as_ref().is_some_and(is_fresh) {
                break;
            }
            let Some(look) = self.look(&seen).await else { continue };
            let took = before.as_ref().map(|before| look.at.saturating_duration_since(before.at));
            if let (Some(before), Some(took)) = (&before, took.filter(|took| *took <= LONGEST_GAP))
                && let Some(source) = seen.borrow_mut().watched.sources.get_mut(self.index)
            {
                let since = |look: &Look| look.at.saturating_duration_since(epoch);
                let figures = figures(&before.reading, &look.reading, took, source.cpu_limit);
                for second in seconds(since(before), since(&look)) {
                    figures.iter().for_each(|(gauge, value)| source.record(second, *gauge, *value));
                }
            }
            before = Some(look);
        }
        if let Some(source) = seen.borrow_mut().watched.sources.get_mut(self.index)
            && source.problem.is_none()
        {
            source.problem = self.sampler.missing();
        }
    }

    /// One look; where it fails that is noted.
    async fn look(&mut self, seen: &RefCell<Seen>) -> Option<Look> {
        let answer = timeout(LONGEST_LOOK, self.sampler.look()).await;
        let answer = answer.unwrap_or_else(|_| Err("no answer in time".into()));
        let Seen { watched, untold } = &mut *seen.borrow_mut();
        let source = watched.sources.get_mut(self.index)?;
        let problem = match answer {
            Ok(look) => {
                let Limits { cpu, memory } = self.sampler.limits();
                (source.cpu_limit, source.memory_limit) = (cpu, memory);
                return Some(look);
            }
            Err(problem) => problem,
        };
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
    /// What it was asked for and never told, though it answered.
    fn missing(&self) -> Option<String> {
        match self {
            Sampler::Prometheus(scrape) => scrape.missing(),
            _ => None,
        }
    }

    async fn look(&mut self) -> Result<Look, String> {
        let at = Instant::now();
        let reading = match self {
            Sampler::Process(process) => process.read()?,
            Sampler::Container(container) => return container.look().await,
            Sampler::Prometheus(scrape) => scrape.read().await?,
            Sampler::Nothing(why) => return Err(why.clone()),
        };
        Ok(Look { at, reading })
    }

    fn limits(&self) -> Limits {
        match self {
            Sampler::Container(container) => container.limits,
            _ => Limits::default(),
        }
    }
}
