//! What can be said against a test before it runs: only what is certain.
//!
//! Not findings: such a test can be run, and may be meant. Each warning is one line for people.

use std::collections::BTreeSet;

use super::work::{is_possible, rounds};
use super::{connections_at_once, hosts, users_at_once};
use crate::scenario::model::{
    Action, BaseUrl, CheckId, CustomId, GroupId, PollId, PollKind, RequestStep, RowId, Scenario, Shape, Step,
    StopWhat, TargetKind, Test,
};
use crate::scenario::threshold::{Metric, Threshold};
use crate::template::Value;
use crate::threshold::{wants_check, wants_group, wants_poll, wants_row, wants_scenario};
use crate::units::count;

/// Files that are open besides the users' connections: workers, logs, the terminal.
const OTHER_FILES: u64 = 64;

/// All warnings on a test. `open_files` is how many the generator may have open; none where there is no limit.
pub fn warnings(test: &Test, open_files: Option<u64>) -> Vec<String> {
    let mut warnings: Vec<String> = test.scenarios.iter().filter_map(unbounded).collect();
    warnings.extend(too_few_files(test, open_files));
    let reached = Reached::of(test);
    let judged = test.thresholds.iter().filter(|threshold| !threshold.implied);
    warnings.extend(judged.filter_map(|threshold| {
        let why = reached.nothing_recorded(test, threshold)?;
        Some(format!("`{}` judges what nothing records: {why}", threshold.text))
    }));
    warnings
}

fn unbounded(scenario: &Scenario) -> Option<String> {
    users_at_once(&scenario.load).is_none().then(|| {
        format!(
            "{}: an open load without `max_users` has as many users at once as a slow target lets pile up",
            scenario.name
        )
    })
}

fn too_few_files(test: &Test, open_files: Option<u64>) -> Option<String> {
    let (limit, needed) = (open_files?, connections_at_once(test)?);
    if needed + OTHER_FILES <= limit {
        return None;
    }
    let all = test.scenarios.iter().map(|scenario| scenario.name.as_str()).collect::<Vec<_>>().join(", ");
    let several = test.scenarios.iter().any(|scenario| hosts(scenario) > 1);
    let each = if several { "a connection each to every host" } else { "a connection each" };
    Some(format!(
        "{all}: the users need {each}, up to {} at once, and this process may have {} files open; raise the limit \
         (`ulimit -n {}`) or use fewer users",
        count(needed),
        count(limit),
        needed + OTHER_FILES
    ))
}

/// What the load can come to at all: steps that no `chance: 0%`, no `repeat: 0` and no `stop` keeps it from.
#[derive(Debug, Default)]
struct Reached {
    rows: BTreeSet<RowId>,
    /// Those whose requests go to an https address.
    secure: BTreeSet<RowId>,
    groups: BTreeSet<GroupId>,
    polls: BTreeSet<PollId>,
    checks: BTreeSet<CheckId>,
    customs: BTreeSet<CustomId>,
    /// By the number of the scenario: those with a step that may lack what it needs.
    cuttable: BTreeSet<usize>,
}

impl Reached {
    fn of(test: &Test) -> Reached {
        let mut reached = Reached::default();
        for (number, scenario) in test.scenarios.iter().enumerate() {
            reached.steps(test, number, &scenario.on_start);
            reached.steps(test, number, &scenario.flow);
        }
        reached
    }

