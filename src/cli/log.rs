//! The log, on standard error.

use std::io;

use tracing_subscriber::EnvFilter;

use super::output;

/// Environment variable with a filter for the log, as `tracing` reads it: `debug`, or
/// `earlgrey_hbase::load=trace`.
const LOG_VARIABLE: &str = "EARLGREY_LOG";

/// Starts the log: warnings, and more for each `-v`, unless the environment says otherwise.
pub(crate) fn start(verbose: u8) {
    // What its client says of a broker that does not answer is told in our words, and once.
    let level = match verbose {
        0 => "warn,rskafka=off",
        1 => "info,rskafka=off",
        2 => "debug,rskafka=info",
        _ => "trace",
    };
    let filter = EnvFilter::try_from_env(LOG_VARIABLE).unwrap_or_else(|_| EnvFilter::new(level));
    // It fails only where a log was started before.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(output::stderr_is_drawn_on() && !output::no_color())
        .with_target(verbose > 1)
        .without_time()
        .try_init();
}
