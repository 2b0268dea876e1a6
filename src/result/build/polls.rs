//! What became of polls and of waits for a turn.

use super::{distribution, encoded, name_of, names_of_groups};
use crate::metrics::{Amounts, PollRecord, Recorder, Second};
use crate::result::polls::{PollKind, PollResult, PollSeries, PositionResult};
use crate::scenario::model::{self, PollInfo, Test};

pub(super) fn polls(test: &Test, total: &Recorder, seconds: &[Second]) -> Vec<PollResult> {
    let poll = |(index, (info, record)): (usize, (&PollInfo, &PollRecord))| PollResult {
        optional: info.optional,
        name: info.name.clone(),
        scenario: name_of(test, info.scenario),
        kind: match info.kind {
            model::PollKind::Poll => PollKind::Poll,
            model::PollKind::Turn => PollKind::WaitForTurn,
        },
        groups: names_of_groups(&test.catalog, &info.groups),
        started: record.started,
        got: record.got.count(),
        given_up: record.given_up.count(),
        abandoned: record.abandoned.count(),
        ended: record.ended,
        interrupted: record.interrupted,
        duration: distribution(&record.got),
        duration_histogram: encoded(&record.got),
        abandoned_after: distribution(&record.abandoned),
        position: positions(&record.position),
        series: series_of_poll(index, seconds),
    };
    test.catalog.polls.iter().zip(&total.polls).enumerate().map(poll).collect()
}

fn positions(amounts: &Amounts) -> Option<PositionResult> {
    Some(PositionResult {
        samples: amounts.count(),
        min: amounts.min()?,
        avg: amounts.mean()?,
        p50: amounts.percentile(50.0)?,
        p95: amounts.percentile(95.0)?,
        max: amounts.max()?,
    })
}

fn series_of_poll(index: usize, seconds: &[Second]) -> PollSeries {
    let mut series = PollSeries::default();
    let mut waiting = 0_u64;
    for second in seconds {
        let second = second.polls.get(index).copied().unwrap_or_default();
        waiting = (waiting + second.started).saturating_sub(second.over);
        series.waiting.push(waiting);
        series.position_min.push(second.position.map(|(min, _, _)| min));
        series.position_avg.push(second.position.map(|(_, avg, _)| (avg * 1e3).round() / 1e3));
        series.position_max.push(second.position.map(|(_, _, max)| max));
    }
    series
}
