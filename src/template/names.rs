//! The names in an expression: which it may use, which it does use, and what to say of others.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use super::env::Env;
use super::lexer::{Kind, Token};
use super::times::TIMES;
use super::{Slot, TemplateError, builtins};

/// Which names an expression may use.
#[derive(Debug, Clone, Copy)]
pub struct Visible<'a> {
    /// Variables and captures.
    pub slots: &'a SlotNames,
    /// `status`, `header()`, `json`, `body`, `outcome`, `duration_ms`.
    pub answer: bool,
    /// `results`, in `verify`.
    pub results: bool,
    /// The names among `slots` that stand for rows of data.
    pub rows: &'a [RowNames],
    pub env: &'a Env,
}

/// Names and their slots, which count from 0. A file may have thousands, and each word of each expression is
/// looked up among them.
#[derive(Debug, Clone, Default)]
pub struct SlotNames {
    names: Vec<String>,
    slots: HashMap<String, Slot>,
}

impl SlotNames {
    /// The slot of a name, a new one if it has none; none where there are no more.
    pub fn add(&mut self, name: &str) -> Option<Slot> {
        if let Some(slot) = self.slot(name) {
            return Some(slot);
        }
        let slot = Slot(u16::try_from(self.names.len()).ok()?);
        self.names.push(name.to_owned());
        self.slots.insert(name.to_owned(), slot);
        Some(slot)
    }

    pub fn slot(&self, name: &str) -> Option<Slot> {
        self.slots.get(name).copied()
    }

    /// All names; the place of a name is its slot.
    pub fn names(&self) -> &[String] {
        &self.names
    }
}

impl<'a> FromIterator<&'a str> for SlotNames {
    fn from_iter<I: IntoIterator<Item = &'a str>>(names: I) -> Self {
        let mut all = SlotNames::default();
        for name in names {
            all.add(name);
        }
        all
    }
}

/// A name that stands for a row of data, and what is known of it.
#[derive(Debug, Clone)]
pub struct RowNames {
    pub name: String,
    pub fields: RowFields,
}

/// What a row of data holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowFields {
    /// One value: the row is a text or a number.
    Whole,
    /// Values by name.
    Named(Arc<[Arc<str>]>),
}

impl Visible<'_> {
    /// The slot of a name. Reserved names have none.
    pub(super) fn slot(&self, name: &str) -> Option<Slot> {
        if is_reserved(name) { None } else { self.slots.slot(name) }
    }
}

/// Names of a scope that are no slots.
const NAMES: [&str; 5] = ["user", "scenario", "target", "null", "header"];
pub(super) const ANSWER_NAMES: [&str; 6] = ["status", "header", "json", "body", "outcome", "duration_ms"];

/// Whether a name means something to every expression, so that no variable may have it.
pub fn is_reserved(name: &str) -> bool {
    NAMES.contains(&name)
        || ANSWER_NAMES.contains(&name)
        || KEYWORDS.contains(&name)
        || builtins::FUNCTIONS.contains(&name)
        || name == "results"
        || name == TIMES
}

/// Words of the expression language itself.
const KEYWORDS: [&str; 15] = [
    "and",
    "or",
    "not",
    "in",
    "is",
    "if",
    "else",
    "true",
    "false",
    "none",
    "True",
    "False",
    "None",
    "recursive",
    "loop",
];

/// The names an expression looks up in its scope, with their places: not attributes, keywords, names of
/// arguments, filters or tests.
pub(super) fn free_names<'a>(
    source: &'a str,
    words: &'a [Token],
) -> impl Iterator<Item = (&'a str, Range<usize>)> {
    words.iter().enumerate().filter_map(move |(place, word)| {
        let before = place.checked_sub(1).map(|at| words[at].text(source));
        let two_before = place.checked_sub(2).map(|at| words[at].text(source));
        let after = words.get(place + 1).map(|word| word.text(source));
        let text = word.text(source);
        let attribute = matches!(before, Some("." | "|" | "is"));
        let is_test = before == Some("not") && two_before == Some("is");
        let argument = after == Some("=") && matches!(before, Some("(" | ","));
        let free =
            word.kind == Kind::Name && !attribute && !is_test && !argument && !KEYWORDS.contains(&text);
        free.then(|| (text, word.range.clone()))
    })
}

