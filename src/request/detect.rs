//! `detect`: what stands out.

use std::sync::Arc;

use super::connections::ConnectionOptions;
use super::deciding::Deciding;
use super::filter::Where;
use super::question::Dedup;
use super::window::Window;
use super::{Refused, Surroundings, moment, one_of, read};
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
    /// What is looked for, several with commas between them: scan, beacon, long, spread, ddos,
    /// indicator for who deals with the store's watch lists, exfil, silent, new, or all
    #[arg(value_name = "KIND", required = true, num_args = 1.., value_delimiter = ',',
        value_parser = one_of::<Kinds>(KINDS))]
    kinds: Vec<Kinds>,
    #[command(flatten)]
    condition: Where,
    #[command(flatten)]
    window: Window,
    #[command(flatten)]
    dedup: Dedup,
    /// Hosts that are one's own: blocks, with commas between several, or each by itself [default:
    /// networks whose role is internal, else private addresses]
    #[arg(long, value_name = "ADDR|CIDR", value_delimiter = ',', value_parser = parse_addresses)]
    inside: Vec<AddressRange>,
    #[command(flatten)]
    connecting: ConnectionOptions,
    /// Peers, ports, countries and autonomous systems that a host inside did not use before this time are
    /// new [default: the last day of the flows]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    new_since: Option<String>,
    #[command(flatten)]
    deciding: Deciding,
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

    /// What decides; what is not said is as it is `set`, or as usual.
    ///
    /// # Errors
    ///
    /// [`Refused`] if a file that says which hosts are one's own cannot be read.
    pub fn parameters(
        &self,
        set: &Deciding,
        around: &Surroundings<'_>,
    ) -> Result<Parameters, Refused> {
        let usual = Parameters::default();
        let deciding = self.deciding.or(set);
        Ok(Parameters {
            now: around.now,
            inside: self.inside(around)?,
            scan_hosts: deciding.scan_hosts.unwrap_or(usual.scan_hosts).max(1),
            scan_ports: deciding.scan_ports.unwrap_or(usual.scan_ports).max(1),
            dark_days: deciding.dark_days.unwrap_or(usual.dark_days),
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
            new_since: self
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
        let joins = kinds.iter().any(|kind| kind.joins());
        if joins && !self.connecting.is_given() {
            // How records are joined is learnt from all flows; then each is read under both of its ends.
            around.limits.watch.first_of(3);
        }
        let joining = joins.then(|| self.connecting.joining(snapshot, question, around));
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
