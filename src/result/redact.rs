//! What must not reach a report: secrets in all their forms, and control characters of what a server said.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use regex::Regex;

use crate::template::Encoding;

/// What stands where a secret was.
const REDACTED: &str = "[redacted]";

/// Captured values shorter than this are not looked for: `1` and `true` stand everywhere.
const SHORTEST_CAPTURE: usize = 4;
/// An encoded form shorter than this would hit innocent text.
const SHORTEST_FORM: usize = 6;
/// A text that ends in at least so much of a secret was cut inside of it.
const SHORTEST_CUT: usize = 4;

/// Takes secrets out of texts.
#[derive(Debug, Clone, Default)]
pub struct Redactor {
    /// Every form of every secret, longest first, so that no part of one is left over.
    forms: Vec<String>,
}

impl Redactor {
    /// `secrets` are left out whatever their length, also base64- and URL-encoded; `captured` values as they
    /// are, but for very short ones.
    pub fn new<S: AsRef<str>, C: AsRef<str>>(secrets: &[S], captured: &[C]) -> Redactor {
        let mut forms = Vec::new();
        for secret in secrets.iter().map(AsRef::as_ref).filter(|secret| !secret.is_empty()) {
            add_forms(secret, &mut forms);
        }
        for value in captured.iter().map(AsRef::as_ref) {
            if value.chars().count() >= SHORTEST_CAPTURE {
                add_forms(value, &mut forms);
            }
        }
        forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
        forms.dedup();
        Redactor { forms }
    }

    /// The text without secrets, credentials in URLs, and the values of headers that carry them.
    pub fn redact(&self, text: &str) -> String {
        let mut text = Cow::Borrowed(text);
        for form in &self.forms {
            if text.contains(form.as_str()) {
                text = Cow::Owned(text.replace(form.as_str(), REDACTED));
            }
        }
        let mut text = text.into_owned();
        if let Some(cut) = self.forms.iter().filter_map(|form| cut_inside(&text, form)).min() {
            text.truncate(cut);
            text.push_str(REDACTED);
        }
        for (pattern, replacement) in PATTERNS.iter() {
            if let Cow::Owned(without) = pattern.replace_all(&text, *replacement) {
                text = without;
            }
        }
        text
    }
}

/// Where in `text` a secret begins that its end cuts off.
fn cut_inside(text: &str, form: &str) -> Option<usize> {
    let longest = form.len().min(text.len() + 1);
    (SHORTEST_CUT..longest)
        .rev()
        .filter(|&length| form.is_char_boundary(length))
        .find(|&length| text.ends_with(&form[..length]))
        .map(|length| text.len() - length)
}

/// What `encodeURIComponent` leaves alone.
const URL_COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

fn add_forms(secret: &str, forms: &mut Vec<String>) {
    forms.push(secret.into());
    for set in [NON_ALPHANUMERIC, URL_COMPONENT] {
        let encoded = utf8_percent_encode(secret, set).to_string();
        // Some encode in lower case, and some write a space as a plus.
        forms.push(lower_escapes(&encoded));
        forms.push(encoded.replace("%20", "+"));
        forms.push(encoded);
    }
    // As a step writes it into its path, where much may stand as it is.
    let mut in_path = Vec::new();
    Encoding::Path.write(secret.as_bytes(), &mut in_path);
    forms.push(String::from_utf8_lossy(&in_path).into_owned());
    if let Ok(json) = serde_json::to_string(secret) {
        forms.push(json.trim_matches('"').into());
    }
    // In base64 a secret looks one of three ways, after what stands before it: `user:secret`. The characters
    // at either end that also hold bits of a neighbour are left off.
    for offset in 0..3 {
        let mut bytes = vec![0; offset];
        bytes.extend_from_slice(secret.as_bytes());
        let from = (offset * 8).div_ceil(6);
        let to = bytes.len() * 8 / 6;
        for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            let encoded = engine.encode(&bytes);
            if let Some(form) = encoded.get(from..to).filter(|form| form.len() >= SHORTEST_FORM) {
                forms.push(form.into());
            }
        }
    }
}

fn lower_escapes(encoded: &str) -> String {
    let mut text = String::with_capacity(encoded.len());
    let mut left = 0;
    for letter in encoded.chars() {
        if letter == '%' {
            left = 2;
            text.push(letter);
        } else if left > 0 {
            left -= 1;
            text.push(letter.to_ascii_lowercase());
        } else {
            text.push(letter);
        }
    }
    text
}

