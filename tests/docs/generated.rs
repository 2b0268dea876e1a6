//! Parts of the pages that are made of the code: between `<!-- generated: NAME -->` and `<!-- end -->`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::process::Command;

use loadtest::capacity::Capacity;
use loadtest::compare::Comparison;
use loadtest::exit::Exit;
use loadtest::result::RunResult;
use loadtest::specs::Specs;
use schemars::schema_for;
use serde_json::Value;

use super::blocks::{page, root};

/// Holds a part of a page against what it should be; with `UPDATE_DOCS`, writes it.
pub(crate) fn hold(path: &str, parts: &[(String, String)]) {
    let text = page(path).text;
    let mut wanted = text.clone();
    for (name, part) in parts {
        let begin = format!("<!-- generated: {name} -->\n");
        let start =
            wanted.find(&begin).unwrap_or_else(|| panic!("{path} has no `{}`", begin.trim())) + begin.len();
        let end = start + wanted[start..].find("<!-- end -->").expect("every generated part has an end");
        wanted.replace_range(start..end, &format!("\n{}\n\n", part.trim_end()));
    }
    let marks = wanted.matches("<!-- generated: ").count();
    assert_eq!(marks, parts.len(), "{path} has another generated part than these: {parts:?}");
    if wanted == text {
        return;
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(root().join(path), wanted).unwrap();
    } else {
        let differs = wanted.lines().zip(text.lines()).find(|(wanted, text)| wanted != text);
        panic!("{path} is out of date, first at {differs:?}; run `UPDATE_DOCS=1 cargo test --test docs`");
    }
}

#[test]
fn exit_codes() {
    let mut table = "| code | meaning |\n|---|---|\n".to_owned();
    for exit in Exit::BY_PRECEDENCE {
        writeln!(table, "| {} | {} |", exit.code(), exit.meaning()).unwrap();
    }
    hold("README.md", &[("exit codes".into(), table)]);
}

#[test]
fn help() {
    let help_of = |verb: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_loadtest"));
        let output = command.args(verb.split(' ')).arg("--help").env("COLUMNS", "100").output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let lines: Vec<&str> = text.trim_end().lines().map(str::trim_end).collect();
        (format!("help {verb}"), format!("```text\n{}\n```\n", lines.join("\n")))
    };
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadtest"));
    let all = String::from_utf8(command.arg("--help").output().unwrap().stdout).unwrap();
    let verbs =
        all.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let verbs = verbs.filter_map(|line| line.split_whitespace().next()).filter(|verb| *verb != "help");
    // A verb that has verbs of its own.
    let verbs = verbs.map(|verb| if verb == "baseline" { "baseline save" } else { verb });
    hold("docs/commands.md", &verbs.map(help_of).collect::<Vec<_>>());
}

/// What a field holds, in words.
fn type_of(schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap();
        return format!("[{name}](#{})", name.to_lowercase());
    }
    for choice in ["anyOf", "allOf"] {
        if let Some(choices) = schema[choice].as_array() {
            return choices.iter().map(type_of).collect::<Vec<_>>().join(" or ");
        }
    }
    let one = |name: &str| match name {
        "array" => format!("list of {}", type_of(&schema["items"])),
        "integer" => "integer".into(),
        other => other.to_owned(),
    };
    match &schema["type"] {
        Value::String(name) => one(name),
        Value::Array(names) => {
            names.iter().filter_map(Value::as_str).map(one).collect::<Vec<_>>().join(" or ")
        }
        _ => "any".into(),
    }
}

/// Fields whose types say nothing of them: `Type.field = what it is`.
fn supplements() -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(root().join("tests/docs/fields.txt")).unwrap();
    let lines = text.lines().filter(|line| !line.is_empty());
    let pairs = lines.map(|line| line.split_once(" = ").unwrap_or_else(|| panic!("fields.txt: {line}")));
    pairs.map(|(field, meaning)| (field.to_owned(), meaning.to_owned())).collect()
}

/// One line of a doc comment.
fn in_a_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

struct Fields {
    supplements: BTreeMap<String, String>,
    used: BTreeSet<String>,
    missing: Vec<String>,
}

impl Fields {
    fn meaning(&mut self, key: &str, schema: &Value) -> String {
        if let Some(text) = schema["description"].as_str() {
            return in_a_line(text);
        }
        self.used.insert(key.to_owned());
        self.supplements.get(key).cloned().unwrap_or_else(|| {
            self.missing.push(key.to_owned());
            String::new()
        })
    }

