//! The typed scenario: what `check` makes of a file, and all that the rest of the program knows of it.
//!
//! Everything here is checked and resolved: names are slots, rows and ids (small integers), templates are
//! compiled, quantities have units. What cannot be run cannot be written down in these types.

mod poll;

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;

use crate::data::Rows;
use crate::http::NetworkOptions;
pub use poll::{Every, Poll, PollInfo, PollKind, Turn};

use crate::scenario::monitor::Watch;
use crate::scenario::threshold::Threshold;
use crate::template::{Env, Expr, JsonTemplate, Slot, TextTemplate, ValueTemplate};
use crate::units::{self, Percent, Rate};

/// One file, checked.
#[derive(Debug)]
pub struct Test {
    pub name: String,
    pub description: Option<String>,
    /// The file it came from, as the user named it.
    pub file: PathBuf,
    /// What `env()` and `secret()` read: the same when it is checked and when it runs.
    pub env: Env,
    pub target: Target,
    pub http: Http,
    /// What `data` names, in the order of the file; an index is a [`FeederId`].
    pub data: Vec<Feeder>,
    /// The loads of the file; the top-level `load` + `flow` is one named like the file.
    pub scenarios: Vec<Scenario>,
    pub thresholds: Vec<Threshold>,
    /// What is watched while the load runs; the bundled service is without being asked for.
    pub monitor: Vec<Watch>,
    pub catalog: Catalog,
}

impl Test {
    /// What holds for the requests of a scenario.
    pub fn http_of(&self, scenario: usize) -> &Http {
        self.scenarios.get(scenario).and_then(|scenario| scenario.http.as_ref()).unwrap_or(&self.http)
    }

    /// Whether anybody trusts servers that nobody checks.
    pub fn is_insecure(&self) -> bool {
        let own = self.scenarios.iter().filter_map(|scenario| scenario.http.as_ref());
        own.chain([&self.http]).any(|http| http.network.tls.insecure)
    }
}

/// What is tested.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    pub kind: TargetKind,
    /// Path polled until it answers 2xx; without one a TCP connect is enough.
    pub ready: Option<String>,
    pub ready_timeout: Duration,
    /// A socket of this machine over which the URL is reached.
    pub socket: Option<PathBuf>,
    /// Sizes that it can be started in.
    pub specs: Vec<Spec>,
    /// The one of them that it was started in, for the record.
    pub spec: Option<Spec>,
}

/// A size of the container that a target is started in.
#[derive(Debug, Clone, PartialEq)]
pub struct Spec {
    pub name: String,
    /// Cores it may use.
    pub cpus: f64,
    /// Bytes it may use.
    pub memory: u64,
    /// What it costs per hour, in any currency.
    pub price: Option<f64>,
}

impl Spec {
    /// Those of the bundled service, where a file has none.
    pub fn usual() -> Vec<Spec> {
        let spec = |name: &str, cpus, memory| Spec { name: name.into(), cpus, memory, price: None };
        vec![spec("small", 0.5, 512 << 20), spec("medium", 1.0, 1 << 30)]
    }

    /// `0.5 cores, 512MiB`, and what it costs.
    pub fn in_words(&self) -> String {
        let price =
            self.price.map_or(String::new(), |price| format!(", {} per hour", units::trim_float(price)));
        format!("{}{price}", size(self.cpus, self.memory))
    }
}

/// So many cores, and so many bytes of memory: `0.5 cores, 512MiB`.
pub fn size(cpus: f64, memory: u64) -> String {
    let cores = if (cpus - 1.0).abs() < 1e-9 { "core" } else { "cores" };
    // Nobody writes `512.0MiB`.
    let memory = units::Bytes(memory).to_string().replacen(".0", "", 1);
    format!("{} {cores}, {memory}", units::trim_float(cpus))
}

/// An image of the Docker engine, and how a container of it is started.
#[derive(Debug, Clone, PartialEq)]
pub struct Image {
    pub name: String,
    /// Where the service listens inside.
    pub port: u16,
    pub env: Vec<(String, String)>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum TargetKind {
    /// The reference service that comes with the program, started as a child process.
    Bundled,
    /// A base URL, without a trailing slash.
    Url(String),
    /// A service that is started in a container.
    Image(Image),
}

/// What holds for all requests of a file, or of one of its scenarios.
#[derive(Debug, Clone)]
pub struct Http {
    pub network: NetworkOptions,
    pub connections: Connections,
    /// Whether each user keeps the cookies it is given.
    pub cookies: bool,
}

impl Default for Http {
    fn default() -> Self {
        Http { network: NetworkOptions::default(), connections: Connections::default(), cookies: true }
    }
}

/// How users come by their connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Connections {
    /// Each keeps its own. In the open model an arrival takes over that of a user who is done.
    #[default]
    PerUser,
    /// Each iteration connects anew.
    Fresh,
    /// The users of a worker share a pool: one is lent for a request, and then anybody's.
    Shared,
}

