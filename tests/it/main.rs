//! The integration tests, in one binary so that they link once.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "helpers of tests fail as tests do, and say what they skip"
)]

mod alerts;
mod anonymise;
mod answer;
mod behind_nat;
mod bidir;
mod capture;
mod cells;
mod charts;
mod cli;
mod connections;
mod crash;
mod dedup;
mod detect;
mod diff;
mod elastic;
mod embedded;
mod expire;
mod export;
mod export_parquet;
mod filter;
mod formats;
mod fuzz;
mod generate;
mod hbase;
mod house;
mod import;
mod interop;
mod jobs;
mod kafka;
mod meaning;
mod needs;
mod package;
mod plan;
mod query;
mod reference;
mod rules;
mod schema;
mod serve;
mod sorted;
mod top;
mod usage;
mod watch;
mod watched;
