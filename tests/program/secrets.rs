//! What is secret stays out of everything that is said and written.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

use crate::support::program::{Ended, Loadtest};
use crate::support::recording::{Answer, Recording, own_address};

const SECRET: &str = "s3cr3t/K3y with+blanks&more";
const PASSWORD: &str = "hunter2hunter2";
const CAPTURED: &str = "captured-token-81723";
const HEADER: &str = "dXNlcjpwYXNzd29yZA-in-a-header";

/// Neither as it is nor encoded, in whole or after what stands before it in a pair of credentials.
#[track_caller]
fn expect_nowhere(ended: &Ended, secret: &str) {
    let url = utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string();
    let mut forms = vec![
        secret.to_owned(),
        STANDARD.encode(secret).trim_end_matches('=').to_owned(),
        URL_SAFE_NO_PAD.encode(secret),
        url.to_lowercase(),
        url.replace("%20", "+"),
        secret.replace(' ', "%20"),
        url,
    ];
    let pair = STANDARD.encode(format!("user:{secret}"));
    forms.push(pair.trim_end_matches('=').to_owned());
    // The last letters of an encoding depend on what follows.
    for form in &mut forms {
        form.truncate(form.len() - 2);
    }
    let texts = ended.all_text();
    assert!(texts.iter().any(|(place, _)| place.ends_with("result.json")), "{}", ended.said());
    for (place, text) in texts {
        for form in &forms {
            assert!(!text.contains(form.as_str()), "`{form}` in {place}:\n{text}");
        }
    }
}

/// A server that repeats all it was told, in answers that fail: so that samples would hold it.
fn parrot() -> Recording {
    Recording::start(|asked| match asked.target.as_str() {
        "/login" => Answer::json(&json!({ "token": CAPTURED })),
        "/readyz" => Answer::ok(),
        _ => {
            let headers: Vec<String> =
                asked.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
            let said = format!("{}\n{}\n{}", asked.target, headers.join("\n"), asked.body);
            Answer::status(500).body(&said)
        }
    })
}

const FLOW: &str = r#"flow:
  - post: /login
    capture: { token: json.token }
  - name: raw
    post: /raw/${ token }
    on_failure: continue
    headers:
      X-Key: ${ secret("KEY") }
      X-Token: ${ token }
      Authorization: "Bearer dXNlcjpwYXNzd29yZA-in-a-header"
      Cookie: session=${ token }
    query: { key: "${ secret(\"KEY\") }", token: "${ token }" }
    json: { key: "${ secret(\"KEY\") }", token: "${ token }" }
  - name: encoded
    post: /encoded/${ secret("KEY") | base64 }
    on_failure: continue
    headers: { X-Basic: "${ base64(\"user:\" ~ secret(\"PASSWORD\")) }" }
    form: { key: "${ secret(\"KEY\") }", sealed: "${ secret(\"KEY\") | urlencode }" }
  - name: checked
    get: /login
    expect: { checks: { same: json.token == secret("KEY") } }
"#;

#[test]
fn secrets_reach_no_report() {
    let server = parrot();
    let yaml = format!("target: {}\nload: {{ users: 1, iterations: 3 }}\n{FLOW}", server.url());
    let ended = Loadtest::run(&yaml)
        .env("KEY", SECRET)
        .args(&["--env", &format!("PASSWORD={PASSWORD}")])
        .end()
        .expect_code(99)
        .expect_accounted();
    // The server was told, and repeated, all of it.
    let raw = server.asked().into_iter().find(|asked| asked.target.starts_with("/raw")).unwrap();
    assert_eq!(raw.header("x-key"), Some(SECRET));
    assert_eq!(raw.json()["key"], SECRET);
    for secret in [SECRET, PASSWORD, CAPTURED, HEADER] {
        expect_nowhere(&ended, secret);
    }
    assert!(ended.stdout.contains("[redacted]"), "{}", ended.said());
}

