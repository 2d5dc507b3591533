//! Where in an answer a page of it ends, so that the next one begins behind it.
//!
//! A page ends at a row key, as far as answers have it: the addresses and the time. Flows that are
//! equal in these are counted. So nothing is read again of what lies before a page but the flows of
//! the host that it ends in, of its last millisecond.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use super::Lookup;
use crate::flow::{Column, Columns, Family, FlowBatch, UnixMillis, address_bits};
use crate::row::{AddressRange, AddressSet, Order};
use crate::store::{self, FlowStream};

/// The last flow of a page. `Display` gives a text without blanks that `FromStr` reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    place: Place,
    /// How many flows with this place were on the pages so far.
    seen: u64,
}

/// Flows that are equal in what answers have of a row key; in the order of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    /// An end of the flow, when it began, whether it is what that end sent (0) or received (1), and
    /// the other end.
    Key(IpAddr, UnixMillis, u8, IpAddr),
    /// Anywhere, in answers whose order is not that of an end.
    Anywhere,
}

/// What is read of flows whose positions are to be told.
pub const POSITION_COLUMNS: Columns = Columns::of(&[Column::Src, Column::Dst, Column::First]);

impl Position {
    /// The position of the last flow of a page, of which `batches` are the last flows that `lookup`
    /// found; `before` is where the page began.
    pub fn last(lookup: &Lookup, batches: &[FlowBatch], before: Option<Self>) -> Option<Self> {
        let mut rows = batches
            .iter()
            .rev()
            .flat_map(|batch| (0..batch.len()).rev().map(move |row| lookup.place_of(batch, row)));
        let place = rows.next()?;
        let mut seen = 1;
        let mut others = false;
        for row in rows {
            if row != place {
                others = true;
                break;
            }
            seen += 1;
        }
        // A page of nothing else goes on where the one before it ended.
        let before = before.filter(|before| !others && before.place == place);
        Some(Self { place, seen: seen + before.map_or(0, |before| before.seen) })
    }
}

impl Lookup {
    /// This lookup, of the flows behind `position` alone.
    #[must_use]
    pub fn after(mut self, position: Position) -> Self {
        if let Place::Key(lead, first, ..) = position.place {
            let rest = behind(lead);
            for scan in &mut self.scans {
                let leads = scan
                    .lead
                    .as_ref()
                    .map_or_else(|| rest.clone(), |lead| lead.intersection(&rest));
                // The time lies behind the address, and narrows the range of one alone.
                if leads.host() == Some(lead) {
                    scan.time.since = scan.time.since.max(first);
                }
                scan.lead = Some(leads);
            }
        }
        self.after = Some(position);
        self
    }

    /// This lookup, which reads `columns`, too.
    #[must_use]
    pub fn reading_also(mut self, columns: Columns) -> Self {
        self.columns = self.columns | columns;
        for scan in &mut self.scans {
            scan.columns = scan.columns | columns;
        }
        self
    }

    /// `flows`, which this lookup finds, without those up to where it is to begin.
    pub(super) fn skipping(&self, flows: FlowStream) -> FlowStream {
        let Some(Position { place, seen }) = self.after else { return flows };
        let lookup = self.clone();
        let mut left = seen;
        let mut passed = false;
        Box::new(flows.filter_map(move |batch: store::Result<FlowBatch>| {
            let batch = match batch {
                Ok(batch) if !passed => batch,
                other => return Some(other),
            };
            let from = (0..batch.len()).find(|&row| {
                let here = lookup.place_of(&batch, row);
                let is_seen = here < place || here == place && left > 0;
                left -= u64::from(here == place && is_seen);
                !is_seen
            });
            let from = from?;
            passed = true;
            let rows: Vec<u32> = (from as u32..batch.len() as u32).collect();
            Some(Ok(batch.take_rows(&rows)))
        }))
    }

    fn place_of(&self, batch: &FlowBatch, row: usize) -> Place {
        let [first_scan, others @ ..] = &self.scans[..] else { return Place::Anywhere };
        let (src, dst) = (batch.src.get(row), batch.dst.get(row));
        let sent = match first_scan.order {
            Order::Nat => return Place::Anywhere,
            Order::Dst => false,
            Order::Src if others.is_empty() => true,
            // What an address of the question sent is found by the first scan alone.
            Order::Src => self.sent.as_ref().is_none_or(|sent| sent.contains(src)),
        };
        let first = UnixMillis(batch.first_ms[row]);
        if sent { Place::Key(src, first, 0, dst) } else { Place::Key(dst, first, 1, src) }
    }
}

