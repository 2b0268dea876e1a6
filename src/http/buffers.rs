//! Buffers that answers are read into, shared by all users of a worker.
//!
//! A user that waits holds none: it takes one when bytes have arrived, and gives it back when the answer has
//! been looked at. So a worker needs about as many as there are answers in the middle of arriving.

use std::cell::RefCell;
use std::mem;

/// Room for one read; most answers fit whole.
pub(crate) const BUFFER_SIZE: usize = 16 * 1024;
/// Larger ones have served a large body and are freed, so that a few of those do not stay for ever.
const LARGEST_POOLED: usize = 128 * 1024;
const MOST_POOLED: usize = 64;

/// Where a header stands in its buffer. A head is at most 64 KiB, so `u32` is ample.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HeaderSpan {
    pub(crate) name: (u32, u32),
    pub(crate) value: (u32, u32),
}

/// Bytes, all of them initialized, and the headers found in them. Goes back to the pool when dropped.
#[derive(Debug)]
pub(crate) struct Buffer {
    pub(crate) bytes: Vec<u8>,
    pub(crate) headers: Vec<HeaderSpan>,
}

type Parts = (Vec<u8>, Vec<HeaderSpan>);

thread_local! {
    static POOL: RefCell<Vec<Parts>> = const { RefCell::new(Vec::new()) };
}

/// A buffer of at least [`BUFFER_SIZE`], with whatever was last read into it.
pub(crate) fn take() -> Buffer {
    let pooled = POOL.try_with(|pool| pool.borrow_mut().pop());
    let (bytes, headers) = pooled.ok().flatten().unwrap_or_else(|| (vec![0; BUFFER_SIZE], Vec::new()));
    Buffer { bytes, headers }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let bytes = mem::take(&mut self.bytes);
        let mut headers = mem::take(&mut self.headers);
        headers.clear();
        // At the end of a thread the pool may be gone already; then the buffer is simply freed.
        let _ = POOL.try_with(|pool| {
            let mut pool = pool.borrow_mut();
            if pool.len() < MOST_POOLED && bytes.len() <= LARGEST_POOLED {
                pool.push((bytes, headers));
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_come_back_but_for_large_ones() {
        let mut first = take();
        first.bytes[0] = 7;
        drop(first);
        let mut again = take();
        assert_eq!(again.bytes[0], 7);
        again.bytes.resize(LARGEST_POOLED + 1, 0);
        drop(again);
        assert_eq!(take().bytes, vec![0; BUFFER_SIZE]);
    }
}
