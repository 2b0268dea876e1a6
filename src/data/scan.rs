//! A file of rows, looked through once from its beginning: are they whole, and where do they begin?

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;

use csv_core::{ReadRecordResult, Reader};

use super::error::unopened;
use super::format::{Format, csv_reader, without_return};
use super::{DataError, DataProblem};

/// The longest row, in bytes: what is longer is a quotation that was never closed.
const LONGEST: usize = 1024 * 1024;
/// How much is read at once.
const PIECE: usize = 64 * 1024;

pub(super) fn open(path: &Path) -> Result<BufReader<File>, DataError> {
    let failed = |problem| unopened(path, problem);
    let file = File::open(path).map_err(failed)?;
    if file.metadata().map_err(failed)?.is_dir() {
        return Err(failed(io::ErrorKind::IsADirectory.into()));
    }
    Ok(BufReader::with_capacity(PIECE, file))
}

/// The names of the columns: the first row of a CSV file.
pub(super) fn header(input: &mut impl BufRead, delimiter: u8) -> Result<Vec<Arc<str>>, DataProblem> {
    let mut scan = Scan::new(input);
    let mut reader = csv_reader(delimiter);
    let mut record = Record::default();
    let Some(line) = scan.next_record(&mut reader, &mut record)? else { return Err(DataProblem::Empty) };
    let text = record.checked(line)?;
    let mut names: Vec<Arc<str>> = Vec::with_capacity(record.ends().len());
    let mut from = 0;
    for (place, &end) in record.ends().iter().enumerate() {
        let name = text[from..end].trim();
        from = end;
        if name.is_empty() {
            return Err(DataProblem::Unnamed { place: place + 1 });
        }
        if names.iter().any(|known| **known == *name) {
            return Err(DataProblem::Twice { name: name.to_owned() });
        }
        names.push(name.into());
    }
    Ok(names)
}

/// The last row of a CSV file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Last {
    /// Where it begins, in bytes.
    pub(super) at: u64,
    pub(super) line: u64,
    /// Whether a value of it has several lines.
    has_lines: bool,
}

impl Last {
    /// A quotation that is never closed swallows all that comes after it, the last end of line included.
    pub(super) fn is_unclosed(self, bytes: &[u8]) -> bool {
        self.has_lines && times(b'"', bytes) % 2 == 1
    }
}

fn times(byte: u8, bytes: &[u8]) -> u64 {
    bytes.iter().map(|one| u64::from(*one == byte)).sum()
}

/// Calls `begins` with the place of each row, in bytes, in the order of the file. Every row is checked, but
/// for whether the last one of a CSV file is closed.
pub(super) fn rows(
    input: &mut impl BufRead,
    format: &Format,
    mut begins: impl FnMut(u64),
) -> Result<Option<Last>, DataProblem> {
    let mut scan = Scan::new(input);
    let mut record = Record::default();
    let mut last = None;
    match format {
        Format::Csv { columns, delimiter } => {
            let mut reader = csv_reader(*delimiter);
            if scan.next_record(&mut reader, &mut record)?.is_none() {
                return Err(DataProblem::Empty);
            }
            while let Some(line) = scan.next_record(&mut reader, &mut record)? {
                record.checked(line)?;
                let values = record.ends().len();
                let has_lines = record.text().contains(&b'\n');
                if values != columns.len() {
                    return Err(if has_lines && scan.is_over()? {
                        DataProblem::Unclosed { line }
                    } else {
                        DataProblem::Ragged { line, values, columns: columns.len() }
                    });
                }
                begins(scan.began);
                last = Some(Last { at: scan.began, line, has_lines });
            }
            Ok(last)
        }
        Format::Lines => {
            let mut line = Vec::new();
            let mut number = 0;
            loop {
                line.clear();
                if number == 0 {
                    scan.skip_mark()?;
                }
                let began = scan.at;
                if scan.next_line(&mut line, number + 1)? == 0 {
                    return Ok(None);
                }
                number += 1;
                if str::from_utf8(&line).is_err() {
                    return Err(DataProblem::NotText { line: number });
                }
                if !without_return(line.strip_suffix(b"\n").unwrap_or(&line)).is_empty() {
                    begins(began);
                }
            }
        }
    }
}

struct Scan<'i, I> {
    input: &'i mut I,
    /// Bytes read so far.
    at: u64,
    /// Where the last record began.
    began: u64,
}

