//! Korean.

use std::fmt::Write as _;
use std::time::Duration;

use super::incident::IncidentWords;
use super::{PageWords, Words};
use crate::outcome::OwnFault;
use crate::result::gist::{Gist, Missed, Says};
use crate::result::verdict::{percent, quantity};
use crate::result::{Doubt, DriftVerdict, Soundness, TrendResult};
use crate::units::{count, measured_time};

pub(super) const WORDS: Words = Words {
    code: "ko",

    gist,
    missed,
    doubt,
    duration,
    scenarios: |number| format!("시나리오 {number}개"),
    of_load: |time| format!("부하 {time}"),
    aborted: |threshold| format!("임계값 “{threshold}” 때문에 테스트가 중단됨"),
    worst_window: |length| format!("가장 나쁜 {length} 구간"),
    first_broken_at: |at| format!("{at} 시점에 처음 위반"),
    ended_the_run_at: |at| format!("{at} 시점에 테스트를 중단시킴"),
    cores: |number| format!("{number}코어"),
    workers: |number| format!("워커 {number}개"),
    of_its_cores: |share| format!("할당 코어의 {} 사용", percent((share * 100.0).round() / 100.0)),
    more_causes: |number| format!("… 외 {number}건은 result.json에 있습니다."),

    kinds: &[
        ("smoke", "스모크 테스트"),
        ("load", "부하 테스트"),
        ("spike", "스파이크 테스트"),
        ("stress", "스트레스 테스트"),
        ("endurance", "내구성 테스트"),
        ("peak", "피크 테스트"),
        ("breakpoint", "한계점 테스트"),
    ],
    closed_model: "닫힌 모델",
    open_model: "열린 모델",
    bundled: " (내장 서비스)",
    insecure: " (인증서를 확인하지 않음)",
    stopped: "시나리오가 테스트를 끝냄 (`stop: run`)",
    invariant_broken: "불변 조건 위반:",
    invariant_not_asked: "verify에서 확인하지 못함:",
    run_valid: "유효: 측정값은 대상 서비스의 것",
    run_suspect: "의심: 측정값에 부하 생성기의 영향이 섞였을 수 있음",
    run_invalid: "무효: 이 결과로는 대상 서비스에 대해 아무것도 말할 수 없음",
    run: "실행 정보",
    validity: "측정 신뢰성",
    target: "테스트 대상",
    started: "시작 시각",
    generator: "부하 생성기",
    effort: "사용 자원",
    file: "시나리오 파일",
    seed: "시드",
    version: "도구",
    again: "다시 실행하려면",

    thresholds: "임계값",
    threshold: "임계값",
    met: "판정",
    is_met: "충족",
    is_not_met: "미충족",
    observed: "측정값",
    limit: "기준",
    notes: "비고",
    implied: "파일에 없어도 적용되는 기본값",
    no_samples: "표본 없음",
    invariants: "불변 조건",
    invariant: "불변 조건",
    holds: "판정",
    held: "성립",
    broken: "위반",
    skipped: "`when` 조건에 따라 생략",
    not_asked: "확인하지 못함",
    checks: "검증 항목",
    check: "검증 항목",
    times_held: "성립",
    tried: "시도",
    always: "모두 성립",
    not_always: "일부 불성립",
    never_tried: "시도되지 않음",

    steps: "단계별 결과",
    step: "단계",
    outcome: "결과",
    success: "성공",
    business: "비즈니스 응답",
    failure: "실패",
    count: "건수",
    share: "비율",
    rate: "처리량",
    longest: "최대",
    only_interrupted: "중단된 요청뿐",
    not_reached: "도달하지 않음",
    optional: "선택",
    business_note: "○ 비즈니스 응답은 이미 예약된 좌석처럼 서비스가 올바르게 거절한 응답으로, 실패가 아닙니다.",
    waited: "전송 전에 대기한 요청",
    waited_note: "응답 시간은 요청이 나가야 했던 시점부터, 서비스 시간은 첫 바이트를 보낸 시점부터 잽니다.",
    response_p50: "p50 응답",
    service_p50: "p50 서비스",
    response_p99: "p99 응답",
    service_p99: "p99 서비스",

    requests: "요청",
    interrupted: "중단",
    in_doubt: "처리 여부 불명",
    optional_besides: "별도 집계한 선택 단계 요청",
    sent: "송신",
    received: "수신",
    iterations: "반복 실행",
    scenario: "시나리오",
    completed: "완료",
    ended_early: "조기 종료",
    cut: "값이 없어 끊김",
    abandoned: "대기 중 이탈",
    dropped: "버려진 도착",
    lateness_p99: "지연 p99",
    lateness_longest: "지연 최대",
    lateness_note: "지연은 부하 생성기가 예정보다 늦게 시작한 시간으로, 대상 서비스와 무관합니다.",
    throttled: "처리량 제한 대기",
    throttled_p95: "제한 대기 p95",
    groups: "그룹",
    group: "그룹",
    metrics: "사용자 정의 지표",
    metric: "지표",
    samples: "표본",
    value: "값",
    average: "평균",

    polls: "폴링",
    poll: "폴링",
    turns: "순서 대기",
    queue: "대기열",
    got: "결과를 받음",
    had_turn: "차례가 옴",
    gave_up: "시간 초과로 포기",
    left: "이탈",
    ended_by_step: "폴링 단계에서 종료",
    still_waiting: "대기 중에 테스트 종료",
    turns_note: "시간은 사용자가 기다린 시간으로, 차례가 올 때까지 또는 이탈할 때까지 잽니다.",
    places: "대기 순번",
    waiting_most: "최대 동시 대기",
    told: "순번을 알린 응답",
    least: "최소",

    drift: "장시간 추세",
    course: "일정한 부하에서",
    confidence_from: "95% 신뢰 구간 하한",
    confidence_to: "상한",
    trend,
    drift_note: |length| format!("워밍업을 뺀 일정한 부하 {length} 동안의 추세입니다."),

    failures: "실패 원인",
    no_answer: "응답 없음",
    first_seen: "예시 시점",

    resources: "대상 서비스의 자원 사용",
    source: "대상",
    figure: "항목",
    first: "처음",
    last: "마지막",
    not_watched: "관찰하지 못함",
    cpu_of_limit: |cores| format!("CPU는 한도 {cores}코어에 대한 비율"),
    cpu_of_one_core: "CPU는 1코어에 대한 비율",
    memory_limit: |limit| format!("메모리 한도 {limit}"),
    gauges: &[
        ("cpu", "CPU"),
        ("throttled", "스로틀된 구간"),
        ("memory", "메모리"),
        ("descriptors", "파일 디스크립터"),
        ("threads", "스레드"),
        ("received", "수신"),
        ("sent", "송신"),
    ],

    page: PageWords {
        skip: "판정으로 건너뛰기",
        contents: "목차",
        theme: "밝게 / 어둡게",
        theme_hint: "밝은 화면과 어두운 화면을 전환합니다",
        figures: "주요 수치",
        over_time: "시간에 따른 변화",
        marks_note: "점선은 부하 구간이 시작되는 곳, 빨간 선은 임계값이 처음 위반된 곳입니다.",
        zoom_hint: "차트 위를 끌면 확대되고 모든 차트가 함께 움직입니다. 두 번 누르면 전체 구간으로 돌아갑니다. \
                    키보드로는 화살표 키로 커서를 옮기고 +와 −로 확대·축소하며 0으로 전체 구간을 봅니다.",
        reset: "전체 구간",
        no_scripts: "차트를 보려면 스크립트가 필요합니다. 표는 스크립트 없이도 모두 볼 수 있습니다.",
        no_series: "그릴 구간 데이터가 없습니다.",
        as_table: "표로 보기",
        time: "시간",
        thinned: |step| {
            format!("점 하나는 {step}초를 나타냅니다. 처리량은 평균, 시간은 가장 느린 1초의 값입니다.")
        },
        made_from: "result.json만으로 만들었으며, 이 문서는 외부에서 아무것도 불러오지 않습니다.",
        requested: "요청",
        answered: "요청 대비",
        verdict: "판정",

        users: "가상 사용자",
        arrivals: "도착률",
        planned: "계획",
        at_once: "동시 사용자",
        throughput: "결과별 처리량",
        begun: "시작된 요청",
        response_times: "성공한 요청의 응답 시간",
        response_times_note: "1초 단위 값입니다. 서비스 시간은 첫 바이트를 보낸 시점부터 재며, 응답 시간과 벌어지면 \
                              요청이 전송 전에 기다렸다는 뜻입니다.",
        by_cause: "원인별 실패",
        lateness: "부하 생성기의 지연",
        cpu: "대상 서비스의 CPU",
        memory: "대상 서비스의 메모리",
        network: "대상 서비스의 네트워크",
        other: "대상 서비스의 파일 디스크립터와 스레드",
        values: "대상 서비스의 지표",
        rates: "대상 서비스의 초당 지표",
        waiting: "차례를 기다리는 사용자",
        places: "대기 순번",
        places_note: "1초마다 응답이 알린 순번의 평균입니다.",
        curve: "백분위 곡선",
        curve_note: "전체 응답 중 해당 비율이 이 시간 안에 끝났습니다. 표본으로 알 수 있는 데까지만 그립니다.",
        percentile: "응답 비율",
        all_steps: "전체 단계",
        heat: "응답 시간 히트맵",
        heat_note: |slice| format!("세로줄 하나는 {slice}초이며, 색이 진할수록 그만큼 걸린 응답이 많습니다."),
        heat_of: "결과",
        answers: "응답 수",
        from_to: "응답 시간",
        stage: "구간",
        first_broken: "처음 위반",
    },

    incident: IncidentWords {
        title: "장애 리뷰",
        how_to_read: "이 문서의 내용은 모두 테스트 결과에서 가져온 사실입니다. 사람이 채워야 하는 곳은 ✎로 표시했습니다.",
        item: "항목",
        content: "내용",
        test: "테스트",
        purpose: "목적",
        verdict: "판정",
        author: "작성자",
        reviewed_on: "리뷰 일자",

        fill_in: "✎",
        fill_in_summary: "✎ 무슨 일이 있었는지 한두 문장으로 적어 주세요.",
        fill_in_impact: "✎ 실제 서비스였다면 고객에게 어떤 영향이 있었을지 적어 주세요.",
        fill_in_timeline: "✎ 누가 무엇을 알아챘고 언제 어떤 조치를 했는지 적어 주세요.",
        fill_in_signals: "✎ 같은 시각의 서비스 로그, 트레이스, 대시보드에서 확인한 내용을 적어 주세요.",

        summary: "요약",
        no_load: "부하를 주지 못했습니다. 테스트가 시작되지 않았습니다.",
        no_incident: "장애는 없었습니다. 요구한 조건을 모두 충족했고, 실패율과 응답 시간이 초기 상태에서 지속적으로 벗어난 \
                      구간도 없었습니다.",
        no_moment: "요구한 조건 중 충족하지 못한 것이 있습니다. 다만 실패율이나 응답 시간이 초기 상태에서 지속적으로 벗어난 \
                    시점은 찾지 못했습니다.",
        course: |began, seen, over| {
            let seen = match seen {
                Some(seen) => format!("{seen}에 임계값 위반이 처음 감지되었고"),
                None => "임계값으로는 감지되지 않았으며".into(),
            };
            let over = match over {
                Some((at, length)) => format!("{at}에 정상으로 돌아왔습니다 (지속 시간 {length})"),
                None => "부하가 끝날 때까지 회복되지 않았습니다".into(),
            };
            format!("{began}에 시작되어 {seen}, {over}.")
        },

        impact: "영향 범위",
        most_users: "최대 동시 사용자",
        meanwhile: "장애 구간의 요청",
        in_the_incident: |all, failed, share, business| {
            format!("{all}건 중 실패 {failed}건 ({share}), 비즈니스 응답 {business}건")
        },
        iterations: "시작된 반복 실행 (전체)",
        by_step: "단계별 영향 (전체)",
        causes: "원인",

        timeline: "타임라인",
        since: "경과",
        clock: "시각 (UTC)",
        event: "이벤트",
        load_began: "부하 시작",
        load_ended: "계획대로 부하 종료",
        interrupted: "사용자가 테스트를 중단함",
        aborted: |threshold| format!("임계값 {threshold} 때문에 테스트가 중단됨"),
        users: |number| format!("사용자 {number}명"),
        stage: |name, from, to| {
            if from == to {
                format!("구간 {name}: {to}")
            } else {
                format!("구간 {name}: {from} → {to}")
            }
        },
        first_failure: |cause| format!("첫 실패 발생: {cause}"),
        turned: |what, normal, bound| format!("{what} 상승: 기준선 {bound} 초과 (평소 {normal})"),
        worst: |what, value| format!("{what} 최악값: {value}"),
        back: |what| format!("{what} 정상화"),
        first_threshold: |threshold| format!("첫 임계값 위반 감지: {threshold}"),
        next_threshold: |threshold| format!("임계값 위반 감지: {threshold}"),
        more_events: |number| format!("… 외 {number}건"),

        detection: "탐지와 복구",
        began: "시작",
        seen: "임계값으로 탐지",
        never_seen: "탐지되지 않음",
        over: "정상화",
        not_over: "종료 시점까지 회복 안 됨",
        time_to_see: "탐지까지 걸린 시간",
        lasted: "시작부터 복구까지 걸린 시간",
        alarm: "서비스의 알람으로도 알 수 있었는가?",

        signals: "지표 변화",
        what_turned: "변화한 지표 (시간순)",
        nothing_turned: "3초 이상 연속으로 초기 상태를 벗어난 지표가 없습니다.",
        figure: "지표",
        turned_at: "변화 시작",
        normal: "평소",
        worst_value: "최악값",
        worst_at: "최악 시점",
        back_at: "정상화",
        resources: "대상 서비스의 자원",
        before: "초기",
        during: "장애 구간",
        not_watched: "대상 서비스의 자원은 관찰하지 않았습니다.",
        response_time: |percentile| format!("응답 시간 {percentile}"),
        failure_share: "실패율",
        business_share: "비즈니스 응답 비율",
        lateness: "부하 생성기 지연",

        evidence: "근거 자료",

        whys: "5-Whys 분석",
        problem: |number, name| format!("이슈 {number}: {name}"),
        step: "단계",
        answer: "답",
        conclusion: "결론",
        setup_failed: "setup 실패",
        never_ready: "대상이 준비되지 않음",
        most_failures: |all, most, step, cause| {
            format!("실패 {all}건 중 {most}건이 {step} 단계의 {cause}였다")
        },
        slowest: |step, p95| format!("가장 느린 단계는 {step} (p95 {p95})"),
        more_problems: |number| format!("… 외 {number}건은 임계값 표를 참고하세요."),

        actions: "대응과 액션 아이템",
        done: "조치 내용",
        when: "시각",
        action: "항목",
        owner: "담당",
        due: "기한",
        short_term: "Short-term (즉시 ~ 1주일)",
        mid_term: "Mid-term (1주일 ~ 1개월)",
        long_term: "Long-term (1개월 이후)",

        method: |warm| {
            format!(
                "변화 시점을 찾은 방법: 부하 초기 {warm}를 워밍업으로 보고 그 중앙값을 평소 값으로 삼았습니다. 평소 값보다 \
                 워밍업 표준편차의 4배를 넘게, 그리고 의미 있는 크기(응답 시간은 2배이면서 5ms, 실패율은 1%p)를 넘게 \
                 커진 상태가 3초 연속되면 그 첫 시점을 변화 시작으로, 다시 3초 연속 그 안에 들면 그 첫 시점을 정상화로 \
                 보았습니다."
            )
        },
    },
};

fn gist(gist: &Gist<'_>) -> String {
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
fn missed(missed: &Missed<'_>) -> String {
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

fn doubt(doubt: &Doubt) -> String {
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
fn trend(trend: &TrendResult) -> String {
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
fn duration(time: Duration) -> String {
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
