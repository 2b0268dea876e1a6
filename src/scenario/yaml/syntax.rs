//! What the YAML parser says, in words for people who did not mean to write a parser.

use std::ops::Range;

use granit_parser::{ErrorKind, ScanError};

use crate::scenario::finding::{Finding, shortened};
use crate::spelling::closest;

const QUOTE: &str = "put the value in quotes";

/// A syntax error as a finding.
pub(super) fn translated(text: &str, error: &ScanError) -> Finding {
    let offset = error.marker().byte_offset().unwrap_or(text.len());
    let at = place(text, offset);
    if let Some(finding) = unquoted_template(text, &at, error.kind()) {
        return finding;
    }
    if let Some(tab) = tab_in_indentation(text, at.start) {
        return Finding::error(tab, "a tab cannot indent: YAML knows blanks only")
            .help("use two blanks for each level");
    }
    if let Some(open) = open_bracket(text, at.start, error.kind()) {
        let problem = format!("this `{}` is never closed", &text[open.clone()]);
        return Finding::error(open, problem)
            .help("close it on the same line, or quote the text if it begins with it");
    }
    let (problem, help): (String, &str) = match error.kind() {
        ErrorKind::ExpectedFlowMappingSeparator | ErrorKind::UnexpectedEofFlowMapping => (
            "a `,` or the closing `}` is missing before this".into(),
            "quote this value if it contains brackets, quotes or `: `, or close the `{` before",
        ),
        ErrorKind::ExpectedFlowSequenceSeparator | ErrorKind::UnexpectedEofFlowSequence => (
            "a `,` or the closing `]` is missing before this".into(),
            "quote this value if it contains brackets, quotes or `: `, or close the `[` before",
        ),
        ErrorKind::UnclosedFlowCollection { open } => (
            format!("this `{open}` is never closed"),
            "close it, or quote the text if it begins with a bracket",
        ),
        ErrorKind::MisplacedFlowCollectionEnd => {
            ("this bracket closes nothing".into(), "take it out, or quote the text that contains it")
        }
        ErrorKind::MismatchedFlowCollectionEnd { open, close } => (
            format!("`{open}` is closed by `{close}`"),
            "close each bracket with its own kind, or quote the text",
        ),
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabAtBlockScalarStart
        | ErrorKind::TabInPlainScalar
        | ErrorKind::InvalidBlockEntryWhitespace
        | ErrorKind::InvalidMappingValueWhitespace => (
            "a tab stands here, where YAML knows blanks only".into(),
            "replace tabs by blanks, two for each level",
        ),
        ErrorKind::UnclosedQuotedScalar
        | ErrorKind::DocumentIndicatorInQuotedScalar
        | ErrorKind::InvalidQuotedScalarIndent => {
            let at = open_quote(text, at.start).unwrap_or(at);
            return Finding::error(at, "this quotation is never closed")
                .help("close it on the same line, with the same kind of quote");
        }
        ErrorKind::InvalidTrailingSingleQuotedScalar | ErrorKind::InvalidTrailingDoubleQuotedScalar => (
            "something follows the closing quote".into(),
            "put the whole value in quotes, with the other kind inside: `'header(\"X\") == null'`",
        ),
        ErrorKind::InvalidIndentation
        | ErrorKind::ExpectedBlockMappingKey
        | ErrorKind::ExpectedBlockSequenceEntry
        | ErrorKind::InvalidFlowScalarIndent
        | ErrorKind::InvalidBlockScalarIndent => (
            "this line is indented neither like the one above nor one level deeper".into(),
            "begin it in the same column as the keys it belongs to",
        ),
        ErrorKind::MappingValueNotAllowed | ErrorKind::InvalidColonPlacement => (
            "a `:` stands where no key can".into(),
            "quote the value if the colon belongs to its text; if a key is meant, check its indentation",
        ),
        ErrorKind::MappingKeyNotAllowed => (
            "a key cannot stand here".into(),
            "check its indentation; a value that begins with `?` needs quotes",
        ),
        ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => {
            ("a key without its `:`".into(), "write `key: value`, and check the indentation of this line")
        }
        ErrorKind::BlockEntryInFlowCollection | ErrorKind::PlainScalarStartsWithDashFlowIndicator => (
            "a `-` begins an item only on a line of its own".into(),
            "write `[a, b]` without dashes, or a line for each",
        ),
        ErrorKind::BlockSequenceEntryNotAllowed => (
            "a list cannot begin here".into(),
            "begin it on the next line, or quote the value if `-` belongs to it",
        ),
        ErrorKind::UnexpectedCharacter { character } => {
            (format!("a value cannot begin with `{}`", character.escape_default()), QUOTE)
        }
        ErrorKind::MissingAnchorOrAliasName => {
            ("`*` begins an alias and `&` an anchor, and here no name follows".into(), QUOTE)
        }
        ErrorKind::UnknownQuotedScalarEscape
        | ErrorKind::InvalidQuotedScalarHexEscape
        | ErrorKind::InvalidUnicodeEscape => (
            "this `\\` begins an escape that YAML does not know".into(),
            "write `\\\\` for one backslash, or use single quotes",
        ),
        ErrorKind::CommentNotSeparated => ("a comment needs a blank before its `#`".into(), QUOTE),
        ErrorKind::CommentInterceptedScalar => (
            "a comment stands in the middle of a text".into(),
            "put the text in quotes, or move the comment above it",
        ),
        ErrorKind::RecursionLimitExceeded => return too_deep(at),
        ErrorKind::DirectiveDisallowed => {
            ("a line cannot begin with `%` here".into(), "take the line out, or quote the text")
        }
        ErrorKind::ExpectedDocumentStart | ErrorKind::InvalidDocumentEnd => {
            ("this belongs to nothing above".into(), "begin each key of the file in the first column")
        }
        other => (
            format!("YAML cannot read this: {other}"),
            "quote the value, or check the indentation of this line",
        ),
    };
    Finding::error(at, problem).help(help)
}

