//! One expression: compiled once, evaluated for each user that comes by it.
//!
//! A plain name, `user.id`, `header("…")`, a path into `json` and literals are answered here; all else is the
//! expression engine's (minijinja).

use std::fmt;
use std::ops::Range;
use std::sync::LazyLock;

use minijinja::value::Value;
use minijinja::{Environment, Expression, UndefinedBehavior};

use super::lexer::{Kind, Token, tokens};
use super::scope::{CONTEXT, Env, Scope, lend};
use super::{Slot, TemplateError, builtins};

/// What an expression reads of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reads {
    /// `body` or `json`: the body must be kept.
    pub body: bool,
    /// Anything of an answer at all.
    pub answer: bool,
}

impl Reads {
    #[must_use]
    pub fn and(self, other: Reads) -> Reads {
        Reads { body: self.body || other.body, answer: self.answer || other.answer }
    }
}

/// Which names an expression may use.
#[derive(Debug, Clone, Copy)]
pub struct Visible<'a> {
    /// Variables and captures; the index is the slot.
    pub slots: &'a [String],
    /// `status`, `header()`, `json`, `body`, `outcome`, `duration_ms`.
    pub answer: bool,
    /// `results`, in `verify`.
    pub results: bool,
    pub env: &'a Env,
}

impl Visible<'_> {
    /// The slot of a name. Reserved names have none, and are the many: the slots need not be searched for them.
    fn slot(&self, name: &str) -> Option<Slot> {
        if is_reserved(name) {
            return None;
        }
        let place = self.slots.iter().position(|slot| slot == name)?;
        u16::try_from(place).ok().map(Slot)
    }
}

/// Why an evaluation failed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{expression}: {problem}")]
pub struct EvalError {
    pub expression: String,
    pub problem: String,
}

/// A compiled expression.
pub struct Expr {
    source: Box<str>,
    code: Code,
    reads: Reads,
    /// The slots it cannot do without.
    needs: Box<[Slot]>,
    /// The slots it speaks of, also where a default mends a missing value.
    mentions: Box<[Slot]>,
    /// Whether it compares by order (`<`, `>`): such a comparison with a value that is missing does not hold,
    /// where the engine would call null the smallest of all.
    orders: bool,
}

enum Code {
    Const(Value),
    Slot(Slot),
    UserId,
    Iteration,
    Status,
    Header(Box<str>),
    Json(Box<[Key]>),
    Engine(Expression<'static, 'static>),
}

enum Key {
    Field(Box<str>),
    Item(usize),
}

/// The one engine of the process: expressions borrow it, so it lives as long as the program.
static ENGINE: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut engine = Environment::new();
    engine.set_undefined_behavior(UndefinedBehavior::Chainable);
    // Some ten thousand operations: far above any sensible expression, far below a second.
    engine.set_fuel(Some(50_000));
    builtins::register(&mut engine);
    engine
});

/// Names of a scope that are no slots.
const NAMES: [&str; 5] = ["user", "scenario", "target", "null", "header"];
const ANSWER_NAMES: [&str; 6] = ["status", "header", "json", "body", "outcome", "duration_ms"];

impl Expr {
    /// Compiles the text of an expression, without `${` and `}`.
    pub fn compile(source: &str, visible: Visible<'_>) -> Result<Expr, TemplateError> {
        let leading = source.len() - source.trim_start().len();
        let trimmed = source.trim();
        let words = tokens(trimmed);
        if words.is_empty() {
            return Err(TemplateError {
                problem: "an expression is missing".into(),
                help: Some("write one between `${` and `}`, like `${ user.id }`".into()),
                at: None,
            });
        }
        Self::compile_words(trimmed, &words, visible).map_err(|mut error| {
            error.at = error.at.map(|at| at.start + leading..at.end + leading);
            error
        })
    }

