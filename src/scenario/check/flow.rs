//! Who fills a name, who needs it, and whether the one surely comes before the other.
//!
//! A step that needs a name without a value ends its iteration as cut. Where that can happen unseen, the file
//! gets a warning; where a condition of the author's own stands between, it is taken to be meant.

use std::ops::Range;

use super::{Check, Gathered};
use crate::scenario::yaml::Key;
use crate::template::Slot;

/// A condition that a step stands under.
#[derive(Debug, Clone)]
pub(super) struct Circumstance {
    id: usize,
    /// How it is said: ``fills it only `when: json.total > 0` ``.
    words: String,
    /// A loop that runs until a name has a value makes sure that it has one.
    text: String,
}

#[derive(Debug, Default)]
pub(super) struct Course {
    /// Steps so far, in the order of the file.
    order: usize,
    circumstances: usize,
    definitions: Vec<Definition>,
    needs: Vec<Need>,
    /// Names that a capture fills, with their places.
    captured: Vec<(Slot, Range<usize>)>,
}

#[derive(Debug)]
struct Definition {
    slot: Slot,
    order: usize,
    /// Where it stands.
    at: usize,
    under: Vec<usize>,
    /// Why it may be passed by, and what can be done about it.
    gap: Option<(String, &'static str)>,
}

#[derive(Debug)]
struct Need {
    slot: Slot,
    order: usize,
    under: Vec<usize>,
    at: Range<usize>,
}

impl Course {
    pub(super) fn circumstance(&mut self, words: String, text: String) -> Circumstance {
        self.circumstances += 1;
        Circumstance { id: self.circumstances, words, text }
    }

    pub(super) fn next_step(&mut self) {
        self.order += 1;
    }
}

impl Check<'_> {
    /// Notes what a step needs.
    pub(super) fn note_needs(&mut self, gathered: &Gathered) {
        if !self.block.is_measured() {
            return;
        }
        let under: Vec<usize> = self.circumstances.iter().map(|circumstance| circumstance.id).collect();
        let order = self.course.order;
        let needs = gathered.places.iter();
        self.course.needs.extend(needs.map(|(slot, at)| Need {
            slot: *slot,
            order,
            under: under.clone(),
            at: at.clone(),
        }));
    }

    /// Notes that a step fills a name, unless `gap` comes between.
    pub(super) fn note_definition(&mut self, key: &Key, gap: Option<(String, &'static str)>) {
        let Some(slot) = self.names.slot(&key.name).filter(|_| self.block.is_measured()) else { return };
        let waits = |circumstance: &&Circumstance| !circumstance.text.contains(&key.name);
        let under: Vec<&Circumstance> = self.circumstances.iter().filter(waits).collect();
        let gap = gap.or_else(|| {
            under.last().map(|condition| {
                (
                    condition.words.clone(),
                    "give this step a `when:` of its own, or a default: `name | default(…)`",
                )
            })
        });
        self.course.definitions.push(Definition {
            slot,
            order: self.course.order,
            at: key.span.start,
            under: under.iter().map(|condition| condition.id).collect(),
            gap,
        });
    }

    pub(super) fn note_capture(&mut self, key: &Key) {
        if let Some(slot) = self.names.slot(&key.name) {
            self.course.captured.push((slot, key.span.clone()));
        }
    }

    /// Warns where a name may lack its value, and of captures that nobody uses.
    pub(super) fn warn_of_gaps(&mut self) {
        let course = std::mem::take(&mut self.course);
        let mut by_slot: Vec<Vec<&Definition>> = vec![Vec::new(); self.names.slots.len()];
        for definition in &course.definitions {
            by_slot[definition.slot.index()].push(definition);
        }
        for need in &course.needs {
            let definitions = by_slot[need.slot.index()].as_slice();
            self.warn_of_gap(need, definitions);
        }
        for (slot, at) in course.captured {
            if !self.names.is_mentioned(slot) {
                let name = self.names.slots[slot.index()].clone();
                self.warning(
                    &at,
                    format!("nothing uses `{name}`"),
                    "take the capture out; to demand that the answer has it, write a check under `expect.checks`",
                );
            }
        }
    }

    fn warn_of_gap(&mut self, need: &Need, definitions: &[&Definition]) {
        let name = self.names.slots[need.slot.index()].clone();
        let earlier: Vec<&&Definition> = definitions.iter().filter(|one| one.order < need.order).collect();
        let [only] = earlier.as_slice() else {
            // Several may complete each other; none at all is a slip, unless the step has a condition.
            let later = definitions.iter().find(|one| need.under.iter().all(|id| one.under.contains(id)));
            if let (true, Some(later)) = (earlier.is_empty(), later) {
                let line = self.source.line_in_words(later.at, need.at.start);
                self.warning(
                    &need.at,
                    format!("`{name}` has no value here: it comes only later, on {line}"),
                    "move that step before this one",
                );
            }
            return;
        };
        let own_condition = need.under.iter().any(|id| !only.under.contains(id));
        let shared = only.under.iter().all(|id| need.under.contains(id));
        let Some((words, help)) = &only.gap else { return };
        // A condition that both stand under leaves no gap between them; a business outcome does.
        let is_condition = !only.under.is_empty() && is_condition(words);
        if own_condition || (shared && is_condition) {
            return;
        }
        let line = self.source.line_in_words(only.at, need.at.start);
        self.warning(&need.at, format!("`{name}` may have no value here: {line} {words}"), *help);
    }
}

fn is_condition(words: &str) -> bool {
    words.starts_with("fills it only ")
}