/// Where a run does not come to its load, what was given on the command line is kept back as well.
#[test]
fn secrets_of_runs_that_never_began() {
    let secret = format!("KEY={SECRET}");
    let nobody = format!("http://{}", own_address());
    let server = parrot();
    for (url, more, code) in [
        (nobody, "", 96),
        (server.url(), "setup:\n  - post: /fails/${ secret(\"KEY\") }\n    body: ${ secret(\"KEY\") }\n", 96),
        (server.url(), "setup:\n  - post: /fails\n", 96),
    ] {
        let yaml = format!(
            "target: {{ url: \"{url}\", ready_timeout: 100ms }}\nload: {{ users: 1, iterations: 1 }}\n{more}\
             flow:\n  - get: /a\n    headers: {{ X-Key: \"${{ secret(\\\"KEY\\\") }}\" }}\n"
        );
        let ended = Loadtest::run(&yaml).args(&["--env", &secret]).end().expect_code(code);
        expect_nowhere(&ended, SECRET);
        let ended = Loadtest::run(&yaml).arg(format!("--env={secret}")).end().expect_code(code);
        expect_nowhere(&ended, SECRET);
        let command = ended.list("command");
        assert!(command.contains(&json!("--env=KEY=[redacted]")), "{command:?}");
    }
}

/// What was captured once for a user or for all is as private as what an iteration captures.
#[test]
fn captures_of_setup_and_on_start_reach_no_report() {
    let server = parrot();
    let yaml = format!(
        "target: {}\nload: {{ users: 1, iterations: 2 }}\nvars: {{ plain: spoken-freely }}\n\
         setup:\n  - post: /login\n    capture: {{ admin: json.token }}\n  - collect: {{ all: \"${{ admin ~ '-collected' }}\" }}\n\
         on_start:\n  - post: /login\n    capture: {{ session: json.token ~ '-session' }}\n\
         flow:\n  - name: first\n    post: /a/${{ admin }}/${{ plain }}\n    headers: {{ X-Session: \"${{ session }}\" }}\n    on_failure: continue\n\
         \x20 - name: second\n    post: /b/${{ all[0] }}\n    json: \"${{ all }}\"\n",
        server.url()
    );
    let ended = Loadtest::run(&yaml).end().expect_code(99).expect_accounted();
    assert_eq!(ended.list("causes").len(), 2, "{}", ended.said());
    expect_nowhere(&ended, CAPTURED);
    assert!(
        ended.stdout.contains("spoken-freely"),
        "what the file says itself is no capture: {}",
        ended.said()
    );
}

/// A template that fails over a secret does not tell it.
#[test]
fn secrets_in_faults_of_templates() {
    let server = parrot();
    let yaml = format!(
        "target: {}\nload: {{ users: 1, iterations: 2 }}\n\
         flow:\n  - post: /login\n  - get: /a\n    when: random(secret(\"KEY\")) == 1\n",
        server.url()
    );
    let ended = Loadtest::run(&yaml).env("KEY", SECRET).end().expect_code(97);
    expect_nowhere(&ended, SECRET);

    let yaml = format!(
        "target: {}\nload: {{ users: 1, iterations: 2 }}\nflow:\n  - post: /login\n\
         verify:\n  - get: /login\n    expect: {{ checks: {{ same: json.token == secret(\"KEY\") }} }}\n",
        server.url()
    );
    let ended = Loadtest::run(&yaml).env("KEY", SECRET).end().expect_code(98);
    expect_nowhere(&ended, SECRET);
}