    fn steps(&mut self, test: &Test, scenario: usize, steps: &[Step]) {
        for step in steps.iter().filter(|step| is_possible(step)) {
            if !step.needs.is_empty() {
                self.cuttable.insert(scenario);
            }
            let is_sure = step.when.is_none() && step.chance.is_none();
            match &step.action {
                Action::Request(request) => self.request(test, request),
                Action::Group { group, steps } => {
                    self.groups.insert(*group);
                    self.steps(test, scenario, steps);
                }
                Action::Check(checks) => self.checks.extend(checks.iter().map(|(check, _)| *check)),
                Action::Tally(tallies) => self.customs.extend(tallies.iter().map(|tally| tally.metric)),
                Action::Stop(StopWhat::Iteration | StopWhat::User | StopWhat::Run) if is_sure => return,
                Action::If { condition, then, otherwise } => {
                    let holds = condition.constant().map(Value::is_true);
                    if holds != Some(false) {
                        self.steps(test, scenario, then);
                    }
                    if holds != Some(true) {
                        self.steps(test, scenario, otherwise);
                    }
                }
                action => {
                    if let Action::Poll(poll) = action {
                        self.polls.extend(poll.id);
                    }
                    if rounds(action).most != Some(0.0) {
                        action.blocks().into_iter().for_each(|steps| self.steps(test, scenario, steps));
                    }
                }
            }
        }
    }

    fn request(&mut self, test: &Test, request: &RequestStep) {
        let Some(row) = request.row else { return };
        self.rows.insert(row);
        let address = match (&request.url.base, &test.target.kind) {
            (BaseUrl::Elsewhere { origin, .. }, _) => origin,
            (BaseUrl::Target { .. }, TargetKind::Url(url)) => url,
            (BaseUrl::Target { .. }, TargetKind::Bundled) => "http:",
        };
        // Nobody knows where a redirect leads, or an address that is a value.
        if request.follow_redirects > 0
            || request.url.path.begins_with_value()
            || address.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:"))
        {
            self.secure.insert(row);
        }
        self.checks.extend(request.expect.checks.iter().map(|(check, _)| *check));
        self.customs.extend(request.tallies.iter().map(|tally| tally.metric));
    }

