//! What is shown and sent while a run goes on, once a second.

mod progress;
mod said;

pub(crate) use progress::say;
pub use progress::{Course, Mode, Progress};
pub use said::Said;