/// What is said about `setup` and `teardown` is clean as well, of secrets and of what drives a terminal.
#[test]
fn secrets_in_what_fails_around_the_load() {
    let server = parrot();
    for (part, code) in [("setup", 96), ("teardown", 0), ("verify", 97)] {
        let yaml = format!(
            "target: {}\nload: {{ users: 1, iterations: 1 }}\n{part}:\n  - post: /fails/${{ secret(\"KEY\") }}\n\
             \x20   query: {{ key: \"${{ secret(\"KEY\") | base64 }}\" }}\nflow:\n  - post: /login\n",
            server.url()
        );
        let yaml = yaml.replace("\"${ secret(\"KEY\") | base64 }\"", "\"${ base64(secret('KEY')) }\"");
        let ended = Loadtest::run(&yaml).env("KEY", SECRET).end().expect_code(code);
        expect_nowhere(&ended, SECRET);
        let said = format!("{}{}", ended.stdout, ended.stderr);
        assert!(said.contains("/fails/[redacted]"), "{part}: {}", ended.said());
    }
    let server = Recording::start(|asked| match asked.target.as_str() {
        "/fine" => Answer::ok(),
        _ => Answer::ok().header("X-Evil", "a\x1b[2Jb"),
    });
    for part in ["setup", "teardown", "verify"] {
        let yaml = format!(
            "target: {}\nload: {{ users: 1, iterations: 1 }}\nflow:\n  - get: /fine\n\
             {part}:\n  - get: /evil\n    expect: {{ checks: {{ good: 'header(\"X-Evil\") == 1' }} }}\n",
            server.url()
        );
        let ended = Loadtest::run(&yaml).end();
        for (place, text) in ended.all_text() {
            assert!(!text.contains('\x1b'), "{part}: {place}: {text}");
        }
    }
}

/// Header values that would break out of their line are a fault of the test, and are not sent.
#[test]
fn headers_cannot_be_split() {
    let server = Recording::start(|_| Answer::ok());
    let yaml = format!(
        "target: {}\nload: {{ users: 1, iterations: 1 }}\nvars: {{ evil: \"a\\r\\nX-Injected: yes\" }}\n\
         flow:\n  - get: /first\n  - get: /a\n    headers: {{ X-Evil: \"${{ evil }}\" }}\n",
        server.url()
    );
    let ended = Loadtest::run(&yaml).end().expect_code(97);
    assert_eq!(server.asked().len(), 1, "{}", ended.said());
}

/// Who a request says that it is stays out, where it is written as `auth`, comes as a cookie, or opens a proxy.
#[test]
fn who_sends_a_request_reaches_no_report() {
    const TOKEN: &str = "t0ken-of-a-bearer";
    const SESSION: &str = "s3ss10n-in-a-cookie";
    let server = Recording::start(|asked| match asked.target.as_str() {
        // A proxy is told the whole URL.
        "/login" | "http://tickets.example/login" => {
            Answer::ok().header("Set-Cookie", &format!("sid={SESSION}; Path=/"))
        }
        // Without the names of headers, by which they would be known.
        _ => {
            let headers: Vec<&str> = asked.headers.iter().map(|(_, value)| value.as_str()).collect();
            let plain = format!("{PASSWORD} {SESSION}");
            Answer::status(500).body(&format!("{}\n{}\n{plain}", asked.target, headers.join("\n")))
        }
    });
    let yaml = format!(
        "target: {}\nhttp: {{ auth: {{ basic: {{ user: me, password: {PASSWORD} }} }} }}\n\
         load: {{ users: 1, iterations: 2 }}\nflow:\n  - post: /login\n\
         \x20 - name: basic\n    get: /basic\n    on_failure: continue\n\
         \x20 - name: bearer\n    get: /bearer\n    auth: {{ bearer: {TOKEN} }}\n\
         verify:\n  - get: /login\n  - get: /verify\n    expect: {{ status: 500, checks: {{ fine: 'body == 1' }} }}\n",
        server.url()
    );
    let ended = Loadtest::run(&yaml).end().expect_code(98);
    assert_eq!(ended.list("causes").len(), 2, "{}", ended.said());
    for secret in [PASSWORD, TOKEN, SESSION] {
        expect_nowhere(&ended, secret);
    }
    for password in [PASSWORD, "${ secret('PROXY_PASSWORD') }"] {
        let proxied = format!(
            "target: {{ url: http://tickets.example, ready: /login }}\nhttp: {{ proxy: \"http://me:{password}@{}\" }}\n\
             load: {{ users: 1, iterations: 1 }}\nflow:\n  - get: /fails\n",
            server.address()
        );
        let ended = Loadtest::run(&proxied).env("PROXY_PASSWORD", PASSWORD).end().expect_code(99);
        assert!(ended.stdout.contains("status 500"), "{}", ended.said());
        expect_nowhere(&ended, PASSWORD);
        let plan =
            Loadtest::new("plan").scenario(&proxied).env("PROXY_PASSWORD", PASSWORD).end().expect_code(0);
        assert!(plan.stdout.contains(&format!("through the proxy {}", server.url())), "{}", plan.said());
        assert!(!plan.said().contains(PASSWORD), "{}", plan.said());
    }
}

