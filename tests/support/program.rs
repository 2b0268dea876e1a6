//! The program from outside: a scenario in a folder of its own, arguments, and what came of them.

use std::io::Read;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};
use serde_json::Value;

/// No run of a test takes longer, however busy the machine: past it the program hangs.
const LONGEST: Duration = Duration::from_mins(1);
/// Between two looks at something that is waited for.
const LOOK: Duration = Duration::from_millis(5);

/// Waits until something holds.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + LONGEST;
    while !holds() {
        assert!(Instant::now() < until, "in vain: {what}");
        std::thread::sleep(LOOK);
    }
}

/// One use of the program. Its files live in a folder that goes with it.
#[derive(Debug)]
pub(crate) struct Loadtest {
    folder: PathBuf,
    args: Vec<String>,
    env: Vec<(String, String)>,
    shell: Option<String>,
    longest: Duration,
}

/// How it ended, and what it said and left.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Minus the signal's number where one ended it.
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
        // What an older process of the same number left behind.
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        Loadtest { folder, args: vec![verb.to_owned()], env: Vec::new(), shell: None, longest: LONGEST }
    }

    /// For what takes its time by its nature.
    pub(crate) fn patient(mut self) -> Loadtest {
        self.longest = 5 * LONGEST;
        self
    }

    /// `loadtest run` of a scenario that is written here, with one worker if nothing else is said.
    pub(crate) fn run(yaml: &str) -> Loadtest {
        Loadtest::new("run").scenario(yaml).args(&["--out", "reports"])
    }

    /// `loadtest run` of a scenario that comes with the program.
    pub(crate) fn shipped(name: &str) -> Loadtest {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(name);
        Loadtest::run(&std::fs::read_to_string(file).unwrap())
    }

    pub(crate) fn scenario(self, yaml: &str) -> Loadtest {
        self.file("scenario.yaml", yaml).arg("scenario.yaml")
    }

    pub(crate) fn file(self, name: &str, text: &str) -> Loadtest {
        let path = self.folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    /// A file that is too long to be put together first.
    pub(crate) fn file_of(self, name: &str, write: impl FnOnce(std::fs::File)) -> Loadtest {
        write(std::fs::File::create(self.folder.join(name)).unwrap());
        self
    }

    /// Where its scenario and files are.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn arg(mut self, arg: impl Into<String>) -> Loadtest {
        self.args.push(arg.into());
        self
    }

    pub(crate) fn args(self, args: &[&str]) -> Loadtest {
        args.iter().fold(self, |this, arg| this.arg(*arg))
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Loadtest {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Commands of a shell that becomes the program, like `ulimit -n 32`.
    pub(crate) fn after_shell(mut self, commands: &str) -> Loadtest {
        self.shell = Some(commands.to_owned());
        self
    }

    fn command(&self) -> Command {
        let program = env!("CARGO_BIN_EXE_loadtest");
        let mut command = match &self.shell {
            None => Command::new(program),
            Some(commands) => {
                let mut shell = Command::new("sh");
                shell.args(["-c", &format!("{commands}; exec \"$0\" \"$@\""), program]);
                shell
            }
        };
        command.current_dir(&self.folder).args(&self.args).env("NO_COLOR", "1");
        // The tests of the program may themselves run there.
        command.env_remove("GITHUB_ACTIONS").env_remove("GITHUB_STEP_SUMMARY");
        if self.args[0] == "run" && !self.args.iter().any(|arg| arg == "--workers") {
            command.args(["--workers", "1"]);
        }
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        // A group of its own, as a shell would give it: to be signalled like by a terminal.
        command.process_group(0);
        command
    }

    #[track_caller]
    pub(crate) fn end(self) -> Ended {
        self.start().end()
    }

    /// Starts it, to do something to it while it runs.
    pub(crate) fn start(self) -> Started {
        let mut command = self.command();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdout = Heard::from(child.stdout.take().unwrap());
        let stderr = Heard::from(child.stderr.take().unwrap());
        Started { child, stdout, stderr, folder: self.folder.clone(), longest: self.longest }
    }
}

/// A stream that is read to its end beside the test.
#[derive(Debug)]
struct Heard {
    so_far: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

impl Heard {
    fn from(mut stream: impl Read + Send + 'static) -> Heard {
        let so_far = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&so_far);
        let reader = std::thread::spawn(move || {
            let mut part = [0; 4096];
            while let Ok(count @ 1..) = stream.read(&mut part) {
                heard.lock().unwrap().extend_from_slice(&part[..count]);
            }
        });
        Heard { so_far, reader: Some(reader) }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.so_far.lock().unwrap()).into_owned()
    }

    /// All of it: until every process that holds the other end has gone.
    #[track_caller]
    fn rest(&mut self) -> String {
        let reader = self.reader.take().unwrap();
        wait_until("that nobody holds its output any more", || reader.is_finished());
        self.text()
    }
}

/// The program while it runs. It does not outlive this value.
#[derive(Debug)]
pub(crate) struct Started {
    child: Child,
    stdout: Heard,
    stderr: Heard,
    pub(crate) folder: PathBuf,
    longest: Duration,
}

