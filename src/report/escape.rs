//! Texts of files and servers as nothing but text, wherever they stand.

use crate::result::harmless;

/// Text between other text in Markdown: nothing in it acts, and it stays on its line.
pub(super) fn markdown(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for (number, line) in text.split('\n').enumerate() {
        if number > 0 {
            plain += "<br>";
        }
        for letter in harmless(line, false).chars() {
            match letter {
                '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '|' | '~' | '$' | '@' => {
                    plain.push('\\');
                    plain.push(letter);
                }
                // A list, at the beginning of a line and before a blank.
                '-' | '+' if plain.is_empty() && text[1..].starts_with(' ') => {
                    plain.push('\\');
                    plain.push(letter);
                }
                '<' => plain += "&lt;",
                '>' => plain += "&gt;",
                '&' => plain += "&amp;",
                letter => plain.push(letter),
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_of_markdown_acts() {
        for (text, plain) in [
            ("a|b *c* <img src=x> [l](u) &lt; `d`", r"a\|b \*c\* &lt;img src=x&gt; \[l\](u) &amp;lt; \`d\`"),
            ("# no\nheading", r"\# no<br>heading"),
            ("- no list", r"\- no list"),
            ("+0:42", "+0:42"),
            ("-", "-"),
            ("\x1b[2J\u{202e}", r"\\x1b\[2J\\u{202e}"),
        ] {
            assert_eq!(markdown(text), plain);
        }
    }

    #[test]
    fn nothing_in_a_text_of_html_acts() {
        assert_eq!(html("<a href=\"x\">'&amp;\x1b"), r"&lt;a href=&quot;x&quot;&gt;&#39;&amp;amp;\x1b");
    }
}
