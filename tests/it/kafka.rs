//! Flows to a real broker of Kafka, and from there. `scripts/test` starts it and says where:
//! `EARLGREY_KAFKA`, and `EARLGREY_KAFKA_SECURE` of one that wants TLS and a password. What is in a topic
//! is told by Kafka's own tools, by goflow2 and by Python, and not by the code that is tested.

mod faults;
mod goflow2;
mod kills;
mod messages;
mod offsets;
mod proxy;
mod secure;

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use rskafka::chrono::Utc;
use rskafka::client::partition::{Compression, UnknownTopicHandling};
use rskafka::client::{Client, ClientBuilder};
use rskafka::record::Record;
use tokio::runtime::Runtime;

use crate::cli::{FLOWS, Home, capture, exports};
use crate::needs;

/// A broker, and a topic of its own.
struct Broker {
    /// `127.0.0.1:9092`.
    at: String,
    topic: String,
    runtime: Runtime,
}

/// A message as Kafka's own consumer prints it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Printed {
    partition: u32,
    header: String,
    key: String,
    value: String,
}

impl Broker {
    /// The broker, with a topic of so many partitions that no other test, and no earlier run, has.
    #[track_caller]
    fn with_topic(partitions: i32) -> Option<Self> {
        let url = needs::kafka("EARLGREY_KAFKA")?;
        let at = url.trim_start_matches("kafka://").to_owned();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let broker = Self { at, topic: new_topic(), runtime };
        broker.create(partitions);
        Some(broker)
    }

    fn url(&self) -> String {
        format!("kafka://{}/{}", self.at, self.topic)
    }

    async fn client(&self) -> Client {
        ClientBuilder::new(vec![self.at.clone()]).build().await.unwrap()
    }

    fn create(&self, partitions: i32) {
        self.runtime.block_on(async {
            let client = self.client().await;
            let controller = client.controller_client().unwrap();
            controller.create_topic(&self.topic, partitions, 1, 5_000).await.unwrap();
            // It is there when every partition has a leader.
            for partition in 0..partitions {
                let handling = UnknownTopicHandling::Retry;
                client.partition_client(&self.topic, partition, handling).await.unwrap();
            }
        });
    }

    fn delete(&self) {
        self.runtime.block_on(async {
            let controller = self.client().await.controller_client().unwrap();
            controller.delete_topic(&self.topic, 5_000).await.unwrap();
        });
    }

    /// Writes messages that say nothing of whose record they are.
    fn write(&self, partition: i32, values: &[&[u8]]) {
        let record = |value: &&[u8]| Record {
            key: None,
            value: Some(value.to_vec()),
            headers: [].into(),
            timestamp: Utc::now(),
        };
        let records = values.iter().map(record).collect();
        self.runtime.block_on(async {
            let handling = UnknownTopicHandling::Retry;
            let client = self.client().await;
            let client = client.partition_client(&self.topic, partition, handling).await.unwrap();
            client.produce(records, Compression::NoCompression).await.unwrap();
        });
    }

    /// Has the broker forget the messages of a partition before this offset.
    fn forget(&self, partition: i32, before: i64) {
        self.runtime.block_on(async {
            let handling = UnknownTopicHandling::Retry;
            let client = self.client().await;
            let client = client.partition_client(&self.topic, partition, handling).await.unwrap();
            client.delete_records(before, 5_000).await.unwrap();
        });
    }

    /// Runs one of Kafka's own tools, and gives what it prints.
    fn tool(&self, class: &str, arguments: &[&str]) -> String {
        let jars = needs::kafka_jars().expect("there is a broker, so there are its jars");
        let run = Command::new("java")
            .args(["-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", &format!("{jars}/*"), class])
            .args(["--bootstrap-server", &self.at])
            .args(arguments)
            .output()
            .unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        String::from_utf8(run.stdout).unwrap()
    }

    /// So many messages of the topic, as Kafka's own consumer prints them, in some order.
    fn printed(&self, count: usize) -> Vec<Printed> {
        let text = self.tool(
            "org.apache.kafka.tools.consumer.ConsoleConsumer",
            &[
                &["--topic", &self.topic, "--from-beginning", "--timeout-ms", "20000"][..],
                &["--max-messages", &count.to_string()],
                &["--property", "print.partition=true", "--property", "print.headers=true"],
                &["--property", "print.key=true"],
            ]
            .concat(),
        );
        let message = |line: &str| {
            let mut parts = line.splitn(4, '\t').map(str::to_owned);
            let mut next = || parts.next().unwrap_or_else(|| panic!("{line}"));
            let partition = next().trim_start_matches("Partition:").parse().unwrap();
            Printed { partition, header: next(), key: next(), value: next() }
        };
        text.lines().map(message).collect()
    }

    /// What messages of a partition hold.
    fn values(&self, partition: i32) -> Vec<Vec<u8>> {
        self.runtime.block_on(async {
            let handling = UnknownTopicHandling::Retry;
            let client = self.client().await;
            let client = client.partition_client(&self.topic, partition, handling).await.unwrap();
            let (records, _) = client.fetch_records(0, 1..1_000_000, 1_000).await.unwrap();
            records.into_iter().map(|record| record.record.value.unwrap()).collect()
        })
    }

    /// How many messages the partitions have, by the offsets of their ends.
    fn count(&self) -> usize {
        let text = self.tool("org.apache.kafka.tools.GetOffsetShell", &["--topic", &self.topic]);
        let end = |line: &str| line.rsplit(':').next().unwrap().parse::<usize>().unwrap();
        text.lines().map(end).sum()
    }
}

fn new_topic() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let since_1970 = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis();
    format!("test-{since_1970}-{}", NEXT.fetch_add(1, Relaxed))
}

/// A capture of all [`FLOWS`], and of the first one twice more, so that three are equal.
fn day(home: &Home) -> String {
    let equal = [FLOWS[0], FLOWS[0]];
    home.file("day.pcap", &capture(&[exports(0, &FLOWS), exports(6, &equal)]))
}

/// So many flows are in it.
const IN_DAY: usize = FLOWS.len() + 2;

/// The lines of a text in the order of letters.
fn sorted(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}
