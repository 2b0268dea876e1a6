//! Encoded bodies (`Content-Encoding`) as what they were made of: gzip, deflate, br and zstd, in any number.
//!
//! Whatever is made of a body ends at a limit, so that a small answer cannot become a large one. Of a body that
//! was kept in part, what can be read is read.

use std::io::{self, Read};

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};
use flate2::bufread::{DeflateDecoder, GzDecoder, ZlibDecoder};
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use thiserror::Error;

/// So many encodings around one another are read; more are an attack.
const MOST_ENCODINGS: usize = 4;
/// What RFC 9659 lets a server use, and a reader set aside.
const LARGEST_WINDOW: u64 = 8 * 1024 * 1024;

/// Why a body cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EncodingError {
    #[error("the body is not what `Content-Encoding: {0}` says: {1}")]
    Broken(&'static str, String),
    #[error("the body is encoded more than {MOST_ENCODINGS} times")]
    TooMany,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

impl Encoding {
    fn named(name: &str) -> Option<Encoding> {
        const KNOWN: [(&str, Encoding); 5] = [
            ("gzip", Encoding::Gzip),
            ("x-gzip", Encoding::Gzip),
            ("deflate", Encoding::Deflate),
            ("br", Encoding::Brotli),
            ("zstd", Encoding::Zstd),
        ];
        KNOWN.iter().find(|(known, _)| name.eq_ignore_ascii_case(known)).map(|(_, encoding)| *encoding)
    }

    const fn name(self) -> &'static str {
        match self {
            Encoding::Gzip => "gzip",
            Encoding::Deflate => "deflate",
            Encoding::Brotli => "br",
            Encoding::Zstd => "zstd",
        }
    }
}

/// Reads a body that is encoded as `encodings` says (the values of `Content-Encoding`, in their order), up to
/// `most` bytes. None where there is nothing to do, or an encoding is unknown: then it stays as it is.
/// `is_cut` says that the end of it is missing.
pub(crate) fn decoded<'a>(
    encodings: impl Iterator<Item = &'a str>,
    body: &[u8],
    is_cut: bool,
    most: usize,
) -> Result<Option<Vec<u8>>, EncodingError> {
    let mut known = Vec::new();
    let names = encodings.flat_map(|value| value.split(',')).map(str::trim);
    for name in names.filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case("identity")) {
        let Some(encoding) = Encoding::named(name) else { return Ok(None) };
        known.push(encoding);
    }
    if known.is_empty() || body.is_empty() {
        return Ok(None);
    }
    if known.len() > MOST_ENCODINGS {
        return Err(EncodingError::TooMany);
    }
    let (mut now, mut is_cut) = (Vec::new(), is_cut);
    for (place, encoding) in known.iter().rev().enumerate() {
        let before = if place == 0 { body } else { now.as_slice() };
        // One byte more than may be tells whether there is more.
        let next = decode(*encoding, before, is_cut, most + 1);
        now = next.map_err(|error| EncodingError::Broken(encoding.name(), error.to_string()))?;
        is_cut |= now.len() > most;
        now.truncate(most);
    }
    Ok(Some(now))
}

fn decode(encoding: Encoding, body: &[u8], is_cut: bool, most: usize) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    match encoding {
        Encoding::Gzip => gzip(body, is_cut, most, &mut out)?,
        // RFC 9110 means zlib's format; some servers send the bare stream.
        Encoding::Deflate if is_zlib(body) => read(ZlibDecoder::new(body), is_cut, most, &mut out)?,
        Encoding::Deflate => read(DeflateDecoder::new(body), is_cut, most, &mut out)?,
        Encoding::Brotli => brotli(body, is_cut, most, &mut out)?,
        Encoding::Zstd => zstd(body, is_cut, most, &mut out)?,
    }
    Ok(out)
}