impl Started {
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until standard error contains `text`.
    #[track_caller]
    pub(crate) fn wait_for_stderr(&self, text: &str) -> String {
        wait_until(&format!("`{text}` on standard error"), || self.stderr.text().contains(text));
        self.stderr.text()
    }

    /// Waits until standard output contains `text`.
    #[track_caller]
    pub(crate) fn wait_for_stdout(&self, text: &str) -> String {
        wait_until(&format!("`{text}` on standard output"), || self.stdout.text().contains(text));
        self.stdout.text()
    }

    /// Waits until it has measured something for at least a second, and written it down.
    #[track_caller]
    pub(crate) fn wait_for_a_second(&self) {
        wait_until("a line in latency.hlog", || {
            newest_log(&self.folder)
                .and_then(|path| std::fs::read_to_string(path).ok())
                .is_some_and(|log| log.lines().any(|line| line.starts_with("Tag=")))
        });
    }

    /// Waits until a signal to end would be heard, and not simply end it.
    #[track_caller]
    pub(crate) fn wait_until_it_listens_to_signals(&self) {
        let status = format!("/proc/{}/status", self.id());
        wait_until("a handler for SIGINT and SIGTERM", || {
            let status = std::fs::read_to_string(&status).unwrap_or_default();
            let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
            let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
            [2, 15].iter().all(|signal| caught & (1 << (signal - 1)) != 0)
        });
    }

    /// Like Ctrl-C in a terminal: the signal goes to the whole group of processes.
    pub(crate) fn signal(&self, signal: Signal) {
        rustix::process::kill_process_group(self.pid(), signal).unwrap();
    }

    /// As [`Started::signal`], to one that may have ended in the meantime.
    pub(crate) fn signal_if_there(&self, signal: Signal) {
        let _ = rustix::process::kill_process_group(self.pid(), signal);
    }

    pub(crate) fn has_written_its_result(&self) -> bool {
        newest_run(&self.folder).is_some_and(|run| run.join("result.json").exists())
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap()
    }

    #[track_caller]
    pub(crate) fn end(mut self) -> Ended {
        let until = Instant::now() + self.longest;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(
                Instant::now() < until,
                "it hangs; stdout:\n{}\nstderr:\n{}",
                self.stdout.text(),
                self.stderr.text()
            );
            std::thread::sleep(LOOK);
        };
        Ended {
            code: status.code().or_else(|| status.signal().map(|signal| -signal)).unwrap(),
            stdout: self.stdout.rest(),
            stderr: self.stderr.rest(),
            result: find_result(&self.folder).unwrap_or(Value::Null),
            folder: std::mem::take(&mut self.folder),
        }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // Both fail where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ended {
    /// Fails the test with everything that was said, unless it ended with this code.
    #[track_caller]
    pub(crate) fn expect_code(self, code: i32) -> Ended {
        assert_eq!(self.code, code, "{}", self.said());
        assert!(!self.stderr.contains("panicked"), "{}", self.said());
        self
    }

    /// As [`Ended::expect_code`]; but on a machine so busy that the generator was late, a run may be called
    /// not valid for that alone.
    #[track_caller]
    pub(crate) fn expect_code_unless_late(self, code: i32) -> Ended {
        let validity = &self.result["validity"];
        let only_late = validity["verdict"] == "invalid"
            && validity["reasons"].as_array().unwrap().iter().all(|reason| {
                let reason = reason.as_str().unwrap();
                reason.contains("the generator was late") || reason.contains("of its cores")
            });
        if only_late && [0, 99].contains(&code) {
            return self.expect_code(97);
        }
        self.expect_code(code)
    }

    /// Everything held, whatever the machine was busy with.
    #[track_caller]
    pub(crate) fn expect_passed(self) -> Ended {
        let ended = self.expect_code_unless_late(0).expect_accounted();
        assert_eq!(ended.unmet(), [""; 0], "{}", ended.said());
        for invariant in ended.list("invariants") {
            assert_eq!(invariant["state"], "held", "{}", ended.said());
        }
        ended
    }

    pub(crate) fn said(&self) -> String {
        format!("code {}, stdout:\n{}\nstderr:\n{}", self.code, self.stdout, self.stderr)
    }

    /// The next use of the program, in the same folder.
    pub(crate) fn then(mut self, verb: &str) -> Loadtest {
        let folder = std::mem::take(&mut self.folder);
        Loadtest { folder, args: vec![verb.to_owned()], env: Vec::new(), shell: None, longest: LONGEST }
    }

    /// A list of the result, by its key.
    #[track_caller]
    pub(crate) fn list(&self, key: &str) -> &[Value] {
        self.result[key].as_array().unwrap_or_else(|| panic!("no {key} in the result; {}", self.said()))
    }

    /// The row of this name.
    #[track_caller]
    pub(crate) fn row(&self, name: &str) -> &Value {
        let found = self.list("rows").iter().find(|row| row["name"] == name);
        found.unwrap_or_else(|| panic!("no row `{name}`; {}", self.said()))
    }

