//! The `earlgrey-hbase` command.

use std::process::ExitCode;

use nix::sys::resource::{Resource, getrlimit, setrlimit};

fn main() -> ExitCode {
    raise_open_files();
    earlgrey_hbase::cli::run(std::env::args_os())
}

/// Lets as many files be open as the system allows at all. The usual limit is lower for the sake of
/// programs that call `select`, which this is none of.
fn raise_open_files() {
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
        && soft < hard
    {
        // Where it stays as it is, that is enough for most.
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
}
