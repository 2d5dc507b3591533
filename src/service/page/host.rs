//! A host: what it sent and received over time, with whom, by which ports, and each conversation.
//!
//! All of it is of its conversations, both directions joined, which a few look-ups by its address
//! find. Of a host with very many flows the first ones of the window are looked at, and the page says
//! so, and where it goes on.

use std::net::IpAddr;

use maud::{Markup, html};

use super::ask::{Ask, Fault, newest};
use super::seen::Seen;
use super::shell::Page;
use super::silence::spanning;
use super::talk::{self, Talk};
use super::{host_tables, parts};
use crate::aggregate::{BinWidth, Measure, Sent, Series, Timeline, TimelineOptions, Whose};
use crate::answer::words::grouped;
use crate::answer::{amount, rate, time_text};
use crate::flow::UnixMillis;
use crate::meaning::{Attribute, Meaning};
use crate::query::{Asked, Direction, Question, parse_addresses};
use crate::request::Refused;

/// The page of the host that is called `address`.
pub(super) fn page(ask: &Ask<'_>, address: &str) -> Result<Page, Fault> {
    let host: IpAddr = address.trim().parse().map_err(|_| {
        let hint = parse_addresses(address.trim()).err().map(|error| error.to_string());
        let block = "a page is of one host; networks are explored".to_owned();
        Fault::of("address", hint.unwrap_or(block))
    })?;
    let host = host.to_canonical();
    let by = ask.value("by", Measure::Octets)?;
    let snapshot = ask.snapshot()?;
    let question = Question {
        direction: Direction::Any,
        time: ask.window,
        limit: Some(talk::MAX_FLOWS + 1),
        ..Question::about(host.into())
    };
    let asked = Asked::new(question, snapshot, true);
    let talk = Talk::of(ask, &asked, host)?;
    // Of all of history the flows themselves tell it.
    let seen = match talk.began {
        Some((first, last)) if ask.window.is_all() && !talk.is_cut => {
            Seen { first: Some(first), last: Some(last) }
        }
        _ => Seen::of(asked.snapshot(), host, newest(ask.store, asked.snapshot())?)?,
    };
    let meaning = ask.around().meaning()?;
    let content = html! {
        (title(host))
        (said(&meaning, host, seen.last.unwrap_or_else(UnixMillis::now))?)
        @if talk.conversations.is_empty() {
            (nothing(ask, host, &seen))
        } @else {
            (cut(ask, &talk))
            (summary(ask, &talk, &seen))
            (over_time(ask, &asked, &talk, by)?)
            (host_tables::greatest(ask, &talk, &meaning))
            (host_tables::conversations(ask, &talk, &meaning)?)
        }
    };
    Ok(Page::new(host.to_string(), content))
}

fn title(host: IpAddr) -> Markup {
    html! {
        div class="title" {
            h1 class="mono" { (host) }
            p {
                @for badge in badges(host) { span class="badge" { (badge) } " " }
            }
        }
    }
}

/// What tables and databases say of it, as it was last seen; nothing where they say nothing.
fn said(meaning: &Meaning, host: IpAddr, at: UnixMillis) -> Result<Markup, Fault> {
    let unknown = |error| Fault::from(Refused::from(error));
    let mut ends = meaning.ends(&Attribute::ALL, false).map_err(unknown)?;
    let mut of = |attribute| ends.of(attribute, host, at).to_owned();
    let of_network = [Attribute::Role, Attribute::Site, Attribute::Tenant].map(&mut of);
    let of_network: Vec<String> = of_network.into_iter().filter(|text| !text.is_empty()).collect();
    let asn = meaning.said(Attribute::Asn).map_err(unknown)?;
    let asn = asn.map(|mut said| said.of(host, at).to_owned()).unwrap_or_default();
    let tiles = [
        ("Host", of(Attribute::Host), String::new()),
        ("Network", of(Attribute::Network), of_network.join(", ")),
        ("Country", of(Attribute::Country), of(Attribute::City)),
        ("Autonomous system", asn, of(Attribute::AsName)),
    ];
    let is_known = |(_, value, more): &(_, String, String)| !(value.is_empty() && more.is_empty());
    // What has no name, or no number, is told by what else is known of it.
    let told = tiles.into_iter().filter(is_known).map(|(name, value, more)| match &*value {
        "" => (name, more, String::new()),
        _ => (name, value, more),
    });
    let tiles: Vec<_> = told.collect();
    if let Some(error) = ends.fault() {
        return Err(unknown(error));
    }
    Ok(html! { @if !tiles.is_empty() { (parts::tiles(&tiles)) } })
}

/// What an address says of itself.
fn badges(host: IpAddr) -> Vec<&'static str> {
    let kind = match host {
        IpAddr::V4(address) if address.is_private() => "private",
        IpAddr::V4(address) if address.is_link_local() => "link-local",
        IpAddr::V4(address) if address.is_broadcast() => "broadcast",
        IpAddr::V6(address) if address.is_unique_local() => "private",
        IpAddr::V6(address) if address.is_unicast_link_local() => "link-local",
        address if address.is_multicast() => "multicast",
        address if address.is_loopback() => "loopback",
        _ => "public",
    };
    vec![if host.is_ipv4() { "IPv4" } else { "IPv6" }, kind]
}

