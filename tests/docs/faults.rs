//! The table of faults: no cause is missing from it, and each row names a test that there is.

use std::collections::BTreeMap;
use std::iter::successors;
use std::path::PathBuf;

use loadtest::outcome::{Cause, OwnFault, Phase, ProtocolFault};

use super::blocks::{page, root};

/// Each cause from the one before it, so that a new one cannot be forgotten here.
fn next_cause(cause: Cause) -> Option<Cause> {
    use Cause::{
        BadRedirect, Capture, Check, Closed, Decompression, Dns, GoAway, Poll, Protocol, Proxy, Refused,
        Reset, StaleConnection, Status, StreamReset, Timeout, Tls, TooManyRedirects, TooSlow, Truncated,
        Unreachable,
    };
    use ProtocolFault::{
        Chunk, ContentLength, HeadTooLarge, Header, Http2, StatusLine, TransferEncoding, Unexpected,
    };
    Some(match cause {
        Status(_) => Check,
        Check => Capture,
        Capture => TooSlow,
        TooSlow => Timeout(Phase::Dns),
        Timeout(Phase::Dns) => Timeout(Phase::Connect),
        Timeout(Phase::Connect) => Timeout(Phase::Tls),
        Timeout(Phase::Tls) => Timeout(Phase::Send),
        Timeout(Phase::Send) => Timeout(Phase::Wait),
        Timeout(Phase::Wait) => Timeout(Phase::Receive),
        Timeout(Phase::Receive) => Refused,
        Refused => Unreachable,
        Unreachable => Reset,
        Reset => Closed,
        Closed => StaleConnection,
        StaleConnection => Truncated,
        Truncated => StreamReset,
        StreamReset => GoAway,
        GoAway => Dns,
        Dns => Tls,
        Tls => Proxy,
        Proxy => TooManyRedirects,
        TooManyRedirects => BadRedirect,
        BadRedirect => Decompression,
        Decompression => Protocol(StatusLine),
        Protocol(StatusLine) => Protocol(Header),
        Protocol(Header) => Protocol(HeadTooLarge),
        Protocol(HeadTooLarge) => Protocol(ContentLength),
        Protocol(ContentLength) => Protocol(TransferEncoding),
        Protocol(TransferEncoding) => Protocol(Chunk),
        Protocol(Chunk) => Protocol(Unexpected),
        Protocol(Unexpected) => Protocol(Http2),
        Protocol(Http2) => Poll,
        Poll => return None,
    })
}

fn next_own_fault(fault: OwnFault) -> Option<OwnFault> {
    Some(match fault {
        OwnFault::NoDescriptors => OwnFault::NoPorts,
        OwnFault::NoPorts => OwnFault::Template,
        OwnFault::Template => OwnFault::Data,
        OwnFault::Data => OwnFault::System,
        OwnFault::System => return None,
    })
}

/// Every test in `tests/`, with the text of its file.
fn tests() -> BTreeMap<String, String> {
    let mut tests = BTreeMap::new();
    let mut folders: Vec<PathBuf> = vec![root().join("tests")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(path).unwrap();
                for part in text.split("#[test]\nfn ").skip(1) {
                    tests.insert(part.split('(').next().unwrap().to_owned(), text.clone());
                }
            }
        }
    }
    tests
}

/// What stands between backticks in a cell.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

#[test]
fn every_fault_has_its_row_and_every_row_its_test() {
    let rows = page("docs/faults.md").rows();
    let rows: Vec<_> = rows.iter().filter(|row| row[0] != "fault" && !row[0].starts_with("--")).collect();
    assert!(rows.len() >= 25, "only {} faults", rows.len());

    let causes =
        successors(Some(Cause::Status(500)), |cause| next_cause(*cause)).map(|cause| cause.to_string());
    let own = successors(Some(OwnFault::NoDescriptors), |fault| next_own_fault(*fault))
        .map(|fault| fault.to_string());
    let names: Vec<String> = causes.chain(own).collect();
    for name in &names {
        let is_shown = rows.iter().any(|row| quoted(&row[1]).any(|shown| shown == name));
        assert!(is_shown, "docs/faults.md has no row for `{name}`");
    }

    let tests = tests();
    for row in &rows {
        let [fault, becomes, _, _, named] = row.as_slice() else { panic!("not five cells: {row:?}") };
        let mut texts = Vec::new();
        for test in quoted(named) {
            texts.push(tests.get(test).unwrap_or_else(|| panic!("{fault}: there is no test `{test}`")));
        }
        assert!(!texts.is_empty(), "{fault}: no test is named");
        for name in quoted(becomes).filter(|name| names.iter().any(|known| known == name)) {
            // A status stands in a test as its number.
            let word = name.strip_prefix("status ").unwrap_or(name);
            assert!(
                texts.iter().any(|text| text.contains(word)),
                "{fault}: its test never speaks of `{name}`"
            );
        }
    }
}
