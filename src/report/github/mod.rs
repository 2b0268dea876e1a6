//! What GitHub Actions shows beside the changed files: a line for each threshold that is not met.
//!
//! These are commands to the runner, written to standard output. Their letters that act are escaped as the
//! runner reads them: `%` and line breaks everywhere, `:` and `,` as well in a property.

use crate::report::content::plain;
use crate::report::figures::of_scenario;
use crate::result::gist::Missed;
use crate::result::{Ended, InvariantState, RunResult};

/// The commands, one on each line; empty where there is nothing to say.
pub fn annotations(result: &RunResult) -> String {
    let file = property(&plain(&result.scenario.file));
    let mut out = String::new();
    let mut say = |level: &str, line: Option<u32>, text: &str| {
        let line = line.map_or_else(String::new, |line| format!(",line={line}"));
        out += &format!("::{level} file={file}{line},title=loadtest::{}\n", data(&plain(text)));
    };
    if matches!(result.verdict.ended, Ended::NotReady(_) | Ended::SetupFailed(_)) {
        say("error", None, &result.verdict.line);
        return out;
    }
    for threshold in result.thresholds.iter().filter(|threshold| !threshold.met) {
        say("error", threshold.line, &Missed::new(threshold).to_string());
    }
    for invariant in &result.invariants {
        let name = of_scenario(result, &invariant.scenario, &invariant.name);
        match invariant.state {
            InvariantState::Broken => say("error", None, &format!("invariant broken: {name}")),
            InvariantState::NotAsked => say("error", None, &format!("verify could not ask: {name}")),
            InvariantState::Held | InvariantState::Skipped => {}
        }
    }
    for reason in &result.validity.reasons {
        say("warning", None, reason);
    }
    out
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples::{business_heavy, failing, never_ready};

    #[test]
    fn a_line_for_each_thing_that_is_wrong() {
        let mut result = failing();
        result.thresholds[0].line = Some(12);
        result.scenario.file = "my,tests/a:b.yaml".into();
        result.invariants[1].name = "100%\n::error::owned".into();
        insta::assert_snapshot!(annotations(&result));
        insta::assert_snapshot!(annotations(&never_ready()));
        assert_eq!(annotations(&business_heavy()), "");
    }
}
