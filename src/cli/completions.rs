//! `completions`: a script that lets a shell complete this command's options.
//!
//! The script asks this program how the line may go on, so that names from the configuration and from
//! the store are offered as they are now.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use clap::{Arg, Command, CommandFactory, FromArgMatches, ValueHint};
use clap_complete::Shell;
use clap_complete::engine::{
    ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter,
};
use clap_complete::env::{CompleteEnv, Shells};
use jiff::tz::TimeZone;

use super::failure::Ending;
use super::outside::Outside;
use super::settings::Settings;
use super::store::{Place, place};
use super::{Arguments, Common, output};
use crate::aggregate::key_words;
use crate::flow::{Names, UnixMillis};
use crate::meaning::{Meaning, MeaningError};
use crate::query::filter::{Completion, Context, Files, NoFiles, Word, WordKind, complete, parse};

const EXAMPLES: &str = "\
Examples:
  earlgrey-hbase completions bash > ~/.local/share/bash-completion/completions/earlgrey-hbase
  earlgrey-hbase completions zsh > ~/.zfunc/_earlgrey-hbase
  earlgrey-hbase completions fish > ~/.config/fish/completions/earlgrey-hbase.fish";

/// By this variable, which has the name of a shell, the script asks.
const ASKS: &str = "EARLGREY_COMPLETE";
const PROGRAM: &str = "earlgrey-hbase";

/// Print a script that lets a shell complete commands, options, keys and filters, with the names that
/// the configuration and the store know.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Ending> {
    let mut script = Vec::new();
    if let Some(shell) = Shells::builtins().completer(&args.shell.to_string()) {
        shell.write_registration(ASKS, PROGRAM, PROGRAM, PROGRAM, &mut script)?;
    }
    // Loaded at the first completion, it has that to make as well.
    if args.shell == Shell::Zsh {
        writeln!(
            script,
            "if [[ $funcstack[1] = _{PROGRAM} ]]; then _clap_dynamic_completer_{} \"$@\"; fi",
            PROGRAM.replace('-', "_")
        )?;
    }
    output::print(|out| Ok(out.write_all(&script)?))?;
    Ok(Ending::Done)
}

/// Answers a shell that asks how a line may go on, if one does; the program ends then.
pub(super) fn answer() {
    CompleteEnv::with_factory(|| offering(Arguments::command()))
        .var(ASKS)
        .bin(PROGRAM)
        .completer(PROGRAM)
        .complete();
}

/// The command with what may be offered for values.
fn offering(command: Command) -> Command {
    let values = |arg: Arg| {
        let name = arg.get_value_names().and_then(|names| names.first()).map(|name| &**name);
        match name {
            Some("KEY[,KEY…]") => arg.add(ArgValueCompleter::new(keys)),
            Some("EXPR") => arg.add(ArgValueCompleter::new(filters)),
            Some("@FILE") => arg.add(ArgValueCompleter::new(lists)),
            Some("URL" | "FILE" | "FILE.svg|FILE.png" | "FOLDER" | "DIR" | "PATH" | "KEYFILE") => {
                arg.value_hint(ValueHint::AnyPath)
            }
            _ => arg,
        }
    };
    command.mut_args(values).mut_subcommands(offering)
}

/// The keys that may stand in place of the last one.
fn keys(current: &OsStr) -> Vec<CompletionCandidate> {
    let text = current.to_string_lossy();
    let (before, part) =
        text.rsplit_once(',').map_or(("", &*text), |(before, part)| (&text[..=before.len()], part));
    let keys = key_words().filter(|key| key.starts_with(part));
    keys.map(|key| CompletionCandidate::new(format!("{before}{key}"))).collect()
}

/// The files behind `@`.
fn lists(current: &OsStr) -> Vec<CompletionCandidate> {
    let text = current.to_string_lossy();
    let files = PathCompleter::any().complete(OsStr::new(text.trim_start_matches('@')));
    files.into_iter().map(|file| file.add_prefix("@")).collect()
}

/// Whether a shell takes `word` for nothing but text, in quotes of either kind: names are told by exporters,
/// and what is offered is put into the line as it is.
fn is_harmless(word: &Word) -> bool {
    let is_harmless = |c: char| c.is_alphanumeric() || " \"-_./:+,@%".contains(c);
    word.kind != WordKind::Value || word.text.chars().all(is_harmless)
}

