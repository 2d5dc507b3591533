//! Names that exporters tell by options: of interfaces, VRFs and applications.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// So many names of each kind are kept.
pub const MAX_NAMES: usize = 16_384;
/// So many bytes of a name are kept.
pub const MAX_NAME_BYTES: usize = 128;

/// Names by the exporter that told them, and by what they are names of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Names {
    /// Of interfaces, by their SNMP index.
    #[serde(with = "entries", default)]
    pub interfaces: BTreeMap<(IpAddr, u32), String>,
    /// Of VRFs, by their ids.
    #[serde(with = "entries", default)]
    pub vrfs: BTreeMap<(IpAddr, u32), String>,
    /// Of applications, by their ids (RFC 6759 §4).
    #[serde(with = "entries", default)]
    pub applications: BTreeMap<(IpAddr, u64), String>,
}

impl Names {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.interfaces.is_empty() && self.vrfs.is_empty() && self.applications.is_empty()
    }

    /// Takes in those of `other`, in place of other names of the same things, as far as there is
    /// room.
    pub fn merge(&mut self, other: &Self) {
        merge(&mut self.interfaces, &other.interfaces);
        merge(&mut self.vrfs, &other.vrfs);
        merge(&mut self.applications, &other.applications);
    }
}

fn merge<K: Ord + Copy>(names: &mut BTreeMap<K, String>, other: &BTreeMap<K, String>) {
    for (key, name) in other {
        enter(names, *key, name.clone());
    }
}

/// Enters a name without its control characters, unless there is no room for it.
pub(super) fn enter<K: Ord>(names: &mut BTreeMap<K, String>, key: K, mut name: String) {
    name.retain(|letter| !letter.is_control());
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

/// A map of names as the list of its entries, `[exporter, id, name]`: JSON's keys are texts.
mod entries {
    use std::collections::BTreeMap;
    use std::net::IpAddr;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer, K: Serialize + Copy>(
        names: &BTreeMap<(IpAddr, K), String>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(names.iter().map(|((exporter, id), name)| (exporter, id, name)))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>, K: Deserialize<'de> + Ord>(
        deserializer: D,
    ) -> Result<BTreeMap<(IpAddr, K), String>, D::Error> {
        let entries = Vec::<(IpAddr, K, String)>::deserialize(deserializer)?;
        Ok(entries.into_iter().map(|(exporter, id, name)| ((exporter, id), name)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_names_take_the_place_of_earlier_ones_and_survive_being_written() {
        let exporter = IpAddr::from([192, 0, 2, 1]);
        let mut names = Names::default();
        enter(&mut names.interfaces, (exporter, 3), "eth3".to_owned());
        enter(&mut names.vrfs, (exporter, 1), String::new());
        let mut later = Names::default();
        enter(&mut later.interfaces, (exporter, 3), "xe-0/0/3".to_owned());
        enter(&mut later.applications, (exporter, 0x0300_0050), "ü".repeat(100));
        names.merge(&later);
        assert_eq!(names.interfaces[&(exporter, 3)], "xe-0/0/3");
        assert!(names.vrfs.is_empty());
        assert_eq!(names.applications[&(exporter, 0x0300_0050)], "ü".repeat(64));
        let text = serde_json::to_string(&names).unwrap();
        assert!(
            text.starts_with(r#"{"interfaces":[["192.0.2.1",3,"xe-0/0/3"]],"vrfs":[]"#),
            "{text}"
        );
        assert_eq!(serde_json::from_str::<Names>(&text).unwrap(), names);
    }
}
