//! Images that stand in for those of `MySQL`, Redis and Prometheus: their programs as this machine has them, with the
//! libraries that they are linked with, and nothing else. So the compose file runs where no image can be fetched.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::engine::{docker, said, tag};

/// Images that go with this value.
pub(crate) struct StandIns {
    /// By the variable of the compose file that names each.
    pub(crate) images: [(&'static str, String); 3],
}

/// What `MySQL`'s own image does at its first start, as far as the compose file asks for it.
const FIRST_START: &str = "FLUSH PRIVILEGES;
CREATE DATABASE ticketing_small;
CREATE USER 'ticketing'@'%' IDENTIFIED BY 'ticketing';
GRANT ALL PRIVILEGES ON ticketing_small.* TO 'ticketing'@'%';
";

impl StandIns {
    /// Why they cannot be made here.
    pub(crate) fn possible() -> Result<(), String> {
        let programs = [
            ("mariadbd", "MariaDB"),
            ("mariadb-install-db", "MariaDB"),
            ("mysqladmin", "MariaDB's client"),
            ("redis-server", "Redis"),
            ("redis-cli", "Redis' client"),
            ("prometheus", "Prometheus"),
            ("promtool", "Prometheus"),
        ];
        let missing = programs.into_iter().find(|(program, _)| installed(program).is_none());
        missing.map_or(Ok(()), |(program, of)| Err(format!("no {program} of {of}")))
    }

    pub(crate) fn make() -> Self {
        let images = [mysql(), redis(), prometheus()];
        Self { images }
    }
}

impl Drop for StandIns {
    fn drop(&mut self) {
        for (_, image) in &self.images {
            let _ = Command::new("docker").args(["rmi", "--force", image]).output();
        }
    }
}

fn installed(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into()]);
    folders.map(|folder| folder.join(program)).find(|file| file.exists())
}

fn mysql() -> (&'static str, String) {
    let content = Content::new();
    content.program("mariadbd", "usr/sbin/mariadbd");
    content.program("mysqladmin", "usr/bin/mysqladmin");
    content.copy(Path::new("/usr/share/mysql/english/errmsg.sys"));
    content.copy(Path::new("/usr/share/mysql/charsets"));
    // Encrypted as MySQL is: a certificate of its own making, which nobody checks.
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(vec!["mysql".to_owned()]).unwrap();
    content.write("etc/cert.pem", &cert.pem());
    content.write("etc/key.pem", &signing_key.serialize_pem());
    let data = content.0.path().join("var/lib/mysql");
    let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
    let small = ["--innodb-log-file-size=8M", "--innodb-flush-method=nosync"];
    let root = is_root.then_some("--user=root");
    said(
        Command::new(installed("mariadb-install-db").unwrap())
            .args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"])
            .arg(format!("--datadir={}", data.display()))
            .args(root)
            .args(small),
    );
    let mut first = Command::new(installed("mariadbd").unwrap())
        .args(["--no-defaults", "--bootstrap"])
        .arg(format!("--datadir={}", data.display()))
        .args(root)
        .args(small)
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    first.stdin.take().unwrap().write_all(FIRST_START.as_bytes()).unwrap();
    assert!(first.wait().unwrap().success(), "MariaDB does not take what it is told first");
    let entrypoint = [
        "/usr/sbin/mariadbd",
        "--no-defaults",
        "--user=root",
        "--datadir=/var/lib/mysql",
        "--socket=/tmp/socket",
        "--pid-file=/tmp/pid",
        "--ssl-cert=/etc/cert.pem",
        "--ssl-key=/etc/key.pem",
        small[0],
        small[1],
        // Each time, and not only the first.
        "--init-file=/docker-entrypoint-initdb.d/databases.sql",
    ];
    ("MYSQL_IMAGE", content.image("mysql", &format!("ENTRYPOINT {}", serde_json::json!(entrypoint))))
}

fn redis() -> (&'static str, String) {
    let content = Content::new();
    content.program("redis-server", "usr/bin/redis-server");
    content.program("redis-cli", "usr/bin/redis-cli");
    ("REDIS_IMAGE", content.image("redis", "EXPOSE 6379"))
}

fn prometheus() -> (&'static str, String) {
    let content = Content::new();
    content.program("prometheus", "bin/prometheus");
    content.program("promtool", "bin/promtool");
    ("PROMETHEUS_IMAGE", content.image("prometheus", r#"ENTRYPOINT ["/bin/prometheus"]"#))
}

/// What will be in an image.
struct Content(tempfile::TempDir);

impl Content {
    fn new() -> Self {
        let content = Self(tempfile::tempdir().unwrap());
        content.write("etc/passwd", "root:x:0:0::/:/\n");
        content.write("tmp/.keep", "");
        content
    }

    fn write(&self, path: &str, text: &str) {
        let file = self.0.path().join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    /// A program with its libraries, all of them where the program looks for them.
    fn program(&self, name: &str, place: &str) {
        let program = installed(name).unwrap();
        self.put(&program, Path::new(place));
        let told = said(Command::new("ldd").arg(&program));
        let paths =
            told.lines().flat_map(|line| line.split_whitespace().filter(|word| word.starts_with('/')));
        for library in paths.collect::<BTreeSet<&str>>() {
            self.put(Path::new(library), Path::new(library.trim_start_matches('/')));
        }
    }

    /// A file or a folder of files, where it is here.
    fn copy(&self, from: &Path) {
        if from.is_dir() {
            fs::read_dir(from).unwrap().for_each(|entry| self.copy(&entry.unwrap().path()));
        } else {
            self.put(from, from.strip_prefix("/").unwrap());
        }
    }

    fn put(&self, from: &Path, place: &Path) {
        let to = self.0.path().join(place);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        // What a link leads to, under the link's name.
        fs::copy(from, to).unwrap();
    }

    fn image(self, of: &str, change: &str) -> String {
        let tag = tag(&format!("standin-{of}"));
        let mut archive = Command::new("tar")
            .args(["--create", "--directory"])
            .arg(self.0.path())
            .arg(".")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let imported = Command::new("docker")
            .args(["import", "--change", "ENV PATH=/usr/sbin:/usr/bin:/bin", "--change", change, "-", &tag])
            .stdin(archive.stdout.take().unwrap())
            .output()
            .unwrap();
        assert!(archive.wait().unwrap().success());
        assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
        docker(&["image", "inspect", "--format", "{{.Id}}", &tag]);
        tag
    }
}
