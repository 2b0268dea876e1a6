//! A row as expressions see it: `users.name`.

use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectRepr, ValueKind};

use super::DataProblem;
use crate::template::{RowFields, Value};

/// A row of a CSV file: an object of texts.
#[derive(Debug)]
pub struct Row {
    columns: Arc<[Arc<str>]>,
    /// All values, one after another.
    text: Box<str>,
    /// Where each of them ends.
    ends: Box<[usize]>,
}

impl Row {
    /// None where there are not as many values as columns, or their ends are none.
    pub(super) fn new(columns: Arc<[Arc<str>]>, text: &str, ends: &[usize]) -> Option<Row> {
        let fits = columns.len() == ends.len()
            && ends.is_sorted()
            && ends.iter().all(|&end| text.is_char_boundary(end));
        fits.then(|| Row { columns, text: text.into(), ends: ends.into() })
    }

    fn value(&self, place: usize) -> Option<&str> {
        let from = place.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.text.get(from..*self.ends.get(place)?)
    }
}

impl Object for Row {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }
    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        let place = self.columns.iter().position(|column| **column == *key)?;
        self.value(place).map(Value::from)
    }
    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.columns.iter().map(|name| Value::from(Arc::clone(name))).collect())
    }
}

/// What rows hold that may be of any kind: the names of all of them, in the order in which they first come.
pub(super) fn fields(rows: &[Value]) -> Result<RowFields, DataProblem> {
    let is_object = |row: &Value| row.kind() == ValueKind::Map;
    let objects = rows.first().is_some_and(is_object);
    if let Some(place) = rows.iter().position(|row| is_object(row) != objects) {
        return Err(DataProblem::Mixed { place: place + 1 });
    }
    if !objects {
        return Ok(RowFields::Whole);
    }
    let mut names: Vec<Arc<str>> = Vec::new();
    for row in rows {
        for name in row.try_iter().into_iter().flatten() {
            let Some(name) = name.as_str() else { continue };
            if !names.iter().any(|known| **known == *name) {
                names.push(name.into());
            }
        }
    }
    Ok(RowFields::Named(names.into()))
}
