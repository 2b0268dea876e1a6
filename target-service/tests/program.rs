//! The program from outside: what it prints, and how it ends.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
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
