//! x
pub struct Mode;
pub struct Progress;
