//! The way to a server: over a socket of this machine, through a proxy, with certificates of both sides.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::support::faulty::{Behaviour, Faulty};
use crate::support::http2::Frames;
use crate::support::program::{Ended, Loadtest};
use crate::support::proxy::Tunnels;
use crate::support::recording::{Answer, Recording, own_address};
use crate::support::secure::Authority;

const HOST: &str = "127.0.0.1";

#[track_caller]
fn expect_cause(ended: &Ended, cause: &str, words: &str) {
    assert!(ended.count("ask", cause) > 0, "{}", ended.said());
    let detail = ended.list("causes")[0]["example"]["detail"].as_str().unwrap();
    assert!(detail.contains(words), "`{detail}` has no `{words}`");
}

#[test]
fn a_socket_of_this_machine() {
    for (path, ready) in [("app.sock", "\n  ready: /up"), ("run/app.sock", "")] {
        let yaml = format!(
            "target:\n  unix: {path}{ready}\nload: {{ users: 3, iterations: 30 }}\nflow:\n  - name: ask\n    get: /thing\n"
        );
        let run = Loadtest::run(&yaml);
        std::fs::create_dir_all(run.folder().join("run")).unwrap();
        let server = Recording::start_at_path(&run.folder().join(path), |_| Answer::ok());
        let ended = run.end().expect_passed();
        assert_eq!(ended.count("ask", "success"), 30, "{}", ended.said());
        let asked = server.asked_for("/thing");
        assert_eq!(asked.len(), 30);
        assert_eq!(asked[0].header("host"), Some("localhost"));
        assert_eq!(server.connections(), 4, "one to see whether it is there, and one for each user");
    }
}

#[test]
fn a_socket_that_is_not_there() {
    let yaml = "target: { url: http://app/base, unix: none.sock, ready_timeout: 100ms }\n\
                load: { users: 1, iterations: 1 }\nflow:\n  - get: /\n";
    let ended = Loadtest::run(yaml).end().expect_code(96);
    assert!(ended.stdout.contains("there is no socket none.sock"), "{}", ended.said());
}

/// It goes away in mid-run: its users fail, and nothing of the generator is to blame.
#[test]
fn a_socket_that_goes_away() {
    let yaml = "target: { unix: app.sock }\nload: { users: 1, iterations: 3 }\n\
                flow:\n  - name: ask\n    get: /thing\n    headers: { Connection: close }\n    on_failure: continue\n";
    let run = Loadtest::run(yaml);
    let path = run.folder().join("app.sock");
    let server = Recording::start_at_path(&path.clone(), move |_| {
        let _ = std::fs::remove_file(&path);
        Answer::ok().header("Connection", "close")
    });
    let ended = run.end().expect_code(99).expect_accounted();
    assert_eq!(ended.count("ask", "success"), 1, "{}", ended.said());
    expect_cause(&ended, "refused", "there is no socket app.sock");
    assert_eq!(server.asked().len(), 1);
}

/// A proxy that reads plain requests is told where they go, and passes them on.
#[test]
fn a_proxy_for_plain_requests() {
    let proxy = Recording::start(|_| Answer::ok());
    let yaml = format!(
        "target: {{ url: http://tickets.example/base, ready: /up }}\n\
         http: {{ proxy: \"http://me:hunter2hunter2@{}\" }}\n\
         load: {{ users: 1, iterations: 2 }}\nflow:\n  - name: ask\n    get: /thing/${{ user.id }}\n    query: {{ a: b }}\n",
        proxy.address()
    );
    let ended = Loadtest::run(&yaml).end().expect_passed();
    assert_eq!(ended.count("ask", "success"), 2, "{}", ended.said());
    let asked = proxy.asked();
    let targets: Vec<&str> = asked.iter().map(|asked| asked.target.as_str()).collect();
    let ask = "http://tickets.example/base/thing/1?a=b";
    assert_eq!(targets, ["http://tickets.example/base/up", ask, ask]);
    let pair = format!("Basic {}", STANDARD.encode("me:hunter2hunter2"));
    for asked in &asked {
        assert_eq!(asked.header("proxy-authorization"), Some(pair.as_str()));
        assert_eq!(asked.header("host"), Some("tickets.example"));
    }
    assert_eq!(proxy.connections(), 2, "whether it is ready, and the user");
}

