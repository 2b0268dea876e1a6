//! `latency.hlog`: every second's response times on disk as they come, in `HdrHistogram`'s interval log format.
//!
//! One line for each second, step and outcome that had samples, tagged `step/outcome`. Each second goes to the
//! file in one write, so that a run which is killed leaves all it measured until then. A second that does not fit
//! on the disk is left out as a whole: what stands before and after it can be read.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Seek as _, SeekFrom, Write};
use std::path::Path;
use std::time::{Duration, SystemTime};

use hdrhistogram::Histogram;
use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, IntervalLogWriterError, Tag};

use crate::metrics::{Cell, RowRecord, Staged};
use crate::outcome::Cause;
use crate::scenario::model::{Catalog, RowInfo};

/// The log of one run.
pub struct LatencyLog {
    file: File,
    serializer: V2DeflateSerializer,
    /// One line's histogram; kept, since making one costs more than filling it.
    scratch: Histogram<u64>,
    /// The lines of one second.
    lines: Vec<u8>,
    /// The length of the file up to the last second that is in it as a whole.
    whole: u64,
}

/// Two digits: a log of hours stays small, and the whole run is in `result.json` at three.
const DIGITS: u8 = 2;

impl LatencyLog {
    /// Makes the file and writes its head. `start` is the beginning of the load.
    pub fn create(path: &Path, start: SystemTime) -> io::Result<LatencyLog> {
        let mut scratch = Histogram::new_with_bounds(64, 64 * 4096, DIGITS).map_err(io::Error::other)?;
        scratch.auto(true);
        let mut lines = Vec::new();
        lines.extend_from_slice(b"#[Histogram log format version 1.3]\n");
        IntervalLogWriterBuilder::new()
            .add_comment("Response times in nanoseconds, one line per second, step and outcome; tags are step/outcome.")
            .with_start_time(start)
            .with_base_time(start)
            .begin_log_with(&mut lines, &mut V2DeflateSerializer::new())?;
        lines.extend_from_slice(
            b"\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n",
        );
        let (file, serializer) = (File::create(path)?, V2DeflateSerializer::new());
        let mut log = LatencyLog { file, serializer, scratch, lines, whole: 0 };
        log.write_lines()?;
        Ok(log)
    }

    /// Adds what `interval` measured in the second that began `second` seconds into the load. After an error, the
    /// next second may be added as if this one had never been.
    pub fn append(&mut self, second: u32, interval: &Staged, catalog: &Catalog) -> io::Result<()> {
        let LatencyLog { serializer, scratch, lines, .. } = self;
        lines.clear();
        let mut writer = IntervalLogWriterBuilder::new().begin_log_with(lines, serializer)?;
        for (index, info) in catalog.rows.iter().enumerate() {
            let rows: Vec<&RowRecord> =
                interval.of(&[]).filter_map(|recorder| recorder.rows.get(index)).collect();
            for (name, cells) in outcomes(info, &rows) {
                scratch.reset();
                for cell in cells {
                    cell.response.add_to(scratch).map_err(io::Error::other)?;
                }
                if scratch.is_empty() {
                    continue;
                }
                let tag = format!("{}/{}", tag_part(&info.name), tag_part(&name));
                let start = Duration::from_secs(u64::from(second));
                let written = writer.write_histogram(scratch, start, Duration::from_secs(1), Tag::new(&tag));
                written.map_err(|error| match error {
                    IntervalLogWriterError::IoError(error) => error,
                    other @ IntervalLogWriterError::SerializeError(_) => io::Error::other(other.to_string()),
                })?;
            }
        }
        self.write_lines()
    }

    fn write_lines(&mut self) -> io::Result<()> {
        let written = self.file.write_all(&self.lines);
        if written.is_ok() {
            self.whole += self.lines.len() as u64;
        } else {
            // The half of a line would make the next one unreadable.
            let _ = self.file.set_len(self.whole);
            let _ = self.file.seek(SeekFrom::Start(self.whole));
        }
        written
    }
}

impl std::fmt::Debug for LatencyLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LatencyLog").field("file", &self.file).finish_non_exhaustive()
    }
}

