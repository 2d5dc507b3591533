//! Requests from names and values, as routes and jobs have them.
//!
//! The names are those of the options; what has none on the command line, such as an address, has
//! the name of its place there. The values are what would stand behind the option, and yes or no for
//! an option that stands alone.

use std::collections::BTreeMap;
use std::error::Error;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Command};

use super::Refused;

/// What was asked for, by name.
pub type Parameters = BTreeMap<String, String>;

/// A parameter of a request, for those who describe it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub help: String,
    /// Whether a request is none without it.
    pub required: bool,
    /// Whether it is said with yes or no.
    pub flag: bool,
    /// Whether there may be several, with commas between them.
    pub several: bool,
    /// What it may be, where that can be listed.
    pub values: Vec<String>,
    /// What it is where nobody says.
    pub default: Option<String>,
    /// Its name on the command line, as it is written there: `--by`; nothing for what has only a place.
    pub option: Option<String>,
}

/// Reads a request of kind `R`.
///
/// ```
/// use earlgrey_hbase::request::{Parameters, Top, read};
///
/// let given = |name: &str, value: &str| (name.to_owned(), value.to_owned());
/// let top: Top = read(&Parameters::from([given("key", "srcip"), given("by", "flows")])).unwrap();
/// let refused = read::<Top>(&Parameters::from([given("key", "srcip"), given("bye", "flows")]));
/// assert_eq!(refused.unwrap_err().message, "there is no parameter \"bye\"; did you mean by?");
/// # drop(top);
/// ```
///
/// # Errors
///
/// [`Refused`] for a parameter that there is not, for a value that is none, and where parameters are
/// missing or exclude each other.
pub fn read<R: clap::Args>(given: &Parameters) -> Result<R, Refused> {
    let command = command::<R>();
    let mut words = Vec::new();
    let mut in_place = BTreeMap::new();
    for (name, value) in given {
        let arg = command.get_arguments().find(|arg| name_of(arg) == name);
        let arg = arg.ok_or_else(|| unknown(name, &command))?;
        // What has no value says nothing: a form sends all of its fields.
        if value.is_empty() && !is_flag(arg) && !arg.is_required_set() {
            continue;
        }
        match arg.get_long() {
            None => drop(in_place.insert(arg.get_index(), value.clone())),
            Some(long) if !is_flag(arg) => words.push(format!("--{long}={value}")),
            Some(long) => {
                let said = said(value)
                    .ok_or_else(|| Refused::of(name, format!("{value:?} is neither yes nor no")))?;
                words.extend(said.then(|| format!("--{long}")));
            }
        }
    }
    words.push("--".to_owned());
    words.extend(in_place.into_values());
    let matches = command.clone().try_get_matches_from(words);
    matches
        .and_then(|matches| R::from_arg_matches(&matches))
        .map_err(|error| refused(&error, &command))
}

/// The parameters of requests of kind `R`, in the order of their help.
pub fn described<R: clap::Args>() -> Vec<Described> {
    let describe = |arg: &Arg| Described {
        name: name_of(arg).to_owned(),
        help: arg.get_help().map(ToString::to_string).unwrap_or_default(),
        required: arg.is_required_set(),
        flag: is_flag(arg),
        several: arg.get_value_delimiter().is_some(),
        values: if is_flag(arg) {
            Vec::new()
        } else {
            let values = arg.get_possible_values().into_iter();
            values.map(|value| value.get_name().to_owned()).collect()
        },
        default: arg.get_default_values().first().map(|value| value.to_string_lossy().into()),
        option: arg.get_long().map(|long| format!("--{long}")),
    };
    command::<R>().get_arguments().map(describe).collect()
}

/// What would read it from a command line.
fn command<R: clap::Args>() -> Command {
    let bare = Command::new("request")
        .no_binary_name(true)
        .disable_help_flag(true)
        .disable_version_flag(true);
    let mut command = R::augment_args(bare);
    command.build();
    command
}

fn name_of(arg: &Arg) -> &str {
    arg.get_long().unwrap_or_else(|| arg.get_id().as_str())
}

fn is_flag(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::SetTrue | ArgAction::SetFalse)
}

/// Yes or no. A parameter without a value is one that was set.
fn said(value: &str) -> Option<bool> {
    match value {
        "yes" | "true" | "1" | "" => Some(true),
        "no" | "false" | "0" => Some(false),
        _ => None,
    }
}

fn unknown(name: &str, command: &Command) -> Refused {
    let names = command.get_arguments().map(name_of);
    let nearest = names
        .map(|known| (strsim::damerau_levenshtein(known, name), known))
        .filter(|&(slips, known)| slips <= 2.max(known.len() / 3))
        .min();
    let hint = nearest.map_or_else(String::new, |(_, known)| format!("; did you mean {known}?"));
    Refused::of(name, format!("there is no parameter {name:?}{hint}"))
}

