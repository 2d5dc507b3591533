//! The configuration file, `earlgrey.toml`.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::exporters::{self, Exporter};
use super::rules::{self, RuleTable};
use super::values::text;
use super::ways::{self, WaySettings};
use super::{Key, Origin, Raw, keys};
use crate::cli::failure::Usage;

/// Environment variable that names the configuration file.
pub(crate) const CONFIG_VARIABLE: &str = "EARLGREY_CONFIG";

/// What a configuration file says.
#[derive(Debug, Default)]
pub(super) struct Configuration {
    /// The file that was read, if any.
    pub(super) path: Option<PathBuf>,
    /// What it sets, by the names of the keys.
    pub(super) set: BTreeMap<&'static str, Raw>,
    /// What it says of exporters.
    pub(super) exporters: Vec<Exporter>,
    /// What it says of rules.
    pub(super) rules: Vec<RuleTable>,
    /// The ways on which alerts go out.
    pub(super) ways: Vec<WaySettings>,
}

/// Reads the configuration. `named` is the file that a flag names; without it, and without the
/// environment's, the user's own is read if there is one.
///
/// # Errors
///
/// If a file that was named cannot be read, or if any file has a key that is not known, or a value
/// of the wrong kind.
pub(super) fn read(named: Option<&Path>) -> anyhow::Result<Configuration> {
    let from_environment = super::variable(CONFIG_VARIABLE).map(PathBuf::from);
    let named = named.map(Path::to_owned).or(from_environment);
    let Some(path) = named.clone().or_else(user_file) else { return Ok(Configuration::default()) };
    match fs::read_to_string(&path) {
        Ok(text) => parse(path, &text),
        Err(error) if named.is_none() && error.kind() == io::ErrorKind::NotFound => {
            Ok(Configuration::default())
        }
        Err(error) => Err(error).with_context(|| format!("configuration {}", path.display())),
    }
}

/// The file beside the user's other configuration.
pub(crate) fn user_file() -> Option<PathBuf> {
    super::user_folder("XDG_CONFIG_HOME", ".config").map(|folder| folder.join("earlgrey.toml"))
}

fn parse(path: PathBuf, text: &str) -> anyhow::Result<Configuration> {
    let line = |at: usize| text[..at.min(text.len())].matches('\n').count() + 1;
    let table = DeTable::parse(text).map_err(|error| {
        let line = error.span().map_or(1, |span| line(span.start));
        Usage(format!("{}:{line}: {}", path.display(), error.message()))
    })?;
    let mut found = Vec::new();
    flatten("", table.get_ref(), &mut found);
    let (mut set, mut exporters) = (BTreeMap::new(), Vec::new());
    let (mut rules, mut ways) = (Vec::new(), Vec::new());
    let place = |at: usize| Origin::File { path: path.clone(), line: line(at) };
    for (name, value) in found {
        if name == keys::EXPORTERS {
            exporters = exporters::parse(value, place)?;
            continue;
        }
        if name == keys::RULES {
            rules = rules::parse(value, place)?;
            continue;
        }
        if name == keys::WAYS {
            ways = ways::parse(value, &path, &place)?;
            continue;
        }
        let origin = place(value.span().start);
        let key = keys::ALL.iter().find(|key| key.name == name).ok_or_else(|| {
            let hint = keys::nearest(&name)
                .map(|known| format!("; did you mean {known:?}?"))
                .unwrap_or_default();
            Usage(format!("{origin}: unknown key {name:?}{hint}"))
        })?;
        let values = texts(key, value.get_ref())
            .map_err(|wanted| Usage(format!("{origin}: {name}: {wanted}")))?;
        let values = values.into_iter().map(|value| in_place(*key, value, &path)).collect();
        set.insert(key.name, Raw { values, origin });
    }
    Ok(Configuration { path: Some(path), set, exporters, rules, ways })
}

