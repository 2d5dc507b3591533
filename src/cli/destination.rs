//! Where flows go that are loaded, but not into the store.

use super::export::elastic::{Shape, documents};
use super::export::kafka::messages;
use super::failure::Usage;
use super::interrupt;
use super::settings::Settings;
use crate::kafka;
use crate::sink::Written;
use crate::sink::elastic::ElasticLoader;
use crate::sink::kafka::{Format, KafkaLoader};
use crate::store::Store;
use crate::store::elastic::Location;

/// An index, or a topic.
pub(super) enum Destination {
    Index(ElasticLoader),
    Topic(KafkaLoader),
}

impl Destination {
    /// What `url` names, for documents of this shape or messages in this format.
    ///
    /// # Errors
    ///
    /// If it names neither, or the settings are for no such place.
    pub(super) fn of(
        url: &str,
        shape: &Shape,
        format: Format,
        settings: &Settings,
    ) -> anyhow::Result<Self> {
        if kafka::is_location(url) {
            let location =
                url.parse().map_err(|error: kafka::LocationError| Usage(error.to_string()))?;
            let (options, stop) = (settings.kafka_options(), interrupt::watch().flag());
            return Ok(Self::Topic(KafkaLoader::new(location, options, format, stop)));
        }
        let location: Location = url.parse().map_err(|error| Usage(format!("{error}")))?;
        let loader = ElasticLoader::new(location, settings.elastic_options(), shape.target()?)?;
        Ok(Self::Index(loader))
    }

    /// What takes the place of the store.
    pub(super) fn store(&self) -> Box<dyn Store> {
        match self {
            Self::Index(loader) => Box::new(loader.clone()),
            Self::Topic(loader) => Box::new(loader.clone()),
        }
    }

    /// What became of the flows.
    pub(super) fn written(&self) -> Written {
        match self {
            Self::Index(loader) => loader.written(),
            Self::Topic(loader) => loader.written(),
        }
    }

    /// Likewise, on a line for people.
    pub(super) fn told(&self) -> String {
        match self {
            Self::Index(loader) => documents(&loader.written()),
            Self::Topic(loader) => messages(&loader.written()),
        }
    }
}