/// The cells of one row by the name of their outcome, over all stages.
fn outcomes<'a>(info: &RowInfo, rows: &[&'a RowRecord]) -> Vec<(String, Vec<&'a Cell>)> {
    let mut found = vec![("success".to_string(), rows.iter().map(|row| &row.success).collect())];
    for (number, name) in info.business.iter().enumerate() {
        found.push((name.clone(), rows.iter().filter_map(|row| row.business.get(number)).collect()));
    }
    let mut failures: HashMap<Cause, Vec<&Cell>> = HashMap::new();
    for (cause, cell) in rows.iter().flat_map(|row| &row.failures) {
        failures.entry(*cause).or_default().push(cell);
    }
    let mut failures: Vec<_> = failures.into_iter().collect();
    failures.sort_by_key(|(cause, _)| *cause);
    found.extend(failures.into_iter().map(|(cause, cells)| (cause.to_string(), cells)));
    found
}

/// A name as part of a tag: the format takes neither blanks nor commas, and we want no second slash.
fn tag_part(name: &str) -> String {
    let plain = |letter: char| match letter {
        ',' | '=' | '"' => '_',
        letter if letter.is_whitespace() || letter.is_control() => '_',
        letter => letter,
    };
    name.chars().map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Exchange;
    use crate::outcome::{Outcome, Phase};
    use crate::scenario::model::{RowId, StageId};
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use hdrhistogram::serialization::Deserializer;
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

    fn interval(catalog: &Catalog) -> Staged {
        let mut interval = Staged::new(catalog, 1);
        let mut answer = |stage, outcome, millis| {
            let exchange = Exchange { response: Duration::from_millis(millis), ..Exchange::default() };
            interval.at(stage).answer(RowId(0), outcome, &exchange);
        };
        answer(None, Outcome::Success, 10);
        answer(Some(StageId(0)), Outcome::Success, 20);
        answer(Some(StageId(0)), Outcome::Business(0), 1);
        answer(None, Outcome::Failure(Cause::Timeout(Phase::Wait)), 5000);
        interval
    }

    #[test]
    fn what_is_written_is_read_back_by_the_format_s_own_reader() {
        let row = RowInfo {
            name: "reserve, seat".into(),
            scenario: 0,
            groups: vec![],
            optional: false,
            business: vec!["taken".into(), "never".into()],
        };
        let catalog = Catalog { rows: vec![row], stages: vec!["peak".into()], ..Catalog::default() };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("latency.hlog");
        let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let mut log = LatencyLog::create(&path, start).unwrap();
        for second in 0..3 {
            log.append(second, &interval(&catalog), &catalog).unwrap();
        }
        log.append(3, &Staged::new(&catalog, 1), &catalog).unwrap();

        // The log is still open: all is on disk before anything is dropped.
        let bytes = std::fs::read(&path).unwrap();
        let mut seen: Vec<(String, u64, u64)> = Vec::new();
        let mut heads = 0;
        for entry in IntervalLogIterator::new(&bytes) {
            match entry.unwrap() {
                LogEntry::StartTime(at) | LogEntry::BaseTime(at) => {
                    assert_eq!(at.as_secs(), 1_700_000_000);
                    heads += 1;
                }
                LogEntry::Interval(line) => {
                    let raw = STANDARD.decode(line.encoded_histogram()).unwrap();
                    let histogram: Histogram<u64> =
                        Deserializer::new().deserialize(&mut raw.as_slice()).unwrap();
                    assert_eq!(line.duration(), Duration::from_secs(1));
                    let tag = line.tag().unwrap().as_str().to_string();
                    seen.push((tag, line.start_timestamp().as_secs(), histogram.len()));
                    let max = Duration::from_nanos(histogram.max()).as_secs_f64();
                    let expected = match seen.last().unwrap().0.as_str() {
                        "reserve__seat/success" => 0.020,
                        "reserve__seat/taken" => 0.001,
                        _ => 5.0,
                    };
                    assert!((max / expected - 1.0).abs() < 0.02, "{max}");
                }
            }
        }
        assert_eq!(heads, 2);
        let line = |tag: &str, second, count| (format!("reserve__seat/{tag}"), second, count);
        let of_second = |s| [line("success", s, 2), line("taken", s, 1), line("timeout_(wait)", s, 1)];
        assert_eq!(seen, (0..3).flat_map(of_second).collect::<Vec<_>>());
    }

    #[test]
    fn a_place_that_cannot_be_written_is_an_error() {
        assert!(LatencyLog::create(Path::new("/nowhere/at/all.hlog"), SystemTime::now()).is_err());
    }
}
