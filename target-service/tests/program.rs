//! The program from outside: what it prints, and how it ends.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};

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
