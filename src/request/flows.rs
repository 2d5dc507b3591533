//! `query`: the flows of a host or a network.

use std::cell::Cell;
use std::io;
use std::sync::Arc;

use super::connections::ConnectionOptions;
use super::{AskError, QuestionOptions, Refused, Scaling, Surroundings, moment};
use crate::aggregate::{
    CONNECTION_COLUMNS, Connections, Conversation, Conversations, FlowOrder, Limits, SortOptions,
    sorted,
};
use crate::answer::Format;
use crate::flow::{Columns, FlowBatch, Names, UnixMillis};
use crate::meaning::{Meaning, MeaningError};
use crate::query::filter::Files;
use crate::query::{Direction, HELD_COLUMNS, Held, Lookup, MAX_NAT_EVENTS, Question};
use crate::row::NatEnd;
use crate::store::{FlowStream, Result, Snapshot};

/// So many addresses of IPv4 are few, as [`Lookup::weight`] has them.
const FEW_ADDRESSES: u128 = 1024 << 96;

/// So many bytes has a filter that is read in no time.
const SHORT_FILTER_BYTES: usize = 4 << 10;

/// What can be said of it.
#[derive(Debug, Clone, clap::Args)]
pub struct Flows {
    #[command(flatten)]
    question: QuestionOptions,
    /// Join both directions to conversations, by the time they began: one line each, with what the
    /// initiator sent and what came back
    #[arg(long, conflicts_with = "count")]
    bidir: bool,
    /// Join records to connections: both directions of a 5-tuple whose records follow on each other,
    /// by the host that began them and then by time; one line each, as with --bidir, and json and csv
    /// say whether it was answered
    #[arg(long, conflicts_with_all = ["bidir", "count"])]
    connections: bool,
    #[command(flatten)]
    connecting: ConnectionOptions,
    /// Only who held what --nat names at this time: of flows those that span it, and of a NAT's
    /// events the latest that gave it to somebody and that no release followed, which is printed
    /// with the time to its release as duration, as far as that is known
    #[arg(long, value_name = "TIME", requires = "nat", conflicts_with_all = ["bidir", "connections", "limit"],
        allow_hyphen_values = true)]
    at: Option<String>,
    /// Sort them by this, whatever their number: octets, packets, duration, pps, bps or bpp, the
    /// greatest first; first, last, src, dst, srcport, dstport or proto, the least first; with :asc or
    /// :desc behind it for the other way. --limit is then of the first ones of this order
    #[arg(long, value_name = "KEY[:asc|:desc]", conflicts_with_all = ["bidir", "connections", "count", "at"])]
    sort: Option<FlowOrder>,
    /// Print only how many flows there are, up to --limit
    #[arg(long)]
    count: bool,
    #[command(flatten)]
    scaling: Scaling,
}

/// What was found, and what is to be said of it.
pub struct FlowsAnswer {
    /// What was found.
    pub found: Found,
    /// What is not known of it, in sentences.
    pub notes: Vec<String>,
}

/// What a request for flows finds.
pub enum Found {
    /// How many flows there are.
    Count(u64),
    /// The flows, as they are read.
    Flows(FlowStream),
    /// Conversations, by the time they began; or connections, by who began them.
    Conversations(FoundConversations),
}

/// Conversations, as they are read.
type FoundConversations = Box<dyn Iterator<Item = Result<Conversation>>>;

/// Files that are not read, and whether one of them would have been.
#[derive(Default)]
struct Unread(Cell<bool>);

impl Files for Unread {
    fn read(&self, _: &str, _: u64) -> io::Result<Vec<u8>> {
        self.0.set(true);
        Err(io::ErrorKind::Unsupported.into())
    }

    fn names(&self) -> io::Result<Names> {
        self.0.set(true);
        Ok(Names::default())
    }

    fn meaning(&self) -> Result<Arc<Meaning>, MeaningError> {
        self.0.set(true);
        Ok(Arc::default())
    }
}

/// Flows of which those are wanted that held something at a moment.
type Holding = Option<(NatEnd, UnixMillis)>;

