//! Products: what is left of each, and what was sold.
//!
//! A product's lock is the root of every order on it: orders are placed and settled only under the locks of
//! all their products. Those are taken in the order of their ids, so two orders never wait for each other in
//! a circle; coupons and accounts are locked after them, never before.

use std::sync::{Mutex, MutexGuard};

use super::refusal::Refusal;
use super::sharded::lock;
use super::size::WorldSize;

/// What a piece of any product costs.
pub(crate) const PRODUCT_PRICE: u64 = 1000;
/// The most lines of one order.
const MOST_LINES: usize = 100;
/// The most pieces of one order, far from overflowing a price.
const MOST_PIECES: u64 = 1_000_000;

/// So many pieces of one product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) product: u64,
    pub(crate) quantity: u64,
}

/// What an order asks for: at least a line, each product once, in the order of their ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Basket(Box<[Line]>);

impl Basket {
    /// Puts lines of the same product together, and refuses an order for nothing or for too much.
    pub(crate) fn new(mut lines: Vec<Line>) -> Result<Self, Refusal> {
        let bad = |text: String| Err(Refusal::BadRequest(text));
        if lines.is_empty() || lines.len() > MOST_LINES {
            return bad(format!("products must have from 1 to {MOST_LINES} lines"));
        }
        if lines.iter().any(|line| line.quantity == 0) {
            return bad("quantity must be positive".into());
        }
        let pieces = lines.iter().try_fold(0_u64, |sum, line| sum.checked_add(line.quantity));
        if pieces.is_none_or(|pieces| pieces > MOST_PIECES) {
            return bad(format!("an order may have at most {MOST_PIECES} pieces"));
        }
        lines.sort_unstable_by_key(|line| line.product);
        lines.dedup_by(|next, kept| {
            let same = next.product == kept.product;
            kept.quantity += if same { next.quantity } else { 0 };
            same
        });
        Ok(Self(lines.into()))
    }

    pub(crate) fn lines(&self) -> &[Line] {
        &self.0
    }

    /// The price of everything in it.
    pub(crate) fn price(&self) -> u64 {
        self.0.iter().map(|line| line.quantity * PRODUCT_PRICE).sum()
    }
}

/// What a product's lock guards. Signed, so that taking too much shows instead of being cut off.
#[derive(Debug)]
pub(crate) struct Stock {
    pub(crate) left: i64,
    sold: u64,
}

/// A product among the best sold.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ranked {
    pub(crate) product: u64,
    pub(crate) sold: u64,
}

/// All products of a world, product 1 first.
#[derive(Debug)]
pub(crate) struct Products {
    opening: i64,
    all: Box<[Mutex<Stock>]>,
}

impl Products {
    pub(crate) fn new(size: &WorldSize) -> Self {
        // The size was checked to be far below.
        let opening = i64::try_from(size.stock).unwrap_or(i64::MAX);
        let stock = |_| Mutex::new(Stock { left: opening, sold: 0 });
        Self { opening, all: (0..size.products).map(stock).collect() }
    }

    /// Locks the stock of everything in the basket.
    pub(crate) fn open<'a>(&'a self, basket: &'a Basket) -> Result<Shelves<'a>, Refusal> {
        let open = |line: &'a Line| {
            let stock = index(line.product).and_then(|index| self.all.get(index));
            stock.map(|stock| (lock(stock), line)).ok_or(Refusal::NoSuchProduct(line.product))
        };
        basket.0.iter().map(open).collect::<Result<_, _>>().map(Shelves)
    }

    /// The best sold, the most first; of those alike, the lower id.
    pub(crate) fn ranks(&self, most: usize) -> Vec<Ranked> {
        let each = (1..).zip(&*self.all);
        let mut all: Vec<_> =
            each.map(|(product, stock)| Ranked { product, sold: lock(stock).sold }).collect();
        let place = |ranked: &Ranked| (u64::MAX - ranked.sold, ranked.product);
        if most < all.len() {
            all.select_nth_unstable_by_key(most, place);
            all.truncate(most);
        }
        all.sort_unstable_by_key(place);
        all
    }

    /// Locks every product, so that an audit sees no order halfway.
    pub(crate) fn freeze(&self) -> Vec<MutexGuard<'_, Stock>> {
        self.all.iter().map(lock).collect()
    }

    /// What there was of each product at first.
    pub(crate) fn opening(&self) -> i64 {
        self.opening
    }

    /// Puts a stock where no order could, which is what the audit must find.
    #[cfg(test)]
    pub(crate) fn force(&self, product: u64, left: i64) {
        lock(&self.all[index(product).unwrap()]).left = left;
    }
}

