//! `include`: steps, variables and data of other files, put where they are named, so that whoever reads the tree
//! afterwards knows nothing of files.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::check::keys::{INCLUDED, STEP, SUITE, Shape, TEST};
use super::finding::{Finding, MOST, Source, first_line, shortened};
use super::read::{ReadError, ReadProblem, read};
use super::yaml::{self, DEEPEST, Entry, Key, Kind, MOST_ADDED, Node, too_deep};

/// The key that names a file, at the top of a test and in the place of a step.
const INCLUDE: &str = "include";
/// What an included file may add to the test.
const MERGED: [&str; 2] = ["vars", "data"];
/// How many files a test may have, and how many bytes: both well above what a person writes.
const MOST_FILES: usize = 200;
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// The tree with all that it includes, and what was found on the way. The texts of included files are added to
/// the source, so that places in them can be shown.
pub(super) fn expand(source: &mut Source, root: &Rc<Node>) -> (Rc<Node>, Vec<Finding>) {
    if !source.text().contains(INCLUDE) {
        return (Rc::clone(root), Vec::new());
    }
    let own = canonical(source.path());
    let mut include =
        Include { source, findings: Vec::new(), open: vec![own], files: HashMap::new(), added: 0 };
    let root = include.merge(root);
    let place = if root.get("scenarios").is_some() { &SUITE } else { &TEST };
    let root = include.walk(&root, &Shape::In(place), 0);
    let Include { mut findings, .. } = include;
    // A file that is included twice has its findings once.
    let mut known = HashSet::new();
    findings.retain(|finding| known.insert(finding.clone()));
    (root, findings)
}

/// A path that is the same however it is written; as it is where the file is not there.
fn canonical(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

struct Include<'s> {
    source: &'s mut Source,
    findings: Vec<Finding>,
    /// The files that are being read, each included by the one before it.
    open: Vec<PathBuf>,
    /// The trees of files read before; none of one with findings.
    files: HashMap<PathBuf, Option<Rc<Node>>>,
    /// How many values were added so far.
    added: usize,
}

/// A file that an `include` names.
struct Named {
    /// As messages call it.
    path: PathBuf,
    canonical: PathBuf,
    tree: Rc<Node>,
}

