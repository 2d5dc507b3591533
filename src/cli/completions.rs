//! `completions`: a script that lets a shell complete this command's options.

use std::collections::BTreeSet;
use std::io::Write;

use clap::builder::PossibleValuesParser;
use clap::{Arg, Command, CommandFactory};
use clap_complete::Shell;
use jiff::tz::TimeZone;

use super::failure::Ending;
use super::{Arguments, output};
use crate::aggregate::key_words;
use crate::flow::UnixMillis;
use crate::meaning::Attribute;
use crate::query::filter::{Context, NoFiles, complete};

const EXAMPLES: &str = "\
Examples:
  earlgrey-hbase completions bash > ~/.local/share/bash-completion/completions/earlgrey-hbase
  earlgrey-hbase completions zsh > ~/.zfunc/_earlgrey-hbase";

/// Print a script that lets a shell complete commands and options, keys, and the first word of a filter.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Ending> {
    let mut script = Vec::new();
    let mut command = offering(Arguments::command());
    clap_complete::generate(args.shell, &mut command, "earlgrey-hbase", &mut script);
    // The generator has two names for what is below a command with a hyphen: bash would find none of it.
    if args.shell == Shell::Bash {
        let text = String::from_utf8_lossy(&script);
        script = text.replace("earlgrey__subcmd__hbase", "earlgrey__hbase").into_bytes();
    }
    output::print(|out| Ok(out.write_all(&script)?))?;
    Ok(Ending::Done)
}

/// The command, whose options of many values offer those that can be listed. They take others as well,
/// so the command that reads them knows of no list.
fn offering(command: Command) -> Command {
    let values = |arg: Arg| {
        let name = arg.get_value_names().and_then(|names| names.first()).map(|name| &**name);
        match name {
            Some("KEY[,KEY…]") => arg.value_parser(listed(key_words())),
            Some("EXPR") => arg.value_parser(listed(first_words())),
            _ => arg,
        }
    };
    command.mut_args(values).mut_subcommands(offering)
}

/// A list of values. Their texts stay until the program ends, which is when the script is printed.
fn listed(words: impl IntoIterator<Item = String>) -> PossibleValuesParser {
    PossibleValuesParser::new(words.into_iter().map(|word| &*word.leak()))
}

/// What a filter may begin with.
fn first_words() -> Vec<String> {
    let context = Context { zone: TimeZone::UTC, now: UnixMillis::EPOCH, files: &NoFiles };
    let words = complete("", &context).words.into_iter().map(|word| word.text);
    // What addresses mean is known where tables are, and not to whoever prints the script.
    let meant = Attribute::ALL.map(|attribute| attribute.word().to_owned());
    let all =
        words.chain(meant).filter(|word| word.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    all.collect::<BTreeSet<_>>().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::parse_keys_with;
    use crate::meaning::Table;

    #[test]
    fn what_is_offered_is_a_key_or_begins_a_filter() {
        let asked = std::cell::RefCell::new(Vec::new());
        let table = |attribute: Attribute| -> Result<std::sync::Arc<Table>, String> {
            asked.borrow_mut().push(attribute);
            Err("none".to_owned())
        };
        for key in key_words() {
            let before = asked.borrow().len();
            let is_one = parse_keys_with(&key, &table).is_ok() || asked.borrow().len() > before;
            assert!(is_one, "{key}");
        }
        assert_eq!(asked.borrow().len(), 3 * Attribute::ALL.len());
        assert!(key_words().all(|key| key != "srcip"));
        let words = first_words();
        for word in ["src", "dst", "proto", "country", "network", "not", "tcp"] {
            assert!(words.iter().any(|known| known == word), "{word}: {words:?}");
        }
        assert!(words.iter().all(|word| word != "and"), "{words:?}");
    }
}
