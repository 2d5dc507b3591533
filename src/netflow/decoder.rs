//! The decoder of all formats, with what it must remember from one datagram to the next.

mod anatomy;
mod told;

pub use anatomy::{Stretch, What};

use std::ops::Range;

use super::cursor::Cursor;
use super::scope::Scope;
use super::sets::{Found, Message, Reading, Sets};
use super::template::Format;
use super::waiting::{Held, Waiting};
use super::{DecodeError, ExportPacket, Fault, Records, fixed, ipfix, sflow, unread, v9};
use crate::capture::Datagram;
use crate::flow::{Names, Sequence, Unit, UnixMillis, low_u32, saturated_u16, saturated_u32};

/// Decodes datagrams of every format, one after the other.
///
/// It keeps the templates and options that exporters send. A datagram of which something lacks its
/// template is held back; once all its templates are known, [`Self::next_ready`] gives it out to be
/// decoded then, also those that give way for want of room, and at the end, after
/// [`Self::give_up`], all that are left. A datagram is read by the templates that held when it
/// came, or that came first after it.
///
/// ```
/// use earlgrey_hbase::capture::Datagram;
/// use earlgrey_hbase::flow::UnixMillis;
/// use earlgrey_hbase::netflow::{Decoder, Outcome, v5};
///
/// let header = v5::Header { count: 1, unix_secs: 1_186_040_527, ..v5::Header::default() };
/// let mut payload = Vec::new();
/// v5::encode(&header, &[v5::Record::default()], &mut payload);
/// let datagram = Datagram {
///     exporter: [192, 0, 2, 1].into(),
///     src_port: 40_000,
///     received: UnixMillis(1_186_040_527_000),
///     payload: &payload,
///     declared_bytes: payload.len(),
/// };
/// let mut decoder = Decoder::new();
/// let Outcome::Decoded(decoded) = decoder.decode(&datagram, 0)? else { panic!("it waits") };
/// assert_eq!(decoded.packets().map(|packet| packet.len()).sum::<usize>(), 1);
/// # Ok::<(), earlgrey_hbase::netflow::DecodeError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Decoder {
    sets: Sets,
    waiting: Waiting,
    drafts: Vec<Draft>,
    /// Whether the datagram before came just then, and none of its records was read.
    unread: bool,
}

/// How a datagram came here.
#[derive(Debug, Clone, Copy)]
enum Way<'a> {
    /// Just now; it is held under this mark if something of it lacks its template.
    New(usize),
    /// It was held.
    Held(&'a Held),
}

/// What became of a datagram.
#[derive(Debug)]
pub enum Outcome<'a> {
    /// It is decoded, in part at least.
    Decoded(Decoded<'a>),
    /// It waits for a template, or has waited in vain to the end.
    /// [`Decoder::unread`] tells what it is all the same.
    Waits,
    /// There was no room for it to wait, or to wait on, and nothing of it can be read without its
    /// template. [`Decoder::unread`] tells what it is.
    GivenUp,
}

/// The export packets of one datagram: one, mostly.
#[derive(Debug)]
pub struct Decoded<'a> {
    /// What its identity counts as its export time, in seconds.
    pub identity_secs: u32,
    first: ExportPacket<'a>,
    more: Vec<ExportPacket<'a>>,
}

impl<'a> Decoded<'a> {
    /// The packets, in the order in which they lie in the datagram.
    pub fn packets(&self) -> impl Iterator<Item = &ExportPacket<'a>> {
        std::iter::once(&self.first).chain(&self.more)
    }

    /// The records of all packets, and those among them that are not whole.
    pub fn records(&self) -> u64 {
        self.packets().map(|packet| packet.len() as u64 + u64::from(packet.missing)).sum()
    }
}

/// An export packet whose records lie in [`Sets`].
#[derive(Debug, Clone)]
struct Draft {
    exported_secs: u32,
    uptime_ms: Option<u32>,
    scope: Scope,
    port: u16,
    sequence: Sequence,
    records: Range<usize>,
    missing: u32,
    fault: Option<Fault>,
}

impl Decoder {
    /// A decoder that knows no template.
    pub fn new() -> Self {
        Self::default()
    }

    /// The names that exporters told so far.
    pub fn names(&self) -> &Names {
        &self.sets.learned.names
    }

    /// Takes in names that were told elsewhere.
    pub fn name(&mut self, names: &Names) {
        self.sets.learned.names.merge(names);
    }

    /// How many templates the datagram that came last defines otherwise than other UDP ports of its
    /// exporter, in the same domain. Each of these is read by its own.
    pub fn conflicts(&self) -> u32 {
        self.sets.conflicts
    }