    /// How often a row ended in this outcome.
    #[track_caller]
    pub(crate) fn count(&self, row: &str, outcome: &str) -> u64 {
        let outcomes = self.row(row)["outcomes"].as_array().unwrap();
        let found = outcomes.iter().find(|seen| seen["name"] == outcome);
        found.map_or(0, |seen| seen["count"].as_u64().unwrap())
    }

    /// A number of a row or of the totals, like `attempted`.
    #[track_caller]
    pub(crate) fn total(&self, key: &str) -> u64 {
        self.result["totals"][key].as_u64().unwrap_or_else(|| panic!("no total `{key}`; {}", self.said()))
    }

    /// A number of the only scenario, like `completed`.
    #[track_caller]
    pub(crate) fn iterations(&self, key: &str) -> u64 {
        self.list("scenarios")[0][key].as_u64().unwrap_or_else(|| panic!("no `{key}`; {}", self.said()))
    }

    /// The texts of the thresholds that were not met.
    #[track_caller]
    pub(crate) fn unmet(&self) -> Vec<&str> {
        let unmet = self.list("thresholds").iter().filter(|threshold| threshold["met"] == false);
        unmet.map(|threshold| threshold["text"].as_str().unwrap()).collect()
    }

    /// The threshold of this text.
    #[track_caller]
    pub(crate) fn threshold(&self, text: &str) -> &Value {
        let found = self.list("thresholds").iter().find(|threshold| threshold["text"] == text);
        found.unwrap_or_else(|| panic!("no threshold `{text}`; {}", self.said()))
    }

    /// Every attempt must be accounted for, in every run whatsoever.
    #[track_caller]
    pub(crate) fn expect_accounted(self) -> Ended {
        for row in self.list("rows").iter().chain([&self.result["totals"]]) {
            let number = |name: &str| row[name].as_u64().unwrap();
            let ended = number("success") + number("business") + number("failure") + number("interrupted");
            assert_eq!(number("attempted"), ended, "{row:#}");
        }
        for scenario in self.list("scenarios") {
            let number = |name: &str| scenario[name].as_u64().unwrap();
            let ended = number("completed") + number("cut") + number("ended_early") + number("interrupted");
            assert_eq!(number("started"), ended + number("abandoned"), "{scenario:#}");
        }
        for poll in self.list("polls") {
            let number = |name: &str| poll[name].as_u64().unwrap();
            let ended = number("got") + number("given_up") + number("abandoned") + number("ended");
            assert_eq!(number("started"), ended + number("interrupted"), "{poll:#}");
        }
        self
    }

    /// As [`Ended::expect_accounted`]; and what servers read is what went out: each request that was answered,
    /// and of those in doubt each at most once. None is sent twice, and none is lost.
    #[track_caller]
    pub(crate) fn expect_sent(self, read: usize) -> Ended {
        const ANSWERED: [&str; 6] =
            ["check", "capture", "too slow", "too many redirects", "bad redirect", "decompression"];
        let ended = self.expect_accounted();
        let answers = |cause: &str| cause.starts_with("status ") || ANSWERED.contains(&cause);
        let causes = ended.list("causes").iter();
        let refused = causes.filter(|found| answers(found["cause"].as_str().unwrap()));
        let refused: u64 = refused.map(|found| found["count"].as_u64().unwrap()).sum();
        let answered = ended.total("success") + ended.total("business") + refused;
        let sent = answered..=answered + ended.total("in_doubt");
        assert!(
            sent.contains(&(read as u64)),
            "servers read {read}, and {sent:?} went out; {}",
            ended.said()
        );
        ended
    }

    /// Everything that it wrote and said, each with its place.
    pub(crate) fn all_text(&self) -> Vec<(String, String)> {
        let mut texts =
            vec![("stdout".to_owned(), self.stdout.clone()), ("stderr".to_owned(), self.stderr.clone())];
        let mut folders = vec![self.folder.join("reports")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() => folders.push(path),
                    Ok(kind) if kind.is_file() => {
                        let bytes = std::fs::read(&path).unwrap();
                        let text = String::from_utf8_lossy(&bytes).into_owned();
                        texts.push((path.display().to_string(), text));
                    }
                    _ => {}
                }
            }
        }
        texts
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

/// The folder of the newest run.
pub(crate) fn newest_run(folder: &Path) -> Option<PathBuf> {
    let scenario = std::fs::read_dir(folder.join("reports")).ok()?.flatten().next()?.path();
    let runs = std::fs::read_dir(scenario).ok()?.flatten();
    let runs = runs.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    runs.map(|entry| entry.path()).max()
}

pub(crate) fn newest_log(folder: &Path) -> Option<PathBuf> {
    newest_run(folder).map(|run| run.join("latency.hlog"))
}

fn find_result(folder: &Path) -> Option<Value> {
    for scenario in std::fs::read_dir(folder.join("reports")).ok()?.flatten() {
        let text = std::fs::read_to_string(scenario.path().join("latest").join("result.json"));
        if let Ok(text) = text {
            return serde_json::from_str(&text).ok();
        }
    }
    None
}
