//! What integration tests share.

pub(crate) mod faulty;
#[allow(dead_code, reason = "each test file uses some of it")]
pub(crate) mod program;
#[allow(dead_code, reason = "each test file uses some of it")]
pub(crate) mod recording;
