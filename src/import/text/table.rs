//! Columns by their titles.

use super::{Wrong, wrong};

/// Where the columns of a table are that are read, in the order of a list of their names.
#[derive(Debug, Clone, Default)]
pub(super) struct Table {
    /// The place of each in a line.
    places: Vec<Option<usize>>,
    /// How many columns lines have.
    columns: usize,
}

impl Table {
    /// The columns of these `titles` that `names` has, each under several names perhaps.
    pub(super) fn of(titles: &[&str], names: &[&[&str]]) -> Self {
        let place = |names: &&[&str]| {
            titles
                .iter()
                .position(|title| names.iter().any(|name| title.eq_ignore_ascii_case(name)))
        };
        Self { places: names.iter().map(place).collect(), columns: titles.len() }
    }

    pub(super) fn has(&self, name: usize) -> bool {
        self.places.get(name).is_some_and(Option::is_some)
    }

    /// The cells of a line, if it has as many as there are titles.
    pub(super) fn cells<'a, 'b>(&'a self, cells: &'a [&'b str]) -> Result<Cells<'a, 'b>, Wrong> {
        if cells.len() == self.columns {
            return Ok(Cells { table: self, cells });
        }
        let (is, expected) = (cells.len(), self.columns);
        Err(wrong("number of columns", format!("it has {is} columns in place of {expected}")))
    }
}

/// The cells of one line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cells<'a, 'b> {
    table: &'a Table,
    cells: &'a [&'b str],
}

impl<'b> Cells<'_, 'b> {
    /// The cell of the column of this place in the list of names; nothing where there is no such
    /// column.
    pub(super) fn get(&self, name: usize) -> &'b str {
        let place = self.table.places.get(name).copied().flatten();
        place.and_then(|place| self.cells.get(place)).map_or("", |cell| cell.trim())
    }
}
