//! The functions of the expression language: draws, times, counters, extraction and digests.

use std::cell::RefCell;

use hmac::{Hmac, KeyInit, Mac};
use minijinja::value::{Kwargs, Rest, Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind};
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use sha2::{Digest, Sha256};

use super::TemplateError;
use super::env::{Env, SecretError};
use super::lexer::{Kind, Token};
use super::scope::{mend_missing, with_current};
use super::times::{LARGEST_TEXT, TIMES, times};
use super::{answer_json, write_json};

/// The names an expression may call.
pub(super) const FUNCTIONS: [&str; 17] = [
    "random_int",
    "random_float",
    "random",
    "zipf",
    "uuid",
    "now",
    "unix_ms",
    "counter",
    "jsonpath",
    "regex",
    "base64",
    "sha256",
    "hmac_sha256",
    "urlencode",
    "env",
    "secret",
    "range",
];

pub(super) fn register(engine: &mut Environment<'static>) {
    engine.add_function("random_int", random_int);
    engine.add_function("random_float", random_float);
    engine.add_function("random", random);
    engine.add_function("zipf", zipf);
    engine.add_function("uuid", || {
        uuid(with_current(|scope| (scope.random.next_u64(), scope.random.next_u64())))
    });
    engine.add_function("now", now);
    engine.add_function("unix_ms", || jiff::Timestamp::now().as_millisecond());
    engine.add_function("counter", |name: &str| with_current(|scope| scope.shared.count(name)));
    engine.add_function("header", |name: &str| with_current(|scope| scope.header(name)));
    engine.add_function("env", env);
    engine.add_function("secret", secret);
    // Those that change one value read best as filters too: `body | sha256`.
    engine.add_function("jsonpath", jsonpath);
    engine.add_filter("jsonpath", jsonpath);
    engine.add_function("regex", regex);
    engine.add_filter("regex", regex);
    engine.add_function("base64", |value: &Value| base64(&bytes_of(value)));
    engine.add_filter("base64", |value: &Value| base64(&bytes_of(value)));
    engine.add_function("sha256", |value: &Value| hex(&Sha256::digest(bytes_of(value))));
    engine.add_filter("sha256", |value: &Value| hex(&Sha256::digest(bytes_of(value))));
    engine.add_function("hmac_sha256", hmac_sha256);
    engine.add_filter("hmac_sha256", hmac_sha256);
    engine.add_function("urlencode", |value: &Value| urlencode(&bytes_of(value)));
    engine.add_filter("urlencode", |value: &Value| urlencode(&bytes_of(value)));
    engine.add_function(TIMES, |left: &Value, right: &Value| times(left, right));
    engine.add_filter("replace", replace);
    engine.add_filter("join", join);
    engine.add_filter("format", format);
    // Nothing that a load test needs, and each makes as much as a number says.
    ["indent", "slice", "batch", "pprint"].into_iter().for_each(|name| engine.remove_filter(name));
    engine.add_filter("tojson", tojson);
    engine.add_filter("default", default);
    engine.add_filter("d", default);
}

fn wrong(problem: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, problem.into())
}

fn random_int(low: i64, high: i64) -> Result<i64, Error> {
    if low > high {
        return Err(wrong(format!("random_int({low}, {high}): the first must not be above the second")));
    }
    Ok(with_current(|scope| scope.random.between(low, high)))
}

fn random_float(low: f64, high: f64) -> Result<f64, Error> {
    if !(low <= high && (high - low).is_finite()) {
        return Err(wrong(format!("random_float({low}, {high}): the first must not be above the second")));
    }
    Ok(with_current(|scope| low + (high - low) * scope.random.unit()))
}

fn random(list: &Value) -> Result<Value, Error> {
    let len = list.len().filter(|_| matches!(list.kind(), ValueKind::Seq));
    match len {
        None => Err(wrong(format!("random() picks from a list, this is {}", described(list)))),
        Some(0) => Err(wrong("random() picks from a list, and this one is empty")),
        Some(len) => list.get_item_by_index(with_current(|scope| scope.random.below(len as u64)) as usize),
    }
}

