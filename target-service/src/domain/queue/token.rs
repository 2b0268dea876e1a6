//! The numbers that tokens carry: unlike any other world's, and known again after they are forgotten.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

/// A token as the client holds it: 16 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Token(pub(crate) u64);

impl Token {
    pub(crate) const DIGITS: usize = 16;

    pub(crate) fn parse(text: &str) -> Option<Self> {
        // `from_str_radix` alone would take a sign, and digits in another case or number.
        let ours = text.len() == Self::DIGITS && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if ours { u64::from_str_radix(text, 16).ok().map(Self) } else { None }
    }

    /// The token with this number, unlike that of any other number under the same secret.
    pub(crate) fn numbered(secret: u64, number: u64) -> Self {
        Self(scramble(secret.wrapping_add(number)))
    }

    /// The number it was made of; any other than ours has most likely a very large one.
    pub(crate) fn number(self, secret: u64) -> u64 {
        unscramble(self.0).wrapping_sub(secret)
    }

    /// The digits, without an allocation.
    pub(crate) fn digits(self) -> [u8; Self::DIGITS] {
        let mut digits = [0; Self::DIGITS];
        for (at, digit) in digits.iter_mut().enumerate() {
            *digit = b"0123456789abcdef"[(self.0 >> (60 - 4 * at)) as usize & 15];
        }
        digits
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Gives out tokens: a count, shifted by a secret and scrambled one-to-one.
///
/// A world's tokens are unlike those of the world before it, so a client that still holds one of the old
/// cannot walk in on somebody else's. And as the scrambling can be undone, a token that is long gone is told
/// from one that never was, without remembering either.
#[derive(Debug)]
pub(super) struct TokenNumbers {
    secret: u64,
    last: AtomicU64,
}

impl TokenNumbers {
    pub(super) fn new() -> Self {
        // The standard library's own source of random keys.
        Self { secret: RandomState::new().hash_one("tokens"), last: AtomicU64::new(0) }
    }

    pub(super) fn issue(&self) -> Token {
        Token::numbered(self.secret, self.last.fetch_add(1, Ordering::Relaxed) + 1)
    }

    pub(super) fn was_issued(&self, token: Token) -> bool {
        (1..=self.last.load(Ordering::Relaxed)).contains(&token.number(self.secret))
    }
}

/// Steele, Lea and Flood's `SplitMix64` finaliser, a bijection.
fn scramble(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

fn unscramble(mut z: u64) -> u64 {
    z = (z ^ (z >> 31) ^ (z >> 62)).wrapping_mul(0x3196_42B2_D24D_8EC3);
    z = (z ^ (z >> 27) ^ (z >> 54)).wrapping_mul(0x96DE_1B17_3F11_9089);
    z ^ (z >> 30) ^ (z >> 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scrambling_can_be_undone() {
        for z in [0, 1, 2, 12_345, u64::MAX, 1 << 63, 0x0123_4567_89AB_CDEF] {
            assert_eq!(unscramble(scramble(z)), z);
        }
    }

    #[test]
    fn a_world_knows_its_own_tokens_only() {
        let (ours, theirs) = (TokenNumbers::new(), TokenNumbers::new());
        let token = ours.issue();
        assert!(ours.was_issued(token));
        for _ in 0..1000 {
            assert!(!ours.was_issued(theirs.issue()));
        }
    }

    #[test]
    fn a_token_survives_its_text() {
        for token in [Token(0), Token(0xABC), Token(u64::MAX)] {
            assert_eq!(Token::parse(&token.to_string()), Some(token));
            assert_eq!(token.digits().as_slice(), token.to_string().as_bytes());
        }
        for text in
            ["", "abc", "+bcdef0123456789", "ABCDEF0123456789", "g000000000000000", "00000000000000000"]
        {
            assert_eq!(Token::parse(text), None);
        }
    }
}
