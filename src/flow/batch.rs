//! Many flows of one family, a vector a column.

use std::mem::swap;
use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;

use super::fields::columns;
use super::rows::{extend, take};
use super::values::{ColumnValues, Values, ValuesMut};
use super::{
    Addresses, Column, Columns, Extras, Family, FlowCounts, Leading, NatLead, Numbers, Origin,
    Source,
};

macro_rules! batch {
    ($($column:ident $field:ident: $values:ty, $($rest:tt),*;)*) => {
        /// Flows of one family, a vector a column; a column that a scan did not ask for is empty.
        ///
        /// What `load` fills, and what a scan gives back. Its rows are in key order where they come
        /// from an ordered scan, else in any order.
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[expect(missing_docs, reason = "each column holds the field of FlowRecord of its name")]
        pub struct FlowBatch {
            rows: usize,
            $(pub $field: $values,)*
            /// The sources that the column `source` counts in; it may hold more than the rows use.
            pub sources: Arc<Vec<Source>>,
            /// Each flow's identity. Only batches that are to be stored have it.
            pub origin: Vec<Origin>,
        }

        impl FlowBatch {
            /// No rows of `family`.
            pub fn new(family: Family) -> Self {
                Self {
                    rows: 0,
                    $($field: <$values>::none(family),)*
                    sources: Arc::default(),
                    origin: Vec::new(),
                }
            }

            /// Makes room for `rows` more rows, so that appending them moves nothing.
            pub fn reserve(&mut self, rows: usize) {
                $(ColumnValues::reserve(&mut self.$field, rows);)*
                self.origin.reserve(rows);
            }

            /// Takes every row out and keeps the room they had, for the next ones.
            pub fn clear(&mut self) {
                self.rows = 0;
                $(ColumnValues::clear(&mut self.$field);)*
                self.origin.clear();
            }

            /// A batch of these rows of this one, in this order.
            #[must_use]
            pub fn take_rows(&self, rows: &[u32]) -> Self {
                Self {
                    rows: rows.len(),
                    $($field: ColumnValues::take_rows(&self.$field, rows),)*
                    sources: Arc::clone(&self.sources),
                    origin: take(&self.origin, rows),
                }
            }

            /// Appends `rows` of `other`, which has the same family and columns, and the same
            /// sources or more of them.
            pub fn append_rows(&mut self, other: &Self, rows: Range<usize>) {
                self.take_sources(other);
                $(self.$field.extend_rows(self.rows, &other.$field, &rows);)*
                extend(&mut self.origin, &other.origin, &rows);
                self.rows += rows.len();
            }

            /// Appends picked rows of `others`, each of which is as [`Self::append_rows`] wants it: of
            /// the one in that place that row. It goes column by column.
            pub(crate) fn append_picked(&mut self, others: &[Arc<Self>], picked: &[(u32, u32)]) {
                for other in others {
                    self.take_sources(other);
                }
                $({
                    let others: Vec<_> = others.iter().map(|other| &other.$field).collect();
                    ColumnValues::extend_picked(&mut self.$field, self.rows, &others, picked);
                })*
                if others.iter().any(|other| !other.origin.is_empty()) {
                    for &(place, row) in picked {
                        let row = row as usize;
                        extend(&mut self.origin, &others[place as usize].origin, &(row..row + 1));
                    }
                }
                self.rows += picked.len();
            }

            /// Appends a flow from `src` to `dst`, of the batch's family as the next hop is, with
            /// `numbers` in all other columns, those of its times and its source among them.
            pub fn push_numbers(
                &mut self,
                [src, dst, next_hop]: [IpAddr; 3],
                numbers: &Numbers,
                origin: Origin,
                extras: &[u8],
            ) {
                $(self.$field.push_number(numbers[Column::$column]);)*
                self.src.push(src);
                self.dst.push(dst);
                self.next_hop.push(next_hop);
                self.extras.set(self.rows, extras);
                self.origin.push(origin);
                self.rows += 1;
            }

            /// The values of `column`.
            pub fn values(&self, column: Column) -> Values<'_> {
                match column {
                    $(Column::$column => self.$field.values(),)*
                }
            }

            /// The values of `column`, to be filled or changed: as many as there are rows.
            pub(crate) fn values_mut(&mut self, column: Column) -> ValuesMut<'_> {
                match column {
                    $(Column::$column => self.$field.values_mut(),)*
                }
            }

            fn swap_column(&mut self, other: &mut Self, column: Column) {
                match column {
                    $(Column::$column => swap(&mut self.$field, &mut other.$field),)*
                }
            }
        }
    };
}

columns!(batch);

impl FlowBatch {
    /// Takes the sources of `other` where these are more.
    fn take_sources(&mut self, other: &Self) {
        if !Arc::ptr_eq(&other.sources, &self.sources) {
            debug_assert!(other.sources.starts_with(&self.sources));
            if other.sources.len() > self.sources.len() {
                self.sources = Arc::clone(&other.sources);
            }
        }
    }

    /// The family of every row.
    pub fn family(&self) -> Family {
        self.src.family()
    }

    /// How many rows there are, also where no column was read.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// What leads the row in the order of addresses behind a NAT; None in batches of other orders.
    pub(crate) fn nat_lead(&self, row: usize) -> Option<NatLead> {
        let address = *self.nat.bits().get(row).filter(|&&address| address != 0)?;
        Some(NatLead { address, port: *self.nat_port.0.get(row)? })
    }

    /// Appends what leads more rows in that order.
    pub(crate) fn extend_nat_leads(&mut self, leads: &[NatLead]) {
        for lead in leads {
            self.nat.0.push_bits(lead.address);
            self.nat_port.0.push(lead.port);
        }
    }

    /// How many flows its rows stand for.
    pub fn flow_count(&self) -> u64 {
        self.flows.total(self.rows)
    }

    /// How many flows are of no packet and no octet, where both columns were read.
    pub(crate) fn without_traffic(&self) -> u64 {
        let counters = self.octets.iter().zip(&self.packets);
        let rows = counters.zip(self.flows.of_rows(0..self.rows));
        rows.filter(|&((&octets, &packets), _)| octets == 0 && packets == 0)
            .map(|(_, flows)| flows)
            .sum()
    }

    /// States how many rows the columns hold, after they were filled directly.
    pub(crate) fn set_len(&mut self, rows: usize) {
        self.rows = rows;
    }

    /// This batch with `columns` taken from `other`, which has as many rows.
    #[must_use]
    pub(crate) fn with_columns_of(mut self, mut other: Self, columns: Columns) -> Self {
        debug_assert_eq!(self.rows, other.rows);
        for column in columns.iter() {
            self.swap_column(&mut other, column);
        }
        self
    }

    /// This batch with only `columns` in it (projection).
    #[must_use]
    pub fn project(mut self, columns: Columns) -> Self {
        let mut dropped = Self::new(self.family());
        for column in Columns::EVERY.without(columns).iter() {
            self.swap_column(&mut dropped, column);
        }
        self
    }
}
