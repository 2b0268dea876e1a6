//! Pages that do not change within a world: rendered at the first request, and sent again as they are.

use std::sync::OnceLock;

use axum::body::Bytes;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;

use super::envelope::raw_json;
use crate::domain::size::WorldSize;

const X_CACHE: HeaderName = HeaderName::from_static("x-cache");

/// One page, once it was rendered.
pub(super) type Page = OnceLock<Bytes>;

/// The kept pages of one world; they go with it, so nothing of an older one is ever sent.
#[derive(Debug)]
pub(super) struct Pages {
    pub(super) concerts: Page,
    /// By concert, the first being concert 1.
    nights: Box<[Page]>,
}

impl Pages {
    pub(super) fn new(size: &WorldSize) -> Self {
        Self { concerts: Page::new(), nights: (0..size.concerts).map(|_| Page::new()).collect() }
    }

    pub(super) fn nights(&self, concert: u64) -> Option<&Page> {
        self.nights.get(usize::try_from(concert.checked_sub(1)?).ok()?)
    }
}

/// Sends a kept page, and says in `X-Cache` whether it was there already.
pub(super) fn cached(page: &Page, render: impl FnOnce() -> Vec<u8>) -> Response {
    let mut found = HeaderValue::from_static("HIT");
    let bytes = page.get_or_init(|| {
        found = HeaderValue::from_static("MISS");
        render().into()
    });
    let mut response = raw_json(StatusCode::OK, bytes.clone());
    response.headers_mut().insert(X_CACHE, found);
    response
}
