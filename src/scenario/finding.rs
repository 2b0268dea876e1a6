//! What is wrong with a file, where, and what to write instead; shown to people or to machines.

use std::fmt::Write as _;
use std::ops::Range;
use std::path::{Path, PathBuf};

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet, normalize_untrusted_str};
use serde::Serialize;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The file cannot be run.
    Error,
    /// The file can be run, but hardly does what was meant.
    Warning,
}

/// One thing about a file that its author should know.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Finding {
    pub severity: Severity,
    pub message: String,
    /// Bytes of the text of its [`Source`].
    pub span: Range<usize>,
    /// What to write instead.
    pub help: Option<String>,
    /// A second place that belongs to it, and what is there.
    pub also: Option<(Range<usize>, String)>,
}

impl Finding {
    pub fn error(span: Range<usize>, message: impl Into<String>) -> Self {
        Finding { severity: Severity::Error, message: message.into(), span, help: None, also: None }
    }

    pub fn warning(span: Range<usize>, message: impl Into<String>) -> Self {
        Finding { severity: Severity::Warning, ..Finding::error(span, message) }
    }

    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same, so many bytes later.
    #[must_use]
    pub(super) fn shifted(mut self, by: usize) -> Self {
        let spans = std::iter::once(&mut self.span).chain(self.also.as_mut().map(|(span, _)| span));
        spans.for_each(|span| *span = span.start + by..span.end + by);
        self
    }

    #[must_use]
    pub fn also(mut self, span: Range<usize>, what: impl Into<String>) -> Self {
        self.also = Some((span, what.into()));
        self
    }
}

/// A place in a file; both count from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

/// A finding for machines: `validate --format json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MachineFinding {
    pub file: String,
    pub line: usize,
    pub column: usize,
    pub end_line: usize,
    /// The column after the last one.
    pub end_column: usize,
    pub severity: Severity,
    pub message: String,
    pub help: Option<String>,
}

/// A file as it was read, and those that it includes: findings point into them.
///
/// Their texts stand one after another, so that one number says where something is.
#[derive(Debug, Clone)]
pub struct Source {
    /// In their order; at least one.
    files: Vec<File>,
    text: String,
    /// Where each line of `text` begins.
    lines: Vec<usize>,
}

#[derive(Debug, Clone)]
struct File {
    path: PathBuf,
    /// Its first line, among those of all files.
    line: usize,
    /// Where it begins in the text.
    begin: usize,
}

/// More findings than anyone reads at once; what a broken generator of scenarios makes must not take minutes
/// to show.
pub(super) const MOST: usize = 100;

/// A second place is shown together with the first only where they are this near to each other, in bytes.
const NEAR: usize = 20_000;

/// A longer line is not shown: it would tell nobody anything.
const LONGEST_LINE: usize = 10_000;

impl Source {
    pub fn new(path: impl Into<PathBuf>, text: impl Into<String>) -> Self {
        let text = text.into();
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Source { files: vec![File { path: path.into(), line: 0, begin: 0 }], text, lines }
    }

    /// Adds a file that one of the others includes; where it begins.
    pub(super) fn add(&mut self, path: PathBuf, text: &str) -> usize {
        // No line belongs to two files.
        self.text.push('\n');
        let begin = self.text.len();
        self.files.push(File { path, line: self.lines.len(), begin });
        self.lines.push(begin);
        self.lines.extend(text.match_indices('\n').map(|(at, _)| begin + at + 1));
        self.text.push_str(text);
        begin
    }

    /// The file that includes the others.
    pub fn path(&self) -> &Path {
        &self.files[0].path
    }

    /// The file to which a byte of the text belongs.
    pub fn path_at(&self, offset: usize) -> &Path {
        &self.file(offset).path
    }

    /// A path that stands in a file, taken from the folder of that file.
    pub(super) fn beside(&self, offset: usize, path: &str) -> PathBuf {
        self.path_at(offset).parent().unwrap_or(Path::new("")).join(path)
    }

    /// All files, one after another.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where a byte of the text stands in its file.
    pub fn position(&self, offset: usize) -> Position {
        let offset = self.boundary(offset);
        let line = self.line_index(offset);
        let column = self.text[self.lines[line]..offset].chars().count() + 1;
        Position { line: line + 1 - self.file(offset).line, column }
    }

    /// A line as it is called beside `other`: `line 7`, or `line 7 of steps.yaml`.
    pub(super) fn line_in_words(&self, offset: usize, other: usize) -> String {
        let line = self.position(offset).line;
        if self.file(offset).begin == self.file(other).begin {
            return format!("line {line}");
        }
        format!("line {line} of {}", self.path_at(offset).display())
    }

    fn file(&self, offset: usize) -> &File {
        let after = self.files.partition_point(|file| file.begin <= offset);
        &self.files[after.saturating_sub(1)]
    }

    /// Findings as text for people, in the order of the file: a block each, with the line and what to write.
    pub fn render(&self, findings: &[Finding], colours: bool) -> String {
        let renderer = if colours { Renderer::styled() } else { Renderer::plain() };
        let renderer = renderer.decor_style(DecorStyle::Ascii);
        let mut out = String::new();
        for (place, finding) in findings.iter().enumerate() {
            let gap = if place > 0 { "\n" } else { "" };
            // Writing to a string does not fail.
            let _ = writeln!(out, "{gap}{}", self.render_one(finding, &renderer));
        }
        out
    }

