//! What pages have in common: plots, tables, numbers, and what is wrong.

use std::fmt::Write as _;
use std::net::IpAddr;

use maud::{Markup, PreEscaped, html};

use super::ask::{Ask, Fault};
use super::ports;
use crate::aggregate::{KeyField, KeyValue, Measure, Timeline, TimelineError, TopEntry, Whose};
use crate::answer::words::grouped;
use crate::answer::{
    Beside, Room, Shape, TimelineLook, TimelineView, draw_timeline, key_text, time_text,
};
use crate::flow::{Column, TimeRange, UnixMillis};
use crate::request::Place;

/// So many bins a plot of a page has room for.
pub(super) const PLOT_BINS: usize = 180;

/// A plot of `timeline`, as wide as the page is.
pub(super) fn plot(ask: &Ask<'_>, drawn: &Drawn<'_>) -> Markup {
    let view = TimelineView {
        of: drawn.of,
        filter: "",
        zone: ask.zone.zone().clone(),
        zone_name: ask.zone.name(),
        fields: drawn.fields,
        keys: drawn.keys,
        beside: drawn.beside,
    };
    let svg = |room| {
        let look = TimelineLook { room, shape: drawn.shape, before: drawn.before };
        PreEscaped(draw_timeline(drawn.timeline, &view, look).into_svg())
    };
    html! {
        figure class="plot brushable" data-until=(drawn.timeline.until.0) {
            div class="broad" { (svg(Room::Page)) }
            div class="narrow" { (svg(Room::NarrowPage)) }
        }
    }
}

/// What is drawn.
pub(super) struct Drawn<'a> {
    pub(super) timeline: &'a Timeline,
    /// What its series are told by, with what is said of them beside.
    pub(super) fields: &'a [KeyField],
    pub(super) keys: &'a [TopEntry],
    pub(super) beside: Option<&'a Beside>,
    /// Whose traffic it is; empty for everybody's.
    pub(super) of: &'a str,
    pub(super) shape: Shape,
    pub(super) before: Option<&'a Timeline>,
}

impl<'a> Drawn<'a> {
    /// All of `timeline`, with one series on the other.
    pub(super) fn of_all(timeline: &'a Timeline) -> Self {
        Self {
            timeline,
            fields: &[],
            keys: &[],
            beside: None,
            of: "",
            shape: Shape::Stacked,
            before: None,
        }
    }
}

/// Whose a series is, with the colour that it is drawn in.
pub(super) fn swatch(whose: Whose, place: usize) -> Markup {
    const NAMES: [&str; 10] = ["s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9"];
    let class = if whose == Whose::OtherKeys { "others" } else { NAMES[place % NAMES.len()] };
    html! { span class={"swatch " (class)} aria-hidden="true" {} }
}

/// What it comes to, each with a name, and a word more where there is one.
pub(super) fn tiles(tiles: &[(&str, String, String)]) -> Markup {
    html! {
        dl class="tiles" {
            @for (name, value, more) in tiles {
                div {
                    dt { (name) }
                    dd class=[(value.len() > 14).then_some("long")] { (value) }
                    @if !more.is_empty() { dd { (more) } }
                }
            }
        }
    }
}

/// How much of the whole something is, as a bar: one part of it behind the other.
pub(super) fn share(of: f64, parts: &[f64]) -> Markup {
    html! { td class="share" { (bar(of, parts)) } }
}

/// Likewise, where a narrow screen has no room for it.
pub(super) fn optional_share(of: f64, parts: &[f64]) -> Markup {
    html! { td class="share optional" { (bar(of, parts)) } }
}

fn bar(of: f64, parts: &[f64]) -> Markup {
    let mut at = 0.0;
    let mut bars = String::new();
    for (number, part) in parts.iter().enumerate() {
        let wide = if of > 0.0 { part * 100.0 / of } else { 0.0 };
        let class = if number > 0 { " class=\"in\"" } else { "" };
        // Writing to a string cannot fail.
        let _ = write!(bars, "<rect{class} x=\"{at:.1}\" width=\"{wide:.1}\" height=\"8\"/>");
        at += wide;
    }
    html! {
        svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true" { (PreEscaped(bars)) }
    }
}

/// A key, each of its addresses a link to the page of that host, with the names that are known of it.
pub(super) fn key(
    ask: &Ask<'_>,
    (fields, values): (&[KeyField], &[KeyValue]),
    beside: &Beside,
) -> Markup {
    let names = |place, is_second| {
        html! {
            @for name in beside.names((fields, values), place, is_second) {
                " " span class="faint" { (name) }
            }
        }
    };
    html! {
        @for (place, value) in values.iter().enumerate() {
            @if place > 0 { " · " }
            @match value {
                KeyValue::Address(address) => (host(ask, *address)),
                KeyValue::Pair(one, other) => {
                    (host(ask, *one)) (names(place, false)) " – " (host(ask, *other))
                }
                KeyValue::Number(number) => {
                    (number)
                    @if let Some(name) = service(fields.get(place), *number) {
                        " " span class="faint" { (name) }
                    }
                }
                value => (key_text(std::slice::from_ref(value))),
            }
            (names(place, matches!(value, KeyValue::Pair(..))))
        }
    }
}

/// An address that leads to its page.
pub(super) fn host(ask: &Ask<'_>, address: IpAddr) -> Markup {
    html! { a class="mono" href=(ask.host(address)) { (address) } }
}

