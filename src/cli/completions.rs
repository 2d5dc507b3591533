//! `completions`: a script that lets a shell complete this command's options.

use std::io::Write;

use clap::CommandFactory;
use clap_complete::Shell;

use super::failure::Ending;
use super::{Arguments, output};

const EXAMPLES: &str = "\
Examples:
  earlgrey-hbase completions bash > ~/.local/share/bash-completion/completions/earlgrey-hbase
  earlgrey-hbase completions zsh > ~/.zfunc/_earlgrey-hbase";

/// Print a script that lets a shell complete commands and options.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Ending> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Arguments::command(), "earlgrey-hbase", &mut script);
    output::print(|out| Ok(out.write_all(&script)?))?;
    Ok(Ending::Done)
}
