//! Connections to brokers.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rskafka::BackoffConfig;
use rskafka::client::error::Error;
use rskafka::client::partition::{PartitionClient, UnknownTopicHandling};
use rskafka::client::{Client, ClientBuilder, Credentials, SaslConfig};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::error::KafkaError;
use super::location::Location;
use super::options::{Mechanism, Options, User};
use super::trouble::Trouble;

/// An answer is no longer than this.
const MAX_ANSWER_BYTES: usize = 64 << 20;
/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(10);
/// So many threads talk to brokers.
const THREADS: usize = 2;

/// A cluster, and a topic in it. Everything that is asked of it is asked once: who asks tries again.
#[derive(Clone)]
pub(super) struct Cluster {
    pub(super) location: Location,
    pub(super) answer: Duration,
    pub(super) recovery: Duration,
    tls: Option<Arc<ClientConfig>>,
    sasl: Option<SaslConfig>,
}

impl Cluster {
    /// Nothing is reached yet.
    ///
    /// # Errors
    ///
    /// [`KafkaError::Certificates`] if the file of these is none.
    pub(super) fn new(location: Location, options: &Options) -> Result<Self, KafkaError> {
        let tls = location.tls.then(|| tls(options.ca.as_deref())).transpose()?;
        let user = location.user.as_ref().or(options.user.as_ref());
        let sasl = user.map(|user| sasl(user, options.mechanism));
        let Options { answer, recovery, .. } = *options;
        Ok(Self { location, answer, recovery, tls, sasl })
    }

    /// A connection to whichever broker answers.
    pub(super) async fn connect(&self) -> Result<Client, Trouble> {
        let no_second_try = BackoffConfig {
            init_backoff: Duration::from_millis(1),
            max_backoff: Duration::from_millis(1),
            base: 2.0,
            deadline: Some(Duration::ZERO),
        };
        let mut builder = ClientBuilder::new(self.location.brokers.clone())
            .client_id("earlgrey-hbase")
            .max_message_size(MAX_ANSWER_BYTES)
            .backoff_config(no_second_try);
        if let Some(tls) = &self.tls {
            builder = builder.tls_config(Arc::clone(tls));
        }
        if let Some(sasl) = &self.sasl {
            builder = builder.sasl_config(sasl.clone());
        }
        within(CONNECT.min(self.answer), builder.build()).await
    }

    /// The partitions of the topic, rising.
    pub(super) async fn partitions(&self, client: &Client) -> Result<Vec<i32>, Trouble> {
        let topics = within(self.answer, client.list_topics()).await?;
        let topic = topics.into_iter().find(|topic| topic.name == self.location.topic);
        let partitions = topic.map(|topic| topic.partitions).unwrap_or_default();
        if partitions.is_empty() {
            return Err(Trouble::Missing);
        }
        Ok(partitions.into_iter().collect())
    }

    /// A connection to the leader of a partition.
    pub(super) async fn partition(
        &self,
        client: &Client,
        partition: i32,
    ) -> Result<PartitionClient, Trouble> {
        let topic = self.location.topic.as_str();
        let opened = client.partition_client(topic, partition, UnknownTopicHandling::Error);
        within(CONNECT.min(self.answer), opened).await
    }

    /// Likewise, from the beginning.
    pub(super) async fn leader(&self, partition: i32) -> Result<PartitionClient, Trouble> {
        let client = self.connect().await?;
        self.partition(&client, partition).await
    }
}

/// What comes of `asked` if it comes within this time.
pub(super) async fn within<T>(
    time: Duration,
    asked: impl Future<Output = Result<T, Error>>,
) -> Result<T, Trouble> {
    match timeout(time, asked).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(Trouble::NoAnswer(format!("no answer within {} s", time.as_secs_f64()))),
    }
}

/// Threads that talk to brokers.
///
/// # Errors
///
/// [`KafkaError::Thread`].
pub(super) fn runtime() -> Result<Runtime, KafkaError> {
    let mut builder = Builder::new_multi_thread();
    let builder = builder.worker_threads(THREADS).thread_name("kafka").enable_all();
    builder.build().map_err(KafkaError::Thread)
}

fn sasl(user: &User, mechanism: Mechanism) -> SaslConfig {
    let credentials = Credentials::new(user.name.clone(), user.password.clone());
    match mechanism {
        Mechanism::Plain => SaslConfig::Plain(credentials),
        Mechanism::ScramSha256 => SaslConfig::ScramSha256(credentials),
        Mechanism::ScramSha512 => SaslConfig::ScramSha512(credentials),
    }
}

/// Connections that those in `ca` vouch for, or whom browsers trust.
fn tls(ca: Option<&Path>) -> Result<Arc<ClientConfig>, KafkaError> {
    let mut roots = RootCertStore::empty();
    match ca {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(path) => {
            let refuse =
                |detail: String| KafkaError::Certificates { path: path.to_owned(), detail };
            let pem = fs::read(path).map_err(|error| refuse(format!("read: {error}")))?;
            for certificate in CertificateDer::pem_slice_iter(&pem) {
                let certificate = certificate.map_err(|error| refuse(error.to_string()))?;
                roots.add(certificate).map_err(|error| refuse(error.to_string()))?;
            }
            if roots.is_empty() {
                return Err(refuse("there is no certificate in it".to_owned()));
            }
        }
    }
    Ok(Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()))
}
