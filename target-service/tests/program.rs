//! The program from outside: what it prints, and how it ends.

#![expect(clippy::unwrap_used, reason = "what goes wrong here fails a test, which is what it is for")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_ticketing"))
}

#[test]
fn it_tells_where_it_listens() {
    let mut child = program().args(["--port", "0"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let port =
        line.trim_end().strip_prefix("listening on http://127.0.0.1:").and_then(|p| p.parse::<u16>().ok());
    assert!(port.is_some_and(|port| port != 0), "{line:?}");
}

#[test]
fn a_port_in_use_is_said_and_ends_it() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output = program().args(["--port", &port]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let words = String::from_utf8(output.stderr).unwrap();
    let expected = format!(
        "ticketing: port {port} of 127.0.0.1 is in use; end what listens there, or choose another with --port\n"
    );
    assert_eq!(words, expected);
}

#[test]
fn it_logs_a_line_for_each_request_only_when_asked_to() {
    for (level, lines) in [("warn", 0), ("debug", 1)] {
        let mut service = program();
        service.args(["--port", "0", "--log", level]).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = service.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim_end().rsplit('/').next().unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n").unwrap();
        stream.read_to_end(&mut Vec::new()).unwrap();
        child.kill().unwrap();
        let log = String::from_utf8(child.wait_with_output().unwrap().stderr).unwrap();
        let answered = |line: &&str| line.contains("/healthz") && line.contains("200");
        assert_eq!(log.lines().filter(answered).count(), lines, "{log}");
    }
}

#[test]
fn servers_come_in_pairs() {
    for (given, missing) in [
        (["--store", "mysql://root@127.0.0.1/ticketing"], "--cache <URL>"),
        (["--cache", "redis://127.0.0.1"], "--store <URL>"),
    ] {
        let output = program().args(["--port", "0"]).args(given).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        let words = String::from_utf8(output.stderr).unwrap();
        assert!(words.contains("required arguments were not provided") && words.contains(missing), "{words}");
    }
}

#[test]
fn what_is_no_address_of_a_server_is_said() {
    for (store, cache, said) in [
        ("postgres://a:secret@b/c", "redis://b", "--store"),
        ("mysql://a:secret@127.0.0.1:1", "redis://b", "--store: name the database"),
        ("mysql://a:secret@127.0.0.1:1/c", "http://b", "--cache"),
    ] {
        let output = program().args(["--port", "0", "--store", store, "--cache", cache]).output().unwrap();
        let words = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{words}");
        assert!(words.contains(said) && !words.contains("secret"), "{words}");
    }
}

/// A service that runs until it is dropped, and where.
struct Running(Child, String);

impl Running {
    fn start(program: &mut Command) -> Self {
        let mut child = program.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim_end().strip_prefix("listening on http://");
        Self(child, address.unwrap_or_else(|| panic!("{line:?}")).to_owned())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The exit code, and what was said on either output.
fn said(program: &mut Command) -> (Option<i32>, String) {
    let output = program.output().unwrap();
    let both = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(both).unwrap())
}

#[test]
fn it_tells_whether_another_is_well() {
    let service = Running::start(program().args(["--port", "0", "--admin"]));
    let address = &service.1;
    let port = address.rsplit(':').next().unwrap();
    let ready = (Some(0), format!("http://{address}/readyz: ready\n"));
    assert_eq!(said(program().args(["--port", port, "health"])), ready);
    assert_eq!(said(program().arg("health").env("TICKETING_PORT", port)), ready);
    assert_eq!(said(program().args(["health", "--url", &format!("http://{address}/readyz")])), ready);

    let mut stream = TcpStream::connect(address).unwrap();
    let fault = r#"[{"path":"/readyz","share":1,"status":503}]"#;
    let head = format!("PUT /admin/faults HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n", fault.len());
    write!(stream, "{head}Connection: close\r\n\r\n{fault}").unwrap();
    stream.read_to_end(&mut Vec::new()).unwrap();
    let ill = format!("ticketing: http://{address}/readyz: it answers 503 Service Unavailable\n");
    assert_eq!(said(program().args(["--port", port, "health"])), (Some(1), ill));
    drop(stream);
    let address = service.1.clone();
    drop(service);
    let (code, words) = said(program().args(["health", "--url", &format!("http://{address}/healthz")]));
    assert_eq!(code, Some(1));
    assert!(words.contains("nobody takes the connection"), "{words}");
    for url in ["", "127.0.0.1:8080", "https://127.0.0.1/", "http:///x"] {
        let (code, words) = said(program().args(["health", "--url", url]));
        assert_eq!(code, Some(1));
        assert!(words.ends_with("a URL is needed as in http://127.0.0.1:8080/readyz\n"), "{words}");
    }
}

#[test]
fn what_closes_or_does_not_speak_http_is_not_well() {
    for answer in ["", "SSH-2.0-OpenSSH_9.2\r\n"] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || listener.accept().unwrap().0.write_all(answer.as_bytes()));
        assert_eq!(said(program().args(["health", "--url", &url])).0, Some(1));
        server.join().unwrap().unwrap();
    }
}

#[test]
fn the_environment_says_what_flags_say() {
    let mut service = program();
    service.env("TICKETING_HOST", "127.0.0.2").env("TICKETING_PORT", "0").env("TICKETING_ADMIN", "true");
    let service = Running::start(&mut service);
    assert!(service.1.starts_with("127.0.0.2:"), "{}", service.1);
    let url = format!("http://{}/admin/audit", service.1);
    assert_eq!(said(program().args(["health", "--url", &url])).0, Some(0));
    // A password in the environment is not shown.
    let store = "mysql://a:secret@127.0.0.1:1/c";
    let (_, words) = said(program().arg("--help").env("TICKETING_STORE", store));
    assert!(words.contains("TICKETING_STORE") && !words.contains("secret"), "{words}");
    let (code, words) = said(program().env("TICKETING_STORE", store));
    assert!(code == Some(2) && words.contains("--cache <URL>"), "{words}");
}

#[test]
fn it_ends_at_once_while_it_still_waits_for_its_servers() {
    // Takes connections, and never says a word.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let (store, cache) = (format!("mysql://a@127.0.0.1:{port}/b"), format!("redis://127.0.0.1:{port}"));
    let mut service = Running::start(program().args(["--port", "0", "--store", &store, "--cache", &cache]));
    let _held = silent.accept().unwrap();
    let told = Command::new("kill").args(["-s", "TERM", &service.0.id().to_string()]).status();
    assert!(told.unwrap().success());
    assert_eq!(service.0.wait().unwrap().code(), Some(0));
}
