//! Steps that hold others: groups, loops and branches.

use super::Check;
use super::keys::{CHOICE, OWNERS};
use super::reading::{Fields, listed};
use super::request::METHODS;
use crate::scenario::finding::shortened;
use crate::scenario::model::{Action, Choice, Step};
use crate::scenario::yaml::{Entry, Key, Kind, Node};
use crate::template::Slot;
use crate::units::parse_percent;

/// An action, what it needs, and its name where it has none of its own.
type Checked = Option<(Action, Vec<Slot>, String)>;

/// What the item of a `for_each` is called where nothing is said.
const ITEM: &str = "item";

/// The lists of steps within a step as it stands in the file.
pub(super) fn blocks(step: &Node) -> impl Iterator<Item = &Node> {
    let own = ["do", "then", "else", "poll", "wait_for_turn"].into_iter().filter_map(|key| step.get(key));
    let choices = step.get("choose").map_or(&[][..], |entry| entry.value.items());
    let chosen = choices.iter().filter_map(|choice| choice.get("do"));
    own.chain(chosen).map(|entry| &*entry.value)
}

/// The name of a `for_each`'s item, and where that stands.
pub(super) fn item_key(step: &Node) -> Key {
    let named = step.get("as").and_then(|entry| match &entry.value.kind {
        Kind::Text { value, .. } => Some(Key { name: value.clone(), span: entry.value.span.clone() }),
        _ => None,
    });
    let list = step.get("for_each").map_or(0..0, |entry| entry.key.span.clone());
    named.unwrap_or_else(|| Key { name: ITEM.into(), span: list })
}

fn has_request(step: &Node) -> bool {
    METHODS.iter().any(|(verb, _)| step.get(verb).is_some())
        || blocks(step).any(|steps| steps.items().iter().any(|step| has_request(step)))
}

