//! What the flows of a run come to, kept beside them (roll-ups, a materialised view).
//!
//! Runs never change, so neither do their sums. A file of sums has several parts, each of which has
//! all flows of the run: by their addresses at one end, by port and protocol, by AS, and in bins of
//! five minutes by exporter and protocol, and by exporter and interface. A row is what flows that are alike come to. One
//! more part has what was sent in each five minutes.
//!
//! - `build`: makes the parts of one order from its flows.
//! - `shares`: what was sent in stretches of time.
//! - `sum`: what some flows come to.
//! - `table`: sums of flows in any order, by what they are alike in.

mod build;
mod shares;
mod sum;
mod table;

use std::ops::Range;

pub(super) use build::{Builder, Sink};

use super::folder::manifest::{Run, SumsFile, SumsPart};
use super::run::schema::ROW_GROUP_ROWS;
use crate::flow::{Column, Columns, UnixMillis, saturated_usize};
use crate::row::{Order, Predicate};
use crate::store::{Rows, Scan};

/// Flows of a run are of one day.
const DAY_MS: u64 = 86_400_000;
/// Every stretch of time that people ask for is made of these, and so is every day of theirs.
const BIN_MS: u64 = 5 * 60 * 1000;

/// What counters and times of a row are told by, in every file of sums.
const SUMMED: Columns = Columns::of(&[
    Column::First,
    Column::Duration,
    Column::Octets,
    Column::Packets,
    Column::Source,
    Column::Flows,
]);

/// The parts of the sums of flows in `order`. What is of no end is with the sources.
pub(super) fn parts(order: Order) -> Vec<SumsPart> {
    let of_day = |by: &[Column]| part(by, DAY_MS);
    match order {
        Order::Src => vec![
            of_day(&[Column::Src]),
            of_day(&[Column::SrcPort, Column::Protocol]),
            of_day(&[Column::SrcAs]),
            part(&[Column::Source, Column::Protocol], BIN_MS),
            part(&[Column::Source, Column::Input], BIN_MS),
            SumsPart { shares: true, ..part(&[], BIN_MS) },
        ],
        Order::Dst => vec![
            of_day(&[Column::Dst]),
            of_day(&[Column::DstPort, Column::Protocol]),
            of_day(&[Column::DstAs]),
            part(&[Column::Source, Column::Output], BIN_MS),
        ],
        Order::Nat => Vec::new(),
    }
}

fn part(by: &[Column], within_ms: u64) -> SumsPart {
    let by = by.iter().map(|column| column.name().to_owned()).collect();
    SumsPart { by, within_ms, shares: false, rows: 0 }
}

/// The columns of a file with these parts.
pub(super) fn columns(parts: &[SumsPart]) -> Columns {
    parts.iter().fold(SUMMED, |columns, part| columns | part.columns())
}

/// The columns of flows that sums in `order` are made from.
pub(super) fn read_columns(order: Order) -> Columns {
    columns(&parts(order)).without(Columns::of(&[Column::Flows]))
}

impl SumsFile {
    /// Each part with its row groups.
    pub(super) fn groups(&self) -> impl Iterator<Item = (&SumsPart, Range<usize>)> {
        let mut next = 0;
        self.parts.iter().map(move |part| {
            let from = next;
            next += saturated_usize(part.rows).div_ceil(ROW_GROUP_ROWS);
            (part, from..next)
        })
    }
}

/// Where the sums are that give `scan` what it looks for among the flows of `run`: the number of
/// their file, and the row groups there. None where only the flows do.
pub(super) fn answer(run: &Run, scan: &Scan) -> Option<(usize, Range<usize>)> {
    let (by, within_ms, shares) = match scan.rows {
        Rows::Flows => return None,
        Rows::Sums { by, within_ms } => (by, within_ms, false),
        Rows::Shares { within_ms } => (Columns::NONE, within_ms, true),
    };
    if scan.ordered {
        return None;
    }
    let tested = scan.predicate.as_ref().map_or(Columns::NONE, Predicate::columns);
    let lead = scan.lead.as_ref().filter(|lead| !lead.is_of_families());
    let leading = lead.map_or(Columns::NONE, |_| Columns::of(&[scan.order.columns().0]));
    let needed = by | tested | leading;
    let answers = |file: &SumsFile, part: &SumsPart| {
        needed.without(part.columns()).is_empty()
            && (lead.is_none() || file.file.order == scan.order)
            && within_ms.is_multiple_of(part.within_ms)
            && part.shares == shares
            && is_cut_between(run, scan, part)
    };
    let files = run.sums.iter().flatten().enumerate();
    let parts = files.flat_map(|(number, file)| {
        file.groups().filter(|(part, _)| answers(file, part)).map(move |of| (number, of))
    });
    let (number, (_, groups)) = parts.min_by_key(|(_, (part, _))| part.rows)?;
    Some((number, groups))
}

/// `scan` as it is read of sums in `order`.
pub(super) fn reading(scan: &Scan, order: Order) -> Scan {
    let columns = scan.columns | Columns::of(&[Column::Flows]);
    // All addresses of a family lead in any part; others in that by them alone.
    let lead = scan.lead.clone().filter(|lead| !lead.is_of_families());
    Scan { order, lead, columns, ..scan.clone() }
}

/// Whether the time of `scan` parts no flows of `run` that share a row of `part`.
fn is_cut_between(run: &Run, scan: &Scan, part: &SumsPart) -> bool {
    // A flow has shares in stretches behind the one in which it began.
    let between = |moment: UnixMillis| !part.shares && moment.0.is_multiple_of(part.within_ms);
    (scan.time.since <= run.min_first || between(scan.time.since))
        && (run.max_first.is_before(scan.time.until) || between(scan.time.until))
}
