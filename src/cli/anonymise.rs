//! The options with which addresses become others before anybody sees them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ipnet::IpNet;

use super::failure::Usage;
use super::output::say;
use crate::anonymise::{AnonymiseKey, Anonymiser, LeftOut};
use crate::answer::words::plural;

/// What can be said of it.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct AnonymiseOptions {
    /// Replace every address by another, one for one, by the key in this file (Crypto-PAn): those that
    /// begin alike still do, and the same key gives the same again. MAC addresses are hashed; what would
    /// tell whose an address is (AS numbers, names, texts, bytes of packets) is left out, and told.
    /// `head -c 32 /dev/urandom > KEYFILE` makes a key
    #[arg(long, value_name = "KEYFILE")]
    anonymise: Option<PathBuf>,
    /// Networks whose own bits stay as they are, so that it can be told who is in them
    #[arg(long, value_name = "CIDR[,CIDR…]", value_delimiter = ',', requires = "anonymise")]
    keep_networks: Vec<IpNet>,
}

/// No more of a file is read.
const MAX_KEY_BYTES: u64 = 4096;

impl AnonymiseOptions {
    /// What replaces addresses, if anything is to.
    ///
    /// # Errors
    ///
    /// [`Usage`] if the file is none, or holds no key.
    pub(super) fn anonymiser(&self) -> Result<Option<Arc<Anonymiser>>, Usage> {
        let Some(path) = &self.anonymise else { return Ok(None) };
        let key = key(path)
            .map_err(|problem| Usage(format!("--anonymise: {}: {problem}", path.display())))?;
        Ok(Some(Arc::new(Anonymiser::new(&key, &self.keep_networks))))
    }
}

fn key(path: &Path) -> Result<AnonymiseKey, String> {
    let file = fs::metadata(path).map_err(|error| error.to_string())?;
    if file.len() > MAX_KEY_BYTES {
        return Err(format!("it is no key, as it has {}", plural(file.len(), "byte")));
    }
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    AnonymiseKey::read(&bytes).map_err(|error| error.to_string())
}

/// Says that addresses are others, and what was left out; `names` is whether there are names of interfaces and the like
/// that could have been told.
pub(super) fn tell(left_out: LeftOut, names: bool) {
    let mut told: Vec<String> = left_out
        .into_iter()
        .map(|(what, flows)| format!("{what} ({})", plural(flows, "time")))
        .collect();
    if names {
        told.push("names of interfaces, VRFs and applications".to_owned());
    }
    let told = if told.is_empty() { "nothing".to_owned() } else { told.join(", ") };
    say(format_args!("addresses are replaced by others; left out: {told}"));
}
