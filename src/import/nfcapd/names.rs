//! Names of interfaces, VRFs and applications. Their records do not say whose they are: they are the
//! exporter's where all flows of the file are of one.

use std::net::IpAddr;

use super::fields::Bytes;
use crate::flow::{Named, Names, Source, canonical, enter_name};
use crate::import::Pieces;

/// Records by their types.
const APPLICATIONS: u16 = 12;
const INTERFACES: u16 = 13;
const VRFS: u16 = 14;

/// Behind a record's type and length stand how many elements it has, and how long each is.
const HEADER_BYTES: usize = 8;

/// The names of a file, and who exported its flows.
#[derive(Debug)]
pub(super) struct FileNames {
    /// Who does, where the file does not say it.
    default: IpAddr,
    /// Of nobody yet.
    names: Names,
    exporter: Option<IpAddr>,
    /// Whether flows are of several.
    of_several: bool,
}

const NOBODY: IpAddr = Source::UNKNOWN.exporter;

impl FileNames {
    pub(super) fn new(default: Option<IpAddr>) -> Self {
        let default = default.map_or(NOBODY, canonical);
        Self { default, names: Names::default(), exporter: None, of_several: false }
    }

    /// A flow of the file is of this exporter.
    pub(super) fn met(&mut self, exporter: IpAddr) {
        let exporter = if exporter.is_unspecified() { self.default } else { exporter };
        self.of_several |= *self.exporter.get_or_insert(exporter) != exporter;
    }

    /// Takes a record of names, and says whether it is whole; None of one that has none.
    pub(super) fn take(&mut self, kind: u16, record: &[u8]) -> Option<bool> {
        let taken = match kind {
            INTERFACES => take_names(&mut self.names.interfaces, record),
            VRFS => take_names(&mut self.names.vrfs, record),
            APPLICATIONS if has_ids(record) => {
                take_applications(&mut self.names.applications, record)
            }
            _ => return None,
        };
        Some(taken.is_some())
    }

    /// Gives the names to whose they are.
    pub(super) fn give(&mut self, to: &mut dyn Pieces) {
        let Names { interfaces, vrfs, applications, .. } = std::mem::take(&mut self.names);
        match self.exporter {
            Some(exporter) if !self.of_several => to.names(&Names {
                interfaces: of(exporter, interfaces),
                vrfs: of(exporter, vrfs),
                applications: of(exporter, applications),
                ..Names::default()
            }),
            _ => {
                let names = interfaces.len() + vrfs.len() + applications.len();
                if names > 0 {
                    let what = "nfdump names of nobody knows which exporter".to_owned();
                    to.passed_over(what, names as u64);
                }
            }
        }
    }
}

fn of<I: Ord>(exporter: IpAddr, names: Named<I>) -> Named<I> {
    names.into_iter().map(|((_, id), name)| ((exporter, id), name)).collect()
}

/// The elements of a record, behind what stands before them.
fn elements(record: &[u8], before: usize) -> Option<impl Iterator<Item = &[u8]>> {
    let (count, bytes) = (Bytes(record).u16(4)?, usize::from(Bytes(record).u16(6)?));
    let all = record.get(before..)?.get(..usize::from(count) * bytes)?;
    Some(all.chunks_exact(bytes.max(1)))
}

/// Each an id, and a name as long as a number before them says.
fn take_names(names: &mut Named<u32>, record: &[u8]) -> Option<()> {
    let name_bytes = usize::try_from(Bytes(record).u32(HEADER_BYTES)?).ok()?;
    for element in elements(record, HEADER_BYTES + 4)? {
        let id = Bytes(element).u32(0)?;
        enter_name(names, (NOBODY, id), text(element.get(4..)?.get(..name_bytes)?));
    }
    Some(())
}

/// Whether applications are told by ids that are numbers. Early versions have the lengths before
/// each element, and later ones may lack the ids.
fn has_ids(record: &[u8]) -> bool {
    let (element_bytes, id_bytes) = (Bytes(record).u16(6), Bytes(record).u16(HEADER_BYTES));
    element_bytes != Some(0) && matches!(id_bytes, Some(1..=8))
}

/// Each an id, a name and a description, whose lengths stand before them.
fn take_applications(names: &mut Named<u64>, record: &[u8]) -> Option<()> {
    let bytes = Bytes(record);
    let (count, element_bytes) = (bytes.u16(4)?, bytes.u16(6)?);
    let all = usize::from(count) * usize::from(element_bytes);
    let [id_bytes, name_bytes] =
        [bytes.u16(HEADER_BYTES)?, bytes.u16(HEADER_BYTES + 2)?].map(usize::from);
    for element in elements(record, record.len().checked_sub(all)?)? {
        let (id, rest) = element.split_at_checked(id_bytes)?;
        let id = id.iter().fold(0, |id, &byte| id << 8 | u64::from(byte));
        enter_name(names, (NOBODY, id), text(rest.get(..name_bytes)?));
    }
    Some(())
}

/// What stands before the first zero.
fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}
