//! What the system around a run refuses it: ports, routes, names, room on the disk. Each test has a network or a
//! mount table of its own, by `unshare`, and needs no rights for it.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};
use rustix::process::Signal;
use serde_json::Value;

use crate::support::program::{Ended, Loadtest, wait_until};

/// Whether this system lets anybody have namespaces, and has the tools. CI must; elsewhere the test is skipped.
fn has_namespaces(test: &str) -> bool {
    let mut probe = Command::new("unshare");
    let script = format!("ip link set lo up && mount -t tmpfs none '{}'", std::env::temp_dir().display());
    probe.args(["-rnm", "sh", "-ec", &script]).stdin(Stdio::null());
    let why = match probe.output() {
        Ok(output) if output.status.success() => return true,
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        Err(error) => format!("unshare: {error}"),
    };
    let ci = std::env::var_os("CI").is_some_and(|value| value == "true");
    assert!(!ci, "{test} needs namespaces, `unshare` (util-linux), `mount` and `ip` (iproute2): {why}");
    // Past the capture of the test's output, or nobody would read it.
    let _ = writeln!(std::io::stderr(), "skipped: {test}: no namespaces here: {why}");
    false
}

/// The program in namespaces of its own, after `script`; that ends with what becomes of it: `exec "$@"`.
fn within(run: Loadtest, script: &str) -> Loadtest {
    let run = run.file("around.sh", &format!("set -e\nip link set lo up\n{script}\n"));
    run.after_shell("exec unshare -rnm sh around.sh \"$0\" \"$@\"")
}

#[track_caller]
fn detail_of<'a>(ended: &'a Ended, cause: &str) -> &'a str {
    let found = ended.list("causes").iter().find(|found| found["cause"] == cause);
    found.unwrap_or_else(|| panic!("no {cause}; {}", ended.said()))["example"]["detail"].as_str().unwrap()
}

/// A flow of two requests: to the service, and elsewhere.
fn here_and(elsewhere: &str, timeout: &str) -> Loadtest {
    Loadtest::run(&format!(
        "target: bundled\nhttp: {{ timeout: {timeout} }}\nload: {{ users: 1, iterations: 3 }}\n\
         flow:\n  - name: here\n    get: /api/v1/concerts\n  - name: away\n    get: {elsewhere}\n"
    ))
}

/// A network without a route to anywhere.
#[test]
fn an_address_without_a_route() {
    if !has_namespaces("an_address_without_a_route") {
        return;
    }
    let run = within(here_and("http://10.1.2.3/thing", "20s"), "exec \"$@\"");
    let ended = run.end().expect_code(99).expect_accounted();
    assert_eq!(ended.count("here", "success"), 3, "{}", ended.said());
    assert_eq!(ended.count("away", "unreachable"), 3, "{}", ended.said());
    assert_eq!(detail_of(&ended, "unreachable"), "no route to the server");
    assert_eq!(ended.total("in_doubt"), 0, "nothing was sent");
}

/// What the system's own rules forbid says nothing about the target.
#[test]
fn an_address_that_the_system_forbids() {
    if !has_namespaces("an_address_that_the_system_forbids") {
        return;
    }
    let script = "ip route add prohibit 10.1.2.3/32\nexec \"$@\"";
    let ended = within(here_and("http://10.1.2.3/thing", "20s"), script).end();
    let ended = ended.expect_code(97).expect_accounted();
    assert_eq!(ended.count("here", "success"), 3, "{}", ended.said());
    assert_eq!(ended.row("away")["interrupted"], 3, "{}", ended.said());
    assert_eq!((ended.total("failure"), ended.total("in_doubt")), (0, 0), "{}", ended.said());
    let faults = ended.list("own_faults");
    assert_eq!((&faults[0]["name"], &faults[0]["count"]), (&"the system refused".into(), &3.into()));
    assert!(ended.stderr.contains("forbids connecting there (a firewall?)"), "{}", ended.said());
}

/// A route on which every packet is lost, without a word back.
const SILENCE: &str = "ip address add 10.9.9.1/32 dev lo\nip route add 10.9.9.9/32 dev lo src 10.9.9.1\n";
/// A name server that says nothing, asked for longer than any test takes.
const SILENT_RESOLVER: &str = "printf 'nameserver 10.9.9.9\\noptions timeout:30 attempts:4\\n' > resolv.conf\n\
    printf 'hosts: files dns\\n' > nsswitch.conf\n\
    mount --bind resolv.conf /etc/resolv.conf\nmount --bind nsswitch.conf /etc/nsswitch.conf\n";

