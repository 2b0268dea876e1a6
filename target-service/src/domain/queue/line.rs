//! Those who wait, in strict order of arrival, and those who are in.
//!
//! Exists only under an active limit, behind one lock of its own: an order over all is one thing.

use std::collections::{BTreeSet, VecDeque};

use super::token::Token;
use crate::clock::Timestamp;

/// Places in a block; counting within one and over all blocks of a long line cost about the same.
const BLOCK: u64 = 512;
/// A patrol sees this share of the line, so all of it in about as many patrols.
const PATROLS: usize = 64;

/// The active tokens by the time they expire, and the waiting ones by the time they came.
#[derive(Debug, Default)]
pub(super) struct Line {
    pub(super) active: BTreeSet<(Timestamp, Token)>,
    pub(super) waiting: Waiting,
}

/// A queue that can be left from its middle, and that knows everyone's position.
///
/// A ticket is the number of an arrival. Blocks of tickets count those still there, so a position is a sum
/// over blocks: some microseconds for a million who wait.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    blocks: VecDeque<Block>,
    /// Block number of the first in `blocks`.
    first_block: u64,
    /// The next ticket to be called.
    head: u64,
    /// The next ticket to be given.
    tail: u64,
    /// Where the next patrol begins, as an index of `blocks`.
    patrolled: usize,
}

#[derive(Debug, Default)]
struct Block {
    present: u64,
    places: Vec<Option<Token>>,
}

impl Waiting {
    /// Takes a place at the end, and gives its ticket.
    pub(super) fn join(&mut self, token: Token) -> u64 {
        let ticket = self.tail;
        if self.block_index(ticket) == self.blocks.len() {
            self.blocks.push_back(Block::default());
        }
        if let Some(block) = self.blocks.back_mut() {
            block.places.push(Some(token));
            block.present += 1;
        }
        self.tail += 1;
        ticket
    }

    /// Gives a place up, wherever in the line it is.
    pub(super) fn leave(&mut self, ticket: u64) {
        let index = self.block_index(ticket);
        if let Some(block) = self.blocks.get_mut(index)
            && let Some(place) = block.places.get_mut((ticket % BLOCK) as usize)
            && place.take().is_some()
        {
            block.present -= 1;
        }
    }

    /// Calls whoever came first of those still here.
    pub(super) fn call(&mut self) -> Option<Token> {
        while self.head < self.tail {
            let ticket = self.head;
            let Some(block) = self.blocks.front_mut() else { break };
            let called = block.places.get_mut((ticket % BLOCK) as usize).and_then(Option::take);
            block.present -= u64::from(called.is_some());
            self.head += 1;
            if self.head.is_multiple_of(BLOCK) {
                self.blocks.pop_front();
                self.first_block += 1;
                self.patrolled = self.patrolled.saturating_sub(1);
            }
            if called.is_some() {
                return called;
            }
        }
        None
    }

    /// How many stand up to and including this ticket: 1 for whoever is called next.
    pub(super) fn position(&self, ticket: u64) -> u64 {
        let index = self.block_index(ticket);
        let before: u64 = self.blocks.iter().take(index).map(|block| block.present).sum();
        let within = self
            .blocks
            .get(index)
            .map_or(0, |block| block.places.iter().take((ticket % BLOCK) as usize + 1).flatten().count());
        before + within as u64
    }

    /// How many stand in the line.
    pub(super) fn len(&self) -> u64 {
        self.blocks.iter().map(|block| block.present).sum()
    }

    /// The next part of the line, tickets and tokens, for a look at who is still interested.
    pub(super) fn patrol(&mut self) -> Vec<(u64, Token)> {
        if self.patrolled >= self.blocks.len() {
            self.patrolled = 0;
        }
        let (from, share) = (self.patrolled, self.blocks.len().div_ceil(PATROLS));
        self.patrolled += share;
        let first_ticket = |index: usize| (self.first_block + index as u64) * BLOCK;
        let blocks = self.blocks.iter().enumerate().skip(from).take(share);
        blocks
            .flat_map(|(index, block)| (first_ticket(index)..).zip(&block.places))
            .filter_map(|(ticket, place)| place.map(|token| (ticket, token)))
            .collect()
    }

    fn block_index(&self, ticket: u64) -> usize {
        (ticket / BLOCK).saturating_sub(self.first_block) as usize
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_line_is_called_in_order_of_arrival() {
        let mut line = Waiting::default();
        let tickets: Vec<u64> = (0..2000).map(|n| line.join(Token(n))).collect();
        assert_eq!(line.position(tickets[0]), 1);
        assert_eq!(line.position(tickets[1999]), 2000);
        line.leave(tickets[600]);
        line.leave(tickets[600]);
        assert_eq!(line.position(tickets[1999]), 1999);
        let called: Vec<u64> = std::iter::from_fn(|| line.call()).map(|token| token.0).collect();
        assert_eq!(called, (0..2000).filter(|&n| n != 600).collect::<Vec<_>>());
        assert!(line.blocks.len() <= 1);
    }

    #[test]
    fn patrols_see_everyone_in_turn() {
        let mut line = Waiting::default();
        for n in 0..100_000 {
            line.join(Token(n));
        }
        let mut seen: Vec<u64> = (0..PATROLS).flat_map(|_| line.patrol()).map(|(ticket, _)| ticket).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 100_000);
    }

    proptest! {
        /// Against a plain list: who joined and has not left, in order.
        #[test]
        fn it_is_a_list_that_can_be_left(moves in prop::collection::vec((0_u8..4, 0_usize..5000), 0..3000)) {
            let (mut line, mut list) = (Waiting::default(), Vec::new());
            for (kind, pick) in moves {
                match kind {
                    0 | 1 => {
                        let token = Token(pick as u64);
                        let ticket = line.join(token);
                        list.push((ticket, token));
                    }
                    2 if !list.is_empty() => {
                        let (ticket, _) = list.remove(pick % list.len());
                        line.leave(ticket);
                    }
                    _ => {
                        let first = if list.is_empty() { None } else { Some(list.remove(0).1) };
                        prop_assert_eq!(line.call(), first);
                    }
                }
                if !list.is_empty() {
                    let at = pick % list.len();
                    prop_assert_eq!(line.position(list[at].0), at as u64 + 1);
                }
            }
        }
    }
}
