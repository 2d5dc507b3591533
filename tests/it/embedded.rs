//! The embedded store, beyond what every backend must do.

use std::cell::Cell;

use earlgrey_hbase::store::conformance;
use earlgrey_hbase::store::embedded::EmbeddedStore;

#[test]
fn it_does_what_every_store_must() {
    let folder = tempfile::tempdir().unwrap();
    let opened = Cell::new(0);
    conformance::all(&|| {
        opened.set(opened.get() + 1);
        Box::new(EmbeddedStore::new(folder.path().join(opened.get().to_string())))
    });
}