/// Says that not all of the window was looked at, and where it goes on.
fn cut(ask: &Ask<'_>, talk: &Talk) -> Markup {
    let next = talk.looked_at.until.to_string();
    html! {
        @if talk.is_cut {
            p class="note" role="note" {
                "This host has more than " (grouped(talk::MAX_FLOWS)) " flows in the window. All figures \
                 are of its first ones, up to "
                (parts::time(ask, talk.looked_at.until)) ". "
                a href=(ask.again([("since", &*next), ("page", "")])) { "Go on from there" }
                ", or choose a shorter window."
            }
        }
    }
}

fn summary(ask: &Ask<'_>, talk: &Talk, seen: &Seen) -> Markup {
    let sum = |of: fn((Sent, Sent)) -> Sent| {
        talk.conversations
            .iter()
            .map(|one| of(talk.ways(one)))
            .fold((0, 0), |sum, sent| (sum.0 + sent.octets, sum.1 + sent.packets))
    };
    let (sent, received) = (sum(|ways| ways.0), sum(|ways| ways.1));
    let (_, peers) = talk.greatest(|one| Some(talk.peer(one).0));
    let packets = |(_, packets): (u128, u128)| format!("{} packets", grouped(packets));
    let day = |moment: Option<UnixMillis>| {
        let text =
            moment.map(|moment| time_text(moment, ask.zone.zone(), 1000)).unwrap_or_default();
        text.split_once(' ')
            .map(|(day, time)| (day.to_owned(), time.to_owned()))
            .unwrap_or_default()
    };
    let ((first, first_time), (last, last_time)) = (day(seen.first), day(seen.last));
    parts::tiles(&[
        ("Sent", amount(Measure::Octets, sent.0 as f64), packets(sent)),
        ("Received", amount(Measure::Octets, received.0 as f64), packets(received)),
        ("Peers", grouped(peers as u64), String::new()),
        (
            "Conversations",
            grouped(talk.conversations.len() as u64),
            format!("{} flows", grouped(talk.flows)),
        ),
        ("First seen", first, first_time),
        ("Last seen", last, last_time),
    ])
}

fn over_time(ask: &Ask<'_>, asked: &Asked, talk: &Talk, by: Measure) -> Result<Markup, Fault> {
    let columns = Timeline::columns(by);
    let question = |direction| Question {
        direction,
        time: talk.looked_at,
        limit: None,
        ..asked.question.clone()
    };
    let lookups = [(Whose::Sent, Direction::Src), (Whose::Received, Direction::Dst)]
        .map(|(whose, direction)| (whose, question(direction).plan_unordered(columns)));
    let options = TimelineOptions {
        by,
        width: BinWidth::AtMost(parts::PLOT_BINS),
        zone: ask.zone.zone().clone(),
    };
    let timeline =
        Timeline::of(asked.snapshot(), &lookups, &options).map_err(parts::of_timeline)?;
    let timeline = spanning(timeline, talk.looked_at, ask.zone.zone());
    let of = talk.host.to_string();
    let drawn = parts::Drawn { of: &of, ..parts::Drawn::of_all(&timeline) };
    Ok(html! {
        section class="card" {
            header {
                h2 { "Traffic over time" }
                (parts::measures(ask, by))
            }
            (parts::plot(ask, &drawn))
            ul class="key" { @for (place, series) in timeline.series.iter().enumerate() {
                li { (parts::swatch(series.whose, place)) (told(&timeline, series)) }
            } }
        }
    })
}

/// What a direction comes to.
fn told(timeline: &Timeline, series: &Series) -> String {
    let total = series.total() as f64;
    let name = if series.whose == Whose::Sent { "Sent" } else { "Received" };
    let since = timeline.starts.first().copied().unwrap_or_default();
    let seconds = (timeline.until - since).max(1) as f64 / 1000.0;
    let greatest = series.values.iter().max().copied().unwrap_or(0) as f64;
    let bin_seconds = timeline.bin_ms.max(1) as f64 / 1000.0;
    format!(
        "{name}: {}, {} on average, at most {}",
        amount(timeline.by, total),
        rate(timeline.by, total / seconds),
        rate(timeline.by, greatest / bin_seconds)
    )
}

fn nothing(ask: &Ask<'_>, host: IpAddr, seen: &Seen) -> Markup {
    html! {
        div class="card" {
            @match (seen.first, seen.last) {
                (Some(first), Some(last)) => {
                    (parts::empty("This host has no flows in the window", ""))
                    p class="empty" {
                        "It was seen from " (parts::time(ask, first)) " to " (parts::time(ask, last)) ". "
                        a href=(ask.again([("since", ""), ("until", ""), ("page", "")])) { "Show all of it" }
                    }
                }
                _ => (parts::empty(&format!("{host} was never seen"), "No flow in the store is from it or to it.")),
            }
        }
    }
}
