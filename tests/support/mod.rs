//! What integration tests share.

#[allow(dead_code, reason = "each test file uses some of it")]
pub(crate) mod docker;
pub(crate) mod faulty;
#[allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test file uses some of it; a broken fixture is a broken test"
)]
pub(crate) mod http2;
#[allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test file uses some of it; a broken fixture is a broken test"
)]
pub(crate) mod program;
#[allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test file uses some of it; a broken fixture is a broken test"
)]
pub(crate) mod proxy;
#[allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test file uses some of it; a broken fixture is a broken test"
)]
pub(crate) mod recording;
#[allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test file uses some of it; a broken fixture is a broken test"
)]
pub(crate) mod secure;
