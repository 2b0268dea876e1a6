//! What users own: a balance each, and the ledger of everything that moved it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use super::refusal::Refusal;
use super::sharded::{ShardedMap, lock};
use super::user::UserId;
use crate::clock::Timestamp;

/// Lines of a ledger that are kept one by one. Older ones are summed up: in a long run one user has millions.
const KEPT: usize = 1000;

/// Why a balance moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Movement {
    Charge,
    Payment,
    Refund,
}

/// One line of a user's ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) movement: Movement,
    pub(crate) amount: u64,
    /// The balance after it.
    pub(crate) balance: u64,
    pub(crate) at: Timestamp,
}

impl Entry {
    fn charged(&self) -> i128 {
        if self.movement == Movement::Charge { self.amount.into() } else { 0 }
    }
}

/// What is kept of a ledger, newest first, and how long the whole of it was.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct History {
    pub(crate) total: usize,
    pub(crate) newest: Vec<Entry>,
}

#[derive(Debug)]
struct Account {
    balance: u64,
    /// The newest lines, oldest first.
    ledger: VecDeque<Entry>,
    /// Lines that are no longer kept, and the charges among them.
    closed: usize,
    closed_charges: i128,
}

impl Account {
    fn new(opening: u64) -> Self {
        Self { balance: opening, ledger: VecDeque::new(), closed: 0, closed_charges: 0 }
    }

    fn book(&mut self, movement: Movement, amount: u64, balance: u64, at: Timestamp) {
        self.balance = balance;
        if self.ledger.len() >= KEPT
            && let Some(oldest) = self.ledger.pop_front()
        {
            self.closed += 1;
            self.closed_charges += oldest.charged();
        }
        self.ledger.push_back(Entry { movement, amount, balance, at });
    }
}

/// What the audit reads of one account, both under its lock.
#[derive(Debug)]
pub(crate) struct Books {
    pub(crate) user: UserId,
    pub(crate) balance: u64,
    /// All charges together, which may be more than a balance ever held.
    pub(crate) charged: i128,
}

/// All accounts. One is made when first its balance moves; until then a user has what the world gives.
#[derive(Debug)]
pub(crate) struct Balances {
    opening: u64,
    accounts: ShardedMap<UserId, Arc<Mutex<Account>>>,
}

impl Balances {
    pub(crate) fn new(opening: u64) -> Self {
        Self { opening, accounts: ShardedMap::default() }
    }

    pub(crate) fn balance(&self, user: &UserId) -> u64 {
        self.accounts.get(user).map_or(self.opening, |account| lock(&account).balance)
    }

    /// Adds to a balance, and gives the new one.
    pub(crate) fn charge(&self, user: &UserId, amount: u64, at: Timestamp) -> Result<u64, Refusal> {
        let account = self.account(user);
        let mut account = lock(&account);
        let balance = account
            .balance
            .checked_add(amount)
            .filter(|&sum| i64::try_from(sum).is_ok())
            .ok_or_else(|| Refusal::BadRequest("amount is more than a balance can hold".into()))?;
        account.book(Movement::Charge, amount, balance, at);
        Ok(balance)
    }

    /// Takes the price from a balance, if it is there, and gives what is left.
    pub(crate) fn pay(&self, user: &UserId, price: u64, at: Timestamp) -> Result<u64, Refusal> {
        let account = self.account(user);
        let mut account = lock(&account);
        let left = account
            .balance
            .checked_sub(price)
            .ok_or(Refusal::InsufficientBalance { balance: account.balance, price })?;
        account.book(Movement::Payment, price, left, at);
        Ok(left)
    }

    /// Gives a price back, and the balance that makes.
    pub(crate) fn refund(&self, user: &UserId, price: u64, at: Timestamp) -> u64 {
        let account = self.account(user);
        let mut account = lock(&account);
        let balance = account.balance.saturating_add(price);
        account.book(Movement::Refund, price, balance, at);
        balance
    }

    pub(crate) fn history(&self, user: &UserId) -> History {
        let Some(account) = self.accounts.get(user) else {
            return History { total: 0, newest: Vec::new() };
        };
        let account = lock(&account);
        let newest = account.ledger.iter().rev().copied().collect();
        History { total: account.closed + account.ledger.len(), newest }
    }

    pub(crate) fn books(&self) -> Vec<Books> {
        let mut all = Vec::new();
        self.accounts.each(|user, account| {
            let account = lock(account);
            let kept: i128 = account.ledger.iter().map(Entry::charged).sum();
            let charged = account.closed_charges + kept;
            all.push(Books { user: user.clone(), balance: account.balance, charged });
        });
        all
    }

    pub(crate) fn opening(&self) -> u64 {
        self.opening
    }

    fn account(&self, user: &UserId) -> Arc<Mutex<Account>> {
        let mut shard = self.accounts.shard(user);
        if let Some(account) = shard.get(user) {
            return Arc::clone(account);
        }
        let account = Arc::new(Mutex::new(Account::new(self.opening)));
        shard.insert(user.clone(), Arc::clone(&account));
        account
    }

    /// Moves a balance without a line in the ledger, which is what the audit must find.
    #[cfg(test)]
    pub(crate) fn lose(&self, user: &UserId, amount: u64) {
        let account = self.account(user);
        lock(&account).balance -= amount;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    #[test]
    fn a_balance_is_never_overdrawn_and_every_move_is_in_the_ledger() {
        let (balances, now) = (Balances::new(1500), Clock::manual().now());
        let user = UserId::from(1);
        assert_eq!(balances.balance(&user), 1500);
        assert_eq!(balances.pay(&user, 1000, now), Ok(500));
        let refusal = Refusal::InsufficientBalance { balance: 500, price: 1000 };
        assert_eq!(balances.pay(&user, 1000, now), Err(refusal));
        assert_eq!(balances.charge(&user, 700, now), Ok(1200));
        assert_eq!(balances.refund(&user, 1000, now), 2200);
        let history = balances.history(&user);
        assert_eq!(history.total, 3);
        assert_eq!(history.newest[0].movement, Movement::Refund);
        assert_eq!(history.newest[1].movement, Movement::Charge);
    }

    #[test]
    fn old_lines_are_summed_up() {
        let (balances, now) = (Balances::new(0), Clock::manual().now());
        for amount in 1..=3000 {
            balances.charge(&1.into(), amount, now).unwrap();
            balances.pay(&1.into(), 1, now).unwrap();
        }
        let history = balances.history(&1.into());
        assert_eq!((history.total, history.newest.len()), (6000, KEPT));
        let books = &balances.books()[0];
        assert_eq!((books.charged, books.balance), (4_501_500, 4_498_500));
    }

    #[test]
    fn a_charge_that_overflows_is_refused() {
        let (balances, now) = (Balances::new(1), Clock::manual().now());
        for amount in [u64::MAX, i64::MAX as u64] {
            assert!(matches!(balances.charge(&UserId::from(1), amount, now), Err(Refusal::BadRequest(_))));
        }
        assert_eq!(balances.balance(&UserId::from(1)), 1);
    }
}
