//! Expressions and templates: soups of their words, and trees of what they are made of, over answers of any kind.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use loadtest::http::{KeepBody, Response};
use loadtest::template::{
    Encoding, Env, Expr, JsonTemplate, Scope, Shared, Slot, SlotNames, TextTemplate, Value, ValueTemplate,
    Visible, write_json,
};
use proptest::prelude::*;
use proptest::sample::select;

use super::limits::fuzz;

static NAMES: LazyLock<SlotNames> =
    LazyLock::new(|| ["text", "list", "number", "missing"].into_iter().collect());

/// A user who has had an answer.
fn scope(body: &str) -> Box<Scope> {
    let env = Env { given: vec![("KEY".into(), "value".into())], ..Env::default() };
    let shared = Arc::new(Shared::new(7, "http://127.0.0.1:1".into(), true, env));
    let mut scope = Scope::new(shared, "fuzz".into(), 0, NAMES.names().into());
    scope.user_id = 42;
    scope.begin_iteration(3);
    scope.set(Slot(0), Some(Value::from("x".repeat(1000))));
    scope.set(Slot(1), Some(Value::from(vec![1, 2, 3])));
    scope.set(Slot(2), Some(Value::from(100_000_000)));
    let mut response = Response::new();
    response.begin(false, KeepBody::Always);
    let wire = format!("HTTP/1.1 200 OK\r\nX-A: b\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    response.receive(wire.as_bytes()).unwrap();
    *scope.expect_answer() = response;
    scope.answered(Duration::from_millis(5));
    scope
}

const BODIES: [&str; 5] = [
    "",
    "no json",
    r#"{"a":{"b":[1,2,{"c":null}]},"n":100000000,"s":"text","list":["x","y"]}"#,
    "[[[[[[[[[[1]]]]]]]]]]",
    r#"{"n":1e308,"s":"\u0000\u202e","a":-9223372036854775808}"#,
];

const ATOMS: [&str; 40] = [
    "text",
    "list",
    "number",
    "missing",
    "json",
    "json.a.b",
    "json.n",
    "json.s",
    "json.list",
    "body",
    "status",
    "user.id",
    "header('X-A')",
    "outcome",
    "duration_ms",
    "scenario",
    "target.url",
    "null",
    "true",
    "false",
    "0",
    "1",
    "-1",
    "1.5",
    "100000000",
    "9223372036854775807",
    "1e308",
    "'a'",
    "'%d-%s'",
    "'(a|b)*'",
    "'$..*'",
    "''",
    "[]",
    "{}",
    "[1, 'b', null]",
    "{'k': 1}",
    "range(100000)",
    "uuid()",
    "unix_ms()",
    "env('KEY', 'x')",
];
const FILTERS: [&str; 44] = [
    "default(0)",
    "length",
    "first",
    "last",
    "lower",
    "upper",
    "title",
    "trim",
    "join",
    "join(text)",
    "replace('', text)",
    "replace('x', text)",
    "split",
    "split(',')",
    "lines",
    "list",
    "string",
    "int",
    "float",
    "abs",
    "round(3)",
    "sum",
    "min",
    "max",
    "sort",
    "unique",
    "reverse",
    "items",
    "dictsort",
    "groupby('k')",
    "map('upper')",
    "map(attribute='k')",
    "select",
    "reject('odd')",
    "selectattr('k')",
    "zip(list)",
    "chain(list)",
    "format(1)",
    "tojson",
    "urlencode",
    "base64",
    "sha256",
    "regex('(a+)+$')",
    "jsonpath('$..*')",
];
const SIGNS: [&str; 20] = [
    "+", "-", "*", "/", "//", "%", "**", "~", "==", "!=", "<", ">", "<=", ">=", "and", "or", "in", "not in",
    "is", "|",
];
const CALLS: [&str; 14] = [
    "random_int",
    "random_float",
    "random",
    "zipf",
    "now",
    "counter",
    "jsonpath",
    "regex",
    "base64",
    "sha256",
    "hmac_sha256",
    "urlencode",
    "header",
    "range",
];

/// Trees that are mostly expressions.
fn tree() -> impl Strategy<Value = String> {
    let leaf = select(&ATOMS[..]).prop_map(str::to_owned);
    leaf.prop_recursive(6, 60, 3, |inner| {
        prop_oneof![
            3 => (inner.clone(), select(&SIGNS[..]), inner.clone()).prop_map(|(a, sign, b)| format!("{a} {sign} {b}")),
            3 => (inner.clone(), select(&FILTERS[..])).prop_map(|(a, filter)| format!("{a} | {filter}")),
            2 => (select(&CALLS[..]), prop::collection::vec(inner.clone(), 0..3))
                .prop_map(|(call, arguments)| format!("{call}({})", arguments.join(", "))),
            1 => inner.clone().prop_map(|a| format!("({a})")),
            1 => inner.clone().prop_map(|a| format!("not {a}")),
            1 => inner.clone().prop_map(|a| format!("-{a}")),
            1 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("[{a}, {b}]")),
            1 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a})[{b}]")),
            1 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a})[{b}:]")),
            1 => inner.clone().prop_map(|a| format!("{{'k': {a}}}")),
            1 => inner.clone().prop_map(|a| format!("({a}).k")),
            1 => (inner.clone(), inner.clone(), inner).prop_map(|(a, b, c)| format!("{a} if {b} else {c}")),
        ]
    })
}

