//! Products that cannot fill the memory.
//!
//! The expression engine repeats a text or a list that is multiplied with a number, up to a hundred million times.
//! Where an answer says both (`json.price * json.count`), a server could so take gigabytes of ours. Each product
//! becomes a call of `times`, which multiplies numbers and repeats the rest within bounds.

use std::borrow::Cow;

use minijinja::value::{Value, ValueKind};
use minijinja::{Error, ErrorKind};

use super::lexer::{Kind, Token};

/// What the products of an expression are called. No scenario can say it: it is reserved, and no name of the language.
pub(super) const TIMES: &str = "__times";
/// The largest text that an operation makes of others, in bytes: well above the largest body that is kept.
pub(super) const LARGEST_TEXT: usize = 8 * 1024 * 1024;
/// The most items of a list that is repeated.
const MOST_ITEMS: usize = 100_000;

/// The expression with its products as calls; `words` are its words.
pub(super) fn with_times<'a>(source: &'a str, words: &[Token]) -> Cow<'a, str> {
    let is_product = |word: &Token| word.kind == Kind::Mark && word.text(source) == "*";
    if !words.iter().any(is_product) {
        return Cow::Borrowed(source);
    }
    Cow::Owned(Rewriter::new(source, words).rewrite())
}

/// One level of brackets.
#[derive(Default)]
struct Level {
    out: String,
    /// Where in `out` the operand of the next product begins: behind the last operator that binds less.
    operand: usize,
    /// Products of which the right operand is not complete yet.
    is_open: bool,
    /// The word before, for what stands beside it: `-` is a sign after an operator.
    before: Before,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Before {
    #[default]
    Operator,
    Operand,
    /// `.` or `|`: a name that follows is an attribute or a filter, whatever it is called.
    Member,
    /// `is`, and `not` behind it: a name that follows is a test.
    Test,
    /// The name of a test, whose argument may follow without brackets.
    TestName,
}

struct Rewriter<'a> {
    source: &'a str,
    words: &'a [Token],
}

impl<'a> Rewriter<'a> {
    fn new(source: &'a str, words: &'a [Token]) -> Self {
        Rewriter { source, words }
    }

    fn rewrite(&self) -> String {
        let mut levels = vec![Level::default()];
        for word in self.words {
            let text = word.text(self.source);
            let is_mark = word.kind == Kind::Mark;
            match text {
                "(" | "[" | "{" if is_mark => {
                    if let Some(level) = levels.last_mut() {
                        level.push(text);
                    }
                    levels.push(Level::default());
                }
                ")" | "]" | "}" if is_mark && levels.len() > 1 => {
                    let inner = levels.pop().map(Level::done).unwrap_or_default();
                    if let Some(level) = levels.last_mut() {
                        level.push(&inner);
                        level.push(text);
                        level.before = Before::Operand;
                    }
                }
                _ => {
                    if let Some(level) = levels.last_mut() {
                        level.word(text, word.kind);
                    }
                }
            }
        }
        let mut all = String::new();
        // Brackets that are never closed stay so: the engine has something to say of them.
        levels.into_iter().for_each(|level| all += &level.done());
        all
    }
}

impl Level {
    fn push(&mut self, text: &str) {
        self.out.push(' ');
        self.out.push_str(text);
    }

    fn word(&mut self, text: &str, kind: Kind) {
        let before = self.before;
        let is_member = before == Before::Member;
        match (kind, text) {
            (Kind::Mark, "*") => {
                self.close();
                self.out.insert_str(self.operand, &format!(" {TIMES}("));
                self.out.push(',');
                self.is_open = true;
                self.before = Before::Operator;
                return;
            }
            (Kind::Mark, "." | "|") => self.before = Before::Member,
            // A sign, or a power: part of the operand.
            (Kind::Mark, "-") if matches!(before, Before::Operator | Before::TestName) => {
                self.before = Before::Operator;
            }
            (Kind::Mark, "**") => self.before = Before::Operator,
            // As strong as a product: they are done in the order in which they stand.
            (Kind::Mark, "/" | "//" | "%") => {
                self.close();
                self.before = Before::Operator;
            }
            (Kind::Mark, _) => return self.weaker(text),
            (Kind::Name, "is") if !is_member && before != Before::Test => self.before = Before::Test,
            (Kind::Name, "not") if before == Before::Test => {}
            (Kind::Name, "and" | "or" | "not" | "in" | "if" | "else")
                if !matches!(before, Before::Member | Before::Test) =>
            {
                return self.weaker(text);
            }
            _ if before == Before::Test => self.before = Before::TestName,
            _ => self.before = Before::Operand,
        }
        self.push(text);
    }

