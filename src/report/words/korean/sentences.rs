//! Korean sentences, which words alone do not make: what came of a run, and why it may not be believed.

use std::fmt::Write as _;
use std::time::Duration;

use super::WORDS;
use crate::outcome::OwnFault;
use crate::result::gist::{Gist, Missed, Says};
use crate::result::verdict::quantity;
use crate::result::{Doubt, DriftVerdict, Soundness, TrendResult};
use crate::units::{count, measured_time};

pub(super) fn gist(gist: &Gist<'_>) -> String {
    let code = gist.exit.code();
    match &gist.says {
        Says::Passed { thresholds, invariants, suspect } => {
            let mut text = format!("통과: 임계값 {thresholds}개 충족");
            if *invariants > 0 {
                let _ = write!(text, ", 불변 조건 {invariants}개 성립");
            }
            text + if *suspect { ", 단 측정 신뢰성이 의심됨" } else { ", 측정 유효" }
        }
        Says::NotMet { missed: all, suspect } => {
            let all: Vec<String> = all.iter().map(missed).collect();
            let doubt = if *suspect { "; 측정 신뢰성이 의심됨" } else { "" };
            format!("실패 (종료 코드 {code}): {}{doubt}", first_of(&all))
        }
        Says::InvariantsBroken { names, not_met } => {
            format!("실패 (종료 코드 {code}): 불변 조건 위반: {}{}", first_of(names), also(*not_met))
        }
        Says::NotAsked { invariant, not_met } => {
            format!("무효 (종료 코드 {code}): verify에서 확인하지 못함: {invariant}{}", also(*not_met))
        }
        Says::NotValid { validity, not_met } => {
            let reasons = WORDS.doubts(validity);
            match validity.verdict {
                Soundness::Suspect => {
                    format!("의심 (종료 코드 {code}, --strict 적용): {}", first_of(&reasons))
                }
                _ => format!("무효 (종료 코드 {code}): {}{}", first_of(&reasons), also(*not_met)),
            }
        }
        Says::Interrupted { met } => {
            let judged =
                if *met { "그때까지는 모두 충족" } else { "충족하지 못한 항목이 있음" };
            format!("사용자가 중단함 (종료 코드 {code}): {judged}")
        }
        Says::SetupFailed { why } => format!("실행되지 않음 (종료 코드 {code}): setup 실패: {why}"),
        Says::NotReady { why } => format!("실행되지 않음 (종료 코드 {code}): 대상이 준비되지 않음: {why}"),
        Says::Other => format!("실행되지 않음 (종료 코드 {code})"),
    }
}

/// `latency p95: 측정값 812ms, 기준 300ms`.
pub(super) fn missed(missed: &Missed<'_>) -> String {
    let Missed { what, observed, reason, limit, at, aborted } = missed;
    let Some(observed) = observed else {
        return format!("{what}: {}, 기준 {limit}", WORDS.reason(*reason));
    };
    let when = match (at, aborted) {
        (Some(at), true) => format!(" ({} 시점에 테스트 중단)", duration(*at)),
        (Some(at), false) => format!(" ({} 시점)", duration(*at)),
        (None, _) => String::new(),
    };
    format!("{what}: 측정값 {observed}{when}, 기준 {limit}")
}

pub(super) fn doubt(doubt: &Doubt) -> String {
    match doubt {
        Doubt::NothingAttempted => {
            "요청이 한 건도 없었습니다. 단계의 `when` 조건과 부하 시간을 확인하세요".into()
        }
        Doubt::OwnFault { fault, count: times } => {
            let (what, remedy) = match fault {
                OwnFault::NoDescriptors => {
                    ("파일 디스크립터 부족", "`ulimit -n` 한도를 올리거나 사용자 수를 줄이세요")
                }
                OwnFault::NoPorts => (
                    "로컬 포트 부족",
                    "연결을 유지하거나(`connections: per-user`) 도착률을 줄이거나 \
                     `net.ipv4.ip_local_port_range`를 넓히세요",
                ),
                OwnFault::Data => ("데이터 파일을 읽지 못함", "실행 중에는 `data`의 파일을 바꾸지 마세요"),
                OwnFault::System => ("시스템이 거부함", "시스템의 한도와 규칙을 확인하세요"),
                OwnFault::Template => {
                    ("템플릿 처리 실패", "`loadtest validate`를 실행하고 단계의 표현식을 확인하세요")
                }
            };
            format!("부하 생성기: {what} ({}회). {remedy}", count(*times))
        }
        Doubt::Books { attempted, success, business, failure, interrupted } => format!(
            "요청 집계가 맞지 않습니다: 시도 {}건, 성공 {} + 비즈니스 {} + 실패 {} + 중단 {}. 버그로 신고해 주세요",
            count(*attempted),
            count(*success),
            count(*business),
            count(*failure),
            count(*interrupted),
        ),
        Doubt::Late { p99_ms, limit_ms } => {
            let late = Duration::try_from_secs_f64(p99_ms / 1e3).unwrap_or(Duration::MAX);
            format!(
                "부하 생성기가 늦었습니다: p99 {} (한도 {limit_ms:.0}ms). 코어를 늘리거나 부하를 줄이세요",
                measured_time(late)
            )
        }
        Doubt::Busy { share, limit } => format!(
            "부하 생성기가 할당 코어의 {:.0}%를 썼습니다 (한도 {:.0}%). 코어를 늘리거나 부하를 줄이세요",
            share * 100.0,
            limit * 100.0
        ),
        Doubt::DataRanOut { name, rows, at_s } => {
            let at = duration(Duration::try_from_secs_f64(*at_s).unwrap_or(Duration::MAX));
            format!(
                "{at} 시점에 데이터가 떨어졌습니다: `{name}`은 {}행입니다. 행을 늘리거나 부하를 줄이거나 다시 쓰게 하세요 \
                 (`when_done: recycle`)",
                count(*rows)
            )
        }
        Doubt::Other => "이 버전이 알지 못하는 이유".into(),
    }
}

/// `분당 3.0MiB 증가`.
pub(super) fn trend(trend: &TrendResult) -> String {
    let unit = trend.unit;
    let amount = trend.per_minute.map(|slope| quantity(slope.abs(), unit)).unwrap_or_default();
    let amount = amount.trim_end_matches("/min");
    match trend.verdict {
        DriftVerdict::NoDrift => "추세 없음".into(),
        DriftVerdict::Grows => format!("분당 {amount} 증가"),
        DriftVerdict::Falls => format!("분당 {amount} 감소"),
        DriftVerdict::Unknown => "판단하기에 구간이 짧음".into(),
    }
}

/// `1분 30초`.
pub(super) fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    if time.is_zero() {
        return "0초".into();
    }
    if time < Duration::from_secs(1) {
        return format!("{}ms", time.as_millis());
    }
    if time.subsec_millis() > 0 {
        return format!("{}초", crate::units::trim_float(time.as_secs_f64()));
    }
    let parts = [(seconds / 3600, "시간"), (seconds / 60 % 60, "분"), (seconds % 60, "초")];
    let parts: Vec<String> = parts
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, unit)| format!("{number}{unit}"))
        .collect();
    parts.join(" ")
}

fn also(not_met: usize) -> String {
    if not_met == 0 { String::new() } else { format!("; 임계값 {not_met}개 미충족") }
}

/// The first of several, and how many there are besides.
fn first_of(all: &[impl std::fmt::Display]) -> String {
    match all {
        [] => String::new(),
        [one] => one.to_string(),
        [first, rest @ ..] => format!("{first} (외 {}건)", rest.len()),
    }
}
