//! The JSON Schema of the language, made of the table of keys that the checker reads: editors complete keys,
//! show what they are for, and underline what is wrong.

use serde_json::{Map, Value, json};

use super::check::keys::{INCLUDED, Key, Place, STEP, SUITE, Shape, TEST};
use super::threshold::METRICS;

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FileKind {
    /// A test.
    #[default]
    Test,
    /// A list of steps, for others to include.
    Steps,
    /// Variables and data, for others to include.
    Included,
}

/// The schema as `loadtest schema` prints it.
pub fn schema(kind: FileKind) -> Value {
    let mut places = Vec::new();
    let mut root = Map::new();
    root.insert("$schema".into(), json!("http://json-schema.org/draft-07/schema#"));
    let (title, described) = match kind {
        FileKind::Test => ("loadtest scenario", Value::Object(either(&TEST, &SUITE, &mut places))),
        FileKind::Steps => ("loadtest steps", shape(&Shape::Steps, &mut places)),
        FileKind::Included => ("loadtest variables and data", place(&INCLUDED, &mut places)),
    };
    root.insert("title".into(), json!(title));
    root.extend(described.as_object().cloned().unwrap_or_default());
    let mut definitions = Map::new();
    let mut done = 0;
    // Describing a place may bring up others.
    while let Some(&next) = places.get(done) {
        definitions.insert(next.name.into(), place(next, &mut places));
        done += 1;
    }
    root.insert("definitions".into(), Value::Object(definitions));
    Value::Object(root)
}

