//! The words of an expression: enough to find names, filters and comparisons in it, and the end of `${ … }`.
//! What they mean is the expression engine's business.

use std::ops::Range;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Name,
    Number,
    /// A quoted text, quotes included.
    Text,
    /// An operator or a bracket.
    Mark,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) range: Range<usize>,
}

impl Token {
    pub(super) fn text<'a>(&self, source: &'a str) -> &'a str {
        &source[self.range.clone()]
    }
}

/// Splits an expression into words; what is no word (blanks) is left out.
pub(super) fn tokens(source: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some((token, next)) = next_token(source, at) {
        tokens.push(token);
        at = next;
    }
    tokens
}

fn next_token(source: &str, from: usize) -> Option<(Token, usize)> {
    let rest = &source[from..];
    let start = from + rest.find(|c: char| !c.is_whitespace())?;
    let rest = &source[start..];
    let first = rest.chars().next()?;
    let span = |matches: fn(char) -> bool| rest.find(|c| !matches(c)).unwrap_or(rest.len());
    let (kind, len) = match first {
        '"' | '\'' => {
            let mut escaped = false;
            let end = rest.char_indices().skip(1).find(|&(_, c)| {
                let ends = !escaped && c == first;
                escaped = !escaped && c == '\\';
                ends
            });
            (Kind::Text, end.map_or(rest.len(), |(place, c)| place + c.len_utf8()))
        }
        c if c.is_alphabetic() || c == '_' => (Kind::Name, span(|c| c.is_alphanumeric() || c == '_')),
        c if c.is_ascii_digit() => {
            (Kind::Number, span(|c| c.is_ascii_alphanumeric() || c == '.' || c == '_'))
        }
        _ => {
            let two = rest.get(..2).is_some_and(|two| matches!(two, "==" | "!=" | "<=" | ">=" | "//" | "**"));
            (Kind::Mark, if two { 2 } else { first.len_utf8() })
        }
    };
    Some((Token { kind, range: start..start + len }, start + len))
}

/// Where the expression that begins at `from` ends: the place of its closing `}`, brackets and quoted texts
/// left alone.
pub(super) fn closing_brace(source: &str, from: usize) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = from;
    while let Some((token, next)) = next_token(source, at) {
        match token.text(source) {
            "{" => depth += 1,
            "}" if depth == 0 => return Some(token.range.start),
            "}" => depth -= 1,
            _ => {}
        }
        at = next;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_an_expression() {
        let source = r#"status >= 200 and json.a["b}"] | default('x\'') != "é""#;
        let words: Vec<&str> = tokens(source).iter().map(|token| token.text(source)).collect();
        let expected = [
            "status", ">=", "200", "and", "json", ".", "a", "[", "\"b}\"", "]", "|", "default", "(",
            r"'x\''", ")", "!=", "\"é\"",
        ];
        assert_eq!(words, expected);
    }

    #[test]
    fn the_end_of_an_expression_is_not_in_a_text_or_an_object() {
        assert_eq!(closing_brace("a + '}' }", 0), Some(8));
        assert_eq!(closing_brace("{'a': 1}.a } b", 0), Some(11));
        assert_eq!(closing_brace("a 'b }", 0), None);
    }
}
