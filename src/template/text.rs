//! Text, values and JSON bodies with `${ … }` in them.
//!
//! A JSON body is flattened into fragments when it is compiled: rendering appends bytes that are ready and
//! the few values that are not.

use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, percent_encode};

use super::expr::{EvalError, Expr, Reads};
use super::lexer::closing_brace;
use super::names::Visible;
use super::scope::Scope;
use super::{Slot, TemplateError, Value, write_json};

/// How values are written into their surroundings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    Raw,
    /// In a path: what would end it or break the request line is percent-encoded, slashes are not.
    Path,
    /// In a query or a form: all but letters, digits and `-_.~` is percent-encoded.
    Query,
    /// Inside a JSON string: escaped, without quotes.
    JsonString,
}

const PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'`')
    .add(b'{')
    .add(b'}')
    .add(b'%');
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

impl Encoding {
    /// Appends a text, encoded.
    pub fn write(self, text: &[u8], out: &mut Vec<u8>) {
        match self {
            Encoding::Raw => out.extend_from_slice(text),
            Encoding::Path => {
                percent_encode(text, PATH).for_each(|piece| out.extend_from_slice(piece.as_bytes()))
            }
            Encoding::Query => {
                percent_encode(text, QUERY).for_each(|piece| out.extend_from_slice(piece.as_bytes()))
            }
            Encoding::JsonString => write_json_string(&String::from_utf8_lossy(text), out),
        }
    }
}

/// A text with expressions in it.
#[derive(Debug, Default)]
pub struct TextTemplate {
    parts: Vec<Part>,
}

#[derive(Debug)]
enum Part {
    Static(Box<str>),
    Expr(Expr),
}

impl TextTemplate {
    /// Compiles a text; errors say where in it.
    pub fn compile(text: &str, visible: Visible<'_>) -> Result<TextTemplate, TemplateError> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut at = 0;
        while let Some(found) = text[at..].find("${") {
            let open = at + found;
            if text[..open].ends_with('$') && open > at {
                plain += &text[at..open - 1];
                plain += "${";
                at = open + 2;
                continue;
            }
            plain += &text[at..open];
            let start = open + 2;
            let Some(end) = closing_brace(text, start) else {
                return Err(TemplateError {
                    problem: "`${` is never closed".into(),
                    help: Some("end the expression with `}`, or write `$${` for a literal `${`".into()),
                    at: Some(open..text.len()),
                });
            };
            let expr = Expr::compile(&text[start..end], visible).map_err(|mut error| {
                error.at = Some(error.at.map_or(open..end + 1, |at| at.start + start..at.end + start));
                error
            })?;
            if !plain.is_empty() {
                parts.push(Part::Static(std::mem::take(&mut plain).into()));
            }
            parts.push(Part::Expr(expr));
            at = end + 1;
        }
        plain += &text[at..];
        if !plain.is_empty() {
            parts.push(Part::Static(plain.into()));
        }
        Ok(TextTemplate { parts })
    }

    /// A text without expressions, whatever stands in it.
    pub fn plain(text: &str) -> TextTemplate {
        TextTemplate { parts: if text.is_empty() { Vec::new() } else { vec![Part::Static(text.into())] } }
    }

    /// The text itself, where nothing in it is an expression.
    pub fn as_static(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [Part::Static(text)] => Some(text),
            _ => None,
        }
    }

    pub fn exprs(&self) -> impl Iterator<Item = &Expr> {
        self.parts.iter().filter_map(|part| match part {
            Part::Expr(expr) => Some(expr),
            Part::Static(_) => None,
        })
    }

    /// Whether the first thing in it is an expression.
    pub fn begins_with_value(&self) -> bool {
        matches!(self.parts.first(), Some(Part::Expr(_)))
    }

    /// Appends the text to `out`. In a path only values are encoded, for what stands in the file is a path
    /// already; so is a value that it begins with. In a query or a form all of it is encoded.
    pub fn render(
        &self,
        scope: &mut Box<Scope>,
        encoding: Encoding,
        out: &mut Vec<u8>,
    ) -> Result<(), EvalError> {
        for (place, part) in self.parts.iter().enumerate() {
            match part {
                Part::Expr(expr) if encoding == Encoding::Path && place == 0 => {
                    expr.write_text(scope, out)?
                }
                Part::Static(text) if encoding == Encoding::Query => encoding.write(text.as_bytes(), out),
                Part::Static(text) => out.extend_from_slice(text.as_bytes()),
                Part::Expr(expr) => write_encoded(expr, scope, encoding, out)?,
            }
        }
        Ok(())
    }

    pub fn render_to_string(&self, scope: &mut Box<Scope>) -> Result<String, EvalError> {
        let mut out = Vec::new();
        self.render(scope, Encoding::Raw, &mut out)?;
        Ok(String::from_utf8_lossy(&out).into_owned())
    }
}

fn write_encoded(
    expr: &Expr,
    scope: &mut Box<Scope>,
    encoding: Encoding,
    out: &mut Vec<u8>,
) -> Result<(), EvalError> {
    if encoding == Encoding::Raw {
        return expr.write_text(scope, out);
    }
    let mut text = Vec::new();
    expr.write_text(scope, &mut text)?;
    encoding.write(&text, out);
    Ok(())
}

/// Appends a text escaped for a JSON string, without its quotes.
fn write_json_string(text: &str, out: &mut Vec<u8>) {
    let start = out.len();
    write_json(&Value::from(text), out);
    // The quotes are the first and the last byte of what was written.
    out.remove(start);
    out.pop();
}

