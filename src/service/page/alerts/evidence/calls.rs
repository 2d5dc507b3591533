//! A beacon: when it called, and how long the pauses were.

use super::super::super::ask::{Ask, Fault};
use super::reading::Reading;
use super::{Drawn, GONE, figure, nothing};
use crate::aggregate::{Aggregate, over};
use crate::answer::words::{grouped, plural, seconds};
use crate::answer::{Calls, Pauses, draw_calls, draw_pauses};
use crate::flow::{Column, Columns, FlowBatch, UnixMillis};
use crate::query::{Direction, Question};
use crate::store::{Result, StoreError};

use super::bounded::{bounded, too_long};

/// So many records are drawn at most.
const MOST: usize = 200_000;

pub(super) fn pictures(ask: &Ask<'_>, reading: &Reading<'_>) -> Result<Vec<Drawn>, Fault> {
    let began = reading.began(ask)?;
    let mut times: Vec<UnixMillis> =
        began.connections.iter().map(|connection| connection.first).collect();
    let (mut noun, mut lacking) = ("call", began.lacking);
    // Of one port of UDP that calls all the time, each record is a call.
    let contacts = reading.number("contacts").unwrap_or(0);
    if (times.len() as u64) < contacts / 2 && lacking.is_none() {
        (times, lacking) = records(ask, reading)?;
        noun = "record";
    }
    if times.is_empty() {
        return Ok(nothing("When it called", lacking.as_deref().unwrap_or(GONE)));
    }
    Ok(drawn(ask, &times, (noun, lacking), reading.number("period")))
}

fn drawn(
    ask: &Ask<'_>,
    times: &[UnixMillis],
    (noun, lacking): (&str, Option<String>),
    period_ms: Option<u64>,
) -> Vec<Drawn> {
    let pauses_ms: Vec<u64> = times.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    let middle = crate::detect::median(pauses_ms.iter().map(|&pause| pause as f64).collect());
    let calls = Calls { times, pause_ms: middle as u64 };
    let pauses = Pauses { pauses_ms: &pauses_ms, period_ms };
    let title = "When it called";
    let room = crate::answer::Room::Page;
    let look = crate::answer::Look { room, title, zone: ask.zone.zone() };
    let said = draw_calls(&calls, look).1;
    let longer = draw_pauses(&pauses, look).1;
    let middle = format!("half of them shorter than {}", seconds(middle / 1000.0));
    vec![
        Drawn {
            title,
            said: format!("{}, {said}", plural(times.len() as u64, noun)),
            picture: figure(ask, title, |look| draw_calls(&calls, look).0),
            lacking,
        },
        Drawn {
            title: "How long it paused",
            said: [middle, longer]
                .into_iter()
                .filter(|said| !said.is_empty())
                .collect::<Vec<_>>()
                .join(", "),
            picture: figure(ask, "How long it paused", |look| draw_pauses(&pauses, look).0),
            lacking: None,
        },
    ]
}

/// When the records of flows from its host began, by time.
fn records(
    ask: &Ask<'_>,
    reading: &Reading<'_>,
) -> Result<(Vec<UnixMillis>, Option<String>), Fault> {
    let question = Question {
        addresses: reading.host.map(Into::into),
        direction: Direction::Src,
        ..reading.question(reading.time)
    };
    let lookup = question.plan_unordered(Columns::of(&[Column::First]));
    let read = bounded(ask, |snapshot| over(&*snapshot, lookup.scans(), Begun::default));
    let (mut times, lacking) = match read {
        Err(StoreError::Stopped) => (Vec::new(), Some(too_long())),
        read => read?.told(),
    };
    times.sort_unstable();
    Ok((times, lacking))
}

/// When flows began.
#[derive(Default)]
struct Begun {
    times: Vec<UnixMillis>,
    /// Whether there were more than there is room for.
    is_cut: bool,
}

impl Begun {
    fn add(&mut self, times: impl ExactSizeIterator<Item = UnixMillis>) {
        let room = MOST.saturating_sub(self.times.len());
        self.is_cut |= times.len() > room;
        self.times.extend(times.take(room));
    }

    /// The times, and why these are not all.
    fn told(self) -> (Vec<UnixMillis>, Option<String>) {
        let cut = || format!("Drawn are {} records.", grouped(MOST as u64));
        (self.times, self.is_cut.then(cut))
    }
}

impl Aggregate for Begun {
    fn observe(&mut self, flows: &FlowBatch) -> Result<()> {
        self.add(flows.first_ms.iter().copied().map(UnixMillis));
        Ok(())
    }

    fn merge(&mut self, other: Self) -> Result<()> {
        self.is_cut |= other.is_cut;
        self.add(other.times.into_iter());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_there_is_no_room_for_is_told() {
        let begun = |count: usize| {
            let mut begun = Begun::default();
            begun.add(vec![UnixMillis(1); count].into_iter());
            begun
        };
        assert_eq!(begun(200_000).told().1, None);
        let mut two = begun(150_000);
        two.merge(begun(50_001)).unwrap();
        let (times, lacking) = two.told();
        assert_eq!(times.len(), 200_000);
        assert_eq!(lacking.as_deref(), Some("Drawn are 200,000 records."));
    }
}