pub(in crate::scenario) fn too_deep(at: Range<usize>) -> Finding {
    Finding::error(at, "this is nested too deeply").help("a file may have 64 levels")
}

pub(super) fn no_anchor(name: &str, known: &[String], at: Range<usize>) -> Finding {
    let help = match closest(name, known.iter().map(String::as_str)) {
        Some(close) => format!("did you mean `*{close}`?"),
        None => format!("write `&{name}` before the value it names, or quote the text if `*` belongs to it"),
    };
    Finding::error(at, format!("no anchor is named `{}`", shortened(name))).help(help)
}

/// The word at an offset, or the last one before it where nothing follows on its line.
fn place(text: &str, offset: usize) -> Range<usize> {
    let mut start = text.floor_char_boundary(offset.min(text.len()));
    if text[start..].trim_start_matches([' ', '\t']).is_empty() || text[start..].starts_with(['\n', '\r']) {
        let before = text[..start].trim_end();
        start = before.char_indices().next_back().map_or(0, |(at, _)| at);
    }
    let rest = &text[start..];
    let len = rest.find(char::is_whitespace).unwrap_or(rest.len());
    start..start + len
}

/// `{ userId: ${ user.id } }`: the most likely slip of all, which YAML reports in many ways.
fn unquoted_template(text: &str, at: &Range<usize>, kind: &ErrorKind) -> Option<Finding> {
    let flow = matches!(
        kind,
        ErrorKind::ExpectedFlowMappingSeparator
            | ErrorKind::ExpectedFlowSequenceSeparator
            | ErrorKind::MisplacedFlowCollectionEnd
            | ErrorKind::MismatchedFlowCollectionEnd { .. }
            | ErrorKind::UnclosedFlowCollection { .. }
            | ErrorKind::UnexpectedEofFlowMapping
            | ErrorKind::ExpectedBlockMappingKey
            | ErrorKind::FlowMappingValueAdjacentCollection
            | ErrorKind::SimpleKeyExpected
            | ErrorKind::InvalidSimpleKey
    );
    if !flow {
        return None;
    }
    let begin = text[..at.start].rfind('\n').map_or(0, |end| end + 1);
    let line = text[begin..].lines().next().unwrap_or_default();
    let mut quote = None;
    let mut brackets = 0;
    for (place, c) in line.char_indices() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, '$') if brackets > 0 && line[place..].starts_with("${") => {
                let len = line[place..].find('}').map_or(2, |end| end + 1);
                let template = shortened(&line[place..place + len]);
                return Some(
                    Finding::error(
                        begin + place..begin + place + len,
                        "inside `{ }` and `[ ]` a `${ … }` needs quotes",
                    )
                    .help(format!("write `\"{template}\"`, or give the value a line of its own")),
                );
            }
            (None, '{' | '[') => brackets += 1,
            _ => {}
        }
    }
    None
}

