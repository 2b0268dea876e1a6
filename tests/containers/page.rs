//! The commands of the page that need Docker, each run as it stands but for names and ports, so that a run disturbs
//! neither another nor what somebody has started by hand.

use std::process::Command;

use crate::engine::{engine, free_port, has, name, root, said, tag};
use crate::files::read;

/// The blocks of commands, one command a line.
pub(crate) fn blocks() -> Vec<Vec<String>> {
    let text = read("docs/ticketing.md");
    let blocks = text.split("```sh docker\n").skip(1);
    blocks.map(|rest| rest.split("```").next().unwrap().lines().map(str::to_owned).collect()).collect()
}

/// A shell for commands of the page.
pub(crate) struct Reader {
    /// What stands in the page, and what it is here.
    instead: Vec<(String, String)>,
    environment: Vec<(&'static str, String)>,
    folder: tempfile::TempDir,
}

impl Reader {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let instead = Vec::new();
        Self { instead, environment: vec![("NO_COLOR", "1".to_owned())], folder }
    }

    pub(crate) fn instead(mut self, of: impl Into<String>, this: impl Into<String>) -> Self {
        self.instead.push((of.into(), this.into()));
        self
    }

    pub(crate) fn environment(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.environment.push((name, value.into()));
        self
    }

    /// Runs a command, which must end well. Runs of the program are short.
    #[track_caller]
    pub(crate) fn run(&self, line: &str) -> String {
        let mut line = line.to_owned();
        for (of, this) in &self.instead {
            line = line.replace(of, this);
        }
        if let Some(rest) = line.strip_prefix("loadtest run ") {
            let (program, out) = (env!("CARGO_BIN_EXE_loadtest"), self.folder.path().display());
            line = format!("'{program}' run {rest} --smoke --out '{out}'");
        }
        let mut shell = Command::new("sh");
        shell.args(["-ec", &line]).current_dir(root());
        shell.envs(self.environment.iter().map(|(name, value)| (name, value)));
        said(&mut shell)
    }
}

#[test]
fn the_commands_of_the_image_work() {
    if !has("the_commands_of_the_image_work", engine()) {
        return;
    }
    let blocks = blocks();
    let block = blocks.iter().find(|block| block[0] == "target-service/image.sh").unwrap();
    let (tag, container) = (tag("ticketing"), name("page"));
    let reader = Reader::new()
        .instead("--name ticketing", format!("--name {container}"))
        .instead("docker stop ticketing", format!("docker stop {container}"))
        .instead("docker rm ticketing", format!("docker rm {container}"))
        .instead(ticketing::IMAGE, &tag)
        .instead("target-service/image.sh", format!("target-service/image.sh {tag}"))
        .instead("127.0.0.1:8081", format!("127.0.0.1:{}", free_port()))
        .environment("PROFILE", "dev");
    let _gone = Gone(container);
    for line in block {
        reader.run(line);
    }
}

/// Takes a container away, should its commands not come to that.
struct Gone(String);

impl Drop for Gone {
    fn drop(&mut self) {
        let _ = Command::new("docker").args(["rm", "--force", &self.0]).output();
    }
}
