//! Expressions, templates and values, compiled where they stand, their errors pointed at the very word.

use std::ops::Range;
use std::sync::Arc;

use super::{Block, Check, Gathered};
use crate::scenario::finding::shortened;
use crate::scenario::yaml::{Key, Kind, Node};
use crate::spelling::closest;
use crate::template::{
    Expr, Scope, Shared, SlotNames, TemplateError, TextTemplate, Value, ValueTemplate, Visible,
};

/// Longer ones are not written by people, and are slow to compile.
const LONGEST_EXPRESSION: usize = 4096;

impl Check<'_> {
    fn visible(&self) -> Visible<'_> {
        Visible {
            slots: &self.names.slots,
            answer: self.answer,
            results: self.block == Block::Verify,
            rows: &self.row_names,
            env: self.env,
        }
    }

    /// What has been used since the last call.
    pub(super) fn gather(&mut self) -> Gathered {
        std::mem::take(&mut self.gathered)
    }

    /// A bare expression.
    pub(super) fn expression(&mut self, node: &Node, key: &Key) -> Option<Expr> {
        let text = self.text(node, key, "an expression like `status == 200`")?;
        if let Some(inner) = text.trim().strip_prefix("${").and_then(|rest| rest.strip_suffix('}')) {
            let inner = shortened(inner.trim());
            self.error(
                &node.span,
                "an expression stands bare here, without `${ }`",
                format!("write `{inner}`"),
            );
            return None;
        }
        if let Some(path) = text.trim().strip_prefix("$.") {
            let path = shortened(path);
            self.error(
                &node.span,
                "a JSON path is no expression",
                format!("write `json.{path}`, or `jsonpath(json, \"$.{path}\")`"),
            );
            return None;
        }
        if self.is_too_long(node, text) {
            return None;
        }
        match Expr::compile(text, self.visible()) {
            Ok(expr) => {
                self.note(&expr, node, text);
                Some(expr)
            }
            Err(error) => {
                self.template_error(node, text, error, 0);
                None
            }
        }
    }

    /// A text with `${ … }` in it, as it stands in the file.
    pub(super) fn template(&mut self, node: &Node, key: &Key) -> Option<TextTemplate> {
        let text = self.text(node, key, "a text")?;
        self.template_text(node, text, 0)
    }

    /// A part of a node's text, from `shift` on.
    pub(super) fn template_text(&mut self, node: &Node, whole: &str, shift: usize) -> Option<TextTemplate> {
        let text = whole.get(shift..).unwrap_or_default();
        if text.contains("${") && self.is_too_long(node, text) {
            return None;
        }
        match TextTemplate::compile(text, self.visible()) {
            Ok(template) => {
                for expr in template.exprs() {
                    self.note(expr, node, whole);
                }
                Some(template)
            }
            Err(error) => {
                self.template_error(node, whole, error, shift);
                None
            }
        }
    }

    /// A text that is needed before anything runs: of what changes it may ask `env()` and the like.
    pub(super) fn rendered_now(&mut self, node: &Node, text: &str, example: &str) -> Option<String> {
        let (rendered, secrets) = self.rendered_with_secrets(node, text, example)?;
        if secrets.is_empty() {
            return Some(rendered);
        }
        let problem = "what stands here is shown by plans and reports, and a secret must not be";
        self.error(&node.span, problem, "write `env(…)`, and keep secrets to headers and bodies");
        None
    }

    /// The same, and the secrets in it, for somebody who does not show them.
    pub(super) fn rendered_with_secrets(
        &mut self,
        node: &Node,
        text: &str,
        example: &str,
    ) -> Option<(String, Vec<String>)> {
        if !text.contains("${") {
            return Some((text.to_owned(), Vec::new()));
        }
        let visible =
            Visible { slots: &SlotNames::default(), answer: false, results: false, rows: &[], env: self.env };
        let template = match TextTemplate::compile(text, visible) {
            Ok(template) => template,
            Err(error) => {
                let at = self.locate(&node.span, text, error.at.unwrap_or(0..text.len()));
                self.error(&at, error.problem, error.help.unwrap_or_else(|| example.to_owned()));
                return None;
            }
        };
        let shared = Arc::new(Shared::new(0, String::new(), false, self.env.clone()));
        let mut scope = Scope::new(Arc::clone(&shared), Arc::from(""), 0, Arc::from([]));
        match template.render_to_string(&mut scope) {
            Ok(rendered) => Some((rendered, shared.secrets())),
            Err(error) => {
                self.error(&node.span, error.problem, example);
                None
            }
        }
    }

    /// A value as JSON knows them, with templates in its texts.
    pub(super) fn value(&mut self, node: &Node) -> Option<ValueTemplate> {
        Some(match &node.kind {
            Kind::Broken => return None,
            Kind::Null => ValueTemplate::Const(Value::UNDEFINED),
            Kind::Bool(truth) => ValueTemplate::Const(Value::from(*truth)),
            Kind::Int(number) => ValueTemplate::Const(match i64::try_from(*number) {
                Ok(number) => Value::from(number),
                Err(_) => Value::from(u64::try_from(*number).unwrap_or(u64::MAX)),
            }),
            Kind::Float(number) => ValueTemplate::Const(Value::from(*number)),
            Kind::Text { value, .. } => {
                if value.contains("${") && self.is_too_long(node, value) {
                    return None;
                }
                match ValueTemplate::compile(value, self.visible()) {
                    Ok(template) => {
                        template.for_each_expr(&mut |expr| self.note(expr, node, value));
                        template
                    }
                    Err(error) => {
                        self.template_error(node, value, error, 0);
                        return None;
                    }
                }
            }
            // Every item is compiled, also after a broken one: all findings at once.
            Kind::List(items) => {
                let items: Vec<_> = items.iter().map(|item| self.value(item)).collect();
                ValueTemplate::List(items.into_iter().collect::<Option<_>>()?)
            }
            Kind::Map(entries) => {
                let mut fields = Vec::with_capacity(entries.len());
                let mut whole = true;
                for entry in entries {
                    if entry.key.name.contains("${") {
                        self.error(
                            &entry.key.span,
                            "a key is taken as it stands: `${ … }` works in values",
                            "write the key out",
                        );
                    }
                    match self.value(&entry.value) {
                        Some(value) => fields.push((entry.key.name.clone(), value)),
                        None => whole = false,
                    }
                }
                if !whole {
                    return None;
                }
                ValueTemplate::Object(fields)
            }
        })
    }

    fn is_too_long(&mut self, node: &Node, text: &str) -> bool {
        let too_long = text.len() > LONGEST_EXPRESSION;
        if too_long {
            let problem =
                format!("an expression, and a text with one, may be {LONGEST_EXPRESSION} bytes long");
            self.error(
                &node.span,
                problem,
                "split it into several with `set`, or put the text into a variable of its own",
            );
        }
        // What has found this many slips already need not be looked at further.
        too_long || self.findings.is_full()
    }

    fn template_error(&mut self, node: &Node, text: &str, error: TemplateError, shift: usize) {
        let at = error.at.map_or(shift..text.len(), |at| at.start + shift..at.end + shift);
        let span = self.locate(&node.span, text, at);
        let help = error.help.unwrap_or_else(|| {
            "expressions are like Jinja's: `a == 1 and b in [1, 2]`, `a if b else c`, `a | default(0)`".into()
        });
        self.error(&span, error.problem, help);
    }

    /// Where a part of a scalar's value stands in the file: exactly for scalars on one line without escapes,
    /// else where its text occurs, else the scalar.
    pub(super) fn locate(&self, span: &Range<usize>, value: &str, at: Range<usize>) -> Range<usize> {
        let raw = self.text.get(span.clone()).unwrap_or_default();
        let (Some(part), true) = (value.get(at.clone()), at.start <= at.end) else { return span.clone() };
        if raw == value {
            return span.start + at.start..span.start + at.end;
        }
        if raw.len() >= 2 && raw.get(1..raw.len() - 1) == Some(value) {
            return span.start + 1 + at.start..span.start + 1 + at.end;
        }
        let mut found = raw.match_indices(part).map(|(place, _)| place);
        match (found.next(), found.next()) {
            (Some(place), None) if !part.trim().is_empty() => {
                span.start + place..span.start + place + part.len()
            }
            _ => span.clone(),
        }
    }

    /// Keeps account of what an expression speaks of.
    fn note(&mut self, expr: &Expr, node: &Node, text: &str) {
        self.gathered.reads_body |= expr.reads().body;
        for &slot in expr.mentions() {
            self.names.mention(slot, self.block);
            let at = || {
                let name = self.names.slots.names().get(slot.index()).map_or("", String::as_str);
                self.locate(&node.span, text, word_in(text, expr.source(), name))
            };
            if self.names.blocks(slot) & self.block.sees() == 0 {
                let at = at();
                self.unseen(slot, &at);
            } else if expr.needs().contains(&slot)
                && (self.block == Block::Vars || !self.names.is_always_there(slot))
            {
                let at = at();
                self.gathered.places.push((slot, at));
                if !self.gathered.needs.contains(&slot) {
                    self.gathered.needs.push(slot);
                }
            }
        }
        if self.block == Block::Verify {
            self.results_named(expr.source(), node, text);
        }
    }

    fn unseen(&mut self, slot: crate::template::Slot, at: &Range<usize>) {
        let name = self.names.slots.names().get(slot.index()).cloned().unwrap_or_default();
        if self.feeder_named(&name).is_some() {
            let problem =
                format!("`{name}` is a row that a user has, and in `{}` there is no user", self.block.name());
            self.error(at, problem, "use it in `on_start` and `flow`");
            return;
        }
        let blocks = [Block::Setup, Block::OnStart, Block::Flow, Block::Verify, Block::Teardown];
        let home = blocks.iter().find(|block| self.names.blocks(slot) & block.bit() != 0);
        let (home, here) = (home.map_or("vars", |block| block.name()), self.block.name());
        let help = match (home, self.block) {
            ("flow" | "on_start", Block::Verify | Block::Teardown) => {
                format!(
                    "what a user captures is gone with the user; `{here}` knows what `vars` and `setup` define"
                )
            }
            _ => format!("capture it in `{here}` or before"),
        };
        self.error(at, format!("`{name}` comes from `{home}`, and has no value in `{here}`"), help);
    }

    /// `results["reserve seat"].success`: a name that no row has would be null, and the check broken at the
    /// end of a long run.
    fn results_named(&mut self, expr: &str, node: &Node, text: &str) {
        let mut from = 0;
        while let Some(place) = expr[from..].find("results") {
            let rest = from + place + "results".len();
            from = rest;
            let tail = &expr[rest..];
            let (name, start) = if let Some(quote) = tail.strip_prefix('[').and_then(|t| t.chars().next()) {
                let inner = tail.get(2..).unwrap_or_default();
                let Some(end) = inner.find(quote).filter(|_| matches!(quote, '"' | '\'')) else { continue };
                (&inner[..end], rest + 2)
            } else if let Some(inner) = tail.strip_prefix('.') {
                let end = inner.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(inner.len());
                (&inner[..end], rest + 1)
            } else {
                continue;
            };
            let shift = text.find(expr).unwrap_or_default();
            let at = self.locate(&node.span, text, start + shift..start + shift + name.len());
            if !self.book.has_row(name) {
                let rows = self.book.catalog.rows.iter().filter(|row| row.scenario == self.number);
                let rows = rows.map(|row| row.name.as_str());
                let help = match closest(name, rows) {
                    Some(close) => format!("did you mean `{close}`?"),
                    None => "a name stands here as the step of `flow` has it".to_owned(),
                };
                self.error(&at, format!("no step is named `{}`", shortened(name)), help);
                continue;
            }
            let after = expr[start + name.len()..].trim_start_matches(['"', '\'', ']']);
            let Some(field) = after.strip_prefix('.') else { continue };
            let field_start = expr.len() - field.len() + shift;
            let end = field.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(field.len());
            let field = &field[..end];
            if !["success", "business", "failure", "in_doubt"].contains(&field) {
                let at = self.locate(&node.span, text, field_start..field_start + field.len());
                self.error(
                    &at,
                    format!("the result of a step has no `{}`", shortened(field)),
                    "it has `success`, `business`, `failure` and `in_doubt`",
                );
            }
        }
    }
}

/// Where a name stands in an expression that is a part of a text.
fn word_in(text: &str, expr: &str, name: &str) -> Range<usize> {
    let base = text.find(expr).unwrap_or_default();
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let place = expr.match_indices(name).map(|(place, _)| place).find(|&place| {
        !expr[..place].ends_with(|c| is_word(c) || c == '.')
            && !expr[place + name.len()..].starts_with(is_word)
    });
    place.map_or(0..text.len(), |place| base + place..base + place + name.len())
}