    /// Decodes `datagram`, or holds it back under `mark`.
    ///
    /// # Errors
    ///
    /// [`DecodeError::NotFlowExport`] if the content is no export format that is known here; the
    /// others if it is one, and nothing of it can be read.
    pub fn decode<'a>(
        &'a mut self,
        datagram: &Datagram<'a>,
        mark: usize,
    ) -> Result<Outcome<'a>, DecodeError> {
        self.read(datagram, Way::New(mark))
    }

    /// Decodes a datagram that [`Self::next_ready`] gave, as far as its templates are known.
    ///
    /// # Errors
    ///
    /// As [`Self::decode`].
    pub fn decode_held<'a>(&'a mut self, held: &'a Held) -> Result<Outcome<'a>, DecodeError> {
        self.read(&held.datagram(), Way::Held(held))
    }

    /// The packets of the datagram that came last, without records, if that waits now, or has no
    /// room to wait. They arrived
    /// although their records are not known: `FlowBuilder::observe` must see their sequence
    /// numbers, or they count as lost, too. One that counts records has none: how many there are is
    /// not known yet.
    pub fn unread(&self) -> impl Iterator<Item = ExportPacket<'_>> {
        let drafts = if self.unread { &self.drafts[..] } else { &[] };
        drafts.iter().map(|draft| {
            let packet = draft.packet(&self.sets);
            let is_partial = matches!(draft.fault, Some(Fault::NoTemplate { .. }));
            let says = |sequence: &Sequence| !is_partial || sequence.unit != Unit::Records;
            let sequence = packet.sequence.filter(says);
            ExportPacket { sequence, records: Records::Data(&[], &[]), missing: 0, ..packet }
        })
    }

    /// The next datagram that waited, and does not need to any more.
    pub fn next_ready(&mut self) -> Option<Held> {
        self.waiting.next_ready()
    }

    /// The datagrams that wait, the one that has waited longest first.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = Datagram<'_>> {
        self.waiting.iter().map(Held::datagram)
    }

    /// Gives all up that wait: [`Self::next_ready`] gives them out.
    pub fn give_up(&mut self) {
        self.waiting.give_up();
    }

    /// How many domains and templates are known.
    #[cfg(test)]
    pub(crate) fn templates_known(&self) -> (usize, usize) {
        self.sets.templates.known()
    }

    fn read<'a>(
        &'a mut self,
        datagram: &Datagram<'a>,
        way: Way<'_>,
    ) -> Result<Outcome<'a>, DecodeError> {
        let &Datagram { payload, declared_bytes, .. } = datagram;
        self.unread = false;
        self.sets.conflicts = 0;
        match payload.first_chunk() {
            Some([0, 9]) => self.read_sets(datagram, way, Format::V9),
            Some([0, 10]) => self.read_sets(datagram, way, Format::Ipfix),
            Some([0, 0]) => {
                self.sets.clear();
                let Sets { records, extras, .. } = &mut self.sets;
                let header = sflow::read(payload, datagram.received, records, extras);
                let header = header.map_err(|error| match error {
                    DecodeError::NotFlowExport => unread::or_none(payload, declared_bytes),
                    error => error,
                })?;
                let packet = header.packet(Records::Data(records, extras));
                let identity_secs = header.uptime_ms / 1000;
                Ok(Outcome::Decoded(Decoded { identity_secs, first: packet, more: Vec::new() }))
            }
            _ => {
                let (first, more) = fixed::packets(payload, declared_bytes)?;
                let identity_secs = first.exported_secs;
                Ok(Outcome::Decoded(Decoded { identity_secs, first, more }))
            }
        }
    }

    fn read_sets<'a>(
        &'a mut self,
        datagram: &Datagram<'a>,
        way: Way<'_>,
        format: Format,
    ) -> Result<Outcome<'a>, DecodeError> {
        self.sets.clear();
        self.drafts.clear();
        let mut reading = match way {
            Way::New(_) => {
                self.sets.templates.hear(datagram.received);
                Reading::default()
            }
            Way::Held(held) => Reading::again(held.layouts()),
        };
        let (known_sets, without) = match format {
            Format::V9 => self.read_v9(datagram, &mut reading)?,
            Format::Ipfix => self.read_ipfix(datagram, &mut reading)?,
        };
        for (scope, id, template) in self.sets.defined.drain(..) {
            self.waiting.define(scope, id, &template);
        }
        if without > 0 {
            let layouts = &mut self.sets.layouts;
            let waits = match way {
                Way::New(mark) if !layouts.is_full() => {
                    self.waiting.hold(datagram, mark, std::mem::take(layouts))
                }
                Way::New(_) => false,
                Way::Held(held) => known_sets == 0 && !held.gave_way(),
            };
            if waits || known_sets == 0 {
                self.unread = matches!(way, Way::New(_));
                return Ok(if waits { Outcome::Waits } else { Outcome::GivenUp });
            }
        }
        let (sets, drafts) = (&self.sets, &self.drafts);
        let mut packets = drafts.iter().map(|draft| draft.packet(sets));
        let Some(first) = packets.next().filter(|_| known_sets > 0) else {
            return Err(DecodeError::Empty { what: "set", offset: v9::HEADER_BYTES });
        };
        let identity_secs = first.exported_secs;
        Ok(Outcome::Decoded(Decoded { identity_secs, first, more: packets.collect() }))
    }

    /// Reads a v9 packet; gives how many sets were understood, and how many have no template.
    fn read_v9(
        &mut self,
        datagram: &Datagram<'_>,
        reading: &mut Reading<'_>,
    ) -> Result<(u32, u32), DecodeError> {
        let header = v9::header(datagram.payload)?;
        let scope =
            Scope { exporter: datagram.exporter, domain: header.source_id, format: Format::V9 };
        let message = Message {
            scope,
            port: datagram.src_port,
            received: datagram.received,
            exported: UnixMillis(u64::from(header.unix_secs) * 1000),
            declared_bytes: datagram.declared_bytes.max(datagram.payload.len()),
        };
        let before = self.sets.records.len();
        let mut at = Cursor::new(datagram.payload);
        let _ = at.take(v9::HEADER_BYTES);
        let found = self.sets.read(&message, at, reading);
        let sets = (found.known_sets, found.without);
        let records = before..self.sets.records.len();
        let sequence = Sequence {
            from: header.sequence,
            count: 1,
            unit: Unit::Packets,
            otherwise: (found.without == 0)
                .then(|| saturated_u32(records.len()) + found.options + found.missing),
        };
        let draft = Draft {
            exported_secs: header.unix_secs,
            uptime_ms: Some(header.uptime_ms),
            scope,
            port: datagram.src_port,
            sequence,
            records,
            missing: 0,
            fault: None,
        };
        self.drafts.push(draft.with(&found));
        Ok(sets)
    }

    /// Reads the IPFIX messages of a datagram; gives how many sets were understood, and how many
    /// have no template.
    fn read_ipfix(
        &mut self,
        datagram: &Datagram<'_>,
        reading: &mut Reading<'_>,
    ) -> Result<(u32, u32), DecodeError> {
        let mut rest = datagram.payload;
        let mut declared_bytes = datagram.declared_bytes.max(rest.len());
        let mut header = ipfix::header(rest, declared_bytes)?;
        let (mut known_sets, mut without) = (0, 0);
        loop {
            let length = usize::from(header.length);
            let (bytes, behind) = rest.split_at(length.min(rest.len()));
            let scope =
                Scope { exporter: datagram.exporter, domain: header.domain, format: Format::Ipfix };
            let message = Message {
                scope,
                port: datagram.src_port,
                received: datagram.received,
                exported: UnixMillis(u64::from(header.export_secs) * 1000),
                declared_bytes: length.min(declared_bytes),
            };
            let before = self.sets.records.len();
            let mut at = Cursor::new(bytes);
            let _ = at.take(ipfix::HEADER_BYTES);
            let mut found = self.sets.read(&message, at, reading);
            known_sets += found.known_sets;
            without += found.without;
            if length > declared_bytes {
                let fault = Fault::Length { what: "message", offset: 0, declared: length };
                found.fault = found.fault.or(Some(fault));
            } else if bytes.len() < length {
                found.fault = found.fault.or(Some(Fault::Unfinished { what: "message" }));
            }
            let records = before..self.sets.records.len();
            let count = saturated_u32(records.len()) + found.options + found.missing;
            let draft = Draft {
                exported_secs: header.export_secs,
                uptime_ms: None,
                scope,
                port: datagram.src_port,
                sequence: Sequence {
                    from: header.sequence,
                    count,
                    unit: Unit::Records,
                    otherwise: Some(1),
                },
                records,
                missing: 0,
                fault: None,
            };
            rest = behind;
            declared_bytes = declared_bytes.saturating_sub(length);
            let next = match rest.first_chunk() {
                Some([0, 10]) => ipfix::header(rest, declared_bytes).ok(),
                _ => None,
            };
            if next.is_none() && rest.iter().any(|&byte| byte != 0) {
                found.fault = found.fault.or(Some(Fault::Trailing { bytes: rest.len() }));
            }
            self.drafts.push(draft.with(&found));
            match next {
                Some(next) => header = next,
                None => return Ok((known_sets, without)),
            }
        }
    }
}

