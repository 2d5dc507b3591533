//! The `earlgrey-hbase` command.

fn main() {}
