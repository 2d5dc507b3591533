//! `detect`: what stands out.

use std::sync::Arc;

use super::connections::ConnectionOptions;
use super::filter::Where;
use super::question::Dedup;
use super::window::Window;
use super::{Refused, Surroundings, moment, one_of, read, whole_number};
use crate::detect::{self, Found, Inside, Kind, Kinds, Parameters, ParseKindError, Search};
use crate::meaning::{Attribute, MeaningError, Table};
use crate::query::{Lookup, Question, parse_addresses};
use crate::row::{AddressField, AddressRange};
use crate::store::watchlist::WatchLists;
use crate::store::{Result, Snapshot, Store, StoreError};

/// What can be looked for, by name.
const KINDS: [&str; Kind::ALL.len() + 1] = {
    let mut names = ["all"; Kind::ALL.len() + 1];
    let mut place = 0;
    while place < Kind::ALL.len() {
        names[place] = Kind::ALL[place].name();
        place += 1;
    }
    names
};

/// What can be said of it.
#[derive(Debug, Clone, clap::Args)]
pub struct Detect {
    /// What is looked for: scan, beacon, long, spread, ddos, indicator for who deals with the store's
    /// watch lists, exfil, silent, new, or all
    #[arg(value_name = "KIND", required = true, num_args = 1..,
        value_parser = one_of::<Kinds>(KINDS))]
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
    /// Within an hour it is much to send so many octets to the outside; Slips has 500 MB
    /// [default: 500000000]
    #[arg(long, value_name = "OCTETS", value_parser = whole_number::<u64>)]
    exfil_octets: Option<u64>,
    /// And unusual from this robust z on, of which Iglewicz and Hoaglin (1993) have 3.5 [default: 3.5]
    #[arg(long, value_name = "Z", value_parser = positive)]
    exfil_z: Option<f64>,
    /// And so many times what comes back [default: 2]
    #[arg(long, value_name = "N", value_parser = positive)]
    exfil_ratio: Option<f64>,
    /// Peers, ports, countries and autonomous systems that a host inside did not use before this time are
    /// new [default: the last day of the flows]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    new_since: Option<String>,
    /// So many new peers are told at least [default: 10]
    #[arg(long, value_name = "N", value_parser = whole_number::<usize>)]
    new_peers: Option<usize>,
    /// And of anything new more than so many times what the host meets on any other day [default: 3]
    #[arg(long, value_name = "N", value_parser = whole_number::<u64>)]
    new_times: Option<u64>,
    /// A host or an exporter that stopped is silent for so many minutes at least [default: 60]
    #[arg(long, value_name = "MINUTES", value_parser = whole_number::<u64>)]
    silent_minutes: Option<u64>,
    /// And for so many times the longest of its gaps before [default: 4]
    #[arg(long, value_name = "N", value_parser = whole_number::<u64>)]
    silent_times: Option<u64>,
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| format!("{text:?} is no number from 0 to 1"))
}

fn positive(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0);
    number.ok_or_else(|| format!("{text:?} is no number from 0 on"))
}

impl Detect {
    /// A look for `kinds`, with commas between them, among what began since `since`.
    ///
    /// # Errors
    ///
    /// [`Refused`] for what is no kind.
    pub fn of(kinds: &str, since: &str) -> Result<Self, Refused> {
        let given = [("kinds", "all"), ("since", since)];
        let given = given.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let kinds = kinds.split(',').map(|kind| kind.trim().parse()).collect::<Result<_, _>>();
        let kinds =
            kinds.map_err(|error: ParseKindError| Refused::of("kinds", error.to_string()))?;
        Ok(Self { kinds, ..read(&given.into())? })
    }

    /// What is looked for.
    pub fn kinds(&self) -> Vec<Kind> {
        self.kinds.iter().flat_map(|kinds| kinds.0.clone()).collect()
    }

    /// The watch lists of `store`, where they are asked for; a store that keeps none has nothing listed.
    ///
    /// # Errors
    ///
    /// As [`Store::watch_lists`].
    pub fn watch_lists<'a>(
        &self,
        store: &'a dyn Store,
    ) -> Result<Option<Box<dyn WatchLists + 'a>>> {
        if !self.kinds().contains(&Kind::Indicator) {
            return Ok(None);
        }
        match store.watch_lists() {
            Err(StoreError::Refused { .. }) => Ok(None),
            lists => lists.map(Some),
        }
    }

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
            exfil_octets: deciding.exfil_octets.unwrap_or(usual.exfil_octets).max(1),
            exfil_z: deciding.exfil_z.unwrap_or(usual.exfil_z),
            exfil_ratio: deciding.exfil_ratio.unwrap_or(usual.exfil_ratio),
            new_since: deciding
                .new_since
                .as_deref()
                .map(|text| moment("new-since", text, around))
                .transpose()?,
            new_peers: deciding.new_peers.unwrap_or(usual.new_peers),
            new_times: deciding.new_times.unwrap_or(usual.new_times),
            countries: self.said(Attribute::Country, around)?,
            systems: self.said(Attribute::Asn, around)?,
            silent_minutes: deciding.silent_minutes.unwrap_or(usual.silent_minutes),
            silent_times: deciding.silent_times.unwrap_or(usual.silent_times),
            ..usual
        })
    }

    /// What addresses are called by `attribute`, where that is wanted and known.
    fn said(
        &self,
        attribute: Attribute,
        around: &Surroundings<'_>,
    ) -> Result<Option<Arc<Table>>, Refused> {
        if !self.kinds().contains(&Kind::New) {
            return Ok(None);
        }
        match around.files.meaning().and_then(|meaning| meaning.table(attribute)) {
            Err(MeaningError::Unknown(_) | MeaningError::Lacking(_)) => Ok(None),
            table => table.map(Some).map_err(Refused::from),
        }
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
        (parameters, lists): (&Parameters, Option<&dyn WatchLists>),
        around: &Surroundings<'_>,
    ) -> Result<Found> {
        let kinds = self.kinds();
        let joining = kinds
            .iter()
            .any(|kind| kind.joins())
            .then(|| self.connecting.joining(snapshot, question, around));
        let joining = joining.transpose()?;
        let joining = joining.as_ref();
        detect::detect(
            snapshot,
            question,
            lookup,
            Search { kinds: &kinds, parameters, joining, lists },
        )
    }
}
