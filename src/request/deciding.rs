//! What decides in `detect`: options, and settings of the same names.

use super::whole_number;

/// What can be said of it.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "What decides")]
pub struct Deciding {
    /// A scan of many hosts tries so many at least that do not answer; rwscan has 32 [default: 32]
    #[arg(long, value_name = "N", value_parser = whole_number::<usize>)]
    pub(super) scan_hosts: Option<usize>,
    /// A scan of one host tries so many of its ports at least [default: 100]
    #[arg(long, value_name = "N", value_parser = whole_number::<usize>)]
    pub(super) scan_ports: Option<usize>,
    /// Dark are addresses inside that sent nothing in so many days before what is looked at, nor in it:
    /// who tries these looks for others, also where answers are not seen [default: 30]
    #[arg(long, value_name = "DAYS", value_parser = whole_number::<u64>)]
    pub(super) dark_days: Option<u64>,
    /// The scores of a beacon come to so much at least, from 0 to 1; RITA calls 0.5 its base, 0.7 low and
    /// 0.9 medium [default: 0.8]
    #[arg(long, value_name = "SCORE", value_parser = share)]
    pub(super) beacon_score: Option<f64>,
    /// A beacon has so many contacts at least; RITA has 4 [default: 12]
    #[arg(long, value_name = "N", value_parser = whole_number::<usize>)]
    pub(super) beacon_contacts: Option<usize>,
    /// What more hosts inside call evenly, or five times as many at all, is updates or telemetry, and no
    /// beacon [default: 10]
    #[arg(long, value_name = "N", value_parser = whole_number::<u64>)]
    pub(super) beacon_hosts: Option<u64>,
    /// A long connection lasts for so many hours; RITA has 1 as base, 4 low, 8 medium, 12 high
    /// [default: 4]
    #[arg(long, value_name = "HOURS", value_parser = whole_number::<u64>)]
    pub(super) long_hours: Option<u64>,
    /// A host that spreads logs in to so many others within an hour [default: 20]
    #[arg(long, value_name = "N", value_parser = whole_number::<usize>)]
    pub(super) spread_hosts: Option<usize>,
    /// A flood has so many packets a second over a minute; FastNetMon has 20,000 [default: 2000]
    #[arg(long, value_name = "N", value_parser = whole_number::<u64>)]
    pub(super) flood_packets: Option<u64>,
    /// And so many times what the host receives in its usual minutes [default: 10]
    #[arg(long, value_name = "N", value_parser = whole_number::<u64>)]
    pub(super) flood_times: Option<u64>,
    /// Within an hour it is much to send so many octets to the outside; Slips has 500 MB
    /// [default: 500000000]
    #[arg(long, value_name = "OCTETS", value_parser = whole_number::<u64>)]
    pub(super) exfil_octets: Option<u64>,
    /// And unusual from this robust z on, of which Iglewicz and Hoaglin (1993) have 3.5 [default: 3.5]
    #[arg(long, value_name = "Z", value_parser = positive)]
    pub(super) exfil_z: Option<f64>,
    /// And so many times what comes back [default: 2]
    #[arg(long, value_name = "N", value_parser = positive)]
    pub(super) exfil_ratio: Option<f64>,
    /// So many new peers are told at least [default: 10]
    #[arg(long, value_name = "N", value_parser = whole_number::<usize>)]
    pub(super) new_peers: Option<usize>,
    /// And of anything new more than so many times what the host meets on any other day [default: 3]
    #[arg(long, value_name = "N", value_parser = whole_number::<u64>)]
    pub(super) new_times: Option<u64>,
    /// A host or an exporter that stopped is silent for so many minutes at least [default: 60]
    #[arg(long, value_name = "MINUTES", value_parser = whole_number::<u64>)]
    pub(super) silent_minutes: Option<u64>,
    /// And for so many times the longest of its gaps before [default: 4]
    #[arg(long, value_name = "N", value_parser = whole_number::<u64>)]
    pub(super) silent_times: Option<u64>,
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| format!("{text:?} is no number from 0 to 1"))
}

fn positive(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0);
    number.ok_or_else(|| format!("{text:?} is no number from 0 on"))
}

impl Deciding {
    /// What is said here, else what is `set`.
    pub(super) fn or(&self, set: &Self) -> Self {
        Self {
            scan_hosts: self.scan_hosts.or(set.scan_hosts),
            scan_ports: self.scan_ports.or(set.scan_ports),
            dark_days: self.dark_days.or(set.dark_days),
            beacon_score: self.beacon_score.or(set.beacon_score),
            beacon_contacts: self.beacon_contacts.or(set.beacon_contacts),
            beacon_hosts: self.beacon_hosts.or(set.beacon_hosts),
            long_hours: self.long_hours.or(set.long_hours),
            spread_hosts: self.spread_hosts.or(set.spread_hosts),
            flood_packets: self.flood_packets.or(set.flood_packets),
            flood_times: self.flood_times.or(set.flood_times),
            exfil_octets: self.exfil_octets.or(set.exfil_octets),
            exfil_z: self.exfil_z.or(set.exfil_z),
            exfil_ratio: self.exfil_ratio.or(set.exfil_ratio),
            new_peers: self.new_peers.or(set.new_peers),
            new_times: self.new_times.or(set.new_times),
            silent_minutes: self.silent_minutes.or(set.silent_minutes),
            silent_times: self.silent_times.or(set.silent_times),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::read;

    #[test]
    fn what_is_said_weighs_more_than_what_is_set() {
        let of = |pairs: &[(&str, &str)]| {
            let given = pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned()));
            read::<Deciding>(&given.collect()).unwrap()
        };
        let said = of(&[("scan-hosts", "5")]);
        let both = said.or(&of(&[("scan-hosts", "64"), ("exfil-z", "2.5")]));
        assert_eq!((both.scan_hosts, both.exfil_z, both.long_hours), (Some(5), Some(2.5), None));
    }
}
