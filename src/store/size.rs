//! What a store takes, and in how many pieces.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::flow::{Family, UnixMillis};

/// What a store takes, as far as it tells.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Size {
    /// Bytes of all flows, in every order that is kept, and of datagram identities. None where the
    /// backend does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// The runs of an embedded store.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub runs: Vec<RunSize>,
    /// How many regions each table in HBase has.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub regions: BTreeMap<String, u64>,
}

/// What one run takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunSize {
    /// The number in its files' names.
    pub number: u64,
    /// The family of its flows.
    pub family: Family,
    /// How many it holds.
    pub flows: u64,
    /// Bytes of its files, one for each order.
    pub bytes: u64,
    /// When its earliest flow began.
    pub earliest: UnixMillis,
    /// When its latest flow began.
    pub latest: UnixMillis,
}