impl Check<'_> {
    /// Keys that belong to other actions than this one.
    pub(super) fn no_foreign_keys(&mut self, fields: Fields<'_>, action: &str) {
        for (name, owners) in OWNERS {
            if let Some(entry) = fields.get(name).filter(|_| !owners.contains(&action)) {
                let help = match (name, action) {
                    ("do", "if") => "write the steps of `if` under `then:`".to_owned(),
                    ("do", "poll" | "wait_for_turn") => format!("write its steps under `{action}:` itself"),
                    ("do", "choose") => "each choice has its own `do:`".to_owned(),
                    _ => format!("it goes with {}", listed(owners)),
                };
                self.error(&entry.key.span, format!("`{name}` does not go with `{action}`"), help);
            }
        }
    }

    /// The steps under a key that must be there.
    fn inner(&mut self, fields: Fields<'_>, action: &Entry, key: &str) -> Option<Vec<Step>> {
        let Some(entry) = fields.get(key) else {
            let problem = format!("`{}` has no steps", action.key.name);
            self.error(&action.key.span, problem, format!("write them under `{key}:`"));
            return None;
        };
        Some(self.steps(entry))
    }

    /// In a loop, the first step comes after the last one of the round before.
    pub(super) fn sees_answers_of(&mut self, step: &Node) {
        self.answer |= blocks(step).any(|steps| steps.items().iter().any(|step| has_request(step)));
    }

    /// What has been compiled since the last look is needed by the step itself.
    fn needed(&mut self) -> Vec<Slot> {
        let gathered = self.gather();
        self.block_reads_body |= gathered.reads_body;
        self.note_needs(&gathered);
        gathered.needs
    }

    pub(super) fn group(&mut self, fields: Fields<'_>, entry: &Entry) -> Checked {
        let name = self.name_of(entry, "a group");
        let group = name.as_deref().and_then(|name| {
            let id = self.book.group(name);
            self.counted(id, &entry.key)
        });
        let depth = self.groups.len();
        self.groups.extend(group);
        let steps = self.inner(fields, entry, "do");
        self.groups.truncate(depth);
        Some((Action::Group { group: group?, steps: steps? }, Vec::new(), name?))
    }

    pub(super) fn repeat(&mut self, fields: Fields<'_>, entry: &Entry) -> Checked {
        let times = match &entry.value.kind {
            Kind::Int(number) if *number >= 0 => self.value(&entry.value),
            Kind::Int(_) => {
                self.whole(&entry.value, &entry.key, 0..=u64::MAX);
                None
            }
            Kind::Text { value, .. } if value.contains("${") => self.value(&entry.value),
            _ => {
                self.expected(&entry.value, &entry.key, "a number of rounds, or a `${ … }`");
                None
            }
        };
        let needs = self.needed();
        self.sees_answers_of(fields.node);
        self.course.begin_loop();
        let steps = self.inner(fields, entry, "do");
        self.course.end_loop();
        Some((Action::Repeat { times: times?, steps: steps? }, needs, "repeat".into()))
    }

    pub(super) fn while_loop(&mut self, fields: Fields<'_>, entry: &Entry) -> Checked {
        // From the second round on, the condition comes after the answers of the first.
        self.sees_answers_of(fields.node);
        let condition = self.condition(entry);
        let at_most = fields.get("at_most").map(|entry| self.rounds(entry));
        let depth = self.circumstances.len();
        // `while: true` always begins, and one that speaks of a name goes on until that has its value.
        if condition.as_ref().is_none_or(|condition| condition.source() != "true") {
            self.under(entry);
            if let (Some(own), Some(condition)) = (self.circumstances.last_mut(), &condition) {
                own.waits_for(condition.mentions());
            }
        }
        self.course.begin_loop();
        let steps = self.inner(fields, entry, "do");
        self.course.end_loop();
        self.circumstances.truncate(depth);
        let at_most = match at_most {
            Some(at_most) => Some(at_most?),
            None => None,
        };
        Some((Action::While { condition: condition?, at_most, steps: steps? }, Vec::new(), "while".into()))
    }

    fn rounds(&mut self, entry: &Entry) -> Option<u64> {
        if let Kind::Text { value, .. } = &entry.value.kind
            && crate::units::parse_duration(value).is_ok()
        {
            self.error(
                &entry.value.span,
                "`at_most` of `while` is a number of rounds",
                "write one like `at_most: 10`; to wait for so long at most, write `poll:` and `until:`",
            );
            return None;
        }
        self.whole(&entry.value, &entry.key, 1..=u64::MAX)
    }

    pub(super) fn for_each(&mut self, fields: Fields<'_>, entry: &Entry) -> Checked {
        let list = match &entry.value.kind {
            Kind::List(items) if items.is_empty() => {
                self.error(
                    &entry.key.span,
                    "this list is empty",
                    "write its items, or a list like `${ seats }`",
                );
                None
            }
            Kind::List(_) => self.value(&entry.value),
            Kind::Text { value, .. } if is_one_expression(value) => self.value(&entry.value),
            Kind::Text { value, .. } if self.names.slot(value.trim()).is_some() => {
                let name = shortened(value.trim());
                let problem = format!("`{name}` is a text here, and no name");
                self.error(&entry.value.span, problem, format!("write `${{ {name} }}`"));
                None
            }
            _ => {
                self.expected(&entry.value, &entry.key, "a list like `${ seats }` or `[1, 2, 3]`");
                None
            }
        };
        let needs = self.needed();
        if let Some(named) = fields.get("as") {
            self.text(&named.value, &named.key, "a name like `seat`");
        }
        let key = item_key(fields.node);
        self.sees_answers_of(fields.node);
        let depth = self.circumstances.len();
        self.circumstances
            .push(self.course.circumstance("fills it only where the list of `for_each` has items".into()));
        self.note_item(&key);
        self.course.begin_loop();
        let steps = self.inner(fields, entry, "do");
        self.course.end_loop();
        self.circumstances.truncate(depth);
        let item = self.names.slot(&key.name)?;
        Some((Action::ForEach { list: list?, item, steps: steps? }, needs, format!("for_each {}", key.name)))
    }

    pub(super) fn branch(&mut self, fields: Fields<'_>, entry: &Entry) -> Checked {
        let condition = self.condition(entry);
        let mut fork = self.course.fork();
        let depth = self.circumstances.len();
        self.under(entry);
        self.begin_arm(&mut fork);
        let then = self.inner(fields, entry, "then");
        self.circumstances.truncate(depth);
        let otherwise = fields.get("else").map(|otherwise| {
            let words = "fills it only in the `else` of an `if`".to_owned();
            self.circumstances.push(self.course.circumstance(words).meant());
            self.begin_arm(&mut fork);
            let steps = self.steps(otherwise);
            self.circumstances.truncate(depth);
            steps
        });
        if otherwise.is_some() {
            self.merge_arms(&fork);
        }
        let name = condition.as_ref().map_or("", |condition| condition.source());
        let name = format!("if {}", shortened(name));
        let otherwise = otherwise.unwrap_or_default();
        Some((Action::If { condition: condition?, then: then?, otherwise }, Vec::new(), name))
    }

    pub(super) fn choose(&mut self, entry: &Entry) -> Checked {
        let items = match &entry.value.kind {
            Kind::List(items) if !items.is_empty() => items,
            Kind::Null | Kind::List(_) => {
                self.error(
                    &entry.key.span,
                    "`choose` has no choices",
                    "write two or more, like `- { weight: 3, do: […] }`",
                );
                return None;
            }
            _ => {
                self.expected(&entry.value, &entry.key, "a list of choices, each with `weight` and `do`");
                return None;
            }
        };
        let mut fork = self.course.fork();
        let depth = self.circumstances.len();
        let mut weights = Vec::new();
        let mut ways = Vec::new();
        for item in items {
            let here = Key { name: entry.key.name.clone(), span: item.span.clone() };
            let fields = self.fields(item, &here, &CHOICE);
            let weight = fields.and_then(|fields| fields.get("weight"));
            weights.push(weight.and_then(|weight| self.weight(weight)));
            let words = "fills it only in one of the ways of `choose`".to_owned();
            self.circumstances.push(self.course.circumstance(words));
            self.begin_arm(&mut fork);
            let steps = fields.and_then(|fields| fields.get("do")).map(|steps| self.steps(steps));
            self.circumstances.truncate(depth);
            ways.push(steps);
        }
        self.merge_arms(&fork);
        let weights = self.shares_of(entry, &weights.into_iter().collect::<Option<Vec<_>>>()?)?;
        let ways = ways.into_iter().collect::<Option<Vec<_>>>()?;
        let mut below = 0.0;
        let mut choices: Vec<Choice> = weights
            .into_iter()
            .zip(ways)
            .map(|(weight, steps)| {
                below += weight;
                Choice { below, steps }
            })
            .collect();
        // What floats lose on the way must not leave a gap at the end.
        if let Some(last) = choices.last_mut() {
            last.below = 1.0;
        }
        Some((Action::Choose(choices), Vec::new(), "choose".into()))
    }

    fn weight(&mut self, entry: &Entry) -> Option<Weight> {
        let text = match &entry.value.kind {
            Kind::Int(_) | Kind::Float(_) | Kind::Text { .. } => entry.value.scalar_text(self.text)?,
            _ => {
                self.expected(&entry.value, &entry.key, "a number like `3`, or a share like `30%`");
                return None;
            }
        };
        let is_share = text.contains('%');
        let part = if is_share {
            match parse_percent(text) {
                Ok(share) => share.share(),
                Err(error) => {
                    self.unit(&entry.value, error);
                    return None;
                }
            }
        } else {
            match text.trim().parse::<f64>() {
                Ok(number) if number.is_finite() && number >= 0.0 => number,
                _ => {
                    self.error(
                        &entry.value.span,
                        format!("`{}` is no weight", shortened(text)),
                        "write a number like `3`, or a share like `30%`",
                    );
                    return None;
                }
            }
        };
        if part <= 0.0 {
            self.error(
                &entry.value.span,
                "with a weight of 0 it is never taken",
                "write more, or take this choice out",
            );
            return None;
        }
        Some(Weight { part, is_share })
    }

    /// What each weight is of the whole; numbers and shares do not mix, and shares are all of it.
    fn shares_of(&mut self, entry: &Entry, weights: &[Weight]) -> Option<Vec<f64>> {
        let shares = weights.iter().filter(|weight| weight.is_share).count();
        if shares > 0 && shares < weights.len() {
            self.error(
                &entry.key.span,
                "some weights are numbers and others are shares",
                "write all as numbers (`3`, `1`), or all as shares (`75%`, `25%`)",
            );
            return None;
        }
        let whole: f64 = weights.iter().map(|weight| weight.part).sum();
        if shares > 0 && (whole - 1.0).abs() > 1e-6 {
            let sum = crate::units::trim_float(whole * 100.0);
            self.error(
                &entry.key.span,
                format!("the shares of these choices add up to {sum}%"),
                "let them add up to 100%, or write numbers; what is done now and then takes `chance:`",
            );
            return None;
        }
        if !whole.is_finite() {
            self.error(&entry.key.span, "these weights are too large to add up", "write smaller ones");
            return None;
        }
        Some(weights.iter().map(|weight| weight.part / whole).collect())
    }
}

/// A weight as it is written.
#[derive(Debug, Clone, Copy)]
struct Weight {
    part: f64,
    is_share: bool,
}

/// Whether a text is one whole `${ … }`, which keeps its type.
fn is_one_expression(text: &str) -> bool {
    let text = text.trim();
    text.starts_with("${") && text.ends_with('}')
}
