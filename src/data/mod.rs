//! Rows that users take: of a CSV file, of a JSON file, the lines of a text, or of the scenario itself.
//!
//! Everything about a file is checked when it is opened, so that no user finds a broken row later. A small
//! file is kept as it is; of a large one only where its rows begin, so that five million of them cost no more
//! memory than five thousand. Who takes which row is the engine's business.

mod error;
mod format;
mod row;
mod scan;
mod table;
#[cfg(test)]
mod tests;

use std::fmt;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

pub use error::{DataError, DataProblem};
pub use row::Row;
pub use table::Block;

use crate::template::{RowFields, Value, parse_json};
use format::Format;
use table::Table;

/// A file up to this size is kept in memory, in bytes; of a larger one what is needed is read when it is.
const KEPT: u64 = 8 * 1024 * 1024;
/// The largest JSON file, in bytes: all of its values are kept.
const LARGEST_JSON: u64 = 32 * 1024 * 1024;

/// Rows by number, from 0; at least one.
pub struct Rows {
    kind: Kind,
    fields: RowFields,
}

enum Kind {
    Values(Vec<Value>),
    Table { table: Table, format: Format },
}

impl Rows {
    /// The rows of a CSV file after its header, which names their values.
    pub fn csv(path: &Path, delimiter: u8) -> Result<Rows, DataError> {
        let columns = scan::header(&mut scan::open(path)?, delimiter);
        let columns: Arc<[Arc<str>]> = columns.map_err(|problem| error(path, problem))?.into();
        let format = Format::Csv { columns: Arc::clone(&columns), delimiter };
        let table = Table::open(path, &format, KEPT)?;
        Ok(Rows { kind: Kind::Table { table, format }, fields: RowFields::Named(columns) })
    }

    /// The lines of a text file; empty ones are passed over.
    pub fn lines(path: &Path) -> Result<Rows, DataError> {
        let table = Table::open(path, &Format::Lines, KEPT)?;
        Ok(Rows { kind: Kind::Table { table, format: Format::Lines }, fields: RowFields::Whole })
    }

    /// The items of a JSON file, which is a list.
    pub fn json(path: &Path) -> Result<Rows, DataError> {
        let failed = |problem| error(path, problem);
        let file = File::open(path).map_err(|problem| error::unopened(path, problem))?;
        let length = file.metadata().map_err(|problem| failed(DataProblem::Io(problem)))?.len();
        if length > LARGEST_JSON {
            return Err(failed(DataProblem::TooLarge { most: LARGEST_JSON }));
        }
        let text = std::fs::read(path).map_err(|problem| error::unopened(path, problem))?;
        let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&text);
        let list = parse_json(text).map_err(|problem| {
            failed(DataProblem::NotJson {
                line: problem.line() as u64,
                column: problem.column() as u64,
                // The place stands in the message already.
                what: problem.to_string().split(" at line ").next().unwrap_or_default().to_owned(),
            })
        })?;
        let first = text.iter().find(|byte| !byte.is_ascii_whitespace());
        if first != Some(&b'[') {
            return Err(failed(DataProblem::NoList));
        }
        let items = list.try_iter().map(Iterator::collect).unwrap_or_default();
        Rows::given(items).map_err(failed)
    }

    /// These rows.
    pub fn given(rows: Vec<Value>) -> Result<Rows, DataProblem> {
        if rows.is_empty() {
            return Err(DataProblem::NoRows);
        }
        let fields = row::fields(&rows)?;
        Ok(Rows { kind: Kind::Values(rows), fields })
    }

    pub fn count(&self) -> u64 {
        match &self.kind {
            Kind::Values(rows) => rows.len() as u64,
            Kind::Table { table, .. } => table.rows(),
        }
    }

    /// What a row holds.
    pub fn fields(&self) -> &RowFields {
        &self.fields
    }

    /// A row by its number. `block` is kept by whoever reads, and saves reading neighbours anew.
    pub fn read(&self, row: u64, block: &mut Block) -> io::Result<Value> {
        let changed = || io::Error::new(io::ErrorKind::InvalidData, "it has changed since it was checked");
        match &self.kind {
            Kind::Values(rows) => {
                let row = usize::try_from(row).ok().and_then(|row| rows.get(row));
                row.cloned().ok_or_else(changed)
            }
            Kind::Table { table, format } => table.read(row, format, block)?.ok_or_else(changed),
        }
    }
}

impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rows")
            .field("count", &self.count())
            .field("fields", &self.fields)
            .finish_non_exhaustive()
    }
}

fn error(path: &Path, problem: DataProblem) -> DataError {
    DataError { path: path.to_owned(), problem }
}
