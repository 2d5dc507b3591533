//! Which flows a request is about: the options that `query` and `export` share, and those of the
//! requests that sum up.

use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::filter::Where;
use super::window::Window;
use super::{Refused, Surroundings, one_of, whole_number};
use crate::query::{Direction, Question, parse_addresses, parse_nat_end};
use crate::row::{AddressRange, NatEnd, Predicate};
use crate::store::Access;

/// How counters of what was sampled are counted.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Scaling {
    /// Multiply octets and packets by the sampling interval of their exporter, where it said one;
    /// or, with --scaled=no, leave them as they were exported
    #[arg(long, value_name = "yes|no", value_parser = yes_or_no(), num_args = 0..=1,
        require_equals = true, default_missing_value = "yes", hide_possible_values = true)]
    scaled: Option<bool>,
}

impl Scaling {
    /// Whether they are multiplied by sampling intervals; `usual` where nobody said.
    pub fn scaled(self, usual: bool) -> bool {
        self.scaled.unwrap_or(usual)
    }
}

fn yes_or_no() -> impl TypedValueParser<Value = bool> {
    PossibleValuesParser::new(["yes", "no"]).map(|answer| answer == "yes")
}

/// Whether each flow counts once.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct Dedup {
    /// Count a flow once that several routers saw, or one router on its way in and on its way out: of
    /// the records that pass the filter, the one that was sampled least, then that of most octets
    #[arg(long)]
    pub(super) dedup: bool,
}

/// The options.
#[derive(Debug, Clone, clap::Args)]
pub struct QuestionOptions {
    /// Whose flows: an address, or a block in CIDR notation
    #[arg(id = "address", value_name = "ADDR|CIDR", value_parser = parse_addresses)]
    addresses: Option<AddressRange>,
    #[command(flatten)]
    condition: Where,
    /// Only flows, and events of NATs, by which this public address was used, or this port of it,
    /// also as one of a block of ports: 203.0.113.7:40123, 203.0.113.0/24; IPv6 stands in brackets
    /// before a port
    #[arg(long, value_name = "ADDR[:PORT]", value_parser = parse_nat_end)]
    pub nat: Option<NatEnd>,
    /// Find them by a filter inside the store over all flows, in place of the row key's range: the
    /// answer is the same
    #[arg(long)]
    filter: bool,
    /// Which end of a flow the addresses are [default: src; of conversations, any]
    #[arg(long, value_name = "END", requires = "address",
        value_parser = one_of::<Direction>(Direction::ALL.map(Direction::name)))]
    direction: Option<Direction>,
    #[command(flatten)]
    window: Window,
    #[command(flatten)]
    dedup: Dedup,
    /// At most so many, the first in key order
    #[arg(long, value_name = "N", value_parser = whole_number::<u64>,
        allow_negative_numbers = true)]
    pub limit: Option<u64>,
}

/// Which of all flows a summary is of.
#[derive(Debug, Clone, clap::Args)]
pub struct SummaryOptions {
    #[command(flatten)]
    condition: Where,
    #[command(flatten)]
    window: Window,
    #[command(flatten)]
    dedup: Dedup,
    #[command(flatten)]
    scaling: Scaling,
}

impl SummaryOptions {
    /// The question that is meant, of the flows of `addresses`, or of everybody's.
    ///
    /// # Errors
    ///
    /// As [`QuestionOptions::question`].
    pub fn question(
        &self,
        addresses: Option<AddressRange>,
        around: &Surroundings<'_>,
    ) -> Result<Question, Refused> {
        Ok(Question {
            addresses,
            time: self.window.range(around)?,
            alive: self.window.alive,
            filter: self.condition.predicate(around)?,
            dedup: self.dedup.dedup,
            ..Question::everything()
        })
    }

    /// Whether counters are multiplied by sampling intervals: in a summary they are, unless somebody
    /// said otherwise.
    pub fn scaled(&self) -> bool {
        self.scaling.scaled(true)
    }
}

impl QuestionOptions {
    /// Which end of a flow the addresses are, if that is said.
    pub fn direction(&self) -> Option<Direction> {
        self.direction
    }

    /// Whether nothing is said of the flows but when they began, and how many are wanted.
    pub fn is_everything(&self) -> bool {
        self.addresses.is_none() && self.nat.is_none() && !self.condition.is_given()
    }

    /// How many bytes the text of its filter has.
    pub fn filter_bytes(&self) -> usize {
        self.condition.bytes()
    }

    /// The question that is meant; the addresses are the end `usual` where nothing is said of that.
    ///
    /// # Errors
    ///
    /// [`Refused`] for a filter that is none, and for times that are none.
    pub fn question(
        &self,
        around: &Surroundings<'_>,
        usual: Direction,
    ) -> Result<Question, Refused> {
        Ok(Question {
            addresses: self.addresses,
            direction: match self.direction {
                Some(direction) => direction,
                None if self.addresses.is_some() => usual,
                None => Direction::Src,
            },
            time: self.window.range(around)?,
            alive: self.window.alive,
            access: if self.filter { Access::Filter } else { Access::Range },
            filter: self.filter(around)?,
            dedup: self.dedup.dedup,
            limit: self.limit,
        })
    }

    /// What else holds of the flows.
    fn filter(&self, around: &Surroundings<'_>) -> Result<Option<Predicate>, Refused> {
        let given = self.condition.predicate(around)?;
        let Some(nat) = self.nat.map(Predicate::Nat) else { return Ok(given) };
        Ok(Some(Predicate::and([nat].into_iter().chain(given))))
    }
}
