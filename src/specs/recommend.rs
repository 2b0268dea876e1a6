//! Which size to take, and why. The smallest that passes, unless a larger one gives more than it takes.

use super::record::{Recommendation, SpecResult};
use crate::compare::Word;
use crate::result::verdict::percent;

/// From this share of periods on, being throttled is worth a word.
const OFTEN: f64 = 0.1;

/// Which of these sizes to take: the smallest comes first. `p95` tells how the second of two places differs from the
/// first in its 95th percentile.
pub(super) fn recommend(specs: &[SpecResult], p95: &dyn Fn(usize, usize) -> Word) -> Recommendation {
    let passed: Vec<usize> = (0..specs.len()).filter(|&place| specs[place].passed).collect();
    let Some((&smallest, larger)) = passed.split_first() else {
        let why: Vec<String> =
            specs.iter().map(|spec| format!("{}: {}", spec.name, spec.problems.join(", "))).collect();
        return Recommendation { spec: None, line: format!("none passes: {}", why.join("; ")) };
    };
    let mut best = smallest;
    let mut reasons: Vec<String> = Vec::new();
    for failed in specs.iter().filter(|spec| !spec.passed) {
        reasons.push(format!("{} does not pass ({})", failed.name, failed.problems.join(", ")));
    }
    for &next in larger {
        let (here, there) = (&specs[best], &specs[next]);
        let (times, what) = more(here, there);
        let price = format!("{}× the {what}", factor(times));
        let gain = here.p95_ms.zip(there.p95_ms).map(|(here, there)| here / there.max(f64::MIN_POSITIVE));
        match (p95(best, next), gain) {
            // More than it takes.
            (Word::Better, Some(gain)) if gain >= times => {
                reasons = vec![format!("{}× lower p95 than {} for {price}", factor(gain), here.name)];
                reasons.extend(held_back(here));
                best = next;
            }
            (Word::Better, Some(gain)) => reasons.push(format!(
                "{} has only {}× lower p95 for {price}",
                there.name,
                factor(gain)
            )),
            (Word::Worse, _) => reasons.push(format!("{} has a higher p95, for {price}", there.name)),
            (Word::NotJudged, _) => reasons.push(format!(
                "too little was measured to tell whether {} is better, for {price}; run longer, or with `--repeat`",
                there.name
            )),
            // As much as it takes, but who knows.
            (_, Some(gain)) if gain >= times => {
                reasons.push(format!(
                    "{} had {}× lower p95 for {price}, but that may be chance: run longer, or with `--repeat`",
                    there.name,
                    factor(gain)
                ));
                reasons.extend(held_back(here));
            }
            _ => reasons.push(format!("{} shows no difference in p95, for {price}", there.name)),
        }
    }
    let spec = &specs[best];
    if reasons.is_empty() {
        reasons.push("it passes".into());
        reasons.extend(held_back(spec));
    }
    Recommendation { spec: Some(spec.name.clone()), line: format!("{}: {}", spec.name, reasons.join("; ")) }
}

/// How many times as much a larger one takes, and of what.
fn more(here: &SpecResult, there: &SpecResult) -> (f64, &'static str) {
    let cpu = there.cpus / here.cpus;
    if (cpu - 1.0).abs() > 1e-9 {
        (cpu, "CPU")
    } else {
        (there.memory_limit_bytes as f64 / here.memory_limit_bytes.max(1) as f64, "memory")
    }
}

/// That a size was held back by its limit, where that was often.
fn held_back(spec: &SpecResult) -> Option<String> {
    let share = spec.throttled.filter(|share| *share >= OFTEN)?;
    let share = percent((share * 100.0).round() / 100.0);
    Some(format!("{} is throttled in {share} of periods", spec.name))
}

/// `3.1`, `2`, `40`.
fn factor(times: f64) -> String {
    let digits = if times < 9.95 { (times * 10.0).round() / 10.0 } else { times.round() };
    crate::units::trim_float(digits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::specs::summary::tests::spec;

    fn said(specs: &[SpecResult], word: Word) -> (Option<String>, String) {
        let Recommendation { spec, line } = recommend(specs, &|_, _| word);
        (spec, line)
    }

    #[test]
    fn more_for_what_it_takes_is_worth_it() {
        let mut small = spec("small", 0.5, Some(155.0));
        small.throttled = Some(0.412);
        let medium = spec("medium", 1.0, Some(50.0));
        let (spec, line) = said(&[small.clone(), medium], Word::Better);
        assert_eq!(spec.as_deref(), Some("medium"));
        assert_eq!(
            line,
            "medium: 3.1× lower p95 than small for 2× the CPU; small is throttled in 41% of periods"
        );
        small.throttled = None;
        let (spec, line) = said(&[small, self::spec("medium", 1.0, Some(120.0))], Word::Better);
        assert_eq!(spec.as_deref(), Some("small"));
        assert_eq!(line, "small: medium has only 1.3× lower p95 for 2× the CPU");
    }

    #[test]
    fn what_may_be_chance_is_no_reason_to_pay_more() {
        let pair = [spec("small", 0.5, Some(20.0)), spec("medium", 1.0, Some(15.0))];
        assert_eq!(
            said(&pair, Word::NoDifference).1,
            "small: medium shows no difference in p95, for 2× the CPU"
        );
        let mut held_back = spec("small", 0.5, Some(20.0));
        held_back.throttled = Some(0.25);
        assert_eq!(
            said(&[held_back, spec("medium", 1.0, Some(5.0))], Word::NoDifference).1,
            "small: medium had 4× lower p95 for 2× the CPU, but that may be chance: run longer, or with \
             `--repeat`; small is throttled in 25% of periods"
        );
        assert_eq!(said(&pair, Word::Worse).1, "small: medium has a higher p95, for 2× the CPU");
        assert_eq!(
            said(&pair, Word::NotJudged).1,
            "small: too little was measured to tell whether medium is better, for 2× the CPU; run longer, or with \
             `--repeat`"
        );
    }

    #[test]
    fn one_that_does_not_pass_is_not_taken() {
        let mut small = spec("small", 0.5, Some(900.0));
        small.passed = false;
        small.problems = vec!["latency: p95 < 500ms".into()];
        let medium = spec("medium", 1.0, Some(50.0));
        let (spec, line) = said(&[small.clone(), medium.clone()], Word::Better);
        assert_eq!(spec.as_deref(), Some("medium"));
        assert_eq!(line, "medium: small does not pass (latency: p95 < 500ms)");
        let (spec, line) = said(&[medium, small.clone()], Word::Better);
        assert_eq!(
            (spec.as_deref(), line.as_str()),
            (Some("medium"), "medium: small does not pass (latency: p95 < 500ms)")
        );
        let (spec, line) = said(&[small], Word::Better);
        assert_eq!((spec, line.as_str()), (None, "none passes: small: latency: p95 < 500ms"));
    }

    #[test]
    fn one_alone_passes_or_does_not() {
        assert_eq!(said(&[spec("small", 0.5, Some(9.0))], Word::Better).1, "small: it passes");
    }
}