impl Flows {
    /// The question that is meant.
    ///
    /// # Errors
    ///
    /// As [`QuestionOptions::question`]; a request for everything, by nothing said, is refused.
    pub fn question(&self, around: &Surroundings<'_>) -> Result<Question, Refused> {
        if self.question.is_everything() {
            return Err(Refused::of(
                "address",
                "whose flows? Name an address or a block, as in `query 10.0.0.0/8`, or what holds \
                 of them, as in `query --where 'port 443'`; `--where any` is every flow",
            ));
        }
        if self.connecting.is_given() && !self.connections {
            return Err(Refused::of(
                "active-timeout",
                "--active-timeout says how records are joined to connections; add --connections",
            ));
        }
        if self.connections && self.question.direction().is_some_and(|end| end != Direction::Any) {
            return Err(Refused::of(
                "direction",
                "--connections are of both directions, whoever began them; leave --direction out",
            ));
        }
        let usual = if self.joins() { Direction::Any } else { Direction::Src };
        let question = self.question.question(around, usual)?;
        // The limit is of conversations, not of the flows that these are made of.
        Ok(Question { limit: question.limit.filter(|_| !self.joins()), ..question })
    }

    /// How many are wanted at most.
    pub fn limit(&self) -> Option<u64> {
        self.question.limit
    }

    /// Whether those of few addresses are looked at, as far as can be told at once: no file is read
    /// for that, and no long filter.
    pub fn is_of_few(&self, around: &Surroundings<'_>) -> bool {
        if self.question.filter_bytes() > SHORT_FILTER_BYTES {
            return false;
        }
        let unread = Unread::default();
        let limits = around.limits.clone();
        let question = self.question(&Surroundings { limits, files: &unread, ..*around });
        match question {
            _ if unread.0.get() => false,
            Ok(question) => {
                question.plan(Columns::NONE).weight().is_some_and(|weight| weight <= FEW_ADDRESSES)
            }
            // It is refused without a look.
            Err(_) => true,
        }
    }

    /// Whether counters are multiplied by sampling intervals: those of single flows are as they were
    /// exported, unless somebody said otherwise.
    pub fn scaled(&self) -> bool {
        self.scaling.scaled(false)
    }

    /// Whether conversations or connections are wanted.
    pub fn joins(&self) -> bool {
        self.bidir || self.connections
    }

    /// Whether those are wanted that held something at a moment: for them all flows are looked
    /// through, whatever the limit.
    pub fn holds(&self) -> bool {
        self.at.is_some()
    }

    /// Has them sorted by `order` where they are to be shown as they are, and nobody said otherwise.
    pub fn sort_by(&mut self, order: FlowOrder) {
        if !self.joins() && !self.count && self.at.is_none() {
            self.sort.get_or_insert(order);
        }
    }

    /// Whether they are sorted by something else than their key.
    pub fn sorts(&self) -> bool {
        self.sort.is_some()
    }

    /// Whether only their number is wanted.
    pub fn counts(&self) -> bool {
        self.count
    }

    /// What is looked up for `question`, to be written in `format`.
    pub fn lookup(&self, question: &Question, format: &Format) -> Lookup {
        match (self.count, self.bidir) {
            _ if let Some(order) = self.sort => {
                question.plan_unordered(format.columns() | order.columns())
            }
            _ if self.at.is_some() => question.plan(format.columns() | HELD_COLUMNS),
            (true, _) => question.plan_count(),
            (_, true) => question.plan(Conversations::COLUMNS),
            _ if self.connections => question.plan_hosts(CONNECTION_COLUMNS),
            _ => question.plan(format.columns()),
        }
    }

    /// What `lookup` finds, to be written in `format`.
    ///
    /// # Errors
    ///
    /// [`Refused`] for a time that is none, and where too many events would have to be compared;
    /// and what the store meets.
    pub fn answer(
        &self,
        snapshot: &dyn Snapshot,
        lookup: &Lookup,
        format: &Format,
        around: &Surroundings<'_>,
    ) -> Result<FlowsAnswer, AskError> {
        if let Some((nat, at)) = self.holding(around)? {
            return self.held(lookup.run(snapshot)?, &nat, at);
        }
        let found = if self.count {
            Found::Count(lookup.count(snapshot)?)
        } else if let Some(order) = self.sort {
            let (limit, limits) = (lookup.limit(), around.limits.clone());
            let options = SortOptions { order, columns: format.columns(), limit, limits };
            Found::Flows(sorted(snapshot, lookup, &options)?)
        } else if self.bidir {
            Found::Conversations(self.joined(lookup.run(snapshot)?, &around.limits)?)
        } else if self.connections {
            Found::Conversations(self.connected(snapshot, lookup, around)?)
        } else {
            Found::Flows(lookup.run(snapshot)?)
        };
        Ok(FlowsAnswer { found, notes: Vec::new() })
    }

    /// Connections that `lookup` finds, as many as are wanted.
    fn connected(
        &self,
        snapshot: &dyn Snapshot,
        lookup: &Lookup,
        around: &Surroundings<'_>,
    ) -> Result<FoundConversations, AskError> {
        let joining = self.connecting.joining(snapshot, &self.question(around)?, around)?;
        let connections = Connections::of(snapshot, lookup, &joining)?;
        let conversations = connections.map(|connection| Ok(Conversation::from(&connection?)));
        Ok(Box::new(conversations.take(self.most_joined())))
    }

