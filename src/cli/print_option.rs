//! `active-flow -print 10`: a long option that may have a single dash.

use std::ffi::{OsStr, OsString};

use clap::CommandFactory;

use super::Arguments;

/// The arguments with `-print` and `-print=N` of `active-flow` written with two dashes.
pub(crate) fn rewrite(arguments: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = arguments.collect();
    let Some(command) = command_place(&arguments) else { return arguments };
    if arguments[command] != "active-flow" {
        return arguments;
    }
    for argument in arguments[command..].iter_mut().take_while(|argument| *argument != "--") {
        let has_value = argument.as_encoded_bytes().starts_with(b"-print=");
        if has_value || argument == "-print" {
            let mut two_dashes = OsString::from("-");
            two_dashes.push(&argument);
            *argument = two_dashes;
        }
    }
    arguments
}

/// Where the name of the command stands: the first argument that is neither an option nor the
/// value of one.
fn command_place(arguments: &[OsString]) -> Option<usize> {
    let mut place = 1;
    while let Some(argument) = arguments.get(place) {
        if !argument.as_encoded_bytes().starts_with(b"-") {
            return Some(place);
        }
        place += if takes_next(argument) { 2 } else { 1 };
    }
    None
}

/// Whether the option `argument` takes the argument behind it for its value.
fn takes_next(argument: &OsStr) -> bool {
    let Some(name) = argument.to_str().and_then(|argument| argument.strip_prefix("--")) else {
        return false;
    };
    Arguments::command()
        .get_arguments()
        .any(|known| known.get_long() == Some(name) && known.get_action().takes_values())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_option_of_active_flow_is_rewritten() {
        for (line, expected) in [
            ("e active-flow -print 10", "e active-flow --print 10"),
            ("e active-flow -print=10 -o json", "e active-flow --print=10 -o json"),
            ("e --store x active-flow -print 3", "e --store x active-flow --print 3"),
            ("e -v --store=x active-flow -print 3", "e -v --store=x active-flow --print 3"),
            ("e active-flow --print 10", "e active-flow --print 10"),
            ("e active-flow -printer", "e active-flow -printer"),
            ("e active-flow -- -print", "e active-flow -- -print"),
            ("e --store active-flow query -print", "e --store active-flow query -print"),
            ("e query -print", "e query -print"),
            ("e -print", "e -print"),
            ("e", "e"),
        ] {
            let words = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
            assert_eq!(rewrite(words(line).into_iter()), words(expected), "{line}");
        }
    }
}
