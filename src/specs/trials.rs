//! Runs a test on one size after another: each time a container, a warm-up, and the run that counts.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::{in_container, turns};
use crate::output::Mode;
use crate::plan::warm_up;
use crate::result::{Ended, RunDirectory, RunResult, WriteError};
use crate::run::{On, RunError, Settings, Stops, run};
use crate::scenario::model::{Spec, Test};
use crate::target::{TargetError, start_container};

/// What runs on several sizes need.
pub struct Trials<'a> {
    /// The test, anew for each run.
    pub test: &'a dyn Fn() -> Option<Test>,
    pub specs: &'a [Spec],
    /// How often each runs.
    pub repeat: u32,
    /// How long each is warmed up before the run that counts; none where it is zero.
    pub warm_up: Duration,
    /// The folder of all results.
    pub out: &'a Path,
    pub settings: &'a Settings,
    pub stops: &'a Stops,
    /// Called before each run, with a line for people.
    pub tell: &'a dyn Fn(&str),
    /// Called with each result and its folder, once it is written.
    pub keep: &'a dyn Fn(&Spec, &RunResult, &RunDirectory),
}

/// One run of a size.
#[derive(Debug)]
pub struct Trial {
    /// The place of its spec.
    pub spec: usize,
    pub outcome: Outcome,
}

#[derive(Debug)]
pub enum Outcome {
    Ran {
        folder: PathBuf,
        result: Box<RunResult>,
        /// How the container came to its end, if it did so before its time.
        ended: Option<String>,
    },
    /// It never got ready, for this reason.
    NotReady(String),
}

/// Why the runs could not be done.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    #[error(transparent)]
    Target(#[from] TargetError),
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(transparent)]
    Write(#[from] WriteError),
    #[error("the file cannot be read any more")]
    File,
    #[error("interrupted")]
    Interrupted,
}

impl Trials<'_> {
    /// All runs, in the order in which they were done.
    pub async fn run(&self) -> Result<Vec<Trial>, TrialError> {
        let turns = turns(self.specs.len(), self.repeat);
        let mut trials = Vec::new();
        for (number, &spec) in turns.iter().enumerate() {
            let Some(wanted) = self.specs.get(spec) else { continue };
            (self.tell)(&format!(
                "run {} of {}: {} ({})",
                number + 1,
                turns.len(),
                wanted.name,
                wanted.in_words()
            ));
            let outcome = self.one(wanted).await?;
            trials.push(Trial { spec, outcome });
        }
        Ok(trials)
    }

    async fn one(&self, spec: &Spec) -> Result<Outcome, TrialError> {
        let test = self.test(spec)?;
        let ready = tokio::select! {
            ready = start_container(&test, Some(spec)) => ready,
            () = self.stops.at_least(1) => return Err(TrialError::Interrupted),
        };
        let ready = match ready {
            Ok(ready) => ready,
            // That is how this size is; others may do better.
            Err(error @ (TargetError::NotReady { .. } | TargetError::Ended { .. })) => {
                return Ok(Outcome::NotReady(error.to_string()));
            }
            Err(error) => return Err(error.into()),
        };
        if !self.warm_up.is_zero() {
            let settings = Settings { progress: Mode::Nothing, ..self.settings.clone() };
            let test = Arc::new(warm_up(self.test(spec)?, self.warm_up));
            let result = run(test, On::Ready(&ready), &settings, Timestamp::now(), None, self.stops).await?;
            if result.verdict.ended == Ended::Interrupted {
                return Err(TrialError::Interrupted);
            }
            // Where that fails, the run itself will tell.
            let _ = ready.reset().await;
        }
        let started = Timestamp::now();
        let directory = RunDirectory::create(self.out, &format!("{} {}", test.name, spec.name), started)?;
        let log = directory.latency_log();
        let on = On::Ready(&ready);
        let result = run(Arc::new(test), on, self.settings, started, Some(&log), self.stops).await?;
        directory.write(&result)?;
        (self.keep)(spec, &result, &directory);
        if result.verdict.ended == Ended::Interrupted {
            return Err(TrialError::Interrupted);
        }
        let ended = match &ready.container {
            Some(container) => container.ended().await,
            None => None,
        };
        Ok(Outcome::Ran { folder: directory.path().to_owned(), result: Box::new(result), ended })
    }

    fn test(&self, spec: &Spec) -> Result<Test, TrialError> {
        Ok(in_container((self.test)().ok_or(TrialError::File)?, spec))
    }
}
