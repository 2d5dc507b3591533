//! Explore: any flows over time, told by up to three keys, drawn in one way or another.
//!
//! The parameters are those of the command `timeline` and of its route, so the same question can be
//! taken to either; those of the page alone say how it is drawn.

use maud::{Markup, html};

use super::ask::{Ask, Fault, named, newest};
use super::elsewhere::Same;
use super::explore_form::{form, wants_previous};
use super::sankey::{sankey_parts, stops, told_apart};
use super::shell::Page;
use super::silence::{DAY_MS, moved, spanning};
use super::{parts, series_table};
use crate::aggregate::{BinWidth, KnownKeys, Timeline, TimelineOptions, Top, TopOptions, Whose};
use crate::answer::{Room, Shape, draw_sankey};
use crate::flow::{TimeRange, UnixMillis};
use crate::query::{Asked, Lookup, Question};
use crate::request::{self, Parameters, TimelineAnswer, read};
use crate::store::Scan;

/// What goes to the request; the rest is of the page.
const ASKED: [&str; 12] = [
    "address",
    "direction",
    "where",
    "since",
    "until",
    "alive",
    "dedup",
    "by",
    "bin",
    "key",
    "count",
    "scaled",
];
/// So many of them a sankey has where nobody says how many.
const SANKEY_KEYS: usize = 30;
/// What a window that ends now is looked at anew after, at least.
const MIN_REFRESH_SECS: u32 = 5;

/// How flows are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Drawing {
    Over(Shape),
    Sankey,
}

impl Drawing {
    /// By the name that addresses have for it.
    pub(super) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "stacked" => Self::Over(Shape::Stacked),
            "lines" => Self::Over(Shape::Lines),
            "sankey" => Self::Sankey,
            _ => return None,
        })
    }
}

/// The page. What is wrong with the question is told beside it, and nothing else then.
pub(super) fn page(ask: &Ask<'_>) -> Result<Page, Fault> {
    let (answer, is_refused) = match answer(ask) {
        Ok(answer) => (answer, false),
        Err(fault @ Fault::Refused(_)) => (parts::wrong(ask, &fault), true),
        Err(fault) => return Err(fault),
    };
    let content = html! {
        div class="title" { h1 { "Explore" } }
        (form(ask))
        (answer)
    };
    let page = Page::new("Explore", content);
    Ok(Page { refresh: refresh(ask).filter(|_| !is_refused), is_refused, ..page })
}

/// After how many seconds a window that ends now is looked at anew, if so.
fn refresh(ask: &Ask<'_>) -> Option<u32> {
    let seconds: u32 = ask.get("refresh")?.parse().ok()?;
    let ends_now = ask.window.until == UnixMillis::MAX;
    (ends_now && seconds > 0).then_some(seconds.max(MIN_REFRESH_SECS))
}

fn answer(ask: &Ask<'_>) -> Result<Markup, Fault> {
    let of = |name: &str| Some((name.to_owned(), ask.get(name)?.to_owned()));
    let mut given: Parameters = ASKED.into_iter().filter_map(of).collect();
    let drawing = ask.get("shape").map_or(Some(Drawing::Over(Shape::Stacked)), Drawing::parse);
    let drawing = drawing.ok_or_else(|| Fault::of("shape", "write stacked, lines or sankey"))?;
    let request: request::Timeline = read(&given)?;
    let snapshot = ask.snapshot()?;
    let around = ask.around();
    let question = request.question(&around)?;
    let mut keys = request.keys(&around)?;
    if let Some(keys) = keys.as_mut().filter(|_| drawing == Drawing::Sankey) {
        given.entry("count".to_owned()).or_insert_with(|| SANKEY_KEYS.to_string());
        keys.count = given.get("count").and_then(|count| count.parse().ok());
    }
    let stops = stops(ask, ask.get("key").unwrap_or_default())?;
    let window = ask.window_or_last_day(newest(ask.store, &*snapshot)?);
    let asked = Asked::new(Question { time: window, ..question }, snapshot, request.scaled());
    let look = Look { ask, asked: &asked, request: &request, window, stops };
    let (drawn, bin_ms) = match (drawing, keys) {
        (Drawing::Sankey, Some(keys)) => (look.sankey(&keys)?, None),
        (Drawing::Sankey, None) => return Err(Fault::of("key", "a sankey is of one key or more")),
        (Drawing::Over(shape), keys) => look.over_time(shape, keys)?,
    };
    let same = Same {
        given,
        window,
        zone: (ask.get("tz").is_some() || !ask.zone.is_utc()).then_some(ask.zone.name()),
    };
    let elsewhere = match (drawing, bin_ms) {
        (Drawing::Sankey, _) => same.top(),
        (Drawing::Over(_), bin_ms) => same.timeline(bin_ms),
    };
    Ok(html! { (drawn) (elsewhere) })
}

/// A question on its way to a picture.
struct Look<'a> {
    ask: &'a Ask<'a>,
    asked: &'a Asked,
    request: &'a request::Timeline,
    window: TimeRange,
    /// How many fields each key has: a port with its protocol has two.
    stops: Vec<usize>,
}

