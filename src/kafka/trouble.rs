//! What the client met, by what is to be done about it.

use std::error::Error as StdError;
use std::io;

use rskafka::client::error::{Error, ProtocolError};
use rskafka::{BackoffError, ConnectionError};

use super::Location;
use super::error::KafkaError;

/// Why something did not come about.
#[derive(Debug)]
pub(super) enum Trouble {
    /// Nobody answered, or with what is no answer: it may be tried again, over another connection.
    NoAnswer(String),
    /// A broker answered that it cannot now.
    Busy(String),
    /// A broker answered that it will not.
    Refused(String),
    /// There is no such topic, or partition.
    Missing,
    /// More was sent than the topic takes at once.
    TooLarge,
    /// What was asked for is not there any more, or not yet.
    OutOfRange,
}

impl Trouble {
    /// Whether trying again may help.
    pub(super) const fn may_pass(&self) -> bool {
        matches!(self, Self::NoAnswer(_) | Self::Busy(_) | Self::Missing)
    }

    /// What it was, for people.
    pub(super) fn text(self, location: &Location) -> String {
        match self {
            Self::NoAnswer(text) | Self::Busy(text) | Self::Refused(text) => text,
            Self::Missing => {
                format!("there is no topic {}, or none that this user may see", location.topic)
            }
            Self::TooLarge => "the topic takes no message that is so large".to_owned(),
            Self::OutOfRange => "the topic has no such offset".to_owned(),
        }
    }

    /// The error that it comes to.
    pub(super) fn error(self, location: &Location, doing: &'static str) -> KafkaError {
        let place = location.to_string();
        match self {
            Self::NoAnswer(text) => {
                KafkaError::Unreachable { place, source: io::Error::other(text) }
            }
            other => KafkaError::Refused { place, doing, detail: other.text(location) },
        }
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        match error {
            Error::ServerError { protocol_error, .. } => of_broker(protocol_error),
            Error::RetryFailed(BackoffError::DeadlineExceded { source, .. })
            | Error::Connection(ConnectionError::RetryFailed(BackoffError::DeadlineExceded {
                source,
                ..
            })) => match source.downcast::<Error>() {
                Ok(error) => Self::from(*error),
                Err(source) => of_connection(&*source),
            },
            other => of_connection(&other),
        }
    }
}

/// What a broker said.
fn of_broker(error: ProtocolError) -> Trouble {
    use ProtocolError as E;
    match error {
        E::UnknownTopicOrPartition => Trouble::Missing,
        E::MessageTooLarge | E::RecordListTooLarge => Trouble::TooLarge,
        E::OffsetOutOfRange => Trouble::OutOfRange,
        E::UnknownServerError
        | E::CorruptMessage
        | E::LeaderNotAvailable
        | E::NotLeaderOrFollower
        | E::RequestTimedOut
        | E::BrokerNotAvailable
        | E::ReplicaNotAvailable
        | E::NetworkException
        | E::NotEnoughReplicas
        | E::NotEnoughReplicasAfterAppend
        | E::KafkaStorageError
        | E::OffsetNotAvailable => Trouble::Busy(format!("the broker says {error:?}")),
        _ => Trouble::Refused(format!("the broker says {error:?}")),
    }
}

/// What came of a connection. Neither who may not come in nor whose certificate is none is told by a
/// kind of its own.
fn of_connection(error: &(dyn StdError + 'static)) -> Trouble {
    let text = error.to_string();
    if text.contains("control batch") {
        return Trouble::Refused(
            "somebody writes there in transactions, whose marks cannot be read".to_owned(),
        );
    }
    let is_refused = text.contains("invalid peer certificate")
        || text.contains("Sasl handshake failed") && !text.contains("Request error");
    if is_refused { Trouble::Refused(text) } else { Trouble::NoAnswer(text) }
}
