//! How bytes become rows: CSV by RFC 4180, or a line each.

use std::sync::Arc;

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

use super::row::Row;
use super::scan::Record;
use crate::template::Value;

#[derive(Debug)]
pub(super) enum Format {
    Csv { columns: Arc<[Arc<str>]>, delimiter: u8 },
    Lines,
}

/// What it takes to read rows of one format, kept from row to row.
#[derive(Debug, Default)]
pub(super) struct Parser {
    /// Of a CSV file, made for its first row. It is set back and never cloned: a clone of it takes every
    /// character for the end of a row.
    reader: Option<Box<Reader>>,
    record: Record,
}

pub(super) fn csv_reader(delimiter: u8) -> Reader {
    ReaderBuilder::new().delimiter(delimiter).build()
}

impl Format {
    /// The row of `bytes` that comes after `skipped` others; none where there is none, or it is broken.
    pub(super) fn row(&self, bytes: &[u8], skipped: u64, parser: &mut Parser) -> Option<Value> {
        match self {
            Format::Csv { columns, delimiter } => {
                let Parser { reader, record } = parser;
                let reader = reader.get_or_insert_with(|| Box::new(csv_reader(*delimiter)));
                reader.reset();
                let mut rest = bytes;
                for _ in 0..=skipped {
                    rest = next_record(reader, rest, record)?;
                }
                let text = str::from_utf8(record.text()).ok()?;
                Row::new(Arc::clone(columns), text, record.ends()).map(Value::from_object)
            }
            Format::Lines => {
                let lines = bytes.split(|&byte| byte == b'\n').map(without_return);
                let line = lines.filter(|line| !line.is_empty()).nth(usize::try_from(skipped).ok()?)?;
                str::from_utf8(line).ok().map(Value::from)
            }
        }
    }
}

pub(super) fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Reads a record that lies in `bytes` as a whole; what is left of them.
fn next_record<'b>(reader: &mut Reader, bytes: &'b [u8], record: &mut Record) -> Option<&'b [u8]> {
    record.clear();
    let mut rest = bytes;
    loop {
        let (result, read) = record.read(reader, rest);
        rest = rest.get(read..)?;
        match result {
            // At the end of the bytes, the reader is told so by being given none.
            ReadRecordResult::InputEmpty => {}
            ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => record.grow(),
            ReadRecordResult::Record => return Some(rest),
            ReadRecordResult::End => return None,
        }
    }
}
