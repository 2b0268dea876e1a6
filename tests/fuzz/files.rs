//! Scenario files: sound ones with slips of every kind, soups of words, deep nests, bombs of aliases, any bytes.

use std::path::Path;
use std::sync::LazyLock;

use loadtest::report::plan;
use loadtest::scenario::{Failed, LoadOptions, Severity, load_text};
use proptest::prelude::*;
use proptest::sample::select;

use super::limits::{fuzz, try_one};

/// The files of a folder of the repository.
fn folder(name: &str) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    let entries = std::fs::read_dir(root).into_iter().flatten().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|end| end == "yaml")).collect();
    files.sort();
    files.into_iter().map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

/// What is shipped, and what the tests have of sound and broken files.
static FILES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let folders = ["scenarios", "tests/fixtures/valid", "tests/fixtures/invalid", "tests/fixtures/found"];
    let files: Vec<String> = folders.into_iter().flat_map(folder).collect();
    assert!(files.len() > 60);
    files
});

/// The words of these files: keys, values, marks.
static WORDS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let all = FILES.iter().flat_map(|file| file.split_whitespace());
    let mut words: Vec<String> = all.map(str::to_owned).collect();
    let more = [
        "[", "]", "{", "}", "- ", ": ", "&a ", "*a", "<<: *a", "!!str ", "|\n", ">\n", "? ", "${ ", " }",
        "'", "\"", "---\n",
    ];
    words.extend(more.map(str::to_owned));
    words.sort_unstable();
    words.dedup();
    words
});

/// A slip. Places are shares of the length, so that they fit files of any size.
#[derive(Debug, Clone)]
enum Slip {
    /// Some letters become others.
    Letters(f64, usize, String),
    /// A word becomes another.
    Word(f64, usize),
    /// A line moves, is doubled or taken out.
    Line {
        from: f64,
        to: f64,
        times: usize,
    },
    Indent {
        line: f64,
        by: i8,
    },
    /// A part of another file.
    Part {
        file: usize,
        from: f64,
        lines: usize,
        to: f64,
        indent: usize,
    },
    /// What stands behind a colon gets brackets around it.
    Brackets {
        line: f64,
        depth: usize,
    },
    /// An anchor at one line, and its alias at another.
    Alias {
        line: f64,
        at: f64,
    },
}

fn place(share: f64, len: usize) -> usize {
    ((share * len as f64) as usize).min(len)
}

impl Slip {
    fn apply(&self, text: &str) -> String {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        if lines.is_empty() {
            return text.to_owned();
        }
        let line_at = |share: f64, lines: &[String]| place(share, lines.len().saturating_sub(1));
        match self {
            Slip::Letters(at, len, new) => {
                let mut letters: Vec<char> = text.chars().collect();
                let start = place(*at, letters.len());
                let end = (start + len).min(letters.len());
                letters.splice(start..end, new.chars());
                return letters.into_iter().collect();
            }
            Slip::Word(at, word) => {
                let words: Vec<(usize, &str)> = text.match_indices(char::is_alphanumeric).collect();
                let Some((start, _)) = words.get(place(*at, words.len())) else { return text.to_owned() };
                let rest = &text[*start..];
                let end = start
                    + rest.find(|c: char| c.is_whitespace() || ":,{}[]".contains(c)).unwrap_or(rest.len());
                return format!("{}{}{}", &text[..*start], WORDS[word % WORDS.len()], &text[end..]);
            }
            Slip::Line { from, to, times } => {
                let line = lines.remove(line_at(*from, &lines));
                let to = place(*to, lines.len());
                lines.splice(to..to, std::iter::repeat_n(line, *times));
            }
            Slip::Indent { line, by } => {
                let at = line_at(*line, &lines);
                let width = lines[at].len() - lines[at].trim_start().len();
                let width = width.saturating_add_signed(isize::from(*by));
                lines[at] = format!("{}{}", " ".repeat(width), lines[at].trim_start());
            }
            Slip::Part { file, from, lines: count, to, indent } => {
                let other = &FILES[file % FILES.len()];
                let part = other.lines().skip(place(*from, other.lines().count())).take(*count);
                let part: Vec<String> = part.map(|line| format!("{}{line}", " ".repeat(*indent))).collect();
                let to = place(*to, lines.len());
                lines.splice(to..to, part);
            }
            Slip::Brackets { line, depth } => {
                let at = line_at(*line, &lines);
                if let Some((key, value)) = lines[at].clone().split_once(": ") {
                    let (open, close) = ("[".repeat(*depth), "]".repeat(*depth));
                    lines[at] = format!("{key}: {open}{value}{close}");
                }
            }
            Slip::Alias { line, at } => {
                let anchored = line_at(*line, &lines);
                lines[anchored] = lines[anchored].replacen(": ", ": &x ", 1);
                let used = line_at(*at, &lines);
                if let Some((key, _)) = lines[used].clone().split_once(": ") {
                    lines[used] = format!("{key}: *x");
                }
            }
        }
        lines.join("\n")
    }
}