/// Where a product lies among all, if it exists.
fn index(product: u64) -> Option<usize> {
    usize::try_from(product.checked_sub(1)?).ok()
}

/// The locked stock of all products of one basket.
pub(crate) struct Shelves<'a>(Vec<(MutexGuard<'a, Stock>, &'a Line)>);

impl Shelves<'_> {
    /// Refuses if there is too little of anything.
    pub(crate) fn check(&self) -> Result<(), Refusal> {
        let short = self.0.iter().find(|(stock, line)| stock.left < pieces(line));
        short.map_or(Ok(()), |(stock, line)| {
            Err(Refusal::OutOfStock { product: line.product, left: stock.left.max(0) })
        })
    }

    pub(crate) fn take(&mut self) {
        self.each(|stock, line| stock.left -= pieces(line));
    }

    pub(crate) fn give_back(&mut self) {
        self.each(|stock, line| stock.left += pieces(line));
    }

    /// Counts what was taken as sold.
    pub(crate) fn sell(&mut self) {
        self.each(|stock, line| stock.sold += line.quantity);
    }

    fn each(&mut self, mut change: impl FnMut(&mut Stock, &Line)) {
        for (stock, line) in &mut self.0 {
            change(stock, line);
        }
    }
}

fn pieces(line: &Line) -> i64 {
    // At most a million, as the basket has checked.
    i64::try_from(line.quantity).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn basket(lines: &[(u64, u64)]) -> Result<Basket, Refusal> {
        Basket::new(lines.iter().map(|&(product, quantity)| Line { product, quantity }).collect())
    }

    #[test]
    fn a_basket_has_each_product_once_in_order() {
        let basket = basket(&[(7, 1), (2, 3), (7, 4)]).unwrap();
        assert_eq!(basket.lines(), [Line { product: 2, quantity: 3 }, Line { product: 7, quantity: 5 }]);
        assert_eq!(basket.price(), 8000);
    }

    #[test]
    fn baskets_of_nothing_or_too_much_are_refused() {
        let many: Vec<_> = (1..=101).map(|product| (product, 1)).collect();
        for lines in [&[][..], &[(1, 0)], &[(1, u64::MAX), (1, 2)], &[(1, 1_000_001)], &many] {
            assert!(matches!(basket(lines), Err(Refusal::BadRequest(_))), "{lines:?}");
        }
    }

    #[test]
    fn ranks_are_by_pieces_sold_then_by_id() {
        let products = Products::new(&WorldSize { products: 5, ..WorldSize::default() });
        for (product, quantity) in [(4, 2), (2, 2), (5, 9)] {
            let basket = basket(&[(product, quantity)]).unwrap();
            let mut shelves = products.open(&basket).unwrap();
            shelves.take();
            shelves.sell();
        }
        let ids = |most| products.ranks(most).iter().map(|ranked| ranked.product).collect::<Vec<_>>();
        assert_eq!(ids(4), [5, 2, 4, 1]);
        assert_eq!(ids(100), [5, 2, 4, 1, 3]);
        assert_eq!(products.ranks(1), [Ranked { product: 5, sold: 9 }]);
    }
}
