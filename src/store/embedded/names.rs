//! What exporters call their interfaces, VRFs and applications: room for it.

use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;

use crate::flow::{MAX_NAMES, Names};

/// Where more than half of the room is taken, leaves out the names that were told by exporters who
/// neither have `flows` in the store nor tell any of the `new` names. Names may come before the
/// first flow, so else they stay.
pub(super) fn make_room(names: &mut Names, flows: &HashSet<IpAddr>, new: &Names) {
    fn retain<K: Ord>(
        names: &mut BTreeMap<(IpAddr, K), String>,
        flows: &HashSet<IpAddr>,
        new: &BTreeMap<(IpAddr, K), String>,
    ) {
        if names.len() > MAX_NAMES / 2 {
            let tell: HashSet<IpAddr> = new.keys().map(|(exporter, _)| *exporter).collect();
            names.retain(|(exporter, _), _| flows.contains(exporter) || tell.contains(exporter));
        }
    }
    retain(&mut names.interfaces, flows, &new.interfaces);
    retain(&mut names.vrfs, flows, &new.vrfs);
    retain(&mut names.applications, flows, &new.applications);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_exporters_that_are_gone_make_room_when_it_is_needed() {
        let exporter = |number: u8| IpAddr::from([192, 0, 2, number]);
        let name = |(number, id)| ((exporter(number), id), "eth0".to_owned());
        let mut names = Names::default();
        names.interfaces.extend((0..MAX_NAMES as u32 / 2 - 2).map(|id| name((1, id))));
        names.interfaces.extend([(2, 0), (3, 0)].map(name));
        let flows = HashSet::from([exporter(2)]);
        let new = Names { interfaces: [name((3, 1))].into(), ..Names::default() };
        let before = names.clone();
        make_room(&mut names, &flows, &new);
        assert_eq!(names, before);
        names.interfaces.extend([name((1, u32::MAX))]);
        make_room(&mut names, &flows, &new);
        assert_eq!(names.interfaces, BTreeMap::from([(2, 0), (3, 0)].map(name)));
    }
}