/// A draw from 1..=n in which k comes with a probability proportional to 1/k^s: the popularity of seats,
/// products, concerts. By inversion of the continuous envelope and rejection (Hörmann, Derflinger:
/// "Rejection-inversion to generate variates from monotone discrete distributions", 1996), so that no table
/// of n entries is needed.
fn zipf(n: u64, s: f64) -> Result<u64, Error> {
    if n == 0 || !(s.is_finite() && s >= 0.0) {
        return Err(wrong(format!("zipf({n}, {s}): n must be at least 1 and s not negative")));
    }
    // The integral of x^-s, and its inverse; the limit at s = 1 is the logarithm.
    let near_one = (s - 1.0).abs() < 1e-9;
    let integral = |x: f64| if near_one { x.ln() } else { (x.powf(1.0 - s) - 1.0) / (1.0 - s) };
    let inverse = |y: f64| if near_one { y.exp() } else { (1.0 + y * (1.0 - s)).powf(1.0 / (1.0 - s)) };
    let (low, high) = (integral(1.5) - 1.0, integral(n as f64 + 0.5));
    with_current(|scope| {
        // Each try is accepted with a probability of well over one half; the bound only rules out a hang.
        for _ in 0..1000 {
            let u = low + scope.random.unit() * (high - low);
            let x = inverse(u);
            let k = x.round().clamp(1.0, n as f64);
            if u >= integral(k + 0.5) - k.powf(-s) {
                return Ok(k as u64);
            }
        }
        Ok(1)
    })
}

/// Version 4, from the user's own repeatable randomness.
fn uuid((high, low): (u64, u64)) -> String {
    let high = (high & 0xFFFF_FFFF_FFFF_0FFF) | 0x4000;
    let low = (low & 0x3FFF_FFFF_FFFF_FFFF) | 0x8000_0000_0000_0000;
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xFFFF,
        high & 0xFFFF,
        low >> 48,
        low & 0xFFFF_FFFF_FFFF
    )
}

fn now(format: Option<&str>) -> Result<String, Error> {
    let now = jiff::Zoned::now();
    jiff::fmt::strtime::format(format.unwrap_or("%Y-%m-%dT%H:%M:%S%:z"), &now)
        .map_err(|error| wrong(format!("now(): {error}")))
}

fn env(name: &str, default: Option<Value>) -> Result<Value, Error> {
    match with_current(|scope| scope.shared.env.get(name)) {
        Some(value) => Ok(Value::from(value)),
        None => default.ok_or_else(|| wrong(format!("the environment variable `{name}` is not set"))),
    }
}

fn secret(name: &str) -> Result<String, Error> {
    with_current(|scope| scope.shared.secret(name)).map_err(|error| wrong(error.to_string()))
}

/// The first match of an RFC 9535 path, or null.
fn jsonpath(value: &Value, path: &str) -> Result<Value, Error> {
    thread_local!(static PATHS: RefCell<Vec<(String, serde_json_path::JsonPath)>> = const { RefCell::new(Vec::new()) });
    let json = serde_json::to_value(value).map_err(|error| wrong(format!("jsonpath(): {error}")))?;
    cached(
        &PATHS,
        path,
        |path| serde_json_path::JsonPath::parse(path).map_err(|error| wrong(format!("jsonpath(): {error}"))),
        |path| {
            let found = path.query(&json).first().map(ToString::to_string);
            found.map_or(Value::UNDEFINED, |found| answer_json(found.as_bytes()))
        },
    )
}

/// The first group of the first match (the whole match where the pattern has no group), or null.
fn regex(text: &Value, pattern: &str) -> Result<Value, Error> {
    thread_local!(static PATTERNS: RefCell<Vec<(String, regex::Regex)>> = const { RefCell::new(Vec::new()) });
    let text = String::from_utf8_lossy(&bytes_of(text)).into_owned();
    cached(
        &PATTERNS,
        pattern,
        |pattern| regex::Regex::new(pattern).map_err(|error| wrong(format!("regex(): {error}"))),
        |regex| {
            let found = regex.captures(&text).and_then(|found| found.get(1).or_else(|| found.get(0)));
            found.map_or(Value::UNDEFINED, |found| Value::from(found.as_str()))
        },
    )
}

/// Compiles a pattern once per thread. Patterns that are themselves drawn at random must not fill the memory:
/// beyond a few, the oldest goes.
fn cached<P, T>(
    cache: &'static std::thread::LocalKey<RefCell<Vec<(String, P)>>>,
    pattern: &str,
    compile: impl FnOnce(&str) -> Result<P, Error>,
    apply: impl FnOnce(&P) -> T,
) -> Result<T, Error> {
    const KEPT: usize = 64;
    cache.with_borrow_mut(|known| {
        if let Some((_, compiled)) = known.iter().find(|(source, _)| source == pattern) {
            return Ok(apply(compiled));
        }
        let compiled = compile(pattern)?;
        let result = apply(&compiled);
        if known.len() == KEPT {
            known.remove(0);
        }
        known.push((pattern.to_owned(), compiled));
        Ok(result)
    })
}

