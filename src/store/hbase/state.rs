//! The tables of a store as they are, and what is not as it should be.

use std::fmt;

use hbase_thrift::hbase::THbaseSyncClient;
use serde::Serialize;

use super::gateways::{Gateways, Session};
use super::table::{FAMILY, bloom_prefix_bytes};
use super::tables::{self, Tables};
use super::thrift2::{ENCODING_FAST_DIFF, FamilyDescription, Thrift2};
use crate::row::Order;
use crate::store::Result;

/// HBase's name for a Bloom filter of the first bytes of row keys.
const ROW_PREFIX: &str = "ROWPREFIX_FIXED_LENGTH";

/// Whether a table is there, and enabled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Presence {
    /// It is not there.
    #[default]
    Missing,
    /// It is there, and answers nothing.
    Disabled,
    /// It is there.
    Enabled,
}

impl fmt::Display for Presence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Missing => "missing",
            Self::Disabled => "disabled",
            Self::Enabled => "enabled",
        })
    }
}

/// A table as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TableState {
    /// Its name.
    pub name: String,
    /// Whether it is there, and enabled.
    pub state: Presence,
    /// Its regions.
    pub regions: usize,
    /// How its blocks are compressed.
    pub compression: String,
    /// How neighbouring keys are encoded; none where nobody said, as Thrift does not.
    pub encoding: Option<&'static str>,
    /// What its Bloom filter is of.
    pub bloom: String,
    /// Versions of a cell that it keeps.
    pub versions: i32,
    /// After how many seconds cells go; none: never.
    pub ttl_secs: Option<i32>,
    /// What is not as it should be.
    pub differences: Vec<String>,
    /// The order of the flows that it holds; else it is the ledger.
    #[serde(skip)]
    order: Option<Order>,
}

/// The tables of the store, as far as Thrift tells, and Thrift2 where there is one.
pub(super) fn states(
    gateways: &Gateways,
    session: &mut Session,
    orders: impl Iterator<Item = Order>,
    mut thrift2: Option<Thrift2>,
) -> Result<Vec<TableState>> {
    let base = Tables::of(gateways);
    let mut states = Vec::new();
    let names = orders.map(|order| (base.flows(order), Some(order)));
    for (name, order) in names.chain([(base.loads(), None)]) {
        let Some(enabled) = tables::is_enabled(session, &name)? else {
            let differences = vec!["it is not there".to_owned()];
            states.push(TableState { name, differences, order, ..TableState::default() });
            continue;
        };
        let mut state = state(session, name, order, enabled)?;
        if let Some(thrift2) = &mut thrift2 {
            let family = thrift2.describe(&state.name, &gateways.location().to_string())?;
            state.describe(&family);
        }
        states.push(state);
    }
    // What goes from one order and stays in the other is found in some answers only.
    let first = states.first().filter(|table| table.state != Presence::Missing);
    let first = first.map(|table| table.ttl_secs);
    if let Some(ttl_secs) = first {
        let wanted = ttl_secs.and_then(|secs| u32::try_from(secs).ok());
        for state in &mut states {
            state.compare_ttl(wanted);
        }
    }
    Ok(states)
}

impl TableState {
    /// Adds what is to be said if rows of flows should go after `wanted` seconds, or never.
    pub fn compare_ttl(&mut self, wanted: Option<u32>) {
        let found = self.ttl_secs.and_then(|secs| u32::try_from(secs).ok());
        if self.order.is_some() && self.state != Presence::Missing && found != wanted {
            let name = |secs: Option<u32>| {
                secs.map_or_else(|| "never".to_owned(), |secs| format!("after {secs} s"))
            };
            self.differences.push(format!(
                "its rows go {}, and should {}; `alter` of HBase's shell sets TTL",
                name(found),
                name(wanted)
            ));
        }
    }

    /// Adds what only Thrift2 tells of the table's family.
    fn describe(&mut self, family: &FamilyDescription) {
        self.encoding = Some(family.encoding_name());
        let Some(order) = self.order else { return };
        if family.encoding != ENCODING_FAST_DIFF {
            self.differences.push(format!(
                "its encoding is {}; FAST_DIFF takes a third less room",
                family.encoding_name()
            ));
        }
        let expected = bloom_prefix_bytes(order).to_string();
        if self.bloom == ROW_PREFIX && family.bloom_prefix.as_ref() != Some(&expected) {
            self.differences.push(format!(
                "its Bloom filter is of {} bytes; {expected} are family and address",
                family.bloom_prefix.as_deref().unwrap_or("unknown")
            ));
        }
    }
}

fn state(
    session: &mut Session,
    name: String,
    order: Option<Order>,
    enabled: bool,
) -> Result<TableState> {
    let table = name.as_bytes();
    let families = session.call("describe a table", |gateway| {
        gateway.client().get_column_descriptors(table.to_vec())
    })?;
    let regions = session
        .call("list the regions", |gateway| gateway.client().get_table_regions(table.to_vec()))?;
    let mut differences = Vec::new();
    if !enabled {
        differences.push("it is disabled; `enable` of HBase's shell helps".to_owned());
    }
    let mut state = TableState {
        name,
        state: if enabled { Presence::Enabled } else { Presence::Disabled },
        regions: regions.len(),
        order,
        ..TableState::default()
    };
    let family =
        families.get(format!("{FAMILY}:").as_bytes()).or_else(|| families.get(FAMILY.as_bytes()));
    let Some(family) = family else {
        differences.push(format!("it has no family {FAMILY}"));
        return Ok(TableState { differences, ..state });
    };
    state.compression = family.compression.clone().unwrap_or_default();
    state.bloom = family.bloom_filter_type.clone().unwrap_or_default();
    state.versions = family.max_versions.unwrap_or_default();
    state.ttl_secs = family.time_to_live.filter(|&secs| secs != i32::MAX);
    if state.versions != 1 {
        differences.push(format!("it keeps {} versions, and one is enough", state.versions));
    }
    if family.block_cache_enabled == Some(false) {
        differences.push("its blocks are not cached".to_owned());
    }
    if let Some(order) = order {
        if state.compression.eq_ignore_ascii_case("NONE") {
            differences.push("it is not compressed".to_owned());
        }
        if state.bloom != ROW_PREFIX {
            differences.push(format!(
                "its Bloom filter is {}; {ROW_PREFIX} of {} bytes finds an absent host sooner",
                state.bloom,
                bloom_prefix_bytes(order)
            ));
        }
    }
    Ok(TableState { differences, ..state })
}