/// What the reader of options said, in the words of parameters.
fn refused(error: &clap::Error, command: &Command) -> Refused {
    // What has only a place is written in one kind of brackets or another.
    let bare = |text: &str| text.trim_matches(['<', '>', '[', ']']).to_owned();
    let named = |text: &str| {
        let arg = command.get_arguments().find(|arg| bare(&arg.to_string()) == bare(text));
        arg.map_or_else(|| text.to_owned(), |arg| name_of(arg).to_owned())
    };
    let all = |kind| -> Vec<String> {
        match error.get(kind) {
            Some(ContextValue::String(text)) => vec![text.clone()],
            Some(ContextValue::Strings(texts)) => texts.clone(),
            _ => Vec::new(),
        }
    };
    let of: Vec<String> = all(ContextKind::InvalidArg).iter().map(|text| named(text)).collect();
    let value = all(ContextKind::InvalidValue).join(" ");
    let message = match error.kind() {
        ErrorKind::InvalidValue if value.is_empty() => "it has no value".to_owned(),
        ErrorKind::InvalidValue => {
            format!("{value:?} is none of {}", all(ContextKind::ValidValue).join(", "))
        }
        ErrorKind::ValueValidation => match error.source() {
            Some(problem) => problem.to_string(),
            None => format!("{value:?} means nothing here"),
        },
        ErrorKind::MissingRequiredArgument => format!("{} must be given", of.join(" and ")),
        ErrorKind::ArgumentConflict => {
            let others = all(ContextKind::PriorArg);
            let others: Vec<String> = others.iter().map(|text| named(text)).collect();
            format!("cannot be given together with {}", others.join(" and "))
        }
        _ => {
            let text = error.to_string();
            let line = text.lines().next().unwrap_or_default();
            line.strip_prefix("error: ").unwrap_or(line).to_owned()
        }
    };
    match of.first() {
        Some(parameter) => Refused::of(parameter, message),
        None => Refused::new(message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::{ActiveFlow, Flows, Stats, Timeline, Top};

    fn given(text: &str) -> Parameters {
        let pairs = text.split('&').filter(|pair| !pair.is_empty());
        pairs
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                (name.to_owned(), value.to_owned())
            })
            .collect()
    }

    fn refused<R: clap::Args + std::fmt::Debug>(text: &str) -> (Option<String>, String) {
        let refused = read::<R>(&given(text)).unwrap_err();
        (refused.parameter, refused.message)
    }

    #[test]
    fn what_the_command_line_can_ask_parameters_can() {
        read::<Flows>(&given("address=10.0.0.0/8&where=port 443&direction=any&limit=10")).unwrap();
        read::<Flows>(&given("nat=203.0.113.7:40123&at=2025-10-09T08:53:10Z&scaled=yes")).unwrap();
        read::<Flows>(&given("address=::1&filter=yes&count&since=-2h&until=now&alive=no")).unwrap();
        read::<Timeline>(&given("address=10.0.0.1&direction=src&by=packets&bin=5m")).unwrap();
        read::<ActiveFlow>(&given("by=flows&directed=true")).unwrap();
        read::<Top>(&given("key=src/24,dstas&count=0")).unwrap();
        read::<Stats>(&given("where=-1 in nothing")).unwrap();
    }

    #[test]
    fn what_is_refused_is_told_by_the_name_of_the_parameter() {
        for ((parameter, message), expected) in [
            (refused::<Flows>("adress=10.0.0.1"), ("adress", "did you mean address?")),
            (refused::<Flows>("address=10.0.0"), ("address", "10.0.0")),
            (refused::<Flows>("address=10.0.0.1&direction=up"), ("direction", "\"up\" is none of")),
            (refused::<Flows>("direction=src"), ("address", "must be given")),
            (refused::<Flows>("address=::1&count=perhaps"), ("count", "neither yes nor no")),
            (refused::<Flows>("address=::1&limit=-1"), ("limit", "below 0")),
            (refused::<Flows>("address=::1&bidir&count"), ("bidir", "together with count")),
            (refused::<Top>(""), ("key", "must be given")),
            (refused::<Timeline>("bin=soon"), ("bin", "no span of time")),
            (refused::<Stats>("scaled=2"), ("scaled", "is none of yes, no")),
        ] {
            assert_eq!(parameter.as_deref(), Some(expected.0), "{message}");
            assert!(message.contains(expected.1), "{message}");
        }
    }

    #[test]
    fn what_has_no_value_says_nothing() {
        for (empty, without) in [
            ("where=&key=src&since=&count=", "key=src"),
            ("key=src&where=port 53&until=", "key=src&where=port 53"),
        ] {
            let debug = |text: &str| format!("{:?}", read::<Top>(&given(text)).unwrap());
            assert_eq!(debug(empty), debug(without));
        }
    }

    #[test]
    fn parameters_are_described_as_the_help_does() {
        let all = described::<Timeline>();
        let by = all.iter().find(|parameter| parameter.name == "by").unwrap();
        assert_eq!(by.values, ["octets", "packets", "flows"]);
        assert_eq!((by.default.as_deref(), by.required, by.flag), (Some("octets"), false, false));
        assert_eq!(by.option.as_deref(), Some("--by"));
        let address = all.iter().find(|parameter| parameter.name == "address").unwrap();
        assert!(address.option.is_none() && address.help.starts_with("Whose traffic"));
        assert!(all.iter().any(|parameter| parameter.name == "alive" && parameter.flag));
    }
}
