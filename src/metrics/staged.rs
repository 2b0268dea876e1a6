//! Recorders by stage, so that thresholds can ask for one of them.

use super::recorder::Recorder;
use crate::scenario::model::{Catalog, StageId};

/// Recorders by stage: a sample belongs to the named stage in which its request was due.
#[derive(Debug, Clone)]
pub struct Staged {
    /// Index 0 holds what belongs to no named stage, 1 + n what belongs to stage n.
    stages: Vec<Recorder>,
}

impl Staged {
    pub fn new(catalog: &Catalog, scenarios: usize) -> Self {
        Staged { stages: vec![Recorder::new(catalog, scenarios); catalog.stages.len() + 1] }
    }

    pub fn at(&mut self, stage: Option<StageId>) -> &mut Recorder {
        &mut self.stages[stage.map_or(0, |stage| stage.index() + 1)]
    }

    /// The recorders of the given stages; of all where none is given.
    pub fn of<'a>(&'a self, stages: &'a [StageId]) -> impl Iterator<Item = &'a Recorder> {
        self.stages.iter().enumerate().filter_map(move |(place, recorder)| {
            let wanted = stages.is_empty() || stages.iter().any(|stage| stage.index() + 1 == place);
            wanted.then_some(recorder)
        })
    }

    /// All stages in one.
    pub fn total(&self) -> Recorder {
        let mut stages = self.stages.iter();
        let mut total = stages.next().cloned().unwrap_or_default();
        stages.for_each(|stage| total.add(stage));
        total
    }

    pub fn add(&mut self, other: &Staged) {
        self.stages.iter_mut().zip(&other.stages).for_each(|(into, from)| into.add(from));
    }

    pub fn clear(&mut self) {
        self.stages.iter_mut().for_each(Recorder::clear);
    }
}

#[cfg(test)]
mod tests {
    use super::super::recorder::tests::{catalog, took};
    use super::*;
    use crate::outcome::{Cause, Outcome};
    use crate::scenario::model::RowId;

    #[test]
    fn totals_are_the_sum_of_workers_and_stages() {
        let mut one = Staged::new(&catalog(), 1);
        let mut two = Staged::new(&catalog(), 1);
        one.at(None).answer(RowId(0), Outcome::Success, &took(1));
        two.at(Some(StageId(0))).answer(RowId(0), Outcome::Success, &took(9));
        two.at(Some(StageId(0))).answer(RowId(0), Outcome::Failure(Cause::Dns), &took(9));
        one.add(&two);
        assert_eq!(one.total().rows[0].finished(), 3);
        assert_eq!(one.of(&[StageId(0)]).map(|r| r.rows[0].finished()).sum::<u64>(), 2);
        one.clear();
        assert_eq!(one.total().rows[0].finished(), 0);
    }
}
