//! What would run, as text: before anything is sent.

mod course;
mod data;

use std::fmt::Write as _;
use std::time::Duration;

use crate::http::{NetworkOptions, Version};
use crate::plan::{self, Arrivals, Between, Expected, most_users, value_at};
use crate::scenario::model::{
    Action, Connections, Load, LoadKind, Profile, Scenario, Shape, Spacing, Start, Step, TargetKind, Test,
    Think, WhenFull,
};
use crate::scenario::monitor::{Watch, WatchKind};
use crate::units::{Percent, count, scenario_duration, trim_float};

/// Renders the plan of a test for people. `open_files` is how many the generator may have open.
pub fn render(test: &Test, workers: usize, open_files: Option<u64>) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{}", test.name);
    if let Some(description) = &test.description {
        let _ = writeln!(out, "  {}", description.trim());
    }
    let target = match &test.target.kind {
        TargetKind::Bundled => "the bundled ticketing service, on a free loopback port",
        TargetKind::Url(url) => url,
    };
    let _ = writeln!(out, "\ntarget      {target}");
    render_ways(&mut out, test);
    let _ = writeln!(out, "workers     {workers}");
    // The bundled service goes without saying.
    let watched = test.monitor.iter().filter(|watch| watch.kind != WatchKind::Bundled);
    let watched: Vec<String> = watched.map(watched_in_words).collect();
    if !watched.is_empty() {
        let _ = writeln!(out, "watched     {}", watched.join(", "));
    }
    let axis = axis(test);
    for number in 0..test.scenarios.len() {
        render_scenario(&mut out, test, number, axis);
    }
    render_all(&mut out, test);
    data::render(&mut out, test);
    let _ = writeln!(out, "\nthresholds");
    for threshold in &test.thresholds {
        let implied = if threshold.implied { "  (implied: the file has none for failures)" } else { "" };
        let abort = if threshold.abort { "  ends the run" } else { "" };
        let _ = writeln!(out, "  {}{abort}{implied}", threshold.text);
    }
    let insecure = test.is_insecure().then(|| {
        "certificates of servers are not checked (`http.tls.insecure`): anybody may answer for the target"
            .to_owned()
    });
    let warnings = insecure.into_iter().chain(plan::warnings(test, open_files));
    let warnings: Vec<String> = warnings.chain(data::warnings(test)).collect();
    if !warnings.is_empty() {
        let _ = writeln!(out, "\nwarnings");
        warnings.iter().for_each(|warning| {
            let _ = writeln!(out, "  {warning}");
        });
    }
    out
}

/// How servers are reached, where that is said.
fn render_ways(out: &mut String, test: &Test) {
    if let Some(socket) = &test.target.socket {
        let _ = writeln!(out, "            over the socket {}", socket.display());
    }
    for way in ways(&test.http.network) {
        let _ = writeln!(out, "            {way}");
    }
}

/// The way of a scenario that has one of its own.
fn render_own_way(out: &mut String, test: &Test, number: usize) {
    let (own, usual) = (ways(&test.http_of(number).network), ways(&test.http.network));
    if own != usual {
        let way = if own.is_empty() { "directly, in HTTP/1.1".to_owned() } else { own.join(", ") };
        let _ = writeln!(out, "way         {way}");
    }
}

fn ways(network: &NetworkOptions) -> Vec<String> {
    let proxy = network.proxy.as_ref().map(|proxy| format!("through the proxy {}", proxy.origin()));
    let version = match network.version {
        Version::Http1 => None,
        Version::Http2 => Some("in HTTP/2"),
        Version::Auto => Some("over TLS in HTTP/2 where the server speaks it"),
    };
    let certificate = network.tls.client.is_some().then_some("with a client certificate");
    proxy.into_iter().chain(version.into_iter().chain(certificate).map(str::to_owned)).collect()
}

fn watched_in_words(watch: &Watch) -> String {
    let name = &watch.name;
    match &watch.kind {
        WatchKind::Bundled => name.clone(),
        WatchKind::Process(_) => format!("process {name}"),
        WatchKind::Container(_) => format!("container {name}"),
        WatchKind::Prometheus(endpoint) => {
            format!("{} series at {} ({name})", endpoint.series.len(), endpoint.url)
        }
    }
}

