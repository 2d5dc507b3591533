//! What was used of a stretch of time, to an output: a table for people, JSON, CSV.

mod table;

use std::io::Write;
use std::iter;
use std::net::IpAddr;

use jiff::tz::TimeZone;

pub use table::ordinal;

use super::clock::Clock;
use super::keys::{key_names, key_text, key_values};
use super::pieces::write_text;
use super::rows::{Head, Value, write_rows};
use super::units::rate_unit;
use super::{AnswerError, PairFormat};
use crate::aggregate::{
    Figures, KeyField, KeyValue, TopEntry, Usage, UsageEntry, UsageOptions, Whose,
};
use crate::flow::Names;

/// What usage is shown with.
#[derive(Debug, Clone)]
pub struct UsageView<'a> {
    /// How it was made.
    pub options: &'a UsageOptions,
    /// Whose traffic it is; empty for everybody's.
    pub of: &'a str,
    /// The filter that the flows pass; empty for none.
    pub filter: &'a str,
    /// The time zone of all times.
    pub zone: TimeZone,
    /// What that is called.
    pub zone_name: &'a str,
    /// What flows are grouped by, and the keys that entries are of; none of them otherwise.
    pub fields: &'a [KeyField],
    /// The keys themselves.
    pub keys: &'a [TopEntry],
    /// What exporters call their interfaces.
    pub names: &'a Names,
}

impl UsageView<'_> {
    /// The key of an entry; nothing where it is of no key.
    fn key(&self, entry: &UsageEntry) -> Option<&[KeyValue]> {
        match entry.whose {
            Whose::Key(place) => self.keys.get(place).map(|entry| &*entry.key),
            _ => None,
        }
    }

    /// What an entry is called in one line: `192.0.2.1, 7, uplink`.
    pub fn called(&self, entry: &UsageEntry) -> String {
        let Some(key) = self.key(entry) else {
            return if entry.whose == Whose::OtherKeys { "others" } else { "all" }.to_owned();
        };
        let text = key_text(key);
        match self.interface_name(key) {
            Some(name) => format!("{text}, {name}"),
            None => text,
        }
    }

    /// Whether keys are interfaces of exporters, which may have names.
    fn has_names(&self) -> bool {
        self.fields.contains(&KeyField::Exporter) && self.fields.iter().any(KeyField::is_interface)
    }

    /// What its exporter calls the interface that `key` is of.
    pub fn interface_name(&self, key: &[KeyValue]) -> Option<&str> {
        let mut values = self.fields.iter().zip(key);
        let exporter: IpAddr = values.clone().find_map(|(field, value)| match value {
            KeyValue::Address(exporter) if *field == KeyField::Exporter => Some(*exporter),
            _ => None,
        })?;
        let interface = values.find_map(|(field, value)| match value {
            KeyValue::Number(number) if field.is_interface() => u32::try_from(*number).ok(),
            _ => None,
        })?;
        self.names.interfaces.get(&(exporter, interface)).map(String::as_str)
    }
}

