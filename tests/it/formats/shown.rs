//! What JSON shows of a flow can be asked for as it stands.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use earlgrey_hbase::UnixMillis;
use earlgrey_hbase::answer::{Format, write_flows};
use earlgrey_hbase::flow::{FlowBatch, Told, elements};
use earlgrey_hbase::query::filter::{Context, NoFiles, parse};
use earlgrey_hbase::row::Predicate;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use super::files::{manifest, read};
use crate::needs::captures;

/// Members that are no elements: filters know them as words of their own.
const COMMON: [&str; 22] = [
    "srcAddress",
    "srcPort",
    "dstAddress",
    "dstPort",
    "protocol",
    "time",
    "duration",
    "bytes",
    "packets",
    "tcpFlags",
    "tos",
    "input",
    "output",
    "srcAs",
    "dstAs",
    "srcMask",
    "dstMask",
    "nextHop",
    "exporter",
    "engine",
    "sampling",
    "communityId",
];
/// So many values of an element are asked for in each capture.
const VALUES: usize = 20;

fn filter(text: &str) -> Result<Predicate, String> {
    let context = Context { zone: TimeZone::UTC, now: UnixMillis(0), files: &NoFiles };
    parse(text, &context).map_err(|error| format!("{text}: {error}"))
}

/// Whether `text` finds the row.
fn finds(text: &str, batch: &FlowBatch, row: usize) -> Result<(), String> {
    let predicate = filter(text)?;
    if filter(&predicate.to_string())? != predicate {
        return Err(format!("{text} is shown as {predicate}"));
    }
    if predicate.evaluate(batch)[row] { Ok(()) } else { Err(format!("{text} finds nothing")) }
}

/// What is kept beside a common field, as of an inner packet, is asked for by its number: the name
/// is that of the field.
fn asked_as(name: &str) -> String {
    let known = elements().iter().find(|element| element.name == name);
    match known.filter(|element| Told::of_element(element.number).is_some()) {
        Some(element) => format!("0/{}", element.number),
        None => name.to_owned(),
    }
}

/// The value as a filter has it.
fn written(value: &Value) -> String {
    match value {
        Value::String(text) => {
            format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
        }
        other => other.to_string(),
    }
}

/// The members of an object, those of lists one by one.
fn each_value(object: &Map<String, Value>) -> impl Iterator<Item = (&String, &Value)> {
    object.iter().flat_map(|(name, value)| {
        let values = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        values.iter().map(move |value| (name, value))
    })
}

fn objects(batch: &FlowBatch) -> Vec<Map<String, Value>> {
    let mut text = Vec::new();
    let rows = std::iter::once(Ok(batch.clone()));
    write_flows(rows, &mut text, &Format::Ndjson, TimeZone::UTC).unwrap();
    String::from_utf8(text)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Asks for each element of each flow as it is shown; gives how many values of which elements were.
fn ask(path: &Path, asked: &mut BTreeMap<String, usize>, wrong: &mut BTreeSet<String>) {
    let mut seen: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for batch in &read(path).flows {
        for (row, object) in objects(batch).iter().enumerate() {
            for (name, value) in each_value(object) {
                let values = seen.entry(name.clone()).or_default();
                let value = written(value);
                // JSON has no number for what is none.
                if value == "null" || values.len() == VALUES || !values.insert(value.clone()) {
                    continue;
                }
                let text = if COMMON.contains(&name.as_str()) {
                    format!("{name} = {value}")
                } else {
                    format!("element {} = {value}", asked_as(name))
                };
                if let Err(problem) = finds(&text, batch, row) {
                    wrong.insert(format!("{}: {problem}", path.display()));
                }
                *asked.entry(name.clone()).or_default() += 1;
            }
        }
    }
}

#[test]
fn what_is_shown_of_an_element_finds_the_flow() {
    let Some(folder) = captures() else { return };
    let (mut asked, mut wrong) = (BTreeMap::new(), BTreeSet::new());
    for file in manifest(&folder) {
        let path = folder.join(&file["path"]);
        if path.metadata().is_ok_and(|metadata| metadata.len() < MOST_BYTES) {
            ask(&path, &mut asked, &mut wrong);
        }
    }
    assert!(wrong.is_empty(), "{} of {asked:?}: {wrong:#?}", wrong.len());
    assert!(asked.len() > 50, "{asked:?}");
}

/// Captures that are longer are left out, for the time that they take.
const MOST_BYTES: u64 = 200_000;
