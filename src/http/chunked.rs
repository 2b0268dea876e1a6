//! The chunked transfer coding, read byte by byte where it frames and in one go where it carries.
//!
//! The states and limits are hyper's, so that both agree on where a body ends: extensions are skipped,
//! trailers are checked and dropped, a lone line feed ends no line.

use crate::http::body::Decoded;
use crate::http::head::{MAX_HEAD, MAX_HEADERS};
use crate::http::lines::header_lines;
use crate::outcome::ProtocolFault;

/// Bytes of extensions in a whole body. They carry nothing; a server that sends more is up to something.
const MAX_EXTENSIONS: u64 = 16 * 1024;

/// Where in a chunked body the reader stands.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Chunked {
    state: State,
    /// What is left of the chunk.
    left: u64,
    extensions: u64,
    trailers: Vec<u8>,
    trailer_lines: usize,
}

#[derive(Debug, Default, Clone, Copy, PartialEq)]
enum State {
    #[default]
    Start,
    Size,
    AfterSize,
    Extension,
    SizeLf,
    Payload,
    PayloadCr,
    PayloadLf,
    Trailer,
    TrailerLf,
    EndCr,
    EndLf,
}

impl Chunked {
    /// Reads on, and moves the payload among `bytes` to their front.
    pub(crate) fn decode(&mut self, bytes: &mut [u8]) -> Result<Decoded, ProtocolFault> {
        let mut consumed = 0;
        let mut payload = 0;
        while let Some(&byte) = bytes.get(consumed) {
            if self.state == State::Payload {
                let there = bytes.len() - consumed;
                let taken = usize::try_from(self.left).map_or(there, |left| left.min(there));
                bytes.copy_within(consumed..consumed + taken, payload);
                payload += taken;
                consumed += taken;
                self.left -= taken as u64;
                if self.left == 0 {
                    self.state = State::PayloadCr;
                }
                continue;
            }
            consumed += 1;
            if self.step(byte)? {
                return Ok(Decoded { consumed, payload, done: true });
            }
        }
        Ok(Decoded { consumed, payload, done: false })
    }

    /// Takes one byte of framing; true when it was the last of the body.
    fn step(&mut self, byte: u8) -> Result<bool, ProtocolFault> {
        self.state = match (self.state, byte) {
            (State::Start | State::Size, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                self.size_digit(byte)?;
                State::Size
            }
            (State::Size | State::AfterSize, b' ' | b'\t') => State::AfterSize,
            (State::Size | State::AfterSize, b';') => State::Extension,
            (State::Size | State::AfterSize | State::Extension, b'\r') => State::SizeLf,
            // A server that lets a lone line feed through here can be made to frame differently from others.
            (State::Extension, b'\n') => return Err(ProtocolFault::Chunk),
            (State::Extension, _) => {
                self.extensions += 1;
                if self.extensions >= MAX_EXTENSIONS {
                    return Err(ProtocolFault::Chunk);
                }
                State::Extension
            }
            (State::SizeLf, b'\n') if self.left == 0 => State::EndCr,
            (State::SizeLf, b'\n') => State::Payload,
            (State::PayloadCr, b'\r') => State::PayloadLf,
            (State::PayloadLf, b'\n') => State::Start,
            (State::EndCr, b'\r') => {
                if !self.trailers.is_empty() {
                    self.keep_trailer(byte)?;
                }
                State::EndLf
            }
            (State::EndCr, _) => {
                self.keep_trailer(byte)?;
                State::Trailer
            }
            (State::Trailer, _) => {
                self.keep_trailer(byte)?;
                if byte == b'\r' { State::TrailerLf } else { State::Trailer }
            }
            (State::TrailerLf, b'\n') => {
                self.trailer_lines += 1;
                if self.trailer_lines > MAX_HEADERS {
                    return Err(ProtocolFault::HeadTooLarge);
                }
                self.keep_trailer(byte)?;
                State::EndCr
            }
            (State::EndLf, b'\n') => {
                if !self.trailers.is_empty() {
                    self.keep_trailer(byte)?;
                    self.check_trailers()?;
                }
                return Ok(true);
            }
            _ => return Err(ProtocolFault::Chunk),
        };
        Ok(false)
    }

    fn size_digit(&mut self, byte: u8) -> Result<(), ProtocolFault> {
        let digit = char::from(byte).to_digit(16).ok_or(ProtocolFault::Chunk)?;
        let size = self.left.checked_mul(16).and_then(|size| size.checked_add(u64::from(digit)));
        self.left = size.ok_or(ProtocolFault::Chunk)?;
        Ok(())
    }

