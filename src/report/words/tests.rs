//! What the languages make of the same run.

use super::*;
use crate::report::samples::{business_heavy, failing};
use crate::result::{Ended, Soundness};

const ALL: [Lang; 2] = [Lang::En, Lang::Ko];

#[test]
fn english_says_what_the_terminal_says() {
    for result in [business_heavy(), failing()] {
        assert_eq!((Lang::En.words().gist)(&Gist::of(&result)), result.verdict.line);
        assert_eq!(Lang::En.words().doubts(&result.validity), result.validity.reasons);
    }
}

#[test]
fn korean_verdicts() {
    let said = |change: fn(&mut crate::result::RunResult)| {
        let mut result = failing();
        change(&mut result);
        (Lang::Ko.words().gist)(&Gist::of(&result))
    };
    let seen = [
        (Lang::Ko.words().gist)(&Gist::of(&business_heavy())),
        said(|_| {}),
        said(|result| result.verdict.exit_code = 99),
        said(|result| result.verdict.exit_code = 98),
        said(|result| {
            result.verdict.exit_code = 97;
            result.validity.verdict = Soundness::Invalid;
        }),
        said(|result| result.verdict.exit_code = 130),
        said(|result| {
            result.verdict.exit_code = 96;
            result.verdict.ended = Ended::NotReady("connection refused".into());
        }),
    ];
    insta::assert_snapshot!(seen.join("\n"));
}

#[test]
fn durations_in_each_language() {
    let table = [(0, "0s", "0초"), (5, "5s", "5초"), (90, "1m30s", "1분 30초"), (7_200, "2h", "2시간")];
    for (seconds, english, korean) in table {
        let said = ALL.map(|lang| (lang.words().duration)(Duration::from_secs(seconds)));
        assert_eq!(said, [english, korean]);
    }
    assert_eq!((Lang::Ko.words().duration)(Duration::from_millis(1500)), "1.5초");
}

#[test]
fn doubts_of_another_version_stay_in_its_words() {
    let validity = Validity {
        verdict: Soundness::Invalid,
        reasons: vec!["the moon was full".into(), "it rained".into()],
        doubts: vec![Doubt::Other],
    };
    assert_eq!(Lang::Ko.words().doubts(&validity), ["the moon was full", "it rained"]);
}