/// As parameters have it: end, time in milliseconds, side, other end and number, `~` between them.
impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Place::Key(lead, first, side, other) => {
                write!(f, "{lead}~{}~{side}~{other}~{}", first.0, self.seen)
            }
            Place::Anywhere => write!(f, "~{}", self.seen),
        }
    }
}

impl FromStr for Position {
    type Err = ParsePositionError;

    fn from_str(text: &str) -> Result<Self, ParsePositionError> {
        let wrong = |_| ParsePositionError { text: text.to_owned() };
        let number = |text: &str| text.parse::<u64>().map_err(|_| wrong(()));
        let parts: Vec<&str> = text.split('~').collect();
        match parts[..] {
            ["", seen] => Ok(Self { place: Place::Anywhere, seen: number(seen)? }),
            [lead, first, side @ ("0" | "1"), other, seen] => {
                let address = |text: &str| text.parse::<IpAddr>().map_err(|_| wrong(()));
                let (lead, other) = (address(lead)?, address(other)?);
                let place =
                    Place::Key(lead, UnixMillis(number(first)?), u8::from(side == "1"), other);
                Ok(Self { place, seen: number(seen)? })
            }
            _ => Err(wrong(())),
        }
    }
}

/// Text that is no position.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no place in an answer; take it from the page before")]
pub struct ParsePositionError {
    /// What was written.
    pub text: String,
}

/// `lead`, and every address behind it.
fn behind(lead: IpAddr) -> AddressSet {
    let of_family = |family: Family, from: u128| {
        AddressRange::of_bits(family, from, address_bits(AddressRange::all(family).last()))
    };
    let family = Family::of(lead);
    let rest = of_family(family, address_bits(lead));
    let later = (family == Family::V4).then(|| AddressRange::all(Family::V6));
    AddressSet::new([rest].into_iter().chain(later))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::{Direction, Question, parse_addresses};
    use crate::store::conformance;
    use crate::store::memory::MemoryStore;
    use crate::store::{Access, Snapshot, Store};

    /// The flows of `question` on pages of `size`, by way of positions as text.
    fn on_pages(snapshot: &dyn Snapshot, question: &Question, size: usize) -> Vec<String> {
        let (mut shown, mut position) = (Vec::new(), None::<Position>);
        loop {
            let limit = Some(size as u64);
            let mut lookup = Question { limit, ..question.clone() }.plan(Columns::ALL);
            if let Some(position) = position {
                lookup = lookup.after(position.to_string().parse().unwrap());
            }
            let page: Vec<FlowBatch> =
                lookup.run(snapshot).unwrap().collect::<Result<_, _>>().unwrap();
            let rows = page.iter().map(FlowBatch::len).sum::<usize>();
            assert!(rows <= size);
            if rows == 0 {
                return shown;
            }
            shown.extend(page.iter().flat_map(FlowBatch::records).map(|flow| format!("{flow:?}")));
            position = Position::last(&lookup, &page, position);
        }
    }

    #[test]
    fn pages_of_any_size_are_the_whole_answer() {
        let store = MemoryStore::default();
        conformance::write_sample(&store, 400);
        let snapshot = store.snapshot().unwrap();
        let everything = Question::everything();
        let mut questions = vec![everything.clone()];
        for (addresses, direction) in [
            ("0.0.0.0/0", Direction::Any),
            ("10.0.0.0/8", Direction::Any),
            ("::/0", Direction::Dst),
            ("10.0.0.1", Direction::Src),
            ("10.0.0.1", Direction::Any),
        ] {
            let addresses = parse_addresses(addresses).ok();
            for access in [Access::Range, Access::Filter] {
                let question = everything.clone();
                questions.push(Question { addresses, direction, access, ..question });
            }
        }
        for question in questions {
            let whole = on_pages(&*snapshot, &question, 100_000);
            for size in [1, 7, 100] {
                assert_eq!(on_pages(&*snapshot, &question, size), whole, "{question:?} by {size}");
            }
        }
    }

    #[test]
    fn text_that_is_no_position_is_refused() {
        for text in ["", "~", "~x", "10.0.0.1~1~2~10.0.0.2~1", "10.0.0.1~1~0~10.0.0.2", "a~1~0~b~1"]
        {
            text.parse::<Position>().unwrap_err();
        }
    }
}