impl Connections {
    /// The word of the scenario language.
    pub const fn as_str(self) -> &'static str {
        match self {
            Connections::PerUser => "per-user",
            Connections::Fresh => "fresh",
            Connections::Shared => "shared",
        }
    }
}

/// Rows that users take.
#[derive(Debug)]
pub struct Feeder {
    pub name: String,
    /// Where they come from, as messages call it: a file, or the scenario itself.
    pub from: String,
    pub rows: Rows,
    pub pick: Pick,
    /// The fields that no report shows; where a row is one value, an empty name stands for it.
    pub secret: Vec<String>,
}

/// Which row a user takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pick {
    /// The next of the file, whoever asks.
    Next(AfterLast),
    /// Any; the same for the same seed, scenario, user and iteration.
    Random,
    /// That of the user's own number, for as long as it lives.
    PerUser(AfterLast),
}

/// What comes after the last row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterLast {
    /// The first again.
    Recycle,
    /// Nothing: whoever asks goes.
    Stop,
}

/// A name that takes rows of a feeder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Feed {
    pub feeder: FeederId,
    pub slot: Slot,
}

/// Which rows the users of a scenario take, and when.
#[derive(Debug, Default)]
pub struct Feeds {
    /// Once, when a user comes; they stay with it.
    pub user: Vec<Feed>,
    /// Once, before `on_start`.
    pub on_start: Vec<Feed>,
    /// Before each iteration.
    pub iteration: Vec<Feed>,
}

/// One load and what its users do.
#[derive(Debug)]
pub struct Scenario {
    pub name: String,
    pub start: Start,
    /// Whether its samples count where no filter says which do. A warm-up's do not.
    pub is_measured: bool,
    pub load: Load,
    /// Evaluated once, in this order, before `setup`.
    pub vars: Vec<(Slot, ValueTemplate)>,
    /// Once, before the load; what it captures and collects, every user sees.
    pub setup: Vec<Step>,
    /// Once per user; its captures live with the user.
    pub on_start: Vec<Step>,
    /// What a user does, again and again; its captures live with one iteration.
    pub flow: Vec<Step>,
    /// Once, after the load has drained; before `teardown`.
    pub verify: Vec<Step>,
    /// Once, at the very end, also after a failure or an interruption.
    pub teardown: Vec<Step>,
    /// The names of all variables and captures; a [`Slot`] is an index into it.
    pub slots: Vec<String>,
    /// What holds for its requests, where it says that itself.
    pub http: Option<Http>,
    pub feeds: Feeds,
    /// The slots that `flow` fills: emptied (set back to what `setup` and `on_start` left) at each iteration.
    pub flow_slots: Vec<Slot>,
}

/// When a scenario's load begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// So long after the beginning of the load.
    At(Duration),
    /// So long after the last user of another scenario (an index into [`Test::scenarios`]) is done, and its
    /// `verify` with it.
    After { scenario: u16, delay: Duration },
}

#[derive(Debug, Clone, PartialEq)]
pub struct Load {
    pub kind: Option<LoadKind>,
    pub shape: Shape,
    pub graceful_stop: Duration,
    /// Closed model: a user starts its flow this often; a late start counts from its due time.
    pub pace: Option<Duration>,
    /// A cap on requests, over all users; one that has to wait for it is due later.
    pub throttle: Option<Rate>,
    /// The scenario is over by then, graceful stop included.
    pub max_duration: Option<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoadKind {
    Smoke,
    Load,
    Spike,
    Stress,
    Endurance,
    Peak,
    Breakpoint,
}

impl LoadKind {
    /// The word of the scenario language.
    pub const fn as_str(self) -> &'static str {
        match self {
            LoadKind::Smoke => "smoke",
            LoadKind::Load => "load",
            LoadKind::Spike => "spike",
            LoadKind::Stress => "stress",
            LoadKind::Endurance => "endurance",
            LoadKind::Peak => "peak",
            LoadKind::Breakpoint => "breakpoint",
        }
    }
}

