//! Time as the service sees it: one clock that is given in, so that expiry is tested without sleeping.
//!
//! Knows nothing of what expires; `domain/` asks it for the present and compares.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const MILLIS_PER_DAY: u64 = 86_400_000;

/// Where the service takes the time from: the system's, or one that only a test moves.
#[derive(Debug, Clone)]
pub struct Clock(Source);

#[derive(Debug, Clone)]
enum Source {
    /// The wall clock is read once; from there on time is monotonic, so a step of the system's clock can
    /// neither revive an expired hold nor end a fresh one.
    System {
        epoch_millis: u64,
        started: Instant,
    },
    Manual(Arc<AtomicU64>),
}

impl Clock {
    /// The system's time.
    pub fn system() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(Source::System { epoch_millis: since_epoch.as_millis() as u64, started: Instant::now() })
    }

    /// A clock that stands still at 2026-01-01 until [`Clock::advance`] moves it; clones share the time.
    pub fn manual() -> Self {
        Self(Source::Manual(Arc::new(AtomicU64::new(1_767_225_600_000))))
    }

    /// Moves a manual clock on. The system's clock moves by itself, and this leaves it as it is.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(millis) = &self.0 {
            millis.fetch_add(by.as_millis() as u64, Ordering::SeqCst);
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System { epoch_millis, started } => {
                Timestamp(epoch_millis + started.elapsed().as_millis() as u64)
            }
            Source::Manual(millis) => Timestamp(millis.load(Ordering::SeqCst)),
        }
    }
}

/// A moment, in milliseconds since 1970. Prints as RFC 3339 in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Timestamp(u64);

impl Timestamp {
    /// The start of a day counted from 1970-01-01.
    pub(crate) fn day(number: u64) -> Self {
        Self(number.saturating_mul(MILLIS_PER_DAY))
    }

    pub(crate) fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    pub(crate) fn millis(self) -> u64 {
        self.0
    }

    pub(crate) fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(span.as_millis()).unwrap_or(u64::MAX)))
    }

    /// The calendar date alone, as in `2026-01-31`.
    pub(crate) fn date(self) -> String {
        let (year, month, day) = civil(self.0 / MILLIS_PER_DAY);
        format!("{year:04}-{month:02}-{day:02}")
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil(self.0 / MILLIS_PER_DAY);
        let in_day = self.0 % MILLIS_PER_DAY;
        let (seconds, millis) = (in_day / 1000, in_day % 1000);
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
    }
}

/// Year, month and day of a day counted from 1970-01-01, in the proleptic Gregorian calendar.
///
/// Howard Hinnant's `civil_from_days` (chrono-Compatible Low-Level Date Algorithms), for days after 1970.
fn civil(days_since_1970: u64) -> (u64, u64, u64) {
    let z = days_since_1970 + 719_468;
    let (era, day_of_era) = (z / 146_097, z % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // Years begin in March here, so that the leap day is a year's last.
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_right_around_leap_days_and_centuries() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (951_868_800_000, "2000-03-01T00:00:00.000Z"),
            (1_767_225_599_999, "2025-12-31T23:59:59.999Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(Timestamp(millis).to_string(), text);
        }
        assert_eq!(Timestamp::day(20_454).date(), "2026-01-01");
    }

    #[test]
    fn clones_of_a_manual_clock_share_the_time() {
        let clock = Clock::manual();
        let before = clock.now();
        clock.clone().advance(Duration::from_millis(1500));
        assert_eq!(clock.now(), before.plus(Duration::from_millis(1500)));
    }
}
