//! What can be wrong with a file of data, and what to do about it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::spelling::closest;
use crate::units::count;

/// Why a file gives no rows.
#[derive(Debug)]
pub struct DataError {
    pub path: PathBuf,
    pub problem: DataProblem,
}

/// Lines count from 1.
#[derive(Debug)]
pub enum DataProblem {
    /// There is no such file; the one beside it with the nearest name.
    Missing {
        near: Option<PathBuf>,
    },
    Directory,
    Io(io::Error),
    /// There is nothing in it.
    Empty,
    /// A header and nothing below, or an empty list.
    NoRows,
    /// No UTF-8 from this line on.
    NotText {
        line: u64,
    },
    /// A row has more or fewer values than the header has names.
    Ragged {
        line: u64,
        values: usize,
        columns: usize,
    },
    /// A column without a name; its place from 1.
    Unnamed {
        place: usize,
    },
    /// Two columns of one name.
    Twice {
        name: String,
    },
    /// A quotation that begins here and never ends.
    Unclosed {
        line: u64,
    },
    /// A row of more than a mebibyte.
    TooLong {
        line: u64,
    },
    /// More bytes than are kept.
    TooLarge {
        most: u64,
    },
    NotJson {
        line: u64,
        column: u64,
        what: String,
    },
    /// JSON, but no list.
    NoList,
    /// A row that is no object among rows that are, or the other way round; its place from 1.
    Mixed {
        place: usize,
    },
}

impl DataProblem {
    /// What to do about it.
    pub fn help(&self) -> String {
        match self {
            DataProblem::Missing { near: Some(near) } => format!("did you mean `{}`?", near.display()),
            DataProblem::Missing { near: None } => {
                "a path is taken from the folder of the file it stands in".into()
            }
            DataProblem::Directory => "name a file in it".into(),
            DataProblem::Io(_) => "look at the file and its permissions".into(),
            DataProblem::Empty => "give it rows, or take it out of `data`".into(),
            DataProblem::NoRows => "give it at least one row".into(),
            DataProblem::NotText { .. } => "save the file as UTF-8".into(),
            DataProblem::Ragged { values, columns, .. } if values < columns => {
                "give every row as many values as the header has names".into()
            }
            DataProblem::Ragged { .. } => {
                "put a value that contains the delimiter in quotes, or name another `delimiter`".into()
            }
            DataProblem::Unnamed { .. } => {
                "the first line names the columns: give each a name, like `id,name`".into()
            }
            DataProblem::Twice { .. } => "give each column a name of its own".into(),
            DataProblem::Unclosed { .. } => "close it, or write a quote within quotes twice: `\"\"`".into(),
            DataProblem::TooLong { .. } => {
                "a row may have 1 MiB; is there a quote too many before it?".into()
            }
            DataProblem::TooLarge { .. } => "write it as CSV, which is read as it is needed".into(),
            DataProblem::NotJson { .. } | DataProblem::NoList => {
                "write a list of objects, like `[{ \"name\": \"ann\" }]`".into()
            }
            DataProblem::Mixed { .. } => "make all rows objects, or none".into(),
        }
    }
}

/// Why a file could not be opened, and which one may be meant.
pub(super) fn unopened(path: &Path, problem: io::Error) -> DataError {
    let problem = match problem.kind() {
        io::ErrorKind::NotFound => DataProblem::Missing { near: near(path) },
        io::ErrorKind::IsADirectory => DataProblem::Directory,
        _ => DataProblem::Io(problem),
    };
    DataError { path: path.to_owned(), problem }
}

/// The file in the same folder whose name is nearest.
fn near(path: &Path) -> Option<PathBuf> {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let wanted = path.file_name()?.to_str()?;
    let entries = std::fs::read_dir(folder).ok()?.take(1000).flatten();
    let files = entries.filter(|entry| entry.file_type().is_ok_and(|kind| !kind.is_dir()));
    let names: Vec<String> = files.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    let close = closest(wanted, names.iter().map(String::as_str))?;
    Some(path.with_file_name(close))
}

impl std::error::Error for DataError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.problem {
            DataProblem::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl fmt::Display for DataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.problem {
            DataProblem::Missing { .. } => write!(f, "there is no file {path}"),
            DataProblem::Directory => write!(f, "{path} is a folder"),
            DataProblem::Io(error) => write!(f, "{path} cannot be read: {error}"),
            problem => write!(f, "{path}: {problem}"),
        }
    }
}

impl fmt::Display for DataProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DataProblem::Missing { .. } => f.write_str("there is no such file"),
            DataProblem::Directory => f.write_str("this is a folder"),
            DataProblem::Io(error) => error.fmt(f),
            DataProblem::Empty => f.write_str("the file is empty"),
            DataProblem::NoRows => f.write_str("there are no rows"),
            DataProblem::NotText { line } => write!(f, "line {line} is no UTF-8 text"),
            DataProblem::Ragged { line, values, columns } => {
                let (values, columns) = (*values as u64, *columns as u64);
                let s = if values == 1 { "" } else { "s" };
                write!(f, "line {line} has {} value{s}, and the header has {}", count(values), count(columns))
            }
            DataProblem::Unnamed { place } => write!(f, "column {place} of the header has no name"),
            DataProblem::Twice { name } => write!(f, "two columns of the header are named `{name}`"),
            DataProblem::Unclosed { line } => {
                write!(f, "a quotation that begins in line {line} is never closed")
            }
            DataProblem::TooLong { line } => write!(f, "the row of line {line} is too long"),
            DataProblem::TooLarge { most } => {
                write!(f, "a JSON file may have {} MiB", most / 1024 / 1024)
            }
            DataProblem::NotJson { line, column, what } => {
                write!(f, "line {line}, column {column} is no JSON: {what}")
            }
            DataProblem::NoList => f.write_str("it holds no list"),
            DataProblem::Mixed { place } => {
                write!(f, "row {place} is of another kind than the rows before it")
            }
        }
    }
}
