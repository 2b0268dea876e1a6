//! What is watched while the load runs.

use crate::scenario::model::{Target, TargetKind};
use crate::scenario::monitor::{Watch, WatchKind};

/// The bundled service is watched without being asked for.
pub(super) fn monitor(target: Option<&Target>) -> Vec<Watch> {
    let is_bundled = target.is_some_and(|target| target.kind == TargetKind::Bundled);
    let bundled = is_bundled.then(|| Watch { name: "bundled".into(), kind: WatchKind::Bundled });
    bundled.into_iter().collect()
}
