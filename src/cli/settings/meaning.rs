//! What is set of what addresses mean.

use std::path::PathBuf;
use std::sync::Arc;

use super::{Key, Layers, Setting, Shown, keys, shown};
use crate::cli::failure::Usage;
use crate::meaning::{AsNumbers, Configured, Sources};

/// The files that say what addresses mean.
#[derive(Debug)]
pub(crate) struct Meaning {
    networks: Setting<Option<PathBuf>>,
    hosts: Setting<Option<PathBuf>>,
    exporters: Setting<Option<PathBuf>>,
    databases: Setting<Vec<PathBuf>>,
    as_numbers: Setting<Option<AsNumbers>>,
    /// What they say.
    pub(crate) sources: Arc<Sources>,
}

impl Meaning {
    pub(super) fn resolve(layers: &Layers) -> Result<Self, Usage> {
        let file = |key| layers.one(key, None, |path| Ok(Some(PathBuf::from(path))));
        let networks = file(&keys::NETWORKS)?;
        let hosts = file(&keys::HOSTS)?;
        let exporters = file(&keys::NAMED_EXPORTERS)?;
        let databases = layers.all(&keys::DATABASES, Vec::new(), |paths| {
            Ok(paths.iter().map(PathBuf::from).collect())
        })?;
        let as_numbers = layers.text(&keys::AS_NUMBERS, None, |text| text.parse().map(Some))?;
        let files = Configured {
            networks: networks.value.clone(),
            hosts: hosts.value.clone(),
            exporters: exporters.value.clone(),
            databases: databases.value.clone(),
            as_numbers: as_numbers.value,
        };
        let sources = Arc::new(Sources::new(files));
        Ok(Self { networks, hosts, exporters, databases, as_numbers, sources })
    }

    /// Whether what is configured lies in files that can be read in a moment.
    pub(crate) fn is_in_files(&self) -> bool {
        let tables = [&self.networks, &self.hosts, &self.exporters];
        let tables = tables.into_iter().filter_map(|table| table.value.as_ref());
        tables.chain(&self.databases.value).all(|path| path.is_file())
    }

    pub(super) fn shown(&self) -> [Shown; 5] {
        let file = |key: &Key, setting: &Setting<Option<PathBuf>>| {
            let path = setting.value.as_ref().map(|path| path.display().to_string());
            shown(key, setting, path)
        };
        let as_numbers = self.as_numbers.value.map(AsNumbers::name);
        let databases = self.databases.value.iter().map(|path| path.display().to_string());
        [
            file(&keys::NETWORKS, &self.networks),
            file(&keys::HOSTS, &self.hosts),
            file(&keys::NAMED_EXPORTERS, &self.exporters),
            shown(&keys::DATABASES, &self.databases, databases.collect::<Vec<_>>()),
            shown(&keys::AS_NUMBERS, &self.as_numbers, as_numbers),
        ]
    }
}
