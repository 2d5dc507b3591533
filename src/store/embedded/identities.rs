//! stub
use super::manifest::IdentityFile;
use crate::flow::DatagramId;
use crate::store::Result;
use std::path::{Path, PathBuf};
#[derive(Debug)]
pub(super) struct Seen {
    set: std::collections::HashSet<DatagramId>,
}
impl Seen {
    pub(super) fn new(_dir: &Path, _files: Vec<IdentityFile>) -> Self {
        Self { set: Default::default() }
    }
    pub(super) fn admit(&mut self, id: DatagramId) -> Result<bool> {
        Ok(self.set.insert(id))
    }
    pub(super) fn committed(&mut self, _files: Vec<IdentityFile>) {}
}
pub(super) fn write(
    _dir: &Path,
    _ids: Vec<DatagramId>,
    _n: impl FnMut() -> u64,
) -> Result<Vec<IdentityFile>> {
    Ok(vec![])
}
pub(super) fn verify(_dir: &Path, _f: &IdentityFile) -> Result<()> {
    Ok(())
}
fn _x(_: PathBuf) {}
