//! The events of the YAML parser, put together as a tree.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::rc::Rc;

use granit_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput, StructureStyle};

use super::scalar::{looks_cut, resolve};
use super::syntax::{no_anchor, too_deep, translated};
use super::{DEEPEST, Entry, Key, Kind, MOST_ADDED, Node, Parsed};
use crate::scenario::finding::{Finding, MOST, shortened};

pub(super) fn parse(text: &str, base: usize) -> Parsed {
    let options = granit_parser::options! {
        flow_nesting_limit: DEEPEST,
        block_nesting_limit: DEEPEST,
        emit_unresolved_aliases: true,
        emit_anchor_events: true,
        disallow_directives: true,
        emit_comments: false,
    };
    let parser = Parser::new_from_str_with_options(text.get(base..).unwrap_or_default(), options);
    let mut builder = Builder {
        text,
        base,
        parser,
        anchors: HashMap::new(),
        names: Vec::new(),
        aliased: 0,
        findings: Vec::new(),
    };
    match builder.document() {
        Ok(root) => Parsed { root, findings: builder.findings },
        Err(Stop(finding)) => Parsed { root: None, findings: vec![finding] },
    }
}

/// A finding after which the rest of the file cannot be read.
struct Stop(Finding);

enum Anchor {
    /// Its value is still being read: an alias to it would contain itself.
    Open,
    Done(Rc<Node>),
}

struct Builder<'t> {
    text: &'t str,
    /// Where what is parsed begins in it.
    base: usize,
    parser: Parser<'t, StrInput<'t>>,
    anchors: HashMap<usize, Anchor>,
    /// The names of the anchors so far.
    names: Vec<String>,
    aliased: usize,
    findings: Vec<Finding>,
}

