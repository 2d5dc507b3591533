//! Flows in Elasticsearch and OpenSearch, by HTTP: what reads them as a store.
//!
//! A flow is a document, as `export elastic` writes it; `schema/elastic.json` says which fields it has.
//! Nothing is written here: of what is stored twice or taken back, Elasticsearch promises less than a
//! store must. So `load`, `compact` and `expire` refuse, and `sink::elastic` writes documents.
//!
//! A snapshot is one moment where the server has points in time, as Elasticsearch from 7.10 on and
//! OpenSearch have; in Elasticsearch 6.8 documents that are written meanwhile may be seen.

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

mod client;
mod document;
mod location;
mod options;
mod query;
mod region;
mod reply;
mod server;
mod snapshot;
mod store;
mod sums;

pub(crate) use client::{Body, Client};
pub(crate) use location::shown;
pub use location::{Credentials, Location, LocationError, is_location};
pub use options::Options;
pub(crate) use reply::Reply;
pub(crate) use server::Server;
pub use store::ElasticStore;

/// The layout of documents, which the mapping of each index names under `_meta`.
pub(crate) const LAYOUT: u64 = 1;
