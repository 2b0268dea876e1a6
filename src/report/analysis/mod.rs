//! What is worked out of a saved result, for reports that show more than its figures.

mod curve;
mod incident;
mod signals;
mod thin;
mod track;
mod turning;

pub(super) use curve::{Curve, curves};
pub(super) use incident::{Incident, incident, seen_at};
pub(super) use signals::{Of, Signal, signals};
pub(super) use thin::Thinned;
pub(super) use track::{Combine, Measure, Track, planned};
pub(super) use turning::warm_up;
