//! A scenario as `run` and `plan` take it: read, checked, and changed by the arguments.

use std::io::{IsTerminal as _, Write as _};

use crate::cli::{EnvironmentArgs, ScenarioArgs};
use crate::output::Mode;
use crate::plan::{scaled, smoke};
use crate::report::terminal::Style;
use crate::scenario::model::Test;
use crate::scenario::{Failed, LoadOptions, Loaded, load, target_override};
use crate::template::Env;

/// The test of a file, or none where its findings were shown instead.
pub(super) fn read(args: &ScenarioArgs) -> Option<Test> {
    let target = match args.target.as_deref().map(target_override).transpose() {
        Ok(target) => target,
        Err(error) => {
            show(&format!("error: --target: {error}\n"));
            return None;
        }
    };
    let options = LoadOptions { env: environment(&args.environment)?, target };
    match load(&args.file, &options) {
        Ok(Loaded { mut test, warnings, source }) => {
            show(&source.render(&warnings, colours(args.no_color)));
            if let Some(factor) = args.time_scale {
                test = scaled(test, factor);
            }
            if args.smoke {
                test = smoke(test);
            }
            Some(test)
        }
        Err(Failed::Findings { file, findings }) => {
            show(&file.render(&findings, colours(args.no_color)));
            None
        }
        Err(error @ Failed::Read(_)) => {
            show(&format!("error: {error}\n"));
            None
        }
    }
}

/// What `env()` and `secret()` are to read; none where a file of variables was found to be wrong, and said so.
pub(super) fn environment(args: &EnvironmentArgs) -> Option<Env> {
    let mut env = Env { given: args.env.clone(), files: Vec::new() };
    for path in &args.env_file {
        match Env::read_file(path) {
            Ok(variables) => env.files.extend(variables),
            Err(error) => {
                show(&format!("error: --env-file: {error}\n"));
                return None;
            }
        }
    }
    Some(env)
}

/// The same test once more, without a word: for what needs it anew each time. None where the file has become
/// another, and no good one.
pub(super) fn read_again(args: &ScenarioArgs) -> Option<Test> {
    let target = args.target.as_deref().map(target_override).transpose().ok()?;
    let options = LoadOptions { env: environment(&args.environment)?, target };
    load(&args.file, &options).ok().map(|loaded| loaded.test)
}

/// How to show what is going on.
pub(super) fn progress(quiet: bool) -> Mode {
    match (quiet, std::io::stderr().is_terminal()) {
        (true, _) => Mode::Nothing,
        (false, true) => Mode::Bars,
        (false, false) => Mode::Lines,
    }
}

/// Whether standard error takes colours.
pub(super) fn colours(no_color: bool) -> bool {
    colours_are_wanted(no_color) && std::io::stderr().is_terminal()
}

/// How to write to standard output.
pub(super) fn style(no_color: bool) -> Style {
    let stdout = std::io::stdout();
    let width = rustix::termios::tcgetwinsize(&stdout).map_or(0, |size| size.ws_col);
    // Nobody reads lines of 200 columns with pleasure.
    let width = if width == 0 { Style::default().width } else { width.min(120) };
    Style { color: colours_are_wanted(no_color) && stdout.is_terminal(), width }
}

fn colours_are_wanted(no_color: bool) -> bool {
    !no_color && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// As it was typed, but for the values of `--env`: what of them is secret is known only to the steps that ask
/// for it, and a run may end before any did.
pub(super) fn command_line() -> Vec<String> {
    let mut is_value = false;
    let shown = |word: std::ffi::OsString| {
        let word = word.to_string_lossy();
        let (flag, given) = match word.strip_prefix("--env=") {
            Some(given) => ("--env=", Some(given)),
            None => ("", is_value.then_some(&*word)),
        };
        let name = given.and_then(|given| given.split_once('=')).map(|(name, _)| name);
        is_value = word == "--env" && !is_value;
        name.map_or_else(|| word.to_string(), |name| format!("{flag}{name}=[redacted]"))
    };
    std::env::args_os().map(shown).collect()
}

/// Says something on standard error. Where nobody reads it, there is nobody to tell.
pub(super) fn show(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// Writes to standard output. That its reader has gone (`| head`) does not change how things ended.
pub(super) fn print(text: &str) -> std::io::Result<()> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}
