//! Files of other tools, against what these tools, or others, make of them.

mod nfcapd;
mod parquet;
mod texts;

use std::path::Path;

use serde_json::Value;

pub(crate) use texts::{ARGUS, SILK, ZEEK};

use crate::interop::earlgrey;

/// Loads `paths`; gives what is said of it in JSON. How it ends is not looked at.
fn load(store: &Path, paths: &[&Path]) -> Value {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_earlgrey-hbase"));
    command.arg("load").args(paths).arg("--store").arg(store).args(["-o", "json"]);
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    serde_json::from_str(&text)
        .unwrap_or_else(|_| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)))
}

/// Every flow of a store as JSON.
fn flows(store: &Path, question: &[&str]) -> Vec<Value> {
    let store = store.to_str().unwrap();
    let all = ["query", "--store", store, "-o", "ndjson", "--where", "any"];
    let text = earlgrey(&[&all[..], question].concat());
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