impl Look<'_> {
    /// The picture, with how long its bins are.
    fn over_time(
        &self,
        shape: Shape,
        keys: Option<TopOptions>,
    ) -> Result<(Markup, Option<u64>), Fault> {
        let ask = self.ask;
        let options = self.request.options(parts::PLOT_BINS, &ask.zone);
        let lookups = self.request.lookups(&self.asked.question);
        let answer =
            self.request.answer(self.asked.snapshot(), &lookups, (&options, keys), &ask.zone)?;
        let timeline = spanning(answer.timeline.clone(), self.window, ask.zone.zone());
        if timeline.is_empty() {
            let nothing = parts::empty(
                "There are no such flows in this window",
                "Choose another window or filter.",
            );
            return Ok((html! { div class="card" { (nothing) } }, None));
        }
        let beside = named(self.request.beside(self.asked.snapshot(), &lookups, &ask.around()))?;
        let before = wants_previous(ask).then(|| self.before()).flatten();
        let before = before.map(|before| self.previous(before, &answer, timeline.starts.len()));
        let before = before.transpose()?;
        let drawn = parts::Drawn {
            timeline: &timeline,
            fields: &answer.fields,
            keys: &answer.keys,
            beside: Some(&beside),
            of: "",
            shape,
            before: before.as_ref(),
        };
        let drawn = html! {
            section class="card" {
                header {
                    h2 { (parts::over_time(timeline.by)) }
                    p class="small faint" {
                        (parts::window_text(ask, self.window))
                        @if before.is_some() { ", dashed: the same time before" }
                    }
                }
                (parts::plot(ask, &drawn))
            }
            (series_table::table(ask, &timeline, (&answer, &beside), before.as_ref()))
        };
        Ok((drawn, Some(timeline.bin_ms)))
    }

    /// The window before, as long as this one.
    fn before(&self) -> Option<TimeRange> {
        let TimeRange { since, until } = self.window;
        let until = if until == UnixMillis::MAX { UnixMillis::now() } else { until };
        let earlier = match self.days(since, until) {
            Some(days) => moved(since, -days, DAY_MS, self.ask.zone.zone()),
            None => UnixMillis(since.0.checked_sub(until - since)?),
        };
        (since > UnixMillis::EPOCH).then_some(TimeRange { since: earlier, until: since })
    }

    /// How many days lie between two midnights, however long they are.
    fn days(&self, since: UnixMillis, until: UnixMillis) -> Option<i64> {
        let [since, until] = [since, until].map(|time| {
            let time = time.timestamp().to_zoned_datetime(self.ask.zone.zone().clone());
            let is_midnight = time.start_of_day().is_ok_and(|midnight| midnight == time);
            is_midnight.then(|| time.date())
        });
        let days = since?.until(until?).ok()?.get_days();
        (days > 0).then_some(days.into())
    }

    /// The same series of the window before, in as many bins.
    fn previous(
        &self,
        window: TimeRange,
        answer: &TimelineAnswer,
        bins: usize,
    ) -> Result<Timeline, Fault> {
        let question = Question { time: window, ..self.asked.question.clone() };
        let lookups: Vec<(Whose, Lookup)> = self.request.lookups(&question);
        let width = std::num::NonZeroU64::new(answer.timeline.bin_ms)
            .map_or(BinWidth::AtMost(parts::PLOT_BINS), BinWidth::Millis);
        let usual = self.request.options(parts::PLOT_BINS, &self.ask.zone);
        let options = TimelineOptions { width, ..usual };
        let snapshot = self.asked.snapshot();
        let timeline = match &*lookups {
            [(_, lookup)] if !answer.fields.is_empty() => {
                let keys = answer.keys.iter().map(|entry| &*entry.key);
                let keys = KnownKeys::new(&answer.fields, self.ask.zone.zone(), &keys);
                Timeline::of_keys(snapshot, lookup, &keys, &options)
            }
            _ => Timeline::of(snapshot, &lookups, &options),
        };
        let timeline = timeline.map_err(parts::of_timeline)?;
        let mut timeline = spanning(timeline, window, self.ask.zone.zone());
        let last = timeline.starts.last().copied().unwrap_or(window.since);
        timeline.starts.resize(bins, last);
        timeline.series.iter_mut().for_each(|series| series.values.resize(bins, 0));
        Ok(timeline)
    }

    fn sankey(&self, keys: &TopOptions) -> Result<Markup, Fault> {
        let ask = self.ask;
        let lookups = self.request.lookups(&self.asked.question);
        let scans: Vec<Scan> =
            lookups.iter().flat_map(|(_, lookup)| lookup.scans()).cloned().collect();
        let top = Top::of(self.asked.snapshot(), &scans, keys)?;
        let beside = named(self.request.beside(self.asked.snapshot(), &lookups, &ask.around()))?;
        let by = keys.order.measure().unwrap_or_default();
        let parts = sankey_parts(ask, (&self.stops, &keys.fields), (&top, &beside), by);
        let (shown, whole) = (told_apart(&top, by), top.totals.get(by));
        let svg = |room| {
            maud::PreEscaped(draw_sankey(&parts, by, room, "Where traffic passes").into_svg())
        };
        Ok(html! {
            section class="card" {
                header {
                    h2 { "Where traffic passes" }
                    p class="small faint" {
                        (parts::window_text(ask, self.window))
                        @if shown < whole {
                            ", " (format!("{:.1}", shown as f64 * 100.0 / whole as f64)) " % of all told apart"
                        }
                    }
                }
                figure class="plot" {
                    div class="broad" { (svg(Room::Page)) }
                    div class="narrow" { (svg(Room::NarrowPage)) }
                }
            }
            (series_table::of_top(ask, (&top, &beside), keys, by))
        })
    }
}
