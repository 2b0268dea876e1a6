//! A `MariaDB` and a Redis for tests: those that the environment names, or ones of this program's own.
//!
//! `TICKETING_TEST_MYSQL` (as in `mysql://root:password@127.0.0.1:3306`, a user who may create databases) and
//! `TICKETING_TEST_REDIS` (as in `redis://127.0.0.1:6379`) name them. Otherwise, where both are installed, they are
//! started once for all tests of the program, in a folder and on ports of their own, and end with it. Where they
//! are not, tests are skipped; with `CI=true` or `TICKETING_REQUIRE_STORES=1` they fail.

#![expect(clippy::unwrap_used, reason = "what goes wrong here fails a test, which is what it is for")]

use std::env;
use std::io::{self, Write};
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Connection, MySqlConnection};
use ticketing::Servers;
use tokio::sync::OnceCell;

/// How long a server may take to come up, on a machine that is busy.
const UP_WITHIN: Duration = Duration::from_mins(1);

/// Both servers of all tests, without a database's name.
static BOTH: OnceCell<Result<Both, &str>> = OnceCell::const_new();

struct Both {
    database: String,
    cache: String,
    /// They end with this program.
    _own: Option<(Server, Server)>,
}

/// Servers with a database that is new; or none, and then the test is skipped.
pub(crate) async fn fresh(test: &str) -> Option<Servers> {
    let both = BOTH.get_or_init(|| async { tokio::task::spawn_blocking(find).await.unwrap() }).await;
    match both {
        Ok(both) => {
            let database = new_database(&both.database).await;
            Some(Servers { database, cache: both.cache.clone() })
        }
        Err(missing) => {
            skip(test, missing);
            None
        }
    }
}

/// Servers of this test alone, which it may stop and start; or none, and then the test is skipped.
#[allow(dead_code, reason = "not every program stops servers")]
pub(crate) async fn own(test: &str) -> Option<(Server, Server)> {
    let started = tokio::task::spawn_blocking(start_both).await.unwrap();
    started.inspect_err(|missing| skip(test, missing)).ok()
}

fn skip(test: &str, missing: &str) {
    let required = env::var("CI").is_ok_and(|ci| ci == "true")
        || env::var("TICKETING_REQUIRE_STORES").is_ok_and(|required| required == "1");
    let test = test.trim_end_matches("::{{closure}}");
    assert!(!required, "{test}: {missing}, which it needs");
    // Not by `println!`, which the test runner keeps to itself.
    let _ = io::stderr().write_all(format!("skipped: {test} ({missing})\n").as_bytes());
}

fn find() -> Result<Both, &'static str> {
    match (env::var("TICKETING_TEST_MYSQL"), env::var("TICKETING_TEST_REDIS")) {
        (Ok(database), Ok(cache)) => {
            Ok(Both { database: database.trim_end_matches('/').into(), cache, _own: None })
        }
        _ => {
            let (database, cache) = start_both()?;
            Ok(Both { database: database.url(), cache: cache.url(), _own: Some((database, cache)) })
        }
    }
}

fn start_both() -> Result<(Server, Server), &'static str> {
    let installed = |program: &str| {
        let path = env::var_os("PATH").unwrap_or_default();
        env::split_paths(&path)
            .chain(["/usr/sbin".into()])
            .map(|folder| folder.join(program))
            .find(|p| p.exists())
    };
    let mariadbd = installed("mariadbd").ok_or("no MariaDB")?;
    let install = installed("mariadb-install-db").ok_or("no MariaDB")?;
    let redis = installed("redis-server").ok_or("no Redis")?;
    Ok((Server::mariadb(&mariadbd, &install), Server::redis(&redis)))
}

/// A new database, as an address.
#[allow(dead_code, reason = "not every program needs one by hand")]
pub(crate) async fn new_database(server: &str) -> String {
    static LAST: AtomicU32 = AtomicU32::new(0);
    let number = LAST.fetch_add(1, Ordering::Relaxed);
    let name = format!("ticketing_test_{}_{number}", std::process::id());
    let mut connection = MySqlConnection::connect(server).await.unwrap();
    for statement in ["DROP DATABASE IF EXISTS", "CREATE DATABASE"] {
        let statement = format!("{statement} {name}");
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
    }
    format!("{server}/{name}")
}

