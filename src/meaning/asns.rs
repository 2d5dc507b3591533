//! Numbers of autonomous systems: from flows, from databases, or from whichever has one.

use std::ops::Range;
use std::str::FromStr;
use std::sync::Arc;

use super::Table;
use crate::flow::{Addresses, Column};
use crate::row::{AddressField, NumberField, NumberSet, Predicate};

/// Where numbers of autonomous systems come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AsNumbers {
    /// From flows, as exporters told them.
    Exported,
    /// From databases, by the address.
    Database,
    /// From flows, and from databases where the exporter sent none.
    Either,
}

impl AsNumbers {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Exported, Self::Database, Self::Either];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exported => "exported",
            Self::Database => "database",
            Self::Either => "either",
        }
    }
}

impl FromStr for AsNumbers {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|known| known.name() == text);
        known.ok_or_else(|| format!("{text:?} is none of exported, database and either"))
    }
}

/// The numbers that databases have of addresses.
#[derive(Debug, PartialEq, Eq)]
pub struct Asns {
    table: Arc<Table>,
    /// The number of each label.
    numbers: Vec<u32>,
    /// Whether those that exporters told count before.
    exported_first: bool,
}

impl Asns {
    pub(super) fn new(table: Arc<Table>, exported_first: bool) -> Self {
        let number = |label| table.text(label).parse().unwrap_or(0);
        let numbers = (0..=table.texts().len() as u32).map(number).collect();
        Self { table, numbers, exported_first }
    }

    /// Whether those that exporters told count before those of databases.
    pub fn is_exported_first(&self) -> bool {
        self.exported_first
    }

    /// The numbers of some of `addresses`, of which exporters told those in `exported`.
    pub(crate) fn each(
        &self,
        addresses: &Addresses,
        exported: &[u32],
        rows: Range<usize>,
        mut each: impl FnMut(u32),
    ) {
        let mut told = exported.get(rows.clone()).unwrap_or_default().iter();
        self.table.each_label(addresses, &[], rows, |label| {
            let told = told.next().copied().filter(|&told| self.exported_first && told != 0);
            each(told.unwrap_or(self.numbers[label as usize]));
        });
    }

    /// The flows whose number is in `set`, which is asked of this column.
    pub fn flows_of(&self, set: &NumberSet, column: Column) -> Predicate {
        let address = if column == Column::SrcAs { AddressField::Src } else { AddressField::Dst };
        let wanted: Vec<bool> =
            self.numbers.iter().map(|&number| set.contains(number.into())).collect();
        let by_address =
            Predicate::Address(address, self.table.addresses(|label| wanted[label as usize]));
        if !self.exported_first {
            return by_address;
        }
        let told = |set| Predicate::Number(NumberField::Column(column), set);
        let none = told(NumberSet::only(0));
        let exported = Predicate::and([Predicate::not(none.clone()), told(set.clone())]);
        Predicate::or([exported, Predicate::and([none, by_address])])
    }
}