impl<'i, I: BufRead> Scan<'i, I> {
    fn new(input: &'i mut I) -> Self {
        Scan { input, at: 0, began: 0 }
    }

    fn consume(&mut self, count: usize) {
        self.input.consume(count);
        self.at += count as u64;
    }

    /// Passes by the mark that some editors put before UTF-8.
    fn skip_mark(&mut self) -> Result<(), DataProblem> {
        const MARK: &[u8] = "\u{feff}".as_bytes();
        if self.input.fill_buf().map_err(DataProblem::Io)?.starts_with(MARK) {
            self.consume(MARK.len());
        }
        Ok(())
    }

    fn is_over(&mut self) -> Result<bool, DataProblem> {
        Ok(self.input.fill_buf().map_err(DataProblem::Io)?.is_empty())
    }

    /// Reads a record; the line on which it begins, or none at the end of the file.
    fn next_record(&mut self, reader: &mut Reader, record: &mut Record) -> Result<Option<u64>, DataProblem> {
        record.clear();
        // Ends of lines before it are passed by here, so that it begins where its own text does.
        loop {
            let piece = self.input.fill_buf().map_err(DataProblem::Io)?;
            let blank = piece.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            if blank == 0 {
                break;
            }
            let lines = times(b'\n', &piece[..blank]);
            // The reader has not seen them, and has to count on.
            reader.set_line(reader.line() + lines);
            self.consume(blank);
        }
        self.began = self.at;
        let line = reader.line();
        loop {
            let piece = self.input.fill_buf().map_err(DataProblem::Io)?;
            let (result, read) = record.read(reader, piece);
            self.consume(read);
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull if record.text().len() >= LONGEST => {
                    return Err(DataProblem::TooLong { line });
                }
                ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => record.grow(),
                ReadRecordResult::Record => return Ok(Some(line)),
                ReadRecordResult::End => return Ok(None),
            }
        }
    }

    /// Appends a line with its end to `line`; how many bytes it has, 0 at the end of the file.
    fn next_line(&mut self, line: &mut Vec<u8>, number: u64) -> Result<usize, DataProblem> {
        loop {
            let piece = self.input.fill_buf().map_err(DataProblem::Io)?;
            let end = piece.iter().position(|&byte| byte == b'\n');
            let taken = end.map_or(piece.len(), |end| end + 1);
            line.extend_from_slice(&piece[..taken]);
            let is_whole = end.is_some() || taken == 0;
            self.consume(taken);
            if line.len() > LONGEST {
                return Err(DataProblem::TooLong { line: number });
            }
            if is_whole {
                return Ok(line.len());
            }
        }
    }
}

/// The values of a row, and where each ends. Kept from row to row, so that none of them allocates it.
#[derive(Debug)]
pub(super) struct Record {
    text: Vec<u8>,
    ends: Vec<usize>,
    /// How much of each is filled.
    filled: (usize, usize),
}

impl Default for Record {
    fn default() -> Self {
        Record { text: vec![0; 256], ends: vec![0; 16], filled: (0, 0) }
    }
}

impl Record {
    pub(super) fn clear(&mut self) {
        self.filled = (0, 0);
    }

    pub(super) fn text(&self) -> &[u8] {
        &self.text[..self.filled.0]
    }

    pub(super) fn ends(&self) -> &[usize] {
        &self.ends[..self.filled.1]
    }

    pub(super) fn grow(&mut self) {
        let (text, ends) = (self.text.len() * 2, self.ends.len() * 2);
        self.text.resize(text, 0);
        self.ends.resize(ends, 0);
    }

    /// Lets the reader go on with `input`; what came of it, and how much was read.
    pub(super) fn read(&mut self, reader: &mut Reader, input: &[u8]) -> (ReadRecordResult, usize) {
        let (text, ends) = self.filled;
        let (result, read, written, ended) =
            reader.read_record(input, &mut self.text[text..], &mut self.ends[ends..]);
        self.filled = (text + written, ends + ended);
        (result, read)
    }

    /// The values as text, each of them UTF-8 by itself.
    fn checked(&self, line: u64) -> Result<&str, DataProblem> {
        let text = str::from_utf8(self.text()).map_err(|problem| DataProblem::NotText {
            line: line + times(b'\n', &self.text()[..problem.valid_up_to()]),
        })?;
        if self.ends().iter().all(|&end| text.is_char_boundary(end)) {
            Ok(text)
        } else {
            Err(DataProblem::NotText { line })
        }
    }
}
