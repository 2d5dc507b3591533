//! Databases of addresses: `MaxMind`'s format, or ranges as CSV.

use std::net::IpAddr;
use std::path::Path;

use csv::{ReaderBuilder, StringRecord, Trim};

use super::entries::Entries;
use super::{Attribute, Fault, MeaningError, mmdb};
use crate::flow::canonical;
use crate::row::AddressRange;

/// Adds to `entries` what the database that `bytes` are says where nothing is said yet.
///
/// # Errors
///
/// [`MeaningError`] if they are none, or damaged.
pub(super) fn add(
    entries: &mut Entries,
    attribute: Attribute,
    file: &Path,
    bytes: Vec<u8>,
) -> Result<(), MeaningError> {
    let found = if mmdb::is_one(&bytes) {
        mmdb::read(bytes, attribute, entries).map_err(|error| mmdb::damaged(file, error))?
    } else {
        of_csv(&bytes, attribute, entries).map_err(|Fault { line, problem }| {
            MeaningError::Line { file: file.to_owned(), line, problem }
        })?
    };
    entries.fill(found);
    Ok(())
}

/// The column of a table of so many columns that says `attribute`: `start,end,country`,
/// `start,end,asn,name`, or ten of which the third is the country and the sixth the city.
fn place(columns: usize, attribute: Attribute) -> Option<usize> {
    match (columns, attribute) {
        (3 | 10, Attribute::Country) | (4, Attribute::Asn) => Some(2),
        (4, Attribute::AsName) => Some(3),
        (10, Attribute::City) => Some(5),
        _ => None,
    }
}

fn of_csv(
    bytes: &[u8],
    attribute: Attribute,
    entries: &mut Entries,
) -> Result<Vec<(AddressRange, u32)>, Fault> {
    let mut reader = ReaderBuilder::new().has_headers(false).trim(Trim::All).from_reader(bytes);
    let mut found = Vec::new();
    let mut record = StringRecord::new();
    loop {
        let line = reader.position().line();
        let wrong = |problem: String| Fault { line, problem };
        match reader.read_record(&mut record) {
            Ok(true) => {}
            Ok(false) => return Ok(found),
            Err(error) => return Err(wrong(error.to_string())),
        }
        if !matches!(record.len(), 3 | 4 | 10) {
            return Err(wrong(
                "neither start,end,country nor start,end,asn,name, nor a database of MaxMind's \
                 format"
                    .to_owned(),
            ));
        }
        let Some(place) = place(record.len(), attribute) else { return Ok(found) };
        let end = |column: usize, name: &str| {
            let text = record.get(column).unwrap_or_default();
            let address = text.parse::<IpAddr>().map(canonical);
            address.map_err(|_| wrong(format!("column {name}: {text:?} is no address")))
        };
        let (start, last) = (end(0, "start")?, end(1, "end")?);
        let range = AddressRange::new(start, last)
            .ok_or_else(|| wrong(format!("column end: {last} is before {start}")))?;
        let label = entries.label(record.get(place).unwrap_or_default());
        found.push((range, label));
    }
}
