//! `load`: how many users come, or how many arrive, and for how long.

use std::time::Duration;

use super::Check;
use super::keys::{LOAD, STAGE};
use super::reading::Fields;
use crate::scenario::model::{Load, LoadKind, Profile, Shape, Spacing, Stage, StageId, WhenFull};
use crate::scenario::yaml::{Entry, Key, Kind, Node};
use crate::units::looks_like_rate;

/// Well above what one machine can hold.
const MOST_USERS: u64 = 1_000_000;
const GRACEFUL_STOP: Duration = Duration::from_secs(30);

const KINDS: [(&str, LoadKind); 7] = [
    ("smoke", LoadKind::Smoke),
    ("load", LoadKind::Load),
    ("spike", LoadKind::Spike),
    ("stress", LoadKind::Stress),
    ("endurance", LoadKind::Endurance),
    ("peak", LoadKind::Peak),
    ("breakpoint", LoadKind::Breakpoint),
];

/// Users in the closed model, arrivals per second in the open one.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Amount {
    Users(f64),
    Rate(f64),
}

impl Amount {
    const fn is_rate(self) -> bool {
        matches!(self, Amount::Rate(_))
    }

    const fn value(self) -> f64 {
        match self {
            Amount::Users(value) | Amount::Rate(value) => value,
        }
    }
}

