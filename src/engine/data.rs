//! Rows for users: which one comes next, and what becomes of a user who finds none left.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::Prepared;
use super::user::User;
use super::worker::Worker;
use crate::outcome::OwnFault;
use crate::plan::users_before;
use crate::scenario::model::{AfterLast, Feed, Feeder, FeederId, Pick, Test};
use crate::template::Random;

/// Deals out the rows of a feeder, to the users of all workers.
#[derive(Debug)]
pub(super) struct Dealer {
    /// How many rows were asked for, where the next one is dealt.
    asked: AtomicU64,
    /// When somebody first found none left.
    ran_out: OnceLock<Instant>,
    /// By scenario: how many users of those before it take none of these rows. User numbers count through all
    /// scenarios, and rows of their own only through those that have some.
    others_before: Vec<u64>,
}

impl Dealer {
    pub(super) fn new(test: &Test, feeder: FeederId) -> Dealer {
        let before = users_before(&test.scenarios);
        let mut others = 0;
        let others_before = test.scenarios.iter().enumerate().map(|(number, scenario)| {
            let others_before = others;
            if !scenario.feeds.user.iter().any(|feed| feed.feeder == feeder) {
                let users = before.get(number + 1).map_or(0, |next| next - before[number]);
                others += users;
            }
            others_before
        });
        Dealer { others_before: others_before.collect(), asked: AtomicU64::new(0), ran_out: OnceLock::new() }
    }

    /// The number of the row that this user takes now; none where there is none left.
    fn deal(&self, feeder: &Feeder, number: FeederId, user: &User) -> Option<u64> {
        let rows = feeder.rows.count();
        let within = |row: u64, after| match after {
            _ if row < rows => Some(row),
            AfterLast::Recycle => Some(row % rows),
            AfterLast::Stop => None,
        };
        let scope = &user.scope;
        match feeder.pick {
            Pick::Next(after) => within(self.asked.fetch_add(1, Ordering::Relaxed), after),
            Pick::PerUser(after) => {
                let others = self.others_before.get(usize::from(user.scenario)).copied().unwrap_or_default();
                within(scope.user_id.saturating_sub(1 + others), after)
            }
            Pick::Random => {
                let (scenario, feeder) = (u64::from(user.scenario), u64::from(number.0));
                let mut random =
                    Random::of_row(scope.shared.seed, feeder, scenario, scope.user_id, scope.iteration);
                Some(random.below(rows))
            }
        }
    }
}

impl Prepared {
    /// The feeders that ran out, each with when somebody first found no row.
    pub fn ran_out(&self) -> impl Iterator<Item = (&Feeder, Instant)> {
        let dealers = self.test.data.iter().zip(&self.dealers);
        dealers.filter_map(|(feeder, dealer)| Some((feeder, *dealer.ran_out.get()?)))
    }
}

impl Worker {
    /// Gives a user a row of each of these feeders. False where one has none left, or cannot be read: then the
    /// user goes.
    pub(super) fn feed(&self, user: &mut User, feeds: &[Feed]) -> bool {
        feeds.iter().all(|feed| self.feed_one(user, *feed))
    }

    fn feed_one(&self, user: &mut User, Feed { feeder: number, slot }: Feed) -> bool {
        let place = number.index();
        let (Some(feeder), Some(dealer)) =
            (self.prepared.test.data.get(place), self.prepared.dealers.get(place))
        else {
            return false;
        };
        let Some(row) = dealer.deal(feeder, number, user) else {
            dealer.ran_out.get_or_init(Instant::now);
            self.note_out_of_data(user.scenario);
            return false;
        };
        let read = match self.blocks.borrow_mut().get_mut(place) {
            Some(block) => feeder.rows.read(row, block),
            None => return false,
        };
        match read {
            Ok(value) => {
                user.scope.set(slot, Some(value));
                true
            }
            Err(error) => {
                let detail = format!("row {} of `{}` ({}): {error}", row + 1, feeder.name, feeder.from);
                self.own_fault(user, OwnFault::Data, detail);
                false
            }
        }
    }

    /// The texts of a user's rows that no report should show.
    pub(super) fn secret_fields(&self, user: &User, texts: &mut Vec<String>) {
        let scenario = &self.prepared.test.scenarios[usize::from(user.scenario)];
        let feeds = &scenario.feeds;
        for feed in feeds.user.iter().chain(&feeds.on_start).chain(&feeds.iteration) {
            let (Some(feeder), Some(row)) =
                (self.prepared.test.data.get(feed.feeder.index()), user.scope.get(feed.slot))
            else {
                continue;
            };
            for name in &feeder.secret {
                // A row that is one value has no names.
                let field = if name.is_empty() { Ok(row.clone()) } else { row.get_attr(name) };
                texts.extend(field.ok().filter(|field| !field.is_undefined()).map(|field| field.to_string()));
            }
        }
    }
}