/// A secret that lies in a file, or comes from a file of variables, is as secret as one of the environment.
#[test]
fn secrets_from_files_reach_no_report() {
    let server = parrot();
    let yaml = format!("target: {}\nload: {{ users: 1, iterations: 3 }}\n{FLOW}", server.url());
    let ended = Loadtest::run(&yaml)
        .file("run/secrets/key", &format!("{SECRET}\n"))
        .env("KEY_FILE", "run/secrets/key")
        .file("test.env", &format!("# for the test\nPASSWORD='{PASSWORD}'\n"))
        .args(&["--env-file", "test.env"])
        .end()
        .expect_code(99)
        .expect_accounted();
    let raw = server.asked().into_iter().find(|asked| asked.target.starts_with("/raw")).unwrap();
    assert_eq!(raw.header("x-key"), Some(SECRET), "without the end of its line");
    for secret in [SECRET, PASSWORD] {
        expect_nowhere(&ended, secret);
    }
}

/// What has to be known before the run is shown by plans and reports: a secret cannot stand there.
#[test]
fn secrets_cannot_be_shown() {
    let yaml = "target: http://${ secret(\"KEY\") }.example.com\nload: { users: 1, iterations: 1 }\n\
                data: { users: { lines: \"${ secret('KEY') }.txt\" } }\nflow:\n  - get: /${ users }\n";
    let ended = Loadtest::new("plan").scenario(yaml).env("KEY", PASSWORD).end().expect_code(2);
    assert_eq!(ended.stderr.matches("a secret must not be").count(), 2, "{}", ended.said());
    assert!(!ended.said().contains(PASSWORD), "{}", ended.said());
}

/// A slip in a file of variables is told without what stands in it, and before anything is sent.
#[test]
fn a_file_of_variables_with_a_slip() {
    let yaml = "target: bundled\nload: { users: 1, iterations: 1 }\nflow:\n  - get: /\n";
    for (verb, text, said) in [
        (
            "run",
            "A=1\nKEY='hunter2hunter2\n",
            "error: --env-file: test.env, line 2: this quotation is never closed\n",
        ),
        ("plan", "hunter2hunter2\n", "error: --env-file: test.env, line 1: expected `NAME=value`\n"),
    ] {
        let run = Loadtest::new(verb).scenario(yaml).file("test.env", text).args(&["--env-file", "test.env"]);
        let ended = run.end().expect_code(2);
        assert_eq!(ended.stderr, said);
    }
    let run = Loadtest::new("validate").scenario(yaml).args(&["--env-file", "nowhere.env"]);
    let ended = run.end().expect_code(2);
    assert!(ended.stderr.starts_with("error: --env-file: nowhere.env cannot be read: "), "{}", ended.said());
    let yaml =
        yaml.replace("- get: /", "- get: /${ env('LOADTEST_NO_SUCH') }/${ secret('LOADTEST_NOR_THIS') }");
    let ended = Loadtest::new("validate").scenario(&yaml).end().expect_code(2);
    assert!(
        ended.stderr.contains("`LOADTEST_NOR_THIS_FILE`") || ended.stderr.contains("`--env-file`"),
        "{}",
        ended.said()
    );
}
