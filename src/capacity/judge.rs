//! Whether a rate held: objectives met, nothing dropped, and no work piling up.

use super::search::Answer;
use crate::result::verdict::quantity;
use crate::result::{Ended, InvariantState, RunResult, Soundness};
use crate::units::count;

/// Whether it held, and why not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    pub answer: Answer,
    pub reasons: Vec<String>,
}

/// Judges a load of constant rate, in arrivals per second.
pub fn judge(result: &RunResult, rate: f64) -> Judged {
    let validity = &result.validity;
    if validity.verdict == Soundness::Invalid {
        return Judged { answer: Answer::Unusable, reasons: validity.reasons.clone() };
    }
    let mut reasons = Vec::new();
    if let Ended::Aborted(threshold) = &result.verdict.ended {
        reasons.push(format!("ended by {threshold}"));
    }
    for threshold in result.thresholds.iter().filter(|threshold| !threshold.met) {
        let seen = match threshold.observed {
            Some(observed) => quantity(observed, threshold.unit),
            None => threshold.reason.clone().unwrap_or_else(|| "no samples".into()),
        };
        reasons.push(format!("{} was {seen}", threshold.text));
    }
    let broken = result.invariants.iter().filter(|invariant| invariant.state == InvariantState::Broken);
    reasons.extend(broken.map(|invariant| format!("invariant broken: {}", invariant.name)));
    let dropped: u64 = result.scenarios.iter().map(|scenario| scenario.dropped).sum();
    if dropped > 0 {
        reasons.push(format!("{} arrivals found no free user", count(dropped)));
    }
    if let Some((before, after)) = piled_up(result, rate) {
        reasons.push(format!("work piled up: from {before:.0} users at once to {after:.0}"));
    }
    let answer = match (reasons.is_empty(), validity.verdict) {
        (true, _) => Answer::Held,
        // A generator that is itself near its end makes a target look slow.
        (false, Soundness::Suspect) => {
            reasons.extend(validity.reasons.iter().cloned());
            Answer::Unusable
        }
        (false, _) => Answer::Broken,
    };
    Judged { answer, reasons }
}

/// Users at once before and after, where more arrive than leave.
///
/// The second quarter of the load is held against the last: in the first, users only come. Half as many more,
/// and more than chance alone makes of independent arrivals (three standard deviations of a Poisson number) and
/// than 20 ms of arrivals, is no longer the same.
fn piled_up(result: &RunResult, rate: f64) -> Option<(f64, f64)> {
    let seconds = result.load_s as usize;
    let users = result.series.users.get(..seconds)?;
    if users.len() < 4 {
        return None;
    }
    let mean = |part: &[u64]| part.iter().sum::<u64>() as f64 / part.len() as f64;
    let quarter = users.len() / 4;
    let before = mean(&users[quarter..2 * quarter]);
    let after = mean(&users[users.len() - quarter..]);
    // Not less than one: at a low rate nobody may have been there in each of the few seconds looked at.
    let expected = before * 1.5 + 3.0 * before.max(1.0).sqrt() + rate * 0.02;
    (after > expected).then_some((before, after))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::sample_result;

    fn result(users: &[u64]) -> RunResult {
        let mut result = sample_result();
        result.load_s = users.len() as f64;
        result.series.users = users.to_vec();
        result.thresholds.iter_mut().for_each(|threshold| threshold.met = true);
        result
    }

    #[test]
    fn what_holds_has_no_reasons() {
        let judged = judge(&result(&[5, 4, 6, 5, 5, 4, 5, 6]), 100.0);
        assert_eq!(judged, Judged { answer: Answer::Held, reasons: Vec::new() });
        // Fewer than four seconds cannot show that anything grows.
        assert_eq!(judge(&result(&[1, 100, 1000]), 100.0).answer, Answer::Held);
    }

    #[test]
    fn more_that_come_than_leave_pile_up() {
        let growing: Vec<u64> = (0..12).map(|second| 4 + 20 * second).collect();
        let judged = judge(&result(&growing), 420.0);
        assert_eq!(judged.answer, Answer::Broken);
        assert_eq!(judged.reasons, ["work piled up: from 84 users at once to 204"]);
        // A little more than it was is what chance makes.
        assert_eq!(judge(&result(&[20, 20, 20, 20, 30, 31, 32, 30]), 100.0).answer, Answer::Held);
    }

    #[test]
    fn each_reason_is_told() {
        let mut broken = result(&[5; 8]);
        broken.thresholds[0].met = false;
        broken.thresholds[0].observed = Some(0.812);
        broken.scenarios[0].dropped = 1200;
        broken.invariants[0].state = InvariantState::Broken;
        let judged = judge(&broken, 100.0);
        assert_eq!(judged.answer, Answer::Broken);
        assert_eq!(
            judged.reasons,
            [
                "latency: p95 < 500ms was 812ms",
                "invariant broken: no seat sold twice",
                "1,200 arrivals found no free user"
            ]
        );
        // Whether the target was slow or the generator, nobody knows.
        broken.validity.verdict = Soundness::Suspect;
        broken.validity.reasons = vec!["the generator used 97% of its cores".into()];
        let judged = judge(&broken, 100.0);
        assert_eq!((judged.answer, judged.reasons.len()), (Answer::Unusable, 4));
        let mut invalid = result(&[5; 8]);
        invalid.validity.verdict = Soundness::Invalid;
        assert_eq!(judge(&invalid, 100.0).answer, Answer::Unusable);
    }
}