impl Draft {
    /// This packet with what was found in it.
    fn with(mut self, found: &Found) -> Self {
        self.missing = found.missing;
        let sets = found.without;
        let without = (sets > 0).then_some(Fault::NoTemplate { sets });
        self.fault = without.or(found.fault);
        self
    }

    fn packet<'a>(&self, sets: &'a Sets) -> ExportPacket<'a> {
        let options = sets.templates.options(self.scope);
        let started = options.and_then(|options| options.started(self.port));
        let uptime_ms = self.uptime_ms.or_else(|| {
            let exported_ms = u64::from(self.exported_secs) * 1000;
            started.map(|started| low_u32(exported_ms.wrapping_sub(started.0)))
        });
        let records = sets.records.get(self.records.clone()).unwrap_or_default();
        ExportPacket {
            exporter: None,
            exported_secs: self.exported_secs,
            exported_nanos: 0,
            uptime_ms,
            engine: self.scope.domain,
            sampling: options.and_then(|options| options.sampling(self.port)).unwrap_or_default(),
            rate_unknown: !sets.templates.knows_rate(self.scope.exporter, self.scope.domain),
            sequence: Some(self.sequence),
            records: Records::Data(records, &sets.extras),
            first_index: saturated_u16(self.records.start),
            missing: self.missing,
            fault: self.fault,
        }
    }
}

#[cfg(test)]
mod tests;