#[test]
fn an_address_that_swallows_everything() {
    if !has_namespaces("an_address_that_swallows_everything") {
        return;
    }
    let run = within(here_and("http://10.9.9.9/thing", "1s"), &format!("{SILENCE}exec \"$@\""));
    let ended = run.end().expect_code(99).expect_accounted();
    assert_eq!(ended.count("here", "success"), 3, "{}", ended.said());
    assert_eq!(ended.count("away", "timeout (connect)"), 3, "{}", ended.said());
    assert_eq!(ended.total("in_doubt"), 0, "nothing was sent");
}

/// The request has its timeout, and the program does not wait for the resolver when all else is over.
#[test]
fn a_name_server_that_says_nothing() {
    if !has_namespaces("a_name_server_that_says_nothing") {
        return;
    }
    let script = format!("{SILENCE}{SILENT_RESOLVER}exec \"$@\"");
    let ended = within(here_and("http://silent.example/thing", "1s"), &script).end();
    let ended = ended.expect_code(99).expect_accounted();
    assert_eq!(ended.count("here", "success"), 3, "{}", ended.said());
    assert_eq!(ended.count("away", "timeout (dns)"), 3, "{}", ended.said());
    assert_eq!(detail_of(&ended, "timeout (dns)"), "the time ran out while the name was resolved");
    assert_eq!(ended.total("in_doubt"), 0, "nothing was sent");

    let yaml = "target: { url: http://silent.example, ready_timeout: 300ms }\n\
        load: { users: 1, iterations: 1 }\nflow:\n  - get: /thing\n";
    let ended = within(Loadtest::run(yaml), &script).end().expect_code(96).expect_accounted();
    assert_eq!(ended.total("attempted"), 0, "{}", ended.said());
}

/// Twenty ports for forty users: what the rest of them could not send is nobody's answer.
#[test]
fn out_of_ports() {
    if !has_namespaces("out_of_ports") {
        return;
    }
    let script = r#"
echo "50000 50019" > /proc/sys/net/ipv4/ip_local_port_range
"$1" target --port 8080 > service.txt 2>&1 &
code=0
"$@" || code=$?
# Those that were used may not be used again at once.
echo "51000 51999" > /proc/sys/net/ipv4/ip_local_port_range
printf 'GET /metrics HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n' > ask.txt
bash -c 'exec 3<>/dev/tcp/127.0.0.1/8080; cat ask.txt >&3; cat <&3' > metrics.txt
kill $!
exit $code"#;
    let run = Loadtest::run(
        "target: http://127.0.0.1:8080\nload: { users: 40, iterations: 400 }\n\
         flow:\n  - name: list\n    get: /api/v1/concerts\n",
    );
    let ended = within(run, script).end().expect_code(97).expect_accounted();
    let (success, interrupted) = (ended.total("success"), ended.total("interrupted"));
    assert_eq!(success + interrupted, 400, "{}", ended.said());
    assert!(success > 0 && interrupted > 0, "{}", ended.said());
    assert_eq!((ended.total("failure"), ended.total("in_doubt")), (0, 0), "{}", ended.said());
    let faults = ended.list("own_faults");
    assert_eq!(faults[0]["name"], "out of local ports");
    assert_eq!(faults[0]["count"], interrupted);
    assert_eq!(ended.result["validity"]["verdict"], "invalid");
    assert!(ended.stdout.contains("NOT VALID (exit 97): out of local ports"), "{}", ended.said());
    assert!(ended.stderr.contains("warning: out of local ports"), "{}", ended.said());

    // As the service itself counted them.
    let metrics = fs::read_to_string(ended.folder.join("metrics.txt")).unwrap();
    let served = metrics.lines().filter(|line| {
        line.starts_with("ticketing_requests_total{") && line.contains("route=\"/api/v1/concerts\"")
    });
    let served: Vec<f64> = served.map(|line| line.rsplit(' ').next().unwrap().parse().unwrap()).collect();
    assert_eq!(served, [success as f64], "{metrics}");
}

/// What a log has of each second: how many samples by tag. It must be whole up to its last line.
fn seconds_of(log: &Path) -> BTreeMap<u64, BTreeMap<String, u64>> {
    let bytes = fs::read(log).unwrap();
    assert_eq!(bytes.last(), Some(&b'\n'), "{}", String::from_utf8_lossy(&bytes));
    let mut seconds: BTreeMap<u64, BTreeMap<String, u64>> = BTreeMap::new();
    for entry in IntervalLogIterator::new(&bytes) {
        let LogEntry::Interval(line) = entry.unwrap() else { continue };
        let raw = STANDARD.decode(line.encoded_histogram()).unwrap();
        let histogram: Histogram<u64> = Deserializer::new().deserialize(&mut raw.as_slice()).unwrap();
        let second = seconds.entry(line.start_timestamp().as_secs()).or_default();
        let before = second.insert(line.tag().unwrap().as_str().to_owned(), histogram.len());
        assert_eq!(before, None, "a line stands twice");
    }
    seconds
}

