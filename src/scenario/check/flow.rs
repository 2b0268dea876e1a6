//! Who fills a name, who needs it, and whether the one surely comes before the other.
//!
//! A step that needs a name without a value ends its iteration as cut. Where that can happen unseen, the file
//! gets a warning; where a condition of the author's own stands between, it is taken to be meant.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::{Check, Gathered};
use crate::scenario::yaml::Key;
use crate::template::Slot;

/// Something that a step stands under: it may not be taken in every iteration.
#[derive(Debug, Clone)]
pub(super) struct Circumstance {
    id: usize,
    /// How it is said: ``fills it only `when: json.total > 0` ``.
    words: String,
    /// The author chose it by a condition: who needs a name under it is taken to know what they do.
    is_meant: bool,
    /// A loop that runs until a name has a value makes sure that it has one.
    awaited: Vec<Slot>,
}

impl Circumstance {
    pub(super) fn meant(mut self) -> Self {
        self.is_meant = true;
        self
    }

    pub(super) fn waits_for(&mut self, slots: &[Slot]) {
        self.awaited = slots.to_vec();
    }
}

/// Why a definition may be passed by.
#[derive(Debug, Clone)]
pub(super) enum Gap {
    /// It stands under a circumstance.
    Circumstance { words: String },
    /// Its answer may be no success, or it may not come to it, and the iteration goes on. With what can be done.
    Outcome { words: String, help: &'static str },
}

/// Ways of which one is taken: `if` with `else`, `choose`.
#[derive(Debug)]
pub(super) struct Fork {
    number: usize,
    /// The definitions before it.
    before: usize,
    /// The circumstances of its ways.
    arms: Vec<usize>,
}

#[derive(Debug, Default)]
pub(super) struct Course {
    /// Steps so far, in the order of the file.
    order: usize,
    circumstances: usize,
    forks: usize,
    /// How many loops it stands in.
    loops: usize,
    /// Of a circumstance that is one way of a fork: which fork, and which way. Not within loops, where a later
    /// round may take another way.
    arms: HashMap<usize, (usize, usize)>,
    /// The polls it stands in: the names they wait for, and whether they go on after they gave up.
    polls: Vec<(Vec<Slot>, bool)>,
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
    gap: Option<Gap>,
    /// Only steps under this circumstance can see it.
    within: Option<usize>,
    /// It is the item of a `for_each`.
    is_item: bool,
}

#[derive(Debug)]
struct Need {
    slot: Slot,
    order: usize,
    under: Vec<usize>,
    /// Those of them that the author chose by a condition.
    meant: Vec<usize>,
    at: Range<usize>,
}

impl Course {
    pub(super) fn circumstance(&mut self, words: String) -> Circumstance {
        self.circumstances += 1;
        Circumstance { id: self.circumstances, words, is_meant: false, awaited: Vec::new() }
    }

    pub(super) fn next_step(&mut self) {
        self.order += 1;
    }

    pub(super) fn begin_loop(&mut self) {
        self.loops += 1;
    }

    pub(super) fn end_loop(&mut self) {
        self.loops -= 1;
    }

    pub(super) fn begin_poll(&mut self, awaited: Vec<Slot>, goes_on: bool) {
        self.begin_loop();
        self.polls.push((awaited, goes_on));
    }

    pub(super) fn end_poll(&mut self) {
        self.polls.pop();
        self.end_loop();
    }

    pub(super) fn fork(&mut self) -> Fork {
        self.forks += 1;
        Fork { number: self.forks, before: self.definitions.len(), arms: Vec::new() }
    }

    /// Whether a need may rest on a definition before it.
    fn reaches(&self, definition: &Definition, need: &Need) -> bool {
        definition.within.is_none_or(|within| need.under.contains(&within))
            && !self.is_another_way(definition, need)
    }