    /// Why a threshold will see no sample, where that is certain.
    fn nothing_recorded(&self, test: &Test, threshold: &Threshold) -> Option<&'static str> {
        let Threshold { metric, filter, .. } = threshold;
        let catalog = &test.catalog;
        let has_stage = |scenario: usize| {
            filter.stages.is_empty()
                || match test.scenarios.get(scenario).map(|scenario| &scenario.load.shape) {
                    Some(Shape::Users(profile) | Shape::Arrivals { profile, .. }) => profile
                        .stages
                        .iter()
                        .any(|stage| stage.name.is_some_and(|name| filter.stages.contains(&name))),
                    _ => false,
                }
        };
        let loads = || {
            let scenarios = test.scenarios.iter().enumerate();
            scenarios.filter(|(number, _)| wants_scenario(filter, catalog, *number) && has_stage(*number))
        };
        if loads().next().is_none() {
            return Some("no scenario that it looks at has this stage");
        }
        let rows = || {
            let rows = self.rows.iter().filter_map(|id| Some((id, catalog.rows.get(id.index())?)));
            rows.filter(|(id, row)| {
                wants_row(filter, catalog, id.index(), row) && has_stage(usize::from(row.scenario))
            })
        };
        let polls = || {
            let polls = self.polls.iter().filter_map(|id| Some((id, catalog.polls.get(id.index())?)));
            polls
                .filter(|(id, poll)| {
                    wants_poll(filter, catalog, id.index(), poll) && has_stage(usize::from(poll.scenario))
                })
                .map(|(_, poll)| poll)
        };
        let found = match metric {
            Metric::Latency | Metric::ServiceTime | Metric::Connect | Metric::Ttfb | Metric::Requests => {
                rows().next().is_some()
            }
            Metric::Failures => rows().next().is_some() || polls().next().is_some(),
            Metric::PollDuration | Metric::TimeToTurn | Metric::QueuePosition | Metric::Abandoned => {
                let found = polls().any(|poll| match metric {
                    Metric::PollDuration => poll.kind == PollKind::Poll,
                    Metric::QueuePosition => poll.has_position,
                    _ => poll.kind == PollKind::Turn,
                });
                return (!found).then_some(match metric {
                    Metric::PollDuration => "nothing is polled there",
                    Metric::QueuePosition => "no answer there tells a `position`",
                    _ => "nobody waits for a turn there",
                });
            }
            Metric::GivenUp => return polls().next().is_none().then_some("nothing is polled there"),
            Metric::Tls if rows().next().is_some() => {
                let found = rows().any(|(id, _)| self.secure.contains(id));
                return (!found).then_some("none of these requests goes to an https address");
            }
            Metric::Business if rows().next().is_some() => {
                let found = rows().any(|(_, row)| !row.business.is_empty());
                return (!found).then_some("none of these steps has a business outcome");
            }
            Metric::Tls | Metric::Business => false,
            Metric::Checks => {
                let checks = self.checks.iter().filter_map(|id| Some((id, catalog.checks.get(id.index())?)));
                let found = checks.into_iter().any(|(id, check)| {
                    wants_check(filter, catalog, id.index(), check) && has_stage(usize::from(check.scenario))
                });
                return (!found).then_some("no check is looked at there");
            }
            Metric::GroupDuration => {
                let groups = self.groups.iter().filter_map(|id| Some((id, catalog.groups.get(id.index())?)));
                let found = groups.into_iter().any(|(id, group)| {
                    wants_group(filter, catalog, id.index()) && has_stage(usize::from(group.scenario))
                });
                return (!found).then_some("no group is entered there");
            }
            Metric::Dropped => {
                let capped = |load: &Shape| matches!(load, Shape::Arrivals { max_users: Some(_), .. });
                let found = loads().any(|(_, scenario)| capped(&scenario.load.shape));
                return (!found).then_some("without `max_users` no arrival is dropped");
            }
            Metric::Throttled => {
                let found = loads().any(|(_, scenario)| scenario.load.throttle.is_some());
                return (!found).then_some("there is no `throttle`");
            }
            Metric::Cut => {
                let found = loads().any(|(number, _)| self.cuttable.contains(&number));
                return (!found).then_some("no step needs what another one fills");
            }
            Metric::Custom(id) => {
                return (!self.customs.contains(id))
                    .then_some("no step of `on_start` or `flow` takes a sample of it");
            }
            // What is watched may be there or not: the run will tell.
            Metric::Watched { .. } => true,
            Metric::IterationDuration | Metric::Iterations | Metric::Interrupted | Metric::Lateness => true,
        };
        (!found).then_some("no request that it counts is ever sent")
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::test_of;
    use super::*;

    const LOAD: &str = "load:\n  stages:\n    - { duration: 1s, target: 5 }\n    - { duration: 1s, target: 5, name: peak }\n";

    /// The warnings on one threshold over a flow.
    #[track_caller]
    fn on(threshold: &str, rest: &str) -> Vec<String> {
        let load = if rest.contains("load:") { "" } else { LOAD };
        warnings(&test_of(&format!("{load}{rest}thresholds:\n  {threshold}\n")), None)
    }

