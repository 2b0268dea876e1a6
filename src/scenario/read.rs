//! A file on disk → a checked test, or what is wrong with either.

use std::fmt;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use super::finding::{Finding, Severity, Source};
use super::model::{TargetKind, Test};
use super::{check, include, yaml};
use crate::spelling::closest;
use crate::template::Env;

/// What a file is read with.
#[derive(Debug, Clone, Default)]
pub struct LoadOptions {
    pub env: Env,
    /// Wins over the `target` of the file; see [`target_override`].
    pub target: Option<TargetKind>,
}

/// A file that can be run.
#[derive(Debug)]
pub struct Loaded {
    pub test: Test,
    pub warnings: Vec<Finding>,
    pub source: Source,
}

/// Why a file cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    #[error(transparent)]
    Read(#[from] ReadError),
    /// At least one of the findings is an error.
    #[error("{} {}", file.path().display(), errors(findings))]
    Findings { file: Box<Source>, findings: Vec<Finding> },
}

/// Why a file cannot be read.
#[derive(Debug)]
pub struct ReadError {
    pub path: PathBuf,
    pub problem: ReadProblem,
}

#[derive(Debug)]
pub enum ReadProblem {
    /// There is no such file; the file beside it with the nearest name.
    Missing {
        near: Option<PathBuf>,
    },
    Directory,
    /// It has more than [`LARGEST`] bytes.
    TooLarge,
    /// It is no UTF-8 text; the line of the first byte that is none.
    NotText {
        line: usize,
    },
    Io(std::io::Error),
}

/// The largest file that is read, in bytes: well above what a person writes.
pub const LARGEST: u64 = 4 * 1024 * 1024;

/// Reads and checks a scenario file. Nothing is sent.
pub fn load(path: &Path, options: &LoadOptions) -> Result<Loaded, Failed> {
    let text = read(path)?;
    load_text(path, text, options)
}

/// Checks the text of a scenario file, `path` being what messages call it.
pub fn load_text(path: &Path, text: String, options: &LoadOptions) -> Result<Loaded, Failed> {
    let mut source = Source::new(path, text);
    let yaml::Parsed { root, mut findings } = yaml::parse(source.text(), 0);
    let mut checked = None;
    if let Some(root) = root {
        let (root, included) = include::expand(&mut source, &root);
        findings.extend(included);
        let (result, more) = check::check(&source, &root, options);
        findings.extend(more);
        checked = result;
    } else if findings.is_empty() {
        findings.push(empty());
    }
    findings.sort_by_key(|finding| (finding.span.start, finding.span.end));
    let has_errors = findings.iter().any(|finding| finding.severity == Severity::Error);
    if let Some(test) = checked.filter(|_| !has_errors) {
        return Ok(Loaded { test, warnings: findings, source });
    }
    if !has_errors {
        // A test that could not be made without a word about it would be a slip of the checker.
        findings.push(Finding::error(0..0, "this file cannot be read as a test"));
    }
    Err(Failed::Findings { file: Box::new(source), findings })
}

/// Reads the value of `--target`: `bundled`, or a base URL.
pub fn target_override(text: &str) -> Result<TargetKind, TargetError> {
    check::parse_target(text).map_err(|(problem, help)| TargetError { problem, help })
}

/// Why a text is no target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}: {help}")]
pub struct TargetError {
    pub problem: String,
    pub help: String,
}

fn empty() -> Finding {
    Finding::error(0..0, "the file is empty")
        .help("a test needs a `target`, a `load` and a `flow`; `loadtest schema` lists all keys")
}

pub(super) fn read(path: &Path) -> Result<String, ReadError> {
    let failed = |problem| ReadError { path: path.to_owned(), problem };
    if path.is_dir() {
        return Err(failed(ReadProblem::Directory));
    }
    let file = File::open(path).map_err(|error| {
        failed(match error.kind() {
            ErrorKind::NotFound => ReadProblem::Missing { near: near(path) },
            _ => ReadProblem::Io(error),
        })
    })?;
    let mut bytes = Vec::new();
    // One byte more than may be: a pipe or a device does not say its size beforehand.
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|error| failed(ReadProblem::Io(error)))?;
    if bytes.len() as u64 > LARGEST {
        return Err(failed(ReadProblem::TooLarge));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..valid].split(|&byte| byte == b'\n').count();
        failed(ReadProblem::NotText { line })
    })
}

/// The file in the same directory whose name is nearest, the ending aside.
fn near(path: &Path) -> Option<PathBuf> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let wanted = path.file_stem()?.to_str()?;
    let files = std::fs::read_dir(directory).ok()?.take(1000).filter_map(|entry| {
        let path = PathBuf::from(entry.ok()?.file_name());
        path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml").then_some(path)
    });
    let files: Vec<(String, PathBuf)> =
        files.filter_map(|path| Some((path.file_stem()?.to_str()?.to_owned(), path))).collect();
    let close = closest(wanted, files.iter().map(|(stem, _)| stem.as_str()))?;
    let (_, file) = files.iter().find(|(stem, _)| stem == close)?;
    Some(path.with_file_name(file))
}

fn errors(findings: &[Finding]) -> String {
    match findings.iter().filter(|finding| finding.severity == Severity::Error).count() {
        1 => "has an error".into(),
        n => format!("has {n} errors"),
    }
}

impl std::error::Error for ReadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.problem {
            ReadProblem::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.problem {
            ReadProblem::Missing { near: Some(near) } => {
                write!(f, "there is no file {path}: did you mean {}?", near.display())
            }
            ReadProblem::Missing { near: None } => write!(f, "there is no file {path}"),
            ReadProblem::Directory => {
                write!(
                    f,
                    "{path} is a directory: name a scenario file in it, like {}",
                    self.path.join("name.yaml").display()
                )
            }
            ReadProblem::TooLarge => {
                write!(f, "{path} is larger than 4 MiB: a scenario file is a few pages long")
            }
            ReadProblem::NotText { line } => {
                write!(f, "{path} is no UTF-8 text (line {line}): save it as UTF-8")
            }
            ReadProblem::Io(error) => write!(f, "{path} cannot be read: {error}"),
        }
    }
}
