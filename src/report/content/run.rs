//! The run as a whole: what it was, what came of it and why, where it was made and how to make it again.

use super::table::{Tone, plain};
use crate::report::figures::{of_scenario, rate, span};
use crate::report::words::Words;
use crate::result::gist::{Gist, Missed};
use crate::result::{Ended, InvariantState, LoadModel, RunResult, Soundness};
use crate::units::Bytes;

/// The name of the test, for a heading.
pub(crate) fn title(result: &RunResult) -> String {
    plain(&result.scenario.name).into_owned()
}

/// What came of it, and each reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) tone: Tone,
    pub(crate) sign: char,
    pub(crate) line: String,
    pub(crate) why: Vec<(Tone, String)>,
}

/// Kind, model, length, target: what the run was, in a few words each.
pub(crate) fn facts(result: &RunResult, words: &Words) -> Vec<String> {
    let mut facts = Vec::new();
    if let [only] = result.scenarios.as_slice() {
        facts.extend(only.kind.as_deref().map(|kind| words.kind(kind).into_owned()));
        facts.push(model(only.model, words).into());
    } else {
        facts.push((words.scenarios)(result.scenarios.len()));
    }
    facts.push((words.of_load)(&span(result.load_s).map_or_else(|| "?".into(), words.duration)));
    facts.push(rate(result.totals.rate_per_s));
    facts.push(target(result, words));
    facts.push(started(result));
    facts
}

/// What came of the run. Reasons: the thresholds that are not met, the invariants that do not hold, the doubts.
pub(crate) fn verdict(result: &RunResult, words: &Words) -> Verdict {
    let (sign, tone) = match (result.verdict.exit_code, result.validity.verdict) {
        (0, Soundness::Suspect) => ('!', Tone::Warning),
        (0, _) => ('✓', Tone::Good),
        _ => ('✗', Tone::Bad),
    };
    let mut why = Vec::new();
    match &result.verdict.ended {
        Ended::Stopped => why.push((Tone::Plain, words.stopped.to_owned())),
        Ended::Aborted(threshold) => why.push((Tone::Bad, (words.aborted)(&plain(threshold)))),
        Ended::Completed | Ended::Interrupted | Ended::NotReady(_) | Ended::SetupFailed(_) => {}
    }
    for invariant in &result.invariants {
        let name = of_scenario(result, &invariant.scenario, &invariant.name);
        let say = |word: &str| format!("{word} {}", plain(&name));
        match invariant.state {
            InvariantState::Broken => why.push((Tone::Bad, say(words.invariant_broken))),
            InvariantState::NotAsked => why.push((Tone::Bad, say(words.invariant_not_asked))),
            InvariantState::Held | InvariantState::Skipped => {}
        }
    }
    // Without a load nothing was met, and that says nothing.
    if !matches!(result.verdict.ended, Ended::NotReady(_) | Ended::SetupFailed(_)) {
        let missed = result.thresholds.iter().filter(|threshold| !threshold.met);
        why.extend(
            missed.map(|missed| (Tone::Bad, plain(&(words.missed)(&Missed::new(missed))).into_owned())),
        );
        why.extend(words.doubts(&result.validity).into_iter().map(|doubt| (Tone::Warning, doubt)));
    }
    let line = plain(&(words.gist)(&Gist::of(result))).into_owned();
    // The only reason stands in the line.
    if matches!(why.as_slice(), [(_, only)] if line.contains(only.as_str())) {
        why.clear();
    }
    Verdict { tone, sign, line, why }
}

