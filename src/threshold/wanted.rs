//! What a filter of a threshold lets through: checks, groups, rows, polls, scenarios and outcomes.

use crate::outcome::Cause;
use crate::scenario::model::{Catalog, CheckInfo, GroupId, PollInfo, RowInfo};
use crate::scenario::threshold::{Filter, OutcomeFilter};

/// Whether a filter lets a check through, by its place in the catalog.
pub(crate) fn wants_check(filter: &Filter, catalog: &Catalog, index: usize, check: &CheckInfo) -> bool {
    let Filter { rows, polls, groups, checks, .. } = filter;
    let named = checks.iter().any(|id| id.index() == index);
    if !named && !checks.is_empty() {
        return false;
    }
    match check.row {
        Some(id) => catalog.rows.get(id.index()).is_some_and(|info| {
            fits_row(filter, id.index(), info)
                && (named || is_wanted_if_optional(filter, catalog, id.index(), info))
        }),
        None => {
            rows.is_empty()
                && polls.is_empty()
                && groups.is_empty()
                && (named || !check.optional || names_the_unmeasured(filter, catalog, check.scenario))
                && wants_scenario(filter, catalog, usize::from(check.scenario))
        }
    }
}

pub(crate) fn wants_group(filter: &Filter, catalog: &Catalog, index: usize) -> bool {
    let Some(info) = catalog.groups.get(index) else { return false };
    let named = filter.groups.iter().any(|group| group.index() == index);
    let counts = !info.optional || names_the_unmeasured(filter, catalog, info.scenario);
    let unnamed =
        filter.groups.is_empty() && counts && wants_scenario(filter, catalog, usize::from(info.scenario));
    (named || unnamed) && (filter.scenarios.is_empty() || filter.scenarios.contains(&info.scenario))
}

pub(crate) fn wants_row(filter: &Filter, catalog: &Catalog, index: usize, row: &RowInfo) -> bool {
    fits_row(filter, index, row) && is_wanted_if_optional(filter, catalog, index, row)
}

/// An optional row counts where the filter names it, or an optional group that it stands in.
fn is_wanted_if_optional(filter: &Filter, catalog: &Catalog, index: usize, row: &RowInfo) -> bool {
    !row.optional
        || filter.rows.iter().any(|id| id.index() == index)
        || names_an_optional_group(filter, catalog, &row.groups)
        || names_the_unmeasured(filter, catalog, row.scenario)
}

/// Whether a filter names a scenario that is not measured otherwise: then its steps count as those of others.
fn names_the_unmeasured(filter: &Filter, catalog: &Catalog, scenario: u16) -> bool {
    catalog.unmeasured.contains(&scenario) && filter.scenarios.contains(&scenario)
}

fn names_an_optional_group(filter: &Filter, catalog: &Catalog, within: &[GroupId]) -> bool {
    let is_optional = |group: &GroupId| catalog.groups.get(group.index()).is_some_and(|info| info.optional);
    filter.groups.iter().any(|group| is_optional(group) && within.contains(group))
}

fn fits_row(filter: &Filter, index: usize, row: &RowInfo) -> bool {
    let Filter { rows, polls, groups, scenarios, .. } = filter;
    ((rows.is_empty() && polls.is_empty()) || rows.iter().any(|id| id.index() == index))
        && (groups.is_empty() || groups.iter().any(|group| row.groups.contains(group)))
        && (scenarios.is_empty() || scenarios.contains(&row.scenario))
}

/// Whether a filter lets a poll through.
pub(crate) fn wants_poll(filter: &Filter, catalog: &Catalog, index: usize, poll: &PollInfo) -> bool {
    let Filter { rows, polls, groups, scenarios, .. } = filter;
    let named = polls.iter().any(|id| id.index() == index);
    ((rows.is_empty() && polls.is_empty()) || named)
        && (!poll.optional
            || named
            || names_an_optional_group(filter, catalog, &poll.groups)
            || names_the_unmeasured(filter, catalog, poll.scenario))
        && (groups.is_empty() || groups.iter().any(|group| poll.groups.contains(group)))
        && (scenarios.is_empty() || scenarios.contains(&poll.scenario))
}

/// A scenario counts where the filter names it, or, if it is measured, where none is named; a filter for steps
/// says nothing about iterations.
pub(crate) fn wants_scenario(filter: &Filter, catalog: &Catalog, index: usize) -> bool {
    let among = |scenarios: &[u16]| scenarios.iter().any(|&id| usize::from(id) == index);
    if filter.scenarios.is_empty() { !among(&catalog.unmeasured) } else { among(&filter.scenarios) }
}

pub(super) fn wants_business(wanted: &OutcomeFilter, name: &str) -> bool {
    match wanted {
        OutcomeFilter::Business | OutcomeFilter::Answered | OutcomeFilter::Any => true,
        OutcomeFilter::Named(wanted) => wanted == name,
        OutcomeFilter::Success | OutcomeFilter::Failure => false,
    }
}

pub(super) fn wants_cause(wanted: &OutcomeFilter, cause: Cause) -> bool {
    match wanted {
        OutcomeFilter::Failure | OutcomeFilter::Any => true,
        OutcomeFilter::Named(wanted) => names_cause(wanted, cause),
        OutcomeFilter::Success | OutcomeFilter::Business | OutcomeFilter::Answered => false,
    }
}

/// Whether a name means a cause: `timeout (wait)` and `status 500` one each, `timeout`, `status` and
/// `protocol` all of their family.
pub fn names_cause(name: &str, cause: Cause) -> bool {
    let full = cause.to_string();
    name == full || full.split(' ').next() == Some(name)
}
