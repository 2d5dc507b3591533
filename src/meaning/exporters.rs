//! The table of exporters: what they and their interfaces are called, and how fast a link is.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::Fault;
use super::lines::each_line;
use crate::flow::{Names, canonical};

/// The columns of the table. Only the first must be there.
const COLUMNS: [&str; 5] = ["exporter", "interface", "name", "description", "speed"];

/// What is said of exporters and their interfaces.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Exporters {
    exporters: BTreeMap<IpAddr, Link>,
    interfaces: BTreeMap<(IpAddr, u32), Link>,
}

/// What is said of an interface, or of its exporter; empty where nothing is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Link {
    /// What it is called.
    pub name: Arc<str>,
    /// What it is.
    pub description: Arc<str>,
    /// How many bits a second its link carries, each way.
    pub speed: Option<u64>,
}

impl Exporters {
    /// Reads the table, CSV with a line of names. A line without an interface is of the exporter.
    ///
    /// # Errors
    ///
    /// The first line that is wrong, and its column.
    pub(super) fn parse(text: &[u8]) -> Result<Self, Fault> {
        let mut all = Self::default();
        each_line(text, COLUMNS, |_, [exporter, interface, name, description, speed]| {
            let address = exporter.parse().map(canonical);
            let address =
                address.map_err(|_| format!("column exporter: {exporter:?} is no address"))?;
            let speed = (!speed.is_empty()).then(|| bits_a_second(speed)).transpose()?;
            let said = Link { name: name.into(), description: description.into(), speed };
            if interface.is_empty() {
                if speed.is_some() {
                    return Err("column speed: it is of an interface, and none is named".to_owned());
                }
                return match all.exporters.insert(address, said) {
                    Some(_) => Err(format!("column exporter: {exporter} is there twice")),
                    None => Ok(()),
                };
            }
            let index: u32 = interface
                .parse()
                .map_err(|_| format!("column interface: {interface:?} is no number"))?;
            match all.interfaces.insert((address, index), said) {
                Some(_) => Err(format!("column interface: {exporter} has {index} twice")),
                None => Ok(()),
            }
        })?;
        Ok(all)
    }

    /// What is said of `exporter`.
    pub fn exporter(&self, exporter: IpAddr) -> Option<&Link> {
        self.exporters.get(&exporter)
    }

    /// What is said of the interface of `exporter` that has this index.
    pub fn interface(&self, exporter: IpAddr, index: u32) -> Option<&Link> {
        self.interfaces.get(&(exporter, index))
    }

    /// Puts the names of the table in the place of those that exporters told.
    pub fn name(&self, names: &mut Names) {
        named(&self.interfaces, &mut names.interfaces);
        named(&self.exporters, &mut names.exporters);
    }
}

fn named<K: Ord + Copy>(said: &BTreeMap<K, Link>, names: &mut BTreeMap<K, String>) {
    let said = said.iter().filter(|(_, link)| !link.name.is_empty());
    names.extend(said.map(|(&key, link)| (key, link.name.to_string())));
}

/// Reads `10G`, `2.5G`, `100M` or `64000`.
fn bits_a_second(text: &str) -> Result<u64, String> {
    let wrong = || format!("column speed: {text:?} is no speed; write bits a second, as in 10G");
    let each = match text.chars().last() {
        Some('k' | 'K') => 1e3,
        Some('M') => 1e6,
        Some('G') => 1e9,
        Some('T') => 1e12,
        _ => 1.0,
    };
    let number = if each > 1.0 { &text[..text.len() - 1] } else { text };
    let is_number = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let bits = number.parse::<f64>().ok().filter(|_| is_number).map(|number| number * each);
    bits.filter(|&bits| (1.0..1e18).contains(&bits)).map(|bits| bits as u64).ok_or_else(wrong)
}