/// Words in any order.
fn soup() -> impl Strategy<Value = String> {
    let marks = [
        "(", ")", "[", "]", "{", "}", ",", ".", ":", "'", "\"", "|", "${", "}", "\\", "#", "{%", "{#", "é",
        "\n",
    ];
    let word = prop_oneof![
        3 => select(&ATOMS[..]),
        2 => select(&SIGNS[..]),
        2 => select(&FILTERS[..]),
        1 => select(&CALLS[..]),
        3 => select(marks.to_vec()),
    ];
    (prop::collection::vec(word, 0..30), any::<bool>())
        .prop_map(|(words, apart)| words.join(if apart { " " } else { "" }))
}

/// The same again and again: brackets, signs, filters.
fn deep() -> impl Strategy<Value = String> {
    let parts = [
        "(",
        "[",
        "{'a':",
        "not ",
        "-",
        "x.",
        "1 + ",
        "1 * ",
        "'a' ~ ",
        "base64(",
        "1 if ",
        "f(",
        "[1][",
        "a | default(",
    ];
    (select(parts.to_vec()), 1_usize..2000, select(&ATOMS[..]), select(vec!["", ")", "]", "}"]))
        .prop_map(|(part, times, atom, close)| format!("{}{atom}{}", part.repeat(times), close.repeat(times)))
}

fn any_expression() -> impl Strategy<Value = String> {
    prop_oneof![6 => tree(), 3 => soup(), 1 => deep()]
}

/// Whatever the text: an error that points into it, or an expression that has a value or a problem.
fn survives(source: &str) {
    // As the checker does: longer ones are a finding.
    if source.len() > 4096 {
        return;
    }
    let env = Env { given: vec![("KEY".into(), "value".into())], ..Env::default() };
    let visible = Visible { slots: &NAMES, rows: &[], answer: true, results: false, env: &env };
    let points = |at: Option<std::ops::Range<usize>>, text: &str| at.is_none_or(|at| text.get(at).is_some());
    match Expr::compile(source, visible) {
        Ok(expr) => {
            for body in BODIES {
                let mut scope = scope(body);
                if let Ok(value) = expr.eval(&mut scope) {
                    write_json(&value, &mut Vec::new());
                }
                let _ = expr.holds(&mut scope);
                expr.explain(&mut scope);
            }
        }
        Err(error) => assert!(points(error.at.clone(), source), "{error:?}"),
    }
    let text = format!("before ${{ {source} }} after {source}");
    match TextTemplate::compile(&text, visible) {
        Ok(template) => {
            for encoding in [Encoding::Raw, Encoding::Path, Encoding::Query, Encoding::JsonString] {
                let _ = template.render(&mut scope(BODIES[2]), encoding, &mut Vec::new());
            }
        }
        Err(error) => assert!(points(error.at.clone(), &text), "{error:?}"),
    }
    if let Ok(template) = ValueTemplate::compile(&format!("${{ {source} }}"), visible) {
        let _ = template.eval(&mut scope(BODIES[2]));
        let mut body = Vec::new();
        if JsonTemplate::new(template).render(&mut scope(BODIES[2]), &mut body).is_ok() {
            assert!(
                serde_json::from_slice::<serde_json::Value>(&body).is_ok(),
                "{}",
                String::from_utf8_lossy(&body)
            );
        }
    }
}

#[test]
fn no_expression_brings_the_engine_down() {
    fuzz("expressions", 1500, &any_expression(), survives);
}
