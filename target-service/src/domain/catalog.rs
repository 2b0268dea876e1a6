//! The concerts and when they play. Nothing here changes within a world, so pages of it may be cached.

use super::refusal::Refusal;
use super::size::WorldSize;
use crate::clock::Timestamp;

/// 2030-01-01 as a day since 1970: the first night of every concert, well after any test.
const FIRST_NIGHT: u64 = 21_915;

/// All concerts. Ids count from 1; a concert's schedules follow those of the concert before.
#[derive(Debug)]
pub(crate) struct Catalog {
    concerts: u64,
    schedules_each: u64,
}

/// A concert in the list.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Concert {
    pub(crate) id: u64,
    pub(crate) title: String,
}

/// One night of a concert.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Night {
    pub(crate) schedule: u64,
    /// As in `2030-01-31`.
    pub(crate) date: String,
}

impl Catalog {
    pub(crate) fn new(size: &WorldSize) -> Self {
        Self { concerts: size.concerts, schedules_each: size.schedules }
    }

    pub(crate) fn concerts(&self) -> Vec<Concert> {
        (1..=self.concerts).map(|id| Concert { id, title: format!("Concert {id}") }).collect()
    }

    /// The nights of a concert, in order.
    pub(crate) fn nights(&self, concert: u64) -> Result<Vec<Night>, Refusal> {
        if concert == 0 || concert > self.concerts {
            return Err(Refusal::NoSuchConcert(concert));
        }
        let before = (concert - 1) * self.schedules_each;
        let night = |n| Night { schedule: before + n, date: Timestamp::day(FIRST_NIGHT + n - 1).date() };
        Ok((1..=self.schedules_each).map(night).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_count_on_from_concert_to_concert() {
        let catalog = Catalog::new(&WorldSize { concerts: 2, schedules: 2, ..WorldSize::default() });
        let night = |schedule, date: &str| Night { schedule, date: date.into() };
        assert_eq!(catalog.nights(2), Ok(vec![night(3, "2030-01-01"), night(4, "2030-01-02")]));
        assert_eq!(catalog.nights(0), Err(Refusal::NoSuchConcert(0)));
        assert_eq!(catalog.nights(3), Err(Refusal::NoSuchConcert(3)));
        assert_eq!(catalog.concerts().len(), 2);
    }
}
