//! Connections that the users of a worker share: lent for one exchange, then anybody's again.

use crate::http::{Clock, UserConnections};

/// One worker's idle connections. There are as many as exchanges were ever under way at once.
#[derive(Debug)]
pub struct Pool<C: Clock> {
    /// The one used last is lent first, so that as few as possible stay in use.
    idle: Vec<UserConnections<C>>,
    /// What the borrowers had themselves: nothing. Kept, since making it anew takes a count that workers share.
    empty: Vec<UserConnections<C>>,
}

impl<C: Clock> Default for Pool<C> {
    fn default() -> Self {
        Pool { idle: Vec::new(), empty: Vec::new() }
    }
}

impl<C: Clock> Pool<C> {
    /// Lends idle connections where there are any. Else the borrower opens one, which the pool will have.
    pub fn lend(&mut self, borrower: &mut UserConnections<C>) {
        if let Some(connections) = self.idle.pop() {
            self.empty.push(std::mem::replace(borrower, connections));
        }
    }

    /// Takes the borrower's connections, lent or opened, and leaves it none.
    pub fn take_back(&mut self, borrower: &mut UserConnections<C>) {
        if borrower.is_empty() {
            // The server has closed it, or there was no answer: nothing that would be worth lending.
            return;
        }
        let none = self.empty.pop().unwrap_or_else(|| borrower.none());
        self.idle.push(std::mem::replace(borrower, none));
    }
}