    /// Findings for machines.
    pub fn for_machines(&self, findings: &[Finding]) -> Vec<MachineFinding> {
        let row = |finding: &Finding| {
            let span = self.on_boundaries(&finding.span);
            let (start, end) = (self.position(span.start), self.position(span.end));
            MachineFinding {
                file: self.path_at(span.start).display().to_string(),
                line: start.line,
                column: start.column,
                end_line: end.line,
                end_column: end.column,
                severity: finding.severity,
                message: finding.message.clone(),
                help: finding.help.clone(),
            }
        };
        findings.iter().map(row).collect()
    }

    fn render_one(&self, finding: &Finding, renderer: &Renderer) -> String {
        let level = match finding.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let span = self.on_boundaries(&finding.span);
        let file = self.file(span.start);
        let path = file.path.display().to_string();
        let mut also = finding.also.as_ref().map(|(span, what)| (self.on_boundaries(span), what));
        let far = also.take_if(|(also, _)| {
            also.start.abs_diff(span.start) > NEAR || self.file(also.start).begin != file.begin
        });
        // Only the lines that matter are handed over, so that a long file costs no more than a short one.
        let start = also.as_ref().map_or(span.start, |(also, _)| also.start.min(span.start));
        let end = also.as_ref().map_or(span.end, |(also, _)| also.end.max(span.end));
        let first = self.line_index(start);
        let begin = self.lines[first];
        let end = self.line_end(self.line_index(end));
        let shown = &self.text[begin..end];
        let mut group =
            level.primary_title(normalize_untrusted_str(&finding.message)).elements(None::<Origin<'_>>);
        if shown.lines().any(|line| line.len() > LONGEST_LINE) {
            let at = self.position(span.start);
            group = group.element(Origin::path(path).line(at.line).char_column(at.column));
        } else {
            let mut snippet = Snippet::source(shown).line_start(first + 1 - file.line).path(path);
            snippet = snippet.annotation(AnnotationKind::Primary.span(span.start - begin..span.end - begin));
            if let Some((also, what)) = &also {
                let label = normalize_untrusted_str(what);
                snippet = snippet.annotation(
                    AnnotationKind::Context.span(also.start - begin..also.end - begin).label(label),
                );
            }
            group = group.element(snippet);
        }
        if let Some((also, what)) = far {
            let line = self.line_in_words(also.start, span.start);
            group = group.element(Level::NOTE.message(normalize_untrusted_str(&format!("{what}: {line}"))));
        }
        if let Some(help) = &finding.help {
            group = group.element(Level::HELP.message(normalize_untrusted_str(help)));
        }
        renderer.render(&[group])
    }

    fn line_index(&self, offset: usize) -> usize {
        self.lines.partition_point(|&start| start <= offset).saturating_sub(1)
    }

    fn line_end(&self, line: usize) -> usize {
        self.lines.get(line + 1).map_or(self.text.len(), |next| next - 1)
    }

    fn boundary(&self, offset: usize) -> usize {
        self.text.floor_char_boundary(offset.min(self.text.len()))
    }

    fn on_boundaries(&self, span: &Range<usize>) -> Range<usize> {
        let start = self.boundary(span.start);
        start..self.boundary(span.end.max(start))
    }
}

/// The part of a span on its first line, without blanks at its end: what a finding underlines.
pub(super) fn first_line(text: &str, span: &Range<usize>) -> Range<usize> {
    let Some(part) = text.get(span.clone()) else { return span.clone() };
    let line = part.lines().next().unwrap_or_default().trim_end();
    span.start..span.start + line.len()
}

/// A text from the file, short enough for a message.
pub(super) fn shortened(text: &str) -> String {
    const LONGEST: usize = 60;
    let line = text.split(['\n', '\r']).next().unwrap_or_default();
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None if line.len() < text.len() => format!("{line}…"),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_shows_its_line_and_points_at_its_column() {
        let source = Source::new("a.yaml", "name: 좌석\nlaod: 1\n");
        let finding = Finding::error(15..19, "unknown key `laod`").help("did you mean `load`?");
        assert_eq!(&source.text()[13..17], "laod");
        let finding = Finding { span: 13..17, ..finding };
        insta::assert_snapshot!(source.render(&[finding], false), @r"
        error: unknown key `laod`
         --> a.yaml:2:1
          |
        2 | laod: 1
          | ^^^^
          |
          = help: did you mean `load`?
        ");
    }

    #[test]
    fn columns_count_characters() {
        let source = Source::new("a.yaml", "name: 좌석 x");
        assert_eq!(source.position(source.text().len() - 1), Position { line: 1, column: 10 });
        let machine = source.for_machines(&[Finding::warning(6..12, "w")]);
        assert_eq!((machine[0].column, machine[0].end_column), (7, 9));
    }

    #[test]
    fn any_span_can_be_shown() {
        let source = Source::new("a.yaml", "é\n\té");
        for start in 0..9 {
            for end in 0..9 {
                let finding = Finding::error(start..end, "x").also(end..start, "y");
                source.render(std::slice::from_ref(&finding), false);
                source.for_machines(&[finding]);
            }
        }
        Source::new("empty.yaml", "").render(&[Finding::error(0..0, "empty")], true);
    }
}