/// How long all that is planned takes, as far as that is known.
fn axis(test: &Test) -> Duration {
    let ends =
        test.scenarios.iter().enumerate().map(|(number, scenario)| {
            plan::begins(test, number).saturating_add(plan::length(&scenario.load))
        });
    ends.filter(|end| *end < Duration::MAX).max().unwrap_or_default()
}

fn render_scenario(out: &mut String, test: &Test, number: usize, axis: Duration) {
    let scenario = &test.scenarios[number];
    let Load { kind, shape, graceful_stop, pace, throttle, max_duration } = &scenario.load;
    if test.scenarios.len() > 1 {
        let starts = match scenario.start {
            Start::At(at) if at.is_zero() => String::new(),
            Start::At(at) => format!(", from {}", scenario_duration(at)),
            Start::After { scenario, delay } => {
                let before = test.scenarios.get(usize::from(scenario)).map_or("", |before| &before.name);
                let delay = match delay {
                    Duration::ZERO => "once".to_owned(),
                    _ => format!("{} after", scenario_duration(delay)),
                };
                format!(", {delay} `{before}` is done")
            }
        };
        let measured = if scenario.is_measured { "" } else { ", not measured unless named" };
        let _ = writeln!(out, "\nscenario    {}{starts}{measured}", scenario.name);
        render_own_way(out, test, number);
    }
    let kind = kind.map(LoadKind::as_str).map_or(String::new(), |kind| format!("{kind}, "));
    match shape {
        Shape::Users(profile) => {
            let _ = writeln!(
                out,
                "load        {kind}closed model, up to {} users for {}",
                count(most_users(profile)),
                scenario_duration(profile.duration())
            );
            render_stages(out, test, profile, "users", |value| count((value + 0.5).floor() as u64));
        }
        Shape::Arrivals { profile, spacing, max_users, when_full } => {
            let arrivals = Arrivals::new(profile);
            let _ = writeln!(
                out,
                "load        {kind}open model, {} arrivals in {}",
                match spacing {
                    Spacing::Uniform => count(arrivals.count()),
                    Spacing::Poisson => format!("about {} Poisson", count(arrivals.count())),
                },
                scenario_duration(profile.duration())
            );
            render_stages(out, test, profile, "arrivals/s", trim_float);
            let cap = match (max_users, when_full) {
                (None, _) => "no cap on users at once".to_owned(),
                (Some(most), WhenFull::Drop) => {
                    format!("at most {} users at once, further arrivals are dropped", count((*most).into()))
                }
                (Some(most), WhenFull::Wait) => {
                    format!("at most {} users at once, further arrivals wait", count((*most).into()))
                }
            };
            let _ = writeln!(out, "            {cap}");
        }
        Shape::SharedIterations { users, iterations } => {
            let _ = writeln!(
                out,
                "load        {kind}closed model, {} shared by {}",
                plural(*iterations, "iteration"),
                plural((*users).into(), "user")
            );
        }
        Shape::OwnIterations { users, each } => {
            let _ = writeln!(
                out,
                "load        {kind}closed model, {} by each of {}",
                plural(*each, "iteration"),
                plural((*users).into(), "user")
            );
        }
    }
    render_course(out, test, number, axis);
    let _ =
        writeln!(out, "            running iterations may take {} to end", scenario_duration(*graceful_stop));
    if let Some(pace) = pace {
        let _ = writeln!(out, "            each user starts its flow every {}", scenario_duration(*pace));
    }
    if let Some(rate) = throttle {
        let _ = writeln!(out, "            at most {} requests per second", trim_float(rate.as_per_second()));
    }
    if let Some(longest) = max_duration {
        let _ = writeln!(out, "            over after {} at the latest", scenario_duration(*longest));
    }
    render_expected(out, test, number, scenario);
    for (name, steps) in [
        ("setup", &scenario.setup),
        ("on_start", &scenario.on_start),
        ("flow", &scenario.flow),
        ("verify", &scenario.verify),
        ("teardown", &scenario.teardown),
    ] {
        if steps.is_empty() {
            continue;
        }
        let _ = writeln!(out, "\n{name}");
        render_steps(out, test, steps, 1);
    }
}

