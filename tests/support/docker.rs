//! Containers of this machine's Docker engine, of an image that holds nothing but busybox.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

const IMAGE: &str = "loadtest-tests-busybox";

fn docker(args: &[&str]) -> Result<String, String> {
    // The builder of old is part of every engine; the newer one has a package of its own.
    let mut command = Command::new("docker");
    let output = command.args(args).env("DOCKER_BUILDKIT", "0").stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("docker: {error}"))?;
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() { Ok(said(&output.stdout)) } else { Err(said(&output.stderr)) }
}

/// Builds the image, once.
fn image() -> Result<(), String> {
    static BUILT: OnceLock<Result<(), String>> = OnceLock::new();
    let build = || {
        docker(&["version", "--format", "{{.Server.Version}}"])?;
        let busybox = ["/bin/busybox", "/usr/bin/busybox"].into_iter().find(|path| Path::new(path).exists());
        let busybox = busybox.ok_or("no busybox here (Debian: busybox-static)")?;
        let folder = std::env::temp_dir().join(format!("{IMAGE}-{}", std::process::id()));
        let prepared = std::fs::create_dir_all(&folder)
            .and_then(|()| std::fs::copy(busybox, folder.join("busybox")))
            .and_then(|_| {
                let recipe = "FROM scratch\nCOPY busybox /bin/busybox\nENTRYPOINT [\"/bin/busybox\"]\n";
                std::fs::write(folder.join("Dockerfile"), recipe)
            });
        prepared.map_err(|error| format!("{}: {error}", folder.display()))?;
        let built = docker(&["build", "-q", "-t", IMAGE, &folder.to_string_lossy()]);
        let _ = std::fs::remove_dir_all(&folder);
        built?;
        // One that is linked to libraries does not run alone.
        docker(&["run", "--rm", IMAGE, "true"]).map(drop)
    };
    BUILT.get_or_init(build).clone()
}

/// Whether there is an engine to run containers with. CI must have one; elsewhere the test is skipped.
pub(crate) fn has_docker(test: &str) -> bool {
    let Err(why) = image() else { return true };
    let ci = std::env::var_os("CI").is_some_and(|value| value == "true");
    assert!(!ci, "{test} needs a Docker engine and a static busybox: {why}");
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
    /// Starts one with these options of `docker run`, for a script of busybox's shell.
    #[track_caller]
    pub(crate) fn start(options: &[&str], script: &str) -> Container {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let container = Container { name: format!("loadtest-{}-{number}", std::process::id()) };
        let mut args = vec!["run", "-d", "--name", &container.name];
        args.extend(options);
        args.extend([IMAGE, "sh", "-c", script]);
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
