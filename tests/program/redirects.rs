//! Redirects: followed where a step says so, over origins, as one sample.

use std::time::Duration;

use crate::support::faulty::{Behaviour, Faulty};
use crate::support::program::{Ended, Loadtest};
use crate::support::recording::{Answer, Asked, Recording, own_address};

/// A server that sends on: `/STATUS/PLACE` answers with the status, and PLACE as its location (`_` for `/`).
fn sends_on(asked: &Asked) -> Answer {
    let mut parts = asked.target.trim_start_matches('/').splitn(2, '/');
    let status = parts.next().and_then(|status| status.parse::<u16>().ok());
    let Some(status) = status else {
        return Answer::ok().body(&format!("{} {}", asked.method, asked.target));
    };
    let place = parts.next().unwrap_or_default().replace('_', "/");
    Answer::status(status).header("Location", &place).header("Set-Cookie", &format!("after={status}; Path=/"))
}

fn once(rest: &str) -> (Ended, Vec<Asked>) {
    let server = Recording::start(sends_on);
    let yaml = format!("target: {}\nload: {{ users: 1, iterations: 1 }}\n{rest}", server.url());
    (Loadtest::run(&yaml).end(), server.asked())
}

fn lines(asked: &[Asked]) -> Vec<String> {
    asked.iter().map(|asked| format!("{} {} {}", asked.method, asked.target, asked.body)).collect()
}

#[test]
fn a_redirect_is_an_answer_where_nothing_is_said() {
    let (ended, asked) = once("flow:\n  - get: /302/_end\n    expect: { status: 302 }\n");
    ended.expect_passed();
    assert_eq!(lines(&asked), ["GET /302/_end "]);
}