/// The load as a line over time; scenarios that run at known times share their axis.
fn render_course(out: &mut String, test: &Test, number: usize, axis: Duration) {
    let Load { shape, .. } = &test.scenarios[number].load;
    let lasts = plan::length(&test.scenarios[number].load);
    let (profile, peak) = match shape {
        Shape::Users(profile) => {
            (profile, plural(plan::greatest(profile, 0.0, lasts.as_secs_f64()).round() as u64, "user"))
        }
        Shape::Arrivals { profile, .. } => {
            (profile, format!("{}/s", trim_float(plan::greatest(profile, 0.0, lasts.as_secs_f64()))))
        }
        Shape::SharedIterations { .. } | Shape::OwnIterations { .. } => return,
    };
    let begins = plan::begins(test, number);
    // Where nobody knows when it begins, its time is its own.
    let (begins, axis) = if begins < Duration::MAX { (begins, axis) } else { (Duration::ZERO, lasts) };
    let line = course::line(profile, begins, lasts, axis);
    let _ = writeln!(out, "            {line}  peak {peak}");
    let _ = writeln!(out, "            {}", course::axis(axis));
}

/// What it is expected to come to, and how that was reckoned.
fn render_expected(out: &mut String, test: &Test, number: usize, scenario: &Scenario) {
    let Expected { iterations, requests, each, start } = plan::expected(scenario);
    let is_closed = matches!(scenario.load.shape, Shape::Users(_));
    let up_to = if is_closed { "up to about " } else { "" };
    let expected = match (iterations.most, requests.most) {
        (None, _) => "as many iterations as the answers allow".to_owned(),
        (Some(_), None) => format!("{up_to}{}", amount(iterations, "iteration")),
        (Some(_), Some(_)) => {
            format!("{up_to}{}, {}", amount(iterations, "iteration"), amount(requests, "request"))
        }
    };
    let _ = writeln!(out, "expected    {expected}");
    let mut how = format!("an iteration sends {}", amount(each.requests, "request"));
    if each.think != Between::NONE {
        let _ = write!(how, " and thinks for {}", seconds(each.think));
    }
    if start != Between::NONE {
        let _ = write!(how, "; each user sends {} before its first", amount(start, "request"));
    }
    let _ = writeln!(out, "            {how}");
    if is_closed && iterations.most.is_some() {
        let _ =
            writeln!(out, "            reckoned as if answers took no time: the longer they take, the fewer");
    }
    let _ = writeln!(out, "connections {}", connections(test.http_of(number).connections, scenario));
}

/// `20`, `about 1,234`, `1 to 3`, `2 or more`, of something.
fn amount(between: Between, what: &str) -> String {
    let rounded = |amount: f64| count(amount.round() as u64);
    let small = |amount: f64| if amount < 100.0 { trim_float(amount) } else { rounded(amount) };
    match (between.exact(), between.most) {
        (Some(exact), _) if exact.fract().abs() < 1e-9 => plural(exact.round() as u64, what),
        (Some(about), _) => format!("about {} {what}s", small(about)),
        (None, Some(most)) if between.least <= 0.0 => format!("up to {} {what}s", small(most)),
        (None, Some(most)) => format!("{} to {} {what}s", small(between.least), small(most)),
        (None, None) if between.least <= 0.0 => format!("any number of {what}s"),
        (None, None) => format!("{} or more {what}s", small(between.least)),
    }
}

fn seconds(between: Between) -> String {
    let time = |seconds: f64| {
        Duration::try_from_secs_f64((seconds * 1e3).round() / 1e3)
            .map_or_else(|_| "for ever".into(), scenario_duration)
    };
    match (between.exact(), between.most) {
        (Some(exact), _) => format!("{} on average", time(exact)),
        (None, Some(most)) => format!("{} to {} on average", time(between.least), time(most)),
        (None, None) => format!("{} or more on average", time(between.least)),
    }
}

fn connections(kept: Connections, scenario: &Scenario) -> String {
    let hosts = plan::hosts(scenario);
    let most = plan::users_at_once(&scenario.load).map(|users| users * hosts as u64);
    let each = if hosts > 1 { format!("user and host ({hosts} hosts)") } else { "user".to_owned() };
    let at_once = most.map_or_else(
        || format!("one for each {each} who is there at once"),
        |most| format!("up to {} at once, one for each {each}", count(most)),
    );
    match kept {
        Connections::PerUser => at_once,
        Connections::Fresh => format!("{at_once}, made anew for each iteration"),
        Connections::Shared => {
            let most = most.map_or(String::new(), |most| format!(", {} at most", count(most)));
            format!("shared, as many as requests are under way at once{most}")
        }
    }
}

