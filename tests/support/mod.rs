//! What integration tests share.

pub mod faulty;
