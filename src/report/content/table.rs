//! A table, whatever it is written in.

use std::borrow::Cow;

use serde::Serialize;

use crate::report::words::Words;
use crate::result::harmless;

/// What a text means, from which its looks follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Tone {
    #[default]
    Plain,
    Quiet,
    Good,
    /// A business outcome.
    Expected,
    Warning,
    Bad,
}

/// Texts of files and servers are harmless to show once they are in a cell, but not escaped for any markup.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub(crate) struct Cell {
    pub(crate) text: String,
    pub(crate) tone: Tone,
    /// Written as in a file: a threshold, a path.
    pub(crate) is_code: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Column {
    pub(crate) head: &'static str,
    pub(crate) is_figure: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Table {
    /// Its heading.
    pub(crate) caption: &'static str,
    pub(crate) columns: Vec<Column>,
    /// As many cells in each as there are columns.
    pub(crate) rows: Vec<Vec<Cell>>,
    /// Rows that follow one another and agree in the first column belong together.
    pub(crate) is_grouped: bool,
    /// What one should know to read it.
    pub(crate) note: Option<String>,
}

impl Cell {
    pub(crate) fn new(text: impl AsRef<str>) -> Cell {
        Cell { text: plain(text.as_ref()).into_owned(), ..Cell::default() }
    }

    pub(crate) fn toned(tone: Tone, text: impl AsRef<str>) -> Cell {
        Cell { tone, ..Cell::new(text) }
    }

    pub(crate) fn code(text: impl AsRef<str>) -> Cell {
        Cell { is_code: true, ..Cell::new(text) }
    }

    pub(crate) fn empty() -> Cell {
        Cell::default()
    }
}

impl Table {
    /// A table of text columns, then of columns of figures.
    pub(crate) fn new(caption: &'static str, texts: &[&'static str], figures: &[&'static str]) -> Table {
        let column = |is_figure| move |head: &&'static str| Column { head, is_figure };
        let columns = texts.iter().map(column(false)).chain(figures.iter().map(column(true))).collect();
        Table { caption, columns, ..Table::default() }
    }

    /// The table, or none where it has no rows. A column in which nothing stands would only be in the way.
    pub(crate) fn if_any(mut self) -> Option<Table> {
        let is_used = |place: usize| {
            place == 0 || self.rows.iter().any(|row| row.get(place).is_some_and(|cell| !cell.text.is_empty()))
        };
        let used: Vec<bool> = (0..self.columns.len()).map(is_used).collect();
        let keep = |place: usize| used.get(place).copied().unwrap_or(true);
        let mut place = 0..;
        self.columns.retain(|_| place.next().is_none_or(keep));
        for row in &mut self.rows {
            let mut place = 0..;
            row.retain(|_| place.next().is_none_or(keep));
        }
        (!self.rows.is_empty()).then_some(self)
    }
}

/// A name, and whether it is one of those that stand apart.
pub(crate) fn named(name: &str, optional: bool, words: &Words) -> String {
    if optional { format!("{} ({})", plain(name), words.optional) } else { plain(name).into_owned() }
}

/// A text of a file or a server, on one line and without anything that would be acted on.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    harmless(text, false)
}
