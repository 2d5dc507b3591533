//! Watch lists and their hits, as everybody is told them.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use serde::Serialize;

use super::{Zone, one_of, show};
use crate::answer::as_no_formula;
use crate::flow::UnixMillis;
use crate::meaning::{Attribute, Meaning, MeaningError, Table};
use crate::store::watchlist::{Hit, Listed, Sum};
use crate::watch::{self, Format};

/// How a list is read.
#[derive(Debug, Clone, clap::Args)]
pub struct ListKind {
    /// What kind of a list it is: plain, csv, misp, stix, tor [default: what it looks like]
    #[arg(long, value_name = "KIND",
        value_parser = one_of::<Format>(Format::ALL.map(Format::name)),
        hide_possible_values = true)]
    format: Option<Format>,
    /// The column of a CSV that has the addresses [default: that in which most are]
    #[arg(long, value_name = "NAME")]
    column: Option<String>,
}

impl ListKind {
    /// What is meant.
    pub fn options(&self) -> watch::Options {
        watch::Options { format: self.format, column: self.column.clone() }
    }
}

/// A watch list as JSON.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListView {
    /// What it is called.
    name: String,
    /// The file that it was read from.
    file: String,
    /// When it was added last.
    added: String,
    /// How many indicators it has.
    indicators: u64,
    /// For how many of them not all that was stored before was looked through.
    unsought: u64,
    /// How many indicators were hit, those of earlier lists of this name among them.
    hit: u64,
    /// By how many flows.
    flows: u64,
    /// When the last of these ended.
    last: Option<String>,
    /// How often an indicator was left out that was hit, as too many were.
    left_out: u64,
}

impl ListView {
    /// `listed`, with times in `zone`.
    pub fn new(listed: &Listed, zone: &Zone) -> Self {
        let &Listed { indicators, unsought, hit, flows, added, last, left_out, .. } = listed;
        Self {
            name: listed.name.clone(),
            file: listed.file.clone(),
            added: show(added, zone),
            indicators,
            unsought,
            hit,
            flows,
            last: last.map(|time| show(time, zone)),
            left_out,
        }
    }
}

/// Who dealt with an indicator, as JSON.
#[derive(Debug, Serialize)]
pub struct OtherView {
    /// The address.
    pub address: IpAddr,
    /// The network that it is of, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// That network's role, as `internal`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// When the first flow between both began.
    pub first: String,
    /// When the last one ended.
    pub last: String,
    /// How many there are.
    pub flows: u64,
    /// Their packets, as exported.
    pub packets: u128,
    /// Their layer-3 bytes, as exported.
    pub octets: u128,
}

/// An indicator that was hit, as JSON.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HitView {
    /// What it is called: an address, a block, a range, or an address with a port.
    pub indicator: String,
    /// What the list says of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Whether it is in the list still.
    pub listed: bool,
    /// When the first flow with it began.
    pub first: String,
    /// When the last one ended.
    pub last: String,
    /// How many there are.
    pub flows: u64,
    /// Their packets, as exported.
    pub packets: u128,
    /// Their layer-3 bytes, as exported.
    pub octets: u128,
    /// Who dealt with it, by address: the first thousand.
    pub others: Vec<OtherView>,
    /// How many flows were with others than these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub more_flows: Option<u64>,
}

/// Tells hits, with times in a zone, and with what the other addresses mean.
#[derive(Debug)]
pub struct HitTeller<'a> {
    zone: &'a Zone,
    networks: Option<Arc<Table>>,
    roles: Option<Arc<Table>>,
}

impl<'a> HitTeller<'a> {
    /// Tells times in `zone`, and networks and roles where `meaning` knows them.
    ///
    /// # Errors
    ///
    /// [`MeaningError`] if a file that says them cannot be read.
    pub fn new(zone: &'a Zone, meaning: &Meaning) -> Result<Self, MeaningError> {
        let known = |attribute| match meaning.table(attribute) {
            Err(MeaningError::Unknown(_) | MeaningError::Lacking(_)) => Ok(None),
            table => table.map(Some),
        };
        Ok(Self { zone, networks: known(Attribute::Network)?, roles: known(Attribute::Role)? })
    }

    /// `hit` as JSON.
    pub fn view(&self, hit: &Hit) -> HitView {
        let Sum { first, last, flows, packets, octets } = hit.sum;
        let kept: u64 = hit.others.iter().map(|(_, sum)| sum.flows).sum();
        HitView {
            indicator: hit.indicator.clone(),
            note: hit.note.as_deref().map(str::to_owned),
            listed: hit.listed,
            first: show(first, self.zone),
            last: show(last, self.zone),
            flows,
            packets,
            octets,
            others: hit.others.iter().map(|(address, sum)| self.other(*address, sum)).collect(),
            more_flows: Some(flows - kept.min(flows)).filter(|&more| more > 0),
        }
    }

    fn other(&self, address: IpAddr, sum: &Sum) -> OtherView {
        let &Sum { first, last, flows, packets, octets } = sum;
        // What it was called when it was seen last.
        let called = |table: &Option<Arc<Table>>| called(table.as_deref()?, address, last);
        OtherView {
            address,
            network: called(&self.networks),
            role: called(&self.roles),
            first: show(first, self.zone),
            last: show(last, self.zone),
            flows,
            packets,
            octets,
        }
    }
}

fn called(table: &Table, address: IpAddr, time: UnixMillis) -> Option<String> {
    let text = table.of(address, time);
    (!text.is_empty()).then(|| text.to_owned())
}

/// Writes hits as CSV, a line for each indicator; who dealt with it stands in one column, with blanks
/// between addresses.
///
/// # Errors
///
/// What `to` meets.
pub fn write_hits_csv(hits: &[HitView], to: impl io::Write) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(to);
    csv.write_record([
        "indicator",
        "note",
        "listed",
        "first",
        "last",
        "flows",
        "packets",
        "octets",
        "others",
    ])?;
    for hit in hits {
        let others: Vec<String> =
            hit.others.iter().map(|other| other.address.to_string()).collect();
        csv.write_record([
            hit.indicator.as_str(),
            &as_no_formula(hit.note.as_deref().unwrap_or_default()),
            if hit.listed { "yes" } else { "no" },
            &hit.first,
            &hit.last,
            &hit.flows.to_string(),
            &hit.packets.to_string(),
            &hit.octets.to_string(),
            &others.join(" "),
        ])?;
    }
    csv.flush()
}