/// Appends what a reader gives, up to `most` bytes in all.
fn read(mut from: impl Read, is_cut: bool, most: usize, out: &mut Vec<u8>) -> io::Result<()> {
    let mut part = [0; 16 * 1024];
    while out.len() < most {
        let room = part.len().min(most - out.len());
        match from.read(&mut part[..room]) {
            Ok(0) => break,
            Ok(count) => out.extend_from_slice(&part[..count]),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return if is_cut { Ok(()) } else { Err(io::Error::other("its end is missing")) };
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// One member after another; what follows the last and is none is left alone, as browsers do.
fn gzip(body: &[u8], is_cut: bool, most: usize, out: &mut Vec<u8>) -> io::Result<()> {
    let mut rest = body;
    loop {
        let mut member = GzDecoder::new(rest);
        read(&mut member, is_cut, most, out)?;
        rest = member.into_inner();
        if out.len() >= most || !rest.starts_with(&[0x1f, 0x8b]) {
            return Ok(());
        }
    }
}

/// RFC 1950: the method, and a checksum over the first two bytes.
fn is_zlib(body: &[u8]) -> bool {
    matches!(*body, [method, flags, ..]
        if method & 0x0f == 8 && u16::from_be_bytes([method, flags]).is_multiple_of(31))
}

fn brotli(body: &[u8], is_cut: bool, most: usize, out: &mut Vec<u8>) -> io::Result<()> {
    // Strict: windows of more than 16 MiB are no part of the encoding.
    let alloc = StandardAlloc::default;
    let mut state = BrotliState::new_strict(alloc(), alloc(), alloc());
    let (mut left, mut from, mut written) = (body.len(), 0, 0);
    let mut part = vec![0; 16 * 1024];
    while out.len() < most {
        let (mut room, mut filled) = (part.len(), 0);
        let result = BrotliDecompressStream(
            &mut left,
            &mut from,
            body,
            &mut room,
            &mut filled,
            &mut part,
            &mut written,
            &mut state,
        );
        out.extend_from_slice(&part[..filled.min(most - out.len())]);
        match result {
            BrotliResult::ResultSuccess => return Ok(()),
            BrotliResult::NeedsMoreOutput => {}
            // It may still hold back some of what it has made.
            BrotliResult::NeedsMoreInput if filled > 0 => {}
            BrotliResult::NeedsMoreInput if is_cut => return Ok(()),
            BrotliResult::NeedsMoreInput => return Err(io::Error::other("its end is missing")),
            BrotliResult::ResultFailure => return Err(io::Error::other("it is broken")),
        }
    }
    Ok(())
}

/// One frame after another, as RFC 8878 has it.
fn zstd(body: &[u8], is_cut: bool, most: usize, out: &mut Vec<u8>) -> io::Result<()> {
    let ended = is_cut.then(|| ended_frames(body));
    let mut rest = ended.as_deref().unwrap_or(body);
    let mut decoder = FrameDecoder::new();
    decoder.set_max_window_size(LARGEST_WINDOW);
    let mut part = vec![0; 16 * 1024];
    while !rest.is_empty() && out.len() < most {
        match decoder.init(&mut rest) {
            Ok(()) => {}
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                length, ..
            })) => {
                rest = rest.get(length as usize..).unwrap_or_default();
                continue;
            }
            Err(error) => return Err(io::Error::other(error)),
        }
        while out.len() < most && (decoder.can_collect() > 0 || !decoder.is_finished()) {
            if decoder.can_collect() == 0 {
                let decoded = decoder.decode_blocks(&mut rest, BlockDecodingStrategy::UptoBlocks(1));
                decoded.map_err(io::Error::other)?;
            }
            let count = decoder.read(&mut part)?;
            out.extend_from_slice(&part[..count.min(most - out.len())]);
        }
    }
    Ok(())
}