#[expect(clippy::needless_pass_by_value, reason = "the engine hands arguments over by value")]
fn default(value: &Value, args: Rest<Value>, kwargs: Kwargs) -> Result<Value, Error> {
    kwargs.assert_all_used()?;
    let lax = args.get(1).is_some_and(Value::is_true);
    if value.is_undefined() || value.is_none() {
        mend_missing();
    } else if !lax || value.is_true() {
        return Ok(value.clone());
    }
    Ok(args.first().cloned().unwrap_or_else(|| Value::from("")))
}

fn bytes_of(value: &Value) -> Vec<u8> {
    if let Some(text) = value.as_str() {
        return text.as_bytes().to_vec();
    }
    let mut out = Vec::new();
    write_json(value, &mut out);
    out
}

/// What an operation is about to make, if it is not too much.
fn bounded(bytes: Option<usize>, what: &str) -> Result<(), Error> {
    match bytes {
        Some(bytes) if bytes <= LARGEST_TEXT => Ok(()),
        _ => Err(wrong(format!("{what} would make a text of more than {} MiB", LARGEST_TEXT >> 20))),
    }
}

fn text_of(value: &Value) -> String {
    String::from_utf8_lossy(&bytes_of(value)).into_owned()
}

fn replace(text: &Value, from: &Value, to: &Value) -> Result<Value, Error> {
    if text.is_undefined() || text.is_none() {
        return Ok(Value::UNDEFINED);
    }
    let (text, from, to) = (text_of(text), text_of(from), text_of(to));
    let made = text.matches(from.as_str()).count().checked_mul(to.len());
    bounded(made.and_then(|made| made.checked_add(text.len())), "replace()")?;
    Ok(Value::from(text.replace(from.as_str(), &to)))
}

/// The items of a list as texts, or those of one field of each.
#[expect(clippy::needless_pass_by_value, reason = "the engine hands arguments over by value")]
fn join(list: &Value, between: Option<&Value>, field: Option<&str>, named: Kwargs) -> Result<String, Error> {
    let field = field.map_or_else(|| named.get("attribute"), |field| Ok(Some(field)))?;
    let named_between: Option<&Value> = named.get("d")?;
    named.assert_all_used()?;
    let between = between.or(named_between).map(text_of).unwrap_or_default();
    let mut joined = String::new();
    for (place, item) in list.try_iter()?.enumerate() {
        if place > 0 {
            joined.push_str(&between);
        }
        let item = field.map_or(Ok(item.clone()), |field| item.get_attr(field))?;
        joined.push_str(&text_of(&item));
        bounded(Some(joined.len()), "join()")?;
    }
    Ok(joined)
}

/// Like C's `printf`: `"%05d" | format(7)`.
#[expect(clippy::needless_pass_by_value, reason = "the engine hands arguments over by value")]
fn format(pattern: &str, values: Rest<Value>) -> Result<String, Error> {
    let widest = pattern.split(|c: char| !c.is_ascii_digit()).map(str::len).max();
    // `%*d` takes its width from the values.
    if widest > Some(3) || pattern.contains('*') {
        return Err(wrong("format(): a width has at most three digits"));
    }
    minijinja::formatting::format(minijinja::formatting::FormatStyle::Printf, pattern, &values)
}

