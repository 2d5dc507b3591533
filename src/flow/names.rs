//! Names that exporters tell by options: of interfaces, VRFs and applications.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::flow::{Seldom, giving_way};

/// So many names of each kind are kept: those of 600 switches of 48 ports, in at most 6 MB of JSON
/// if each is as long as it may be. For more, those give way of the exporter that told most.
pub const MAX_NAMES: usize = 32_768;
/// Room is made for so many at once.
const ROOM: usize = MAX_NAMES / 8;
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
    /// Of exporters: they tell none themselves, and none is kept.
    #[serde(skip)]
    pub exporters: BTreeMap<IpAddr, String>,
}

impl Names {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.interfaces.is_empty()
            && self.vrfs.is_empty()
            && self.applications.is_empty()
            && self.exporters.is_empty()
    }

    /// Takes in those of `other`, in place of other names of the same things. What is kept is
    /// within [`MAX_NAMES`], whatever both hold.
    pub fn merge(&mut self, other: &Self) {
        merge(&mut self.interfaces, &other.interfaces);
        merge(&mut self.vrfs, &other.vrfs);
        merge(&mut self.applications, &other.applications);
    }
}

/// Names of a kind, by the ids `I` that exporters have for what they are names of.
pub(crate) type Named<I> = BTreeMap<(IpAddr, I), String>;

fn merge<I: Ord + Copy>(names: &mut Named<I>, other: &Named<I>) {
    for (key, name) in other {
        enter_name(names, *key, name.clone());
    }
}

/// Enters a name without its control characters.
pub(crate) fn enter_name<I: Ord + Copy>(names: &mut Named<I>, key: (IpAddr, I), mut name: String) {
    name.retain(|letter| !letter.is_control());
    let mut bytes = name.len().min(MAX_NAME_BYTES);
    while !name.is_char_boundary(bytes) {
        bytes -= 1;
    }
    name.truncate(bytes);
    if name.is_empty() {
        return;
    }
    if names.len() >= MAX_NAMES && !names.contains_key(&key) {
        make_room(names);
    }
    names.insert(key, name);
}

/// Forgets names, the ones with the highest ids, of the exporters that told most.
fn make_room<I: Ord + Copy>(names: &mut Named<I>) {
    static FULL: Seldom = Seldom::new();
    let entries = names.keys().zip((0..u64::MAX).rev()).map(|(&key, heard)| (key.0, heard, key));
    let gone = giving_way(entries.collect(), MAX_NAMES - ROOM);
    for (_, key) in &gone {
        names.remove(key);
    }
    if let (Some(times), Some((most, _))) = (FULL.again(gone.len() as u64), gone.first()) {
        tracing::warn!(
            "no room for more names of interfaces, VRFs or applications: {times} were forgotten, \
             now those of {most}, which told most"
        );
    }
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
    fn who_tells_names_without_end_makes_none_of_others_forgotten() {
        let other = |number: u8| IpAddr::from([198, 51, 100, number]);
        let forger = IpAddr::from([203, 0, 113, 9]);
        let (mut session, mut store) = (Names::default(), Names::default());
        for number in 0..3 * MAX_NAMES as u32 {
            enter_name(&mut session.interfaces, (forger, number), "forged".to_owned());
            enter_name(&mut session.applications, (forger, number.into()), "forged".to_owned());
            if number % 20_000 == 7 {
                store.merge(&session);
            }
        }
        // Those of the others come when all is full.
        for (switch, port) in (0..200).flat_map(|switch| (0..100).map(move |port| (switch, port))) {
            enter_name(&mut session.interfaces, (other(switch), port), format!("eth{port}"));
        }
        enter_name(&mut session.applications, (other(1), 80), "http".to_owned());
        store.merge(&session);
        for number in 0..MAX_NAMES as u32 {
            enter_name(&mut session.interfaces, (forger, 1 << 20 | number), "forged".to_owned());
        }
        store.merge(&session);
        for names in [&session, &store] {
            assert!(names.interfaces.len() <= MAX_NAMES && names.applications.len() <= MAX_NAMES);
            let kept = names.interfaces.keys().filter(|key| key.0 != forger).count();
            assert_eq!((kept, &*names.applications[&(other(1), 80)]), (20_000, "http"));
        }
    }

    #[test]
    fn later_names_take_the_place_of_earlier_ones_and_survive_being_written() {
        let exporter = IpAddr::from([192, 0, 2, 1]);
        let mut names = Names::default();
        enter_name(&mut names.interfaces, (exporter, 3), "eth3".to_owned());
        enter_name(&mut names.vrfs, (exporter, 1), String::new());
        let mut later = Names::default();
        enter_name(&mut later.interfaces, (exporter, 3), "xe-0/0/3".to_owned());
        enter_name(&mut later.applications, (exporter, 0x0300_0050), "ü".repeat(100));
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
