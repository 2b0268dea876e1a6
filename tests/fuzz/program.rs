//! The program itself, as it comes: `validate` with little memory and little time.

use std::path::Path;
use std::process::{Command, Output};

use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;

use super::files::any_file;
use super::limits::seconds;

/// So many files are validated by one process.
const FILES: usize = 40;

/// `validate` of files in a folder, with 512 MiB of memory and half a minute of processor time for all of them.
fn validate(folder: &Path, names: &[String], format: &str) -> Output {
    let limits = "ulimit -v 524288; ulimit -t 30; exec \"$0\" \"$@\"";
    let mut shell = Command::new("sh");
    shell.args(["-c", limits, env!("CARGO_BIN_EXE_loadtest"), "validate", "--format", format]);
    shell.args(names).current_dir(folder).output().unwrap()
}

/// What is wrong with how it ended, if anything is.
fn harm(output: &Output) -> Option<String> {
    let said = String::from_utf8_lossy(&output.stderr);
    let is_sound = matches!(output.status.code(), Some(0 | 2)) && !said.contains("panicked");
    (!is_sound).then(|| format!("{:?}: {said}", output.status))
}

#[test]
fn no_file_brings_the_program_down() {
    let folder = tempfile::tempdir().unwrap();
    let mut runner = TestRunner::default();
    let until = seconds().map(|time| std::time::Instant::now() + time);
    let mut round = 0_usize;
    loop {
        let mut names = Vec::new();
        for number in 0..FILES {
            let name = format!("{number}.yaml");
            let text = any_file().new_tree(&mut runner).unwrap().current();
            std::fs::write(folder.path().join(&name), text).unwrap();
            names.push(name);
        }
        round += 1;
        let format = if round.is_multiple_of(2) { "json" } else { "text" };
        if let Some(first) = harm(&validate(folder.path(), &names, format)) {
            for name in &names {
                if let Some(harm) = harm(&validate(folder.path(), std::slice::from_ref(name), format)) {
                    let text = std::fs::read_to_string(folder.path().join(name)).unwrap();
                    panic!("{harm}\nby this file:\n{text}");
                }
            }
            panic!("together they do harm: {first}");
        }
        if until.map_or(round >= 5, |until| std::time::Instant::now() >= until) {
            break;
        }
    }
    eprintln!("program: {} files", round * FILES);
}
