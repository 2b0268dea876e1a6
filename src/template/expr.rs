//! One expression: compiled once, evaluated for each user that comes by it.
//!
//! A plain name, `user.id`, `header("…")`, a path into `json` and literals are answered here; all else is the
//! expression engine's (minijinja).

use std::borrow::Cow;
use std::fmt;
use std::sync::{LazyLock, OnceLock};

use minijinja::value::Value;
use minijinja::{Environment, ErrorKind, Expression, UndefinedBehavior};

use super::lexer::{Kind, Token, tokens};
use super::names::{ANSWER_NAMES, Visible, check_names, free_names, slots_used};
use super::scope::{CONTEXT, Scope, lend};
use super::shape::check_shape;
use super::times::with_times;
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

/// Why an evaluation failed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{expression}: {problem}")]
pub struct EvalError {
    pub expression: String,
    pub problem: String,
    /// It looks at an answer, and what that holds may be the reason: the answer is not as it should be, and the
    /// file is not wrong.
    pub is_of_answer: bool,
}

impl EvalError {
    /// What the file says cannot be done.
    pub fn of_file(expression: &str, problem: impl Into<String>) -> Self {
        EvalError { expression: expression.to_owned(), problem: problem.into(), is_of_answer: false }
    }
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
    /// A field of what a name stands for: `users.name`.
    Field(Slot, Box<str>),
    UserId,
    Iteration,
    Status,
    Header(Box<str>),
    Json(Box<[Key]>),
    Engine(Box<Compiled>),
}

enum Key {
    Field(Box<str>),
    Item(usize),
}

/// An expression of the engine's.
///
/// It is compiled once to see whether it is one, and for good when it is first evaluated: the engine takes some 12 KB
/// for each, however short, and the pages of that were a quarter of the time it took to validate a thousand steps.
struct Compiled {
    /// As the engine reads it.
    text: Box<str>,
    expression: OnceLock<Result<Expression<'static, 'static>, minijinja::Error>>,
}

impl Compiled {
    fn new(source: &str, words: &[Token]) -> Result<Compiled, minijinja::Error> {
        // Where it is no expression, that is said of what the file has.
        ENGINE.compile_expression(source)?;
        let text = with_times(source, words);
        if let Cow::Owned(own) = &text {
            ENGINE.compile_expression(own)?;
        }
        Ok(Compiled { text: text.into(), expression: OnceLock::new() })
    }

    /// In the scope that is lent to this thread.
    fn eval(&self) -> Result<Value, Problem> {
        let compile = || ENGINE.compile_expression_owned(self.text.to_string());
        match self.expression.get_or_init(compile) {
            Ok(expression) => expression.eval(CONTEXT.clone()).map_err(|error| Problem::of(&error)),
            Err(error) => Err(Problem::of(error)),
        }
    }
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
        check_shape(source, words)?;
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
            None => Code::Engine(Box::new(Compiled::new(source, words).map_err(|error| TemplateError {
                problem: format!("`{source}` is no expression: {}", Problem::of(&error).words),
                help: syntax_help(source),
                at: None,
            })?)),
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

    /// Whether a condition holds. One that stumbles over an answer, or over something missing, does not.
    pub fn holds(&self, scope: &mut Box<Scope>) -> Result<bool, EvalError> {
        match self.eval_counting_missing(scope) {
            Ok((_, missing)) if missing > 0 && self.orders => Ok(false),
            Ok((value, _)) => Ok(value.is_true()),
            Err(failed) if failed.missing || failed.error.is_of_answer => Ok(false),
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
        let [comparison] = comparisons.as_slice() else { return self.with_problem(scope) };
        let mut side = |text: &str| {
            let side = Compiled::new(text.trim(), &tokens(text.trim())).ok()?;
            let (value, _) = lend(scope, || side.eval());
            let mut shown = Vec::new();
            super::write_json(&value.ok()?, &mut shown);
            Some(String::from_utf8_lossy(&shown).into_owned())
        };
        match (side(&self.source[..comparison.start]), side(&self.source[comparison.end..])) {
            (Some(left), Some(right)) => format!("{} ({left} and {right})", self.source),
            _ => self.with_problem(scope),
        }
    }

    /// The expression, with what keeps it from being evaluated.
    fn with_problem(&self, scope: &mut Box<Scope>) -> String {
        match self.eval(scope) {
            Ok(_) => self.source.to_string(),
            Err(error) => error.to_string(),
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
            Code::Field(slot, name) => {
                let field = scope.get(*slot).and_then(|object| object.get_attr(name).ok());
                (field.unwrap_or(Value::UNDEFINED), 0)
            }
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
                let (result, missing) = lend(scope, || expression.eval());
                match result {
                    Ok(value) => (value, missing),
                    Err(Problem { kind, words: problem }) => {
                        // A large answer that takes too long to go through is no wrong answer.
                        let is_of_answer = self.reads.answer && kind != ErrorKind::OutOfFuel;
                        let error = EvalError { expression: self.source.to_string(), problem, is_of_answer };
                        return Err(Failed { error, missing: missing > 0 });
                    }
                }
            }
        })
    }
}

/// What the engine says is wrong.
struct Problem {
    kind: ErrorKind,
    words: String,
}

impl Problem {
    fn of(error: &minijinja::Error) -> Problem {
        let words = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
        Problem { kind: error.kind(), words }
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
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
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
        (3, Kind::Name) if text(0) == Some("user") && text(1) == Some(".") => match text(2) {
            Some("id") => Some(Code::UserId),
            Some("iteration") => Some(Code::Iteration),
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
        (3, Kind::Name) if text(1) == Some(".") && words[2].kind == Kind::Name => {
            visible.slot(text(0)?).map(|slot| Code::Field(slot, text(2).unwrap_or_default().into()))
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