    fn compile_words(source: &str, words: &[Token], visible: Visible<'_>) -> Result<Expr, TemplateError> {
        check_names(source, words, visible)?;
        builtins::check_calls(source, words, visible.env)?;
        let text = |index: usize| words.get(index).map(|word| word.text(source));
        let mends =
            words.iter().any(|word| matches!(word.text(source), "default" | "d" | "defined" | "undefined"));
        let mut mentions: Vec<Slot> = slots_used(source, words, visible).collect();
        mentions.sort_unstable();
        mentions.dedup();
        let needs = if mends { Vec::new() } else { mentions.clone() };
        let mut reads = Reads::default();
        for (name, _) in free_names(source, words) {
            if visible.slot(name).is_some() {
                continue;
            }
            reads.answer |= ANSWER_NAMES.contains(&name);
            reads.body |= matches!(name, "json" | "body");
        }
        let code = match simple(source, words, visible) {
            Some(code) => code,
            None => Code::Engine(ENGINE.compile_expression_owned(source.to_owned()).map_err(|error| {
                let problem = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
                TemplateError {
                    problem: format!("`{source}` is no expression: {problem}"),
                    help: syntax_help(source),
                    at: None,
                }
            })?),
        };
        let orders = (0..words.len()).any(|place| {
            words[place].kind == Kind::Mark && matches!(text(place), Some("<" | ">" | "<=" | ">="))
        });
        Ok(Expr {
            source: source.into(),
            code,
            reads,
            needs: needs.into(),
            mentions: mentions.into(),
            orders,
        })
    }

    pub fn source(&self) -> &str {
        &self.source
    }

    pub fn reads(&self) -> Reads {
        self.reads
    }

    /// The slots it cannot do without.
    pub fn needs(&self) -> &[Slot] {
        &self.needs
    }

    /// The slots it speaks of, needed or not.
    pub fn mentions(&self) -> &[Slot] {
        &self.mentions
    }

    /// Its value, where that does not depend on anything.
    pub fn constant(&self) -> Option<&Value> {
        match &self.code {
            Code::Const(value) => Some(value),
            _ => None,
        }
    }

    pub fn eval(&self, scope: &mut Box<Scope>) -> Result<Value, EvalError> {
        Ok(self.eval_counting_missing(scope)?.0)
    }

    /// Whether a condition holds. One that stumbles over something missing in an answer does not.
    pub fn holds(&self, scope: &mut Box<Scope>) -> Result<bool, EvalError> {
        match self.eval_counting_missing(scope) {
            Ok((_, missing)) if missing > 0 && self.orders => Ok(false),
            Ok((value, _)) => Ok(value.is_true()),
            Err(Failed { missing: true, .. }) => Ok(false),
            Err(failed) => Err(failed.error),
        }
    }

    /// A condition that does not hold, with what its two sides are: `json.reserved == 50 (49 and 50)`.
    pub fn explain(&self, scope: &mut Box<Scope>) -> String {
        let words = tokens(&self.source);
        let mut depth = 0_usize;
        let mut comparisons = Vec::new();
        for word in &words {
            match word.text(&self.source) {
                "(" | "[" | "{" => depth += 1,
                ")" | "]" | "}" => depth = depth.saturating_sub(1),
                "==" | "!=" | "<" | ">" | "<=" | ">=" if depth == 0 => comparisons.push(word.range.clone()),
                "and" | "or" | "not" | "in" | "if" if depth == 0 => return self.source.to_string(),
                _ => {}
            }
        }
        let [comparison] = comparisons.as_slice() else { return self.source.to_string() };
        let mut side = |text: &str| {
            let side = ENGINE.compile_expression_owned(text.trim().to_owned()).ok()?;
            let (value, _) = lend(scope, || side.eval(CONTEXT.clone()));
            let mut shown = Vec::new();
            super::write_json(&value.ok()?, &mut shown);
            Some(String::from_utf8_lossy(&shown).into_owned())
        };
        match (side(&self.source[..comparison.start]), side(&self.source[comparison.end..])) {
            (Some(left), Some(right)) => format!("{} ({left} and {right})", self.source),
            _ => self.source.to_string(),
        }
    }