/// What usually listens on a port, where a field is one.
fn service(field: Option<&KeyField>, number: u64) -> Option<&'static str> {
    match *field? {
        KeyField::Number(Column::SrcPort | Column::DstPort)
        | KeyField::OfEither(Column::SrcPort | Column::DstPort) => {
            ports::name(number.try_into().ok()?)
        }
        _ => None,
    }
}

/// A moment to the second.
pub(super) fn time(ask: &Ask<'_>, moment: UnixMillis) -> Markup {
    html! {
        time class="time" datetime=(moment) { (time_text(moment, ask.zone.zone(), 1000)) }
    }
}

/// A window in words.
pub(super) fn window_text(ask: &Ask<'_>, window: TimeRange) -> Markup {
    html! {
        @match (window.since == UnixMillis::EPOCH, window.until == UnixMillis::MAX) {
            (true, true) => "all of time",
            (true, false) => { "before " (time(ask, window.until)) }
            (false, true) => { "since " (time(ask, window.since)) }
            (false, false) => { (time(ask, window.since)) " – " (time(ask, window.until)) }
        }
    }
}

/// Why a timeline is none, as pages tell it.
pub(super) fn of_timeline(error: TimelineError) -> Fault {
    match error {
        TimelineError::Store(error) => Fault::Store(error),
        error => Fault::of("bin", error),
    }
}

/// Says that there is nothing, and why that may be.
pub(super) fn empty(what: &str, why: &str) -> Markup {
    html! { div class="empty" { strong { (what) } (why) } }
}

/// What may be wider than the screen: it is moved by itself then, also by keys.
pub(super) fn wide(name: &str, content: &Markup) -> Markup {
    html! { div class="wide" role="region" aria-label=(name) tabindex="0" { (content) } }
}

/// What is counted, to be chosen.
pub(super) fn measures(ask: &Ask<'_>, by: Measure) -> Markup {
    html! {
        div class="spans" role="group" aria-label="Counted in" {
            @for measure in Measure::ALL {
                @let name = if measure == Measure::default() { "" } else { measure.name() };
                a href=(ask.again([("by", name), ("page", "")]))
                    aria-current=[(measure == by).then_some("true")] { (rate_name(measure)) }
            }
        }
    }
}

/// What is wrong with what was asked; in the text of a parameter the place is marked.
pub(super) fn wrong(ask: &Ask<'_>, fault: &Fault) -> Markup {
    let refused = if let Fault::Refused(refused) = fault { Some(refused) } else { None };
    let place = refused.and_then(|refused| Some((refused, refused.place.as_ref()?)));
    html! {
        div class="wrong" role="alert" {
            @match place {
                Some((refused, place)) => {
                    @let name = refused.parameter.as_deref().unwrap_or_default();
                    p {
                        @if let Some(file) = &place.file { (file) ": " }
                        (place.problem)
                        @if let Some(expected) = &place.expected { ", expected " (expected) }
                    }
                    @if place.file.is_none() { (marked(ask.get(name).unwrap_or_default(), place)) }
                    @if let Some(hint) = &place.hint { p { (hint) } }
                }
                None => p { (fault) },
            }
        }
    }
}

/// The line that a place is in, with the place marked.
fn marked(text: &str, place: &Place) -> Markup {
    let line = text.split('\n').nth(place.line.saturating_sub(1)).unwrap_or_default();
    let mut characters = line.chars();
    let before: String = characters.by_ref().take(place.column.saturating_sub(1)).collect();
    let wrong: String = characters.by_ref().take(place.length).collect();
    let wrong = if wrong.is_empty() { "\u{a0}" } else { &*wrong };
    html! { pre { (before) mark { (wrong) } (characters.as_str()) } }
}

/// What a form must send along that changes something.
pub(super) fn token(ask: &Ask<'_>) -> Markup {
    html! {
        @if let Some(token) = ask.reader.token() { input type="hidden" name="csrf" value=(token); }
    }
}

/// A command or an address, to be copied.
pub(super) fn copied(what: &str, text: &str) -> Markup {
    html! {
        div class="copy" data-what=(what) { code { (text) } }
    }
}

/// What a plot of it is called.
pub(super) const fn over_time(by: Measure) -> &'static str {
    match by {
        Measure::Octets => "Traffic over time",
        Measure::Packets => "Packets over time",
        Measure::Flows => "Flows that began over time",
    }
}

/// The name of what is counted a second, where `octets` are told in bits.
pub(super) const fn rate_name(by: Measure) -> &'static str {
    match by {
        Measure::Octets => "bit/s",
        Measure::Packets => "packets/s",
        Measure::Flows => "flows/s",
    }
}

/// Where the other pages of a long table are, of which this is the one of that number.
pub(super) fn pages(ask: &Ask<'_>, number: usize, count: usize) -> Markup {
    let to = |page: usize| ask.again([("page", &*page.to_string())]);
    html! {
        @if count > 1 {
            nav class="pages" aria-label="Pages of the table" {
                @if number > 1 { a class="button" rel="prev" href=(to(number - 1)) { "‹ Before" } }
                p class="faint" { "Page " (grouped(number as u64)) " of " (grouped(count as u64)) }
                @if number < count { a class="button" rel="next" href=(to(number + 1)) { "Next ›" } }
            }
        }
    }
}
