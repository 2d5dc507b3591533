//! earlgrey-hbase: NetFlow captures in, answers about hosts and networks out.
//!
//! Flow records are kept under a composite row key (src, time, dst, …) in a wide-column store,
//! so a question about a host is a short range scan, and a question about everybody is a scan of
//! regions in parallel. Data flows one way through the modules, and so do their imports:
//!
//! `flow → capture → netflow → normalise, row → store → load, query → collect, aggregate → answer → cli`

#![cfg_attr(
    not(feature = "cli"),
    allow(dead_code, unused_imports, reason = "helpers of what is left out stay where they are")
)]

pub mod aggregate;
pub mod answer;
pub mod capture;
#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "collect")]
pub mod collect;
pub mod flow;
#[cfg(feature = "generate")]
pub mod generate;
pub mod load;
pub mod netflow;
pub mod normalise;
pub mod query;
pub mod row;
pub mod store;

pub use flow::{Family, FlowBatch, FlowRecord, TimeRange, UnixMillis};
pub use row::{AddressRange, Order};
pub use store::{Scan, Snapshot, Store, StoreError, WriteBatch, Writer};