fn tojson(value: &Value) -> String {
    let mut out = Vec::new();
    write_json(value, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

fn described(value: &Value) -> String {
    match value.kind() {
        ValueKind::Undefined | ValueKind::None => "null".into(),
        kind => format!("a {kind}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn hmac_sha256(text: &Value, key: &Value) -> Result<String, Error> {
    let mut mac = Hmac::<Sha256>::new_from_slice(&bytes_of(key)).map_err(|error| wrong(error.to_string()))?;
    mac.update(&bytes_of(text));
    Ok(hex(&mac.finalize().into_bytes()))
}

fn urlencode(bytes: &[u8]) -> String {
    const UNRESERVED: &percent_encoding::AsciiSet =
        &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
    percent_encode(bytes, UNRESERVED).to_string()
}

/// RFC 4648, standard alphabet, padded.
pub(crate) fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word =
            chunk.iter().fold(0_u32, |word, &byte| (word << 8) | u32::from(byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let letter = ALPHABET[(word >> (18 - 6 * place)) as usize & 63];
            text.push(if place <= chunk.len() { letter as char } else { '=' });
        }
    }
    text
}

/// Finds, before anything runs, what a call can be known to get wrong: unknown filters and tests, patterns
/// that are none, environment variables that are not set.
pub(super) fn check_calls(source: &str, words: &[Token], env: &Env) -> Result<(), TemplateError> {
    let text = |place: usize| words.get(place).map(|word| word.text(source));
    for (place, word) in words.iter().enumerate() {
        if word.kind != Kind::Name {
            continue;
        }
        let name = word.text(source);
        let before = place.checked_sub(1).and_then(text);
        let is_test = before == Some("is")
            || (before == Some("not") && place.checked_sub(2).and_then(text) == Some("is"));
        if before == Some("|") && !engine_knows(&format!("1|{name}"), ErrorKind::UnknownFilter) {
            return Err(TemplateError {
                problem: format!("there is no filter `{name}`"),
                help: Some("filters are those of Jinja, like `default(0)`, `length`, `first`, `lower`, and `base64`, `sha256`, `urlencode`, `regex(…)`, `jsonpath(…)`".into()),
                at: Some(word.range.clone()),
            });
        }
        if is_test && name != "not" && !engine_knows(&format!("1 is {name}"), ErrorKind::UnknownTest) {
            return Err(TemplateError {
                problem: format!("there is no test `{name}`"),
                help: Some("tests are those of Jinja, like `is defined`, `is number`, `is string`".into()),
                at: Some(word.range.clone()),
            });
        }
        if text(place + 1) == Some("(") && before != Some(".") {
            check_literals(name, source, &words[place + 1..], env)?;
        }
    }
    Ok(())
}

fn engine_knows(probe: &str, unknown: ErrorKind) -> bool {
    // A bare engine of its own: this runs while the shared one is being asked, and only for filters and tests.
    thread_local!(static PROBE: Environment<'static> = {
        let mut engine = Environment::new();
        register(&mut engine);
        engine
    });
    PROBE.with(|engine| {
        match engine.compile_expression(probe).and_then(|probe| probe.eval(Value::UNDEFINED)) {
            Err(error) => error.kind() != unknown,
            Ok(_) => true,
        }
    })
}

fn check_literals(name: &str, source: &str, call: &[Token], env: &Env) -> Result<(), TemplateError> {
    let mut depth = 0;
    let mut literals = Vec::new();
    let mut commas = 0;
    for word in call {
        match word.text(source) {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            "," if depth == 1 => commas += 1,
            text if depth == 1 && word.kind == Kind::Text && !text.contains('\\') && text.len() >= 2 => {
                literals.push((text[1..text.len() - 1].to_owned(), word.range.clone()));
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    let Some((literal, at)) = literals.last().cloned() else { return Ok(()) };
    let problem = match name {
        "regex" => regex::Regex::new(&literal).err().map(|error| {
            let text = error.to_string();
            text.lines().last().unwrap_or(&text).trim().to_owned()
        }),
        "jsonpath" => serde_json_path::JsonPath::parse(&literal).err().map(|error| error.to_string()),
        "now" => {
            jiff::fmt::strtime::format(&literal, &jiff::Zoned::now()).err().map(|error| error.to_string())
        }
        "env" if commas == 0 && env.get(&literal).is_none() => {
            return Err(TemplateError {
                problem: format!("the environment variable `{literal}` is not set"),
                help: Some(format!(
                    "set it, run with `--env {literal}=…` or `--env-file`, or give a default: `env(\"{literal}\", \"…\")`"
                )),
                at: Some(at),
            });
        }
        "secret" if commas == 0 => match env.secret(&literal) {
            Ok(_) => None,
            Err(error) => {
                let help = match error {
                    SecretError::Missing { .. } => format!(
                        "set it in the environment before the run, or `{literal}_FILE` to a file that holds it, or run with `--env-file`"
                    ),
                    SecretError::File { .. } => {
                        "let it name a file that holds the secret and nothing else".into()
                    }
                };
                return Err(TemplateError { problem: error.to_string(), help: Some(help), at: Some(at) });
            }
        },
        _ => None,
    };
    match problem {
        Some(problem) => {
            Err(TemplateError { problem: format!("{name}(): {problem}"), help: None, at: Some(at) })
        }
        None => Ok(()),
    }
}