fn slip() -> impl Strategy<Value = Slip> {
    let share = || 0.0..1.0;
    prop_oneof![
        4 => (share(), 0_usize..12, "[-{}\\[\\]:,#&*!$\"'<>=|% \ta-z0-9é\u{0}\u{202e}\n]{0,6}")
            .prop_map(|(at, len, new)| Slip::Letters(at, len, new)),
        4 => (share(), any::<usize>()).prop_map(|(at, word)| Slip::Word(at, word)),
        2 => (share(), share(), prop_oneof![5 => 0_usize..3, 1 => 0_usize..500])
            .prop_map(|(from, to, times)| Slip::Line { from, to, times }),
        2 => (share(), -6_i8..7).prop_map(|(line, by)| Slip::Indent { line, by }),
        2 => (any::<usize>(), share(), 1_usize..12, share(), 0_usize..8)
            .prop_map(|(file, from, lines, to, indent)| Slip::Part { file, from, lines, to, indent }),
        1 => (share(), prop_oneof![1_usize..4, 1_usize..3000]).prop_map(|(line, depth)| Slip::Brackets { line, depth }),
        1 => (share(), share()).prop_map(|(line, at)| Slip::Alias { line, at }),
    ]
}

fn with_slips() -> impl Strategy<Value = String> {
    (any::<usize>(), prop::collection::vec(slip(), 1..6)).prop_map(|(file, slips)| {
        let file = FILES[file % FILES.len()].clone();
        slips.iter().fold(file, |text, slip| slip.apply(&text))
    })
}

/// Words of the language in any order, over lines of any indentation.
fn soup() -> impl Strategy<Value = String> {
    let word = any::<usize>().prop_map(|word| WORDS[word % WORDS.len()].clone());
    let line = (0_usize..10, prop::collection::vec(word, 0..6))
        .prop_map(|(indent, words)| format!("{}{}\n", " ".repeat(indent * 2 % 12), words.join(" ")));
    prop::collection::vec(line, 0..40).prop_map(|lines| lines.concat())
}

/// Steps within steps within steps, and whatever else can hold itself.
fn nested() -> impl Strategy<Value = String> {
    let holders = [
        "- repeat: 2\n  do:\n",
        "- group: g\n  do:\n",
        "- if: true\n  then:\n",
        "- if: true\n  then:\n  - get: /a\n  else:\n",
        "- for_each: [1]\n  do:\n",
        "- choose:\n  - weight: 1\n    do:\n",
        "- while: true\n  do:\n",
        "- at_most: 1s\n  until: true\n  poll:\n",
        "- wait_for_turn:\n",
    ];
    let steps = prop::collection::vec(select(holders.to_vec()), 1..300).prop_map(|holders| {
        let mut text = String::from("target: bundled\nload: { users: 1, duration: 1s }\nflow:\n");
        let mut indent = 0;
        for holder in holders {
            for line in holder.lines() {
                text += &format!("{}{line}\n", " ".repeat(indent));
            }
            indent += holder.lines().last().map_or(0, |last| last.len() - last.trim_start().len()) + 2;
        }
        format!("{text}{}- get: /\n", " ".repeat(indent))
    });
    let flow = (
        select(vec!["[", "{a: ", "[{a: ", "- ", "? ", "!x ", "${ ", "(", "- - "]),
        1_usize..5000,
        any::<bool>(),
    )
        .prop_map(|(open, depth, as_value)| {
            let nest = open.repeat(depth);
            if as_value { format!("vars: {{ a: {nest} }}\n") } else { nest }
        });
    prop_oneof![steps, flow]
}

/// Each level holds the one before it several times.
fn bomb() -> impl Strategy<Value = String> {
    (1_usize..40, 1_usize..20, 0_usize..4).prop_map(|(levels, width, form)| {
        let mut text = String::from(
            "target: bundled\nload: { users: 1, duration: 1s }\nflow:\n  - get: /\nvars:\n  a0: &a0 [x, x]\n",
        );
        for level in 1..=levels {
            let alias = format!("*a{}", level - 1);
            let line = match form {
                0 => format!("[{}]", vec![alias; width].join(", ")),
                1 => {
                    let entries: Vec<String> = (0..width).map(|n| format!("k{n}: {alias}")).collect();
                    format!("{{ {} }}", entries.join(", "))
                }
                2 => format!("{{ <<: {alias}, k{level}: {alias} }}"),
                _ => format!("{{ <<: [{}] }}", vec![alias; width].join(", ")),
            };
            text += &format!("  a{level}: &a{level} {line}\n");
        }
        format!("{text}x-more: [{}]\n", vec![format!("*a{levels}"); width].join(", "))
    })
}

fn bytes() -> impl Strategy<Value = String> {
    prop::collection::vec(any::<u8>(), 0..400).prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

pub(crate) fn any_file() -> impl Strategy<Value = String> {
    prop_oneof![8 => with_slips(), 3 => soup(), 2 => nested(), 1 => bomb(), 1 => bytes()]
}

/// Whatever the text: findings with places in it and at least one error, or a test that can be shown.
fn survives(text: &str) {
    match load_text(Path::new("any.yaml"), text.to_owned(), &LoadOptions::default()) {
        Ok(loaded) => {
            assert!(loaded.warnings.iter().all(|finding| finding.severity != Severity::Error));
            loaded.source.render(&loaded.warnings, true);
            plan::render(&loaded.test, 1, None);
        }
        Err(Failed::Findings { file, findings }) => {
            assert!(findings.iter().any(|finding| finding.severity == Severity::Error));
            assert!(findings.iter().all(|finding| text.get(finding.span.clone()).is_some()), "{findings:?}");
            file.render(&findings, false);
            file.for_machines(&findings);
        }
        Err(Failed::Read(_)) => {}
    }
}

#[test]
fn no_file_brings_the_checker_down() {
    fuzz("files", 400, &any_file(), survives);
}

#[test]
fn what_did_harm_once_does_no_more() {
    for text in folder("tests/fixtures/found") {
        try_one("found", &text, survives);
    }
}