impl Include<'_> {
    fn error(&mut self, node: &Node, message: impl Into<String>, help: impl Into<String>) {
        if self.findings.len() < MOST {
            let span = first_line(self.source.text(), &node.span);
            self.findings.push(Finding::error(span, message).help(help));
        }
    }

    /// The tree of a file that is named here; none where it has findings.
    fn named(&mut self, node: &Node) -> Option<Named> {
        let text = match &node.kind {
            Kind::Broken => return None,
            Kind::Text { value, .. } if value.contains("${") => {
                self.error(node, "the path of an included file is taken as it stands", "write it out");
                return None;
            }
            Kind::Text { value, .. } if !value.trim().is_empty() => value,
            _ => {
                self.error(node, "`include` names no file", "write a path, like `include: steps/login.yaml`");
                return None;
            }
        };
        let path = self.source.beside(node.span.start, text);
        let known = canonical(&path);
        if let Some(from) = self.open.iter().position(|open| *open == known) {
            let name = |path: &PathBuf| {
                path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
            };
            let round: Vec<String> = self.open[from..].iter().chain([&known]).map(name).collect();
            let problem = format!("`{}` would include itself: {}", shortened(text), round.join(" → "));
            self.error(node, problem, "take one of them out");
            return None;
        }
        if let Some(tree) = self.files.get(&known) {
            return Some(Named { path, canonical: known, tree: Rc::clone(tree.as_ref()?) });
        }
        let tree = self.load(node, &path);
        self.files.insert(known.clone(), tree.clone());
        Some(Named { path, canonical: known, tree: tree? })
    }

    fn load(&mut self, node: &Node, path: &Path) -> Option<Rc<Node>> {
        let text = match read(path) {
            Ok(text) => text,
            Err(ReadError { path, problem }) => {
                let place = "a path is taken from the folder of the file it stands in".to_owned();
                let (problem, help) = match problem {
                    ReadProblem::Missing { near } => {
                        let near = near.as_deref().and_then(Path::file_name).map(Path::new);
                        let help = near.map(|near| format!("did you mean `{}`?", near.display()));
                        (ReadProblem::Missing { near: None }, help.unwrap_or(place))
                    }
                    ReadProblem::Io(_) | ReadProblem::Directory => (problem, place),
                    _ => (problem, "include another, or mend this one".into()),
                };
                self.error(node, ReadError { path, problem }.to_string(), help);
                return None;
            }
        };
        if self.files.len() >= MOST_FILES || self.source.text().len() + text.len() > MOST_BYTES {
            let problem = format!("a test may have {MOST_FILES} files, and {} MiB", MOST_BYTES / 1024 / 1024);
            self.error(node, problem, "include fewer");
            return None;
        }
        let begin = self.source.add(path.to_owned(), &text);
        let parsed = yaml::parse(self.source.text(), begin);
        let room = MOST.saturating_sub(self.findings.len());
        let is_empty = parsed.root.as_ref().is_none_or(|root| matches!(root.kind, Kind::Null));
        if is_empty && parsed.findings.is_empty() {
            let problem = format!("{} is empty", path.display());
            self.error(node, problem, "write something into it, or take the include out");
            return None;
        }
        self.findings.extend(parsed.findings.into_iter().take(room));
        parsed.root
    }

    /// The top of a test or of an included file, with `vars` and `data` of the files that it includes before its
    /// own; a name of its own stands in the place of an included one.
    fn merge(&mut self, root: &Rc<Node>) -> Rc<Node> {
        let Some(include) = root.get(INCLUDE).cloned() else { return Rc::clone(root) };
        let names: Vec<Rc<Node>> = match &include.value.kind {
            Kind::List(items) => items.clone(),
            _ => vec![Rc::clone(&include.value)],
        };
        let mut merged: [Vec<Entry>; 2] = [Vec::new(), Vec::new()];
        // A file that two others include is there once.
        let mut seen: Vec<PathBuf> = Vec::new();
        for name in names {
            self.gather(&name, &mut merged, &mut seen);
        }
        let mut entries = root.entries().to_vec();
        for (key, included) in MERGED.into_iter().zip(merged) {
            if included.is_empty() {
                continue;
            }
            match entries.iter_mut().find(|entry| entry.key.name == key) {
                // What is no map has a finding of its own.
                Some(own) if !matches!(own.value.kind, Kind::Map(_)) => {}
                Some(own) => {
                    let mut all = included;
                    for entry in own.value.entries() {
                        match all.iter_mut().find(|known| known.key.name == entry.key.name) {
                            Some(known) => *known = entry.clone(),
                            None => all.push(entry.clone()),
                        }
                    }
                    own.value = Node::new(own.value.span.clone(), Kind::Map(all));
                }
                None => entries.push(Entry {
                    key: Rc::new(Key { name: key.into(), span: include.key.span.clone() }),
                    value: Node::new(include.value.span.clone(), Kind::Map(included)),
                }),
            }
        }
        Node::new(root.span.clone(), Kind::Map(entries))
    }

    /// Adds what a file has to what there is, what it includes itself first.
    fn gather(&mut self, name: &Node, merged: &mut [Vec<Entry>; 2], seen: &mut Vec<PathBuf>) {
        let Some(Named { path, canonical, tree }) = self.named(name) else { return };
        if seen.contains(&canonical) || !self.has_room(name, &tree, 1) {
            return;
        }
        seen.push(canonical.clone());
        let Kind::Map(entries) = &tree.kind else {
            if !tree.is_broken() {
                let what = tree.described();
                let problem = format!("{} is {what}, and a map is included here", path.display());
                let help = match tree.kind {
                    Kind::List(_) => "a list of steps is included in the place of a step: `- include: …`",
                    _ => "write `vars:` and `data:` into it",
                };
                self.error(name, problem, help);
            }
            return;
        };
        self.open.push(canonical);
        for entry in entries.iter().filter(|entry| entry.key.name == INCLUDE) {
            match &entry.value.kind {
                Kind::List(items) => items.iter().for_each(|item| self.gather(item, merged, seen)),
                _ => self.gather(&entry.value, merged, seen),
            }
        }
        self.open.pop();
        for entry in entries {
            let key = entry.key.name.as_str();
            let Some(place) = MERGED.iter().position(|known| *known == key) else {
                if !INCLUDED.has(key) && !key.starts_with("x-") && self.findings.len() < MOST {
                    let problem = format!("`{}` cannot be included", shortened(key));
                    let help = "an included file has `vars`, `data` and `include`; all else stands in the test itself";
                    self.findings.push(Finding::error(entry.key.span.clone(), problem).help(help));
                }
                continue;
            };
            if !matches!(entry.value.kind, Kind::Map(_) | Kind::Broken) {
                let problem = format!("expected a map of names, found {}", entry.value.described());
                self.error(&entry.value, problem, format!("write `{key}: {{ name: … }}`"));
            }
            for entry in entry.value.entries() {
                let known = merged[place].iter().find(|known| known.key.name == entry.key.name);
                match known.map(|known| known.key.span.clone()) {
                    None => merged[place].push(entry.clone()),
                    Some(first) => {
                        let problem = format!("`{}` is included twice", shortened(&entry.key.name));
                        let finding = Finding::error(entry.key.span.clone(), problem)
                            .help("keep one of the two")
                            .also(first, "first here");
                        self.findings.push(finding);
                    }
                }
            }
        }
    }

    /// A node with all that is included below it; itself where there is nothing.
    fn walk(&mut self, node: &Rc<Node>, shape: &Shape, depth: usize) -> Rc<Node> {
        match (shape, &node.kind) {
            (Shape::In(place), Kind::Map(entries)) => {
                let value = |this: &mut Self, entry: &Entry| {
                    let key = place.all().find(|key| key.name == entry.key.name);
                    key.map(|key| this.walk(&entry.value, &key.shape, depth + 1))
                };
                self.with_values(node, entries, value)
            }
            (Shape::Names(shape), Kind::Map(entries)) => {
                self.with_values(node, entries, |this, entry| Some(this.walk(&entry.value, shape, depth + 1)))
            }
            (Shape::List(shape), Kind::List(items)) => {
                let walked = items.iter().map(|item| self.walk(item, shape, depth + 1)).collect();
                with_items(node, items, walked)
            }
            (Shape::Steps, Kind::List(items)) => {
                let mut walked = Vec::with_capacity(items.len());
                for item in items {
                    if item.get(INCLUDE).is_some() {
                        self.steps(item, depth, &mut walked);
                    } else {
                        walked.push(self.walk(item, &Shape::In(&STEP), depth + 1));
                    }
                }
                with_items(node, items, walked)
            }
            (Shape::Either(shapes), _) => {
                shapes.iter().fold(Rc::clone(node), |node, shape| self.walk(&node, shape, depth))
            }
            _ => Rc::clone(node),
        }
    }

    /// A map whose values were looked through; those for which `walk` gives none stay.
    fn with_values(
        &mut self,
        node: &Rc<Node>,
        entries: &[Entry],
        mut walk: impl FnMut(&mut Self, &Entry) -> Option<Rc<Node>>,
    ) -> Rc<Node> {
        let mut is_same = true;
        let walked = entries.iter().map(|entry| {
            let value = walk(self, entry).unwrap_or_else(|| Rc::clone(&entry.value));
            is_same &= Rc::ptr_eq(&value, &entry.value);
            Entry { key: Rc::clone(&entry.key), value }
        });
        let walked: Vec<Entry> = walked.collect();
        if is_same { Rc::clone(node) } else { Node::new(node.span.clone(), Kind::Map(walked)) }
    }

    /// The steps of a file in the place of the one that names it.
    fn steps(&mut self, item: &Rc<Node>, depth: usize, into: &mut Vec<Rc<Node>>) {
        let mut name = None;
        for entry in item.entries() {
            let key = entry.key.name.as_str();
            if key == INCLUDE {
                name = Some(Rc::clone(&entry.value));
            } else if !key.starts_with("x-") && self.findings.len() < MOST {
                let problem = format!("`{}` does not go with `include`", shortened(key));
                let help =
                    "an include stands alone: put it into a `group`, or the key at the steps of its file";
                self.findings.push(Finding::error(entry.key.span.clone(), problem).help(help));
            }
        }
        let Some(name) = name else { return };
        // Where its steps are not known, nothing more can be said of this place.
        let broken = || Node::new(item.span.clone(), Kind::Broken);
        let Some(Named { path, canonical, tree }) = self.named(&name) else { return into.push(broken()) };
        if !matches!(tree.kind, Kind::List(_)) {
            if !tree.is_broken() {
                let problem = format!(
                    "{} is {}, and a list of steps is included here",
                    path.display(),
                    tree.described()
                );
                let help = "begin each of its steps with `- `; a file with `vars` and `data` is included at the top of the test";
                self.error(&name, problem, help);
            }
            return into.push(broken());
        }
        if !self.has_room(&name, &tree, depth) {
            return into.push(broken());
        }
        self.open.push(canonical);
        let tree = self.walk(&tree, &Shape::Steps, depth);
        self.open.pop();
        into.extend(tree.items().iter().cloned());
    }

    /// Whether a tree may be added at this depth, before what it includes itself.
    fn has_room(&mut self, name: &Node, tree: &Node, depth: usize) -> bool {
        // It was said already, and what has no bound must not be followed to its end.
        if self.added > MOST_ADDED || self.findings.len() >= MOST {
            return false;
        }
        if depth + tree.height > DEEPEST {
            self.findings.push(too_deep(name.span.clone()));
            return false;
        }
        self.added = self.added.saturating_add(tree.weight);
        if self.added > MOST_ADDED {
            let problem = format!("the includes of this test grow to more than {MOST_ADDED} values");
            self.error(name, problem, "include less, or each file once");
            return false;
        }
        true
    }
}

