//! Which sizes `--spec` names, and whether this target can be had in them.

use crate::scenario::model::{Spec, TargetKind, Test};
use crate::spelling::closest;

/// Why a target cannot be had so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChoiceError {
    #[error(
        "`--spec` starts the target in a container, and `{url}` is only an address; write \
         `target: {{ image: registry/app:1.2, port: 8080 }}` with `specs`, or `target: bundled`"
    )]
    NotOurs { url: String },
    #[error(
        "the target has no specs; write under `target` \
         `specs: {{ small: {{ cpus: 0.5, memory: 512MiB }}, medium: {{ cpus: 1, memory: 1GiB }} }}`"
    )]
    None,
    #[error("the target has no spec `{name}`; {help}")]
    Unknown { name: String, help: String },
    #[error("the spec `{0}` is named twice; `--repeat` runs each several times")]
    Twice(String),
}

/// The specs of these names, in the order in which they are named.
pub fn chosen(test: &Test, names: &[String]) -> Result<Vec<Spec>, ChoiceError> {
    if let TargetKind::Url(url) = &test.target.kind {
        return Err(ChoiceError::NotOurs { url: url.clone() });
    }
    let specs = &test.target.specs;
    if specs.is_empty() {
        return Err(ChoiceError::None);
    }
    let mut chosen: Vec<Spec> = Vec::new();
    for name in names.iter().map(|name| name.trim()) {
        let known: Vec<&str> = specs.iter().map(|spec| spec.name.as_str()).collect();
        let Some(spec) = specs.iter().find(|spec| spec.name == name) else {
            let help = match closest(name, known.iter().copied()) {
                Some(close) => format!("did you mean `{close}`?"),
                None => format!(
                    "it has {}",
                    known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
                ),
            };
            return Err(ChoiceError::Unknown { name: name.to_owned(), help });
        };
        if chosen.contains(spec) {
            return Err(ChoiceError::Twice(name.to_owned()));
        }
        chosen.push(spec.clone());
    }
    Ok(chosen)
}