fn place(place: &'static Place, places: &mut Vec<&'static Place>) -> Value {
    let properties: Map<String, Value> =
        place.all().map(|key| (key.name.to_owned(), described(key, places))).collect();
    let required: Vec<&str> = place.all().filter(|key| key.required.is_some()).map(|key| key.name).collect();
    let mut schema = json!({
        "type": "object",
        "properties": properties,
        "patternProperties": { "^(x-|<<$)": {} },
        "additionalProperties": false,
    });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

/// A map that is one place or another; which of them, its required keys tell.
///
/// All keys stand side by side, so that an editor offers those of both as long as neither is chosen.
fn either(
    one: &'static Place,
    other: &'static Place,
    places: &mut Vec<&'static Place>,
) -> Map<String, Value> {
    let (first, second) = (place(one, places), place(other, places));
    let mut root = first.as_object().cloned().unwrap_or_default();
    root.remove("required");
    let mut properties = second["properties"].as_object().cloned().unwrap_or_default();
    properties.extend(first["properties"].as_object().cloned().unwrap_or_default());
    root.insert("properties".into(), Value::Object(properties));
    let form = |own: &'static Place, required: &Value, not: &'static Place| {
        let strange: Vec<Value> =
            not.all().filter(|key| !own.has(key.name)).map(|key| json!({ "required": [key.name] })).collect();
        json!({ "required": required, "not": { "anyOf": strange } })
    };
    let forms = [form(one, &first["required"], other), form(other, &second["required"], one)];
    root.insert("oneOf".into(), json!(forms));
    root
}

fn described(key: &Key, places: &mut Vec<&'static Place>) -> Value {
    let mut schema = shape(&key.shape, places);
    if key.name == "thresholds" {
        // Metrics that every test has; those of its own have names of its own.
        let one = schema["additionalProperties"].clone();
        let metrics = METRICS.iter().map(|(name, metric)| {
            let mut one = one.clone();
            one["description"] = json!(metric.about());
            ((*name).to_owned(), one)
        });
        schema["properties"] = Value::Object(metrics.collect());
    }
    // Beside a `$ref` nothing else counts in draft 7.
    if schema.get("$ref").is_some() {
        schema = json!({ "allOf": [schema] });
    }
    schema["description"] = json!(key.about);
    schema
}

fn shape(shape_of: &Shape, places: &mut Vec<&'static Place>) -> Value {
    let duration = r"^\s*([0-9.]+(us|µs|ms|s|m|h|d))+\s*$";
    match shape_of {
        Shape::Text => json!({ "type": "string" }),
        Shape::Scalar => json!({ "type": ["string", "number", "boolean"] }),
        Shape::Expression => {
            json!({ "type": ["string", "number", "boolean"], "$comment": "expression" })
        }
        Shape::Any => json!({}),
        Shape::Duration => quantity(duration, "a duration has a unit, like `10s`, `500ms` or `1m30s`"),
        Shape::Rate => quantity(
            r"^\s*[0-9.eE+]+\s*/\s*(s|sec|m|min|h)\s*$",
            "a rate is written like `50/s` or `300/min`",
        ),
        Shape::Share => quantity(r"^\s*[0-9.]+\s*%\s*$", "a share is written with `%`, like `20%`"),
        Shape::LeavingRate => {
            quantity(r"^\s*[0-9.]+\s*%\s*/\s*(s|sec|m|min|h)\s*$", "how many leave is written like `2%/min`")
        }
        Shape::Number => json!({ "type": "number", "minimum": 0 }),
        Shape::Whole(least) => json!({ "type": "integer", "minimum": least }),
        Shape::Flag => json!({ "type": "boolean" }),
        Shape::Word(words) => {
            json!({ "enum": words.iter().flat_map(|word| spellings(word)).collect::<Vec<_>>() })
        }
        Shape::In(place) => reference(place, places),
        Shape::List(item) => json!({ "type": "array", "minItems": 1, "items": shape(item, places) }),
        Shape::Steps => json!({ "type": "array", "minItems": 1, "items": reference(&STEP, places) }),
        Shape::Names(value) => {
            json!({ "type": "object", "minProperties": 1, "additionalProperties": shape(value, places) })
        }
        Shape::Either(shapes) => {
            json!({ "anyOf": shapes.iter().map(|one| shape(one, places)).collect::<Vec<_>>() })
        }
    }
}

/// A text of this form. What editors say of another one is no part of the standard; YAML's language server
/// takes it from here.
fn quantity(pattern: &str, message: &str) -> Value {
    json!({ "type": "string", "pattern": pattern, "errorMessage": message })
}

/// A word as text; one that reads as a number stands without quotes as well.
fn spellings(word: &str) -> Vec<Value> {
    let number = serde_json::from_str(word).ok().filter(Value::is_number);
    [Some(json!(word)), number].into_iter().flatten().collect()
}

fn reference(place: &'static Place, places: &mut Vec<&'static Place>) -> Value {
    if !places.iter().any(|known| known.name == place.name) {
        places.push(place);
    }
    json!({ "$ref": format!("#/definitions/{}", place.name) })
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use regex::Regex;

    use super::*;
    use crate::scenario::yaml::{Kind, Node};
    use crate::scenario::{Failed, LoadOptions, load};

    /// A tree as JSON has it.
    fn to_json(node: &Node) -> Value {
        match &node.kind {
            Kind::Broken | Kind::Null => Value::Null,
            Kind::Bool(truth) => json!(truth),
            Kind::Int(number) => json!(i64::try_from(*number).unwrap()),
            Kind::Float(number) => json!(number),
            Kind::Text { value, .. } => json!(value),
            Kind::List(items) => items.iter().map(|item| to_json(item)).collect(),
            Kind::Map(entries) => {
                entries.iter().map(|entry| (entry.key.name.clone(), to_json(&entry.value))).collect()
            }
        }
    }

    fn root() -> &'static Path {
        Path::new(env!("CARGO_MANIFEST_DIR"))
    }

    /// The YAML files of a folder.
    fn files(folder: &str) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
        let files: Vec<PathBuf> =
            entries.filter(|path| path.extension().is_some_and(|ending| ending == "yaml")).collect();
        assert!(!files.is_empty(), "{folder} is empty");
        files
    }

    fn validator(kind: FileKind) -> jsonschema::Validator {
        jsonschema::validator_for(&schema(kind)).unwrap()
    }

    fn is_valid(validator: &jsonschema::Validator, text: &str) -> Result<(), String> {
        let parsed = crate::scenario::yaml::parse(text, 0);
        let json = to_json(&parsed.root.unwrap());
        validator.validate(&json).map_err(|error| format!("{} at {}", error, error.instance_path()))
    }

    #[test]
    fn sound_files_fit_the_schema() {
        let validator = validator(FileKind::Test);
        for path in files("scenarios").into_iter().chain(files("tests/fixtures/valid")) {
            let text = std::fs::read_to_string(&path).unwrap();
            assert_eq!(is_valid(&validator, &text), Ok(()), "{}", path.display());
        }
    }

    #[test]
    fn included_files_fit_schemas_of_their_own() {
        let (steps, included) = (validator(FileKind::Steps), validator(FileKind::Included));
        for path in files("tests/fixtures/valid/steps") {
            let text = std::fs::read_to_string(&path).unwrap();
            let (own, other) = if text.starts_with("- ") { (&steps, &included) } else { (&included, &steps) };
            assert_eq!(is_valid(own, &text), Ok(()), "{}", path.display());
            assert!(is_valid(other, &text).is_err(), "{}", path.display());
        }
        assert!(is_valid(&steps, "- get: /a\n  expcet: 200\n").is_err());
        assert!(is_valid(&included, "vars: { a: 1 }\nload: { users: 1, duration: 1s }\n").is_err());
    }

    /// What is wrong with the shape of a file is underlined while it is written. What names mean, and what goes
    /// with what, only the checker knows.
    #[test]
    fn what_is_wrong_with_the_shape_of_a_file_does_not_fit() {
        let shapes =
            Regex::new("^(unknown key|expected |`[^`]*` (has no unit|has no steps|is no unit of time|cannot be `)|the share `|an? [a-z ]+ needs `)")
                .unwrap();
        let validator = validator(FileKind::Test);
        // Conditions of thresholds are texts to it.
        let beyond = ["threshold-units"];
        let (mut misshapen, mut unseen) = (0, Vec::new());
        for path in files("tests/fixtures/invalid") {
            let text = std::fs::read_to_string(&path).unwrap();
            let Err(Failed::Findings { file, findings }) = load(&path, &LoadOptions::default()) else {
                continue;
            };
            let own = findings.iter().filter(|finding| file.path_at(finding.span.start) == path);
            let Some(shape) = own.map(|finding| &finding.message).find(|message| shapes.is_match(message))
            else {
                continue;
            };
            if beyond.iter().any(|name| path.file_stem().is_some_and(|stem| stem == *name)) {
                continue;
            }
            misshapen += 1;
            if crate::scenario::yaml::parse(&text, 0).root.is_some() && is_valid(&validator, &text).is_ok() {
                unseen.push(format!("{}: {shape}", path.display()));
            }
        }
        assert!(misshapen >= 20, "{misshapen}");
        assert!(unseen.is_empty(), "the schema takes these:\n{}", unseen.join("\n"));
    }

    #[test]
    fn shipped_scenarios_name_the_schema_first() {
        for path in files("scenarios") {
            let text = std::fs::read_to_string(&path).unwrap();
            let first = text.lines().next().unwrap();
            assert_eq!(first, "# yaml-language-server: $schema=schema.json", "{}", path.display());
        }
    }

    /// `UPDATE_SCHEMA=1 cargo test schema` writes it anew.
    #[test]
    fn the_schema_beside_the_scenarios_is_up_to_date() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/schema.json");
        let text = serde_json::to_string_pretty(&schema(FileKind::Test)).unwrap() + "\n";
        if std::env::var_os("UPDATE_SCHEMA").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(kept == text, "scenarios/schema.json is old: run `UPDATE_SCHEMA=1 cargo test schema`");
    }

    #[test]
    fn every_place_and_key_of_the_checker_is_described() {
        for kind in [FileKind::Test, FileKind::Steps] {
            let schema = schema(kind);
            let definitions = schema["definitions"].as_object().unwrap();
            for place in definitions.values().chain([&schema]) {
                for (key, described) in place["properties"].as_object().into_iter().flatten() {
                    assert!(!described["description"].as_str().unwrap().is_empty(), "{key}");
                }
            }
            for key in STEP.all() {
                let described = &definitions["step"]["properties"][key.name]["description"];
                assert_eq!(described.as_str(), Some(key.about), "{}", key.name);
            }
        }
        let schema = schema(FileKind::Test);
        for key in TEST.all().chain(SUITE.all()) {
            assert!(schema["properties"][key.name]["description"].is_string(), "{}", key.name);
        }
        assert_eq!(schema["oneOf"][0]["required"], json!(["load", "flow"]));
        assert_eq!(schema["oneOf"][1]["required"], json!(["scenarios"]));
    }
}