/// How load is injected.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// Closed model: a number of users over time, each starting anew as soon as it is done.
    Users(Profile),
    /// Open model: arrivals per second over time, whatever the target does.
    Arrivals { profile: Profile, spacing: Spacing, max_users: Option<u32>, when_full: WhenFull },
    /// Closed model: a fixed number of iterations, shared by all users.
    SharedIterations { users: u32, iterations: u64 },
    /// Closed model: a fixed number of iterations for each user.
    OwnIterations { users: u32, each: u64 },
}

/// How arrivals follow one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Spacing {
    /// As evenly as the rate allows.
    #[default]
    Uniform,
    /// As independent people come: a Poisson process of that rate.
    Poisson,
}

/// What becomes of an arrival when `max_users` are busy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenFull {
    /// It is dropped, and counted.
    Drop,
    /// It waits for a free user, and keeps its due time.
    Wait,
}

/// A piecewise linear course of a value over time: users, or arrivals per second.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// Where the first stage begins.
    pub from: f64,
    pub stages: Vec<Stage>,
}

/// One linear piece, from the target of the one before.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    pub duration: Duration,
    pub target: f64,
    /// A named stage can be filtered for in thresholds.
    pub name: Option<StageId>,
}

/// One action of a user.
#[derive(Debug)]
pub struct Step {
    /// The name as reports show it.
    pub name: String,
    /// Line in the file, from 1; for messages at run time.
    pub line: u32,
    pub when: Option<Expr>,
    pub chance: Option<Percent>,
    /// Names this step cannot do without. Where one has no value, the iteration ends as cut.
    pub needs: Vec<Slot>,
    pub action: Action,
}

#[derive(Debug)]
pub enum Action {
    Request(Box<RequestStep>),
    Think(Think),
    Group {
        group: GroupId,
        steps: Vec<Step>,
    },
    Repeat {
        times: ValueTemplate,
        steps: Vec<Step>,
    },
    While {
        condition: Expr,
        at_most: Option<u64>,
        steps: Vec<Step>,
    },
    /// Once for each item of a list, which is in the slot meanwhile.
    ForEach {
        list: ValueTemplate,
        item: Slot,
        steps: Vec<Step>,
    },
    If {
        condition: Expr,
        then: Vec<Step>,
        otherwise: Vec<Step>,
    },
    /// One of several ways, by their weights.
    Choose(Vec<Choice>),
    /// Again and again until something holds, or time is up.
    Poll(Box<Poll>),
    Set(Vec<(Slot, ValueTemplate)>),
    Collect(Vec<(Slot, ValueTemplate)>),
    Check(Vec<(CheckId, Expr)>),
    Tally(Vec<Tally>),
    Log {
        id: LogId,
        text: TextTemplate,
    },
    Stop(StopWhat),
}

/// One way of a `choose`.
#[derive(Debug)]
pub struct Choice {
    /// A draw below this, and not below that of the choice before, takes it; the last one's is 1.
    pub below: f64,
    pub steps: Vec<Step>,
}

impl Action {
    /// The lists of steps within it, in the order of the file.
    pub fn blocks(&self) -> Vec<&[Step]> {
        match self {
            Action::Group { steps, .. }
            | Action::Repeat { steps, .. }
            | Action::While { steps, .. }
            | Action::ForEach { steps, .. } => vec![steps],
            Action::If { then, otherwise, .. } => vec![then, otherwise],
            Action::Choose(choices) => choices.iter().map(|choice| choice.steps.as_slice()).collect(),
            Action::Poll(poll) => vec![&poll.steps],
            Action::Request(_)
            | Action::Think(_)
            | Action::Set(_)
            | Action::Collect(_)
            | Action::Check(_)
            | Action::Tally(_)
            | Action::Log { .. }
            | Action::Stop(_) => Vec::new(),
        }
    }