#[test]
fn a_proxy_opens_a_way_for_tls() {
    let authority = Authority::new();
    let server = authority.server(HOST, |_| {});
    let proxy = Tunnels::start(200);
    let yaml = format!(
        "target: {}\nhttp: {{ proxy: \"http://me:pw@{}\", tls: {{ ca: roots.pem }} }}\n\
         load: {{ users: 2, iterations: 6 }}\nflow:\n  - name: ask\n    get: /\n",
        server.url(HOST),
        proxy.address()
    );
    let ended = Loadtest::run(&yaml).file("roots.pem", &authority.pem()).end().expect_passed();
    let ended = ended.expect_sent(server.requests());
    assert_eq!(ended.count("ask", "success"), 6, "{}", ended.said());
    let asked = proxy.asked();
    assert_eq!(asked.len(), 3, "whether it is there, and each user");
    let server_at = server.url(HOST).replace("https://", "");
    for head in &asked {
        assert!(
            head.starts_with(&format!("CONNECT {server_at} HTTP/1.1\r\nhost: {server_at}\r\n")),
            "{head}"
        );
        assert!(head.contains("\r\nproxy-authorization: Basic bWU6cHc=\r\n"), "{head}");
    }
}

#[test]
fn a_proxy_that_refuses_or_is_not_there() {
    let here = Recording::start_at_path(
        &std::env::temp_dir().join(format!("lt-{}.sock", std::process::id())),
        |_| Answer::ok(),
    );
    let socket = std::env::temp_dir().join(format!("lt-{}.sock", std::process::id()));
    let nobody = own_address();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let noise = Faulty::start(Behaviour::NoStatusLine);
    let noise: SocketAddr = noise.url().replace("http://", "").parse().unwrap();
    let quiet = silent.local_addr().unwrap();
    // What was asked is read before the end: a connection that is closed over unread bytes is reset.
    std::thread::spawn(move || {
        for mut stream in silent.incoming().map_while(Result::ok) {
            let _ = stream.read(&mut [0; 4096]);
        }
    });
    for (proxy, cause, words) in [
        (Tunnels::start(407).address(), "proxy", "it wants a user and a password (407)"),
        (Tunnels::start(502).address(), "proxy", "it opens no way to tickets.example:443 (status 502)"),
        (nobody, "proxy", "nothing listens there"),
        (quiet, "proxy", "closed the connection"),
        (noise, "proxy", "its answer is no HTTP"),
    ] {
        // The target is there, by another way: what is asked elsewhere goes through the proxy.
        let yaml = format!(
            "target: {{ unix: {} }}\nhttp: {{ proxy: \"http://{proxy}\", timeout: 5s, tls: {{ insecure: true }} }}\n\
             load: {{ users: 1, iterations: 2 }}\nflow:\n  - name: here\n    get: /\n  - name: ask\n    get: https://tickets.example/\n",
            socket.display()
        );
        let ended = Loadtest::run(&yaml).end().expect_code(99).expect_accounted();
        assert_eq!(ended.count("here", "success"), 2, "{}", ended.said());
        assert_eq!(ended.count("ask", cause), 2, "{cause}: {}", ended.said());
        expect_cause(&ended, cause, words);
        assert_eq!(ended.total("in_doubt"), 0, "nothing was sent to the target: {}", ended.said());
    }
    assert!(!here.asked().is_empty());
    let _ = std::fs::remove_file(socket);
}

