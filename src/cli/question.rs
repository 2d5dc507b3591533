//! Which flows a command is about: the options that `query` and `export` share, and those of the
//! commands that sum up.

use super::asking::{Asking, AskingOptions};
use super::filter::Where;
use super::settings::{Settings, one_of, whole_number};
use super::time;
use crate::query::{Direction, Question, parse_addresses, parse_nat_end};
use crate::row::{AddressRange, NatEnd, Predicate};
use crate::store::Access;

/// The options.
#[derive(Debug, clap::Args)]
pub(super) struct QuestionOptions {
    /// Whose flows: an address, or a block in CIDR notation
    #[arg(value_name = "ADDR|CIDR", value_parser = parse_addresses)]
    addresses: Option<AddressRange>,
    #[command(flatten)]
    condition: Where,
    /// Only flows, and events of NATs, by which this public address was used, or this port of it,
    /// also as one of a block of ports: 203.0.113.7:40123, 203.0.113.0/24; IPv6 stands in brackets
    /// before a port
    #[arg(long, value_name = "ADDR[:PORT]", value_parser = parse_nat_end)]
    pub(super) nat: Option<NatEnd>,
    /// Find them by a filter inside the store over all flows, in place of the row key's range: the
    /// answer is the same
    #[arg(long)]
    filter: bool,
    /// Which end of a flow the addresses are [default: src; of conversations, any]
    #[arg(long, value_name = "END", requires = "addresses",
        value_parser = one_of::<Direction>(Direction::ALL.map(Direction::name)))]
    direction: Option<Direction>,
    #[command(flatten)]
    window: time::Window,
    /// At most so many, the first in key order
    #[arg(long, value_name = "N", value_parser = whole_number::<u64>,
        allow_negative_numbers = true)]
    pub(super) limit: Option<u64>,
}

/// Which of all flows a summary is of.
#[derive(Debug, clap::Args)]
pub(super) struct SummaryOptions {
    #[command(flatten)]
    condition: Where,
    #[command(flatten)]
    window: time::Window,
    #[command(flatten)]
    asking: AskingOptions,
}

impl SummaryOptions {
    /// Asks for what is meant of the flows of `addresses`, or of everybody's.
    ///
    /// # Errors
    ///
    /// As [`QuestionOptions::question`] and [`AskingOptions::ask`].
    pub(super) fn ask(
        &self,
        addresses: Option<AddressRange>,
        settings: &Settings,
    ) -> anyhow::Result<Asking> {
        let question = Question {
            addresses,
            time: self.window.range(&settings.tz.value)?,
            alive: self.window.alive,
            filter: self.condition.predicate(settings)?,
            ..Question::everything()
        };
        self.asking.ask(question, settings, true)
    }
}

impl QuestionOptions {
    /// Whether nothing is said of the flows but when they began, and how many are wanted.
    pub(super) fn is_everything(&self) -> bool {
        self.addresses.is_none() && self.nat.is_none() && !self.condition.is_given()
    }

    /// The question that is meant; the addresses are the end `usual` where nothing is said of that.
    ///
    /// # Errors
    ///
    /// [`Usage`](super::failure::Usage) for a filter that is none, and for times that are none.
    pub(super) fn question(
        &self,
        settings: &Settings,
        usual: Direction,
    ) -> anyhow::Result<Question> {
        Ok(Question {
            addresses: self.addresses,
            direction: match self.direction {
                Some(direction) => direction,
                None if self.addresses.is_some() => usual,
                None => Direction::Src,
            },
            time: self.window.range(&settings.tz.value)?,
            alive: self.window.alive,
            access: if self.filter { Access::Filter } else { Access::Range },
            filter: self.filter(settings)?,
            limit: self.limit,
        })
    }

    /// What else holds of the flows.
    fn filter(&self, settings: &Settings) -> anyhow::Result<Option<Predicate>> {
        let given = self.condition.predicate(settings)?;
        let Some(nat) = self.nat.map(Predicate::Nat) else { return Ok(given) };
        Ok(Some(Predicate::and([nat].into_iter().chain(given))))
    }
}