/// Every value with its dotted name; a table that is none of ours is taken as a value.
fn flatten<'a, 'i>(
    prefix: &str,
    table: &'a DeTable<'i>,
    found: &mut Vec<(String, &'a Spanned<DeValue<'i>>)>,
) {
    for (key, value) in table {
        let name = format!("{prefix}{}", key.get_ref());
        match value.get_ref() {
            DeValue::Table(table) if prefix.is_empty() && keys::is_table(&name) => {
                flatten(&format!("{name}."), table, found);
            }
            _ => found.push((name, value)),
        }
    }
}

/// A value as the text, or the texts, that the environment would give.
fn texts(key: &Key, value: &DeValue<'_>) -> Result<Vec<String>, String> {
    match value {
        DeValue::Array(items) if key.list => items
            .iter()
            .map(|item| text(item.get_ref()).ok_or_else(|| "wants texts in its list".to_owned()))
            .collect(),
        // Scores and ratios; nothing else is a number with a point.
        DeValue::Float(number) if keys::DETECT.contains(key) => {
            Ok(vec![number.as_str().replace('_', "")])
        }
        _ => text(value).map(|text| vec![text]).ok_or_else(|| {
            format!("wants {}", if key.list { "a list of texts" } else { "a text or a number" })
        }),
    }
}

/// Keys whose values are paths.
const PATHS: [Key; 12] = [
    keys::LOAD_PATHS,
    keys::COLLECT_SPOOL,
    keys::SERVE_FOLDER,
    keys::SERVE_LOAD_FOLDERS,
    keys::SERVE_TLS_CERT,
    keys::SERVE_TLS_KEY,
    keys::ELASTIC_CA,
    keys::KAFKA_CA,
    keys::NETWORKS,
    keys::HOSTS,
    keys::NAMED_EXPORTERS,
    keys::DATABASES,
];

/// A path in the file is meant from where the file is, and `~/` from the user's home.
fn in_place(key: Key, value: String, file: &Path) -> OsString {
    let is_path = PATHS.contains(&key) || key == keys::STORE && !value.contains("://");
    if !is_path || value == "-" || value.is_empty() {
        return value.into();
    }
    if let (Some(rest), Some(home)) = (value.strip_prefix("~/"), env::home_dir()) {
        return home.join(rest).into();
    }
    file.parent().map_or_else(|| PathBuf::from(&value), |folder| folder.join(&value)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<BTreeMap<&'static str, Raw>, String> {
        let parsed = parse(PathBuf::from("/etc/e.toml"), text);
        parsed.map(|read| read.set).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn values_come_with_the_line_that_they_are_on() {
        let set = parsed(
            "store = 'data'\n\n[load]\npaths = ['a', '/b']\n[limits]\nbatch_flows = 1_000\n",
        )
        .unwrap();
        let raw = |name: &str| (&set[name].values[..], set[name].origin.to_string());
        assert_eq!(raw("store"), (&["/etc/data".into()][..], "/etc/e.toml:1".to_owned()));
        assert_eq!(
            raw("load.paths"),
            (&["/etc/a".into(), "/b".into()][..], "/etc/e.toml:4".to_owned())
        );
        assert_eq!(raw("limits.batch_flows"), (&["1000".into()][..], "/etc/e.toml:6".to_owned()));
    }

    #[test]
    fn what_the_file_cannot_mean_is_refused_with_its_line() {
        for (text, message) in [
            ("\nstores = 'x'", "/etc/e.toml:2: unknown key \"stores\"; did you mean \"store\"?"),
            ("[colours]\nred = 1", "/etc/e.toml:1: unknown key \"colours\""),
            (
                "[outputs]\nformat = 'x'",
                "/etc/e.toml:1: unknown key \"outputs\"; did you mean \"output\"?",
            ),
            (
                "[output]\nformats = 'x'",
                "/etc/e.toml:2: unknown key \"output.formats\"; did you mean \"output.format\"?",
            ),
            ("store = true", "/etc/e.toml:1: store: wants a text or a number"),
            ("load.paths = [1.5]", "/etc/e.toml:1: load.paths: wants texts in its list"),
        ] {
            assert_eq!(parsed(text).unwrap_err(), message, "{text}");
        }
        assert!(parsed("store = \n").unwrap_err().starts_with("/etc/e.toml:1: "));
    }
}
