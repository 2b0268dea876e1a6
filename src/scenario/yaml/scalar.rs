//! What a scalar without quotes means, and whether YAML cut it short.

use std::ops::Range;

use super::Kind;
use crate::scenario::finding::{Finding, shortened};

/// YAML 1.2's core schema, but for numbers that two readers would read differently.
pub(super) fn resolve(value: &str, span: &Range<usize>) -> Result<Kind, Finding> {
    match value {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Kind::Null),
        "true" | "True" | "TRUE" => return Ok(Kind::Bool(true)),
        "false" | "False" | "FALSE" => return Ok(Kind::Bool(false)),
        _ => {}
    }
    let digits = value.strip_prefix(['-', '+']).unwrap_or(value);
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return Ok(text(value));
    }
    if let Some(hex) = value.strip_prefix("0x").filter(|hex| is(hex, |c| c.is_ascii_hexdigit())) {
        return i128::from_str_radix(hex, 16)
            .map_or_else(|_| Err(too_large(value, span)), |n| whole(n, value, span));
    }
    if let Some(octal) = value.strip_prefix("0o").filter(|octal| is(octal, |c| ('0'..='7').contains(&c))) {
        return i128::from_str_radix(octal, 8)
            .map_or_else(|_| Err(too_large(value, span)), |n| whole(n, value, span));
    }
    if is(digits, |c| c.is_ascii_digit()) {
        if digits.len() > 1 && digits.starts_with('0') {
            return Err(leading_zero(value, span));
        }
        return value.parse().map_or_else(|_| Err(too_large(value, span)), |n| whole(n, value, span));
    }
    if !is_float(digits) {
        return Ok(text(value));
    }
    if digits.starts_with('0') && digits[1..].starts_with(|c: char| c.is_ascii_digit()) {
        return Err(leading_zero(value, span));
    }
    match value.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(Kind::Float(number)),
        _ => Err(too_large(value, span)),
    }
}

fn text(value: &str) -> Kind {
    Kind::Text { value: value.to_owned(), plain: true }
}

fn is(text: &str, class: impl Fn(char) -> bool) -> bool {
    !text.is_empty() && text.chars().all(class)
}

/// `1.5`, `1.`, `.5`, `1e6`, `1.5E-3`
fn is_float(digits: &str) -> bool {
    let (mantissa, exponent) = match digits.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (digits, None),
    };
    let (before, after) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits_only = |part: &str| part.chars().all(|c| c.is_ascii_digit());
    digits_only(before)
        && digits_only(after)
        && !(before.is_empty() && after.is_empty())
        && exponent.is_none_or(|e| is(e.strip_prefix(['-', '+']).unwrap_or(e), |c| c.is_ascii_digit()))
}

fn whole(number: i128, value: &str, span: &Range<usize>) -> Result<Kind, Finding> {
    let fits = i64::try_from(number).is_ok() || u64::try_from(number).is_ok();
    if fits { Ok(Kind::Int(number)) } else { Err(too_large(value, span)) }
}

fn too_large(value: &str, span: &Range<usize>) -> Finding {
    let value = shortened(value);
    Finding::error(span.clone(), format!("`{value}` is too large for a number"))
        .help(format!("write `\"{value}\"` if it is a text"))
}

fn leading_zero(value: &str, span: &Range<usize>) -> Finding {
    let sign = if value.starts_with('-') { "-" } else { "" };
    let number = value.trim_start_matches(['-', '+']).trim_start_matches('0');
    let number = if number.starts_with(|c: char| c.is_ascii_digit()) {
        number.to_owned()
    } else {
        format!("0{number}")
    };
    let (value, number) = (shortened(value), shortened(&number));
    Finding::error(span.clone(), format!("`{value}` begins with a zero: a number or a text?"))
        .help(format!("write `{sign}{number}` for the number, or `\"{value}\"` for the text"))
}

/// Whether a text ends inside a bracket or a quotation: then YAML has ended it before its author did.
pub(super) fn looks_cut(value: &str) -> bool {
    let mut depth = 0_i32;
    let mut quote = None;
    let mut before = ' ';
    for c in value.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') => depth -= 1,
            (None, '"') => quote = Some('"'),
            // Not the apostrophe of `don't`.
            (None, '\'') if !before.is_alphanumeric() => quote = Some('\''),
            _ => {}
        }
        before = c;
    }
    depth > 0 || quote.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_are_those_of_yaml_1_2() {
        let read = |value: &str| resolve(value, &(0..value.len())).map(|kind| format!("{kind:?}"));
        for (value, expected) in [
            ("yes", "Text { value: \"yes\", plain: true }"),
            ("true", "Bool(true)"),
            ("~", "Null"),
            ("0", "Int(0)"),
            ("-12", "Int(-12)"),
            ("0x1F", "Int(31)"),
            ("1.10", "Float(1.1)"),
            ("0.5", "Float(0.5)"),
            ("1e3", "Float(1000.0)"),
            ("1.2.3", "Text { value: \"1.2.3\", plain: true }"),
            ("10s", "Text { value: \"10s\", plain: true }"),
            ("18446744073709551615", "Int(18446744073709551615)"),
            (".", "Text { value: \".\", plain: true }"),
        ] {
            assert_eq!(read(value).unwrap(), expected, "{value}");
        }
        for (value, help) in [
            ("007", "write `7` for the number, or `\"007\"` for the text"),
            ("-00", "write `-0` for the number, or `\"-00\"` for the text"),
            ("01.5", "write `1.5` for the number, or `\"01.5\"` for the text"),
            ("18446744073709551616", "write `\"18446744073709551616\"` if it is a text"),
        ] {
            assert_eq!(read(value).unwrap_err().help.as_deref(), Some(help), "{value}");
        }
    }

    #[test]
    fn a_text_that_ends_inside_a_bracket_was_cut() {
        for cut in ["header(\"X", "${ a", "random_int(1", "a == 'b", "[1"] {
            assert!(looks_cut(cut), "{cut}");
        }
        for whole in ["don't", "a (b)", "${ a }", "it's", "2)", "a == 'b'"] {
            assert!(!looks_cut(whole), "{whole}");
        }
    }
}
