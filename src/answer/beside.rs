//! What is said of keys beside them: what hosts, exporters and interfaces are called, and how much of
//! its link an interface took.

use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;

use super::keys::{key_names, key_texts, title};
use super::rows::Value;
use crate::aggregate::{KeyField, KeyValue, Prefix};
use crate::flow::{Column, Names};
use crate::meaning::Meaning;

/// What is known of hosts, exporters and interfaces; of nothing by default.
#[derive(Debug, Clone, Default)]
pub struct Beside {
    /// What tables say of hosts, exporters and links.
    pub meaning: Arc<Meaning>,
    /// What exporters and interfaces are called.
    pub names: Names,
    /// The exporter of all flows, where keys name none and there is only one.
    pub exporter: Option<IpAddr>,
    /// How long the stretch of time is that shares of links are means over, where the answer has no
    /// windows of its own.
    pub window_ms: u64,
}

/// What was sent through a link, and in what time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Used {
    pub(super) octets: u128,
    pub(super) window_ms: u64,
}

/// A share of a link's speed: what its name in JSON and CSV ends in, and what stands over it.
pub(super) type Share = (&'static str, &'static str);

/// The share over all of the time.
pub(super) const OF_ALL: [Share; 1] = [("", "Link(%)")];

/// What stands beside a field of a key.
pub(super) struct Told {
    /// Its name in JSON and CSV.
    pub(super) name: String,
    /// What stands over it in the table; nothing where that leaves it out.
    pub(super) title: Option<String>,
    /// The place of the field.
    field: usize,
    what: What,
}

#[derive(Debug, Clone, Copy)]
enum What {
    /// The name of the address, the first or the second of a pair.
    Host(usize),
    ExporterName,
    ExporterDescription,
    Name,
    Description,
    Speed,
    /// How much of the link was used, in percent, as the one in this place tells.
    Share(usize),
}

impl What {
    /// Whether it is of the second address of a pair.
    const fn is_second(self) -> bool {
        matches!(self, Self::Host(1..))
    }
}

impl Told {
    /// Whether keys of `fields` say the same: by `src,srchostname` flows have names already.
    fn is_in(&self, fields: &[KeyField]) -> bool {
        fields.iter().flat_map(key_names).any(|name| *name == self.name)
    }
}

impl Beside {
    /// Whether something may stand beside keys of `fields`.
    pub fn may_say(fields: &[KeyField]) -> bool {
        fields
            .iter()
            .any(|field| is_host(field) || is_interface(field) || *field == KeyField::Exporter)
    }

    /// Whether keys of `fields` have interfaces, and do not say whose.
    pub fn lacks_exporter(fields: &[KeyField]) -> bool {
        fields.iter().any(is_interface) && !fields.contains(&KeyField::Exporter)
    }

    /// What stands beside keys of `fields`, with these shares of links.
    pub(super) fn told(&self, fields: &[KeyField], shares: &[Share]) -> Vec<Told> {
        let mut all = Vec::new();
        for (field, key) in fields.iter().enumerate() {
            let mut add = |name: String, title: Option<&str>, what| {
                all.push(Told { name, title: title.map(str::to_owned), field, what });
            };
            if self.meaning.names_hosts() && is_host(key) {
                for (of, name) in key_names(key).iter().enumerate() {
                    let (name, title) = host_words(name);
                    add(name.to_owned(), Some(title), What::Host(of));
                }
            }
            if self.meaning.exporters().is_none() {
                continue;
            }
            if *key == KeyField::Exporter {
                add("exporterName".to_owned(), Some("Router"), What::ExporterName);
                add("exporterDescription".to_owned(), None, What::ExporterDescription);
            }
            if is_interface(key) && (self.exporter.is_some() || !Self::lacks_exporter(fields)) {
                let (name, title) = (&key_names(key)[0], format!("{} Name", title(key)));
                add(format!("{name}Name"), Some(&title), What::Name);
                add(format!("{name}Description"), None, What::Description);
                add(format!("{name}Speed"), None, What::Speed);
                for (place, (end, title)) in shares.iter().enumerate() {
                    add(format!("{name}SpeedPercent{end}"), Some(title), What::Share(place));
                }
            }
        }
        all.retain(|told| !told.is_in(fields));
        all
    }

