//! One test on several sizes of its target, one after another, and which of them to take.
//!
//! Each run has a container of its own. Runs are interleaved, so that what changes on the machine meanwhile meets all
//! sizes alike. How it is shown is in `report`.

mod choose;
mod recommend;
mod record;
mod summary;
mod trials;
mod turns;

pub use choose::{ChoiceError, chosen};
pub use record::{FORMAT, Recommendation, SpecResult, SpecRun, Specs, SpecsVerdict};
pub use summary::{Facts, summary};
pub use trials::{Outcome, Trial, TrialError, Trials};
pub use turns::turns;

use crate::scenario::model::{Spec, Test};
use crate::scenario::monitor::WatchKind;

/// The same test, of a target in a container of this size.
pub fn in_container(mut test: Test, spec: &Spec) -> Test {
    test.target.spec = Some(spec.clone());
    for watch in &mut test.monitor {
        if watch.kind == WatchKind::Bundled {
            watch.kind = WatchKind::Started;
        }
    }
    test
}
