//! What only this program and the receiver know.

use std::env;
use std::fmt;
use std::fs;
use std::path::PathBuf;

use super::WayError;

/// A password, a token, a key or a URL: where it is, so that it is read when it is needed and shown
/// nowhere.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    /// This.
    Text(String),
    /// The first line of a file.
    File(PathBuf),
    /// What a variable of the environment says.
    Variable(String),
}

impl Secret {
    /// What it is.
    ///
    /// # Errors
    ///
    /// [`WayError`] if there is none; it tells nothing of it.
    pub(super) fn read(&self) -> Result<String, WayError> {
        match self {
            Self::Text(text) => Ok(text.clone()),
            Self::File(path) => {
                let told =
                    |problem: &dyn fmt::Display| WayError(format!("{}: {problem}", path.display()));
                let text = fs::read_to_string(path).map_err(|error| told(&error))?;
                let line = text.lines().next().unwrap_or_default();
                if line.is_empty() {
                    return Err(told(&"its first line is empty"));
                }
                Ok(line.to_owned())
            }
            Self::Variable(name) => {
                let value = env::var(name).ok().filter(|value| !value.is_empty());
                value.ok_or_else(|| WayError(format!("the variable {name} is not set")))
            }
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) => f.write_str("…"),
            Self::File(path) => write!(f, "File({})", path.display()),
            Self::Variable(name) => write!(f, "Variable({name})"),
        }
    }
}
