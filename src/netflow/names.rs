//! Names that exporters tell by options: of interfaces, VRFs and applications.

use std::collections::BTreeMap;
use std::net::IpAddr;

/// So many names of each kind are kept.
pub const MAX_NAMES: usize = 65_536;
/// So many bytes of a name are kept.
pub const MAX_NAME_BYTES: usize = 128;

/// Names by the exporter that told them, and by what they are names of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// Of interfaces, by their SNMP index.
    pub interfaces: BTreeMap<(IpAddr, u32), String>,
    /// Of VRFs, by their ids.
    pub vrfs: BTreeMap<(IpAddr, u32), String>,
    /// Of applications, by their ids (RFC 6759 §4).
    pub applications: BTreeMap<(IpAddr, u64), String>,
}

/// Enters a name, unless there is no room for it.
pub(super) fn enter<K: Ord>(names: &mut BTreeMap<K, String>, key: K, mut name: String) {
    let mut bytes = name.len().min(MAX_NAME_BYTES);
    while !name.is_char_boundary(bytes) {
        bytes -= 1;
    }
    name.truncate(bytes);
    if name.is_empty() || names.len() >= MAX_NAMES && !names.contains_key(&key) {
        return;
    }
    names.insert(key, name);
}
