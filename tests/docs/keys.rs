//! The page of keys: what each of them takes and means, from the schema, and an example of each.
//!
//! Examples stand in `tests/docs/keys/`, a file for each place of the schema. A line `## key key` begins one, and
//! says of which keys it is an example; ` | not run: …` behind them, why it cannot be tried on the bundled
//! service. Steps begin with `- `; all else is keys of a test. What a test cannot do without is added.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use granit_parser::{Event, Parser};
use loadtest::scenario::{FileKind, schema};
use serde_json::{Map, Value, json};

use super::blocks::root;
use super::commands::workplace;
use super::examples::{completed, findings, indented};
use super::generated::hold;

/// The places in the order of the page, and what they are called there. The others come after them.
const PLACES: [(&str, &str); 10] = [
    ("test", "A test"),
    ("target", "The target"),
    ("http", "Defaults of requests"),
    ("feeder", "Data"),
    ("load", "The load"),
    ("stage", "A stage"),
    ("scenario", "One of several scenarios"),
    ("start", "The start of a scenario"),
    ("step", "A step"),
    ("expect", "What an answer should be"),
];

/// A map with fixed keys.
struct Place {
    name: String,
    /// Its keys, each with its schema.
    keys: Vec<(String, Value)>,
    examples: Vec<Example>,
}

struct Example {
    keys: Vec<String>,
    text: String,
    /// Why it cannot be tried.
    not_run: Option<String>,
    place: String,
}

impl Example {
    /// The whole test that it is a part of.
    fn whole(&self) -> String {
        if self.text.starts_with("- ") {
            completed(&format!("flow:\n{}", indented(&self.text)))
        } else {
            completed(&self.text)
        }
    }
}

fn file_of(place: &str) -> PathBuf {
    root().join("tests/docs/keys").join(format!("{place}.txt"))
}

fn examples(place: &str) -> Vec<Example> {
    let Ok(text) = std::fs::read_to_string(file_of(place)) else { return Vec::new() };
    let mut examples = Vec::new();
    for part in text.split("## ").skip(1) {
        let (head, text) = part.split_once('\n').unwrap();
        let (keys, why) =
            head.split_once(" | not run: ").map_or((head, None), |(keys, why)| (keys, Some(why)));
        examples.push(Example {
            keys: keys.split(' ').map(str::to_owned).collect(),
            text: format!("{}\n", text.trim()),
            not_run: why.map(str::to_owned),
            place: format!("tests/docs/keys/{place}.txt, `{head}`"),
        });
    }
    examples
}

/// The places of the schema. Keys of a scenario that are those of a test are left to the test.
fn places() -> Vec<Place> {
    let schema = schema(FileKind::Test);
    let definitions = schema["definitions"].as_object().unwrap();
    let order = |name: &str| PLACES.iter().position(|(known, _)| *known == name).unwrap_or(PLACES.len());
    let mut named: Vec<(&str, &Value)> =
        definitions.iter().map(|(name, place)| (name.as_str(), place)).chain([("test", &schema)]).collect();
    named.sort_by_key(|(name, _)| order(name));
    let place = |(name, place): (&str, &Value)| {
        let keys = place["properties"].as_object().unwrap().iter();
        let keys = keys.filter(|(key, own)| name != "scenario" || schema["properties"][*key] != **own);
        Place {
            keys: keys.map(|(key, own)| (key.clone(), own.clone())).collect(),
            examples: examples(name),
            name: name.to_owned(),
        }
    };
    named.into_iter().map(place).collect()
}

