//! What lies where in a payload: for who puts another one in its place.

use std::ops::Range;

use super::super::cursor::Cursor;
use super::super::sets::{FIRST_TEMPLATE_ID, SET_HEADER_BYTES, end_of, next_record};
use super::super::template::Template;
use super::super::{Records, fixed, ipfix, v1, v5, v7, v9};
use super::Decoder;
use crate::capture::Datagram;
use crate::flow::ElementId;

/// Some bytes of a payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// Where they lie.
    pub bytes: Range<usize>,
    /// What they are.
    pub what: What,
}

/// What bytes of a payload are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// What others stand in: headers, templates, lengths.
    Frame,
    /// A value. That of a format without templates is the one of IPFIX that says the same.
    Value(ElementId),
}

/// Fields of a record of v5, v1 and v7 that are addresses, and numbers of AS: where they stand, how long
/// they are, and their element.
type Fixed = [(usize, usize, u16)];
const ENDS: [(usize, usize, u16); 3] = [(0, 4, 8), (4, 4, 12), (8, 4, 15)];
const ENDS_AND_AS: [(usize, usize, u16); 5] = [ENDS[0], ENDS[1], ENDS[2], (40, 2, 16), (42, 2, 17)];
/// And v7's, with the router that the switch went by, which is an exporter's address.
const OF_V7: [(usize, usize, u16); 6] =
    [ENDS[0], ENDS[1], ENDS[2], ENDS_AND_AS[3], ENDS_AND_AS[4], (48, 4, 130)];

impl Decoder {
    /// What lies where in `datagram`, which was decoded just now, in order. Nothing is said of bytes of
    /// which it is not known what they are. None where the template of a data set is not known, and of
    /// sFlow, in which bytes of packets lie.
    pub fn anatomy(&self, datagram: &Datagram<'_>) -> Option<Vec<Stretch>> {
        let payload = datagram.payload;
        let mut all = Anatomy::default();
        match payload.first_chunk() {
            Some([0, 0]) => return None,
            Some([0, 9]) => {
                all.frame(0..v9::HEADER_BYTES);
                self.sets(payload, v9::HEADER_BYTES..payload.len(), &mut all)?;
            }
            Some([0, 10]) => self.messages(datagram, &mut all)?,
            _ => records(datagram, &mut all),
        }
        Some(all.stretches)
    }

    /// The IPFIX messages of a datagram.
    fn messages(&self, datagram: &Datagram<'_>, all: &mut Anatomy) -> Option<()> {
        let (payload, mut at) = (datagram.payload, 0);
        while let Some(rest @ [0, 10, ..]) = payload.get(at..) {
            let declared_bytes = datagram.declared_bytes.saturating_sub(at).max(rest.len());
            let Ok(header) = ipfix::header(rest, declared_bytes) else { break };
            let end = payload.len().min(at + usize::from(header.length));
            all.frame(at..at + ipfix::HEADER_BYTES);
            self.sets(payload, at + ipfix::HEADER_BYTES..end, all)?;
            at = end;
        }
        Some(())
    }

    fn sets(&self, payload: &[u8], place: Range<usize>, all: &mut Anatomy) -> Option<()> {
        let mut at = place.start;
        while let Some(&[a, b, c, d]) = payload.get(at..place.end).and_then(<[u8]>::first_chunk) {
            let id = u16::from_be_bytes([a, b]);
            let bytes = usize::from(u16::from_be_bytes([c, d]));
            if bytes < SET_HEADER_BYTES {
                break;
            }
            let content = at + SET_HEADER_BYTES..place.end.min(at + bytes);
            all.frame(at..content.start);
            at = content.end;
            if id >= FIRST_TEMPLATE_ID {
                let (template, _) = self.sets.layouts.of_set(all.data_sets)?;
                all.data_sets += 1;
                all.data(&template, payload, content);
            } else if id < 4 {
                all.frame(content);
            }
        }
        Some(())
    }
}

/// The records of the formats without templates.
fn records(datagram: &Datagram<'_>, all: &mut Anatomy) {
    let Ok((first, more)) = fixed::packets(datagram.payload, datagram.declared_bytes) else {
        return;
    };
    let mut at = 0;
    for packet in std::iter::once(first).chain(more) {
        let (header, bytes, fields): (_, _, &Fixed) = match packet.records {
            // What it has behind its flags is not used.
            Records::V1(_) => (v1::HEADER_BYTES, v1::RECORD_BYTES, &ENDS),
            Records::V5(_) => (v5::HEADER_BYTES, v5::RECORD_BYTES, &ENDS_AND_AS),
            Records::V7(_) => (v7::HEADER_BYTES, v7::RECORD_BYTES, &OF_V7),
            Records::Data(..) => return,
        };
        all.frame(at..at + header);
        at += header;
        for _ in 0..packet.len() {
            let mut behind = at;
            for &(start, length, number) in fields {
                all.frame(behind..at + start);
                behind = at + start + length;
                all.value(at + start..behind, ElementId::iana(number));
            }
            at += bytes;
            all.frame(behind..at);
        }
    }
}

#[derive(Default)]
struct Anatomy {
    stretches: Vec<Stretch>,
    /// How many data sets there were so far.
    data_sets: usize,
}

impl Anatomy {
    fn frame(&mut self, bytes: Range<usize>) {
        if !bytes.is_empty() {
            self.stretches.push(Stretch { bytes, what: What::Frame });
        }
    }

    fn value(&mut self, bytes: Range<usize>, id: ElementId) {
        if !bytes.is_empty() {
            self.stretches.push(Stretch { bytes, what: What::Value(id) });
        }
    }

    /// The records of a data set.
    fn data(&mut self, template: &Template, payload: &[u8], content: Range<usize>) {
        let start = content.start;
        let mut at = Cursor::new(payload.get(content).unwrap_or_default());
        let (end, mut spans) = (end_of(at), Vec::new());
        loop {
            let mut behind = start + at.offset();
            let record = behind;
            if next_record(template, &mut at, end, &mut spans).is_none() {
                return;
            }
            let spans = template.fixed.as_ref().unwrap_or(&spans);
            for (field, span) in template.fields.iter().zip(spans) {
                let bytes = record + usize::from(span.start);
                let bytes = bytes..bytes + usize::from(span.length);
                // The length of a field whose record says it.
                self.frame(behind..bytes.start);
                behind = bytes.end;
                self.value(bytes, field.id());
            }
        }
    }
}