impl<'t> Builder<'t> {
    fn document(&mut self) -> Result<Option<Rc<Node>>, Stop> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => return Ok(root),
                Event::DocumentStart(..) if root.is_some() => {
                    let at = self.range(&span);
                    return Err(Stop(
                        Finding::error(at, "a second document begins here, and one file is one test")
                            .help("take the `---` out, or put what follows into a file of its own"),
                    ));
                }
                Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
                event => root = Some(self.node(event, &span, 0)?),
            }
        }
    }

    /// The next event that is more than a remark.
    fn next(&mut self) -> Result<(Event<'t>, Span), Stop> {
        loop {
            let next = self.parser.next_event();
            let (event, span) =
                next.unwrap_or(Ok((Event::StreamEnd, Span::default()))).map_err(|e| self.stop(&e))?;
            match event {
                Event::Anchor(_, name) => self.names.push(name.into_owned()),
                event => return Ok((event, span)),
            }
        }
    }

    fn range(&self, span: &Span) -> Range<usize> {
        let at = span.byte_range().unwrap_or_default();
        self.base + at.start..self.base + at.end
    }

    /// Keeps a finding, but not without end.
    fn found(&mut self, finding: Finding) {
        if self.findings.len() < MOST {
            self.findings.push(finding);
        }
    }

    fn stop(&self, error: &ScanError) -> Stop {
        let text = self.text.get(self.base..).unwrap_or_default();
        Stop(translated(text, error).shifted(self.base))
    }

    fn node(&mut self, event: Event<'t>, span: &Span, depth: usize) -> Result<Rc<Node>, Stop> {
        let at = self.range(span);
        if depth > DEEPEST {
            return Err(Stop(too_deep(at)));
        }
        let (anchor, tag) = (event.anchor_id(), event.tag().is_some());
        if let Some(id) = anchor {
            self.anchors.insert(id, Anchor::Open);
        }
        let node = match event {
            Event::Scalar(value, style, ..) => self.scalar(value.into_owned(), style, at),
            Event::SequenceStart(style, ..) => self.list(style, at, depth)?,
            Event::MappingStart(style, ..) => self.map(style, at, depth)?,
            Event::Alias(id) => self.alias(id, at, depth)?,
            Event::UnresolvedAlias(name) => {
                self.found(no_anchor(&name, &self.names, at.clone()));
                Node::new(at, Kind::Broken)
            }
            _ => Node::new(at, Kind::Null),
        };
        let node = if tag { self.tagged(span, &node) } else { node };
        if let Some(id) = anchor {
            self.anchors.insert(id, Anchor::Done(Rc::clone(&node)));
        }
        Ok(node)
    }

    fn tagged(&mut self, span: &Span, node: &Node) -> Rc<Node> {
        let at = span.tag_span().map_or(node.span.clone(), |tag| self.range(&tag));
        let tag = self.text.get(at.clone()).unwrap_or("!");
        let finding = Finding::error(
            at.clone(),
            format!("`{}` is a tag to YAML, and tags are not used here", shortened(tag)),
        );
        let help = match tag.strip_prefix('!') {
            Some(name) if !name.is_empty() && !name.starts_with('!') => {
                format!("write `not {name}` if you mean the opposite, else put the text in quotes")
            }
            _ => "leave it out; put a text in quotes".to_owned(),
        };
        self.found(finding.help(help));
        Node::new(at, Kind::Broken)
    }

    fn scalar(&mut self, value: String, style: ScalarStyle, at: Range<usize>) -> Rc<Node> {
        if style != ScalarStyle::Plain {
            return Node::new(at, Kind::Text { value, plain: false });
        }
        if looks_cut(&value) && self.comment_follows(at.end) {
            self.found(
                Finding::error(at.clone(), "YAML cuts this text at ` #`: what follows is a comment to it")
                    .help("put the whole value in quotes"),
            );
            return Node::new(at, Kind::Broken);
        }
        match resolve(&value, &at) {
            Ok(kind) => Node::new(at, kind),
            Err(finding) => {
                self.found(finding);
                Node::new(at, Kind::Broken)
            }
        }
    }

    fn comment_follows(&self, end: usize) -> bool {
        self.text.get(end..).is_some_and(|rest| rest.trim_start_matches([' ', '\t']).starts_with('#'))
    }

    fn alias(&mut self, id: usize, at: Range<usize>, depth: usize) -> Result<Rc<Node>, Stop> {
        let name = self.text.get(at.clone()).unwrap_or("*").trim_start_matches('*').to_owned();
        let problem = match self.anchors.get(&id) {
            Some(Anchor::Done(node)) if self.aliased + node.weight > MOST_ADDED => {
                let finding =
                    format!("the aliases of this file grow to more than {MOST_ADDED} values with `*{name}`");
                return Err(Stop(
                    Finding::error(at, finding).help("write what you need once, without aliases of aliases"),
                ));
            }
            Some(Anchor::Done(node)) if depth + node.height > DEEPEST => return Err(Stop(too_deep(at))),
            Some(Anchor::Done(node)) => {
                self.aliased += node.weight;
                return Ok(Rc::clone(node));
            }
            Some(Anchor::Open) => {
                let finding =
                    format!("`*{name}` stands inside of what `&{name}` names: it would contain itself");
                Finding::error(at.clone(), finding).help("write out what you mean here")
            }
            None => no_anchor(&name, &self.names, at.clone()),
        };
        self.found(problem);
        Ok(Node::new(at, Kind::Broken))
    }

    fn list(&mut self, style: StructureStyle, start: Range<usize>, depth: usize) -> Result<Rc<Node>, Stop> {
        let mut items: Vec<Rc<Node>> = Vec::new();
        let end = loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::SequenceEnd | Event::StreamEnd) {
                break self.range(&span).end;
            }
            let item = self.node(event, &span, depth + 1)?;
            let split = style == StructureStyle::Flow && items.last().is_some_and(|before| was_split(before));
            match items.last_mut() {
                // A value split in two is one finding, whatever becomes of its parts.
                Some(before) if split => *before = self.split(before, &item.span),
                _ => items.push(item),
            }
        };
        Ok(Node::new(start.start..end.max(start.end), Kind::List(items)))
    }

    fn map(&mut self, style: StructureStyle, start: Range<usize>, depth: usize) -> Result<Rc<Node>, Stop> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut merged: Vec<Entry> = Vec::new();
        let mut seen: HashMap<String, Range<usize>> = HashMap::new();
        let end = loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd | Event::StreamEnd) {
                break self.range(&span).end;
            }
            let key = self.key(event, &span, depth)?;
            let (event, span) = self.next()?;
            // Of an alias, where it stands and not what it names.
            let alias = matches!(event, Event::Alias(_)).then(|| self.range(&span));
            let value = self.node(event, &span, depth + 1)?;
            let Some(key) = key else { continue };
            if style == StructureStyle::Flow && self.has_no_colon(&key) {
                match entries
                    .last_mut()
                    .filter(|before| matches!(before.value.kind, Kind::Text { plain: true, .. }))
                {
                    Some(before) => before.value = self.split(&before.value, &key.span),
                    None => self.found(
                        Finding::error(key.span.clone(), format!("`{}` has no value", shortened(&key.name)))
                            .help(format!("write `{}: …`", shortened(&key.name))),
                    ),
                }
                continue;
            }
            if key.name == "<<" {
                self.merge(&value, alias.unwrap_or(value.span.clone()), &mut merged);
                continue;
            }
            if let Some(first) = seen.get(&key.name) {
                self.found(
                    Finding::error(key.span.clone(), format!("`{}` is given twice", shortened(&key.name)))
                        .help("keep one of the two")
                        .also(first.clone(), "first here"),
                );
                continue;
            }
            seen.insert(key.name.clone(), key.span.clone());
            entries.push(Entry { key: Rc::new(key), value });
        };
        // What stands in the map itself wins over what is merged into it, and the first merged over the next.
        let mut taken: HashSet<String> = seen.into_keys().collect();
        entries.extend(merged.into_iter().filter(|entry| taken.insert(entry.key.name.clone())));
        Ok(Node::new(start.start..end.max(start.end), Kind::Map(entries)))
    }

    /// A key; none where it cannot be one, and then it has its finding.
    fn key(&mut self, event: Event<'t>, span: &Span, depth: usize) -> Result<Option<Key>, Stop> {
        if let Event::Scalar(value, _, 0, None) = event {
            return Ok(Some(Key { name: value.into_owned(), span: self.range(span) }));
        }
        let node = self.node(event, span, depth + 1)?;
        if !node.is_broken() {
            let what = match &node.kind {
                Kind::List(_) | Kind::Map(_) => format!("{} cannot be a key", node.described()),
                _ => "a key is a plain word here".to_owned(),
            };
            let at = node.span.clone();
            self.findings
                .push(Finding::error(at, what).help(
                    "write a word and a colon; put a value that begins with `{`, `[` or `?` in quotes",
                ));
        }
        Ok(None)
    }

    fn merge(&mut self, value: &Node, at: Range<usize>, merged: &mut Vec<Entry>) {
        match &value.kind {
            Kind::Map(entries) => merged.extend(entries.iter().cloned()),
            Kind::List(items) if items.iter().all(|item| matches!(item.kind, Kind::Map(_))) => {
                merged.extend(items.iter().flat_map(|item| item.entries().iter().cloned()));
            }
            Kind::Broken => {}
            _ => self.found(
                Finding::error(at, format!("`<<` merges maps, this is {}", value.described()))
                    .help("write an alias of a map, like `<<: *defaults`"),
            ),
        }
    }

    /// Whether a key of a flow map stands without `:`, like the `2)` of `{ a: f(1, 2) }`.
    fn has_no_colon(&self, key: &Key) -> bool {
        let rest = self.text.get(key.span.end..).unwrap_or_default();
        !key.span.is_empty() && rest.trim_start().starts_with([',', '}', '#'])
    }

    fn split(&mut self, before: &Node, after: &Range<usize>) -> Rc<Node> {
        let at = before.span.start..after.end.max(before.span.end);
        let whole = shortened(self.text.get(at.clone()).unwrap_or_default()).replace('"', "'");
        self.found(
            Finding::error(at.clone(), "a comma split this value: inside `{ }` and `[ ]` it ends an entry")
                .help(format!("write it on its own line or quote it: `\"{whole}\"`")),
        );
        Node::new(at, Kind::Broken)
    }
}

fn was_split(node: &Node) -> bool {
    matches!(&node.kind, Kind::Text { value, plain: true } if looks_cut(value))
}