    #[test]
    fn a_threshold_on_what_nothing_records() {
        let plain = "flow:\n  - get: /a\n";
        let secure = "flow:\n  - get: /a\n  - name: far\n    get: https://example.com/b\n";
        let never =
            "flow:\n  - get: /a\n  - group: g\n    chance: 0%\n    do:\n      - { name: b, get: /b }\n";
        let optional = "flow:\n  - { name: a, get: /a, optional: true }\n";
        let business =
            "flow:\n  - { name: a, get: /a, expect: { business: { no: 409 } } }\n  - { name: b, get: /b }\n";
        let custom = "setup:\n  - count: { things: \"1\" }\nflow:\n  - get: /a\n  - stop: iteration\n  - check: { so: true }\n";
        let capped = "load: { rate: 5/s, duration: 1s, max_users: 5, throttle: 9/s }\nflow:\n  - get: /a\n";
        let polling = "flow:\n  - poll: [{ get: /a }]\n    until: status == 200\n    at_most: 5s\n";
        let unpolled = "flow:\n  - get: /a\n  - poll: [{ get: /b }]\n    chance: 0%\n    until: status == 200\n    at_most: 5s\n";
        let needing = "flow:\n  - { get: /a, capture: { token: json.token } }\n  - get: /b/${ token }\n";
        for (threshold, rest, why) in [
            ("latency: [p95 < 1s]", plain, None),
            ("latency{stage=peak}: [p95 < 1s]", plain, None),
            ("tls: [p95 < 1s]", plain, Some("none of these requests goes to an https address")),
            ("tls: [p95 < 1s]", secure, None),
            ("tls{step=GET /a}: [p95 < 1s]", secure, Some("none of these requests goes to an https address")),
            ("latency{step=b}: [p95 < 1s]", never, Some("no request that it counts is ever sent")),
            ("group_duration: [p95 < 1s]", never, Some("no group is entered there")),
            ("failures: [rate < 1%]", optional, Some("no request that it counts is ever sent")),
            ("failures{step=a}: [rate < 1%]", optional, None),
            ("business: [rate < 1%]", plain, Some("none of these steps has a business outcome")),
            ("business: [rate < 1%]", business, None),
            ("business{step=b}: [rate < 1%]", business, Some("none of these steps has a business outcome")),
            ("checks: [rate > 1%]", plain, Some("no check is looked at there")),
            ("checks: [rate > 1%]", custom, Some("no check is looked at there")),
            ("things: [count > 1]", custom, Some("no step of `on_start` or `flow` takes a sample of it")),
            ("given_up: [count == 0]", polling, None),
            ("poll_duration: [p95 < 1s]", polling, None),
            ("given_up: [count == 0]", unpolled, Some("nothing is polled there")),
            ("poll_duration: [p95 < 1s]", unpolled, Some("nothing is polled there")),
            ("dropped: [count == 0]", plain, Some("without `max_users` no arrival is dropped")),
            ("dropped: [count == 0]", capped, None),
            ("throttled: [count == 0]", plain, Some("there is no `throttle`")),
            ("throttled: [count == 0]", capped, None),
            ("cut: [count == 0]", plain, Some("no step needs what another one fills")),
            ("cut: [count == 0]", needing, None),
        ] {
            let expected: Vec<String> = why
                .map(|why| {
                    let text = threshold.replace(['[', ']'], "");
                    format!("`{text}` judges what nothing records: {why}")
                })
                .into_iter()
                .collect();
            assert_eq!(on(threshold, rest), expected, "{threshold}\n{rest}");
        }
    }

    #[test]
    fn the_stage_of_another_scenario() {
        let yaml = format!(
            "scenarios:\n  a:\n    {}    flow: [{{ get: /a }}]\n  b:\n    load: {{ users: 1, duration: 1s }}\n    flow: [{{ get: /b }}]\n\
             thresholds:\n  iterations{{scenario=b, stage=peak}}: [count > 0]\n  iterations{{stage=peak}}: [count > 0]\n",
            LOAD.replace('\n', "\n    ").trim_end_matches(' ')
        );
        assert_eq!(
            warnings(&test_of(&yaml), None),
            [
                "`iterations{scenario=b, stage=peak}: count > 0` judges what nothing records: no scenario that it looks \
                 at has this stage"
            ]
        );
    }

    #[test]
    fn more_connections_than_files_and_loads_without_a_bound() {
        let open = "load: { rate: 5/s, duration: 1s }\nflow:\n  - get: /a\n";
        assert_eq!(
            warnings(&test_of(open), Some(10)),
            [
                "test: an open load without `max_users` has as many users at once as a slow target lets pile up"
            ]
        );
        let closed = "load: { users: 1000, duration: 1s }\nflow:\n  - get: /a\n";
        assert_eq!(warnings(&test_of(closed), Some(1064)), [""; 0]);
        let warned = warnings(&test_of(closed), Some(1063));
        assert!(matches!(warned.as_slice(), [one] if one.contains("`ulimit -n 1064`")), "{warned:?}");
    }
}
