//! In which order sizes take their turns.

/// The places of `specs` sizes, each `repeat` times: there and back again, A B B A A B. So none of them always
/// comes first, and what grows or shrinks steadily meanwhile is shared out evenly by an even number of rounds.
pub fn turns(specs: usize, repeat: u32) -> Vec<usize> {
    (0..repeat)
        .flat_map(|round| {
            let there = 0..specs;
            let places: Vec<usize> = if round % 2 == 0 { there.collect() } else { there.rev().collect() };
            places
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::turns;

    #[test]
    fn sizes_take_turns_there_and_back_again() {
        assert_eq!(turns(2, 1), [0, 1]);
        assert_eq!(turns(2, 3), [0, 1, 1, 0, 0, 1]);
        assert_eq!(turns(3, 2), [0, 1, 2, 2, 1, 0]);
        assert_eq!(turns(1, 2), [0, 0]);
        assert!(turns(0, 2).is_empty() && turns(2, 0).is_empty());
    }
}