    /// Whether the one is taken only where the other is not.
    fn is_another_way(&self, definition: &Definition, need: &Need) -> bool {
        let arm = |id: &usize| self.arms.get(id).copied();
        definition.under.iter().filter_map(arm).any(|(fork, way)| {
            need.under.iter().filter_map(arm).any(|(other, another)| fork == other && way != another)
        })
    }
}

impl Check<'_> {
    /// Notes what a step needs.
    pub(super) fn note_needs(&mut self, gathered: &Gathered) {
        if !self.block.is_measured() {
            return;
        }
        let under: Vec<usize> = self.circumstances.iter().map(|circumstance| circumstance.id).collect();
        let meant = self.circumstances.iter().filter(|circumstance| circumstance.is_meant);
        let meant: Vec<usize> = meant.map(|circumstance| circumstance.id).collect();
        let order = self.course.order;
        let needs = gathered.places.iter();
        self.course.needs.extend(needs.map(|(slot, at)| Need {
            slot: *slot,
            order,
            under: under.clone(),
            meant: meant.clone(),
            at: at.clone(),
        }));
    }

    /// The circumstances that count for a name: not the loops that wait for it.
    fn circumstances_for(&self, slot: Slot) -> Vec<&Circumstance> {
        self.circumstances.iter().filter(|one| !one.awaited.contains(&slot)).collect()
    }

    /// Notes that a step fills a name, unless `gap` comes between.
    pub(super) fn note_definition(&mut self, key: &Key, gap: Option<Gap>) {
        self.note_filled(key, gap, false);
    }

    /// The item of the `for_each` whose circumstance is the innermost.
    pub(super) fn note_item(&mut self, key: &Key) {
        self.note_filled(key, None, true);
    }

    fn note_filled(&mut self, key: &Key, gap: Option<Gap>, is_item: bool) {
        let Some(slot) = self.names.slot(&key.name).filter(|_| self.block.is_measured()) else { return };
        let under = self.circumstances_for(slot);
        let condition = || under.last().map(|last| Gap::Circumstance { words: last.words.clone() });
        let gap = match self.course.polls.iter().rev().find(|(awaited, _)| awaited.contains(&slot)) {
            // The poll goes on until it has its value.
            Some((_, false)) => None,
            Some((_, true)) => Some(Gap::Outcome {
                words: "takes it, and goes on without it after the poll gave up".into(),
                help: "write `when:` at this step, or leave `on_failure: continue` out at the poll",
            }),
            None if is_item => None,
            None => gap.or_else(condition),
        };
        let within = self.circumstances.last().filter(|_| is_item).map(|last| last.id);
        let definition = Definition {
            slot,
            order: self.course.order,
            at: key.span.start,
            under: under.iter().map(|condition| condition.id).collect(),
            gap,
            within,
            is_item,
        };
        self.course.definitions.push(definition);
    }

    /// The innermost circumstance is the next way of a fork.
    pub(super) fn begin_arm(&mut self, fork: &mut Fork) {
        let Some(id) = self.circumstances.last().map(|last| last.id) else { return };
        if self.course.loops == 0 {
            self.course.arms.insert(id, (fork.number, fork.arms.len()));
        }
        fork.arms.push(id);
    }

    /// Behind a fork that takes one of its ways for sure: what each of them fills is filled.
    pub(super) fn merge_arms(&mut self, fork: &Fork) {
        let inner = fork.before..self.course.definitions.len();
        let slots: HashSet<Slot> =
            self.course.definitions[inner.clone()].iter().map(|one| one.slot).collect();
        for slot in slots {
            let outer = self.circumstances_for(slot);
            let condition = outer.last().map(|last| Gap::Circumstance { words: last.words.clone() });
            let outer: Vec<usize> = outer.iter().map(|one| one.id).collect();
            // The one of each way that stands under nothing else.
            let own = |arm: &usize| {
                inner.clone().find(|&place| {
                    let one = &self.course.definitions[place];
                    let (last, before) = match one.under.split_last() {
                        Some((last, before)) => (Some(last), before),
                        None => (None, &[][..]),
                    };
                    one.slot == slot && one.within.is_none() && last == Some(arm) && before == outer
                })
            };
            let Some(places) = fork.arms.iter().map(own).collect::<Option<Vec<usize>>>() else { continue };
            let mut all = places.iter().map(|&place| &self.course.definitions[place]);
            let Some(first) = all.clone().next() else { continue };
            // Each of them stands under its way; what else keeps one of them from filling it stays.
            let leaky = all.find(|one| matches!(one.gap, Some(Gap::Outcome { .. })));
            let (at, gap) = leaky.map_or((first.at, condition), |one| (one.at, one.gap.clone()));
            let merged = Definition {
                slot,
                order: self.course.order,
                at,
                under: outer,
                gap,
                within: None,
                is_item: false,
            };
            for (place, arm) in places.into_iter().zip(&fork.arms) {
                self.course.definitions[place].within = Some(*arm);
            }
            self.course.definitions.push(merged);
        }
    }

