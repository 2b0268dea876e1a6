//! Where requests go: paths behind a target, whole URLs, and what an answer says where to go.

use super::language::{answer, once, targets};
use crate::support::program::Loadtest;
use crate::support::recording::{Answer, Recording};

#[test]
fn absolute_urls_and_the_path_of_the_target() {
    let other = Recording::start(|_| Answer::ok());
    let server = Recording::start(answer);
    let yaml = format!(
        "target: {}/base/\nload: {{ users: 1, iterations: 2 }}\nflow:\n  - get: /here\n  - get: {}/there/${{ user.id }}?a=1\n",
        server.url(),
        other.url()
    );
    Loadtest::run(&yaml).end().expect_passed();
    assert_eq!(targets(&server.asked()), ["/base/here", "/base/here"]);
    assert_eq!(targets(&other.asked()), ["/there/1?a=1", "/there/1?a=1"]);
    assert_eq!(other.connections(), 1, "one connection for each origin");
    let host = other.address().to_string();
    assert_eq!(other.asked()[0].header("host"), Some(host.as_str()));
}

/// What an answer says where to go is followed as it stands; what a scenario says goes where its paths go.
#[test]
fn paths_that_begin_with_a_value() {
    let other = Recording::start(|_| Answer::ok().header("Set-Cookie", "there=1"));
    let elsewhere = format!("{}/made/8%20b?c=d#part", other.url());
    let server = Recording::start(move |asked| match (asked.method.as_str(), asked.target.as_str()) {
        ("POST", _) => Answer::status(201).header("Location", "/base/orders/7%2F1?view=all"),
        ("PUT", _) => Answer::status(201).header("Location", &elsewhere),
        _ => Answer::ok(),
    });
    let yaml = format!(
        "target: {}/base\nload: {{ users: 1, iterations: 2 }}\nvars: {{ api: /api/v1, own: \"{}\" }}\n\
         flow:\n  - post: /orders\n    capture: {{ made: header(\"Location\") }}\n  - get: ${{ made }}\n    query: {{ a: b }}\n  \
         - get: ${{ api }}/users/${{ \"a b%\" }}\n  - get: ${{ own }}/own\n  \
         - put: /orders\n    capture: {{ there: header(\"Location\") }}\n  - get: \"${{ there }}\"\n",
        server.url(),
        server.url()
    );
    Loadtest::run(&yaml).end().expect_passed().expect_accounted();
    let once = [
        "/base/orders",
        "/base/orders/7%2F1?view=all&a=b",
        "/base/api/v1/users/a%20b%25",
        "/own",
        "/base/orders",
    ];
    assert_eq!(targets(&server.asked()), [once, once].concat());
    let asked = other.asked();
    assert_eq!(targets(&asked), ["/made/8%20b?c=d", "/made/8%20b?c=d"]);
    assert_eq!(asked[0].header("host"), Some(other.address().to_string().as_str()));
    // Both servers are on one host, and cookies go by host.
    assert_eq!((asked[0].header("cookie"), asked[1].header("cookie")), (None, Some("there=1")));
    assert_eq!(other.connections(), 1, "one connection for each origin");
    let own = server.asked().into_iter().filter(|asked| asked.target == "/own").map(|asked| asked.connection);
    assert_eq!(own.collect::<Vec<_>>(), [1, 1], "the target by its whole URL is the target");
}

#[test]
fn a_path_that_begins_with_something_else() {
    for value in [
        "orders/7",
        "",
        "ftp://127.0.0.1/",
        "http://",
        "mailto:me@example.com",
        "http://me:hidden@127.0.0.1/",
    ] {
        let (ended, asked) = once(&format!(
            "vars: {{ next: \"{value}\" }}\nflow:\n  - get: /token\n  - name: ask\n    get: ${{ next }}\n"
        ));
        let ended = ended.expect_code(97).expect_accounted();
        let said = "a template failed: `next`, with which the path begins, is neither a path like `/orders/7` nor a URL like \
                    `https://api.example.com/orders/7`";
        assert!(ended.stderr.contains(said), "{value}: {}", ended.said());
        assert!(!ended.said().contains("hidden"), "{}", ended.said());
        assert_eq!(targets(&asked), ["/token"], "{value}");
    }
}