    /// An operator that binds less than a product, or what separates expressions.
    fn weaker(&mut self, text: &str) {
        self.close();
        self.push(text);
        self.operand = self.out.len();
        self.before = Before::Operator;
    }

    /// The right operand of a product ends here.
    fn close(&mut self) {
        if std::mem::take(&mut self.is_open) {
            self.out.push(')');
        }
    }

    fn done(mut self) -> String {
        self.close();
        self.out
    }
}

fn wrong(problem: String) -> Error {
    Error::new(ErrorKind::InvalidOperation, problem)
}

/// A product, as the engine has it, with repeated texts and lists within bounds.
pub(super) fn times(left: &Value, right: &Value) -> Result<Value, Error> {
    let number = |value: &Value| matches!(value.kind(), ValueKind::Number | ValueKind::Bool);
    match (number(left), number(right)) {
        (true, true) => product(left, right),
        (false, true) => repeated(left, right),
        (true, false) => repeated(right, left),
        (false, false) => Err(wrong(format!("{} cannot be multiplied with {}", left.kind(), right.kind()))),
    }
}

fn product(left: &Value, right: &Value) -> Result<Value, Error> {
    let whole = |value: &Value| {
        let is_whole = value.is_integer() || value.kind() == ValueKind::Bool;
        is_whole.then(|| i128::try_from(value.clone()).ok()).flatten()
    };
    if let (Some(left), Some(right)) = (whole(left), whole(right)) {
        let product = left.checked_mul(right);
        let product = product.ok_or_else(|| wrong(format!("{left} * {right} is too large a number")))?;
        return Ok(i64::try_from(product).map_or_else(|_| Value::from(product), Value::from));
    }
    let float = |value: &Value| match whole(value) {
        Some(whole) => Ok(whole as f64),
        None => f64::try_from(value.clone()),
    };
    Ok(Value::from(float(left)? * float(right)?))
}