/// The filters that `current` may become.
fn filters(current: &OsStr) -> Vec<CompletionCandidate> {
    let text = current.to_string_lossy();
    // Some shells hand over what is quoted with the mark that it begins with, and want none.
    let text = text.strip_prefix(['\'', '"']).unwrap_or(&text);
    let settings = settings();
    let at_hand = settings.as_ref().map(|settings| AtHand(Outside(settings)));
    let files: &dyn Files = at_hand.as_ref().map_or(&NoFiles, |at_hand| at_hand);
    let context = Context { zone: TimeZone::UTC, now: UnixMillis::now(), files };
    let filters = |text: &str| -> Vec<String> {
        let Completion { from, words, .. } = complete(text, &context);
        let mut known = HashSet::new();
        let words = words.into_iter().filter(is_harmless);
        let words = words.filter(|word| known.insert(word.text.clone()));
        words.map(|word| format!("{}{}", &text[..from], word.text)).collect()
    };
    let beyond = |text: &str| filters(&format!("{text} "));
    let mut offered = filters(text);
    // A shell closes a quote behind what is offered alone.
    if let [only] = &*offered {
        let is_word = text.ends_with(|last: char| last.is_ascii_alphanumeric());
        if is_word && !beyond(text).is_empty() {
            offered.insert(0, text.to_owned());
        } else if parse(only, &context).is_err() {
            let more = beyond(only);
            offered = if more.is_empty() { offered } else { more };
        }
    }
    offered.into_iter().map(CompletionCandidate::new).collect()
}

/// What can be said in a moment: a store that is a server may not answer, and the shell would wait.
struct AtHand<'a>(Outside<'a>);

impl Files for AtHand<'_> {
    fn names(&self) -> io::Result<Names> {
        match place(self.0.0).map_err(io::Error::other)? {
            Place::Folder(_) => self.0.names(),
            Place::Hbase(_) | Place::Elastic(_) => Ok(Names::default()),
        }
    }

    fn meaning(&self) -> Result<Arc<Meaning>, MeaningError> {
        // A pipe would be waited for as well.
        if self.0.0.meaning.is_in_files() { self.0.meaning() } else { Ok(Arc::default()) }
    }

    fn read(&self, name: &str, most_bytes: u64) -> io::Result<Vec<u8>> {
        NoFiles.read(name, most_bytes)
    }
}

/// What is set, also by the options of the line that is completed.
fn settings() -> Option<Settings> {
    let line = std::env::args_os().skip_while(|word| word != "--").skip(1).map(plain);
    let line = line.filter(|word| word != "--help" && word != "-h");
    let line = Arguments::command().ignore_errors(true).try_get_matches_from(line).ok()?;
    let common = Common::from_arg_matches(&line).ok()?;
    Settings::resolve(common.config.as_deref(), common.flags()).ok()
}

/// A word as the shell would hand it over when the line is carried out, as far as quotes and a home go: some
/// shells tell what is typed.
fn plain(word: OsString) -> OsString {
    let Some(text) = word.to_str() else { return word };
    let quoted = ['\'', '"'].iter().find_map(|&mark| text.strip_prefix(mark)?.strip_suffix(mark));
    match (quoted, text.strip_prefix("~/"), std::env::var_os("HOME")) {
        (Some(quoted), ..) => quoted.into(),
        (None, Some(path), Some(home)) => Path::new(&home).join(path).into(),
        _ => word,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::parse_keys_with;
    use crate::meaning::{Attribute, Table};

    fn offered(complete: fn(&OsStr) -> Vec<CompletionCandidate>, text: &str) -> Vec<String> {
        let offered = complete(OsStr::new(text)).into_iter();
        offered.map(|word| word.get_value().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn every_key_that_is_offered_is_one() {
        let asked = std::cell::RefCell::new(Vec::new());
        let table = |attribute: Attribute| -> Result<Arc<Table>, String> {
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
    }

    #[test]
    fn what_is_offered_goes_on_from_what_is_there() {
        assert_eq!(offered(keys, "src,dstc"), ["src,dstcountry", "src,dstcity"]);
        assert!(offered(keys, "").contains(&"srcport".to_owned()));
        for (text, expected) in [
            ("dst por", "dst port ="),
            ("'src port 53 or prot", "src port 53 or proto"),
            // What is the only one, and must go on.
            ("src port 53 an", "src port 53 and not"),
            ("src port > 53 or prot", "src port > 53 or proto"),
        ] {
            assert!(offered(filters, text).contains(&expected.to_owned()), "{text}");
        }
        assert!(offered(filters, "prot 53 an").is_empty());
    }

    #[test]
    fn names_that_a_shell_would_carry_out_are_not_offered() {
        let word = |text: &str| Word { text: text.to_owned(), kind: WordKind::Value };
        for text in ["\"office of Basel\"", "Te1/1/1.100", "\"München-2\""] {
            assert!(is_harmless(&word(text)), "{text}");
        }
        for mark in "'`$\\;|&<>()!*?#~{}\n".chars() {
            assert!(!is_harmless(&word(&format!("\"x{mark} reboot\""))), "{mark}");
        }
        assert!(is_harmless(&Word { text: "in [".to_owned(), kind: WordKind::Operator }));
    }

    #[test]
    fn words_are_as_they_are_handed_over() {
        for (typed, expected) in
            [("'a b'", "a b"), ("\"a b\"", "a b"), ("'a b", "'a b"), ("~x", "~x"), ("a", "a")]
        {
            assert_eq!(plain(typed.into()), OsStr::new(expected), "{typed}");
        }
    }
}
