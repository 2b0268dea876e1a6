//! What the tree makes of YAML, and that nothing brings it down.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;
use crate::scenario::finding::Source;

fn shown(node: &Node) -> String {
    match &node.kind {
        Kind::List(items) => {
            format!("[{}]", items.iter().map(|item| shown(item)).collect::<Vec<_>>().join(" "))
        }
        Kind::Map(entries) => {
            let entries = entries.iter().map(|entry| format!("{}={}", entry.key.name, shown(&entry.value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(" "))
        }
        Kind::Text { value, .. } => format!("{value:?}"),
        Kind::Int(number) => number.to_string(),
        Kind::Float(number) => number.to_string(),
        Kind::Bool(truth) => truth.to_string(),
        Kind::Null => "null".into(),
        Kind::Broken => "broken".into(),
    }
}

fn tree(text: &str) -> String {
    let parsed = parse(text, 0);
    assert!(parsed.findings.is_empty(), "{:#?}", parsed.findings);
    shown(&parsed.root.unwrap())
}

/// The first finding: its message, and the text it points at.
fn finding(text: &str) -> (String, String) {
    let parsed = parse(text, 0);
    let finding =
        parsed.findings.first().unwrap_or_else(|| panic!("no finding in {text:?}: {:?}", parsed.root));
    (finding.message.clone(), text.get(finding.span.clone()).unwrap_or_default().to_owned())
}

#[test]
fn a_tree_as_yaml_means_it() {
    for (text, expected) in [
        ("a: 1\nb: [x, 'y']\n", r#"{a=1 b=["x" "y"]}"#),
        ("a: &x { b: 1 }\nc: *x\n", "{a={b=1} c={b=1}}"),
        ("x-d: &d { a: 1, b: 2 }\nc:\n  <<: *d\n  b: 3\n", "{x-d={a=1 b=2} c={b=3 a=1}}"),
        ("c:\n  <<: [{ a: 1 }, { a: 2, b: 2 }]\n", "{c={a=1 b=2}}"),
        ("a: |\n  one\n  two\n", r#"{a="one\ntwo\n"}"#),
        ("a: b # a comment\n", r#"{a="b"}"#),
        ("a: yes\n", r#"{a="yes"}"#),
        ("a:\n", "{a=null}"),
        ("latency{step=reserve seat}: [p99 < 2s]\n", r#"{latency{step=reserve seat}=["p99 < 2s"]}"#),
        ("---\na: 1\n...\n", "{a=1}"),
    ] {
        assert_eq!(tree(text), expected, "{text}");
    }
}

#[test]
fn what_yaml_would_misread_is_found() {
    for (text, message, place) in [
        (
            "a: { b: f(1, 2) }\n",
            "a comma split this value: inside `{ }` and `[ ]` it ends an entry",
            "f(1, 2)",
        ),
        ("a: [f(1, 2)]\n", "a comma split this value: inside `{ }` and `[ ]` it ends an entry", "f(1, 2)"),
        ("a: { b: 1, c }\n", "`c` has no value", "c"),
        ("a: !x\n", "`!x` is a tag to YAML, and tags are not used here", "!x"),
        ("a: 007\n", "`007` begins with a zero: a number or a text?", "007"),
        ("a: 1\nb: 2\na: 3\n", "`a` is given twice", "a"),
        (
            "a: header(\"X #1\")\n",
            "YAML cuts this text at ` #`: what follows is a comment to it",
            "header(\"X",
        ),
        ("a: &x [*x]\n", "`*x` stands inside of what `&x` names: it would contain itself", "*x"),
        ("a: *nobody\n", "no anchor is named `nobody`", "*nobody"),
        ("a: 1\n---\nb: 2\n", "a second document begins here, and one file is one test", "---"),
        ("[1]: 2\n", "a list cannot be a key", "[1]"),
    ] {
        assert_eq!(finding(text), (message.to_owned(), place.to_owned()), "{text}");
    }
}

#[test]
fn syntax_errors_speak_to_people() {
    for (text, message, place) in [
        ("a: { b: ${ c } }\n", "inside `{ }` and `[ ]` a `${ … }` needs quotes", "${ c }"),
        ("a:\n\tb: 1\n", "a tab cannot indent: YAML knows blanks only", "\t"),
        ("a: \"b\n", "this quotation is never closed", "\"b"),
        ("a: 'b' c\n", "something follows the closing quote", "c"),
        ("a: 1\n  b: 2\n", "a `:` stands where no key can", ":"),
        ("a: [1, 2\nb: 3\n", "this `[` is never closed", "["),
        ("a: @b\n", "a value cannot begin with `@`", "@b"),
    ] {
        assert_eq!(finding(text), (message.to_owned(), place.to_owned()), "{text}");
    }
}

#[test]
fn an_alias_bomb_is_refused() {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let row = vec![format!("*a{}", level - 1); 9].join(", ");
        let _ = writeln!(text, "a{level}: &a{level} [{row}]");
    }
    assert!(finding(&text).0.contains("grow to more than"));
}

#[test]
fn deep_nesting_is_refused() {
    for text in ["[".repeat(100_000), "- ".repeat(100_000), "{a: ".repeat(10_000), "? ".repeat(10_000)] {
        assert!(!parse(&text, 0).findings.is_empty());
    }
}

proptest! {
    #[test]
    fn no_input_brings_it_down(text in "\\PC{0,200}") {
        survives(&text);
    }

    #[test]
    fn no_heap_of_indicators_brings_it_down(text in "[-?:,{}\\[\\]&*!|>'\"%@#a01 \t\n~<]{0,60}") {
        survives(&text);
    }
}

fn survives(text: &str) {
    let parsed = parse(text, 0);
    let source = Source::new("any.yaml", text);
    source.render(&parsed.findings, false);
    source.for_machines(&parsed.findings);
}
