//! Cookies: each user has its own, for as long as it is the same user.

use std::collections::BTreeMap;

use crate::support::program::Loadtest;
use crate::support::recording::{Answer, Asked, Recording};

/// Gives each who has none a session of its own, by the number of its connection, and counts visits.
fn sessions() -> Recording {
    Recording::start(|asked| {
        let cookies = asked.header("cookie").unwrap_or_default();
        let visits = cookies.split("; ").find_map(|pair| pair.strip_prefix("visits=")?.parse::<u32>().ok());
        let answer =
            Answer::ok().header("Set-Cookie", &format!("visits={}; Path=/", visits.unwrap_or(0) + 1));
        if cookies.contains("session=") {
            return answer;
        }
        answer
            .header("Set-Cookie", &format!("session=of-{}; Path=/; HttpOnly; SameSite=Lax", asked.connection))
    })
}

fn cookies_of(asked: &[Asked]) -> BTreeMap<usize, Vec<String>> {
    let mut by_connection: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for asked in asked.iter().filter(|asked| asked.target != "/up") {
        let said = asked.header("cookie").unwrap_or("none").to_owned();
        by_connection.entry(asked.connection).or_default().push(said);
    }
    by_connection
}

#[test]
fn a_user_of_the_closed_model_keeps_its_cookies() {
    let server = sessions();
    let yaml = format!(
        "target: {}\nload: {{ users: 2, iterations: 8 }}\non_start:\n  - get: /start\nflow:\n  - get: /page\n  - think: 5ms\n",
        server.url()
    );
    let ended = Loadtest::run(&yaml).end().expect_passed();
    let by_connection = cookies_of(&server.asked());
    assert_eq!(by_connection.len(), 2, "{}", ended.said());
    for (connection, said) in by_connection {
        assert_eq!(said[0], "none");
        for (visits, said) in said.iter().enumerate().skip(1) {
            assert_eq!(*said, format!("visits={visits}; session=of-{connection}"));
        }
    }
}

/// Arrivals take over connections, and nothing else.
#[test]
fn an_arrival_of_the_open_model_has_none() {
    let server = sessions();
    let yaml = format!(
        "target: {}\nload: {{ rate: 20/s, duration: 500ms, max_users: 1, when_full: wait }}\n\
         flow:\n  - get: /first\n  - get: /second\n",
        server.url()
    );
    let ended = Loadtest::run(&yaml).end().expect_passed();
    assert_eq!(cookies_of(&server.asked()).len(), 1, "one connection for all: {}", ended.said());
    for asked in server.asked_for("/first") {
        assert_eq!(asked.header("cookie"), None);
    }
    let second = server.asked_for("/second");
    assert_eq!(second.len(), 10);
    for asked in second {
        assert_eq!(
            asked.header("cookie"),
            Some(format!("visits=1; session=of-{}", asked.connection).as_str())
        );
    }
}

#[test]
fn cookies_of_the_step_stand_beside_those_of_the_user() {
    let server = sessions();
    let yaml = format!(
        "target: {}\nload: {{ users: 1, iterations: 1 }}\nhttp: {{ headers: {{ Cookie: \"lang=${{ lang }}\" }} }}\n\
         vars: {{ lang: ko }}\nflow:\n  - get: /a\n  - get: /b\n  - get: /c\n    headers: {{ cookie: visits=99 }}\n",
        server.url()
    );
    Loadtest::run(&yaml).end().expect_passed();
    let asked = server.asked();
    let connection = asked[0].connection;
    let said: Vec<Option<&str>> = asked.iter().map(|asked| asked.header("cookie")).collect();
    assert_eq!(
        said,
        [
            Some("lang=ko"),
            Some(format!("lang=ko; visits=1; session=of-{connection}").as_str()),
            Some(format!("visits=99; session=of-{connection}").as_str()),
        ]
    );
    assert!(asked.iter().all(|asked| asked.headers.iter().filter(|(name, _)| name == "cookie").count() == 1));
}

#[test]
fn cookies_can_be_left_to_the_steps() {
    let server = sessions();
    let yaml = format!(
        "target: {}\nload: {{ users: 1, iterations: 2 }}\nhttp: {{ cookies: false }}\nflow:\n\
         \x20 - get: /a\n    capture: {{ set: header(\"Set-Cookie\") }}\n\
         \x20 - get: /b\n    headers: {{ Cookie: \"${{ set | regex('visits=[0-9]+') }}\" }}\n",
        server.url()
    );
    Loadtest::run(&yaml).end().expect_passed();
    assert!(server.asked_for("/a").iter().all(|asked| asked.header("cookie").is_none()));
    assert!(server.asked_for("/b").iter().all(|asked| asked.header("cookie") == Some("visits=1")));
}

/// Setup, verify and teardown are each done by a user of their own.
#[test]
fn cookies_of_setup_are_its_own() {
    let server = sessions();
    let yaml = format!(
        "target: {}\nload: {{ users: 1, iterations: 1 }}\nsetup:\n  - get: /s1\n  - get: /s2\n\
         flow:\n  - get: /f\nverify:\n  - get: /v1\n  - get: /v2\n",
        server.url()
    );
    Loadtest::run(&yaml).end().expect_passed();
    for (path, has) in [("/s1", false), ("/s2", true), ("/f", false), ("/v1", false), ("/v2", true)] {
        assert_eq!(server.asked_for(path)[0].header("cookie").is_some(), has, "{path}");
    }
}
