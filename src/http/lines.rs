//! The lines of a head, by the grammar of RFC 9112: a status line, header lines, and the empty line behind them.
//!
//! Of what the grammar leaves open, all is taken that httparse takes, on which hyper rests: line feeds alone, empty
//! lines in front, an empty reason. It is our own because it stands in the path of every answer: reading a head with
//! httparse, and then its headers once more for what they say, was a quarter of our instructions for a request (1,970
//! of 7,900 by callgrind; 1,550 now).

use crate::http::buffers::HeaderSpan;
use crate::outcome::ProtocolFault;

/// Why nothing could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// All of it is right so far, and more has to come.
    NotYet,
    Fault(ProtocolFault),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StatusLine {
    pub(super) is_http_11: bool,
    /// Three digits, be they what they may.
    pub(super) status: u16,
    /// Where the line behind it begins.
    pub(super) end: usize,
}

const STATUS_LINE: Stop = Stop::Fault(ProtocolFault::StatusLine);
const HEADER: Stop = Stop::Fault(ProtocolFault::Header);

/// The bytes of a name.
static IS_TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let marks = b"!#$%&'*+-.^_`|~";
    let mut place = 0;
    while place < marks.len() {
        table[marks[place] as usize] = true;
        place += 1;
    }
    table
};

/// The status line with which `bytes` begin.
pub(super) fn status_line(bytes: &[u8]) -> Result<StatusLine, Stop> {
    const VERSION: &[u8] = b"HTTP/1.";
    let mut at = 0;
    while let Some(b'\r' | b'\n') = bytes.get(at) {
        at = line_end(bytes, at, HEADER)?;
    }
    let line = bytes.get(at..).unwrap_or_default();
    let version = &line[..line.len().min(VERSION.len())];
    if !VERSION.starts_with(version) {
        return Err(STATUS_LINE);
    }
    at += VERSION.len();
    let is_http_11 = match byte(bytes, at)? {
        b'0' => false,
        b'1' => true,
        _ => return Err(STATUS_LINE),
    };
    if byte(bytes, at + 1)? != b' ' {
        return Err(STATUS_LINE);
    }
    let mut status = 0;
    for place in at + 2..at + 5 {
        match byte(bytes, place)? {
            digit @ b'0'..=b'9' => status = status * 10 + u16::from(digit - b'0'),
            _ => return Err(STATUS_LINE),
        }
    }
    at += 5;
    if byte(bytes, at)? == b' ' {
        at = text_end(bytes, at + 1);
    }
    let end = line_end(bytes, at, STATUS_LINE)?;
    Ok(StatusLine { is_http_11, status, end })
}

/// The header lines from `at` to the empty line, at most so many: each is shown with its name and its value.
/// Returns where the head ends.
pub(super) fn header_lines(
    bytes: &[u8],
    mut at: usize,
    most: usize,
    mut see: impl FnMut(HeaderSpan, &[u8], &[u8]),
) -> Result<usize, Stop> {
    let mut seen = 0;
    loop {
        let name_from = at;
        match byte(bytes, at)? {
            b'\r' | b'\n' => return line_end(bytes, at, HEADER),
            // A name has one byte at least.
            first if !IS_TOKEN[usize::from(first)] => return Err(HEADER),
            _ => at += 1,
        }
        let rest = bytes.get(at..).unwrap_or_default();
        at += rest.iter().position(|byte| !IS_TOKEN[usize::from(*byte)]).ok_or(Stop::NotYet)?;
        let name_to = at;
        if bytes[at] != b':' {
            return Err(HEADER);
        }
        at += 1;
        while matches!(byte(bytes, at)?, b' ' | b'\t') {
            at += 1;
        }
        let value_from = at;
        at = text_end(bytes, at);
        let mut value_to = at;
        at = line_end(bytes, at, HEADER)?;
        while value_to > value_from && matches!(bytes[value_to - 1], b' ' | b'\t') {
            value_to -= 1;
        }
        if seen == most {
            return Err(Stop::Fault(ProtocolFault::HeadTooLarge));
        }
        seen += 1;
        let span = HeaderSpan {
            name: (name_from as u32, name_to as u32),
            value: (value_from as u32, value_to as u32),
        };
        see(span, &bytes[name_from..name_to], &bytes[value_from..value_to]);
    }
}

fn byte(bytes: &[u8], at: usize) -> Result<u8, Stop> {
    bytes.get(at).copied().ok_or(Stop::NotYet)
}

/// Where the line behind the line end at `at` begins.
fn line_end(bytes: &[u8], at: usize, wrong: Stop) -> Result<usize, Stop> {
    match byte(bytes, at)? {
        b'\n' => Ok(at + 1),
        b'\r' if byte(bytes, at + 1)? == b'\n' => Ok(at + 2),
        _ => Err(wrong),
    }
}