fn with_items(node: &Rc<Node>, items: &[Rc<Node>], walked: Vec<Rc<Node>>) -> Rc<Node> {
    let is_same =
        items.len() == walked.len() && items.iter().zip(&walked).all(|(one, other)| Rc::ptr_eq(one, other));
    if is_same { Rc::clone(node) } else { Node::new(node.span.clone(), Kind::List(walked)) }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use crate::scenario::{Failed, LoadOptions, load};

    /// What is wrong with a test whose files are `step-0.yaml`, `step-1.yaml` … and that includes the first.
    fn found(files: usize, text: impl Fn(usize) -> String) -> String {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..files {
            std::fs::write(folder.path().join(format!("step-{number}.yaml")), text(number)).unwrap();
        }
        let path = folder.path().join("test.yaml");
        let top = "target: bundled\nload: { users: 1, duration: 1s }\nflow:\n  - include: step-0.yaml\n";
        std::fs::write(&path, top).unwrap();
        match load(&path, &LoadOptions::default()) {
            Ok(_) => String::new(),
            Err(Failed::Findings { file, findings }) => file.render(&findings, false),
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn includes_that_multiply_come_to_an_end() {
        let twice = |number: usize| {
            let mut text = "- get: /a\n".to_owned();
            for _ in 0..2 {
                let _ = writeln!(text, "- include: step-{}.yaml", number + 1);
            }
            if number == 29 { "- get: /last\n".into() } else { text }
        };
        let found = found(30, twice);
        assert!(found.contains("the includes of this test grow to more than 50000 values"), "{found}");
        assert_eq!(found.matches("error:").count(), 1, "{found}");
    }

    #[test]
    fn includes_within_includes_are_bounded() {
        let next = |number: usize| format!("- include: step-{}.yaml\n", number + 1);
        assert!(found(1000, next).contains("a test may have 200 files"));
        let deeper = |number: usize| format!("- group: g\n  do:\n    - include: step-{}.yaml\n", number + 1);
        assert!(found(100, deeper).contains("this is nested too deeply"));
        assert_eq!(found(20, |number| if number == 19 { "- get: /\n".into() } else { deeper(number) }), "");
    }
}
