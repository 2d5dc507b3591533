//! Holds the sums of a run against its flows.

use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64;

use super::sum_up::flows_of;
use crate::flow::{Columns, FlowBatch, Values};
use crate::store::embedded::folder::manifest::SumsFile;
use crate::store::embedded::run::file::RunFile;
use crate::store::embedded::run::reader::stretches;
use crate::store::embedded::snapshot::{EmbeddedSnapshot, OpenRun};
use crate::store::embedded::sums::{self, Builder, Sink, columns, read_columns};
use crate::store::{Result, Scan, StoreError};

/// What is wrong with the sums of `run`, whose flows are sound.
pub(super) fn verify_sums(snapshot: &EmbeddedSnapshot, run: &OpenRun) -> Vec<StoreError> {
    let files = run.entry.sums.iter().flatten().zip(&run.sums);
    files.filter_map(|(entry, file)| verify_file(snapshot, run, entry, file).err()).collect()
}

fn verify_file(
    snapshot: &EmbeddedSnapshot,
    run: &OpenRun,
    entry: &SumsFile,
    file: &Arc<RunFile>,
) -> Result<()> {
    file.check_magic()?;
    let order = file.order();
    let columns = columns(&entry.parts);
    let scan = Arc::new(Scan { order, ..Scan::all(columns) });
    let mut found = Digests::none(columns, entry.parts.len());
    for stretch in stretches(file, &scan)? {
        let part = entry.groups().position(|(_, groups)| groups.contains(&stretch.group));
        let part = part.ok_or_else(|| file.damaged("the manifest tells of fewer sums"))?;
        for batch in stretch.read(Arc::clone(&scan), Arc::clone(snapshot.sources())) {
            found.append(part, &batch?)?;
        }
    }
    let mut expected = Digests::none(columns, entry.parts.len());
    let parts = (order, &entry.parts[..]);
    let mut builder = Builder::new(&run.entry, snapshot.sources(), parts, columns, u64::MAX);
    for flows in flows_of(snapshot, run, order, read_columns(order))? {
        builder.observe(&flows?, &mut expected)?;
    }
    builder.finish(&mut expected)?;
    for (number, part) in entry.parts.iter().enumerate() {
        let by = part.by.join(", ");
        if found.parts[number].0 != part.rows {
            return Err(file.damaged(format!("other sums by {by} than the manifest tells of")));
        }
        // What this version does not make it cannot judge.
        let is_judged = sums::parts(order).iter().any(|known| known.is_like(part));
        if is_judged && expected.parts[number] != found.parts[number] {
            return Err(file.damaged(format!("its sums by {by} are not those of the run's flows")));
        }
    }
    Ok(())
}

/// Of each part how many rows there are, and a hash of them that does not depend on their order.
struct Digests {
    columns: Columns,
    parts: Vec<(u64, u64)>,
}

impl Digests {
    fn none(columns: Columns, parts: usize) -> Self {
        Self { columns, parts: vec![(0, 0); parts] }
    }
}

impl Sink for Digests {
    fn append(&mut self, part: usize, rows: &FlowBatch) -> Result<()> {
        let mut bytes = Vec::new();
        for row in 0..rows.len() {
            bytes.clear();
            for column in self.columns.iter() {
                match rows.values(column) {
                    Values::Addresses(values) => bytes.extend(values.bits(row).to_be_bytes()),
                    Values::U8(values) => bytes.extend(values[row].to_be_bytes()),
                    Values::U16(values) => bytes.extend(values[row].to_be_bytes()),
                    Values::U32(values) => bytes.extend(values[row].to_be_bytes()),
                    Values::U64(values) => bytes.extend(values[row].to_be_bytes()),
                    Values::Extras(_) => {}
                }
            }
            let (count, digest) = &mut self.parts[part];
            *count += 1;
            *digest = digest.wrapping_add(xxh3_64(&bytes));
        }
        Ok(())
    }

    fn give_up_first(&mut self) -> Result<()> {
        self.parts[0] = (0, 0);
        Ok(())
    }
}