    pub(super) fn note_capture(&mut self, key: &Key) {
        if let Some(slot) = self.names.slot(&key.name) {
            self.course.captured.push((slot, key.span.clone()));
        }
    }

    /// Warns where a name may lack its value, and of captures that nobody uses.
    pub(super) fn warn_of_gaps(&mut self) {
        let course = std::mem::take(&mut self.course);
        let mut by_slot: Vec<Vec<&Definition>> = vec![Vec::new(); self.names.slots.names().len()];
        for definition in &course.definitions {
            by_slot[definition.slot.index()].push(definition);
        }
        for need in &course.needs {
            let definitions = by_slot[need.slot.index()].as_slice();
            self.warn_of_gap(&course, need, definitions);
        }
        for (slot, at) in course.captured {
            if !self.names.is_mentioned(slot) {
                let name = self.names.slots.names()[slot.index()].clone();
                self.warning(
                    &at,
                    format!("nothing uses `{name}`"),
                    "take the capture out; to demand that the answer has it, write a check under `expect.checks`",
                );
            }
        }
    }

    fn warn_of_gap(&mut self, course: &Course, need: &Need, definitions: &[&Definition]) {
        let name = self.names.slots.names()[need.slot.index()].clone();
        let earlier = || definitions.iter().filter(|one| one.order < need.order);
        let mut reaching = earlier().filter(|one| course.reaches(one, need));
        match (reaching.next(), reaching.next()) {
            (None, _) => self.warn_of_no_value(course, need, definitions, &name),
            (Some(only), None) => self.warn_of_the_only(need, only, &name),
            // Several may complete each other.
            (Some(_), Some(_)) => {}
        }
    }

    /// Nothing before a step can have filled what it needs.
    fn warn_of_no_value(&mut self, course: &Course, need: &Need, definitions: &[&Definition], name: &str) {
        let mut earlier = definitions.iter().filter(|one| one.order < need.order).peekable();
        if earlier.peek().is_none() {
            // A slip, unless the step has a condition of its own.
            let later = definitions.iter().find(|one| need.under.iter().all(|id| one.under.contains(id)));
            if let Some(later) = later {
                let line = self.source.line_in_words(later.at, need.at.start);
                self.warning(
                    &need.at,
                    format!("`{name}` has no value here: it comes only later, on {line}"),
                    "move that step before this one",
                );
            }
            return;
        }
        for one in earlier {
            let line = self.source.line_in_words(one.at, need.at.start);
            if one.is_item {
                let problem = format!(
                    "`{name}` has no value here: it is the item of the `for_each` on {line}, known in its `do`"
                );
                return self.warning(&need.at, problem, "move this step there, or keep the item with `set`");
            }
            if course.is_another_way(one, need) {
                let problem = format!("`{name}` has no value here: {line} fills it only in another way");
                return self.warning(&need.at, problem, "fill it before the ways part, or in each of them");
            }
        }
    }

    fn warn_of_the_only(&mut self, need: &Need, only: &Definition, name: &str) {
        let own_condition = need.meant.iter().any(|id| !only.under.contains(id));
        let shared = only.under.iter().all(|id| need.under.contains(id));
        let (words, help) = match &only.gap {
            None => return,
            // A condition that both stand under leaves no gap between them; a business outcome does.
            Some(Gap::Circumstance { .. }) if shared => return,
            Some(Gap::Circumstance { words }) => {
                (words, "give this step a `when:` of its own, or a default: `name | default(…)`")
            }
            Some(Gap::Outcome { words, help }) => (words, *help),
        };
        if !own_condition {
            let line = self.source.line_in_words(only.at, need.at.start);
            self.warning(&need.at, format!("`{name}` may have no value here: {line} {words}"), help);
        }
    }
}
