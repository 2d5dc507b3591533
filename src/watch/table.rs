//! Tables: any, one of whose columns has addresses, and attributes that MISP exports.

use csv::{ReaderBuilder, StringRecord};

use super::{Read, WatchError, address, note, unreadable};

/// So many rows are looked at to find out which column has the addresses.
const ROWS_TRIED: usize = 200;

/// The columns of MISP's that are needed.
const OF_MISP: [&str; 2] = ["type", "value"];

/// Whether a table that begins with `line` is one of MISP's.
pub(super) fn is_of_misp(line: &str) -> bool {
    let heads: Vec<String> = heads(line).collect();
    OF_MISP.iter().all(|name| heads.iter().any(|head| head == name))
        && heads.iter().any(|head| head == "uuid" || head == "event_id")
}

/// Whether `line` is the head of a table: names, no address among them.
pub(super) fn is_header(line: &str) -> bool {
    line.contains([',', ';', '\t'])
        && heads(line).all(|head| {
            address::indicator(&head).is_none() && head.chars().any(char::is_alphabetic)
        })
}

fn heads(line: &str) -> impl Iterator<Item = String> + '_ {
    let trimmed = |head: &str| head.trim().trim_matches('"').to_ascii_lowercase();
    line.split(delimiter(line) as char).map(trimmed)
}

/// What stands between the columns of a table that begins with `line`.
fn delimiter(line: &str) -> u8 {
    let most = [b',', b';', b'\t'].into_iter().rev();
    most.max_by_key(|&mark| line.bytes().filter(|&byte| byte == mark).count()).unwrap_or(b',')
}

fn rows(text: &str) -> Result<Vec<StringRecord>, WatchError> {
    let first = text.lines().find(|line| !super::is_remark(line.trim())).unwrap_or_default();
    let mut reader = ReaderBuilder::new();
    reader.has_headers(false).flexible(true).comment(Some(b'#')).delimiter(delimiter(first));
    let rows = reader.from_reader(text.as_bytes()).into_records();
    rows.collect::<Result<_, _>>().map_err(|error| unreadable(&error.to_string()))
}

/// Reads the column of this name, else that in which most addresses are.
pub(super) fn read(text: &str, column: Option<&str>, read: &mut Read) -> Result<(), WatchError> {
    let rows = rows(text)?;
    let (place, skipped) = match column {
        Some(name) => (named(&rows, name)?, 1),
        None => found(&rows),
    };
    for row in rows.iter().skip(skipped) {
        match row.get(place).and_then(address::indicator) {
            Some(indicator) => read.indicators.push(indicator),
            None => read.count_line(row.position().map_or(0, csv::Position::line)),
        }
    }
    Ok(())
}

/// The place of the column `name`.
fn named(rows: &[StringRecord], name: &str) -> Result<usize, WatchError> {
    let heads: Vec<&str> = rows.first().into_iter().flatten().map(str::trim).collect();
    let place = heads.iter().position(|head| head.eq_ignore_ascii_case(name));
    place.ok_or_else(|| {
        let heads = super::shortened(&heads.join(", ")).to_owned();
        unreadable(&format!("no column {name}; there are {heads}"))
    })
}

/// The place of the column in which most addresses are, the first of them where several have as many,
/// and how many rows are its head.
fn found(rows: &[StringRecord]) -> (usize, usize) {
    let tried = || rows.iter().take(ROWS_TRIED);
    let is_address =
        |row: &StringRecord, place| row.get(place).and_then(address::indicator).is_some();
    let count = |&place: &usize| tried().filter(|row| is_address(row, place)).count();
    let width = tried().map(StringRecord::len).max().unwrap_or(0);
    let place = (0..width).rev().max_by_key(count).unwrap_or(0);
    let head = rows.first().is_some_and(|row| !is_address(row, place));
    (place, usize::from(head))
}

/// Reads attributes of MISP: those that are for detection (`to_ids`) and are addresses.
pub(super) fn read_misp(text: &str, read: &mut Read) -> Result<(), WatchError> {
    let rows = rows(text)?;
    let [kind, value] = OF_MISP.map(|name| named(&rows, name));
    let (kind, value) = (kind?, value?);
    let [to_ids, comment, event] =
        ["to_ids", "comment", "event_id"].map(|name| named(&rows, name).ok());
    for row in rows.iter().skip(1) {
        let at = |place: Option<usize>| place.and_then(|place| row.get(place)).unwrap_or_default();
        let (kind, value) = (at(Some(kind)), at(Some(value)));
        if matches!(at(to_ids), "0" | "false" | "False") {
            read.count_other("not for detection");
            continue;
        }
        let Some(mut indicator) = attribute(kind, value) else {
            read.count_other(kind);
            continue;
        };
        let told = at(comment).trim();
        let event = Some(at(event)).filter(|event| !event.is_empty());
        let event = event.map(|event| format!("event {event}"));
        let told: Vec<&str> = [told, event.as_deref().unwrap_or("")]
            .into_iter()
            .filter(|it| !it.is_empty())
            .collect();
        indicator.note = note(&told.join(", "));
        read.indicators.push(indicator);
    }
    Ok(())
}

/// The addresses that an attribute of this type is.
fn attribute(kind: &str, value: &str) -> Option<crate::store::watchlist::Indicator> {
    match kind {
        "ip-src" | "ip-dst" => address::indicator(value),
        "ip-src|port" | "ip-dst|port" => {
            let (at, port) = value.rsplit_once(['|', ':'])?;
            let port = Some(port.trim().parse().ok()?);
            Some(crate::store::watchlist::Indicator { port, ..address::indicator(at)? })
        }
        "domain|ip" => address::indicator(value.rsplit_once('|')?.1),
        _ => None,
    }
}
