//! What would run, as text: before anything is sent.

mod data;

use std::fmt::Write as _;
use std::time::Duration;

use crate::plan::{Arrivals, most_users, value_at};
use crate::scenario::model::{
    Action, Load, LoadKind, Profile, Scenario, Shape, Spacing, Start, Step, TargetKind, Test, Think, WhenFull,
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
    let _ = writeln!(out, "workers     {workers}");
    // The bundled service goes without saying.
    let watched = test.monitor.iter().filter(|watch| watch.kind != WatchKind::Bundled);
    let watched: Vec<String> = watched.map(watched_in_words).collect();
    if !watched.is_empty() {
        let _ = writeln!(out, "watched     {}", watched.join(", "));
    }
    for scenario in &test.scenarios {
        render_scenario(&mut out, test, scenario);
    }
    data::render(&mut out, test);
    let _ = writeln!(out, "\nthresholds");
    for threshold in &test.thresholds {
        let implied = if threshold.implied { "  (implied: the file has none for failures)" } else { "" };
        let abort = if threshold.abort { "  ends the run" } else { "" };
        let _ = writeln!(out, "  {}{abort}{implied}", threshold.text);
    }
    let warnings = test.scenarios.iter().flat_map(|scenario| warnings(scenario, open_files));
    let warnings: Vec<String> = warnings.chain(data::warnings(test)).collect();
    if !warnings.is_empty() {
        let _ = writeln!(out, "\nwarnings");
        warnings.iter().for_each(|warning| {
            let _ = writeln!(out, "  {warning}");
        });
    }
    out
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

/// Files that are open besides the users' connections: workers, logs, the terminal.
const OTHER_FILES: u64 = 64;

fn warnings(scenario: &Scenario, open_files: Option<u64>) -> Vec<String> {
    let name = &scenario.name;
    let users = match &scenario.load.shape {
        Shape::Users(profile) => most_users(profile),
        Shape::SharedIterations { users, .. } | Shape::OwnIterations { users, .. } => u64::from(*users),
        Shape::Arrivals { max_users: Some(most), .. } => u64::from(*most),
        Shape::Arrivals { max_users: None, .. } => {
            return vec![format!(
                "{name}: an open load without `max_users` has as many users at once as a slow target lets pile up"
            )];
        }
    };
    match open_files {
        Some(limit) if users + OTHER_FILES > limit => vec![format!(
            "{name}: {} users need a connection each, and this process may have {} files open; \
             raise the limit (`ulimit -n {}`) or use fewer users",
            count(users),
            count(limit),
            users + OTHER_FILES
        )],
        _ => Vec::new(),
    }
}

fn render_scenario(out: &mut String, test: &Test, scenario: &Scenario) {
    let Load { kind, shape, graceful_stop, pace, max_duration } = &scenario.load;
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
    let _ =
        writeln!(out, "            running iterations may take {} to end", scenario_duration(*graceful_stop));
    if let Some(pace) = pace {
        let _ = writeln!(out, "            each user starts its flow every {}", scenario_duration(*pace));
    }
    if let Some(longest) = max_duration {
        let _ = writeln!(out, "            over after {} at the latest", scenario_duration(*longest));
    }
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
        render_steps(out, steps, 1);
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

fn render_steps(out: &mut String, steps: &[Step], depth: usize) {
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
        let _ = writeln!(out, "{indent}{what}{chance}{when}");
        match &step.action {
            Action::If { then, otherwise, .. } => {
                render_steps(out, then, depth + 1);
                if !otherwise.is_empty() {
                    let _ = writeln!(out, "{indent}else");
                    render_steps(out, otherwise, depth + 1);
                }
            }
            Action::Choose(choices) => {
                let mut before = 0.0;
                for choice in choices {
                    let share = Percent::from_share(choice.below - before);
                    let _ = writeln!(out, "{indent}  {share} of the time");
                    render_steps(out, &choice.steps, depth + 2);
                    before = choice.below;
                }
            }
            action => {
                action.blocks().into_iter().for_each(|steps| render_steps(out, steps, depth + 1));
            }
        }
    }
}

fn plural(number: u64, what: &str) -> String {
    format!("{} {what}{}", count(number), if number == 1 { "" } else { "s" })
}
