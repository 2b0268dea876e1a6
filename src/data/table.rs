//! Rows by number without holding them: where every so many of them begin, and what lies between.

use std::fs::File;
use std::io::{self, BufReader, Read as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use super::format::{Format, Parser};
use super::scan;
use super::{DataError, DataProblem, error};
use crate::template::Value;

/// How many places are kept at most: 2 MiB of them.
const MOST: usize = 1 << 18;

#[derive(Debug)]
pub(super) struct Table {
    bytes: Bytes,
    /// Where every [`Table::every`]th row begins.
    begins: Vec<u64>,
    every: u64,
    rows: u64,
    /// Where the last row ends, with all that follows it.
    end: u64,
}

#[derive(Debug)]
enum Bytes {
    Kept(Box<[u8]>),
    File(File),
}

/// What whoever reads rows keeps between two of them.
#[derive(Debug, Default)]
pub struct Block {
    /// Which part of a file `bytes` are.
    number: Option<usize>,
    bytes: Vec<u8>,
    parser: Parser,
}

impl Table {
    /// Looks through a file, and keeps it in memory where it has at most `kept` bytes.
    pub(super) fn open(path: &Path, format: &Format, kept: u64) -> Result<Table, DataError> {
        let failed = |problem| error(path, problem);
        let io = |problem| failed(DataProblem::Io(problem));
        let input = scan::open(path)?;
        let file = input.get_ref();
        let length = file.metadata().map_err(io)?.len();
        let mut index = Index { begins: Vec::new(), every: 1, rows: 0 };
        let bytes = if length <= kept {
            let mut bytes = Vec::new();
            // It may grow while it is read: then what is there now is what counts.
            input.take(kept).read_to_end(&mut bytes).map_err(io)?;
            let last = scan::rows(&mut bytes.as_slice(), format, |at| index.add(at)).map_err(failed)?;
            if let Some(last) = last
                && last.is_unclosed(bytes.get(last.at as usize..).unwrap_or_default())
            {
                return Err(failed(DataProblem::Unclosed { line: last.line }));
            }
            Bytes::Kept(bytes.into())
        } else {
            let file = file.try_clone().map_err(io)?;
            let mut input = BufReader::with_capacity(64 * 1024, input.take(length));
            let last = scan::rows(&mut input, format, |at| index.add(at)).map_err(failed)?;
            if let Some(last) = last {
                let mut bytes = vec![0; length.saturating_sub(last.at) as usize];
                file.read_exact_at(&mut bytes, last.at).map_err(io)?;
                if last.is_unclosed(&bytes) {
                    return Err(failed(DataProblem::Unclosed { line: last.line }));
                }
            }
            Bytes::File(file)
        };
        if length == 0 {
            return Err(failed(DataProblem::Empty));
        }
        let Index { begins, every, rows } = index;
        if rows == 0 {
            return Err(failed(DataProblem::NoRows));
        }
        Ok(Table { bytes, begins, every, rows, end: length })
    }

    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// A row; none where there is none, or the file is not what it was.
    pub(super) fn read(&self, row: u64, format: &Format, block: &mut Block) -> io::Result<Option<Value>> {
        let number = usize::try_from(row / self.every).unwrap_or(usize::MAX);
        let Some(&begin) = self.begins.get(number) else { return Ok(None) };
        let end = self.begins.get(number + 1).copied().unwrap_or(self.end);
        let skipped = row % self.every;
        match &self.bytes {
            Bytes::Kept(bytes) => {
                let part = bytes.get(begin as usize..end as usize).unwrap_or_default();
                Ok(format.row(part, skipped, &mut block.parser))
            }
            Bytes::File(file) => {
                if block.number != Some(number) {
                    block.number = None;
                    block.bytes.resize((end - begin) as usize, 0);
                    file.read_exact_at(&mut block.bytes, begin)?;
                    block.number = Some(number);
                }
                Ok(format.row(&block.bytes, skipped, &mut block.parser))
            }
        }
    }
}

/// Where rows begin. When there are too many places, every second one goes.
struct Index {
    begins: Vec<u64>,
    every: u64,
    rows: u64,
}

impl Index {
    fn add(&mut self, at: u64) {
        if self.rows.is_multiple_of(self.every) {
            if self.begins.len() == MOST {
                let mut is_kept = false;
                self.begins.retain(|_| {
                    is_kept = !is_kept;
                    is_kept
                });
                self.every *= 2;
            }
            if self.rows.is_multiple_of(self.every) {
                self.begins.push(at);
            }
        }
        self.rows += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_thins_itself_out() {
        let mut index = Index { begins: Vec::new(), every: 1, rows: 0 };
        let rows = MOST as u64 * 5 / 2 + 3;
        (0..rows).for_each(|row| index.add(row * 10));
        assert_eq!((index.every, index.rows), (4, rows));
        assert_eq!(index.begins.len() as u64, rows.div_ceil(4));
        let right = |(place, at): (usize, &u64)| *at == place as u64 * 40;
        assert!(index.begins.iter().enumerate().all(right));
    }
}
