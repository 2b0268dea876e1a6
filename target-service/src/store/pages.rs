//! Pages that are rendered once and sent again as they are: for good where nothing changes within a world,
//! and for a second where something does.

use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use axum::body::Bytes;

use crate::clock::Timestamp;
use crate::domain::sharded::lock;
use crate::domain::size::WorldSize;

/// How old a page that changes may be.
pub(super) const FRESH_FOR: Duration = Duration::from_secs(1);

/// A page as it is sent, and whether it was there already.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) bytes: Bytes,
    pub(crate) hit: bool,
}

/// One page, once it was rendered.
#[derive(Debug, Default)]
pub(super) struct LastingPage(OnceLock<Bytes>);

impl LastingPage {
    pub(super) fn find_or_render(&self, render: impl FnOnce() -> Vec<u8>) -> Page {
        let mut hit = true;
        let bytes = self.0.get_or_init(|| {
            hit = false;
            render().into()
        });
        Page { bytes: bytes.clone(), hit }
    }
}

/// One page that is rendered anew after a while.
#[derive(Debug, Default)]
pub(super) struct ChangingPage(Mutex<Option<Kept>>);

#[derive(Debug)]
struct Kept {
    bytes: Bytes,
    until: Timestamp,
}

impl ChangingPage {
    pub(super) fn find_or_render(&self, now: Timestamp, render: impl FnOnce() -> Vec<u8>) -> Page {
        if let Some(bytes) = self.find(now) {
            return Page { bytes, hit: true };
        }
        let bytes = Bytes::from(render());
        *lock(&self.0) = Some(Kept { bytes: bytes.clone(), until: now.plus(FRESH_FOR) });
        Page { bytes, hit: false }
    }

    /// The page as it was kept. Whoever finds it too old gets nothing, and is to renew it; all others still
    /// get the old one until that is done, so that a second's end does not make everyone render.
    fn find(&self, now: Timestamp) -> Option<Bytes> {
        let mut kept = lock(&self.0);
        let kept = kept.as_mut()?;
        if now < kept.until {
            return Some(kept.bytes.clone());
        }
        kept.until = now.plus(FRESH_FOR);
        None
    }
}

/// The kept pages of one world; they go with it, so nothing of an older one is ever sent.
#[derive(Debug)]
pub(super) struct Pages {
    pub(super) concerts: LastingPage,
    pub(super) ranks: ChangingPage,
    /// By concert, the first being concert 1.
    nights: Box<[LastingPage]>,
}

impl Pages {
    pub(super) fn new(size: &WorldSize) -> Self {
        Self {
            concerts: LastingPage::default(),
            ranks: ChangingPage::default(),
            nights: (0..size.concerts).map(|_| LastingPage::default()).collect(),
        }
    }

    pub(super) fn nights(&self, concert: u64) -> Option<&LastingPage> {
        self.nights.get(usize::try_from(concert.checked_sub(1)?).ok()?)
    }
}