/// The frames of a body whose end is missing, with an end behind the last block that is whole: the decoder holds
/// a window back until it has seen the end of a frame.
fn ended_frames(body: &[u8]) -> Vec<u8> {
    const FRAME: u32 = 0xfd2f_b528;
    /// The last of its frame, uncompressed, of no length.
    const LAST_BLOCK: [u8; 3] = [1, 0, 0];
    let number = |at: usize| Some(u32::from_le_bytes(*body.get(at..)?.first_chunk()?));
    let mut at = 0;
    // All that stands before `at` is whole frames.
    while let Some(magic) = number(at) {
        if magic != FRAME {
            // One to skip, or nothing that the decoder will like.
            let Some(length) = number(at + 4).filter(|_| magic & 0xffff_fff0 == 0x184d_2a50) else { break };
            at += 8 + length as usize;
            continue;
        }
        let Some(&descriptor) = body.get(at + 4) else { break };
        let is_single = descriptor & 0x20 != 0;
        let dictionary = [0, 1, 2, 4][usize::from(descriptor & 3)];
        let content_size = [usize::from(is_single), 2, 4, 8][usize::from(descriptor >> 6)];
        let checksum = if descriptor & 4 == 0 { 0 } else { 4 };
        let mut block = at + 5 + usize::from(!is_single) + dictionary + content_size;
        loop {
            let header = body.get(block..).and_then(|rest| rest.first_chunk::<3>());
            let header = header.map(|&[low, middle, high]| u32::from_le_bytes([low, middle, high, 0]));
            let length = header.map(|header| match (header >> 1) & 3 {
                1 => 1,
                _ => header as usize >> 3,
            });
            let end = length.map(|length| block + 3 + length).filter(|end| *end <= body.len());
            let (Some(header), Some(end)) = (header, end) else {
                let mut ended = body.get(..block).unwrap_or_default().to_vec();
                if !ended.is_empty() {
                    ended.extend_from_slice(&LAST_BLOCK);
                    ended.extend_from_slice(&[0; 4][..checksum]);
                }
                return ended;
            };
            block = end;
            if header & 1 == 1 {
                break;
            }
        }
        if block + checksum > body.len() {
            let mut ended = body[..block].to_vec();
            ended.resize(block + checksum, 0);
            return ended;
        }
        at = block + checksum;
    }
    body.get(..at).unwrap_or(body).to_vec()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use proptest::prelude::*;
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    const MOST: usize = 1024 * 1024;

    fn gzipped(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn brotlied(text: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        brotli::BrotliCompress(&mut &*text, &mut out, &brotli::enc::BrotliEncoderParams::default()).unwrap();
        out
    }

    fn encoded(encoding: &str, text: &[u8]) -> Vec<u8> {
        match encoding {
            "gzip" => gzipped(text),
            "br" => brotlied(text),
            "zstd" => compress_to_vec(text, CompressionLevel::Fastest),
            "deflate" => {
                let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
                encoder.write_all(text).unwrap();
                encoder.finish().unwrap()
            }
            "bare deflate" => {
                let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
                encoder.write_all(text).unwrap();
                encoder.finish().unwrap()
            }
            _ => text.to_vec(),
        }
    }

    fn read_as(name: &str, body: &[u8]) -> Result<Option<Vec<u8>>, EncodingError> {
        decoded([name].into_iter(), body, false, MOST)
    }

    #[test]
    fn every_encoding() {
        let text = "seats and seats, 좌석 ".repeat(1000).into_bytes();
        for (name, encoding) in [
            ("gzip", "gzip"),
            ("x-gzip", "gzip"),
            ("GZIP", "gzip"),
            ("identity, br", "br"),
            ("zstd", "zstd"),
            ("deflate", "deflate"),
            ("deflate", "bare deflate"),
        ] {
            let body = encoded(encoding, &text);
            assert!(body.len() < text.len() / 10, "{encoding}");
            assert_eq!(read_as(name, &body).unwrap().as_deref(), Some(text.as_slice()), "{name}");
        }
        let thrice = encoded("zstd", &encoded("br", &gzipped(&text)));
        assert_eq!(read_as("gzip, br, zstd", &thrice).unwrap().as_deref(), Some(text.as_slice()));
        let twice =
            gzipped(b"one ").into_iter().chain(gzipped(b"two")).chain(*b"behind").collect::<Vec<u8>>();
        assert_eq!(read_as("gzip", &twice).unwrap().as_deref(), Some(b"one two".as_slice()));
    }

    /// Frames of zstd's own program: with checksums, several, and one to skip between them.
    #[test]
    fn frames_of_another_encoder() {
        let first = b"\x28\xb5\x2f\xfd\x04\x58\x51\x00\x00one, two, \xd4\xd3\x45\x74";
        let skipped = b"\x50\x2a\x4d\x18\x03\x00\x00\x00abc";
        let all: Vec<u8> = [first.as_slice(), skipped, first].concat();
        assert_eq!(read_as("zstd", &all).unwrap().as_deref(), Some(b"one, two, one, two, ".as_slice()));
    }

    #[test]
    fn what_is_left_as_it_is() {
        for name in ["identity", "", "utf-8", "gzip, compress"] {
            assert_eq!(read_as(name, b"body"), Ok(None), "{name}");
        }
        assert_eq!(read_as("gzip", b""), Ok(None), "as after HEAD");
        assert_eq!(read_as("br,br,br,br,br", b"x"), Err(EncodingError::TooMany));
    }

    #[test]
    fn broken_bodies_say_so() {
        let text = b"something to read".repeat(100);
        for name in ["gzip", "br", "zstd", "deflate"] {
            let body = encoded(name, &text);
            for broken in [b"no such thing".as_slice(), &body[..body.len() - 6], &body[..4]] {
                let error = read_as(name, broken).unwrap_err().to_string();
                assert!(error.contains(&format!("`Content-Encoding: {name}`")), "{error}");
            }
        }
    }

    #[test]
    fn bombs_end_at_the_limit() {
        let much = vec![b'x'; 5 * MOST];
        for name in ["gzip", "br", "zstd", "deflate"] {
            let body = encoded(name, &much);
            assert!(body.len() < 100_000, "{name}: {}", body.len());
            assert_eq!(read_as(name, &body).unwrap().map(|out| out.len()), Some(MOST), "{name}");
        }
        let nested = gzipped(&gzipped(&much));
        assert_eq!(read_as("gzip, gzip", &nested).unwrap().map(|out| out.len()), Some(MOST));
        // A window of 64 MiB, which would have to be set aside at once.
        let wide = b"\x28\xb5\x2f\xfd\x00\x80\x01\x00\x00";
        assert!(read_as("zstd", wide).is_err());
    }

    /// What a body has before it was cut is there, whatever the encoding holds back.
    #[test]
    fn bodies_without_their_end() {
        let text: Vec<u8> =
            (0..200_000_u32).flat_map(|n| (n.wrapping_mul(2_654_435_761) >> 7).to_le_bytes()).collect();
        for name in ["gzip", "br", "zstd", "deflate"] {
            let body = encoded(name, &text);
            let cut = decoded([name].into_iter(), &body[..body.len() / 2], true, MOST).unwrap().unwrap();
            assert!(cut.len() > text.len() / 4, "{name}: {}", cut.len());
            assert!(text.starts_with(&cut), "{name}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

        /// Whatever a server sends, and wherever it is cut: no panic, no end that does not come.
        #[test]
        fn no_bytes_stop_it(
            name in prop::sample::select(vec!["gzip", "br", "zstd", "deflate"]),
            text in proptest::collection::vec(any::<u8>(), 0..2000),
            harm in proptest::collection::vec((any::<usize>(), any::<u8>()), 0..6),
            cut in any::<usize>(),
            is_cut in any::<bool>(),
        ) {
            let mut body = encoded(name, &text);
            for (at, byte) in harm {
                let length = body.len();
                body[at % length] ^= byte;
            }
            let length = cut % (body.len() + 1);
            let read = decoded([name].into_iter(), &body[..length], is_cut, 1000);
            prop_assert!(read.is_err() || read.unwrap().is_none_or(|out| out.len() <= 1000));
        }
    }
}