/// A value as YAML has it, with expressions in its texts.
#[derive(Debug)]
pub enum ValueTemplate {
    Const(Value),
    /// A text that is one whole `${ … }`: keeps its type.
    Expr(Expr),
    Text(TextTemplate),
    List(Vec<ValueTemplate>),
    Object(Vec<(String, ValueTemplate)>),
}

impl ValueTemplate {
    /// Compiles a text: a constant, one expression, or a text with expressions.
    pub fn compile(text: &str, visible: Visible<'_>) -> Result<ValueTemplate, TemplateError> {
        let mut template = TextTemplate::compile(text, visible)?;
        Ok(match template.parts.as_slice() {
            [] | [Part::Static(_)] => {
                ValueTemplate::Const(Value::from(template.as_static().unwrap_or_default()))
            }
            [Part::Expr(_)] => match template.parts.pop() {
                Some(Part::Expr(expr)) => ValueTemplate::Expr(expr),
                _ => ValueTemplate::Text(template),
            },
            _ => ValueTemplate::Text(template),
        })
    }

    pub fn eval(&self, scope: &mut Box<Scope>) -> Result<Value, EvalError> {
        Ok(match self {
            ValueTemplate::Const(value) => value.clone(),
            ValueTemplate::Expr(expr) => expr.eval(scope)?,
            ValueTemplate::Text(text) => Value::from(text.render_to_string(scope)?),
            ValueTemplate::List(items) => {
                Value::from(items.iter().map(|item| item.eval(scope)).collect::<Result<Vec<_>, _>>()?)
            }
            ValueTemplate::Object(fields) => {
                let mut object = Vec::with_capacity(fields.len());
                for (name, value) in fields {
                    object.push((name.clone(), value.eval(scope)?));
                }
                super::object(object)
            }
        })
    }

    /// Calls `visit` with every expression in it.
    pub fn for_each_expr(&self, visit: &mut impl FnMut(&Expr)) {
        match self {
            ValueTemplate::Const(_) => {}
            ValueTemplate::Expr(expr) => visit(expr),
            ValueTemplate::Text(text) => text.exprs().for_each(visit),
            ValueTemplate::List(items) => items.iter().for_each(|item| item.for_each_expr(visit)),
            ValueTemplate::Object(fields) => fields.iter().for_each(|(_, value)| value.for_each_expr(visit)),
        }
    }
}

/// A JSON body as fragments.
#[derive(Debug)]
pub struct JsonTemplate {
    fragments: Vec<Fragment>,
}

#[derive(Debug)]
enum Fragment {
    Static(Box<[u8]>),
    /// A value of its own, as JSON.
    Value(Expr),
    /// A part of a string.
    InString(Expr),
}

impl JsonTemplate {
    pub fn new(template: ValueTemplate) -> JsonTemplate {
        let mut flat = Flattened::default();
        flat.value(template);
        flat.flush();
        JsonTemplate { fragments: flat.fragments }
    }

    pub fn exprs(&self) -> impl Iterator<Item = &Expr> {
        self.fragments.iter().filter_map(|fragment| match fragment {
            Fragment::Static(_) => None,
            Fragment::Value(expr) | Fragment::InString(expr) => Some(expr),
        })
    }

    pub fn render(&self, scope: &mut Box<Scope>, out: &mut Vec<u8>) -> Result<(), EvalError> {
        for fragment in &self.fragments {
            match fragment {
                Fragment::Static(bytes) => out.extend_from_slice(bytes),
                Fragment::Value(expr) => expr.write_json(scope, out)?,
                Fragment::InString(expr) => write_encoded(expr, scope, Encoding::JsonString, out)?,
            }
        }
        Ok(())
    }
}

#[derive(Default)]
struct Flattened {
    fragments: Vec<Fragment>,
    plain: Vec<u8>,
}

impl Flattened {
    fn flush(&mut self) {
        if !self.plain.is_empty() {
            self.fragments.push(Fragment::Static(std::mem::take(&mut self.plain).into()));
        }
    }

    fn value(&mut self, template: ValueTemplate) {
        match template {
            ValueTemplate::Const(value) => write_json(&value, &mut self.plain),
            ValueTemplate::Expr(expr) => {
                self.flush();
                self.fragments.push(Fragment::Value(expr));
            }
            ValueTemplate::Text(text) => {
                self.plain.push(b'"');
                for part in text.parts {
                    match part {
                        Part::Static(text) => write_json_string(&text, &mut self.plain),
                        Part::Expr(expr) => {
                            self.flush();
                            self.fragments.push(Fragment::InString(expr));
                        }
                    }
                }
                self.plain.push(b'"');
            }
            ValueTemplate::List(items) => {
                self.plain.push(b'[');
                for (place, item) in items.into_iter().enumerate() {
                    if place > 0 {
                        self.plain.push(b',');
                    }
                    self.value(item);
                }
                self.plain.push(b']');
            }
            ValueTemplate::Object(fields) => {
                self.plain.push(b'{');
                for (place, (name, value)) in fields.into_iter().enumerate() {
                    if place > 0 {
                        self.plain.push(b',');
                    }
                    write_json(&Value::from(name), &mut self.plain);
                    self.plain.push(b':');
                    self.value(value);
                }
                self.plain.push(b'}');
            }
        }
    }
}

/// What a set of expressions reads and needs, taken together.
#[derive(Debug, Default)]
pub struct Uses {
    pub reads: Reads,
    pub needs: Vec<Slot>,
}

impl Uses {
    pub fn add(&mut self, expr: &Expr) {
        self.reads = self.reads.and(expr.reads());
        for slot in expr.needs() {
            if !self.needs.contains(slot) {
                self.needs.push(*slot);
            }
        }
    }
}
