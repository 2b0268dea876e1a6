//! Containers of this machine's Docker engine, of an image that holds a shell and nothing else: no image is fetched.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

const IMAGE: &str = "loadtest/shell:test";

/// What a command says, or why it failed.
fn said(command: &mut Command) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("{name}: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

fn docker(args: &[&str]) -> Result<String, String> {
    said(Command::new("docker").args(args).stdin(Stdio::null()))
}

/// Makes the image, where it is not there yet.
fn image() -> Result<(), String> {
    static MADE: OnceLock<Result<(), String>> = OnceLock::new();
    let make = || {
        docker(&["version", "--format", "{{.Server.Version}}"])?;
        let works = || docker(&["run", "--rm", IMAGE, "/bin/sh", "-c", "/bin/sleep 0"]).map(drop);
        if docker(&["image", "inspect", IMAGE]).is_ok() && works().is_ok() {
            return Ok(());
        }
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        for program in ["/bin/sh", "/bin/sleep"] {
            // With its libraries, all of them where the program looks for them.
            let told = said(Command::new("ldd").arg(program))?;
            let mut files: BTreeSet<&str> =
                told.split_whitespace().filter(|word| word.starts_with('/')).collect();
            files.insert(program);
            for file in files {
                let to = folder.path().join(file.trim_start_matches('/'));
                let copied = fs::create_dir_all(to.parent().unwrap_or(Path::new("/")))
                    .and_then(|()| fs::copy(file, &to));
                copied.map_err(|error| format!("{file}: {error}"))?;
            }
        }
        let mut archive = Command::new("tar");
        archive.arg("--create").arg("--directory").arg(folder.path()).arg(".").stdout(Stdio::piped());
        let mut archive = archive.spawn().map_err(|error| format!("tar: {error}"))?;
        let content = archive.stdout.take().map_or_else(Stdio::null, Stdio::from);
        let imported = said(Command::new("docker").args(["import", "-", IMAGE]).stdin(content));
        archive.wait().map_err(|error| format!("tar: {error}"))?;
        imported?;
        works()
    };
    MADE.get_or_init(make).clone()
}

/// Whether there is an engine to run containers with. CI must have one; elsewhere the test is skipped.
pub(crate) fn has_docker(test: &str) -> bool {
    let Err(why) = image() else { return true };
    let ci = std::env::var_os("CI").is_some_and(|value| value == "true");
    assert!(!ci, "{test} needs a Docker engine: {why}");
    // Past the capture of the test's output, or nobody would read it.
    let _ = writeln!(std::io::stderr(), "skipped: {test}: no containers here: {why}");
    false
}

/// A container that runs. It goes with this value.
#[derive(Debug)]
pub(crate) struct Container {
    pub(crate) name: String,
}

impl Container {
    /// Starts one with these options of `docker run`, for a script of the shell.
    #[track_caller]
    pub(crate) fn start(options: &[&str], script: &str) -> Container {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let container = Container { name: format!("loadtest-{}-{number}", std::process::id()) };
        let mut args = vec!["run", "-d", "--name", &container.name];
        args.extend(options);
        args.extend([IMAGE, "/bin/sh", "-c", script]);
        docker(&args).unwrap_or_else(|error| panic!("{error}"));
        container
    }

    #[track_caller]
    pub(crate) fn stop(&self) {
        docker(&["stop", "-t", "0", &self.name]).unwrap_or_else(|error| panic!("{error}"));
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let _ = docker(&["rm", "-f", &self.name]);
    }
}
