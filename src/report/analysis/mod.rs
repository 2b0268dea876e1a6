//! What is worked out of a saved result, for reports that show more than its figures.

mod curve;
mod thin;
mod track;

pub(super) use curve::{Curve, curves};
pub(super) use thin::Thinned;
pub(super) use track::{Combine, Measure, Track, planned};