    /// Appends the value as text to `out`: strings as they are, lists and objects as JSON, null as `null`.
    pub(super) fn write_text(&self, scope: &mut Box<Scope>, out: &mut Vec<u8>) -> Result<(), EvalError> {
        match &self.code {
            Code::UserId => write_integer(scope.user_id, out),
            Code::Iteration => write_integer(scope.iteration, out),
            Code::Slot(slot) => match scope.get(*slot) {
                Some(value) => write_value_text(value, out),
                None => out.extend_from_slice(b"null"),
            },
            _ => write_value_text(&self.eval(scope)?, out),
        }
        Ok(())
    }

    /// Appends the value as JSON to `out`.
    pub(super) fn write_json(&self, scope: &mut Box<Scope>, out: &mut Vec<u8>) -> Result<(), EvalError> {
        match &self.code {
            Code::UserId => write_integer(scope.user_id, out),
            Code::Iteration => write_integer(scope.iteration, out),
            Code::Slot(slot) => match scope.get(*slot) {
                Some(value) => super::write_json(value, out),
                None => out.extend_from_slice(b"null"),
            },
            _ => super::write_json(&self.eval(scope)?, out),
        }
        Ok(())
    }

    fn eval_counting_missing(&self, scope: &mut Box<Scope>) -> Result<(Value, u32), Failed> {
        Ok(match &self.code {
            Code::Const(value) => (value.clone(), 0),
            Code::Slot(slot) => (scope.get(*slot).cloned().unwrap_or(Value::UNDEFINED), 0),
            Code::UserId => (Value::from(scope.user_id), 0),
            Code::Iteration => (Value::from(scope.iteration), 0),
            Code::Status => (scope.status(), 0),
            Code::Header(name) => (scope.header(name), 0),
            Code::Json(path) => {
                let mut value = scope.json();
                for key in path {
                    value = match key {
                        Key::Field(name) => value.get_attr(name),
                        Key::Item(index) => value.get_item_by_index(*index),
                    }
                    .unwrap_or(Value::UNDEFINED);
                }
                (value, 0)
            }
            Code::Engine(expression) => {
                let (result, missing) = lend(scope, || expression.eval(CONTEXT.clone()));
                match result {
                    Ok(value) => (value, missing),
                    Err(error) => {
                        let problem = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
                        let error = EvalError { expression: self.source.to_string(), problem };
                        return Err(Failed { error, missing: missing > 0 });
                    }
                }
            }
        })
    }
}

struct Failed {
    error: EvalError,
    missing: bool,
}

impl From<Failed> for EvalError {
    fn from(failed: Failed) -> Self {
        failed.error
    }
}

impl fmt::Debug for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "${{ {} }}", self.source)
    }
}