/// Before the load as well: a target that cannot be reached through the proxy is not ready.
#[test]
fn a_proxy_that_keeps_a_target_from_being_ready() {
    let proxy = Tunnels::start(403);
    let yaml = format!(
        "target: {{ url: https://tickets.example, ready_timeout: 200ms }}\nhttp: {{ proxy: \"http://{}\" }}\n\
         load: {{ users: 1, iterations: 1 }}\nflow:\n  - get: /\n",
        proxy.address()
    );
    let ended = Loadtest::run(&yaml).end().expect_code(96);
    assert!(ended.stdout.contains("opens no way to tickets.example:443 (status 403)"), "{}", ended.said());
}

/// What a scenario says of `http` holds for itself; the rest is as the file says it.
#[test]
fn each_scenario_may_go_a_way_of_its_own() {
    let server = Recording::start(|_| Answer::ok().header("Set-Cookie", "sid=1"));
    let new = Frames::start(None);
    let yaml = format!(
        "target: {}
http: {{ auth: {{ bearer: of-the-file }}, connections: shared }}
gap: 0s
scenarios:
  usual:
    load: {{ users: 2, iterations: 6 }}
    flow:
      - name: usual
        get: /usual
  fresh:
    http: {{ connections: fresh, cookies: false, auth: {{ bearer: its-own }}, base_url: /v2 }}
    load: {{ users: 1, iterations: 3 }}
    flow:
      - name: fresh
        get: /fresh
  frames:
    http: {{ version: 2, base_url: \"{}/\" }}
    load: {{ users: 2, iterations: 6 }}
    flow:
      - name: frames
        put: /echo
        body: hello
        expect: {{ checks: {{ same: 'body == \"hello\"' }} }}
  again:
    load: {{ users: 1, iterations: 2 }}
    flow:
      - name: again
        get: /again
",
        server.url(),
        new.url("http")
    );
    let ended = Loadtest::run(&yaml).args(&["--workers", "1"]).end().expect_passed().expect_accounted();
    let counts = ["usual", "fresh", "frames", "again"].map(|name| ended.count(name, "success"));
    assert_eq!(counts, [6, 3, 6, 2], "{}", ended.said());
    for asked in server.asked() {
        let (path, token) = (asked.target.as_str(), asked.header("authorization").unwrap());
        let cookie = asked.header("cookie").is_some();
        match path {
            "/v2/fresh" => assert_eq!((token, cookie), ("Bearer its-own", false)),
            "/usual" | "/again" => assert_eq!(token, "Bearer of-the-file"),
            other => panic!("{other}"),
        }
    }
    let connections = |path: &str| -> BTreeSet<usize> {
        server.asked_for(path).iter().map(|asked| asked.connection).collect()
    };
    assert_eq!(connections("/v2/fresh").len(), 3);
    assert!(connections("/again").is_subset(&connections("/usual")), "the pool is that of the file");
    assert!(new.connections() <= 2, "shared, and no more than are under way at once");
    let token = new.asked()[0].header("authorization").map(str::to_owned);
    assert_eq!(token.as_deref(), Some("Bearer of-the-file"), "it may go elsewhere: the file says so");
}

/// A run of four requests over TLS with these options.
fn run_with_tls(url: &str, options: &str, files: &[(&str, String)]) -> Ended {
    let yaml = format!(
        "target: {url}\nhttp: {{ tls: {options} }}\nload: {{ users: 2, iterations: 4 }}\n\
         flow:\n  - name: ask\n    get: /\n"
    );
    files.iter().fold(Loadtest::run(&yaml), |run, (name, text)| run.file(name, text)).end()
}

#[test]
fn an_authority_of_the_scenario() {
    let authority = Authority::new();
    let server = authority.server(HOST, |_| {});
    let ended =
        run_with_tls(&server.url(HOST), "{ ca: ca.pem }", &[("ca.pem", authority.pem())]).expect_passed();
    assert_eq!(ended.count("ask", "success"), 4, "{}", ended.said());
    let stranger = Authority::named("Another");
    let ended =
        run_with_tls(&server.url(HOST), "{ ca: ca.pem }", &[("ca.pem", stranger.pem())]).expect_code(99);
    expect_cause(&ended, "tls", "unknown authority");
}

#[test]
fn a_server_that_is_trusted_whatever_it_shows() {
    let authority = Authority::new();
    let server =
        authority.server("other.example", |params| params.not_after = rcgen::date_time_ymd(2001, 1, 1));
    let ended = run_with_tls(&server.url(HOST), "{ insecure: true }", &[]).expect_passed();
    assert_eq!(ended.count("ask", "success"), 4, "{}", ended.said());
    let said = "certificates of servers are not checked";
    assert!(ended.stdout.contains(said), "{}", ended.said());
    let ended =
        run_with_tls(&server.url(HOST), "{ insecure: false, ca: ca.pem }", &[("ca.pem", authority.pem())]);
    assert!(!ended.stdout.contains(said), "{}", ended.said());
    expect_cause(&ended.expect_code(99), "tls", "the certificate");
}

#[test]
fn a_server_by_another_name() {
    let authority = Authority::new();
    let server = authority.server("tickets.example", |_| {});
    let ca = [("ca.pem", authority.pem())];
    let named = "{ ca: ca.pem, server_name: tickets.example }";
    let ended = run_with_tls(&server.url(HOST), named, &ca).expect_passed();
    assert_eq!(ended.count("ask", "success"), 4, "{}", ended.said());
    let ended = run_with_tls(&server.url(HOST), "{ ca: ca.pem }", &ca).expect_code(99);
    expect_cause(&ended, "tls", "for tickets.example, not 127.0.0.1");
    let authority_itself = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let itself = authority.server(HOST, |params| params.is_ca = authority_itself);
    let ended = run_with_tls(&itself.url(HOST), "{ ca: ca.pem }", &ca).expect_code(99);
    expect_cause(&ended, "tls", "make one with `basicConstraints=CA:FALSE`");
    let other = "{ ca: ca.pem, server_name: other.example }";
    let ended = run_with_tls(&server.url(HOST), other, &ca).expect_code(99);
    expect_cause(&ended, "tls", "for tickets.example, not other.example");
}

#[test]
fn a_server_that_wants_to_know_its_clients() {
    let authority = Authority::new();
    let server = authority.server_for_clients(HOST, &authority);
    let (certificate, key) = authority.client("a client");
    let files =
        [("ca.pem", authority.pem()), ("client.pem", certificate.clone()), ("client.key", key.clone())];
    let known = "{ ca: ca.pem, client_cert: client.pem, client_key: client.key }";
    let ended = run_with_tls(&server.url(HOST), known, &files).expect_passed().expect_sent(server.requests());
    assert_eq!(ended.count("ask", "success"), 4, "{}", ended.said());
    let both = [("ca.pem", authority.pem()), ("client.pem", certificate + &key)];
    let ended =
        run_with_tls(&server.url(HOST), "{ ca: ca.pem, client_cert: client.pem }", &both).expect_passed();
    assert_eq!(ended.count("ask", "success"), 4, "{}", ended.said());

    let before = server.requests();
    let ended = run_with_tls(&server.url(HOST), "{ ca: ca.pem }", &files).expect_code(99).expect_accounted();
    expect_cause(&ended, "tls", "the server wants a client certificate");
    let (certificate, key) = Authority::named("Another").client("a client");
    let strange = [("ca.pem", authority.pem()), ("client.pem", certificate), ("client.key", key)];
    let ended = run_with_tls(&server.url(HOST), known, &strange).expect_code(99).expect_accounted();
    expect_cause(&ended, "tls", "the server does not know the authority of the client certificate");
    assert_eq!(server.requests(), before, "nothing was asked of those who were not known");
}