    /// The same, to be changed.
    pub fn blocks_mut(&mut self) -> Vec<&mut [Step]> {
        match self {
            Action::Group { steps, .. }
            | Action::Repeat { steps, .. }
            | Action::While { steps, .. }
            | Action::ForEach { steps, .. } => vec![steps],
            Action::If { then, otherwise, .. } => vec![then, otherwise],
            Action::Choose(choices) => choices.iter_mut().map(|choice| choice.steps.as_mut_slice()).collect(),
            Action::Poll(poll) => vec![&mut poll.steps],
            Action::Request(_)
            | Action::Think(_)
            | Action::Set(_)
            | Action::Collect(_)
            | Action::Check(_)
            | Action::Tally(_)
            | Action::Log { .. }
            | Action::Stop(_) => Vec::new(),
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum Think {
    Constant(Duration),
    Uniform { from: Duration, to: Duration },
    Exponential { mean: Duration },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopWhat {
    Iteration,
    User,
    Run,
}

/// A sample for a metric of the user's own.
#[derive(Debug)]
pub struct Tally {
    pub metric: CustomId,
    /// `count`: how much to add; `observe`: the value; `share`: whether it holds.
    pub value: Expr,
}

#[derive(Debug)]
pub struct RequestStep {
    /// Its number among the requests of the file, from 0.
    pub id: RequestId,
    /// Where its samples go; none for the requests of `setup`, `verify` and `teardown`, which are not measured.
    pub row: Option<RowId>,
    pub method: Method,
    pub url: Url,
    /// In the order written, defaults of `http` first; names are valid header names.
    pub headers: Vec<(String, TextTemplate)>,
    pub query: Vec<(String, TextTemplate)>,
    pub auth: Option<Auth>,
    pub body: Body,
    pub timeout: Duration,
    /// How many redirects it follows; with 0 a redirect is an answer like any other.
    pub follow_redirects: u8,
    pub expect: Expect,
    /// Taken from successes only.
    pub captures: Vec<(Slot, Expr)>,
    /// `count`, `observe`, `share` beside a request: taken after each of its answers.
    pub tallies: Vec<Tally>,
    pub on_failure: OnFailure,
    pub on_business: OnBusiness,
    /// Whether an expression of this step, or one outside of any request, reads the answer's body.
    pub reads_body: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
    Head,
    Options,
}

/// Where a request goes.
#[derive(Debug)]
pub struct Url {
    pub base: BaseUrl,
    /// Path, with or without a query. It begins with `/`, or with a value, which may be a whole URL.
    pub path: TextTemplate,
}

/// What stands before a path. Prefixes are paths without a slash at their end, and may be empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BaseUrl {
    Target {
        prefix: String,
    },
    /// Somewhere else: scheme, host and port.
    Elsewhere {
        origin: String,
        prefix: String,
    },
}

/// How a request says who sends it.
#[derive(Debug)]
pub enum Auth {
    Basic { user: TextTemplate, password: TextTemplate },
    Bearer(TextTemplate),
}

#[derive(Debug)]
pub enum Body {
    None,
    Json(JsonTemplate),
    /// `application/x-www-form-urlencoded`.
    Form(Vec<(String, TextTemplate)>),
    /// `multipart/form-data`.
    Multipart(Vec<FormPart>),
    Text(TextTemplate),
    /// The content of a file; all requests share it.
    File(Bytes),
}

/// A part of a form with files.
#[derive(Debug)]
pub struct FormPart {
    pub name: String,
    pub content: PartContent,
    pub content_type: Option<TextTemplate>,
}

#[derive(Debug)]
pub enum PartContent {
    Text(TextTemplate),
    Json(JsonTemplate),
    /// The content of a file, which all requests share, and what the server is told that it is called.
    File {
        bytes: Bytes,
        name: TextTemplate,
    },
}

impl Body {
    /// Calls `visit` with every expression in it.
    pub fn for_each_expr<'a>(&'a self, visit: &mut impl FnMut(&'a Expr)) {
        match self {
            Body::None | Body::File(_) => {}
            Body::Json(json) => json.exprs().for_each(visit),
            Body::Text(text) => text.exprs().for_each(visit),
            Body::Form(fields) => fields.iter().flat_map(|(_, text)| text.exprs()).for_each(visit),
            Body::Multipart(parts) => parts.iter().for_each(|part| {
                match &part.content {
                    PartContent::Text(text) | PartContent::File { name: text, .. } => {
                        text.exprs().for_each(&mut *visit);
                    }
                    PartContent::Json(json) => json.exprs().for_each(&mut *visit),
                }
                part.content_type.iter().flat_map(TextTemplate::exprs).for_each(&mut *visit);
            }),
        }
    }
}

impl Auth {
    /// Calls `visit` with every expression in it.
    pub fn for_each_expr<'a>(&'a self, visit: &mut impl FnMut(&'a Expr)) {
        match self {
            Auth::Basic { user, password } => user.exprs().chain(password.exprs()).for_each(visit),
            Auth::Bearer(token) => token.exprs().for_each(visit),
        }
    }
}

/// What a step expects of its answers.
#[derive(Debug)]
pub struct Expect {
    /// Statuses that are a success.
    pub status: StatusSet,
    /// Looked at first: an answer that one of these matches is `Business`. The order is that of the file, the
    /// defaults of `outcomes` last.
    pub business: Vec<(BusinessId, BusinessRule)>,
    pub checks: Vec<(CheckId, Expr)>,
    /// Service time above this is a failure.
    pub latency: Option<Duration>,
}

/// The number of a business outcome among those of its row ([`RowInfo::business`]); of a request without a
/// row, among its own.
pub type BusinessId = u16;

#[derive(Debug)]
pub enum BusinessRule {
    Status(StatusSet),
    When(Expr),
}

/// A set of status codes as inclusive ranges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusSet(pub Vec<(u16, u16)>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    /// The iteration ends.
    End,
    Continue,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnBusiness {
    Continue,
    /// The iteration ends.
    Stop,
}

macro_rules! id {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u16);
        impl $name {
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }
    )*};
}

