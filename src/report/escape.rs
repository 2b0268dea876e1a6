//! Texts of files and servers as nothing but text, wherever they stand.

use crate::result::harmless;

/// On one line, and without what Markdown or HTML would act on.
pub(super) fn markdown(text: &str) -> String {
    let mut plain = String::new();
    for letter in harmless(text, false).chars() {
        match letter {
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '#' | '|' | '~' | '$' | '@' => {
                plain.push('\\');
                plain.push(letter);
            }
            '<' => plain += "&lt;",
            '>' => plain += "&gt;",
            '&' => plain += "&amp;",
            letter => plain.push(letter),
        }
    }
    plain
}

/// Within an element or a quoted attribute.
pub(super) fn html(text: &str) -> String {
    let mut escaped = String::new();
    for letter in harmless(text, false).chars() {
        match letter {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\'' => escaped += "&#39;",
            letter => escaped.push(letter),
        }
    }
    escaped
}
