//! YAML as a tree with positions, strict where YAML is lax: what YAML would silently read otherwise than its
//! author meant is a finding.
//!
//! Plain scalars follow YAML 1.2's core schema. Aliases are shared, not copied, and what they add is bounded.

mod build;
mod scalar;
mod syntax;
#[cfg(test)]
mod tests;

use std::ops::Range;
use std::rc::Rc;

use super::finding::Finding;
pub(super) use syntax::too_deep;

/// A value of the file and where it stands.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) span: Range<usize>,
    pub(super) kind: Kind,
    /// How many values it holds, itself included, long texts counting for more; aliases as if written out.
    pub(super) weight: usize,
    /// How many levels it has.
    pub(super) height: usize,
}

#[derive(Debug)]
pub(super) enum Kind {
    /// Something that already has a finding, and deserves no second one.
    Broken,
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    /// `plain` where it stood without quotes.
    Text {
        value: String,
        plain: bool,
    },
    List(Vec<Rc<Node>>),
    Map(Vec<Entry>),
}

/// A key of a map with its value.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) key: Rc<Key>,
    pub(super) value: Rc<Node>,
}

#[derive(Debug)]
pub(super) struct Key {
    pub(super) name: String,
    pub(super) span: Range<usize>,
}

/// A file read: its tree, unless a syntax error ended it, and what was found on the way.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) root: Option<Rc<Node>>,
    pub(super) findings: Vec<Finding>,
}

/// Reads a file: what of `text` stands from `base` on. Places count from the beginning of `text`.
pub(super) fn parse(text: &str, base: usize) -> Parsed {
    build::parse(text, base)
}

/// Levels of nesting, lists and maps taken together: well above what a person writes, well below what would
/// threaten the stack.
pub(super) const DEEPEST: usize = 64;
/// How many values a file may grow by: its aliases together, and what it includes.
pub(super) const MOST_ADDED: usize = 50_000;

impl Node {
    pub(super) fn new(span: Range<usize>, kind: Kind) -> Rc<Node> {
        let (weight, height) = match &kind {
            Kind::Text { value, .. } => (1 + value.len() / 64, 1),
            Kind::List(items) => sum(items.iter()),
            Kind::Map(entries) => sum(entries.iter().map(|entry| &entry.value)),
            _ => (1, 1),
        };
        Rc::new(Node { span, kind, weight, height })
    }

    /// What it is, in words.
    pub(super) fn described(&self) -> &'static str {
        match &self.kind {
            Kind::Broken | Kind::Null => "nothing",
            Kind::Bool(_) => "true or false",
            Kind::Int(_) | Kind::Float(_) => "a number",
            Kind::Text { .. } => "a text",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a map",
        }
    }

    pub(super) fn is_broken(&self) -> bool {
        matches!(self.kind, Kind::Broken)
    }

    /// A scalar as it stands in the file, quotes taken off: `1.10` is `1.10`.
    pub(super) fn scalar_text<'a>(&'a self, text: &'a str) -> Option<&'a str> {
        match &self.kind {
            Kind::Text { value, .. } => Some(value),
            Kind::Bool(_) | Kind::Int(_) | Kind::Float(_) => text.get(self.span.clone()),
            _ => None,
        }
    }

    /// The entries of a map; none of anything else.
    pub(super) fn entries(&self) -> &[Entry] {
        match &self.kind {
            Kind::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list; none of anything else.
    pub(super) fn items(&self) -> &[Rc<Node>] {
        match &self.kind {
            Kind::List(items) => items,
            _ => &[],
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key.name == name)
    }
}

fn sum<'a>(nodes: impl Iterator<Item = &'a Rc<Node>>) -> (usize, usize) {
    let (weight, height) = nodes.fold((1_usize, 0), |(weight, height): (usize, usize), node| {
        (weight.saturating_add(node.weight), height.max(node.height))
    });
    (weight, height + 1)
}
