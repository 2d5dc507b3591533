//! What is set of what decides in `detect`.

use super::{Key, Layers, Setting, Shown, keys, shown};
use crate::cli::failure::Usage;
use crate::request::{Deciding, Parameters, read};

/// What decides, as it was written.
#[derive(Debug)]
pub(crate) struct Detect(Vec<(Key, Setting<Option<String>>)>);

impl Detect {
    pub(super) fn resolve(layers: &Layers) -> Result<Self, Usage> {
        let setting = |key: Key| {
            let checked = |text: &str| {
                let said = Parameters::from([(option(&key), text.to_owned())]);
                let read = read::<Deciding>(&said).map_err(|refused| refused.message);
                read.map(|_| Some(text.to_owned()))
            };
            Ok((key, layers.text(&key, None, checked)?))
        };
        keys::DETECT.into_iter().map(setting).collect::<Result<_, _>>().map(Self)
    }

    /// What decides where a command says nothing.
    pub(crate) fn deciding(&self) -> Deciding {
        let said =
            self.0.iter().filter_map(|(key, setting)| Some((option(key), setting.value.clone()?)));
        // Each was read before.
        read(&said.collect()).unwrap_or_default()
    }

    pub(super) fn shown(&self) -> impl Iterator<Item = Shown> {
        self.0.iter().map(|(key, setting)| shown(key, setting, setting.value.clone()))
    }
}

/// Its name among options.
fn option(key: &Key) -> String {
    key.flag.trim_start_matches('-').to_owned()
}