/// The bracket that the line at `offset`, or the one before it, opens as a value and does not close.
fn open_bracket(text: &str, offset: usize, kind: &ErrorKind) -> Option<Range<usize>> {
    let told_late = matches!(
        kind,
        ErrorKind::MappingValueNotAllowed
            | ErrorKind::InvalidColonPlacement
            | ErrorKind::UnclosedFlowCollection { .. }
            | ErrorKind::UnexpectedEofFlowMapping
            | ErrorKind::UnexpectedEofFlowSequence
            | ErrorKind::ExpectedFlowMappingSeparator
            | ErrorKind::ExpectedFlowSequenceSeparator
            | ErrorKind::InvalidFlowScalarIndent
            | ErrorKind::InvalidIndentation
            | ErrorKind::BlockEntryInFlowCollection
    );
    let begin = text[..offset].rfind('\n').map_or(0, |end| end + 1);
    let previous = text[..begin.saturating_sub(1)].rfind('\n').map_or(0, |end| end + 1);
    [begin, previous].into_iter().filter(|_| told_late).find_map(|begin| {
        let line = text[begin..].lines().next()?;
        let mut quote = None;
        let mut open: Vec<usize> = Vec::new();
        let mut before = (' ', ' ');
        for (place, c) in line.char_indices() {
            match (quote, c) {
                (Some(mark), c) if c == mark => quote = None,
                (None, '"' | '\'') if !before.1.is_alphanumeric() => quote = Some(c),
                // A bracket inside of a plain text opens nothing.
                (None, '[' | '{') if !open.is_empty() || matches!(before, (':' | '-', ' ')) => {
                    open.push(place);
                }
                (None, ']' | '}') => _ = open.pop(),
                (None, '#') if before.1 == ' ' => break,
                _ => {}
            }
            before = (before.1, c);
        }
        let place = begin + open.first()?;
        Some(place..place + 1)
    })
}

/// The last quote before `offset` that its own line does not close, to the end of that line.
fn open_quote(text: &str, offset: usize) -> Option<Range<usize>> {
    let mut end = offset;
    for _ in 0..100 {
        let begin = text[..end].rfind('\n').map_or(0, |at| at + 1);
        let line = text[begin..].lines().next().unwrap_or_default().trim_end();
        let mut open = None;
        let mut before = ' ';
        for (place, c) in line.char_indices() {
            match open {
                Some((_, quote)) if c == quote && before != '\\' => open = None,
                None if matches!(c, '"' | '\'') && !before.is_alphanumeric() => open = Some((place, c)),
                None if c == '#' && before == ' ' => break,
                _ => {}
            }
            before = c;
        }
        if let Some((place, _)) = open {
            return Some(begin + place..begin + line.len());
        }
        end = begin.checked_sub(1)?;
    }
    None
}

/// The tabs before the first word of the line at `offset`, or of the line before it.
fn tab_in_indentation(text: &str, offset: usize) -> Option<Range<usize>> {
    let begin = text[..offset].rfind('\n').map_or(0, |end| end + 1);
    let previous = text[..begin.saturating_sub(1)].rfind('\n').map_or(0, |end| end + 1);
    [begin, previous].into_iter().find_map(|begin| {
        let line = text[begin..].lines().next()?;
        let indent = &line[..line.len() - line.trim_start().len()];
        let tab = indent.find('\t')?;
        Some(begin + tab..begin + indent.len())
    })
}