impl Check<'_> {
    pub(super) fn load(&mut self, entry: &Entry) -> Option<Load> {
        let fields = self.fields(&entry.value, &entry.key, &LOAD)?;
        let kind = fields.get("kind").and_then(|entry| self.word(entry, &KINDS));
        let graceful_stop = fields.get("graceful_stop").map(|entry| self.duration(&entry.value, &entry.key));
        let max_duration = fields.get("max_duration").map(|entry| self.some_time(&entry.value, &entry.key));
        let open =
            fields.get("model").and_then(|entry| self.word(entry, &[("closed", false), ("open", true)]));
        self.one_form(fields, &entry.key)?;
        let (shape, is_open) = if let Some(stages) = fields.get("stages") {
            let shape = self.staged(fields, stages);
            let is_open = shape.as_ref().map(Shape::is_open);
            (shape, is_open)
        } else if let Some(rate) = fields.get("rate") {
            (self.constant_rate(fields, rate), Some(true))
        } else {
            (self.constant_users(fields), Some(false))
        };
        if let Some(is_open) = is_open {
            self.model_agrees(fields, open, is_open);
        }
        let cap = self.cap(fields, is_open);
        let spacing = fields.get("arrivals").map(|entry| self.spacing(entry, is_open));
        let pace = fields.get("pace").map(|entry| self.pace(entry, is_open));
        let mut shape = shape?;
        if let Shape::Arrivals { spacing: arrivals, max_users, when_full, .. } = &mut shape {
            (*max_users, *when_full) = cap?;
            *arrivals = spacing.unwrap_or(Some(Spacing::Uniform))?;
        }
        Some(Load {
            kind,
            shape,
            graceful_stop: graceful_stop.unwrap_or(Some(GRACEFUL_STOP))?,
            pace: pace.flatten(),
            max_duration: max_duration.flatten(),
        })
    }

    /// `stages`, `users` or `rate`: one of them says how much, and the keys of the others are out of place.
    fn one_form(&mut self, fields: Fields<'_>, key: &Key) -> Option<()> {
        let given: Vec<&Entry> =
            ["stages", "users", "rate"].iter().filter_map(|name| fields.get(name)).collect();
        match given.as_slice() {
            [] => {
                if !fields.has_unknown {
                    self.error(
                        &key.span,
                        "this load does not say how much",
                        "write `users: 10` with `duration: 1m`, `rate: 50/s` with `duration: 1m`, or `stages:`",
                    );
                }
                return None;
            }
            [_] => {}
            [first, second, ..] => {
                let at = second.key.span.clone();
                self.error(
                    &at,
                    format!("`{}` and `{}` exclude each other", first.key.name, second.key.name),
                    "keep `stages` for a course over time; `users` or `rate` with `duration` for a constant load",
                );
                return None;
            }
        }
        let form = given[0].key.name.as_str();
        let misplaced: &[(&str, &str)] = match form {
            "stages" => &[
                ("duration", "each stage has its own `duration`"),
                ("iterations", "a fixed number of iterations goes with `users`"),
                ("iterations_per_user", "a fixed number of iterations goes with `users`"),
            ],
            "rate" => &[
                ("from", "`from` goes with `stages`"),
                ("iterations", "a fixed number of iterations goes with `users`"),
                ("iterations_per_user", "a fixed number of iterations goes with `users`"),
            ],
            _ => &[("from", "`from` goes with `stages`")],
        };
        for (name, help) in misplaced {
            if let Some(entry) = fields.get(name) {
                self.error(&entry.key.span, format!("`{name}` does not go with `{form}`"), *help);
            }
        }
        Some(())
    }

    fn staged(&mut self, fields: Fields<'_>, entry: &Entry) -> Option<Shape> {
        let from = fields.get("from").map(|entry| self.amount(&entry.value, &entry.key));
        let Kind::List(items) = &entry.value.kind else {
            self.expected(&entry.value, &entry.key, "a list like `[{ duration: 30s, target: 20 }]`");
            return None;
        };
        if items.is_empty() {
            self.error(
                &entry.value.span,
                "`stages` is empty",
                "write at least one, like `- { duration: 30s, target: 20 }`",
            );
            return None;
        }
        let mut stages = Vec::with_capacity(items.len());
        let mut first: Option<(Amount, usize)> = from.flatten().map(|amount| (amount, entry.key.span.start));
        let mut whole = from != Some(None);
        for item in items {
            let Some((stage, amount)) = self.stage(item, &entry.key) else {
                whole = false;
                continue;
            };
            match first {
                None => first = Some((amount, item.span.start)),
                Some((before, _)) if before.is_rate() != amount.is_rate() => {
                    let at = item.get("target").map_or(&item.span, |target| &target.value.span).clone();
                    let (here, there) =
                        if amount.is_rate() { ("a rate", "users") } else { ("users", "a rate") };
                    self.error(
                        &at,
                        format!("this stage leads to {here}, one before it to {there}"),
                        "write all targets as users (`50`, closed model) or all as rates (`50/s`, open model)",
                    );
                    whole = false;
                }
                Some(_) => {}
            }
            stages.push(stage);
        }
        let (first, _) = first.filter(|_| whole)?;
        let from = from.flatten().map_or(0.0, Amount::value);
        if from == 0.0 && stages.iter().all(|stage| stage.target == 0.0) {
            self.error(
                &entry.key.span,
                "nobody ever comes: every target is 0",
                "give at least one stage a target above 0",
            );
            return None;
        }
        let profile = Profile { from, stages };
        Some(if first.is_rate() { open(profile) } else { Shape::Users(profile) })
    }

    fn stage(&mut self, node: &Node, key: &Key) -> Option<(Stage, Amount)> {
        let fields = self.fields(node, &Key { name: key.name.clone(), span: node.span.clone() }, &STAGE)?;
        let duration = fields.get("duration").and_then(|entry| self.some_time(&entry.value, &entry.key));
        let amount = fields.get("target").and_then(|entry| self.amount(&entry.value, &entry.key));
        let name = fields.get("name").map(|entry| self.stage_name(entry));
        let (duration, amount) = (duration?, amount?);
        let name = match name {
            Some(name) => Some(name?),
            None => None,
        };
        Some((Stage { duration, target: amount.value(), name }, amount))
    }

    fn stage_name(&mut self, entry: &Entry) -> Option<StageId> {
        let name = self.name_of(entry, "a stage")?;
        let id = self.book.stage(&name);
        self.counted(id, &entry.key)
    }

    /// A number of users, or a rate.
    fn amount(&mut self, node: &Node, key: &Key) -> Option<Amount> {
        match &node.kind {
            Kind::Int(_) => self.whole(node, key, 0..=MOST_USERS).map(|users| Amount::Users(users as f64)),
            Kind::Text { value, .. } if looks_like_rate(value) => {
                self.rate(node, key).map(|rate| Amount::Rate(rate.as_per_second()))
            }
            _ => {
                self.expected(node, key, "a number of users like `50`, or a rate like `50/s`");
                None
            }
        }
    }

    fn constant_rate(&mut self, fields: Fields<'_>, entry: &Entry) -> Option<Shape> {
        let rate = self.rate(&entry.value, &entry.key);
        let duration = self.duration_of(fields, entry);
        let rate = rate?.as_per_second();
        if rate <= 0.0 {
            self.error(&entry.value.span, "`rate` must be more than nothing", "write a rate like `50/s`");
            return None;
        }
        Some(open(Profile::constant(rate, duration?)))
    }

    fn constant_users(&mut self, fields: Fields<'_>) -> Option<Shape> {
        let entry = fields.get("users")?;
        let users = self.whole(&entry.value, &entry.key, 1..=MOST_USERS);
        let own = fields.get("iterations_per_user");
        if let (Some(_), Some(own)) = (fields.get("iterations"), own) {
            self.error(
                &own.key.span,
                "`iterations` and `iterations_per_user` exclude each other",
                "keep `iterations` for a number that all share, or `iterations_per_user` for one that each does",
            );
        }
        let Some(entry) = fields.get("iterations").or(own) else {
            let duration = self.duration_of(fields, entry);
            return Some(Shape::Users(Profile::constant(users? as f64, duration?)));
        };
        if let Some(duration) = fields.get("duration") {
            self.error(
                &duration.key.span,
                format!("`duration` and `{}` exclude each other", entry.key.name),
                "write `max_duration` to bound a fixed number of iterations",
            );
        }
        let iterations = self.whole(&entry.value, &entry.key, 1..=u64::MAX)?;
        let users = users? as u32;
        Some(if own.is_some() {
            Shape::OwnIterations { users, each: iterations }
        } else {
            Shape::SharedIterations { users, iterations }
        })
    }

    fn duration_of(&mut self, fields: Fields<'_>, amount: &Entry) -> Option<Duration> {
        let Some(entry) = fields.get("duration") else {
            let name = amount.key.name.as_str();
            let help = if name == "users" {
                "write `duration: 1m`, or `iterations: 100`"
            } else {
                "write `duration: 1m`"
            };
            self.error(&amount.key.span, format!("`{name}` does not say for how long"), help);
            return None;
        };
        self.some_time(&entry.value, &entry.key)
    }

    fn model_agrees(&mut self, fields: Fields<'_>, open: Option<bool>, is_open: bool) {
        let (Some(open), Some(entry)) = (open, fields.get("model")) else { return };
        if open == is_open {
            return;
        }
        let (problem, help) = if open {
            (
                "the open model has arrivals, and this load has users",
                "write rates like `50/s`, or `model: closed`",
            )
        } else {
            (
                "the closed model has users, and this load has rates",
                "write numbers of users like `50`, or `model: open`",
            )
        };
        self.error(&entry.value.span, problem, help);
    }

    fn spacing(&mut self, entry: &Entry, is_open: Option<bool>) -> Option<Spacing> {
        if is_open == Some(false) {
            self.error(
                &entry.key.span,
                "`arrivals` belongs to the open model, and this load has users",
                "take it out, or write rates like `50/s`",
            );
        }
        self.word(entry, &[("uniform", Spacing::Uniform), ("poisson", Spacing::Poisson)])
    }

    fn pace(&mut self, entry: &Entry, is_open: Option<bool>) -> Option<Duration> {
        if is_open == Some(true) {
            self.error(
                &entry.key.span,
                "`pace` belongs to the closed model, and this load has arrivals",
                "take it out: arrivals have a pace of their own, their rate",
            );
        }
        self.some_time(&entry.value, &entry.key)
    }

    /// `max_users` and `when_full`, which only the open model has.
    fn cap(&mut self, fields: Fields<'_>, is_open: Option<bool>) -> Option<(Option<u32>, WhenFull)> {
        let (cap, full) = (fields.get("max_users"), fields.get("when_full"));
        if is_open == Some(false) {
            for entry in [cap, full].into_iter().flatten() {
                self.error(
                    &entry.key.span,
                    format!("`{}` belongs to the open model, and this load has users", entry.key.name),
                    "take it out: the users of the closed model are their own limit",
                );
            }
            return None;
        }
        let max_users = match cap {
            Some(entry) => Some(self.whole(&entry.value, &entry.key, 1..=MOST_USERS)? as u32),
            None => None,
        };
        let when_full = match full {
            Some(entry) => self.word(entry, &[("drop", WhenFull::Drop), ("wait", WhenFull::Wait)])?,
            None => WhenFull::Drop,
        };
        if let (Some(entry), None) = (full, cap) {
            self.error(
                &entry.key.span,
                "`when_full` says nothing without `max_users`",
                "write `max_users` as well, or take it out",
            );
        }
        Some((max_users, when_full))
    }
}

fn open(profile: Profile) -> Shape {
    Shape::Arrivals { profile, spacing: Spacing::Uniform, max_users: None, when_full: WhenFull::Drop }
}
