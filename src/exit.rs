//! Every exit code of the program, with its meaning.

use std::process::ExitCode;

/// How the program ends. Written so that a pipeline can tell a slow target from a run that proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Exit {
    /// 0: everything that was asked for holds.
    Passed,
    /// 99: a threshold was not met.
    ThresholdNotMet,
    /// 98: an invariant was broken: a check of `verify` is false.
    InvariantBroken,
    /// 97: the run is not valid, or `verify` could not ask: it says nothing about the target.
    NotValid,
    /// 96: the target never got ready, or `setup` failed.
    NotReady,
    /// 2: bad arguments or a bad scenario.
    Usage,
    /// 130: interrupted by the user.
    Interrupted,
    /// 1: anything else.
    Other,
}

impl Exit {
    /// All of them, in the order of their precedence: where several hold, the first one is it.
    pub const BY_PRECEDENCE: [Exit; 8] = [
        Exit::Usage,
        Exit::NotReady,
        Exit::Interrupted,
        Exit::InvariantBroken,
        Exit::NotValid,
        Exit::ThresholdNotMet,
        Exit::Other,
        Exit::Passed,
    ];

    /// The number the shell sees.
    pub const fn code(self) -> u8 {
        match self {
            Exit::Passed => 0,
            Exit::Other => 1,
            Exit::Usage => 2,
            Exit::NotReady => 96,
            Exit::NotValid => 97,
            Exit::InvariantBroken => 98,
            // The number k6 uses, so that wrappers around it carry over.
            Exit::ThresholdNotMet => 99,
            Exit::Interrupted => 130,
        }
    }

    /// The one with this number; `Other` for a number that is none of them.
    pub fn from_code(code: u8) -> Exit {
        Self::BY_PRECEDENCE.into_iter().find(|exit| exit.code() == code).unwrap_or(Exit::Other)
    }

    /// What it means, in a few words.
    pub const fn meaning(self) -> &'static str {
        match self {
            Exit::Passed => "passed",
            Exit::Other => "something else went wrong",
            Exit::Usage => "bad arguments or a bad scenario",
            Exit::NotReady => "the target never got ready, or setup failed",
            Exit::NotValid => "the run is not valid, or verify could not ask",
            Exit::InvariantBroken => "an invariant was broken",
            Exit::ThresholdNotMet => "a threshold was not met",
            Exit::Interrupted => "interrupted",
        }
    }

    /// The one that counts where all of these hold; `Passed` where none does.
    pub fn of(holding: &[Exit]) -> Exit {
        Self::BY_PRECEDENCE.into_iter().find(|exit| holding.contains(exit)).unwrap_or(Exit::Passed)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_by_precedence_counts() {
        let table: &[(&[Exit], u8)] = &[
            (&[], 0),
            (&[Exit::ThresholdNotMet], 99),
            (&[Exit::ThresholdNotMet, Exit::NotValid], 97),
            (&[Exit::ThresholdNotMet, Exit::NotValid, Exit::InvariantBroken], 98),
            (&[Exit::InvariantBroken, Exit::Interrupted], 130),
            (&[Exit::Interrupted, Exit::NotReady], 96),
            (&[Exit::NotReady, Exit::Usage], 2),
            (&[Exit::Other, Exit::ThresholdNotMet], 99),
            (&[Exit::Other], 1),
        ];
        for (holding, code) in table {
            assert_eq!(Exit::of(holding).code(), *code, "{holding:?}");
        }
    }
}
