//! The store in HBase, reached through its Thrift gateways.
//!
//! A flow is a row of a table in src-first order, and one of its mirror in dst-first order: the row
//! key of `crate::row`, and one packed cell. Where flows are behind a NAT there is a third table of these,
//! in the order of their addresses there. `schema/hbase.md` writes both down. Writing a flow again
//! writes the same row again, so whatever happened to a batch, it may be written once more.
//!
//! HBase keeps promises for a row and not for a batch: a batch becomes visible row by row, and a
//! snapshot sees what is committed while it is read. Several may write at once.

// What comes from outside is never narrowed without a word. Tests may.
#![cfg_attr(
    not(test),
    deny(
        clippy::cast_lossless,
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        clippy::cast_sign_loss
    )
)]

mod cell;
mod cell_filter;
mod error;
mod expire;
mod filter;
mod gateway;
mod gateways;
mod ledger;
mod location;
mod order;
mod region;
mod reply;
mod schema;
mod shelf;
mod snapshot;
mod state;
mod store;
mod table;
mod tables;
mod thrift2;
mod transport;
mod watchlists;
mod wire;
mod writer;

pub use location::{Location, LocationError};
pub use schema::{Created, Schema};
pub use state::{Presence, TableState};
pub use store::{HbaseStore, Options};
pub use table::Compression;

/// The last version of the layout of tables that this version reads, and writes where there is a table
/// in the order of addresses behind a NAT.
pub const LAYOUT_VERSION: u32 = 2;
/// What it writes where there is none.
const LAYOUT_OF_ENDS: u32 = 1;
