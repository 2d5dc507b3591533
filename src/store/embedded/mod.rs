//! The default store: a directory of Parquet runs, sorted by row key, and a manifest.

mod column_cursor;
mod merge;
mod page;
mod page_header;
mod run_file;
mod run_reader;
mod run_writer;
mod schema;
mod sort;

#[cfg(test)]
mod tests;

/// The version of the layout of runs.
const LAYOUT_VERSION: u32 = 1;
