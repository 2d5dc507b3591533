//! A beacon: when it called, and how long the pauses were.

use super::super::super::ask::{Ask, Fault};
use super::reading::Reading;
use super::{Drawn, GONE, figure, nothing};
use crate::aggregate::{Aggregate, over};
use crate::answer::words::{plural, seconds};
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
        read => (read?.0, None),
    };
    times.sort_unstable();
    Ok((times, lacking))
}

/// When flows began.
#[derive(Default)]
struct Begun(Vec<UnixMillis>);

impl Aggregate for Begun {
    fn observe(&mut self, flows: &FlowBatch) -> Result<()> {
        let room = MOST.saturating_sub(self.0.len());
        self.0.extend(flows.first_ms.iter().take(room).copied().map(UnixMillis));
        Ok(())
    }

    fn merge(&mut self, other: Self) -> Result<()> {
        self.0.extend(other.0);
        Ok(())
    }
}
