//! What exporters call their interfaces, VRFs and applications: a small file, replaced as a whole.
//!
//! The first line is the XXH3-64 of the second, which is JSON.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::Path;

use super::folder::file_names::NAMES;
use super::folder::manifest::Checksum;
use crate::flow::{MAX_NAMES, Names};
use crate::store::{Result, StoreError, durable};

/// The names in the store at `dir`; none where nobody told any.
///
/// # Errors
///
/// [`StoreError::Damaged`] if they are not as they were written.
pub(super) fn read(dir: &Path) -> Result<Names> {
    let path = dir.join(NAMES);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Names::default()),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            return Err(StoreError::damaged(&path, "it is no text"));
        }
        Err(error) => return Err(StoreError::io(&path, "read")(error)),
    };
    let (checksum, body) = text.split_once('\n').unwrap_or_default();
    if Checksum::of(body.as_bytes()).to_string() != checksum {
        return Err(StoreError::damaged(&path, "its checksum does not match"));
    }
    serde_json::from_str(body).map_err(|error| StoreError::damaged(&path, error.to_string()))
}

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

/// Replaces the names in the store at `dir`, durably.
pub(super) fn write(dir: &Path, names: &Names) -> Result<()> {
    let path = dir.join(NAMES);
    let body = serde_json::to_string(names)
        .map_err(|error| StoreError::io(&path, "write")(error.into()))?;
    let checksum = Checksum::of(body.as_bytes());
    durable::replace(&path, format!("{checksum}\n{body}").as_bytes())
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