/// Where the load was made, with what, and how to make it again: a name and a text each.
pub(crate) fn machine(result: &RunResult, words: &Words) -> Vec<(&'static str, String)> {
    let environment = &result.environment;
    let mut system = format!("{} {}, {}", environment.os, environment.arch, (words.cores)(environment.cpus));
    if let Some(model) = &environment.cpu_model {
        system = format!("{system} ({})", plain(model));
    }
    if let Some(memory) = environment.memory_bytes {
        system = format!("{system}, {}", Bytes(memory));
    }
    let mut effort = vec![(words.workers)(result.workers)];
    effort.extend(result.generator.cpu_share.map(|share| (words.of_its_cores)(share)));
    effort.extend(result.generator.peak_rss_bytes.map(|bytes| Bytes(bytes).to_string()));
    let soundness = match result.validity.verdict {
        Soundness::Valid => words.run_valid,
        Soundness::Suspect => words.run_suspect,
        Soundness::Invalid => words.run_invalid,
    };
    vec![
        (words.validity, soundness.into()),
        (words.target, target(result, words)),
        (words.started, started(result)),
        (words.generator, system),
        (words.effort, effort.join(" · ")),
        (words.file, plain(&result.scenario.file).into_owned()),
        (words.seed, result.seed.to_string()),
        (words.version, format!("loadtest {}", plain(&result.loadtest))),
    ]
}

/// The line that makes the same run again: as it was typed, with the seed it had.
pub(crate) fn command(result: &RunResult) -> String {
    let mut words: Vec<String> = result.command.iter().map(|word| shell_word(&plain(word))).collect();
    if let Some(program) = words.first_mut() {
        *program = "loadtest".into();
    }
    let has_seed = result.command.iter().any(|word| word == "--seed" || word.starts_with("--seed="));
    if !has_seed {
        words.push(format!("--seed {}", result.seed));
    }
    words.join(" ")
}

/// A word as a shell takes it for one.
fn shell_word(word: &str) -> String {
    let is_plain = |letter: char| letter.is_alphanumeric() || "-_./:=,@%+".contains(letter);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

fn target(result: &RunResult, words: &Words) -> String {
    let bundled = if result.target.bundled { words.bundled } else { "" };
    let insecure = if result.target.insecure { words.insecure } else { "" };
    let socket =
        result.target.socket.as_deref().map(|path| format!(" ({})", plain(path))).unwrap_or_default();
    let spec = result.target.spec.as_deref().map(|spec| format!(" · {}", plain(spec))).unwrap_or_default();
    format!("{}{socket}{bundled}{spec}{insecure}", plain(&result.target.url))
}

/// `2026-03-01 09:30:05 UTC`
fn started(result: &RunResult) -> String {
    let started = plain(&result.started);
    match started.split_once('T') {
        Some((date, time)) => {
            let time = time.split(['.', 'Z']).next().unwrap_or_default();
            format!("{date} {time} UTC")
        }
        None => started.into_owned(),
    }
}

const fn model(model: LoadModel, words: &Words) -> &'static str {
    match model {
        LoadModel::Closed => words.closed_model,
        LoadModel::Open => words.open_model,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples::business_heavy;
    use crate::report::words::Lang;

    /// Whoever reads the figures must know that anybody may have answered for the target.
    #[test]
    fn a_target_says_how_it_was_reached() {
        let mut result = business_heavy();
        result.target.socket = Some("/run/shop.sock".into());
        result.target.insecure = true;
        let target = target(&result, Lang::En.words());
        assert_eq!(
            target,
            "http://127.0.0.1:8080 (/run/shop.sock) (bundled) (its certificates were not checked)"
        );
    }

    #[test]
    fn the_command_can_be_typed_again() {
        let mut result = business_heavy();
        let typed = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<String>>();
        result.command = typed(&["/opt/bin/loadtest", "run", "my tests/it's.yaml", "--time-scale", "0.1"]);
        let command = command(&result);
        assert_eq!(command, r"loadtest run 'my tests/it'\''s.yaml' --time-scale 0.1 --seed 7");
        result.command = typed(&["loadtest", "run", "a.yaml", "--seed=7"]);
        assert_eq!(super::command(&result), "loadtest run a.yaml --seed=7");
    }
}
