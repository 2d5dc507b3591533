//! Regions that are split, closed and opened while they are read and written.

use super::admin::Admin;
use super::{finish, flows, gateway, location, new_table, options, start};
use earlgrey_hbase::flow::Columns;
use earlgrey_hbase::store::hbase::HbaseStore;
use earlgrey_hbase::store::memory::MemoryStore;
use earlgrey_hbase::store::{Region, Scan, Store, conformance};

const FLOWS: usize = 20_000;

#[test]
fn a_scan_goes_on_whatever_becomes_of_its_regions() {
    let Some(gateway) = gateway() else { return };
    let location = location(&gateway);
    let store = HbaseStore::new(location.clone(), options());
    let expected = MemoryStore::default();
    for store in [&store as &dyn Store, &expected] {
        conformance::write_sample(store, FLOWS);
    }
    let expected = flows(&expected);
    let mut admin = Admin::start(&[]);
    for change in ["split", "reopen", "move"] {
        let snapshot = store.snapshot().unwrap();
        let regions = snapshot.regions(&Scan::all(Columns::ALL)).unwrap();
        let mut streams: Vec<_> = regions.into_iter().map(Region::read).collect();
        let mut found = Vec::new();
        let mut take = |batch: earlgrey_hbase::FlowBatch| {
            found.extend(batch.records().map(|flow| format!("{flow:?}")));
        };
        // Every scanner is open, and has given a part of its rows.
        for stream in &mut streams {
            take(stream.next().unwrap().unwrap());
        }
        admin.carry_out(&format!("{change} {}", location.table));
        for stream in streams {
            stream.for_each(|batch| take(batch.unwrap()));
        }
        found.sort_unstable();
        assert!(found == expected, "{change}: other flows than were written");
    }
    assert!(store.snapshot().unwrap().regions(&Scan::all(Columns::NONE)).unwrap().len() > 1);
}

#[test]
fn a_load_goes_on_whatever_becomes_of_its_regions() {
    let Some(gateway) = gateway() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (file, embedded) = (path("day.pcap"), path("store"));
    let table = new_table();
    let store = format!("hbase://{gateway}/{table}");
    finish(start(&["generate", &file, "--flows", "150000"]));
    finish(start(&["load", &file, "--store", &embedded]));
    finish(start(&["schema", "create", "--store", &store]));

    let mut admin = Admin::start(&[]);
    let mut load = start(&["load", &file, "--store", &store]);
    let mut changes = 0;
    while load.try_wait().unwrap().is_none() {
        for change in ["split", "reopen"] {
            admin.carry_out(&format!("{change} {table}"));
            admin.carry_out(&format!("{change} {table}_by_dst"));
        }
        changes += 1;
    }
    finish(load);
    assert!(changes > 0, "nothing happened while it was loaded");
    for question in [
        &["active-flow", "-print", "100000", "--by", "flows"][..],
        &["active-flow", "-print", "1000", "--by", "octets"],
        &["query", "0.0.0.0/0", "--count"],
        &["query", "0.0.0.0/0", "--direction", "dst", "--count"],
    ] {
        let ask = |store: &str| finish(start(&[question, &["--store", store]].concat()));
        assert!(ask(&store) == ask(&embedded), "{question:?}");
    }
}