/// Of several scenarios, what they come to together.
fn render_all(out: &mut String, test: &Test) {
    if test.scenarios.len() < 2 {
        return;
    }
    let zero = (Between::NONE, Between::NONE);
    let (iterations, requests) = test
        .scenarios
        .iter()
        .map(plan::expected)
        .fold(zero, |sum, one| (sum.0 + one.iterations, sum.1 + one.requests));
    let closed = test.scenarios.iter().any(|scenario| matches!(scenario.load.shape, Shape::Users(_)));
    let up_to = if closed { "up to about " } else { "" };
    let mut parts = Vec::new();
    if iterations.most.is_some() {
        parts.push(format!("{up_to}{}", amount(iterations, "iteration")));
    }
    if requests.most.is_some() {
        parts.push(amount(requests, "request"));
    }
    if let Some(most) = plan::connections_at_once(test) {
        parts.push(format!("up to {} at once", plural(most, "connection")));
    }
    if !parts.is_empty() {
        let _ = writeln!(out, "\nin all      {}", parts.join(", "));
    }
}

fn render_stages(out: &mut String, test: &Test, profile: &Profile, unit: &str, show: impl Fn(f64) -> String) {
    let (mut from, mut at) = (profile.from, Duration::ZERO);
    for stage in &profile.stages {
        let until = at + stage.duration;
        let middle = value_at(profile, (at + stage.duration / 2).as_secs_f64());
        let course = if (stage.target - from).abs() < f64::EPSILON {
            show(middle)
        } else {
            format!("{} → {}", show(from), show(stage.target))
        };
        let name = stage.name.and_then(|name| test.catalog.stages.get(name.index()));
        let name = name.map_or(String::new(), |name| format!("  {name}"));
        let span = format!("{} – {}", scenario_duration(at), scenario_duration(until));
        let _ = writeln!(out, "            {span:<16} {course} {unit}{name}");
        (from, at) = (stage.target, until);
    }
}

fn render_steps(out: &mut String, test: &Test, steps: &[Step], depth: usize) {
    for step in steps {
        let indent = "  ".repeat(depth);
        let what = match &step.action {
            Action::Request(request) if !step.name.starts_with(request.method.as_str()) => {
                format!("{} ({})", step.name, request.method.as_str())
            }
            Action::Think(Think::Constant(pause)) => format!("think {}", scenario_duration(*pause)),
            Action::Think(Think::Uniform { from, to }) => {
                format!("think {}..{}", scenario_duration(*from), scenario_duration(*to))
            }
            Action::Think(Think::Exponential { mean }) => {
                format!("think {} on average, exponential", scenario_duration(*mean))
            }
            Action::Poll(poll) => {
                let most = scenario_duration(poll.at_most);
                format!("{}, until {}, for {most} at most", step.name, poll.until.source())
            }
            _ => step.name.clone(),
        };
        let chance = step.chance.map_or(String::new(), |chance| format!("  ({chance} of the time)"));
        let when = step.when.as_ref().map_or(String::new(), |when| format!("  (when {})", when.source()));
        let optional = match &step.action {
            Action::Request(request) => {
                let row = request.row.and_then(|row| test.catalog.rows.get(row.index()));
                row.is_some_and(|row| row.optional)
            }
            Action::Group { group, .. } => {
                test.catalog.groups.get(group.index()).is_some_and(|group| group.optional)
            }
            _ => false,
        };
        let optional = if optional { "  (optional)" } else { "" };
        let _ = writeln!(out, "{indent}{what}{chance}{when}{optional}");
        match &step.action {
            Action::If { then, otherwise, .. } => {
                render_steps(out, test, then, depth + 1);
                if !otherwise.is_empty() {
                    let _ = writeln!(out, "{indent}else");
                    render_steps(out, test, otherwise, depth + 1);
                }
            }
            Action::Choose(choices) => {
                let mut before = 0.0;
                for choice in choices {
                    let share = Percent::from_share(choice.below - before);
                    let _ = writeln!(out, "{indent}  {share} of the time");
                    render_steps(out, test, &choice.steps, depth + 2);
                    before = choice.below;
                }
            }
            action => {
                action.blocks().into_iter().for_each(|steps| render_steps(out, test, steps, depth + 1));
            }
        }
    }
}

fn plural(number: u64, what: &str) -> String {
    format!("{} {what}{}", count(number), if number == 1 { "" } else { "s" })
}
