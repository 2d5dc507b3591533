//! The default store: a directory of Parquet runs, sorted by row key, and a manifest.
