//! Flows in real servers that speak Elasticsearch's protocol. `scripts/test` starts them and says
//! where: `EARLGREY_ELASTIC8`, `EARLGREY_ELASTIC6`, `EARLGREY_OPENSEARCH` are the URLs of an
//! Elasticsearch 8, one of 6.8 and an OpenSearch, and `EARLGREY_ELASTIC8_SECURE` is that of one that
//! wants TLS and a password. What is there is asked by curl, and not by the code that is tested.

mod documents;
mod faults;
mod proxy;
mod reading;
mod secure;

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use serde_json::Value;

use crate::cli::{FLOWS, Home, capture, exports};
use crate::needs;

/// A server, and the name of an index of its own.
struct Server {
    /// `127.0.0.1:9200`.
    node: String,
    index: String,
    version: Version,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    Elastic8,
    Elastic6,
    OpenSearch,
}

impl Server {
    /// The servers that there are, each with an index that no other test, and no earlier run, has.
    fn all() -> Vec<Self> {
        [Version::Elastic8, Version::Elastic6, Version::OpenSearch]
            .into_iter()
            .filter_map(Self::of)
            .collect()
    }

    #[track_caller]
    fn of(version: Version) -> Option<Self> {
        let url = match version {
            Version::Elastic8 => needs::elastic("EARLGREY_ELASTIC8", "elastic8"),
            Version::Elastic6 => needs::elastic("EARLGREY_ELASTIC6", "elastic6"),
            Version::OpenSearch => needs::elastic("EARLGREY_OPENSEARCH", "opensearch"),
        }?;
        let node = url.trim_start_matches("elastic://").to_owned();
        Some(Self { node, index: new_index(), version })
    }

    fn url(&self) -> String {
        format!("elastic://{}/{}", self.node, self.index)
    }

    /// What the server answers, by curl.
    fn get(&self, path: &str) -> Value {
        curl(&[&format!("http://{}{path}", self.node)])
    }

    fn send(&self, method: &str, path: &str, body: &str) -> Value {
        let url = format!("http://{}{path}", self.node);
        curl(&["-X", method, "-H", "content-type: application/json", "-d", body, &url])
    }

    /// How many documents the index has.
    fn count(&self) -> u64 {
        self.get(&format!("/{}/_count", self.index))["count"].as_u64().unwrap()
    }

    /// The documents that `query` finds, by their ids, which they are in the order of.
    fn documents(&self, query: &str) -> Vec<(String, Value)> {
        let search = format!(r#"{{"size":1000,"query":{query}}}"#);
        let answer = self.send("POST", &format!("/{}/_search", self.index), &search);
        let hits = answer["hits"]["hits"].as_array().unwrap_or_else(|| panic!("{answer}"));
        let id = |hit: &Value| hit["_id"].as_str().unwrap().to_owned();
        let mut documents: Vec<_> =
            hits.iter().map(|hit| (id(hit), hit["_source"].clone())).collect();
        documents.sort_by(|one, other| one.0.cmp(&other.0));
        documents
    }

    fn ids(&self) -> Vec<String> {
        self.documents(r#"{"match_all":{}}"#).into_iter().map(|(id, _)| id).collect()
    }
}

fn new_index() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let since_1970 = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis();
    format!("test-{since_1970}-{}", NEXT.fetch_add(1, Relaxed))
}

fn curl(arguments: &[&str]) -> Value {
    let output = Command::new("curl").arg("-sS").args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap_or_default()
}

/// A capture of all [`FLOWS`], and of the first one twice more, so that three are equal.
fn day(home: &Home) -> String {
    let equal = [FLOWS[0], FLOWS[0]];
    home.file("day.pcap", &capture(&[exports(0, &FLOWS), exports(6, &equal)]))
}

/// So many flows are in it.
const IN_DAY: u64 = FLOWS.len() as u64 + 2;
