//! The numbers of hits of watch lists.

use maud::html;

use super::super::super::ask::Ask;
use super::{Number, address_of};
use crate::alert::Alert;
use crate::answer::words::{bytes, grouped};

/// So many who dealt with an indicator are told.
const OTHERS: usize = 10;

pub(super) fn numbers(ask: &Ask<'_>, alert: &Alert) -> Vec<Number> {
    let document = &alert.document;
    let told = |what: &str, value, is_text| Number {
        what: what.to_owned(),
        value,
        limit: String::new(),
        is_text,
    };
    let number = |what, value| told(what, value, false);
    let of = |name: &str| document[name].as_u64().unwrap_or_default();
    let others: Vec<&str> = document["others"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|one| one.as_str())
        .collect();
    let mut numbers = vec![
        number("Flows with it", html! { (grouped(of("flows"))) }),
        number("Packets", html! { (grouped(of("packets"))) }),
        number("Octets", html! { (bytes(of("octets"))) }),
    ];
    if let Some(note) = document["note"].as_str() {
        numbers.push(told("What the list says", html! { (note) }, true));
    }
    numbers.push(told(
        "Who dealt with it",
        html! {
            @for (place, other) in others.iter().take(OTHERS).enumerate() {
                @if place > 0 { ", " }
                (address_of(ask, other))
            }
            @if others.len() > OTHERS { " and " (grouped((others.len() - OTHERS) as u64)) " more" }
        },
        true,
    ));
    numbers
}