    fn most_joined(&self) -> usize {
        self.question.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX)
    }

    fn holding(&self, around: &Surroundings<'_>) -> Result<Holding, Refused> {
        let (Some(nat), Some(at)) = (self.question.nat, &self.at) else { return Ok(None) };
        Ok(Some((nat, moment("at", at, around)?)))
    }

    /// The flows and events of those who held `nat` at the moment `at`.
    fn held(
        &self,
        flows: FlowStream,
        nat: &NatEnd,
        at: UnixMillis,
    ) -> Result<FlowsAnswer, AskError> {
        let held = Held::at(flows, nat, at)?;
        if held.partial {
            let message = format!(
                "{nat} has more than {MAX_NAT_EVENTS} events; name a port of it, or narrow them by \
                 --since and --until"
            );
            return Err(Refused::of("nat", message).into());
        }
        let mut notes = Vec::new();
        if held.since_unknown > 0 {
            notes.push(format!(
                "since when is not known of {}: only the release of it is in the store",
                held.since_unknown
            ));
        }
        if held.replaced > 0 {
            notes.push(format!(
                "{} had it before, and another got it without a release of it in the store",
                held.replaced
            ));
        }
        let found = if self.count {
            Found::Count(held.flows.iter().map(|batch: &FlowBatch| batch.len() as u64).sum())
        } else {
            Found::Flows(Box::new(held.flows.into_iter().map(Ok)))
        };
        Ok(FlowsAnswer { found, notes })
    }

    /// Conversations of `flows`, as many as are wanted.
    fn joined(&self, flows: FlowStream, limits: &Limits) -> Result<FoundConversations> {
        let mut conversations = Conversations::new(limits);
        for batch in flows {
            conversations.observe(&batch?)?;
        }
        Ok(Box::new(conversations.finish()?.take(self.most_joined())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::filter::NoFiles;
    use crate::request::{Zone, read};

    #[test]
    fn what_says_nothing_of_what_is_asked_for_is_refused() {
        let zone = Zone::parse("UTC").unwrap();
        let (now, limits) = (UnixMillis::now(), Limits::default());
        let around = Surroundings { zone: &zone, now, limits, files: &NoFiles };
        let refused = |given: &[(&str, &str)]| {
            let given = [("address", "10.0.0.1")].iter().chain(given);
            let given = given.map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
            let flows: Flows = read(&given).unwrap();
            flows.question(&around).err().and_then(|refused| refused.parameter)
        };
        let connections = ("connections", "true");
        assert_eq!(refused(&[("active-timeout", "60")]).as_deref(), Some("active-timeout"));
        assert_eq!(refused(&[("active-timeout", "60"), connections]), None);
        for end in ["src", "dst"] {
            let refused = refused(&[("direction", end), connections]);
            assert_eq!(refused.as_deref(), Some("direction"));
        }
        assert_eq!(refused(&[("direction", "any"), connections]), None);
        assert_eq!(refused(&[("direction", "dst")]), None);
    }

    #[test]
    fn few_addresses_are_known_before_anything_is_read() {
        let zone = Zone::parse("UTC").unwrap();
        let (now, limits) = (UnixMillis::now(), Limits::default());
        let around = Surroundings { zone: &zone, now, limits, files: &NoFiles };
        for (name, value, few) in [
            ("address", "10.0.0.1", true),
            ("address", "10.0.0.0/22", true),
            ("address", "10.0.0.0/8", false),
            ("address", "2001:db8::/64", true),
            ("nat", "203.0.113.7:40123", true),
            ("where", "src ip 10.0.0.1 and port 53", true),
            ("where", "ip 10.0.0.1", true),
            ("where", "any", false),
            ("where", "port 53", false),
            // Who knows how many there are in a file.
            ("where", "ip in @hosts.txt", false),
            ("where", "country CH", false),
            // It is refused at once.
            ("where", "prot 53", true),
        ] {
            let given = [(name.to_owned(), value.to_owned())].into_iter().collect();
            let flows: Flows = read(&given).unwrap();
            assert_eq!(flows.is_of_few(&around), few, "{name}={value}");
        }
        let long = format!("ip 10.0.0.1 {}", "and tcp ".repeat(1_000));
        let given = [("where".to_owned(), long)].into_iter().collect();
        assert!(!read::<Flows>(&given).unwrap().is_of_few(&around), "it is left for later");
    }
}
