//! `man`: the manual pages.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;
use clap::CommandFactory;
use clap_mangen::Man;

use super::failure::{Ending, Usage};
use super::{Arguments, output};

const EXAMPLES: &str = "\
Examples:
  earlgrey-hbase man | man -l -                    read the page of the whole program
  earlgrey-hbase man query | man -l -              read the page of a command
  earlgrey-hbase man --dir ~/.local/share/man/man1 install all pages";

/// Print a manual page, or write all of them into a folder.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The command whose page is wanted [default: the whole program]
    #[arg(value_name = "COMMAND", conflicts_with = "dir")]
    command: Option<String>,
    /// Write a page for each command into this folder
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Ending> {
    let mut program = Arguments::command();
    program.build();
    if let Some(dir) = &args.dir {
        fs::create_dir_all(dir).with_context(|| dir.display().to_string())?;
        for (name, page) in pages(&program)? {
            let path = dir.join(format!("{name}.1"));
            fs::write(&path, page).with_context(|| path.display().to_string())?;
        }
        return Ok(Ending::Done);
    }
    let name = match &args.command {
        Some(command) => format!("{}-{command}", program.get_name()),
        None => program.get_name().to_owned(),
    };
    let page = pages(&program)?.into_iter().find(|(page, _)| *page == name);
    let Some((_, page)) = page else {
        return Err(Usage(format!("no command has the page {name}")).into());
    };
    output::print(|out| Ok(out.write_all(&page)?))?;
    Ok(Ending::Done)
}

/// The pages of the program and of its commands, by their names.
fn pages(program: &clap::Command) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let commands = program.get_subcommands().filter(|command| command.get_name() != "help");
    [program]
        .into_iter()
        .chain(commands)
        .map(|command| {
            let name = command.get_display_name().unwrap_or(command.get_name()).to_owned();
            let mut page = Vec::new();
            let source = format!("earlgrey-hbase {}", env!("CARGO_PKG_VERSION"));
            Man::new(command.clone()).source(source).render(&mut page)?;
            Ok((name, page))
        })
        .collect()
}