id! {
    /// The number of a request among those of the file, from 0.
    RequestId,
    /// A row of the report: the requests of one name. An index into [`Catalog::rows`].
    RowId,
    /// An index into [`Catalog::groups`].
    GroupId,
    /// An index into [`Catalog::checks`].
    CheckId,
    /// An index into [`Catalog::customs`].
    CustomId,
    /// An index into [`Catalog::stages`].
    StageId,
    /// An index into [`Test::data`].
    FeederId,
    /// An index into [`Catalog::polls`].
    PollId,
    /// The number of a `log` among those of the file, from 0.
    LogId,
}

/// What a name of `step=` in a threshold stands for, and what can fail: the requests of one name, or a poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StepId {
    Requests(RowId),
    Poll(PollId),
}

/// Everything that is measured, by number: what metrics count and reports name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Catalog {
    pub rows: Vec<RowInfo>,
    pub groups: Vec<GroupInfo>,
    pub polls: Vec<PollInfo>,
    pub checks: Vec<CheckInfo>,
    pub customs: Vec<CustomInfo>,
    /// The names of the named stages.
    pub stages: Vec<String>,
    /// The scenarios that count only where a filter names them: indices into [`Test::scenarios`].
    pub unmeasured: Vec<u16>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct RowInfo {
    pub name: String,
    /// Index into [`Test::scenarios`].
    pub scenario: u16,
    /// The groups it stands in, outermost first; all of them where requests of one name stand in several.
    pub groups: Vec<GroupId>,
    /// Left out of every metric that does not name it.
    pub optional: bool,
    /// The names of its business outcomes; the index is their number in `Outcome::Business`.
    pub business: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct GroupInfo {
    pub name: String,
    pub scenario: u16,
    /// Left out of every metric that does not name it.
    pub optional: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct CheckInfo {
    pub name: String,
    pub scenario: u16,
    /// The row whose answers it looks at; none for a `check:` step, and for requests that are not measured.
    pub row: Option<RowId>,
    /// A check of `verify`: what must be true of the data after the load. Its name is unique among them.
    pub invariant: bool,
    /// Whether it is looked at under load, by `on_start` or `flow`; the others are looked at once.
    pub measured: bool,
    /// Left out of every metric that does not name it, or its row.
    pub optional: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct CustomInfo {
    pub name: String,
    pub kind: CustomKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CustomKind {
    /// A sum.
    Count,
    /// A distribution.
    Observe,
    /// A share of true.
    Share,
}

impl StatusSet {
    pub fn contains(&self, status: u16) -> bool {
        self.0.iter().any(|&(low, high)| (low..=high).contains(&status))
    }
}

impl std::fmt::Display for StatusSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (place, (low, high)) in self.0.iter().enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            if (*low, *high) == (200, 399) {
                write!(f, "{comma}2xx, 3xx")?;
            } else if low == high {
                write!(f, "{comma}{low}")?;
            } else if low % 100 == 0 && high - low == 99 {
                write!(f, "{comma}{}xx", low / 100)?;
            } else {
                write!(f, "{comma}{low}..{high}")?;
            }
        }
        Ok(())
    }
}

impl Default for StatusSet {
    /// `2xx` and `3xx`.
    fn default() -> Self {
        StatusSet(vec![(200, 399)])
    }
}

impl Method {
    pub const fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
            Method::Head => "HEAD",
            Method::Options => "OPTIONS",
        }
    }
}

impl Shape {
    /// Whether arrivals come whatever the target does.
    pub const fn is_open(&self) -> bool {
        matches!(self, Shape::Arrivals { .. })
    }
}

impl Profile {
    pub fn constant(value: f64, duration: Duration) -> Self {
        Profile { from: value, stages: vec![Stage { duration, target: value, name: None }] }
    }
    pub fn duration(&self) -> Duration {
        self.stages.iter().map(|stage| stage.duration).sum()
    }
}
