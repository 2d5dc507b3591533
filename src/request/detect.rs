//! `detect`: what stands out.

use super::connections::ConnectionOptions;
use super::filter::Where;
use super::question::Dedup;
use super::window::Window;
use super::{Refused, Surroundings, one_of, whole_number};
use crate::detect::{self, Found, Inside, Kind, Kinds, Parameters};
use crate::meaning::{Attribute, MeaningError};
use crate::query::{Lookup, Question, parse_addresses};
use crate::row::{AddressField, AddressRange};
use crate::store::{Result, Snapshot};

/// What can be said of it.
#[derive(Debug, Clone, clap::Args)]
pub struct Detect {
    /// What is looked for: scan, beacon, long, spread, ddos, or all
    #[arg(value_name = "KIND", required = true, num_args = 1..,
        value_parser = one_of::<Kinds>(["scan", "beacon", "long", "spread", "ddos", "all"]))]
    kinds: Vec<Kinds>,
    #[command(flatten)]
    condition: Where,
    #[command(flatten)]
    window: Window,
    #[command(flatten)]
    dedup: Dedup,
    /// Hosts that are one's own, a block; several times for several [default: networks whose role is
    /// internal, else private addresses]
    #[arg(long, value_name = "ADDR|CIDR", value_parser = parse_addresses)]
    inside: Vec<AddressRange>,
    #[command(flatten)]
    connecting: ConnectionOptions,
    #[command(flatten)]
    deciding: Deciding,
}

/// What decides.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "What decides")]
struct Deciding {
    /// A scan of many hosts tries so many at least that do not answer; rwscan has 32 [default: 32]
    #[arg(long, value_name = "N", value_parser = whole_number::<usize>)]
    scan_hosts: Option<usize>,
    /// A scan of one host tries so many of its ports at least [default: 100]
    #[arg(long, value_name = "N", value_parser = whole_number::<usize>)]
    scan_ports: Option<usize>,
    /// The scores of a beacon come to so much at least, from 0 to 1; RITA calls 0.5 its base, 0.7 low and
    /// 0.9 medium [default: 0.8]
    #[arg(long, value_name = "SCORE", value_parser = share)]
    beacon_score: Option<f64>,
    /// A beacon has so many contacts at least; RITA has 4 [default: 12]
    #[arg(long, value_name = "N", value_parser = whole_number::<usize>)]
    beacon_contacts: Option<usize>,
    /// What more hosts inside call is updates or telemetry, and no beacon [default: 10]
    #[arg(long, value_name = "N", value_parser = whole_number::<u64>)]
    beacon_hosts: Option<u64>,
    /// A long connection lasts for so many hours; RITA has 1 as base, 4 low, 8 medium, 12 high
    /// [default: 4]
    #[arg(long, value_name = "HOURS", value_parser = whole_number::<u64>)]
    long_hours: Option<u64>,
    /// A host that spreads logs in to so many others within an hour [default: 20]
    #[arg(long, value_name = "N", value_parser = whole_number::<usize>)]
    spread_hosts: Option<usize>,
    /// A flood has so many packets a second over a minute; FastNetMon has 20,000 [default: 2000]
    #[arg(long, value_name = "N", value_parser = whole_number::<u64>)]
    flood_packets: Option<u64>,
    /// And so many times what the host receives in its usual minutes [default: 10]
    #[arg(long, value_name = "N", value_parser = whole_number::<u64>)]
    flood_times: Option<u64>,
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| format!("{text:?} is no number from 0 to 1"))
}

impl Detect {
    /// Which flows are looked at.
    ///
    /// # Errors
    ///
    /// As [`QuestionOptions::question`](super::QuestionOptions::question).
    pub fn question(&self, around: &Surroundings<'_>) -> Result<Question, Refused> {
        Ok(Question {
            time: self.window.range(around)?,
            alive: self.window.alive,
            filter: self.condition.predicate(around)?,
            dedup: self.dedup.dedup,
            ..Question::everything()
        })
    }

    /// What decides.
    ///
    /// # Errors
    ///
    /// [`Refused`] if a file that says which hosts are one's own cannot be read.
    pub fn parameters(&self, around: &Surroundings<'_>) -> Result<Parameters, Refused> {
        let usual = Parameters::default();
        let deciding = &self.deciding;
        Ok(Parameters {
            inside: self.inside(around)?,
            scan_hosts: deciding.scan_hosts.unwrap_or(usual.scan_hosts).max(1),
            scan_ports: deciding.scan_ports.unwrap_or(usual.scan_ports).max(1),
            beacon_score: deciding.beacon_score.unwrap_or(usual.beacon_score),
            beacon_contacts: deciding.beacon_contacts.unwrap_or(usual.beacon_contacts).max(4),
            beacon_hosts: deciding.beacon_hosts.unwrap_or(usual.beacon_hosts),
            long_hours: deciding.long_hours.unwrap_or(usual.long_hours),
            spread_hosts: deciding.spread_hosts.unwrap_or(usual.spread_hosts).max(2),
            flood_packets: deciding.flood_packets.unwrap_or(usual.flood_packets).max(1),
            flood_times: deciding.flood_times.unwrap_or(usual.flood_times),
            ..usual
        })
    }

    /// The hosts that are one's own.
    fn inside(&self, around: &Surroundings<'_>) -> Result<Inside, Refused> {
        if !self.inside.is_empty() {
            return Ok(Inside::of(self.inside.iter().copied()));
        }
        let meaning = around.files.meaning();
        let table = match meaning.and_then(|meaning| meaning.table(Attribute::Role)) {
            Err(MeaningError::Unknown(_) | MeaningError::Lacking(_)) => {
                return Ok(Inside::default());
            }
            table => table.map_err(|error| Refused::new(error.to_string()))?,
        };
        let internal = table.flows_of(&["internal".to_owned()], AddressField::Src);
        let ranges: Vec<AddressRange> =
            internal.ends().map(|ends| ends.src.ranges().collect()).unwrap_or_default();
        Ok(if ranges.is_empty() { Inside::default() } else { Inside::of(ranges) })
    }

    /// What is looked up for `question`.
    pub fn lookup(&self, question: &Question) -> Lookup {
        detect::plan(question)
    }

    /// What stands out in what `lookup` finds.
    ///
    /// # Errors
    ///
    /// What the store meets.
    pub fn answer(
        &self,
        snapshot: &dyn Snapshot,
        (question, lookup): (&Question, &Lookup),
        parameters: &Parameters,
        around: &Surroundings<'_>,
    ) -> Result<Found> {
        let kinds: Vec<Kind> = self.kinds.iter().flat_map(|kinds| kinds.0.clone()).collect();
        let joining = self.connecting.joining(snapshot, question, around)?;
        detect::detect(snapshot, question, lookup, (&kinds, parameters), &joining)
    }
}
