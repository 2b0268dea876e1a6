//! Windows of response times as text: how `result.json` and baselines keep them.
//!
//! For each window, in their order: how many buckets follow; for each of these how much its number is above the
//! one before, and the count. All are LEB128 numbers; the whole is compressed with zlib, and is in base64.

use std::io::{Read as _, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;

use crate::metrics::{Bucket, CellWindows, MOST_WINDOWS, Slot};
use crate::varint::{put, take};

/// Why windows of a file cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WindowsError {
    #[error("its windows are not base64")]
    Text,
    #[error("its windows cannot be decompressed")]
    Compression,
    #[error("its windows are cut off, or hold what is no count")]
    Content,
}

/// More than any run writes: 240 windows with every bucket there is are a quarter of it.
const LONGEST: u64 = 4 << 20;

/// None where there is nothing in them.
pub fn encode(cell: &CellWindows) -> Option<String> {
    let all: Vec<Slot> = cell.slots().collect();
    let last = all.last()?.window;
    let mut bytes = Vec::new();
    for window in 0..=last {
        let slots = of_window(&all, window);
        put(&mut bytes, slots.len() as u64);
        let mut before = 0;
        for slot in slots {
            let number = slot.bucket.number();
            put(&mut bytes, u64::from(number - before));
            put(&mut bytes, slot.count);
            before = number;
        }
    }
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    // Writing to memory does not fail.
    encoder.write_all(&bytes).ok()?;
    encoder.finish().ok().map(|bytes| STANDARD.encode(bytes))
}

pub fn decode(text: &str) -> Result<CellWindows, WindowsError> {
    let compressed = STANDARD.decode(text).map_err(|_| WindowsError::Text)?;
    let mut bytes = Vec::new();
    let mut decoder = ZlibDecoder::new(compressed.as_slice()).take(LONGEST);
    decoder.read_to_end(&mut bytes).map_err(|_| WindowsError::Compression)?;
    let mut rest = bytes.as_slice();
    let next = |rest: &mut &[u8]| take(rest).ok_or(WindowsError::Content);
    let mut slots = Vec::new();
    let mut window = 0;
    while !rest.is_empty() {
        if window >= MOST_WINDOWS {
            return Err(WindowsError::Content);
        }
        let mut number = 0_u64;
        for _ in 0..next(&mut rest)? {
            number = number.checked_add(next(&mut rest)?).ok_or(WindowsError::Content)?;
            let bucket = Bucket::from_number(number).ok_or(WindowsError::Content)?;
            slots.push(Slot { window, bucket, count: next(&mut rest)? });
        }
        window += 1;
    }
    Ok(CellWindows::new(slots))
}

fn of_window(slots: &[Slot], window: u32) -> &[Slot] {
    let from = slots.partition_point(|slot| slot.window < window);
    let to = slots.partition_point(|slot| slot.window <= window);
    &slots[from..to]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn slot(window: u32, bucket: u64, count: u64) -> Slot {
        Slot { window, bucket: Bucket::from_number(bucket).unwrap(), count }
    }

    #[test]
    fn nothing_is_written_of_nothing() {
        assert_eq!(encode(&CellWindows::default()), None);
    }

    #[test]
    fn what_is_no_window_is_an_error() {
        let compressed = |bytes: &[u8]| {
            let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(bytes).unwrap();
            STANDARD.encode(encoder.finish().unwrap())
        };
        assert_eq!(decode("§"), Err(WindowsError::Text));
        assert_eq!(decode("AAAA"), Err(WindowsError::Compression));
        for bytes in [&[1][..], &[1, 5], &[0x80], &[0xff; 11], &[1, 0xff, 0xff, 0x7f, 1], &[0; 241]] {
            assert_eq!(decode(&compressed(bytes)), Err(WindowsError::Content), "{bytes:?}");
        }
        // A small text that would be gigabytes.
        assert!(decode(&compressed(&vec![0; 100 << 20])).is_err());
        assert_eq!(decode(&compressed(&[0; 240])), Ok(CellWindows::default()));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            slots in prop::collection::vec((0..MOST_WINDOWS, 0..3000_u64, 1..u64::MAX / 100), 1..80)
        ) {
            let slots = slots.into_iter().map(|(window, bucket, count)| slot(window, bucket, count)).collect();
            let cell = CellWindows::new(slots);
            prop_assert_eq!(decode(&encode(&cell).unwrap()), Ok(cell));
        }

        #[test]
        fn no_text_brings_it_down(text in "[A-Za-z0-9+/]{0,60}") {
            let _ = decode(&text);
        }
    }
}
