//! The tables of a host: peers, ports, and its conversations page by page.

use std::net::IpAddr;

use maud::{Markup, html};

use super::ask::{Ask, Fault};
use super::talk::{Talk, Tally, served};
use super::{parts, ports};
use crate::aggregate::{Conversation, Measure};
use crate::answer::words::{grouped, seconds};
use crate::answer::{amount, time_text};
use crate::flow::Protocol;
use crate::meaning::Meaning;

/// So many conversations are on a page.
const ON_A_PAGE: usize = 50;

/// Peers, ports and protocols, those of most octets.
pub(super) fn greatest(ask: &Ask<'_>, talk: &Talk, meaning: &Meaning) -> Markup {
    let peers = talk.greatest(|one| Some(talk.peer(one).0));
    let ports =
        |began: bool| talk.greatest(move |one| served(one).filter(|_| talk.peer(one).1 == began));
    let protocols = talk.greatest(|one| Some(one.protocol));
    html! {
        div class="cards two" {
            (table("Peers", "peer", peers, |peer| host(ask, *peer, meaning)))
            (table("Ports that it serves", "port", ports(false), |port| port_text(*port)))
            (table("Ports that it uses elsewhere", "port", ports(true), |port| port_text(*port)))
            (table("Protocols", "protocol", protocols, |protocol: &Protocol| html! { (protocol) }))
        }
    }
}

/// An address that leads to its page, and its name.
fn host(ask: &Ask<'_>, address: IpAddr, meaning: &Meaning) -> Markup {
    html! {
        (parts::host(ask, address))
        @if let Some(name) = meaning.host(address) { " " span class="faint" { (name) } }
    }
}

fn port_text((protocol, port): (Protocol, u16)) -> Markup {
    html! {
        (protocol) " " (port)
        @if let Some(name) = ports::name(port) { " " span class="faint" { (name) } }
    }
}

fn table<K>(
    name: &str,
    each: &str,
    (greatest, count): (Vec<(K, Tally)>, usize),
    cell: impl Fn(&K) -> Markup,
) -> Markup {
    let most = greatest.first().map_or(0, |(_, tally)| tally.octets()) as f64;
    html! {
        section class="card" {
            header {
                h2 { (name) }
                @if count > greatest.len() {
                    p class="small faint" { (greatest.len()) " of " (grouped(count as u64)) }
                }
            }
            @if greatest.is_empty() {
                p class="faint" { "None in this window." }
            } @else {
                table {
                    thead { tr {
                        th { (each) }
                        th class="optional" { span class="unseen" { "Sent and received" } }
                        th class="number" { (parts::swatch(crate::aggregate::Whose::Sent, 0)) "Sent" }
                        th class="number" { (parts::swatch(crate::aggregate::Whose::Received, 1)) "Received" }
                    } }
                    tbody { @for (key, tally) in &greatest {
                        tr {
                            td { (cell(key)) }
                            (parts::optional_share(most, &[tally.sent as f64, tally.received as f64]))
                            td class="number" { (amount(Measure::Octets, tally.sent as f64)) }
                            td class="number" { (amount(Measure::Octets, tally.received as f64)) }
                        }
                    } }
                }
            }
        }
    }
}

/// The conversations, the latest first.
pub(super) fn conversations(
    ask: &Ask<'_>,
    talk: &Talk,
    meaning: &Meaning,
) -> Result<Markup, Fault> {
    let pages = talk.conversations.len().div_ceil(ON_A_PAGE);
    let number = ask.value("page", 1usize)?.clamp(1, pages.max(1));
    let shown = talk.conversations.iter().skip((number - 1) * ON_A_PAGE).take(ON_A_PAGE);
    Ok(html! {
        section class="card" id="conversations" {
            header {
                h2 { "Conversations" }
                p class="small faint" {
                    (grouped(talk.conversations.len() as u64)) ", the latest first, both directions joined"
                }
            }
            div class="wide" role="region" aria-label="Conversations" tabindex="0" { table class="stack" {
                thead { tr {
                    th { "Began" } th class="number optional" { "Took" }
                    th { "With" } th { "Service" }
                    th class="number" { "Sent" } th class="number" { "Received" }
                } }
                tbody { @for one in shown { (row(ask, talk, one, meaning)) } }
            } }
            (parts::pages(ask, number, pages))
        }
    })
}

fn row(ask: &Ask<'_>, talk: &Talk, one: &Conversation, meaning: &Meaning) -> Markup {
    let (peer, began) = talk.peer(one);
    let (sent, received) = talk.ways(one);
    let port = if began { one.responder_port } else { one.initiator_port };
    html! {
        tr {
            td class="time" { (time_text(one.first, ask.zone.zone(), 1000)) }
            td class="number optional" { (seconds(one.duration_ms as f64 / 1000.0)) }
            td class="whole" {
                @if began {
                    span aria-hidden="true" class="faint" { "→ " } span class="unseen" { "to " }
                } @else {
                    span aria-hidden="true" class="faint" { "← " } span class="unseen" { "from " }
                }
                (parts::host(ask, peer))
                @if served(one).is_some() { span class="faint" { ":" (port) } }
                @if let Some(name) = meaning.host(peer) { " " span class="faint" { (name) } }
            }
            td class="beside" {
                @match served(one) {
                    Some(port) => (port_text(port)),
                    None => (one.protocol),
                }
            }
            td class="number" data-name="sent" { (amount(Measure::Octets, sent.octets as f64)) }
            td class="number" data-name="received" {
                (amount(Measure::Octets, received.octets as f64))
            }
        }
    }
}
