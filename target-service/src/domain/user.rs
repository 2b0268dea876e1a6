//! Who calls: a user's id, which clients send as a number or as text.

use std::fmt;
use std::sync::Arc;

/// The longest id in bytes; ids are kept, so their size has an end.
const LONGEST: usize = 256;

/// A user. The number 7 and the text "7" are one user, as a path cannot tell them apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum UserId {
    Number(u64),
    Name(Arc<str>),
}

impl UserId {
    /// Reads an id from text; the error says what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        if text.is_empty() {
            return Err("userId must not be empty");
        }
        if text.len() > LONGEST {
            return Err("userId must not be longer than 256 bytes");
        }
        // Only the one way a number is printed: "007" is somebody else.
        let canonical = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
        match text.parse() {
            Ok(number) if canonical => Ok(Self::Number(number)),
            _ => Ok(Self::Name(text.into())),
        }
    }
}

impl From<u64> for UserId {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_the_same_user_as_its_text() {
        assert_eq!(UserId::parse("7"), Ok(UserId::Number(7)));
        assert_eq!(UserId::parse("0"), Ok(UserId::Number(0)));
        for name in ["007", "+7", "-7", "user1", "99999999999999999999999"] {
            assert_eq!(UserId::parse(name), Ok(UserId::Name(name.into())));
        }
    }

    #[test]
    fn an_id_has_a_length() {
        assert!(UserId::parse("").is_err());
        assert!(UserId::parse(&"x".repeat(256)).is_ok());
        assert!(UserId::parse(&"x".repeat(257)).is_err());
    }
}