/// Where the text that begins at `at` ends: before the first control character that is no tab.
///
/// Eight bytes are looked at in one go, as numbers: a value is read in a few instructions where a table of bytes
/// takes four for each. (See "Determine if a word has a byte less than n" in Anderson's Bit Twiddling Hacks; the
/// lowest byte that it marks is always right, those above may not be.)
fn text_end(bytes: &[u8], mut at: usize) -> usize {
    const ONES: u64 = u64::MAX / 255;
    const TOPS: u64 = ONES << 7;
    let is_text = |byte: u8| byte == b'\t' || (byte >= b' ' && byte != 0x7f);
    while let Some(eight) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        let word = u64::from_le_bytes(*eight);
        let below_blank = word.wrapping_sub(ONES * u64::from(b' ')) & !word;
        let is_delete = word ^ (ONES * 0x7f);
        let is_delete = is_delete.wrapping_sub(ONES) & !is_delete;
        let marked = (below_blank | is_delete) & TOPS;
        if marked == 0 {
            at += 8;
            continue;
        }
        let place = (marked.trailing_zeros() / 8) as usize;
        at += place;
        if eight[place] != b'\t' {
            return at;
        }
        at += 1;
    }
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest.iter().position(|byte| !is_text(*byte)).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    const MOST: usize = 4;

    /// Whether it is HTTP/1.1, the status, where the head ends, the headers.
    type Lines = (bool, u16, usize, Vec<(String, Vec<u8>)>);

    fn ours(bytes: &[u8]) -> Result<Lines, Stop> {
        let line = status_line(bytes)?;
        let mut headers = Vec::new();
        let end = header_lines(bytes, line.end, MOST, |span, name, value| {
            assert_eq!(&bytes[span.name.0 as usize..span.name.1 as usize], name);
            assert_eq!(&bytes[span.value.0 as usize..span.value.1 as usize], value);
            headers.push((String::from_utf8(name.to_vec()).unwrap(), value.to_vec()));
        })?;
        Ok((line.is_http_11, line.status, end, headers))
    }

    /// The same by httparse.
    fn theirs(bytes: &[u8]) -> Result<Lines, Stop> {
        let mut room = [httparse::EMPTY_HEADER; MOST];
        let mut answer = httparse::Response::new(&mut room);
        match answer.parse(bytes) {
            Ok(httparse::Status::Complete(end)) => {
                let headers = answer.headers.iter().map(|it| (it.name.to_owned(), it.value.to_vec()));
                Ok((answer.version == Some(1), answer.code.unwrap(), end, headers.collect()))
            }
            Ok(httparse::Status::Partial) => Err(Stop::NotYet),
            Err(httparse::Error::TooManyHeaders) => Err(Stop::Fault(ProtocolFault::HeadTooLarge)),
            Err(httparse::Error::Status | httparse::Error::Version) => Err(STATUS_LINE),
            Err(_) => Err(HEADER),
        }
    }

    /// Heads as they may come: pieces in their order, of which each may be wrong.
    fn heads() -> impl Strategy<Value = Vec<u8>> {
        let bytes = |most| proptest::collection::vec(any::<u8>(), 0..most);
        let starts =
            select(vec!["HTTP/1.1 200 OK", "HTTP/1.0 404", "HTTP/1.1 099 \tx", "\r\n\nHTTP/1.1 500 "]);
        let start = prop_oneof![
            8 => starts.prop_map(|text| text.as_bytes().to_vec()),
            1 => (select(vec!["HTTP/1.1 200 ", "HTTP/1.", "HTTP", "\r", ""]), bytes(6))
                .prop_map(|(text, more)| [text.as_bytes(), &more].concat()),
        ];
        let end = || prop_oneof![8 => Just("\r\n"), 2 => Just("\n"), 1 => Just("\r")];
        let name = prop_oneof![
            8 => "[a-zA-Z0-9!#$%&'*+.^_`|~-]{1,20}".prop_map(String::into_bytes),
            1 => bytes(5),
        ];
        let value = prop_oneof![
            8 => "[ -~\tà-ü]{0,30}".prop_map(String::into_bytes),
            1 => bytes(20),
        ];
        let colon = prop_oneof![8 => select(vec![": ", ":", ":\t "]), 1 => Just(" :"), 1 => Just("")];
        let line = (name, colon, value, end())
            .prop_map(|(name, colon, value, end)| [&name, colon.as_bytes(), &value, end.as_bytes()].concat());
        let lines = proptest::collection::vec(line, 0..=MOST + 1);
        (start, end(), lines, end(), bytes(20)).prop_map(|(start, first, lines, last, body)| {
            [&start, first.as_bytes(), &lines.concat(), last.as_bytes(), &body].concat()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

        /// Whole, and cut off anywhere: what can be read, what cannot, and why.
        #[test]
        fn heads_are_read_as_httparse_reads_them(head in heads(), keep in 0.0..=1.0) {
            let cut = (head.len() as f64 * keep) as usize;
            for bytes in [&head[..], &head[..cut]] {
                prop_assert_eq!(ours(bytes), theirs(bytes), "{}", bytes.escape_ascii());
            }
        }

        #[test]
        fn text_ends_at_the_first_byte_that_is_none(text in proptest::collection::vec(any::<u8>(), 0..40)) {
            for from in 0..=text.len() {
                let is_text = |byte: &u8| *byte == b'\t' || !byte.is_ascii_control();
                let expected = text[from..].iter().position(|byte| !is_text(byte)).map_or(text.len(), |at| from + at);
                prop_assert_eq!(text_end(&text, from), expected);
            }
        }
    }
}
