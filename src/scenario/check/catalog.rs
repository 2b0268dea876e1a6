//! Numbers for everything that is measured: rows, groups, checks, metrics of the user's own, stages.

use std::collections::HashMap;

use crate::scenario::model::{
    BusinessId, Catalog, CheckId, CheckInfo, CustomId, CustomInfo, CustomKind, GroupId, GroupInfo, PollId,
    PollInfo, PollKind, RowId, RowInfo, StageId,
};

/// The catalog of a file in the making. Each name is looked up by hash: files may have thousands of steps.
#[derive(Debug, Default)]
pub(super) struct Book {
    pub(super) catalog: Catalog,
    /// The scenario that is being read; rows, groups, polls and checks belong to one.
    pub(super) scenario: u16,
    rows: HashMap<(u16, String), RowId>,
    groups: HashMap<(u16, String), GroupId>,
    polls: HashMap<(u16, String), PollId>,
    checks: HashMap<(u16, String, Option<RowId>, bool, bool), CheckId>,
    customs: HashMap<String, CustomId>,
}

/// More names of one kind than ids can count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooMany;

/// The number of what comes next in a list.
fn next(len: usize) -> Result<u16, TooMany> {
    u16::try_from(len).map_err(|_| TooMany)
}

impl Book {
    /// The row of a name: requests of one name share it.
    pub(super) fn row(&mut self, name: &str, groups: &[GroupId]) -> Result<RowId, TooMany> {
        let key = (self.scenario, name.to_owned());
        if let Some(&id) = self.rows.get(&key) {
            if let Some(row) = self.catalog.rows.get_mut(id.index()) {
                let new = groups.iter().filter(|group| !row.groups.contains(group)).copied();
                let new: Vec<GroupId> = new.collect();
                row.groups.extend(new);
            }
            return Ok(id);
        }
        let id = RowId(next(self.catalog.rows.len())?);
        let groups = groups.to_vec();
        let (name, scenario) = (name.to_owned(), self.scenario);
        self.catalog.rows.push(RowInfo { name, scenario, groups, business: Vec::new() });
        self.rows.insert(key, id);
        Ok(id)
    }

    pub(super) fn has_row(&self, name: &str) -> bool {
        self.rows.contains_key(&(self.scenario, name.to_owned()))
    }

    /// The number of a business outcome in its row.
    pub(super) fn business(&mut self, row: RowId, name: &str) -> Result<BusinessId, TooMany> {
        let Some(row) = self.catalog.rows.get_mut(row.index()) else { return Err(TooMany) };
        if let Some(place) = row.business.iter().position(|known| known == name) {
            return next(place);
        }
        let id = next(row.business.len())?;
        row.business.push(name.to_owned());
        Ok(id)
    }

    pub(super) fn group(&mut self, name: &str) -> Result<GroupId, TooMany> {
        let key = (self.scenario, name.to_owned());
        if let Some(&id) = self.groups.get(&key) {
            return Ok(id);
        }
        let id = GroupId(next(self.catalog.groups.len())?);
        self.catalog.groups.push(GroupInfo { name: name.to_owned(), scenario: self.scenario });
        self.groups.insert(key, id);
        Ok(id)
    }

    /// A poll, with the kind that it was first given.
    pub(super) fn poll(&mut self, info: PollInfo) -> Result<(PollId, PollKind), TooMany> {
        let key = (self.scenario, info.name.clone());
        if let Some(&id) = self.polls.get(&key) {
            let Some(known) = self.catalog.polls.get_mut(id.index()) else { return Err(TooMany) };
            known.has_position |= info.has_position;
            let new = info.groups.iter().filter(|group| !known.groups.contains(group)).copied();
            let new: Vec<GroupId> = new.collect();
            known.groups.extend(new);
            return Ok((id, known.kind));
        }
        let id = PollId(next(self.catalog.polls.len())?);
        let kind = info.kind;
        self.polls.insert(key, id);
        self.catalog.polls.push(info);
        Ok((id, kind))
    }

    /// A check, and whether one of that name was there before.
    pub(super) fn check(&mut self, info: CheckInfo) -> Result<(CheckId, bool), TooMany> {
        let key = (info.scenario, info.name.clone(), info.row, info.invariant, info.measured);
        if let Some(&id) = self.checks.get(&key) {
            return Ok((id, true));
        }
        let id = CheckId(next(self.catalog.checks.len())?);
        self.catalog.checks.push(info);
        self.checks.insert(key, id);
        Ok((id, false))
    }

    /// A metric of the user's own, with the kind it was first given.
    pub(super) fn custom(&mut self, name: &str, kind: CustomKind) -> Result<(CustomId, CustomKind), TooMany> {
        if let Some(&id) = self.customs.get(name) {
            let known = self.catalog.customs.get(id.index()).map_or(kind, |custom| custom.kind);
            return Ok((id, known));
        }
        let id = CustomId(next(self.catalog.customs.len())?);
        self.catalog.customs.push(CustomInfo { name: name.to_owned(), kind });
        self.customs.insert(name.to_owned(), id);
        Ok((id, kind))
    }

    /// Stages of one name are one to a filter.
    pub(super) fn stage(&mut self, name: &str) -> Result<StageId, TooMany> {
        let stages = &mut self.catalog.stages;
        if let Some(place) = stages.iter().position(|known| known == name) {
            return Ok(StageId(next(place)?));
        }
        let id = StageId(next(stages.len())?);
        stages.push(name.to_owned());
        Ok(id)
    }
}
