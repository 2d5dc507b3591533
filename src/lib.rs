//! NetFlow captures in, answers about hosts and networks out.
//!
//! Flow records are kept under a composite row key (src, time, dst, …) in a folder or in HBase,
//! each of them once however often it is loaded. A question about a host is a short range of keys,
//! and a question about everybody is a scan of regions side by side.
//!
#![cfg_attr(feature = "generate", doc = "```")]
#![cfg_attr(not(feature = "generate"), doc = "```ignore")]
//! use earlgrey_hbase::Store;
//! use earlgrey_hbase::answer::{Format, write_flows};
//! use earlgrey_hbase::capture::Input;
//! use earlgrey_hbase::generate::{self, Traffic};
//! use earlgrey_hbase::load::{Options, Progress, load};
//! use earlgrey_hbase::query::{Question, parse_addresses};
//! use earlgrey_hbase::store::embedded::EmbeddedStore;
//!
//! let folder = tempfile::tempdir()?;
//! // A capture of what routers exported: here one that is made up.
//! let capture = folder.path().join("day.pcap");
//! let traffic = Traffic { flows: 5_000, ..Traffic::default() };
//! generate::write(&traffic, &mut std::fs::File::create(&capture)?)?;
//!
//! let store = EmbeddedStore::new(folder.path().join("store"));
//! let inputs = [Input::File(capture)];
//! let done = load(&store, &inputs, &Options::default(), &Progress::default())?;
//! assert_eq!(done.account.stored, 5_000);
//! let again = load(&store, &inputs, &Options::default(), &Progress::default())?;
//! assert_eq!(again.account.stored, 0);
//!
//! // What a network sent, as nfdump prints it.
//! let network = parse_addresses("122.166.0.0/16")?;
//! let question = Question { limit: Some(10), ..Question::about(network) };
//! let flows = question.plan(Format::Line.columns()).run(&*store.snapshot()?)?;
//! let printed = write_flows(flows, std::io::stdout(), &Format::Line, jiff::tz::TimeZone::UTC)?;
//! assert_eq!(printed.flows, 10);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where to begin
//!
//! | with | for | begin here |
//! |---|---|---|
//! | captures | answers | [`load::load`], then [`query::Question`] for flows, [`aggregate`] for sums |
//! | captures | their datagrams | [`capture::read`] |
//! | datagrams | their records | [`netflow::Decoder`]; [`normalise::FlowBuilder`] makes flows of them |
//! | datagrams | flows in a store | [`load::Feed`] |
//! | a place of your own for flows | the same answers | [`Store`], and `store::conformance`, which tries it |
//!
//! The folder `examples` has a program for each: `load_and_ask`, `decode_only`, `own_store`.
//!
//! # The modules
//!
//! Data flows one way through them, and so do their imports:
//!
//! `flow → capture, kafka → netflow → normalise, row → meaning, store → load, query, watch → collect, aggregate → answer → sink → request → keep → alert → service → generate → cli`
//!
//! - [`flow`]: the words that all others use: a flow, batches of flows, times, names.
//! - [`capture`], [`netflow`], [`normalise`]: from files to datagrams, export packets, flows.
//! - `kafka`: topics, from which messages come and to which they go.
//! - [`row`], [`store`]: keys and predicates; the trait of stores, and those that there are.
//! - [`meaning`]: what addresses are called, by the user's networks and by databases.
//! - [`load`]: from captures to a store, with an account of every datagram and record.
//! - [`query`], [`aggregate`], [`answer`]: questions, sums, and what both look like.
//! - [`watch`]: lists of addresses to be watched for, of many kinds, and what was hit.
//! - [`sink`]: flows on their way to places of others.
//! - `alert`: what stands out, kept and told.
//!
//! Features: `hbase` (the store there), `elastic` (Elasticsearch and OpenSearch), `kafka` (topics of Kafka), `plot` (answers as pictures), `collect` (a collector),
//! `serve` (questions over HTTP), `generate` (made-up captures), `cli` (the program; it brings all of these, and is the default),
//! and `testing` (what tries a store: the suite that each must pass, and faults on demand).

#![cfg_attr(
    not(feature = "cli"),
    allow(dead_code, unused_imports, reason = "helpers of what is left out stay where they are")
)]

pub mod aggregate;
#[cfg(feature = "serve")]
pub mod alert;
pub mod anonymise;
pub mod answer;
pub mod capture;
#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "collect")]
pub mod collect;
pub mod detect;
pub mod flow;
#[cfg(feature = "generate")]
pub mod generate;
pub mod import;
#[cfg(feature = "kafka")]
pub mod kafka;
#[cfg(feature = "serve")]
pub mod keep;
pub mod load;
pub mod meaning;
pub mod netflow;
pub mod normalise;
pub mod query;
#[cfg(feature = "serve")]
pub mod request;
pub mod row;
pub mod rules;
#[cfg(feature = "serve")]
pub mod service;
pub mod sink;
pub mod store;
pub mod watch;

pub use flow::{Family, FlowBatch, FlowRecord, TimeRange, UnixMillis};
pub use row::{AddressRange, Order};
pub use store::{Scan, Snapshot, Store, StoreError, WriteBatch, Writer};
