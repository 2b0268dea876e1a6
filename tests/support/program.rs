//! The program from outside: a scenario in a folder of its own, arguments, and what came of them.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;

/// One use of the program. Its files live in a folder that goes with it.
pub(crate) struct Loadtest {
    folder: PathBuf,
    args: Vec<String>,
    env: Vec<(String, String)>,
}

/// How it ended, and what it said and left.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// The `result.json` that it left, or null.
    pub(crate) result: Value,
    pub(crate) folder: PathBuf,
}

impl Loadtest {
    pub(crate) fn new(verb: &str) -> Loadtest {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("loadtest-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Loadtest { folder, args: vec![verb.to_owned()], env: Vec::new() }
    }

    /// `loadtest run` of a scenario that is written here.
    pub(crate) fn run(yaml: &str) -> Loadtest {
        Loadtest::new("run").scenario(yaml).arg("--out").arg("reports").arg("--workers").arg("1")
    }

    pub(crate) fn scenario(self, yaml: &str) -> Loadtest {
        std::fs::write(self.folder.join("scenario.yaml"), yaml).unwrap();
        self.arg("scenario.yaml")
    }

    pub(crate) fn file(self, name: &str, text: &str) -> Loadtest {
        std::fs::write(self.folder.join(name), text).unwrap();
        self
    }

    pub(crate) fn arg(mut self, arg: impl Into<String>) -> Loadtest {
        self.args.push(arg.into());
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Loadtest {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_loadtest"));
        command.current_dir(&self.folder).args(&self.args).env("NO_COLOR", "1");
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    pub(crate) fn end(self) -> Ended {
        let output = self.command().stdin(Stdio::null()).output().unwrap();
        Ended::new(&output, &self.folder)
    }

    /// Starts it, to do something to it while it runs.
    pub(crate) fn start(self) -> Started {
        let child = self
            .command()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Started { child, folder: self.folder.clone() }
    }
}

/// The program while it runs.
pub(crate) struct Started {
    pub(crate) child: Child,
    pub(crate) folder: PathBuf,
}

impl Started {
    /// Waits for a line of standard error that contains `text`.
    pub(crate) fn wait_for_stderr(&mut self, text: &str) -> String {
        let stderr = self.child.stderr.take().unwrap();
        let mut reader = BufReader::new(stderr);
        let mut seen = String::new();
        while !seen.contains(text) {
            let mut line = String::new();
            assert!(reader.read_line(&mut line).unwrap() > 0, "it never said `{text}`, only:\n{seen}");
            seen += &line;
        }
        self.child.stderr = Some(reader.into_inner());
        seen
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let id = i32::try_from(self.child.id()).unwrap();
        rustix::process::kill_process(rustix::process::Pid::from_raw(id).unwrap(), signal).unwrap();
    }

    pub(crate) fn end(mut self) -> Ended {
        let (mut stdout, mut stderr) = (String::new(), String::new());
        self.child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
        if let Some(mut pipe) = self.child.stderr.take() {
            pipe.read_to_string(&mut stderr).unwrap();
        }
        let status = self.child.wait().unwrap();
        let output = Output { status, stdout: stdout.into_bytes(), stderr: stderr.into_bytes() };
        Ended::new(&output, &self.folder)
    }
}

impl Ended {
    fn new(output: &Output, folder: &Path) -> Ended {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let result = find_result(&folder.join("reports")).unwrap_or(Value::Null);
        Ended {
            code: output.status.code().unwrap_or(-1),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
            result,
            folder: folder.to_owned(),
        }
    }

    /// Fails the test with everything that was said, unless it ended with this code.
    #[track_caller]
    pub(crate) fn expect_code(self, code: i32) -> Ended {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// The row of this name.
    #[track_caller]
    pub(crate) fn row(&self, name: &str) -> &Value {
        let rows =
            self.result["rows"].as_array().unwrap_or_else(|| panic!("no result; stderr:\n{}", self.stderr));
        rows.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("no row `{name}`"))
    }

    /// How often a row ended in this outcome.
    #[track_caller]
    pub(crate) fn count(&self, row: &str, outcome: &str) -> u64 {
        let outcomes = self.row(row)["outcomes"].as_array().unwrap();
        let found = outcomes.iter().find(|seen| seen["name"] == outcome);
        found.map_or(0, |seen| seen["count"].as_u64().unwrap())
    }

    /// Every attempt must be accounted for, in every run whatsoever.
    #[track_caller]
    pub(crate) fn expect_accounted(self) -> Ended {
        for row in self.result["rows"].as_array().unwrap() {
            let number = |name: &str| row[name].as_u64().unwrap();
            let ended = number("success") + number("business") + number("failure") + number("interrupted");
            assert_eq!(number("attempted"), ended, "{row:#}");
        }
        self
    }
}

impl Drop for Ended {
    fn drop(&mut self) {
        // What a failed test leaves is looked at; the rest is swept up.
        if !std::thread::panicking() {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

fn find_result(reports: &Path) -> Option<Value> {
    for scenario in std::fs::read_dir(reports).ok()?.flatten() {
        let text = std::fs::read_to_string(scenario.path().join("latest").join("result.json"));
        if let Ok(text) = text {
            return serde_json::from_str(&text).ok();
        }
    }
    None
}