    /// What `told` is of a key of `fields`, of which so much was sent, for each of the shares.
    pub(super) fn value(
        &self,
        told: &Told,
        (fields, key): (&[KeyField], &[KeyValue]),
        used: &[Used],
    ) -> Value {
        let text = |text: Option<&str>| match text.filter(|text| !text.is_empty()) {
            Some(text) => Value::Text(text.into()),
            None => Value::None,
        };
        let value = &key[told.field];
        let (tables, exporter) = (self.meaning.exporters(), self.exporter_of(fields, key));
        let interface = || match *value {
            KeyValue::Number(index) => Some((exporter?, u32::try_from(index).ok()?)),
            _ => None,
        };
        let link = || interface().and_then(|(exporter, index)| tables?.interface(exporter, index));
        match told.what {
            What::Host(of) => {
                let address = match *value {
                    KeyValue::Address(address) => Some(address),
                    KeyValue::Pair(one, other) => Some(if of == 0 { one } else { other }),
                    _ => None,
                };
                text(address.and_then(|address| self.meaning.host(address)).map(|name| &**name))
            }
            What::ExporterName => {
                text(exporter.and_then(|at| self.names.exporters.get(&at)).map(String::as_str))
            }
            What::ExporterDescription => {
                let said = exporter.and_then(|exporter| tables?.exporter(exporter));
                text(said.map(|said| &*said.description))
            }
            What::Name => {
                let name = interface().and_then(|key| self.names.interfaces.get(&key));
                text(name.map(String::as_str))
            }
            What::Description => text(link().map(|link| &*link.description)),
            What::Speed => link().and_then(|link| link.speed).map_or(Value::None, Value::number),
            What::Share(place) => match (link().and_then(|link| link.speed), used.get(place)) {
                (Some(speed), Some(&Used { octets, window_ms })) if window_ms > 0 => {
                    let bits = octets as f64 * 8.0;
                    let most = speed as f64 * window_ms as f64 / 1000.0;
                    Value::Percent(bits / most * 100.0)
                }
                _ => Value::None,
            },
        }
    }

    /// As [`Self::value`], in a table.
    pub(super) fn cell(
        &self,
        told: &Told,
        of: (&[KeyField], &[KeyValue]),
        used: &[Used],
    ) -> String {
        match self.value(told, of, used) {
            Value::Percent(share) => format!("{share:.1}"),
            Value::Text(name) => shown(&name),
            _ => "-".to_owned(),
        }
    }

    /// Of the link that a key of `fields` is, how much was used, in percent; nothing where it is
    /// none, or several.
    pub(super) fn share(
        &self,
        (fields, key): (&[KeyField], &[KeyValue]),
        used: Used,
    ) -> Option<f64> {
        let told = self.told(fields, &OF_ALL);
        let mut shares = told.iter().filter(|told| matches!(told.what, What::Share(_)));
        let (Some(told), None) = (shares.next(), shares.next()) else { return None };
        match self.value(told, (fields, key), &[used]) {
            Value::Percent(share) => Some(share),
            _ => None,
        }
    }

    /// The names that are known of what is in one `place` of a key of `fields`: of a host, an exporter, an
    /// interface; of a pair, those of its first or its second address.
    pub fn names(
        &self,
        (fields, key): (&[KeyField], &[KeyValue]),
        place: usize,
        is_second: bool,
    ) -> Vec<Arc<str>> {
        let told = self.told(fields, &[]).into_iter();
        let is_meant = |told: &Told| told.field == place && told.what.is_second() == is_second;
        let told = told.filter(|told| told.title.is_some() && is_meant(told));
        let names = told.filter_map(|told| match self.value(&told, (fields, key), &[]) {
            Value::Text(name) => Some(shown(&name).into()),
            _ => None,
        });
        names.collect()
    }

    /// What is in some `places` of a key of `fields`, each with the names that are known of it, and with
    /// `between` between them: `10.1.2.3 (printer), 443`.
    pub fn called(
        &self,
        of: (&[KeyField], &[KeyValue]),
        places: Range<usize>,
        between: &str,
    ) -> String {
        let texts = places.flat_map(|place| {
            key_texts(&of.1[place..=place]).enumerate().map(move |(value, text)| {
                match self.names(of, place, value > 0).join(", ") {
                    names if names.is_empty() => text,
                    names => format!("{text} ({names})"),
                }
            })
        });
        texts.collect::<Vec<_>>().join(between)
    }

    /// Who exported the flows of `key`, which is of `fields`.
    fn exporter_of(&self, fields: &[KeyField], key: &[KeyValue]) -> Option<IpAddr> {
        let place = fields.iter().position(|field| *field == KeyField::Exporter);
        match place.map(|place| &key[place]) {
            Some(KeyValue::Address(exporter)) => Some(*exporter),
            _ => self.exporter,
        }
    }
}

/// An exporter may tell what steers a terminal.
fn shown(name: &str) -> String {
    name.replace(char::is_control, "\u{fffd}")
}

fn is_host(field: &KeyField) -> bool {
    matches!(field, KeyField::Address(_, Prefix::WHOLE) | KeyField::Pair)
}

fn is_interface(field: &KeyField) -> bool {
    matches!(
        field,
        KeyField::Number(Column::Input | Column::Output) | KeyField::OfEither(Column::Input)
    )
}

/// What the name of a host is called whose address is called `address`.
fn host_words(address: &str) -> (&'static str, &'static str) {
    match address {
        "srcAddress" => ("srcHost", "Src Host"),
        "dstAddress" => ("dstHost", "Dst Host"),
        "first" => ("firstHost", "Host"),
        "second" => ("secondHost", "Host"),
        _ => ("host", "Host"),
    }
}