/// A server that this program has started.
pub(crate) struct Server {
    command: Vec<String>,
    folder: PathBuf,
    scheme: &'static str,
    port: u16,
    /// A shell that ends the server when this program lets go of it, however it ends.
    guard: Option<Child>,
}

impl Server {
    fn mariadb(program: &Path, install: &Path) -> Self {
        let (folder, port) = (folder("mariadb"), free_port());
        let data = format!("--datadir={}", folder.join("data").display());
        // Not a hundred megabytes to write at each start.
        let small = "--innodb-log-file-size=16M";
        // A server that starts clears its folder for temporary tables, also of those of a neighbour.
        let temporary = format!("--tmpdir={}", folder.display());
        let made = Command::new(install)
            .args([
                "--no-defaults",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                &data,
                &temporary,
                small,
            ])
            .args(is_root().then_some("--user=root"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&[made.stdout, made.stderr].concat()).into_owned();
        assert!(made.status.success(), "mariadb-install-db fails: {said}");
        let mut command =
            vec![program.display().to_string(), "--no-defaults".into(), data, temporary, small.into()];
        command.extend(is_root().then(|| "--user=root".into()));
        command.extend([
            format!("--socket={}", folder.join("socket").display()),
            format!("--pid-file={}", folder.join("pid").display()),
            format!("--port={port}"),
            "--bind-address=127.0.0.1".into(),
            "--skip-grant-tables".into(),
            "--skip-name-resolve".into(),
            "--max-connections=1000".into(),
            // A crash of the machine may lose what a test wrote; one of a program may not.
            "--innodb-flush-log-at-trx-commit=2".into(),
            "--innodb-flush-method=nosync".into(),
        ]);
        let mut server = Self { command, folder, scheme: "mysql://root@", port, guard: None };
        server.start();
        server
    }

    fn redis(program: &Path) -> Self {
        let (folder, port) = (folder("redis"), free_port());
        let mut command = vec![program.display().to_string(), "--port".into(), port.to_string()];
        command.extend(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"].map(str::to_owned));
        let mut server = Self { command, folder, scheme: "redis://", port, guard: None };
        server.start();
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("{}127.0.0.1:{}", self.scheme, self.port)
    }

    /// Starts it, and waits until it takes connections.
    pub(crate) fn start(&mut self) {
        // The shell reads until this program says a word or is gone, and clears up in the latter case.
        let script = r#""$@" </dev/null >/dev/null 2>&1 & server=$!; echo "$server" >number; read -r word; kill -9 "$server"
            wait "$server"; [ "$word" = keep ] || rm -rf "$PWD""#;
        let guard = Command::new("sh")
            .args(["-c", script, "sh"])
            .args(&self.command)
            .current_dir(&self.folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        self.guard = Some(guard.unwrap());
        let started = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(started.elapsed() < UP_WITHIN, "{} does not come up", self.command[0]);
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Sends it a signal, such as `STOP` or `CONT`.
    #[allow(dead_code, reason = "not every program makes servers hang")]
    pub(crate) fn signal(&self, signal: &str) {
        let number = std::fs::read_to_string(self.folder.join("number")).unwrap();
        assert!(Command::new("kill").args(["-s", signal, number.trim()]).status().unwrap().success());
    }

    /// Kills it.
    pub(crate) fn stop(&mut self) {
        if let Some(mut guard) = self.guard.take() {
            guard.stdin.take().unwrap().write_all(b"keep\n").unwrap();
            guard.wait().unwrap();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn folder(kind: &str) -> PathBuf {
    static LAST: AtomicU32 = AtomicU32::new(0);
    let number = LAST.fetch_add(1, Ordering::Relaxed);
    let folder = env::temp_dir().join(format!("ticketing-{kind}-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// `MariaDB` wants to be told to run as root.
fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}
