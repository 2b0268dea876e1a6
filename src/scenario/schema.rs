//! The JSON Schema of the language, made of the table of keys that the checker reads: editors complete keys,
//! show what they are for, and underline what is wrong.

use serde_json::{Map, Value, json};

use super::check::keys::{Key, Place, STEP, SUITE, Shape, TEST};

/// The schema as `loadtest schema` prints it.
pub fn schema() -> Value {
    let mut places = Vec::new();
    let mut root = Map::new();
    root.insert("$schema".into(), json!("http://json-schema.org/draft-07/schema#"));
    root.insert("title".into(), json!("loadtest scenario"));
    root.extend(either(&TEST, &SUITE, &mut places));
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
        Shape::Scalar | Shape::Expression => json!({ "type": ["string", "number", "boolean"] }),
        Shape::Any => json!({}),
        Shape::Duration => json!({ "type": "string", "pattern": duration }),
        Shape::Rate => json!({ "type": "string", "pattern": r"^\s*[0-9.eE+]+\s*/\s*(s|sec|m|min|h)\s*$" }),
        Shape::Share => json!({ "type": "string", "pattern": r"^\s*[0-9.]+\s*%\s*$" }),
        Shape::LeavingRate => {
            json!({ "type": "string", "pattern": r"^\s*[0-9.]+\s*%\s*/\s*(s|sec|m|min|h)\s*$" })
        }
        Shape::Number => json!({ "type": "number", "minimum": 0 }),
        Shape::Whole(least) => json!({ "type": "integer", "minimum": least }),
        Shape::Flag => json!({ "type": "boolean" }),
        Shape::Word(words) => json!({ "enum": words }),
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

fn reference(place: &'static Place, places: &mut Vec<&'static Place>) -> Value {
    if !places.iter().any(|known| known.name == place.name) {
        places.push(place);
    }
    json!({ "$ref": format!("#/definitions/{}", place.name) })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::scenario::yaml::{Kind, Node};

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

    fn is_valid(validator: &jsonschema::Validator, text: &str) -> Result<(), String> {
        let parsed = crate::scenario::yaml::parse(text, 0);
        let json = to_json(&parsed.root.unwrap());
        validator.validate(&json).map_err(|error| format!("{} at {}", error, error.instance_path()))
    }

    #[test]
    fn shipped_scenarios_fit_the_schema_and_slips_do_not() {
        let validator = jsonschema::validator_for(&schema()).unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        for folder in ["scenarios", "tests/fixtures/valid"] {
            for entry in std::fs::read_dir(root.join(folder)).unwrap() {
                let path = entry.unwrap().path();
                if path.extension().is_some_and(|ending| ending == "yaml") {
                    let text = std::fs::read_to_string(&path).unwrap();
                    assert_eq!(is_valid(&validator, &text), Ok(()), "{}", path.display());
                }
            }
        }
        for slip in
            ["unknown-key", "wrong-unit", "stage-without-duration", "share-without-percent", "empty-flow"]
        {
            let text =
                std::fs::read_to_string(root.join(format!("tests/fixtures/invalid/{slip}.yaml"))).unwrap();
            assert!(is_valid(&validator, &text).is_err(), "{slip}");
        }
    }

    /// `UPDATE_SCHEMA=1 cargo test schema` writes it anew.
    #[test]
    fn the_schema_beside_the_scenarios_is_up_to_date() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/schema.json");
        let text = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
        if std::env::var_os("UPDATE_SCHEMA").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(kept == text, "scenarios/schema.json is old: run `UPDATE_SCHEMA=1 cargo test schema`");
    }

    #[test]
    fn every_place_and_key_of_the_checker_is_described() {
        let schema = schema();
        let definitions = schema["definitions"].as_object().unwrap();
        assert_eq!(definitions.len(), 17);
        for key in STEP.all() {
            let described = &definitions["step"]["properties"][key.name]["description"];
            assert_eq!(described.as_str(), Some(key.about), "{}", key.name);
        }
        for key in TEST.all().chain(SUITE.all()) {
            assert!(schema["properties"][key.name]["description"].is_string(), "{}", key.name);
        }
        assert_eq!(schema["oneOf"][0]["required"], json!(["load", "flow"]));
        assert_eq!(schema["oneOf"][1]["required"], json!(["scenarios"]));
    }
}
