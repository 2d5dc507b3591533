//! What the configuration says of rules: `[rules.upload]`.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::DeValue;

use super::keys::RULES;
use super::{Origin, Shown};
use crate::cli::failure::Usage;
use crate::request::{Parameters, Refused, RuleOptions, Surroundings, read};
use crate::rules::Rule;

/// A rule as the file has it.
#[derive(Debug, Clone)]
pub(crate) struct RuleTable {
    /// What it is called.
    pub(crate) name: String,
    origin: Origin,
    options: RuleOptions,
    /// Its keys, with what they say and where they are.
    said: BTreeMap<String, (String, Origin)>,
}

/// Reads the tables; `place` says where in the file something stands.
///
/// # Errors
///
/// [`Usage`] with the place of what cannot be meant.
pub(super) fn parse(
    table: &Spanned<DeValue<'_>>,
    place: impl Fn(usize) -> Origin,
) -> Result<Vec<RuleTable>, Usage> {
    let wrong = |at: usize, what: String| Usage(format!("{}: {what}", place(at)));
    let DeValue::Table(rules) = table.get_ref() else {
        let what = format!("{RULES}: wants tables; write [{RULES}.NAME]");
        return Err(wrong(table.span().start, what));
    };
    let mut found = Vec::new();
    for (key, value) in rules {
        let (name, at) = (key.get_ref().to_string(), key.span().start);
        let is_name = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
        if name.is_empty() || name.len() > 64 || !name.chars().all(is_name) {
            let what =
                format!("{RULES}.{name:?}: a name has letters, digits, - _ and ., 64 at most");
            return Err(wrong(at, what));
        }
        let DeValue::Table(settings) = value.get_ref() else {
            return Err(wrong(at, format!("{RULES}.{name}: wants a table")));
        };
        let mut said = BTreeMap::new();
        for (key, value) in settings {
            let at = value.span().start;
            let text = super::values::text(value.get_ref()).ok_or_else(|| {
                wrong(at, format!("{RULES}.{name}.{}: wants a text or a number", key.get_ref()))
            })?;
            // What has two words has a dash between them where it is an option.
            let option = key.get_ref().replace('_', "-");
            if said.insert(option, (text, place(at))).is_some() {
                return Err(wrong(at, format!("{RULES}.{name}.{} is said twice", key.get_ref())));
            }
        }
        let origin = place(at);
        let given: Parameters =
            said.iter().map(|(key, (text, _))| (key.clone(), text.clone())).collect();
        let options = read(&given).map_err(|error| refused(&name, &origin, &said, &error))?;
        found.push(RuleTable { name, origin, options, said });
    }
    Ok(found)
}

/// What is wrong, with the place in the file.
fn refused(
    rule: &str,
    origin: &Origin,
    said: &BTreeMap<String, (String, Origin)>,
    error: &Refused,
) -> Usage {
    let key = error.parameter.as_deref().unwrap_or_default();
    let origin = said.get(key).map_or(origin, |(_, origin)| origin);
    let dotted = if key.is_empty() { String::new() } else { format!(".{}", key.replace('-', "_")) };
    Usage(format!("{origin}: {RULES}.{rule}{dotted}: {}", error.message))
}

impl RuleTable {
    /// Its name, and what it says.
    pub(super) fn named(&self) -> (String, RuleOptions) {
        (self.name.clone(), self.options.clone())
    }

    /// The rule that is meant.
    ///
    /// # Errors
    ///
    /// [`Usage`] with the place of what cannot be meant.
    pub(crate) fn rule(&self, around: &Surroundings<'_>) -> Result<Rule, Usage> {
        let rule = self.options.rule(&self.name, around);
        rule.map_err(|error| refused(&self.name, &self.origin, &self.said, &error))
    }
}

/// The settings of all of them, as `config show` prints them.
pub(super) fn shown(rules: &[RuleTable]) -> Vec<Shown> {
    let of_rule = |rule: &RuleTable| {
        let name = rule.name.clone();
        let said = rule.said.clone().into_iter();
        said.map(move |(key, (text, origin))| Shown {
            name: format!("{RULES}.{name}.{}", key.replace('-', "_")).into(),
            value: text.into(),
            origin: origin.to_string(),
        })
    };
    rules.iter().flat_map(of_rule).collect()
}
