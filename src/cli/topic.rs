//! A topic that is loaded.

use super::failure::Usage;
use super::settings::Settings;
use crate::kafka::LocationError;
use crate::load::Topic;

/// The name in which a topic is read where none is given.
const GROUP: &str = "earlgrey-hbase";

/// The topic to be loaded, and how.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Source {
    /// Read the messages of a topic of Kafka: JSON as `query -o ndjson` prints it, or goflow2's protobuf;
    /// kafka[s]://[USER:PASSWORD@]HOST[:PORT][,HOST…]/TOPIC
    #[arg(long, value_name = "URL")]
    from: Option<String>,
    /// In whose name: a load goes on where the last one of its name was, as the store's ledger tells
    /// [default: earlgrey-hbase]
    #[arg(long, value_name = "NAME", requires = "from")]
    group: Option<String>,
    /// Go on at the end of the topic with what comes, until interrupted
    #[arg(long, requires = "from")]
    follow: bool,
}

impl Source {
    /// The topic, if one is to be loaded.
    ///
    /// # Errors
    ///
    /// [`Usage`] if the URL is none.
    pub(super) fn topic(&self, settings: &Settings) -> Result<Option<Topic>, Usage> {
        let Some(url) = &self.from else { return Ok(None) };
        let location = url.parse().map_err(|error: LocationError| Usage(error.to_string()))?;
        Ok(Some(Topic {
            location,
            options: settings.kafka_options(),
            group: self.group.clone().unwrap_or_else(|| GROUP.to_owned()),
            follow: self.follow,
        }))
    }
}