    fn keep_trailer(&mut self, byte: u8) -> Result<(), ProtocolFault> {
        // The first byte is always taken, and the rest while there is room.
        self.trailers.push(byte);
        if self.trailers.len() > 1 && self.trailers.len() >= MAX_HEAD {
            return Err(ProtocolFault::HeadTooLarge);
        }
        Ok(())
    }

    fn check_trailers(&self) -> Result<(), ProtocolFault> {
        match header_lines(&self.trailers, 0, self.trailer_lines, |_, _, _| {}) {
            Ok(_) => Ok(()),
            Err(_) => Err(ProtocolFault::Header),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fed whole and byte by byte, which must not differ.
    fn read(text: &str) -> Result<(String, usize, bool), ProtocolFault> {
        let mut whole = text.as_bytes().to_vec();
        let all = Chunked::default().decode(&mut whole).map(|decoded| {
            (String::from_utf8_lossy(&whole[..decoded.payload]).into_owned(), decoded.consumed, decoded.done)
        });

        let mut single = Chunked::default();
        let (mut payload, mut consumed, mut done) = (String::new(), 0, false);
        let mut outcome = Ok(());
        for byte in text.bytes() {
            let mut byte = [byte];
            match single.decode(&mut byte) {
                Ok(decoded) => {
                    consumed += 1;
                    done = decoded.done;
                    payload.push_str(std::str::from_utf8(&byte[..decoded.payload]).unwrap());
                }
                Err(fault) => outcome = Err(fault),
            }
            if done || outcome.is_err() {
                break;
            }
        }
        assert_eq!(all, outcome.map(|()| (payload, consumed, done)), "{text}");
        all
    }

    #[test]
    fn whole_bodies() {
        let table = [
            ("0\r\n\r\n", ""),
            ("5\r\nhello\r\n0\r\n\r\n", "hello"),
            ("5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n", "hello!"),
            ("05\r\nhello\r\n00\r\n\r\n", "hello"),
            ("a\r\n0123456789\r\n0\r\n\r\n", "0123456789"),
            ("A\r\n0123456789\r\n0\r\n\r\n", "0123456789"),
            ("5 \t\r\nhello\r\n0\r\n\r\n", "hello"),
            ("5;a=b;c\r\nhello\r\n0;x\r\n\r\n", "hello"),
            ("5 ;a=\"q\"\r\nhello\r\n0\r\n\r\n", "hello"),
            ("5\r\nhello\r\n0\r\nA: b\r\nC: d\r\n\r\n", "hello"),
            ("5\r\nhello\r\n0\r\nA: b\n\r\n\r\n", "hello"),
        ];
        for (text, payload) in table {
            assert_eq!(read(text), Ok((payload.to_owned(), text.len(), true)), "{text}");
            let more = format!("{text}HTTP");
            assert_eq!(read(&more), Ok((payload.to_owned(), text.len(), true)), "{more}");
            let cut = &text[..text.len() - 1];
            assert!(!read(cut).unwrap().2, "{cut}");
        }
    }

    #[test]
    fn broken_bodies() {
        let extensions = format!("5;{}\r\n", "x".repeat(MAX_EXTENSIONS as usize));
        let trailer = format!("0\r\na: {}\r\n\r\n", "x".repeat(MAX_HEAD));
        let trailers = format!("0\r\n{}\r\n", "a: b\r\n".repeat(MAX_HEADERS + 1));
        let table = [
            ("\r\n", ProtocolFault::Chunk),
            ("x\r\n", ProtocolFault::Chunk),
            ("-1\r\n", ProtocolFault::Chunk),
            ("0x5\r\n", ProtocolFault::Chunk),
            ("5 5\r\n", ProtocolFault::Chunk),
            ("5\nhello", ProtocolFault::Chunk),
            ("5\rx", ProtocolFault::Chunk),
            ("5;a\nb", ProtocolFault::Chunk),
            ("10000000000000000\r\n", ProtocolFault::Chunk),
            ("5\r\nhello!", ProtocolFault::Chunk),
            ("5\r\nhello\rx", ProtocolFault::Chunk),
            ("5\r\nhello\n0", ProtocolFault::Chunk),
            ("0\r\n\rx", ProtocolFault::Chunk),
            ("0\r\nno colon\r\n\r\n", ProtocolFault::Header),
            ("0\r\nA: b\nC: d\r\n\r\n", ProtocolFault::Header),
            (&extensions, ProtocolFault::Chunk),
            (&trailer, ProtocolFault::HeadTooLarge),
            (&trailers, ProtocolFault::HeadTooLarge),
        ];
        for (text, fault) in table {
            assert_eq!(read(text), Err(fault), "{text:.60}");
        }
    }
}
