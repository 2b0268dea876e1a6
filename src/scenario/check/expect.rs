//! `expect`: which answers are a success, which a business outcome, and what must be true of them.

use super::Check;
use super::keys::EXPECT;
use super::steps::Place;
use crate::scenario::finding::shortened;
use crate::scenario::model::{BusinessId, BusinessRule, CheckId, CheckInfo, Expect, RowId, StatusSet};
use crate::scenario::threshold::{CAUSES, CLASSES};
use crate::scenario::yaml::{Entry, Key, Kind, Node};
use crate::template::Expr;

const STATUSES: &str = "a status like `200`, `2xx` or `200..299`, or a list of them";

impl Check<'_> {
    pub(super) fn expect(&mut self, entry: Option<&Entry>, place: Place) -> Expect {
        let fields = entry.and_then(|entry| self.fields(&entry.value, &entry.key, &EXPECT));
        let get = |name| fields.and_then(|fields| fields.get(name));
        let status = get("status").and_then(|entry| self.statuses(&entry.value, &entry.key));
        let latency = get("latency").and_then(|entry| self.some_time(&entry.value, &entry.key));
        let mut own: Vec<Entry> = Vec::new();
        if let Some(entry) = get("business") {
            own = self.names(entry, "a map of names and statuses, like `seat taken: 409`").to_vec();
        }
        // The step's own win over defaults of the same name.
        let defaults =
            self.business.iter().filter(|entry| !own.iter().any(|one| one.key.name == entry.key.name));
        let defaults: Vec<Entry> = defaults.cloned().collect();
        let mut business = Vec::new();
        for (number, entry) in own.iter().chain(&defaults).enumerate() {
            business.extend(self.business_rule(entry, place.row, number));
        }
        let checks = get("checks").map(|entry| self.checks(entry, place.row)).unwrap_or_default();
        Expect {
            status: status.or_else(|| self.status.clone()).unwrap_or_default(),
            business,
            checks,
            latency,
        }
    }

    fn business_rule(
        &mut self,
        entry: &Entry,
        row: Option<RowId>,
        number: usize,
    ) -> Option<(BusinessId, BusinessRule)> {
        let name = self.good_name(&entry.key.name, &entry.key.span, "a business outcome");
        if let Some(name) = name.as_deref().filter(|name| CLASSES.contains(name) || CAUSES.contains(name)) {
            let name = name.to_owned();
            self.error(
                &entry.key.span,
                format!("`{name}` already means something in filters and reports"),
                "name the refusal itself, like `seat taken`",
            );
            return None;
        }
        let rule = if is_status(&entry.value) {
            self.statuses(&entry.value, &entry.key).map(BusinessRule::Status)
        } else {
            self.expression(&entry.value, &entry.key).map(BusinessRule::When)
        };
        let (name, rule) = (name?, rule?);
        let id = match row {
            Some(row) => {
                let id = self.book.business(row, &name);
                self.counted(id, &entry.key)?
            }
            None => BusinessId::try_from(number).ok()?,
        };
        Some((id, rule))
    }

    /// Named conditions; those of `verify` are the test's invariants.
    pub(super) fn checks(&mut self, entry: &Entry, row: Option<RowId>) -> Vec<(CheckId, Expr)> {
        let mut checks = Vec::new();
        for entry in
            self.names(entry, "a map of names and expressions, like `total is right: json.total == 3`")
        {
            let expr = self.expression(&entry.value, &entry.key);
            let name = entry.key.name.trim();
            if name.is_empty() {
                self.error(
                    &entry.key.span,
                    "this check has no name",
                    "write what must be true, like `no seat sold twice`",
                );
                continue;
            }
            let invariant = self.block == super::Block::Verify;
            let measured = self.block.is_measured();
            let info = CheckInfo { name: name.to_owned(), scenario: self.number, row, invariant, measured };
            let known = self.book.check(info);
            let Some((id, was_known)) = self.counted(known, &entry.key) else { continue };
            if invariant && was_known {
                self.error(
                    &entry.key.span,
                    format!("two invariants are named `{}`", shortened(name)),
                    "give each check of `verify` a name of its own: reports list them by it",
                );
            }
            checks.extend(expr.map(|expr| (id, expr)));
        }
        checks
    }

    /// `409`, `2xx`, `200..299`, or a list of these.
    pub(super) fn statuses(&mut self, node: &Node, key: &Key) -> Option<StatusSet> {
        match &node.kind {
            Kind::List(items) if !items.is_empty() => {
                let ranges: Vec<_> = items.iter().map(|item| self.status(item, key)).collect();
                Some(StatusSet(ranges.into_iter().collect::<Option<_>>()?))
            }
            Kind::Int(_) | Kind::Text { .. } => Some(StatusSet(vec![self.status(node, key)?])),
            _ => {
                self.expected(node, key, STATUSES);
                None
            }
        }
    }

    fn status(&mut self, node: &Node, key: &Key) -> Option<(u16, u16)> {
        let text = self.text(node, key, STATUSES)?;
        let Some((low, high)) = range_of(text) else {
            self.error(
                &node.span,
                format!("`{}` is no status", shortened(text)),
                format!("write {STATUSES}"),
            );
            return None;
        };
        if (100..600).contains(&low) && (100..600).contains(&high) && low <= high {
            return Some((low as u16, high as u16));
        }
        let help =
            if low > high { "the lower status comes first" } else { "statuses lie between 100 and 599" };
        self.error(&node.span, format!("`{}` is no status", shortened(text)), help);
        None
    }
}

/// Whether a business rule is a status rather than an expression.
fn is_status(node: &Node) -> bool {
    match &node.kind {
        Kind::Int(_) | Kind::List(_) | Kind::Float(_) => true,
        // `4x` is no status either, but surely no expression.
        Kind::Text { value, .. } => {
            let digits = value.starts_with(|c: char| c.is_ascii_digit());
            range_of(value).is_some()
                || (digits && value.chars().all(|c| c.is_ascii_digit() || "xX".contains(c)))
        }
        _ => false,
    }
}

fn range_of(text: &str) -> Option<(u64, u64)> {
    let text = text.trim();
    let number = |text: &str| {
        let digits = !text.is_empty() && text.len() < 10 && text.chars().all(|c| c.is_ascii_digit());
        digits.then(|| text.parse::<u64>().ok()).flatten()
    };
    if let Some(class) = text.strip_suffix("xx").or_else(|| text.strip_suffix("XX")) {
        let class = number(class)?;
        return Some((class * 100, class * 100 + 99));
    }
    if let Some((low, high)) = text.split_once("..") {
        return Some((number(low.trim())?, number(high.trim())?));
    }
    number(text).map(|status| (status, status))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_numbers_classes_and_ranges() {
        for (text, range) in [
            ("409", Some((409, 409))),
            ("2xx", Some((200, 299))),
            ("200..299", Some((200, 299))),
            (" 200 .. 204 ", Some((200, 204))),
            ("status == 401", None),
            ("xx", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(range_of(text), range, "{text}");
        }
    }
}