fn write_integer(value: u64, out: &mut Vec<u8>) {
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    let mut rest = value;
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

fn write_value_text(value: &Value, out: &mut Vec<u8>) {
    match value.as_str() {
        Some(text) => out.extend_from_slice(text.as_bytes()),
        None => super::write_json(value, out),
    }
}

/// The expressions that need no engine.
fn simple(source: &str, words: &[Token], visible: Visible<'_>) -> Option<Code> {
    let text = |index: usize| words.get(index).map(|word| word.text(source));
    match (words.len(), words[0].kind) {
        (1, Kind::Number) => {
            let number: i64 = source.parse().ok()?;
            Some(Code::Const(Value::from(number)))
        }
        (1, Kind::Text) if !source.contains('\\') && source.len() >= 2 && source.ends_with(&source[..1]) => {
            Some(Code::Const(Value::from(&source[1..source.len() - 1])))
        }
        (1, Kind::Name) => match source {
            "true" | "True" => Some(Code::Const(Value::from(true))),
            "false" | "False" => Some(Code::Const(Value::from(false))),
            "null" | "none" | "None" => Some(Code::Const(Value::UNDEFINED)),
            name => match visible.slot(name) {
                Some(slot) => Some(Code::Slot(slot)),
                None if name == "status" => Some(Code::Status),
                None if name == "json" => Some(Code::Json(Box::new([]))),
                None => None,
            },
        },
        (3, Kind::Name) if source.starts_with("user") && text(1) == Some(".") => match (text(0), text(2)) {
            (Some("user"), Some("id")) => Some(Code::UserId),
            (Some("user"), Some("iteration")) => Some(Code::Iteration),
            _ => None,
        },
        (4, Kind::Name) if text(0) == Some("header") && text(1) == Some("(") && text(3) == Some(")") => {
            let quoted = text(2).filter(|_| words[2].kind == Kind::Text)?;
            let name = quoted.get(1..quoted.len() - 1)?;
            (!name.contains('\\')).then(|| Code::Header(name.into()))
        }
        (_, Kind::Name) if text(0) == Some("json") => {
            json_path(source, &words[1..]).map(|path| Code::Json(path.into()))
        }
        _ => None,
    }
}

/// `.data.items[0].id`
fn json_path(source: &str, words: &[Token]) -> Option<Vec<Key>> {
    let mut path = Vec::new();
    let mut rest = words;
    while let Some(first) = rest.first() {
        let second = rest.get(1)?;
        match (first.text(source), second.kind) {
            (".", Kind::Name) => {
                path.push(Key::Field(second.text(source).into()));
                rest = &rest[2..];
            }
            ("[", Kind::Number) if rest.get(2).is_some_and(|word| word.text(source) == "]") => {
                path.push(Key::Item(second.text(source).parse().ok()?));
                rest = &rest[3..];
            }
            _ => return None,
        }
    }
    Some(path)
}

/// Whether a name means something to every expression, so that no variable may have it.
pub fn is_reserved(name: &str) -> bool {
    NAMES.contains(&name)
        || ANSWER_NAMES.contains(&name)
        || KEYWORDS.contains(&name)
        || builtins::FUNCTIONS.contains(&name)
        || name == "results"
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
fn free_names<'a>(source: &'a str, words: &'a [Token]) -> impl Iterator<Item = (&'a str, Range<usize>)> {
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

fn slots_used<'a>(
    source: &'a str,
    words: &'a [Token],
    visible: Visible<'a>,
) -> impl Iterator<Item = Slot> + 'a {
    free_names(source, words).filter_map(move |(name, _)| visible.slot(name))
}

fn check_names(source: &str, words: &[Token], visible: Visible<'_>) -> Result<(), TemplateError> {
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
        let attribute = (words.get(place + 1).map(|w| w.text(source)) == Some("."))
            .then(|| words.get(place + 2))
            .flatten();
        let Some(attribute) = attribute else { continue };
        if place.checked_sub(1).is_some_and(|at| words[at].text(source) == ".") {
            continue;
        }
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

fn unknown_name(name: &str, at: Range<usize>, visible: Visible<'_>) -> TemplateError {
    let candidates = visible
        .slots
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

/// Slips that people bring along from other languages.
fn syntax_help(source: &str) -> Option<String> {
    let slips = [
        ("&&", "write `and` instead of `&&`"),
        ("||", "write `or` instead of `||`"),
        ("===", "write `==` instead of `===`"),
        ("=>", "an expression has no functions of its own; say what should hold, like `json.total > 0`"),
        ("?", "write `a if condition else b` instead of `condition ? a : b`"),
    ];
    let slip = slips.iter().find(|(wrong, _)| source.contains(wrong));
    let unary = source.trim_start().starts_with('!').then_some("write `not` instead of `!`");
    slip.map(|(_, help)| *help).or(unary).map(str::to_owned)
}
