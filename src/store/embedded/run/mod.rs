//! A run: flows of one family in one order, sorted by row key, in one Parquet file (elsewhere: an
//! `SSTable`, a part, a segment). How it is sorted and written, and how pages of it are read.

// What is read back is never narrowed without a word. Tests may.
#![cfg_attr(
    not(test),
    deny(
        clippy::cast_lossless,
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        clippy::cast_sign_loss
    )
)]

pub(super) mod cursor;
pub(super) mod file;
mod key_range;
pub(super) mod merge;
pub(super) mod open_files;
pub(super) mod packed;
pub(super) mod page;
pub(super) mod page_header;
pub(super) mod reader;
pub(super) mod schema;
pub(super) mod set;
pub(super) mod sort;
pub(super) mod writer;
