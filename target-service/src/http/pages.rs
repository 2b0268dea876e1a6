//! Pages that are rendered once and sent again as they are: for good where nothing changes within a world,
//! and for a second where something does.

use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;

use super::envelope::raw_json;
use crate::clock::Timestamp;
use crate::domain::sharded::lock;
use crate::domain::size::WorldSize;
use crate::metrics::Metrics;

const X_CACHE: HeaderName = HeaderName::from_static("x-cache");

/// One page, once it was rendered.
pub(super) type Page = OnceLock<Bytes>;

/// How old a page that changes may be.
const FRESH_FOR: Duration = Duration::from_secs(1);

/// One page that is rendered anew after a while.
#[derive(Debug, Default)]
pub(super) struct ChangingPage(Mutex<Option<Kept>>);

#[derive(Debug)]
struct Kept {
    bytes: Bytes,
    until: Timestamp,
}

impl ChangingPage {
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

    fn keep(&self, bytes: Bytes, now: Timestamp) {
        *lock(&self.0) = Some(Kept { bytes, until: now.plus(FRESH_FOR) });
    }
}

/// The kept pages of one world; they go with it, so nothing of an older one is ever sent.
#[derive(Debug)]
pub(super) struct Pages {
    pub(super) concerts: Page,
    pub(super) ranks: ChangingPage,
    /// By concert, the first being concert 1.
    nights: Box<[Page]>,
}

impl Pages {
    pub(super) fn new(size: &WorldSize) -> Self {
        Self {
            concerts: Page::new(),
            ranks: ChangingPage::default(),
            nights: (0..size.concerts).map(|_| Page::new()).collect(),
        }
    }

    pub(super) fn nights(&self, concert: u64) -> Option<&Page> {
        self.nights.get(usize::try_from(concert.checked_sub(1)?).ok()?)
    }
}

/// Sends a kept page, and says in `X-Cache` whether it was there already.
pub(super) fn cached(metrics: &Metrics, page: &Page, render: impl FnOnce() -> Vec<u8>) -> Response {
    let mut hit = true;
    let bytes = page.get_or_init(|| {
        hit = false;
        render().into()
    });
    send(metrics, bytes.clone(), hit)
}

/// As [`cached`], for a page that changes.
pub(super) fn cached_for_a_while(
    metrics: &Metrics,
    page: &ChangingPage,
    now: Timestamp,
    render: impl FnOnce() -> Vec<u8>,
) -> Response {
    if let Some(bytes) = page.find(now) {
        return send(metrics, bytes, true);
    }
    let bytes = Bytes::from(render());
    page.keep(bytes.clone(), now);
    send(metrics, bytes, false)
}

fn send(metrics: &Metrics, bytes: Bytes, hit: bool) -> Response {
    metrics.looked_up(hit);
    let mut response = raw_json(StatusCode::OK, bytes);
    response.headers_mut().insert(X_CACHE, HeaderValue::from_static(if hit { "HIT" } else { "MISS" }));
    response
}