/// What may stand at a key, in words.
fn takes(schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap();
        let title = title(name);
        return format!("[{}](#{})", title.to_lowercase(), title.to_lowercase().replace(' ', "-"));
    }
    if let Some(only) = schema["allOf"].as_array() {
        return takes(&only[0]);
    }
    if let Some(choices) = schema["anyOf"].as_array() {
        let mut words: Vec<String> = Vec::new();
        for choice in choices.iter().map(takes) {
            if !words.contains(&choice) {
                words.push(choice);
            }
        }
        return words.join(", or ");
    }
    if let Some(words) = schema["enum"].as_array() {
        // A word that reads as a number is there twice.
        let words = words.iter().filter_map(Value::as_str);
        let words: Vec<String> = words.map(|word| format!("`{word}`")).collect();
        return words.join(", ");
    }
    if let Some(quantity) = schema["errorMessage"].as_str() {
        let kinds = [("a duration", "duration"), ("a rate", "rate"), ("a share", "share")];
        let kind = kinds.iter().find(|(begin, _)| quantity.starts_with(begin));
        return kind.map_or("share per time", |(_, kind)| kind).to_owned();
    }
    match (&schema["type"], schema["minimum"].as_u64()) {
        (Value::String(kind), _) if kind == "array" => format!("list of: {}", takes(&schema["items"])),
        (Value::String(kind), _) if kind == "object" => {
            format!("names, each with: {}", takes(&schema["additionalProperties"]))
        }
        (Value::String(kind), Some(least @ 1..)) if kind == "integer" => format!("whole number from {least}"),
        (Value::String(kind), _) if kind == "integer" => "whole number".into(),
        (Value::String(kind), _) if kind == "boolean" => "`true` or `false`".into(),
        (Value::String(kind), _) if kind == "string" => "text".into(),
        (Value::String(kind), _) => kind.clone(),
        (Value::Array(_), _) => schema["$comment"].as_str().unwrap_or("text").into(),
        _ => "any value".into(),
    }
}

fn title(place: &str) -> &str {
    PLACES.iter().find(|(name, _)| *name == place).map_or_else(
        || match place {
            "think" => "A think time",
            "choice" => "A choice",
            "outcomes" => "Outcomes",
            "tls" => "Certificates",
            "auth" => "Who sends a request",
            "basic" => "A user and a password",
            "file_body" => "A body from a file",
            "part" => "A part of a form",
            "threshold" => "A threshold",
            other => other,
        },
        |(_, title)| title,
    )
}

fn section(place: &Place) -> String {
    let mut text = format!("## {}\n\n| key | takes | meaning |\n|---|---|---|\n", title(&place.name));
    for (key, own) in &place.keys {
        let about = own["description"].as_str().unwrap().replace('|', "\\|");
        writeln!(text, "| `{key}` | {} | {about} |", takes(own)).unwrap();
    }
    if place.name == "scenario" {
        text += "\nBesides these it has the keys of a test with one load.\n";
    }
    for Example { keys, text: example, .. } in &place.examples {
        let keys: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
        let kind = if example.starts_with("- ") { "step" } else { "part" };
        write!(text, "\n{}:\n\n```yaml {kind}\n{example}```\n", keys.join(", ")).unwrap();
    }
    text
}

#[test]
fn the_page_of_keys() {
    let places = places();
    let sections: Vec<String> = places.iter().map(section).collect();
    hold("docs/keys.md", &[("keys".into(), sections.join("\n"))]);
}

