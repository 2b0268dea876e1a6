//! Thresholds as they were judged, in the units of what they measure.

use std::time::Duration;

use super::seconds;
use crate::result::monitor::unit as unit_of_gauge;
use crate::result::record::{BreachResult, ThresholdResult, Unit};
use crate::scenario::model::{CustomKind, Test};
use crate::scenario::threshold::{Aggregate, Metric, Threshold};
use crate::threshold::{Breach, Judgement};

pub(super) fn judged(threshold: &Threshold, test: &Test, judgement: Option<&Judgement>) -> ThresholdResult {
    let not_judged = Judgement { reason: Some("not judged".into()), ..Judgement::default() };
    let judgement = judgement.unwrap_or(&not_judged);
    ThresholdResult {
        text: threshold.text.clone(),
        unit: unit(threshold, test),
        // JSON has no word for what is no number.
        observed: judgement.observed.filter(|value| value.is_finite()),
        limit: threshold.limit,
        met: judgement.met,
        samples: judgement.samples,
        reason: judgement.reason.clone(),
        implied: threshold.implied,
        aborted: judgement.aborted,
        over_s: threshold.over.map(seconds),
        broken_at_s: judgement.broken_at.map(seconds),
        line: threshold.line,
        breaches: judgement.breaches.iter().map(breach).collect(),
    }
}

fn breach(breach: &Breach) -> BreachResult {
    // Seconds end a little early or late; they are told by the whole.
    let whole = |time: Duration| time.as_secs_f64().round();
    BreachResult { from_s: whole(breach.from), to_s: breach.to.map(whole) }
}

fn unit(threshold: &Threshold, test: &Test) -> Unit {
    if let Metric::Watched { source, gauge } = threshold.metric
        && let Some(watch) = test.monitor.get(usize::from(source))
    {
        let unit = unit_of_gauge(watch, gauge);
        return if threshold.aggregate == Aggregate::Slope { unit.per_minute() } else { unit };
    }
    let custom = |kind| match threshold.metric {
        Metric::Custom(id) => test.catalog.customs.get(id.index()).is_some_and(|info| info.kind == kind),
        _ => false,
    };
    match threshold.aggregate {
        Aggregate::Drift => Unit::Share,
        Aggregate::Count => Unit::Number,
        Aggregate::Rate => match threshold.metric {
            Metric::Failures | Metric::Business | Metric::Checks | Metric::GivenUp | Metric::Abandoned => {
                Unit::Share
            }
            _ if custom(CustomKind::Share) => Unit::Share,
            _ => Unit::PerSecond,
        },
        _ if matches!(threshold.metric, Metric::Custom(_) | Metric::QueuePosition) => Unit::Number,
        _ => Unit::Seconds,
    }
}