    /// A type's fields, or the words or shapes it may have.
    fn describe(&mut self, name: &str, schema: &Value) -> String {
        let mut text = format!("### {name}\n\n");
        if let Some(about) = schema["description"].as_str() {
            writeln!(text, "{}\n", in_a_line(about)).unwrap();
        }
        if schema["properties"].is_object() {
            text += &self.table(name, schema);
        }
        if let Some(words) = schema["enum"].as_array() {
            let words: Vec<String> =
                words.iter().map(|word| format!("`{}`", word.as_str().unwrap())).collect();
            writeln!(text, "One of {}.\n", words.join(", ")).unwrap();
        }
        for shape in schema["oneOf"].as_array().into_iter().flatten() {
            if let Some(word) = shape["const"].as_str() {
                let about = self.meaning(&format!("{name}.{word}"), shape);
                writeln!(text, "- `{word}`: {about}").unwrap();
                continue;
            }
            for word in shape["enum"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                let about = self.meaning(&format!("{name}.{word}"), shape);
                writeln!(text, "- `{word}`: {about}").unwrap();
            }
            let Some(properties) = shape["properties"].as_object() else { continue };
            let (tag, word) =
                properties.iter().find_map(|(key, value)| Some((key, value["const"].as_str()?))).unwrap();
            let about = self.meaning(&format!("{name}.{word}"), shape);
            let fields: Vec<String> = properties
                .iter()
                .filter(|(key, _)| *key != tag)
                .map(|(key, value)| format!("`{key}` ({})", type_of(value)))
                .collect();
            let with =
                if fields.is_empty() { String::new() } else { format!(" With {}.", fields.join(", ")) };
            writeln!(text, "- `\"{tag}\": \"{word}\"`: {about}{with}").unwrap();
        }
        text.trim_end().to_owned() + "\n\n"
    }

    /// A type and all that it is made of, but for those that are described elsewhere.
    fn describe_all(&mut self, name: &str, schema: &Value, elsewhere: &[&str]) -> String {
        let mut text = self.describe(name, schema);
        // In the order in which they are first spoken of, as a reader meets them.
        let definitions = schema["$defs"].as_object().unwrap();
        let mut order: Vec<String> = Vec::new();
        let mut waiting = vec![schema];
        while !waiting.is_empty() {
            let mut next = Vec::new();
            for described in waiting {
                for name in references(described) {
                    if !order.contains(&name) {
                        next.push(&definitions[&name]);
                        order.push(name);
                    }
                }
            }
            waiting = next;
        }
        assert_eq!(order.len(), definitions.len());
        for name in order.iter().filter(|name| !elsewhere.contains(&name.as_str())) {
            text += &self.describe(name, &definitions[name]);
        }
        text
    }

    fn table(&mut self, name: &str, schema: &Value) -> String {
        let mut table = "| field | type | meaning |\n|---|---|---|\n".to_owned();
        for (field, schema) in schema["properties"].as_object().unwrap() {
            let about = self.meaning(&format!("{name}.{field}"), schema);
            writeln!(table, "| `{field}` | {} | {about} |", type_of(schema)).unwrap();
        }
        table + "\n"
    }
}

#[test]
fn fields_of_the_records() {
    let mut fields = Fields { supplements: supplements(), used: BTreeSet::new(), missing: Vec::new() };
    let result =
        fields.describe_all("RunResult", &serde_json::to_value(schema_for!(RunResult)).unwrap(), &[]);
    // What a comparison takes over from results is described there.
    let known = ["OutcomeKind", "Soundness"];
    let schema = serde_json::to_value(schema_for!(Comparison)).unwrap();
    let comparison = fields.describe_all("Comparison", &schema, &known);
    let comparison = linked(&comparison, &known);
    let schema = serde_json::to_value(schema_for!(Capacity)).unwrap();
    let capacity = fields.describe_all("Capacity", &schema, &[]);
    let known = ["Comparison", "Limit", "Resource"];
    let schema = serde_json::to_value(schema_for!(Specs)).unwrap();
    let specs = fields.describe_all("Specs", &schema, &known);
    let specs =
        specs.replace("(#comparison)", "(compare.md#the-record)").replace("(#limit)", "(capacity.md#limit)");
    assert!(fields.missing.is_empty(), "say in tests/docs/fields.txt what these are: {:#?}", fields.missing);
    let idle: Vec<_> = fields.supplements.keys().filter(|key| !fields.used.contains(*key)).collect();
    assert!(idle.is_empty(), "fields.txt speaks of what is not there, or explains itself: {idle:?}");
    hold("docs/result.md", &[("fields".into(), result)]);
    hold("docs/compare.md", &[("fields".into(), comparison)]);
    hold("docs/capacity.md", &[("fields".into(), capacity)]);
    hold("docs/specs.md", &[("fields".into(), specs)]);
}

/// With links to the page of results, for types that are described there.
fn linked(text: &str, known: &[&str]) -> String {
    known.iter().fold(text.to_owned(), |text, name| {
        let anchor = name.to_lowercase();
        text.replace(&format!("(#{anchor})"), &format!("(result.md#{anchor})"))
    })
}

/// The names of types in the properties of one, in their order; not those of its definitions.
fn references(schema: &Value) -> Vec<String> {
    match schema {
        Value::Object(map) => map
            .iter()
            .filter(|(key, _)| *key != "$defs")
            .flat_map(|(key, value)| match value {
                Value::String(path) if key == "$ref" => vec![path.rsplit('/').next().unwrap().to_owned()],
                other => references(other),
            })
            .collect(),
        Value::Array(items) => items.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}
