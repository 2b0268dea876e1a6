//! Drives virtual users against the target: worker threads, users, the steps of a flow; start, drain, stop.
//!
//! One thread per core, each with a current-thread runtime; a user is a local task that stays with its worker.
//! Workers hand what they counted over once a second. What it means is decided elsewhere.

mod body;
mod classify;
mod closed;
mod collect;
mod credentials;
mod data;
mod follow;
mod inject;
mod iteration;
mod log;
mod once;
mod open;
mod poll;
mod request;
mod steps;
mod throttle;
mod timer;
mod user;
mod wire;
mod worker;

use std::sync::Arc;

pub use collect::{Interval, Running};
pub use log::LogLine;
pub use once::{CheckResult, Once, OnceReport};
pub use wire::WireError;

use crate::http::{Network, Origin, Proxy, Scheme, TlsSetupError};
use crate::scenario::model::{Action, Connections, Every, FeederId, Poll, Scenario, Step, Test};
use crate::template::{Reads, Shared, Uses, Value};
use throttle::Limit;
use wire::Wire;

/// What `setup` left in the slots of a scenario: every user begins with it.
pub type Base = Arc<[Option<Value>]>;

/// A test made ready for a target: everything that workers share, and never change.
#[derive(Debug)]
pub struct Prepared {
    pub test: Arc<Test>,
    pub shared: Arc<Shared>,
    /// By the number of the request.
    requests: Vec<PreparedRequest>,
    scenarios: Vec<PreparedScenario>,
    /// By the number of the feeder.
    dealers: Vec<data::Dealer>,
}

#[derive(Debug)]
struct PreparedRequest {
    wire: Wire,
    /// Whether any expression looks at this answer at all.
    answer_is_read: bool,
    /// Whether one outside of the request may.
    answer_is_read_later: bool,
}

#[derive(Debug)]
struct PreparedScenario {
    name: Arc<str>,
    slots: Arc<[String]>,
    /// The cap on its requests, over all workers.
    limit: Option<Limit>,
    /// The way to its servers.
    network: Arc<Network>,
    /// How its users come by their connections.
    connections: Connections,
    /// Whether its users keep the cookies they are given.
    keeps_cookies: bool,
}

/// Why a test cannot be run against its target.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// A request that cannot be sent, whatever a user does.
    #[error("step `{step}` (line {line}): {error}")]
    Request { step: String, line: u32, error: WireError },
    #[error(transparent)]
    Tls(#[from] TlsSetupError),
}

impl Prepared {
    /// `prefix` is the path of the target's URL, put before the paths of steps.
    pub fn new(
        test: Arc<Test>,
        origin: &Origin,
        prefix: &str,
        network: &Arc<Network>,
        shared: Arc<Shared>,
    ) -> Result<Prepared, PrepareError> {
        let networks: Vec<Arc<Network>> = test
            .scenarios
            .iter()
            .map(|scenario| match &scenario.http {
                Some(own) => Arc::new(network.with_options(own.network.clone())),
                None => Arc::clone(network),
            })
            .collect();
        let mut requests = Vec::new();
        for ((number, scenario), network) in test.scenarios.iter().enumerate().zip(&networks) {
            let keeps_cookies = test.http_of(number).cookies;
            let is_secure = |wire: &Wire| wire.origin.scheme() == Scheme::Https;
            let (mut needs_tls, mut may_need_tls) = (false, false);
            for block in blocks(scenario) {
                let later = reads_outside_requests(block);
                let mut failed = None;
                walk(block, &mut |step| {
                    let Action::Request(request) = &step.action else { return };
                    match Wire::new(request, origin, prefix, network, keeps_cookies) {
                        Ok(wire) => {
                            needs_tls |= is_secure(&wire);
                            may_need_tls |=
                                request.follow_redirects > 0 || request.url.path.begins_with_value();
                            let own = reads_of_answer(request);
                            let answer_is_read = own.answer || later.answer;
                            let prepared =
                                PreparedRequest { wire, answer_is_read, answer_is_read_later: later.answer };
                            requests.push((request.id, prepared));
                        }
                        Err(error) => {
                            let error =
                                PrepareError::Request { step: step.name.clone(), line: step.line, error };
                            failed.get_or_insert(error);
                        }
                    }
                });
                if let Some(error) = failed {
                    return Err(error);
                }
            }
            // Read now: without roots no server could be trusted, and nothing is to be sent.
            if needs_tls {
                network.tls()?;
            } else if may_need_tls {
                // Reading the system's certificates takes time that no request should wait for. Where there are
                // none, the request that leads to https will say so.
                let _ = network.tls();
            }
            if let Some(password) = network.proxy().and_then(Proxy::password) {
                shared.keep_secret("the proxy's password", password);
            }
        }
        requests.sort_by_key(|(id, _)| *id);
        let scenarios = test.scenarios.iter().zip(networks).enumerate();
        let scenarios = scenarios.map(|(number, (scenario, network))| PreparedScenario {
            name: Arc::from(scenario.name.as_str()),
            slots: scenario.slots.clone().into(),
            limit: scenario.load.throttle.map(Limit::new),
            network,
            connections: test.http_of(number).connections,
            keeps_cookies: test.http_of(number).cookies,
        });
        Ok(Prepared {
            scenarios: scenarios.collect(),
            dealers: (0..test.data.len())
                .map(|number| data::Dealer::new(&test, FeederId(number as u16)))
                .collect(),
            requests: requests.into_iter().map(|(_, prepared)| prepared).collect(),
            test,
            shared,
        })
    }
}

