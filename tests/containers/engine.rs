//! Docker, if it is there, and one container of it.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::io::Write as _;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;

use crate::support::program::wait_until;

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Whether what a test needs is there. CI must have it; elsewhere the test is skipped, and says so.
pub(crate) fn has(test: &str, needed: &Result<(), String>) -> bool {
    let Err(why) = needed else { return true };
    let ci = std::env::var_os("CI").is_some_and(|value| value == "true");
    assert!(!ci, "{test}: {why}");
    // Past the capture of the test's output, or nobody would read it.
    let _ = writeln!(std::io::stderr(), "skipped: {test}: {why}");
    false
}

/// Whether an engine answers.
pub(crate) fn engine() -> &'static Result<(), String> {
    static ENGINE: OnceLock<Result<(), String>> = OnceLock::new();
    ENGINE.get_or_init(|| {
        tried("no Docker", Command::new("docker").args(["version", "--format", "{{.Server.Version}}"]))
    })
}

/// Whether a command ends well, and why not.
pub(crate) fn tried(missing: &str, command: &mut Command) -> Result<(), String> {
    match command.stdin(Stdio::null()).output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!("{missing}: {}", String::from_utf8_lossy(&output.stderr).trim())),
        Err(error) => Err(format!("{missing}: {error}")),
    }
}

/// What a command says that must end well.
#[track_caller]
pub(crate) fn said(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let [out, err] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned());
    assert!(output.status.success(), "{command:?} ends with {}:\n{out}\n{err}", output.status);
    out.trim().to_owned()
}

#[track_caller]
pub(crate) fn docker(args: &[&str]) -> String {
    said(Command::new("docker").args(args))
}

/// A name that no other working copy of the repository uses, and the next run of this one does.
pub(crate) fn tag(image: &str) -> String {
    let here = BuildHasherDefault::<DefaultHasher>::default().hash_one(root());
    format!("loadtest/{image}:test-{:08x}", here & 0xffff_ffff)
}

/// The image of the service, made as its page says, but quickly: of a build without optimisation.
pub(crate) fn image() -> &'static str {
    static IMAGE: OnceLock<String> = OnceLock::new();
    IMAGE.get_or_init(|| {
        let tag = tag("ticketing");
        said(Command::new(root().join("target-service/image.sh")).arg(&tag).env("PROFILE", "dev"));
        tag
    })
}

/// A port of this machine that nobody uses now.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A name for something of this run.
pub(crate) fn name(of: &str) -> String {
    static LAST: AtomicU32 = AtomicU32::new(0);
    format!("loadtest-test-{of}-{}-{}", std::process::id(), LAST.fetch_add(1, Ordering::Relaxed))
}

/// A container with the service in it, which goes with this value.
pub(crate) struct Container {
    name: String,
    pub(crate) port: u16,
}

impl Container {
    /// Starts one with these options of `docker run`, and with the administrator's paths.
    pub(crate) fn start(options: &[&str]) -> Self {
        let (name, port) = (name("service"), free_port());
        let publish = format!("127.0.0.1:{port}:8080");
        let begin = ["run", "--detach", "--name", &name, "--publish", &publish, "--health-interval", "500ms"];
        let container = Self { name: name.clone(), port };
        docker(&[&begin, options, &[image(), "--admin"]].concat());
        container
    }

    pub(crate) fn state(&self) -> Value {
        inspect(&self.name)["State"].clone()
    }

    #[track_caller]
    pub(crate) fn wait_until_health_is(&self, status: &str) {
        wait_until_health_is(&self.name, status);
    }

    /// Ends it as Docker does: by a signal, and after ten seconds by another.
    pub(crate) fn stop(&self) {
        docker(&["stop", &self.name]);
    }

    pub(crate) fn inspect(&self) -> Value {
        inspect(&self.name)
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let _ = Command::new("docker").args(["rm", "--force", "--volumes", &self.name]).output();
    }
}

pub(crate) fn inspect(container: &str) -> Value {
    let told: Value = serde_json::from_str(&docker(&["inspect", container])).unwrap();
    told[0].clone()
}

#[track_caller]
pub(crate) fn wait_until_health_is(container: &str, status: &str) {
    let mut state = Value::Null;
    wait_until(&format!("that {container} is {status}"), || {
        state = inspect(container)["State"].clone();
        assert!(state["Status"] == "running", "{container} has ended: {state}\n{}", logs(container));
        state["Health"]["Status"] == status
    });
}

/// What a container has said on standard error.
fn logs(container: &str) -> String {
    let output = Command::new("docker").args(["logs", "--tail", "50", container]).output().unwrap();
    String::from_utf8_lossy(&output.stderr).into_owned()
}