/// What a new key of the language needs besides its line in the table of keys.
#[test]
fn every_key_has_an_example_that_uses_it_in_its_place() {
    let mut wrong = Vec::new();
    let schema = schema(FileKind::Test);
    for place in places() {
        let shown: BTreeSet<&String> = place.examples.iter().flat_map(|example| &example.keys).collect();
        for (key, _) in &place.keys {
            if !shown.contains(key) {
                wrong.push(format!("{} has no example of `{key}`", file_of(&place.name).display()));
            }
        }
        for key in shown.iter().filter(|shown| !place.keys.iter().any(|(key, _)| key == **shown)) {
            wrong.push(format!(
                "{} has an example of `{key}`, which is no key of its own",
                file_of(&place.name).display()
            ));
        }
        for example in &place.examples {
            let found = findings(&example.whole());
            if !found.is_empty() {
                wrong.push(format!("{}:\n{found}", example.place));
            }
            let mut used = BTreeSet::new();
            uses(&schema, "test", &schema, &tree(&example.whole()), &mut used);
            for key in &example.keys {
                if !used.contains(&(place.name.clone(), key.clone())) {
                    wrong.push(format!("{}: there is no `{key}` of `{}` in it", example.place, place.name));
                }
            }
        }
    }
    for entry in std::fs::read_dir(root().join("tests/docs/keys")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if path.is_file() && !places().iter().any(|place| place.name == name) {
            wrong.push(format!("{} is for no place of the schema", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The keys that a value uses, each with its place.
fn uses(root: &Value, place: &str, own: &Value, value: &Value, used: &mut BTreeSet<(String, String)>) {
    if let Some(reference) = own["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap();
        return uses(root, name, &root["definitions"][name], value, used);
    }
    for choice in ["allOf", "anyOf"].iter().filter_map(|kind| own[kind].as_array()).flatten() {
        uses(root, place, choice, value, used);
    }
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                if let Some(known) = own["properties"].get(key) {
                    // Names that the author chose stand beside no fixed keys, but for those of metrics.
                    if !own["additionalProperties"].is_object() {
                        used.insert((place.to_owned(), key.clone()));
                    }
                    uses(root, place, known, value, used);
                } else if own["additionalProperties"].is_object() {
                    uses(root, place, &own["additionalProperties"], value, used);
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| uses(root, place, &own["items"], item, used)),
        _ => {}
    }
}

/// A YAML text as JSON, all scalars as text.
fn tree(text: &str) -> Value {
    let mut parser = Parser::new_from_str(text);
    let mut open: Vec<(Option<String>, Value)> = Vec::new();
    let mut done = Value::Null;
    while let Some(Ok((event, _))) = parser.next_event() {
        let value = match event {
            Event::Scalar(value, ..) => {
                let names = open.last_mut().filter(|(key, map)| key.is_none() && map.is_object());
                if let Some((key, _)) = names {
                    *key = Some(value.into_owned());
                    continue;
                }
                json!(value)
            }
            Event::MappingStart(..) => {
                open.push((None, Value::Object(Map::new())));
                continue;
            }
            Event::SequenceStart(..) => {
                open.push((None, json!([])));
                continue;
            }
            Event::MappingEnd | Event::SequenceEnd => open.pop().unwrap().1,
            _ => continue,
        };
        match open.last_mut() {
            Some((key, Value::Object(map))) => _ = map.insert(key.take().unwrap(), value),
            Some((_, Value::Array(items))) => items.push(value),
            _ => done = value,
        }
    }
    done
}

/// Each example does what it shows: once through, on the bundled service.
#[test]
fn examples_of_keys_run() {
    let folder = workplace();
    let places = places();
    let tried: Vec<&Example> =
        places.iter().flat_map(|place| &place.examples).filter(|example| example.not_run.is_none()).collect();
    assert!(tried.len() > 50, "only {} examples are tried", tried.len());
    // Most of the time is spent starting services, and waiting for thoughts.
    let next = AtomicUsize::new(0);
    let wrong = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(example) = tried.get(next.fetch_add(1, Ordering::Relaxed)) {
                    wrong.lock().unwrap().extend(try_once(folder.path(), example));
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What went wrong with it.
fn try_once(folder: &Path, example: &Example) -> Option<String> {
    let name: String = example.place.chars().filter(|c| c.is_alphanumeric()).collect();
    let file = format!("{name}.yaml");
    std::fs::write(folder.join(&file), example.whole()).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadtest"));
    command.current_dir(folder).env("NO_COLOR", "1").stdin(Stdio::null());
    // The same ways each time: an example may choose one on which nothing is asked.
    let ended = command.args(["run", &file, "--smoke", "--workers", "1", "--seed", "7"]).output().unwrap();
    let said = String::from_utf8_lossy(&ended.stdout).into_owned() + &String::from_utf8_lossy(&ended.stderr);
    // On a busy machine, all that may be wrong is that the generator was late.
    let is_fine = match ended.status.code() {
        Some(0) => true,
        Some(97) => said.contains("✗ the generator was late") && !said.contains("not met"),
        _ => false,
    };
    (!is_fine).then(|| format!("{} ended with {}:\n{said}", example.place, ended.status))
}
