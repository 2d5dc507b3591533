//! The numbers of rules.

use maud::html;
use serde_json::Value;

use super::{Number, moment};
use crate::aggregate::Measure;
use crate::alert::Alert;
use crate::answer::words::{grouped, plural};
use crate::answer::{amount, width};
use crate::flow::UnixMillis;

/// So much of what a rule counts.
pub(in super::super) fn counted(measure: &str, value: f64) -> String {
    match measure.parse::<Measure>() {
        Ok(measure) => amount(measure, value),
        Err(_) => plural(value.round() as u64, "peer"),
    }
}

/// What a rule counted in a window, and what is usual.
pub(super) fn numbers(alert: &Alert) -> Vec<Number> {
    let document = &alert.document;
    let of = |value: f64| counted(document["measure"].as_str().unwrap_or_default(), value);
    let (above, usual) = (&document["above"], &document["usual"]);
    let limit = match (&above["amount"], &above["percent"], &above["z"]) {
        (Value::Number(amount), ..) => {
            format!("more than {}", of(amount.as_f64().unwrap_or_default()))
        }
        (_, Value::Number(percent), _) => format!("more than {percent} % of the mean"),
        (.., Value::Number(z)) => format!("a z of more than {z}"),
        _ => String::new(),
    };
    let text = |what: &str, value: String, limit: String| Number {
        what: what.to_owned(),
        value: html! { (value) },
        limit,
        is_text: false,
    };
    let mut numbers =
        vec![text("Came to", of(document["value"].as_f64().unwrap_or_default()), limit)];
    let amounts = [
        ("mean", "Mean of the windows before"),
        ("median", "Median of the windows before"),
        ("deviation", "Deviation of the windows before"),
    ];
    for (name, what) in amounts {
        if let Some(value) = usual[name].as_f64() {
            numbers.push(text(what, of(value), String::new()));
        }
    }
    for (name, what, unit) in [("percent", "Of that mean", " %"), ("z", "Robust z", "")] {
        if let Some(value) = usual[name].as_f64() {
            numbers.push(text(what, format!("{value:.1}{unit}"), String::new()));
        }
    }
    if let Some(windows) = usual["windows"].as_u64() {
        numbers.push(text("Windows before", grouped(windows), String::new()));
    }
    if let Some(window_ms) = window(alert).map(|(from, until)| until - from) {
        numbers.push(text("In a window of", width(window_ms), String::new()));
    }
    numbers
}

/// The window that a rule told of last.
pub(in super::super) fn window(alert: &Alert) -> Option<(UnixMillis, UnixMillis)> {
    let time = |name: &str| moment(alert.document[name].as_str()?);
    let (from, until) = (time("from")?, time("until")?);
    (from < until).then_some((from, until))
}
