//! The names a file defines (`vars`, `capture`, `set`, `collect`), gathered before any expression is compiled.

use std::rc::Rc;

use super::control::{blocks, item_key};
use super::reading::Fields;
use super::{Block, Check};
use crate::scenario::yaml::{Key, Node};
use crate::template::{Slot, SlotNames, is_reserved};

/// All names of a scenario; a slot is an index into each list.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub(super) slots: SlotNames,
    /// The blocks that define it, as bits.
    blocks: Vec<u8>,
    /// It has a value before the first user starts.
    always: Vec<bool>,
    /// The blocks whose expressions speak of it, as bits.
    mentioned: Vec<u8>,
}

/// More than any file that somebody reads; each has a place in every user.
const MOST: usize = 10_000;

impl Names {
    pub(super) fn slot(&self, name: &str) -> Option<Slot> {
        self.slots.slot(name)
    }

    pub(super) fn is_always_there(&self, slot: Slot) -> bool {
        self.always.get(slot.index()).copied().unwrap_or_default()
    }

    pub(super) fn blocks(&self, slot: Slot) -> u8 {
        self.blocks.get(slot.index()).copied().unwrap_or_default()
    }

    pub(super) fn mention(&mut self, slot: Slot, block: Block) {
        if let Some(mentioned) = self.mentioned.get_mut(slot.index()) {
            *mentioned |= block.bit();
        }
    }

    pub(super) fn is_mentioned(&self, slot: Slot) -> bool {
        self.mentioned.get(slot.index()).is_none_or(|blocks| *blocks != 0)
    }

    pub(super) fn is_mentioned_in(&self, slot: Slot, block: Block) -> bool {
        self.mentioned.get(slot.index()).is_some_and(|blocks| blocks & block.bit() != 0)
    }

    pub(super) fn defined_in(&self, block: Block) -> Vec<Slot> {
        let filled = self.blocks.iter().enumerate().filter(|(_, blocks)| *blocks & block.bit() != 0);
        filled.filter_map(|(place, _)| u16::try_from(place).ok().map(Slot)).collect()
    }

    fn define(&mut self, name: &str, block: Block, always: bool) {
        let Some(slot) = self.slots.add(name) else { return };
        if slot.index() == self.blocks.len() {
            self.blocks.push(0);
            self.always.push(false);
            self.mentioned.push(0);
        }
        self.blocks[slot.index()] |= block.bit();
        self.always[slot.index()] |= always;
    }
}

impl Check<'_> {
    pub(super) fn collect_names(&mut self, fields: Fields<'_>) {
        for entry in self.shared_vars.clone() {
            self.define(&entry.key, Block::Vars, true);
        }
        for entry in fields.get("vars").map_or(&[][..], |entry| entry.value.entries()) {
            self.define(&entry.key, Block::Vars, true);
        }
        for block in [Block::Setup, Block::OnStart, Block::Flow, Block::Verify, Block::Teardown] {
            if let Some(entry) = fields.get(block.name()) {
                self.names_of_steps(&entry.value, block, block == Block::Setup);
            }
        }
        // Rows are there for those who take them: for users.
        for key in self.feeders_here().map(|feeder| Rc::clone(&feeder.key)).collect::<Vec<_>>() {
            self.define(&key, Block::OnStart, true);
        }
    }

    fn names_of_steps(&mut self, steps: &Node, block: Block, always: bool) {
        for step in steps.items() {
            let perhaps = ["when", "chance"].iter().any(|key| step.get(key).is_some());
            let always = always && !perhaps;
            for key in ["capture", "set", "collect"] {
                for entry in step.get(key).map_or(&[][..], |entry| entry.value.entries()) {
                    self.define(&entry.key, block, always);
                }
            }
            if step.get("for_each").is_some() {
                self.define(&item_key(step), block, false);
            }
            // What is done perhaps, or perhaps otherwise, fills nothing for sure.
            let surely = ["while", "for_each", "if", "choose"].iter().all(|key| step.get(key).is_none());
            for inner in blocks(step) {
                self.names_of_steps(inner, block, always && surely);
            }
        }
    }

    fn define(&mut self, key: &Key, block: Block, always: bool) {
        let name = key.name.as_str();
        if let Some(feeder) = self.feeder_named(name).filter(|feeder| *feeder != key.span) {
            let line = self.source.line_in_words(feeder.start, key.span.start);
            self.error(
                &key.span,
                format!("`{name}` is a feeder of `data` ({line})"),
                format!("give it another name, like `my_{name}`"),
            );
            return;
        }
        let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if !begins || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            let better: String = name
                .trim()
                .chars()
                .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
                .take(40)
                .collect();
            let better = if begins { better } else { format!("n_{better}") };
            self.error(
                &key.span,
                "this cannot be the name of a value: expressions could not speak of it",
                format!("use letters, digits and `_`, like `{better}`"),
            );
        } else if is_reserved(name) {
            self.error(
                &key.span,
                format!("`{name}` already means something in expressions"),
                format!("give it another name, like `my_{name}`"),
            );
        } else if name.len() > 120 {
            self.error(&key.span, "this name is too long", "a name may have 120 letters");
        } else if self.names.slots.names().len() >= MOST && self.names.slot(name).is_none() {
            self.error(
                &key.span,
                format!("a file may define {MOST} names, and this is one more"),
                "use fewer names",
            );
        } else {
            self.names.define(name, block, always);
        }
    }
}
