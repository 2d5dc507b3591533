//! The `earlgrey-hbase` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    earlgrey_hbase::cli::run(std::env::args_os())
}