#[test]
fn methods_and_bodies_are_those_of_browsers() {
    let (ended, asked) = once(
        "http: { follow_redirects: true }\nflow:\n\
         \x20 - post: /303/_end\n    form: { a: b }\n    expect: { checks: { got: 'body == \"GET /end\"' } }\n\
         \x20 - post: /301/_end\n    json: [1]\n\
         \x20 - put: /302/_end\n    body: text\n\
         \x20 - patch: /307/_end?x=y\n    body: \"user ${ user.id }\"\n\
         \x20 - delete: /308/_end\n\
         \x20 - head: /302/_end\n\
         \x20 - get: /304/_end\n    expect: { status: 304 }\n\
         \x20 - get: /302/\n    follow_redirects: false\n    expect: { status: 302 }\n",
    );
    ended.expect_passed();
    assert_eq!(
        lines(&asked),
        [
            "POST /303/_end a=b",
            "GET /end ",
            "POST /301/_end [1]",
            "GET /end ",
            "PUT /302/_end text",
            "GET /end ",
            "PATCH /307/_end?x=y user 1",
            "PATCH /end?x=y user 1",
            "DELETE /308/_end ",
            "DELETE /end ",
            "HEAD /302/_end ",
            "HEAD /end ",
            "GET /304/_end ",
            "GET /302/ ",
        ]
    );
    let ends: Vec<&Asked> = asked.iter().filter(|asked| asked.target.starts_with("/end")).collect();
    assert!(ends[..3].iter().all(|asked| asked.header("content-type").is_none()));
    assert_eq!(ends[3].header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(ends[0].header("cookie"), Some("after=303"), "a cookie of the redirect goes along");
    assert!(
        asked.iter().all(|asked| asked.connection == asked.connection.min(ends[0].connection)),
        "one connection"
    );
}

/// As one sample: one attempt, one success, all its bytes, and the times of both requests.
#[test]
fn a_chain_is_one_sample() {
    let server = Recording::start(|asked| {
        if asked.target == "/slow" {
            std::thread::sleep(Duration::from_millis(60));
        }
        if asked.target == "/end" {
            Answer::ok().body("there")
        } else {
            Answer::status(302).header("Location", "/end")
        }
    });
    let yaml = format!(
        "target: {}\nload: {{ users: 1, iterations: 3 }}\nflow:\n  - name: ask\n    get: /slow\n    follow_redirects: 1\n\
         \x20   expect: {{ status: 200, checks: {{ long enough: duration_ms >= 60 }} }}\n",
        server.url()
    );
    let ended = Loadtest::run(&yaml).end().expect_passed();
    assert_eq!((ended.total("attempted"), ended.count("ask", "success")), (3, 3), "{}", ended.said());
    assert_eq!(server.asked().len(), 6);
    let sent = ended.row("ask")["sent_bytes"].as_u64().unwrap();
    assert!(sent > 6 * 50, "{sent}");
}

#[test]
fn another_origin_is_not_told_who_asks() {
    let other = Recording::start(sends_on);
    let other_url = other.url();
    let server = Recording::start(move |asked| match asked.target.as_str() {
        "/end" => Answer::ok(),
        _ => Answer::status(307)
            .header("Location", &format!("{other_url}/end"))
            .header("Set-Cookie", "sid=1; Path=/"),
    });
    let yaml = format!(
        "target: {}\nload: {{ users: 1, iterations: 2 }}\nhttp:\n  follow_redirects: true\n  auth: {{ bearer: secret-token }}\n\
         flow:\n  - name: ask\n    post: /start\n    multipart: {{ a: b, file: {{ file: f.txt }} }}\n    headers: {{ X-Api: k, Cookie: own=1 }}\n",
        server.url()
    );
    let ended = Loadtest::run(&yaml).file("f.txt", "content").end().expect_passed();
    assert_eq!(ended.count("ask", "success"), 2, "{}", ended.said());
    let (started, ended_at) = (server.asked(), other.asked());
    assert_eq!((started.len(), ended_at.len()), (2, 2));
    assert!(started.iter().all(|asked| asked.header("authorization") == Some("Bearer secret-token")));
    for asked in &ended_at {
        assert_eq!(asked.header("authorization"), None);
        assert_eq!(asked.header("x-api"), Some("k"));
        // Cookies know no ports; the step's own one is for the origin it was written for.
        assert_eq!(asked.header("cookie"), Some("sid=1"));
        assert_eq!(asked.header("host"), Some(other.address().to_string().as_str()));
        assert_eq!(asked.body, started[0].body, "the form went along, file and all");
    }
    assert_eq!(other.connections(), 1, "a connection for each origin, kept");
}

#[test]
fn chains_without_end() {
    let server = Recording::start(|_| Answer::status(302).header("Location", "/again?token=secret"));
    for (most, asked) in [("true", 11), ("3", 4)] {
        let before = server.asked().len();
        let yaml = format!(
            "target: {}\nload: {{ users: 1, iterations: 2 }}\nflow:\n  - name: ask\n    get: /loop\n    follow_redirects: {most}\n",
            server.url()
        );
        let ended = Loadtest::run(&yaml).end().expect_code(99).expect_accounted();
        assert_eq!(ended.count("ask", "too many redirects"), 2, "{}", ended.said());
        assert_eq!(ended.total("in_doubt"), 0, "all of them were answered");
        assert_eq!(server.asked().len() - before, 2 * asked);
        let detail = ended.list("causes")[0]["example"]["detail"].as_str().unwrap();
        let said = format!(
            "{} redirects were followed, and status 302 still sends on, to {}/again",
            asked - 1,
            server.url()
        );
        assert_eq!(detail, said);
    }
}

#[test]
fn redirects_that_lead_nowhere() {
    for (location, words) in [
        ("ftp://elsewhere/x", "`ftp://` is not supported"),
        ("http://", "is no URL"),
        ("http://me:hunter2@elsewhere/", "a user or password cannot stand in the URL"),
    ] {
        let server = Recording::start(move |_| Answer::status(301).header("Location", location));
        let yaml = format!(
            "target: {}\nload: {{ users: 1, iterations: 2 }}\nhttp: {{ follow_redirects: 5 }}\nflow:\n  - name: ask\n    get: /a\n",
            server.url()
        );
        let ended = Loadtest::run(&yaml).end().expect_code(99).expect_sent(server.asked().len());
        assert_eq!(ended.count("ask", "bad redirect"), 2, "{}", ended.said());
        let detail = ended.list("causes")[0]["example"]["detail"].as_str().unwrap();
        assert!(detail.contains(words) && !detail.contains("hunter2"), "{detail}");
    }
    // Without a place to go it is an answer like any other.
    let server = Recording::start(|_| Answer::status(302));
    let yaml = format!(
        "target: {}\nload: {{ users: 1, iterations: 1 }}\nhttp: {{ follow_redirects: 5 }}\nflow:\n  - get: /a\n    expect: {{ status: 302 }}\n",
        server.url()
    );
    Loadtest::run(&yaml).end().expect_passed();
}

/// What was asked first was answered; what came of it, nobody knows.
#[test]
fn a_chain_that_breaks_is_in_doubt() {
    let nobody = own_address();
    let silent = Faulty::start(Behaviour::HangBeforeAnswer);
    for (place, cause) in
        [(format!("http://{nobody}/"), "refused"), (format!("{}/", silent.url()), "timeout (wait)")]
    {
        let server = Recording::start(move |_| Answer::status(303).header("Location", &place));
        let yaml = format!(
            "target: {}\nload: {{ users: 1, iterations: 2 }}\nhttp: {{ follow_redirects: true, timeout: 500ms }}\n\
             flow:\n  - name: ask\n    post: /pay\n",
            server.url()
        );
        let ended = Loadtest::run(&yaml).end().expect_code(99).expect_accounted();
        assert_eq!(ended.count("ask", cause), 2, "{}", ended.said());
        assert_eq!(ended.total("in_doubt"), 2, "{}", ended.said());
        assert_eq!(server.asked().len(), 2, "sent once each");
    }
}