/// The folder of the only run that a script has copied from a disk of its own.
fn kept_run(ended: &Ended) -> std::path::PathBuf {
    let scenario = ended.folder.join("kept/disk");
    let runs = fs::read_dir(scenario).unwrap().flatten();
    runs.map(|entry| entry.path()).find(|path| !path.ends_with("latest")).unwrap()
}

/// The log has room on this disk, and the result has not.
#[test]
fn a_disk_without_room_for_the_result() {
    if !has_namespaces("a_disk_without_room_for_the_result") {
        return;
    }
    let script = "mkdir reports kept\nmount -t tmpfs -o size=8k none reports\n\
        code=0\n\"$@\" || code=$?\ncp -a reports/. kept\nexit $code";
    let flow = (0..8).map(|step| format!("  - name: step-{step}\n    get: /api/v1/concerts\n"));
    let yaml = format!(
        "name: disk\ntarget: bundled\nload: {{ users: 1, iterations: 3 }}\nflow:\n{}",
        flow.collect::<String>()
    );
    let ended = within(Loadtest::run(&yaml), script).end().expect_code(1);
    let said = ended.stderr.lines().last().unwrap_or_default();
    assert!(
        said.starts_with("error: the result could not be written: cannot write reports/disk/")
            && said.ends_with("/result.json: the disk is full; make room, or write elsewhere with `--out`"),
        "{}",
        ended.said()
    );
    assert!(ended.stdout.contains("step-7") && ended.stdout.contains("PASSED"), "{}", ended.said());
    let run = kept_run(&ended);
    let left: Vec<_> = fs::read_dir(&run).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["latency.hlog"], "nothing half-written stays");
    let seconds = seconds_of(&run.join("latency.hlog"));
    let samples = seconds.values().flatten();
    assert_eq!(samples.map(|(_, count)| count).sum::<u64>(), 24, "three of each step: {seconds:?}");
}

/// The disk is full for a while: the run goes on, says so, and its log has whole seconds before and after.
#[test]
fn a_disk_that_is_full_for_a_while() {
    if !has_namespaces("a_disk_that_is_full_for_a_while") {
        return;
    }
    let script = "mkdir reports kept\nmount -t tmpfs -o size=1m none reports\n\
        head -c 1044480 /dev/zero > reports/filler\n\
        (while [ ! -e room ]; do sleep 0.01; done; rm reports/filler; touch made) > watcher.txt 2>&1 &\n\
        trap : INT\ncode=0\n\"$@\" || code=$?\ncp -a reports/. kept\nexit $code";
    let name = |step: usize| format!("step-{step:02}-{}", "x".repeat(60));
    let flow = (0..12).map(|step| format!("  - name: {}\n    get: /api/v1/concerts\n", name(step)));
    let yaml = format!(
        "name: disk\ntarget: bundled\nload: {{ users: 1, duration: 5m }}\nflow:\n{}  - think: 5ms\n",
        flow.collect::<String>()
    );
    let running = within(Loadtest::run(&yaml), script).start();
    let said = running.wait_for_stderr("the disk is full");
    assert!(said.contains("warning: cannot write reports/disk/"), "{said}");
    assert!(said.contains("/latency.hlog: the disk is full"), "{said}");
    fs::write(running.folder.join("room"), "").unwrap();
    wait_until("room on the disk", || running.folder.join("made").exists());
    // Two seconds more, to be sure of one that was measured with room.
    std::thread::sleep(std::time::Duration::from_millis(2100));
    running.signal(Signal::INT);
    let ended = running.end().expect_code(130);
    assert_eq!(ended.stderr.matches("the disk is full").count(), 1, "said once: {}", ended.said());
    let run = kept_run(&ended);
    let result: Value = serde_json::from_str(&fs::read_to_string(run.join("result.json")).unwrap()).unwrap();
    let totals = &result["totals"];
    assert_eq!(totals["attempted"], totals["success"], "{totals:#}");
    let seconds = seconds_of(&run.join("latency.hlog"));
    let series = |key: &str| result["series"][key].as_array().unwrap().iter().map(|n| n.as_u64().unwrap());
    let measured: BTreeMap<u64, u64> = series("at_s").zip(series("success")).collect();
    for (second, samples) in &seconds {
        assert_eq!(samples.values().sum::<u64>(), measured[second], "second {second}: {samples:?}");
    }
    let mut lacking = measured.iter().filter(|(second, count)| **count > 0 && !seconds.contains_key(second));
    assert!(lacking.next().is_some(), "what did not fit is there: {seconds:?}");
}
