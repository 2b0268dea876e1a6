//! Names as parts of paths.

/// The longest slug, in bytes.
const LONGEST: usize = 64;

/// Lower-case ASCII letters, digits and single hyphens, never empty and never more than 80 bytes.
///
/// Where letters of the name are lost (other scripts, or too many of them), a short hash of the whole name
/// keeps two names apart.
pub fn slug(name: &str) -> String {
    let mut slug = String::new();
    let mut lost = false;
    for letter in name.chars() {
        if letter.is_ascii_alphanumeric() {
            slug.push(letter.to_ascii_lowercase());
        } else {
            lost |= letter.is_alphanumeric();
            if !slug.is_empty() && !slug.ends_with('-') {
                slug.push('-');
            }
        }
    }
    lost |= slug.len() > LONGEST;
    slug.truncate(LONGEST);
    let slug = slug.trim_end_matches('-');
    match (slug, lost) {
        ("", _) => format!("scenario-{:08x}", hash(name)),
        (slug, true) => format!("{slug}-{:08x}", hash(name)),
        (slug, false) => slug.into(),
    }
}

/// FNV-1a, folded to 32 bits: the same on every machine and in every version.
fn hash(text: &str) -> u32 {
    let hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    (hash ^ (hash >> 32)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_parts_of_paths() {
        let table = [
            ("reservation-stress", "reservation-stress"),
            ("Queue Spike (100 users)", "queue-spike-100-users"),
            ("../../etc/passwd", "etc-passwd"),
            ("a//b\\c\0d", "a-b-c-d"),
            ("  --x--  ", "x"),
        ];
        for (name, expected) in table {
            assert_eq!(slug(name), expected);
        }
    }

    #[test]
    fn lost_letters_leave_a_hash() {
        assert!(slug("예약 테스트").starts_with("scenario-"));
        assert_ne!(slug("예약 테스트"), slug("결제 테스트"));
        assert_ne!(slug("예약 a"), slug("결제 a"));
        assert!(slug("예약 a").starts_with("a-"));
        assert!(slug("").starts_with("scenario-"));
        assert!(slug("...").starts_with("scenario-"));
        let long = slug(&"x".repeat(500));
        assert!(long.len() <= 80 && long != slug(&"x".repeat(501)));
    }
}