fn blocks(scenario: &Scenario) -> [&[Step]; 5] {
    let Scenario { setup, on_start, flow, verify, teardown, .. } = scenario;
    [setup, on_start, flow, verify, teardown]
}

/// Calls `visit` with every step, those within groups, loops and branches too.
fn walk<'a>(steps: &'a [Step], visit: &mut impl FnMut(&'a Step)) {
    for step in steps {
        visit(step);
        step.action.blocks().into_iter().for_each(|steps| walk(steps, visit));
    }
}

/// What the expressions of a request read of its own answer.
fn reads_of_answer(request: &crate::scenario::model::RequestStep) -> Reads {
    use crate::scenario::model::BusinessRule;
    let mut uses = Uses::default();
    for (_, rule) in &request.expect.business {
        if let BusinessRule::When(expr) = rule {
            uses.add(expr);
        }
    }
    request.expect.checks.iter().for_each(|(_, expr)| uses.add(expr));
    request.captures.iter().for_each(|(_, expr)| uses.add(expr));
    request.tallies.iter().for_each(|tally| uses.add(&tally.value));
    uses.reads
}

/// What expressions read of an answer that is not their own request's.
fn reads_outside_requests(block: &[Step]) -> Reads {
    let mut uses = Uses::default();
    walk(block, &mut |step| {
        step.when.iter().for_each(|expr| uses.add(expr));
        match &step.action {
            Action::Request(request) => {
                request.url.path.exprs().for_each(|expr| uses.add(expr));
                for (_, text) in request.headers.iter().chain(&request.query) {
                    text.exprs().for_each(|expr| uses.add(expr));
                }
                request.auth.iter().for_each(|auth| auth.for_each_expr(&mut |expr| uses.add(expr)));
                request.body.for_each_expr(&mut |expr| uses.add(expr));
            }
            Action::Repeat { times, .. } => times.for_each_expr(&mut |expr| uses.add(expr)),
            Action::While { condition, .. } => uses.add(condition),
            Action::Set(values) | Action::Collect(values) => {
                values.iter().for_each(|(_, value)| value.for_each_expr(&mut |expr| uses.add(expr)));
            }
            Action::Check(checks) => checks.iter().for_each(|(_, expr)| uses.add(expr)),
            Action::Tally(tallies) => tallies.iter().for_each(|tally| uses.add(&tally.value)),
            Action::ForEach { list, .. } => list.for_each_expr(&mut |expr| uses.add(expr)),
            Action::If { condition, .. } => uses.add(condition),
            Action::Poll(poll) => reads_of_poll(poll, &mut uses),
            Action::Log { text, .. } => text.exprs().for_each(|expr| uses.add(expr)),
            Action::Think(_) | Action::Group { .. } | Action::Choose(_) | Action::Stop(_) => {}
        }
    });
    uses.reads
}

fn reads_of_poll(poll: &Poll, uses: &mut Uses) {
    uses.add(&poll.until);
    if let Every::Rendered(every) = &poll.every {
        every.for_each_expr(&mut |expr| uses.add(expr));
    }
    if let Some(turn) = &poll.turn {
        let position = turn.position.iter();
        position.chain(&turn.retry_after_ms).chain([&turn.retry_after]).for_each(|expr| uses.add(expr));
    }
}
