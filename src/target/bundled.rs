//! The bundled service as a child process: the same executable, on a free port of the loopback.
//!
//! Generator and service never share a process, so that the time each takes can be told apart. The child ends
//! when its standard input closes; that happens however the parent ends.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::TargetError;

/// The hidden flag with which the program starts itself.
pub const CHILD_FLAG: &str = "--child";
/// What the child says first, before its address.
const GREETING: &str = "listening on ";
/// How long a child may take to end by itself.
const TIME_TO_END: Duration = Duration::from_secs(3);

/// The bundled service, running. Dropping it ends it.
#[derive(Debug)]
pub struct Bundled {
    child: Child,
}

impl Bundled {
    /// Starts the child, and says at which URL it listens.
    pub(super) async fn start() -> Result<(Bundled, String), TargetError> {
        let failed = |problem: String| TargetError::Bundled(problem);
        let program = std::env::current_exe().map_err(|error| failed(error.to_string()))?;
        let mut command = Command::new(program);
        command.args(["target", "--admin", "--port", "0", CHILD_FLAG]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        #[cfg(unix)]
        {
            use std::os::unix::process::CommandExt;
            // Ctrl-C in a terminal goes to the whole group; the service has to outlive it until users drained.
            command.process_group(0);
        }
        let mut child = command.spawn().map_err(|error| failed(error.to_string()))?;
        let stdout = child.stdout.take();
        let bundled = Bundled { child };
        // Blocking reads have no place on the runtime's thread.
        let line = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            let read = stdout.map(|stdout| BufReader::new(stdout).read_line(&mut line));
            read.transpose().map(|_| line)
        });
        let line = tokio::time::timeout(Duration::from_secs(10), line).await;
        let line = match line {
            Err(_) => return Err(failed("it did not say where it listens within 10s".into())),
            Ok(Err(error)) => return Err(failed(error.to_string())),
            Ok(Ok(Err(error))) => return Err(failed(error.to_string())),
            Ok(Ok(Ok(line))) => line,
        };
        match line.trim().strip_prefix(GREETING) {
            Some(url) => Ok((bundled, url.to_owned())),
            None => Err(failed("it ended before it listened (its own words are above)".into())),
        }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Bundled {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let until = Instant::now() + TIME_TO_END;
        while Instant::now() < until {
            match self.child.try_wait() {
                Ok(Some(_)) | Err(_) => return,
                Ok(None) => std::thread::sleep(Duration::from_millis(5)),
            }
        }
        // It had its time. Waiting reaps it; both fail only where it has ended after all.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Says where the service listens: to a person, and to a parent that waits for it.
pub fn announce(out: &mut impl Write, url: &str) -> std::io::Result<()> {
    writeln!(out, "{GREETING}{url}")?;
    out.flush()
}