/// Prints `usage` in `format`; `line` is a table for people.
///
/// In JSON and CSV what came in ends in `In` and what went out in `Out`, both of which are nothing where
/// keys do not tell the one from the other; what has neither is both together. Rates are whole numbers
/// of the unit that JSON tells. The last row is of all other keys: of nothing in JSON, of `others` in
/// CSV, where what has no name is `-`.
///
/// # Errors
///
/// [`AnswerError::Output`] for what the output meets, but for a closed pipe.
pub fn write_usage(
    usage: &Usage,
    view: &UsageView<'_>,
    format: PairFormat,
    to: impl Write,
) -> Result<(), AnswerError> {
    if format == PairFormat::Line {
        return write_text(&table::table(usage, view), to);
    }
    let mut key: Vec<String> = view.fields.iter().flat_map(key_names).map(Into::into).collect();
    let object = object(usage, view, &key);
    if view.has_names() {
        key.push("interfaceName".to_owned());
    }
    let figures = figure_names(view);
    let names = key.iter().chain(&figures).map(String::as_str).collect();
    let head = Head { names, object };
    let rows = usage.entries.iter().map(|entry| {
        let mut values: Vec<Value> = match view.key(entry) {
            Some(values) if format == PairFormat::Csv => key_values(values).map(named).collect(),
            Some(values) => key_values(values).collect(),
            None => vec![Value::None; key.len() - usize::from(view.has_names())],
        };
        // JSON has a value for nothing, and CSV the words of the table.
        if format == PairFormat::Csv && entry.whose == Whose::OtherKeys {
            values.splice(..1, [Value::Word("others")]);
        }
        if view.has_names() {
            let name = view.key(entry).and_then(|key| view.interface_name(key));
            values.push(name.map_or(Value::None, |name| Value::Text(name.into())));
        }
        Ok(values.into_iter().chain(figure_values(entry, view)))
    });
    write_rows(rows, &head, format, view.zone.clone(), to).map(drop)
}

/// A value of a key with a word for what has no name.
fn named(value: Value) -> Value {
    match value {
        Value::Text(ref name) if name.is_empty() => Value::Word("-"),
        Value::None => Value::Word("none"),
        value => value,
    }
}

/// What the values behind the key are called.
fn figure_names(view: &UsageView<'_>) -> Vec<String> {
    const WAYS: [&str; 3] = ["In", "Out", ""];
    let by = view.options.by.name();
    let of_each = |name: &'static str| WAYS.map(|way| format!("{name}{way}"));
    let peaks = WAYS.iter().flat_map(|way| [format!("peak{way}"), format!("peak{way}Time")]);
    let each = [by, "mean", "percentile"].into_iter().flat_map(of_each);
    each.chain(peaks).chain(["billed".to_owned()]).collect()
}

/// The values of these.
fn figure_values(entry: &UsageEntry, view: &UsageView<'_>) -> impl Iterator<Item = Value> + use<> {
    let ways = [entry.received.as_ref(), entry.sent.as_ref(), Some(&entry.both)];
    let of_each = |figure: fn(&Figures) -> u128| {
        ways.map(|way| way.map_or(Value::None, |figures| Value::Number(figure(figures))))
    };
    let each: [fn(&Figures) -> u128; 3] =
        [|figures| figures.total, |figures| figures.mean, |figures| figures.percentile];
    let each: Vec<Value> = each.into_iter().flat_map(of_each).collect();
    let peak = |way: Option<&Figures>| {
        let at = way.and_then(|figures| figures.peak_at).map_or(Value::None, Value::CivilTime);
        [way.map_or(Value::None, |figures| Value::Number(figures.peak)), at]
    };
    let billed = Value::Number(entry.billed(view.options.billing));
    each.into_iter().chain(ways.map(peak).into_iter().flatten()).chain(iter::once(billed))
}

/// What JSON has before the rows.
fn object(usage: &Usage, view: &UsageView<'_>, key: &[String]) -> String {
    let options = view.options;
    let mut clock = Clock::new(view.zone.clone());
    let [since, until] = [options.window.since, options.window.until].map(|time| {
        let mut text = Vec::new();
        clock.push_rfc_3339(&mut text, time);
        String::from_utf8_lossy(&text).into_owned()
    });
    let key: Vec<String> = key.iter().map(|name| format!("\"{name}\"")).collect();
    format!(
        "{{\"key\":[{}],\"by\":\"{}\",\"unit\":\"{}\",\n\
         \"since\":\"{since}\",\"until\":\"{until}\",\"binMs\":{},\"bins\":{},\n\
         \"percentile\":{},\"billing\":\"{}\",\n\"usage\":",
        key.join(","),
        options.by,
        rate_unit(options.by),
        options.bin_ms,
        usage.bins,
        options.percentile,
        options.billing,
    )
}

#[cfg(test)]
mod tests;
