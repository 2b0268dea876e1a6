//! What can go wrong between the service and its servers, and what a client is told of it.

use sqlx::Error;
use sqlx::mysql::MySqlDatabaseError;

use crate::domain::refusal::Refusal;

/// Errors of a database that is going, coming, full or kept busy; all others are a fault of ours.
const NOT_NOW: [u16; 10] = [1040, 1041, 1053, 1129, 1203, 1205, 1213, 1290, 1317, 1927];
/// Two transactions met: a deadlock, or one that waited too long for the other.
const COLLISIONS: [u16; 2] = [1213, 1205];
const DUPLICATE: u16 = 1062;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// Nothing went wrong: the store understood, and the answer is no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("the database: {0}")]
    Database(#[from] Error),
    #[error("the cache: {0}")]
    Cache(#[from] redis::RedisError),
    #[error("what was kept cannot be read: {0}")]
    Unreadable(#[from] serde_json::Error),
    #[error("no answer in time")]
    TooLate,
}

impl Failure {
    /// Whether the same again is likely to succeed.
    pub(super) fn is_collision(&self) -> bool {
        self.number().is_some_and(|number| COLLISIONS.contains(&number))
    }

    /// Whether a row was there already.
    pub(super) fn is_duplicate(&self) -> bool {
        self.number() == Some(DUPLICATE)
    }

    /// What the client is told, and the log with it.
    pub(super) fn refusal(self) -> Refusal {
        let cause = self.to_string();
        match self {
            Self::Refused(refusal) => refusal,
            failure if failure.is_outage() => Refusal::StoreUnavailable { cause },
            _ => Refusal::Broken { cause },
        }
    }

    fn is_outage(&self) -> bool {
        match self {
            Self::Cache(_) | Self::TooLate => true,
            Self::Database(Error::Database(_)) => self.number().is_some_and(|n| NOT_NOW.contains(&n)),
            Self::Database(error) => matches!(
                error,
                Error::Io(_)
                    | Error::Tls(_)
                    | Error::Protocol(_)
                    | Error::PoolTimedOut
                    | Error::PoolClosed
                    | Error::WorkerCrashed
            ),
            Self::Refused(_) | Self::Unreadable(_) => false,
        }
    }

    fn number(&self) -> Option<u16> {
        let Self::Database(Error::Database(error)) = self else { return None };
        error.try_downcast_ref::<MySqlDatabaseError>().map(MySqlDatabaseError::number)
    }
}
