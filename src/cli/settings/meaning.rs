//! What is set of what addresses mean.

use std::path::PathBuf;
use std::sync::Arc;

use super::{Layers, Setting, Shown, keys, shown};
use crate::cli::failure::Usage;
use crate::meaning::Sources;

/// The files that say what addresses mean.
#[derive(Debug)]
pub(crate) struct Meaning {
    networks: Setting<Option<PathBuf>>,
    databases: Setting<Vec<PathBuf>>,
    /// What they say.
    pub(crate) sources: Arc<Sources>,
}

impl Meaning {
    pub(super) fn resolve(layers: &Layers) -> Result<Self, Usage> {
        let networks = layers.one(&keys::NETWORKS, None, |path| Ok(Some(PathBuf::from(path))))?;
        let databases = layers.all(&keys::DATABASES, Vec::new(), |paths| {
            Ok(paths.iter().map(PathBuf::from).collect())
        })?;
        let sources = Sources::new(networks.value.clone(), databases.value.clone());
        Ok(Self { networks, databases, sources: Arc::new(sources) })
    }

    pub(super) fn shown(&self) -> [Shown; 2] {
        let networks = self.networks.value.as_ref().map(|path| path.display().to_string());
        let databases = self.databases.value.iter().map(|path| path.display().to_string());
        [
            shown(&keys::NETWORKS, &self.networks, networks),
            shown(&keys::DATABASES, &self.databases, databases.collect::<Vec<_>>()),
        ]
    }
}