pub(super) fn slots_used<'a>(
    source: &'a str,
    words: &'a [Token],
    visible: Visible<'a>,
) -> impl Iterator<Item = Slot> + 'a {
    free_names(source, words).filter_map(move |(name, _)| visible.slot(name))
}

pub(super) fn check_names(source: &str, words: &[Token], visible: Visible<'_>) -> Result<(), TemplateError> {
    for (name, at) in free_names(source, words) {
        let known = NAMES.contains(&name)
            || builtins::FUNCTIONS.contains(&name)
            || (visible.results && name == "results")
            || ANSWER_NAMES.contains(&name)
            || visible.slot(name).is_some();
        if !known {
            return Err(unknown_name(name, at, visible));
        }
        if ANSWER_NAMES.contains(&name) && !visible.answer {
            return Err(TemplateError {
                problem: format!("`{name}` is known only after an answer"),
                help: Some("capture what you need in an earlier request, and use its name here".into()),
                at: Some(at),
            });
        }
    }
    for (place, word) in words.iter().enumerate() {
        if place.checked_sub(1).is_some_and(|at| words[at].text(source) == ".") {
            continue;
        }
        check_field(source, &words[place..], visible)?;
        let attribute = (words.get(place + 1).map(|w| w.text(source)) == Some("."))
            .then(|| words.get(place + 2))
            .flatten();
        let Some(attribute) = attribute else { continue };
        let known: &[&str] = match word.text(source) {
            "user" => &["id", "iteration"],
            "target" => &["url", "bundled"],
            _ => continue,
        };
        let name = attribute.text(source);
        if !known.contains(&name) {
            return Err(TemplateError {
                problem: format!("`{}` has no `{name}`", word.text(source)),
                help: Some(format!(
                    "it has {}",
                    known.iter().map(|k| format!("`{k}`")).collect::<Vec<_>>().join(" and ")
                )),
                at: Some(attribute.range.clone()),
            });
        }
    }
    Ok(())
}

/// A field of a row of data must be one of its columns.
fn check_field(source: &str, words: &[Token], visible: Visible<'_>) -> Result<(), TemplateError> {
    let [row, mark, field, ..] = words else { return Ok(()) };
    let (row, mark, name) = (row.text(source), mark.text(source), field.text(source));
    let Some(RowNames { fields, .. }) = visible.rows.iter().find(|known| known.name == row) else {
        return Ok(());
    };
    let at = Some(field.range.clone());
    let name = match (mark, field.kind) {
        (".", _) => name,
        // `users["name"]`
        ("[", Kind::Text) => name.get(1..name.len() - 1).unwrap_or(name),
        ("[", Kind::Number) => {
            let problem = format!("`{row}` is one row already: the one that this iteration has");
            return Err(TemplateError { problem, help: Some(format!("leave `[{name}]` out")), at });
        }
        _ => return Ok(()),
    };
    let RowFields::Named(names) = fields else {
        let problem = format!("a row of `{row}` is one value, and has no `{name}`");
        return Err(TemplateError { problem, help: Some(format!("write `{row}` alone")), at });
    };
    if names.iter().any(|known| **known == *name) {
        return Ok(());
    }
    let help = match crate::spelling::closest(name, names.iter().map(|known| &**known)) {
        Some(close) => format!("did you mean `{close}`?"),
        None => {
            const SHOWN: usize = 8;
            let shown = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect::<Vec<_>>();
            let more = if names.len() > SHOWN { " …" } else { "" };
            format!("it has {}{more}", shown.join(", "))
        }
    };
    Err(TemplateError { problem: format!("the rows of `{row}` have no `{name}`"), help: Some(help), at })
}

fn unknown_name(name: &str, at: Range<usize>, visible: Visible<'_>) -> TemplateError {
    let candidates = visible
        .slots
        .names()
        .iter()
        .map(String::as_str)
        .chain(NAMES)
        .chain(builtins::FUNCTIONS)
        .chain(ANSWER_NAMES.into_iter().filter(|_| visible.answer));
    let help = match crate::spelling::closest(name, candidates) {
        Some(close) => format!("did you mean `{close}`?"),
        None if name == "results" => "`results` is known in `verify` only".into(),
        None => "a name comes from `vars`, `set`, `collect` or a `capture`; a text stands in quotes".into(),
    };
    TemplateError { problem: format!("nothing defines `{name}`"), help: Some(help), at: Some(at) }
}
