//! The report as an engineer would paste it into a pull request: the verdict, what was asked, steps and outcomes,
//! and the rest folded away.

mod blocks;

use std::fmt::Write as _;

pub(super) use self::blocks::{block, code, table};
use super::content::{self, Failure, Tone, Verdict};
use super::escape::markdown as text;
use super::words::{Lang, Words};
use crate::result::{Ended, RunResult};

/// The whole report, ending in a line break.
pub fn render(result: &RunResult, lang: Lang) -> String {
    let words = lang.words();
    let mut out = head(result, words);
    let was_load = !matches!(result.verdict.ended, Ended::NotReady(_) | Ended::SetupFailed(_));
    if was_load {
        let first = [
            content::thresholds(result, words),
            content::steps(result, words),
            content::waiting(result, words),
            content::polls(result, words),
            content::turns(result, words),
            content::places(result, words),
            content::invariants(result, words),
            content::checks(result, words),
            content::target(result, words),
            content::drift(result, words),
        ];
        first.iter().flatten().for_each(|section| out += &format!("\n{}", table(section, 3)));
        if let Some(failures) = failures(result, words) {
            let _ = write!(out, "\n{failures}");
        }
    }
    let _ = write!(out, "\n<details>\n<summary>{}</summary>\n", text(words.run));
    if was_load {
        let rest = [
            content::iterations(result, words),
            content::groups(result, words),
            content::metrics(result, words),
        ];
        rest.iter().flatten().for_each(|section| out += &format!("\n{}", table(section, 4)));
        let figures = content::requests(result, words);
        let figures: Vec<String> = figures.iter().map(|(name, figure)| format!("{name} {figure}")).collect();
        let _ = writeln!(out, "\n{}", text(&figures.join(" · ")));
    }
    out.push('\n');
    for (name, fact) in content::machine(result, words) {
        let _ = writeln!(out, "- {}: {}", text(name), text(&fact));
    }
    let _ = write!(out, "\n{}\n\n{}", text(words.again), block(&content::command(result), "sh", 0));
    out + "\n</details>\n"
}

fn head(result: &RunResult, words: &Words) -> String {
    let Verdict { sign, line, why, .. } = content::verdict(result, words);
    let mut out = format!("## {}\n\n", text(&content::title(result)));
    if let Some(description) = result.scenario.description.as_deref().filter(|text| !text.trim().is_empty()) {
        for line in description.trim().lines() {
            let _ = writeln!(out, "> {}", text(line));
        }
        out.push('\n');
    }
    let _ =
        writeln!(out, "**{sign} {}**\n\n{}", text(&line), text(&content::facts(result, words).join(" · ")));
    if !why.is_empty() {
        out.push('\n');
    }
    for (tone, reason) in why {
        let sign = if tone == Tone::Bad { "✗" } else { "!" };
        let _ = writeln!(out, "- {sign} {}", text(&reason));
    }
    out
}

/// What failed, each cause with an example; none where nothing did.
pub(super) fn failures(result: &RunResult, words: &Words) -> Option<String> {
    let (causes, more) = content::failures(result, words);
    if causes.is_empty() {
        return None;
    }
    let mut out = format!("### {}\n\n", text(words.failures));
    for Failure { step, cause, count, example } in causes {
        let _ = writeln!(out, "- **{}: {}** {count}×", text(&step), text(&cause));
        let Some(example) = example else { continue };
        let _ = write!(
            out,
            "  <br>{} {}: {} → {}",
            words.first_seen,
            example.at,
            code(&example.request),
            example.answer
        );
        if !example.detail.is_empty() {
            let _ = write!(out, "<br>{}", code(&example.detail));
        }
        out.push('\n');
        if !example.body.is_empty() {
            let _ = write!(out, "\n{}", block(&example.body, "", 2));
        }
    }
    if more > 0 {
        let _ = write!(out, "\n{}\n", text(&(words.more_causes)(more)));
    }
    Some(out)
}

#[cfg(test)]
mod tests;
