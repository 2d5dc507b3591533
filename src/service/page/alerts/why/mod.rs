//! Why something stands out: who is concerned, and the numbers that decided, by what they mean, each
//! with what it is compared with.

mod detection;
mod rule;
mod watch;

pub(super) use rule::{counted, window};

use std::net::IpAddr;

use maud::{Markup, html};
use serde_json::Value;

use super::super::ask::Ask;
use super::super::{parts, ports};
use super::technique::technique;
use crate::alert::{Alert, Source};
use crate::detect::Parameters;
use crate::flow::UnixMillis;

/// A number that decided.
struct Number {
    what: String,
    value: Markup,
    /// What it is compared with.
    limit: String,
    /// Whether it is no number but text, which may be long.
    is_text: bool,
}

/// Who is concerned, as far as it is one or two.
pub(super) fn hosts(alert: &Alert) -> Vec<IpAddr> {
    let address = |value: &Value| value.as_str().and_then(|text| text.parse().ok());
    let document = &alert.document;
    let ends = [&document["host"], &document["peer"], &document["indicator"]];
    let of_key = document["key"].as_object().into_iter().flat_map(|key| key.values());
    ends.into_iter().chain(of_key).filter_map(address).collect()
}

/// Who did what to whom.
pub(super) fn who(ask: &Ask<'_>, alert: &Alert) -> Markup {
    let document = &alert.document;
    let host = |address: &str, name: &str| {
        html! {
            (address_of(ask, document[address].as_str().unwrap_or_default()))
            @if let Some(name) = document[name].as_str() { " " span class="faint" { (name) } }
        }
    };
    html! {
        dl class="facts ends" {
            @if document["host"].is_string() { dt { "Who" } dd { (host("host", "hostName")) } }
            @if document["peer"].is_string() { dt { "Whom" } dd { (host("peer", "peerName")) } }
            @if let Some(protocol) = document["protocol"].as_str() {
                dt { "By" }
                dd { (protocol) (port(protocol, &document["port"])) }
            }
            @if let Some(indicator) = document["indicator"].as_str() {
                dt { "Indicator" } dd { (address_of(ask, indicator)) }
            }
            @for (name, value) in document["key"].as_object().into_iter().flatten() {
                dt { (words(name)) } dd { (address_of(ask, value.as_str().unwrap_or_default())) }
            }
            @if let Some(attack) = &alert.attack { dt { "ATT&CK" } dd class="said" { (technique(attack)) } }
            @if alert.source == Source::Watch {
                dt { "List" } dd { a href=(ask.to(&format!("/watch/{}", alert.name), [])) { (alert.name) } }
            }
        }
    }
}

/// A port with what usually listens on it; of ICMP it is none.
fn port(protocol: &str, port: &Value) -> Markup {
    let port = port.as_u64().filter(|_| !protocol.starts_with("ICMP"));
    html! {
        @if let Some(port) = port {
            " port " (port)
            @if let Some(name) = u16::try_from(port).ok().and_then(ports::name) {
                " " span class="faint" { (name) }
            }
        }
    }
}

/// An address, which leads to its page, or other text.
fn address_of(ask: &Ask<'_>, text: &str) -> Markup {
    if let Ok(address) = text.parse() {
        parts::host(ask, address)
    } else {
        html! { (text) }
    }
}

/// The numbers that decided.
pub(super) fn numbers(ask: &Ask<'_>, alert: &Alert, parameters: &Parameters) -> Markup {
    let numbers = match alert.source {
        Source::Detection | Source::Silence => detection::numbers(ask, alert, parameters),
        Source::Rule => rule::numbers(alert),
        Source::Watch => watch::numbers(ask, alert),
    };
    let is_compared = numbers.iter().any(|number| !number.limit.is_empty());
    html! {
        table class="stack numbers" {
            thead { tr {
                th { "What" } th class="number" { "Was" }
                @if is_compared { th { "Compared with" } }
            } }
            tbody {
                @for Number { what, value, limit, is_text } in &numbers {
                    tr {
                        td { (what) }
                        @if *is_text {
                            td class="whole text said" colspan=[is_compared.then_some(2)] { (value) }
                        } @else {
                            td class="number" { (value) }
                            @if is_compared { td class="faint whole" { (limit) } }
                        }
                    }
                }
            }
        }
        @if is_compared && alert.source != Source::Rule {
            p class="small faint" {
                "Compared is with what decides now, which "
                code { "[detect]" } " of the configuration says."
            }
        }
    }
}

/// A moment, where text is one.
fn moment(text: &str) -> Option<UnixMillis> {
    let time: jiff::Timestamp = text.parse().ok()?;
    u64::try_from(time.as_millisecond()).ok().map(UnixMillis)
}

/// `medianInterval` as `Median interval`.
fn words(name: &str) -> String {
    let mut words = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            words.push(' ');
        }
        if words.is_empty() {
            words.extend(letter.to_uppercase());
        } else {
            words.extend(letter.to_lowercase());
        }
    }
    words
}