/// Headers that carry credentials, as JSON and as text; and the user part of URLs.
static PATTERNS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let names = "(?:proxy-)?authorization|(?:set-)?cookie";
    [
        (format!(r#"(?i)("(?:{names})"\s*:\s*)(?:"(?:\\.|[^"\\])*"?|\[[^\]]*\]?)"#), "${1}\"[redacted]\""),
        (format!(r#"(?i)(\b(?:{names})(?:\\+"|')?\s*[:=])\s*[^\r\n]+"#), "${1} [redacted]"),
        (r"(?i)([a-z][a-z0-9+.-]*://)[^\s/?#@]+@".to_string(), "${1}[redacted]@"),
    ]
    .into_iter()
    // The patterns are constants, and a test uses each.
    .filter_map(|(pattern, replacement)| Some((Regex::new(&pattern).ok()?, replacement)))
    .collect()
});

/// A text that does nothing but be read: no escape sequence, no bell, no turning of the direction of writing.
///
/// Line breaks and tabs are kept where `lines`, and else written out as well.
pub fn harmless(text: &str, lines: bool) -> Cow<'_, str> {
    let harmful = |letter: char| match letter {
        '\n' | '\t' => !lines,
        // Marks and overrides of direction, and separators that some terminals take for line breaks.
        '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' => true,
        letter => letter.is_control(),
    };
    if !text.contains(harmful) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        match letter {
            letter if !harmful(letter) => safe.push(letter),
            '\n' => safe.push_str("\\n"),
            '\r' => safe.push_str("\\r"),
            '\t' => safe.push_str("\\t"),
            letter if (letter as u32) < 0x100 => {
                // Writing to a string cannot fail.
                let _ = write!(safe, "\\x{:02x}", letter as u32);
            }
            letter => {
                let _ = write!(safe, "\\u{{{:x}}}", letter as u32);
            }
        }
    }
    Cow::Owned(safe)
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::STANDARD;

    #[test]
    fn secrets_in_every_form() {
        let secret = "s3cr&t/välue+1";
        let redactor = Redactor::new(&[secret], &[] as &[&str]);
        for text in [
            secret.to_string(),
            format!("token={secret};"),
            STANDARD.encode(secret),
            STANDARD.encode(format!("user:{secret}")),
            STANDARD.encode(format!("me:{secret}:more")),
            URL_SAFE_NO_PAD.encode(format!("admin:{secret}")),
            utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string(),
            utf8_percent_encode(secret, URL_COMPONENT).to_string(),
            utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string().to_lowercase(),
        ] {
            let seen = redactor.redact(&text);
            assert!(seen.contains(REDACTED), "{text} → {seen}");
            assert!(!seen.contains("s3cr"), "{text} → {seen}");
        }
        let in_path = Redactor::new(&["key/with blanks&more"], &[] as &[&str]);
        assert_eq!(in_path.redact("POST /a/key/with%20blanks&more"), "POST /a/[redacted]");
        let quoted = Redactor::new(&["a\"b\\c"], &[] as &[&str]);
        assert_eq!(quoted.redact(r#"{"k":"a\"b\\c"}"#), r#"{"k":"[redacted]"}"#);
    }

    #[test]
    fn a_secret_that_the_end_cuts_off() {
        let redactor = Redactor::new(&["correct horse battery"], &[] as &[&str]);
        assert_eq!(redactor.redact("key: correct hor"), "key: [redacted]");
        assert_eq!(redactor.redact("incorrect"), "in[redacted]");
        assert_eq!(redactor.redact("is it cor"), "is it cor");
    }

    #[test]
    fn headers_that_carry_credentials() {
        let redactor = Redactor::default();
        let table = [
            ("Authorization: Bearer abc.def\nhost: x", "Authorization: [redacted]\nhost: x"),
            ("cookie: a=\"b\"; c=d", "cookie: [redacted]"),
            ("Set-Cookie=sid=1", "Set-Cookie= [redacted]"),
            ("Proxy-Authorization: Basic eA==", "Proxy-Authorization: [redacted]"),
            (r#"{"Authorization": "Bearer x\"y", "n": 1}"#, r#"{"Authorization": "[redacted]", "n": 1}"#),
            (r#"{"cookie":["a=b","c=d"],"n":1}"#, r#"{"cookie":"[redacted]","n":1}"#),
            (r#"{"cookie":"a=b"#, r#"{"cookie":"[redacted]""#),
            ("http://me:pw@host/x?y=a@b", "http://[redacted]@host/x?y=a@b"),
            ("no authorization here", "no authorization here"),
        ];
        for (text, expected) in table {
            assert_eq!(redactor.redact(text), expected);
        }
    }

    #[test]
    fn captured_values_but_for_short_ones() {
        let redactor = Redactor::new(&[] as &[&str], &["7", "tok-81723", "true"]);
        assert_eq!(
            redactor.redact("GET /queue/tok-81723?seat=7&x=true"),
            "GET /queue/[redacted]?seat=7&x=[redacted]"
        );
    }

    #[test]
    fn escape_sequences_become_text() {
        assert_eq!(harmless("\x1b[31mred\x07\x7f\u{9b}", false), "\\x1b[31mred\\x07\\x7f\\x9b");
        assert_eq!(harmless("a\nb\rc\td", false), "a\\nb\\rc\\td");
        assert_eq!(harmless("a\nb\rc\td", true), "a\nb\\rc\td");
        assert_eq!(harmless("\u{202e}abc\u{2066}", true), "\\u{202e}abc\\u{2066}");
        assert!(matches!(harmless("예약 ✓ é", false), Cow::Borrowed(_)));
    }
}
