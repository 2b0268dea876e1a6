//! What a run tells GitHub Actions where it runs there: a summary of the job, and annotations.

use std::fs::OpenOptions;
use std::io::Write as _;

use super::scenario::{print, show};
use crate::report::{Lang, github, markdown};
use crate::result::RunResult;

pub(super) fn tell(result: &RunResult, lang: Lang) -> std::io::Result<()> {
    if std::env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true") {
        print(&github::annotations(result))?;
    }
    summarize(&markdown::render(result, lang));
    Ok(())
}

/// Adds Markdown to the summary of the job, where there is one.
pub(super) fn summarize(text: &str) {
    let Some(path) = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty()) else {
        return;
    };
    // Other steps of the job have written there as well.
    let file = OpenOptions::new().create(true).append(true).open(&path);
    let summary = format!("{text}\n");
    if let Err(error) = file.and_then(|mut file| file.write_all(summary.as_bytes())) {
        show(&format!("warning: the summary of the job could not be written: {error}\n"));
    }
}
