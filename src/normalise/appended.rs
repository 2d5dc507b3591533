//! Where flows go, and what became of the records that they were.

use crate::flow::FlowBatch;

/// The batches that flows are appended to, by family.
#[derive(Debug)]
pub struct Batches<'a> {
    /// Takes the flows between IPv4 addresses.
    pub v4: &'a mut FlowBatch,
    /// Takes the flows between IPv6 addresses.
    pub v6: &'a mut FlowBatch,
}

/// What became of the records of one datagram, or of many.
///
/// `records = appended + cut + before_1970 + no_such_time + no_room_for_source + no_addresses +
/// two_families`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Appended {
    /// Records that the exporter sent.
    pub records: u64,
    /// Records that are flows of the batch now.
    pub appended: u64,
    /// Flows beyond these, of what came back by records that tell both directions.
    pub reverse: u64,
    /// Records among [`Self::appended`] of which nobody said so far how their packets were sampled.
    pub before_rate: u64,
    /// Rejected: records that are not whole in the payload.
    pub cut: u64,
    /// Rejected: flows that would have begun before 1970.
    pub before_1970: u64,
    /// Rejected: flows that would have begun after [`UnixMillis::LAST`](crate::UnixMillis::LAST).
    pub no_such_time: u64,
    /// Rejected: flows of one source more than is told apart.
    pub no_room_for_source: u64,
    /// Rejected: records that say no address, such as those of events or of layer 2.
    pub no_addresses: u64,
    /// Rejected: records with a source of IPv4 and a destination of IPv6, or the other way round.
    pub two_families: u64,
    /// Flows among [`Self::appended`] whose last packet was stamped before their first: they are
    /// given no duration.
    pub clamped: u64,
    /// Flows among [`Self::appended`] of which a time lay more than [`MAX_BELIEVED_LEAD_MS`] after
    /// the export: the flow's other times stand for it, else the export's.
    ///
    /// [`MAX_BELIEVED_LEAD_MS`]: super::MAX_BELIEVED_LEAD_MS
    pub not_believed: u64,
    /// Flows among [`Self::appended`] that lasted longer than 32 bits of milliseconds hold, which is
    /// 49.7 days: they end when they ended, and begin so long before that. The start that was told
    /// is kept as `flowStartMilliseconds`.
    pub shortened: u64,
}

impl Appended {
    /// Adds what became of other records.
    pub(crate) fn add(&mut self, other: &Self) {
        self.records += other.records;
        self.appended += other.appended;
        self.reverse += other.reverse;
        self.before_rate += other.before_rate;
        self.cut += other.cut;
        self.before_1970 += other.before_1970;
        self.no_such_time += other.no_such_time;
        self.no_room_for_source += other.no_room_for_source;
        self.no_addresses += other.no_addresses;
        self.two_families += other.two_families;
        self.clamped += other.clamped;
        self.not_believed += other.not_believed;
        self.shortened += other.shortened;
    }

    /// The rejected records by reason; labels never change once released.
    pub fn rejected(&self) -> impl Iterator<Item = (&'static str, u64)> {
        [
            ("cut", self.cut),
            ("before 1970", self.before_1970),
            ("no such time", self.no_such_time),
            ("too many sources", self.no_room_for_source),
            ("no addresses", self.no_addresses),
            ("two families", self.two_families),
        ]
        .into_iter()
        .filter(|&(_, records)| records > 0)
    }
}