fn repeated(what: &Value, times: &Value) -> Result<Value, Error> {
    let count = times.as_usize();
    let count = count.ok_or_else(|| wrong(format!("a {} cannot be multiplied with {times}", what.kind())))?;
    let bounded = |len: usize, most: usize| {
        let fits = len.checked_mul(count).is_some_and(|len| len <= most);
        fits.then_some(()).ok_or_else(|| wrong(format!("{count} times a {} is too much", what.kind())))
    };
    if let Some(text) = what.as_str() {
        bounded(text.len(), LARGEST_TEXT)?;
        return Ok(Value::from(text.repeat(count)));
    }
    if !matches!(what.kind(), ValueKind::Seq | ValueKind::Iterable) {
        return Err(wrong(format!("{} cannot be multiplied", what.kind())));
    }
    let items: Vec<Value> = what.try_iter()?.take(MOST_ITEMS + 1).collect();
    bounded(items.len(), MOST_ITEMS)?;
    // Nothing, however often, is nothing, and takes no time.
    let count = if items.is_empty() { 0 } else { count };
    let repeated: Vec<Value> = std::iter::repeat_n(items, count).flatten().collect();
    Ok(Value::from(repeated))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::template::lexer::tokens;

    fn rewritten(source: &str) -> String {
        with_times(source, &tokens(source)).split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn operands_are_those_of_the_engine() {
        for (source, expected) in [
            ("a * b", "__times( a, b)"),
            ("a + b * c - d", "a + __times( b, c) - d"),
            ("a * b * c", "__times( __times( a, b), c)"),
            ("a / b * c // d", "__times( a / b, c) // d"),
            ("-a * -b ** c", "__times( - a, - b ** c)"),
            ("a ** -b * c", "__times( a ** - b, c)"),
            ("a * b | f(c * d)", "__times( a, b | f ( __times( c, d) ))"),
            ("a * b is odd and c", "__times( a, b is odd) and c"),
            ("x is not in [1] * 2", "__times( x is not in [ 1 ], 2)"),
            ("a.in * b if c * d else -e * f", "__times( a . in, b) if __times( c, d) else __times( - e, f)"),
            ("f(x=a * 2, y=[b * 3])", "f ( x = __times( a, 2) , y = [ __times( b, 3) ] )"),
            ("{'k': a * 2}['k'] * 3", "__times( { 'k' : __times( a, 2) } [ 'k' ], 3)"),
            ("a * b is eq -c * d", "__times( __times( a, b is eq - c), d)"),
            ("not a * b == c ~ d * e", "not __times( a, b) == c ~ __times( d, e)"),
        ] {
            assert_eq!(rewritten(source), expected, "{source}");
        }
        assert_eq!(rewritten("'a * b' ~ c"), "'a * b' ~ c");
    }

    #[test]
    fn what_is_repeated_is_bounded() {
        let value = |left: Value, right: Value| times(&left, &right).map(|value| value.to_string());
        assert_eq!(value(Value::from(6), Value::from(7)).unwrap(), "42");
        assert_eq!(value(Value::from(1.5), Value::from(2)).unwrap(), "3.0");
        assert_eq!(value(Value::from("ab"), Value::from(2)).unwrap(), "abab");
        assert_eq!(value(Value::from(2), Value::from(vec![1])).unwrap(), "[1, 1]");
        assert_eq!(value(Value::from(Vec::<Value>::new()), Value::from(i64::MAX)).unwrap(), "[]");
        assert_eq!(value(Value::from(""), Value::from(i64::MAX)).unwrap(), "");
        assert_eq!(value(Value::from(i64::MAX), Value::from(2)).unwrap(), "18446744073709551614");
        for (left, right) in [
            (Value::from("ab"), Value::from(100_000_000)),
            (Value::from(vec![1]), Value::from(100_000_000)),
            (Value::from("ab"), Value::from(-1)),
            (Value::from("ab"), Value::from("2")),
            (Value::UNDEFINED, Value::from(2)),
            (Value::from(i128::MAX), Value::from(2)),
        ] {
            assert!(times(&left, &right).is_err(), "{left:?} * {right:?}");
        }
    }

    /// Arithmetic with values for names.
    fn arithmetic() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            (0_i64..20).prop_map(|number| number.to_string()),
            Just("2.5".to_owned()),
            Just("[3, 4][1]".to_owned()),
            Just("{'in': 3}.in".to_owned()),
        ];
        leaf.prop_recursive(5, 40, 2, |inner| {
            prop_oneof![
                (
                    inner.clone(),
                    prop::sample::select(vec!["*", "*", "+", "-", "/", "//", "%", "==", "<", "and", "or"]),
                    inner.clone()
                )
                    .prop_map(|(left, sign, right)| format!("{left} {sign} {right}")),
                inner.clone().prop_map(|inner| format!("({inner})")),
                inner.clone().prop_map(|inner| format!("-{inner}")),
                inner.clone().prop_map(|inner| format!("[{inner}, 1][0]")),
                inner.clone().prop_map(|inner| format!("{inner} | abs")),
                inner.clone().prop_map(|inner| format!("{inner} is number")),
                (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} if {b} else {a}")),
                inner.prop_map(|inner| format!("(not {inner})")),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// The engine's own products and these are the same numbers, whatever stands around them.
        #[test]
        fn numbers_are_multiplied_as_by_the_engine(source in arithmetic()) {
            let mut engine = minijinja::Environment::new();
            engine.add_function(TIMES, |left: &Value, right: &Value| times(left, right));
            let eval = |source: &str| {
                let value = engine.compile_expression(source).ok()?.eval(Value::UNDEFINED);
                Some(value.map(|value| value.to_string()).map_err(|_| ()))
            };
            let own = with_times(&source, &tokens(&source));
            // What has no value to the engine has none, in whatever way.
            let (wanted, seen) = (eval(&source), eval(&own));
            let has_value = matches!(wanted, Some(Ok(_)));
            let alike = if has_value { wanted == seen } else { !matches!(seen, Some(Ok(_))) || wanted.is_none() };
            prop_assert!(alike, "{}: {:?}, {:?}", own, wanted, seen);
        }
    }
}
