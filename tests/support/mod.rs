//! What integration tests share.

pub(crate) mod faulty;
pub(crate) mod program;
pub(crate) mod recording;
