//! A connection as hyper wants one, and what is known of the bytes that pass it.

use std::cell::{Cell, RefCell};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use hyper::rt::{Read, ReadBufCursor, Write};

use crate::http::buffers;
use crate::http::connection::Connection;

/// What passed a connection, and how it ended.
#[derive(Debug)]
pub(crate) struct Tap {
    /// Of this exchange.
    first_write: Cell<Option<Instant>>,
    last_read: Cell<Instant>,
    written: Cell<u64>,
    read: Cell<u64>,
    /// Whether all of this exchange's request was handed over.
    handed_over: Cell<bool>,
    /// Of the connection.
    end: Cell<End>,
    speaks_http_1: Cell<bool>,
    has_read: Cell<bool>,
    frames: RefCell<Frames>,
}

/// Where in the frames that come the reader stands, and which of them ended the connection.
#[derive(Debug, Default)]
struct Frames {
    /// Of the frame's header, and of the first bytes of a goodbye.
    seen: Vec<u8>,
    /// Bytes of a frame that are passed over.
    skip: usize,
    goodbye: Option<u32>,
}

impl Frames {
    /// A goodbye (GOAWAY) is its header, the last stream it answers, and a reason.
    const GOODBYE: u8 = 7;
    const HEADER: usize = 9;
    const REASON: usize = Self::HEADER + 4;

    fn read(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let skipped = self.skip.min(bytes.len());
            self.skip -= skipped;
            bytes = &bytes[skipped..];
            let Some((&byte, rest)) = bytes.split_first() else { return };
            bytes = rest;
            self.seen.push(byte);
            let [high, middle, low, kind, ..] = self.seen[..] else { continue };
            let length = u32::from_be_bytes([0, high, middle, low]) as usize;
            let wanted = if kind == Self::GOODBYE && length >= 8 { Self::REASON + 4 } else { Self::HEADER };
            if self.seen.len() == wanted {
                let reason = self.seen.get(Self::REASON..).and_then(<[u8]>::first_chunk);
                self.goodbye = reason.map(|reason| u32::from_be_bytes(*reason)).or(self.goodbye);
                self.skip = length - (wanted - Self::HEADER);
                self.seen.clear();
            }
        }
    }
}

/// How a connection ended, as far as it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Open,
    /// The other side closed it.
    Closed,
    Failed(io::ErrorKind),
}

impl Tap {
    pub(crate) fn new() -> Rc<Tap> {
        Rc::new(Tap {
            first_write: Cell::new(None),
            last_read: Cell::new(Instant::now()),
            written: Cell::new(0),
            read: Cell::new(0),
            handed_over: Cell::new(false),
            end: Cell::new(End::Open),
            speaks_http_1: Cell::new(false),
            has_read: Cell::new(false),
            frames: RefCell::default(),
        })
    }

    /// Begins another exchange.
    pub(crate) fn begin(&self) {
        self.first_write.set(None);
        self.last_read.set(Instant::now());
        self.written.set(0);
        self.read.set(0);
        self.handed_over.set(false);
    }

    pub(crate) fn first_write(&self) -> Option<Instant> {
        self.first_write.get()
    }

    pub(crate) fn last_read(&self) -> Instant {
        self.last_read.get()
    }

    /// Bytes that went out, and came in.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.written.get(), self.read.get())
    }

    pub(crate) fn has_written(&self) -> bool {
        self.first_write.get().is_some()
    }

    /// The whole request was handed over. How much of it still waits for room is not known.
    pub(crate) fn hand_over(&self) {
        self.handed_over.set(true);
    }

    /// Whether the request went out, as far as is known.
    pub(crate) fn is_sent(&self) -> bool {
        self.handed_over.get() && self.has_written()
    }

    pub(crate) fn end(&self) -> End {
        self.end.get()
    }

    pub(crate) fn is_open(&self) -> bool {
        self.end.get() == End::Open
    }

    /// The reason of the server's goodbye, where it said one.
    pub(crate) fn goodbye(&self) -> Option<u32> {
        self.frames.borrow().goodbye
    }

    /// Whether the first thing that came was an answer in HTTP/1.
    pub(crate) fn speaks_http_1(&self) -> bool {
        self.speaks_http_1.get()
    }

    fn came(&self, bytes: &[u8]) {
        if bytes.is_empty() {
            self.end.set(End::Closed);
            return;
        }
        if !self.has_read.replace(true) {
            self.speaks_http_1.set(bytes.starts_with(b"HTTP/1"));
        }
        self.last_read.set(Instant::now());
        self.frames.borrow_mut().read(bytes);
        self.read.set(self.read.get() + bytes.len() as u64);
    }
}

/// A connection with its tap.
#[derive(Debug)]
pub(crate) struct Tapped {
    connection: Connection,
    tap: Rc<Tap>,
}

impl Tapped {
    pub(crate) fn new(connection: Connection) -> (Tapped, Rc<Tap>) {
        let tap = Tap::new();
        (Tapped { connection, tap: Rc::clone(&tap) }, tap)
    }

    fn noted<T>(&self, result: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &result {
            self.tap.end.set(End::Failed(error.kind()));
        }
        result
    }
}

impl Read for Tapped {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut space: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let mut buffer = buffers::take();
        let room = buffer.bytes.len().min(space.remaining());
        let read = ready!(self.connection.poll_read(cx, &mut buffer.bytes[..room]));
        let count = self.noted(read)?;
        self.tap.came(&buffer.bytes[..count]);
        space.put_slice(&buffer.bytes[..count]);
        Poll::Ready(Ok(()))
    }
}

impl Write for Tapped {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let before = Instant::now();
        let written = ready!(self.connection.poll_write(cx, bytes));
        let count = self.noted(written)?;
        let tap = &self.tap;
        if count > 0 && tap.first_write.get().is_none() {
            tap.first_write.set(Some(before));
        }
        tap.written.set(tap.written.get() + count as u64);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = ready!(self.connection.poll_flush(cx));
        Poll::Ready(self.noted(flushed))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.connection.poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
        frame.extend_from_slice(&[kind, 0, 0, 0, 0, 0]);
        frame.extend_from_slice(payload);
        frame
    }

    /// In whatever pieces they come.
    #[test]
    fn goodbyes_are_heard() {
        let goodbye = frame(7, b"\0\0\0\x05\0\0\0\x0bdebug words");
        let table = [
            (frame(4, b""), None),
            ([frame(4, b"\0\x03\0\0\0\x64"), frame(0, &[7; 300])].concat(), None),
            (goodbye.clone(), Some(11)),
            ([frame(0, b""), goodbye.clone(), frame(6, &[0; 8])].concat(), Some(11)),
            ([goodbye, frame(7, b"\0\0\0\x05\0\0\0\0")].concat(), Some(0)),
            (frame(7, b"short"), None),
        ];
        for (bytes, reason) in table {
            for size in [1, 2, 7, 1000] {
                let mut frames = Frames::default();
                bytes.chunks(size).for_each(|part| frames.read(part));
                assert_eq!(frames.goodbye, reason, "{bytes:?} by {size}");
            }
        }
    }
}
