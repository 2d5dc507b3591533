//! The sets of a v9 packet or an IPFIX message: templates, options, and data that they describe.
//!
//! RFC 3954 §5, RFC 7011 §3.3 and §3.4. Sets are walked to the end of what there is: the count in
//! v9's header is unreliable.

use std::sync::Arc;

use super::Fault;
use super::cursor::Cursor;
use super::field::without_zeros_at_end;
use super::field::{Field, Span};
use super::layouts::Layouts;
use super::options::{self, Learned, Learning, Teller};
use super::record::DataRecord;
use super::scope::Scope;
use super::template::{Format, Template, fields};
use super::templates::Templates;
use crate::flow::{Column, UnixMillis, saturated_u32};

/// Bytes before the content of a set: its id and its length.
pub(super) const SET_HEADER_BYTES: usize = 4;
/// Ids from here on are those of templates, and of the data that they describe.
pub(super) const FIRST_TEMPLATE_ID: u16 = 256;

/// What is known of templates and options, and the records read last.
#[derive(Debug, Clone, Default)]
pub(super) struct Sets {
    pub(super) templates: Templates,
    pub(super) learned: Learned,
    /// The flow records of the datagram.
    pub(super) records: Vec<DataRecord>,
    /// What is beyond the records' common fields.
    pub(super) extras: Vec<u8>,
    /// The templates that it defines.
    pub(super) defined: Vec<(Scope, u16, Arc<Template>)>,
    /// How many templates it defines otherwise than other ports of its exporter.
    pub(super) conflicts: u32,
    /// The templates of its data.
    pub(super) layouts: Layouts,
    spans: Vec<Span>,
}

/// What the header says that the sets stand behind.
#[derive(Debug, Clone, Copy)]
pub(super) struct Message {
    pub(super) scope: Scope,
    /// The UDP port that it came from.
    pub(super) port: u16,
    pub(super) received: UnixMillis,
    pub(super) exported: UnixMillis,
    /// Bytes of the message by the datagram's own length: more than are there where the capture
    /// cut it.
    pub(super) declared_bytes: usize,
}

/// How a datagram is read.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Reading<'a> {
    /// The templates of its data, where it is read again. What it says itself was taken in when it
    /// came, and may be out of date now: nothing is learned of it then.
    pub(super) again: Option<&'a Layouts>,
    /// How many data sets of it were read.
    sets: usize,
}

impl<'a> Reading<'a> {
    /// Read again.
    pub(super) fn again(layouts: &'a Layouts) -> Self {
        Self { again: Some(layouts), sets: 0 }
    }
}

/// What was found in the sets, beside the flow records.
#[derive(Debug, Clone, Default)]
pub(super) struct Found {
    /// Options records, whole or not.
    pub(super) options: u32,
    /// Flow records that are not whole.
    pub(super) missing: u32,
    /// Sets that were understood.
    pub(super) known_sets: u32,
    /// Data sets without a template that is known.
    pub(super) without: u32,
    pub(super) fault: Option<Fault>,
}

impl Found {
    fn fault(&mut self, fault: Fault) {
        self.fault.get_or_insert(fault);
    }
}

/// One set.
struct Set<'a> {
    id: u16,
    content: Cursor<'a>,
    /// Bytes of the content that the exporter sent, as far as that is credible.
    sent: usize,
    whole: bool,
}

impl Sets {
    /// Forgets the datagram before.
    pub(super) fn clear(&mut self) {
        self.records.clear();
        self.extras.clear();
        self.defined.clear();
        self.layouts.clear();
    }

    /// Reads every set behind `at`, and appends the flow records to [`Self::records`].
    pub(super) fn read(
        &mut self,
        message: &Message,
        mut at: Cursor<'_>,
        reading: &mut Reading<'_>,
    ) -> Found {
        let learns = reading.again.is_none();
        let mut found = Found::default();
        let (of_templates, of_options) = match message.scope.format {
            Format::V9 => (0, 1),
            Format::Ipfix => (2, 3),
        };
        let end = end_of(at);
        while let Some(set) = next_set(message, &mut at, end, &mut found) {
            if set.id >= FIRST_TEMPLATE_ID {
                self.read_data(message, &set, reading, &mut found);
            } else if set.id == of_templates {
                self.read_templates(message, set.content, learns, &mut found);
            } else if set.id == of_options {
                self.read_options_templates(message, set.content, learns, &mut found);
            }
        }
        found
    }

    fn read_templates(
        &mut self,
        message: &Message,
        mut at: Cursor<'_>,
        learns: bool,
        found: &mut Found,
    ) {
        found.known_sets += 1;
        let end = end_of(at);
        while let Some((id, count)) = self.next_template(message, &mut at, end, learns) {
            let Some(fields) = fields(&mut at, count.into(), message.scope.format) else {
                return found.fault(Fault::Template { id });
            };
            self.define(message, id, (fields, None), learns, found);
        }
    }

    /// The id of the next template, and the number behind it; what withdraws one on the way is
    /// obeyed.
    fn next_template(
        &mut self,
        message: &Message,
        at: &mut Cursor<'_>,
        end: usize,
        learns: bool,
    ) -> Option<(u16, u16)> {
        while at.rest().len() >= 4 && at.offset() < end {
            let (id, number) = (at.read_u16()?, at.read_u16()?);
            if number != 0 || message.scope.format != Format::Ipfix {
                return Some((id, number));
            }
            if learns {
                self.withdraw(message, id);
            }
        }
        None
    }

    fn read_options_templates(
        &mut self,
        message: &Message,
        mut at: Cursor<'_>,
        learns: bool,
        found: &mut Found,
    ) {
        found.known_sets += 1;
        let end = end_of(at);
        while let Some((id, first)) = self.next_template(message, &mut at, end, learns) {
            let format = message.scope.format;
            let Some(second) = at.read_u16() else { return };
            let (count, scopes) = match format {
                // Bytes of the scope's fields, and of the options' fields (RFC 3954 §6.1).
                Format::V9 => (usize::from(first / 4) + usize::from(second / 4), first / 4),
                // Fields in all, and those among them that are the scope (RFC 7011 §3.4.2.2).
                Format::Ipfix => (first.into(), second),
            };
            let Some(mut fields) = fields(&mut at, count, format) else {
                return found.fault(Fault::Template { id });
            };
            let scopes = usize::from(scopes).min(fields.len());
            if format == Format::V9 {
                for field in fields.iter_mut().take(scopes) {
                    field.number = element_of_scope(field.number);
                }
            }
            self.define(message, id, (fields, Some(scopes)), learns, found);
        }
    }

    fn define(
        &mut self,
        message: &Message,
        id: u16,
        (fields, scopes): (Vec<Field>, Option<usize>),
        learns: bool,
        found: &mut Found,
    ) {
        // v9 says nothing of variable lengths, but exporters that use IPFIX's way there exist, and
        // no field of 65,535 bytes fits into a datagram.
        let is_possible = id >= FIRST_TEMPLATE_ID;
        let is_usable = if !learns {
            is_possible && Template::can_have(&fields)
        } else if is_possible {
            let Message { scope, port, .. } = *message;
            let template = self.templates.put(scope, port, id, fields, scopes);
            if let Some((template, conflicts)) = &template {
                self.layouts.define(scope, id, template);
                self.defined.push((scope, id, Arc::clone(template)));
                self.conflicts += u32::from(*conflicts);
            }
            template.is_some()
        } else {
            self.templates.withdraw(message.scope, message.port, id);
            false
        };
        if !is_usable {
            found.fault(Fault::Template { id });
        }
    }

    /// Forgets a template, or all of a kind, where the id is that of the set (RFC 7011 §8.1).
    fn withdraw(&mut self, message: &Message, id: u16) {
        let Message { scope, port, .. } = *message;
        match id {
            2 => self.templates.withdraw_all(scope, port, false),
            3 => self.templates.withdraw_all(scope, port, true),
            id => self.templates.withdraw(scope, port, id),
        }
    }

    fn read_data(
        &mut self,
        message: &Message,
        set: &Set<'_>,
        reading: &mut Reading<'_>,
        found: &mut Found,
    ) {
        let known = if let Some(layouts) = reading.again {
            reading.sets += 1;
            layouts.of_set(reading.sets - 1)
        } else {
            let template = self.templates.get(message.scope, message.port, set.id);
            self.layouts.enter(message.scope, set.id, template.as_ref());
            template.map(|template| (template, false))
        };
        let Some((template, late)) = known else {
            found.without += 1;
            return;
        };
        found.known_sets += 1;
        let records = if template.scopes.is_some() {
            let learning = match reading.again {
                None => Learning::New,
                Some(_) if late => Learning::Late,
                Some(_) => Learning::Nothing,
            };
            let records = self.read_options(message, &template, set.content, learning);
            found.options += records;
            records
        } else {
            self.read_flows(message, &template, set.content)
        };
        if !set.whole && template.fixed.is_some() {
            let cut = saturated_u32(set.sent / template.min_bytes).saturating_sub(records);
            // Options are no flows; the exporter numbers them all the same.
            match template.scopes {
                Some(_) => found.options += cut,
                None => found.missing += cut,
            }
        }
    }

    fn read_options(
        &mut self,
        message: &Message,
        template: &Template,
        mut at: Cursor<'_>,
        learning: Learning,
    ) -> u32 {
        let mut records = 0;
        let Self { templates, learned, spans, .. } = self;
        let &Message { scope, port, received, .. } = message;
        let teller = Teller { scope, port, received, learning };
        let end = end_of(at);
        templates.with_options(scope, |options| {
            while let Some(record) = next_record(template, &mut at, end, spans) {
                let spans = template.fixed.as_ref().unwrap_or(spans);
                let said = options::read(template, spans, record);
                options::learn(said, &teller, options, learned);
                records += 1;
            }
        });
        records
    }

    fn read_flows(&mut self, message: &Message, template: &Template, mut at: Cursor<'_>) -> u32 {
        let before = self.records.len();
        let options = self.templates.options(message.scope);
        let end = end_of(at);
        while let Some(bytes) = next_record(template, &mut at, end, &mut self.spans) {
            let spans = template.fixed.as_ref().unwrap_or(&self.spans);
            let (mut record, aside) =
                template.plan.read(bytes, spans, message.exported, &mut self.extras);
            // An interval of zero says nothing.
            let own = aside.rate.sampling().filter(|sampling| sampling.interval > 0);
            let input = saturated_u32(record.numbers[Column::Input]);
            record.sampling = own.or_else(|| {
                options.and_then(|said| said.sampling_of(message.port, aside.sampler, input))
            });
            self.records.push(record);
        }
        saturated_u32(self.records.len() - before)
    }
}

/// The next set before `end`; what is wrong with it is told in `found`, and ends the walk where its length
/// does not say where the next one begins.
fn next_set<'a>(
    message: &Message,
    at: &mut Cursor<'a>,
    end: usize,
    found: &mut Found,
) -> Option<Set<'a>> {
    if at.rest().len() < SET_HEADER_BYTES || at.offset() >= end {
        return None;
    }
    let offset = at.offset();
    let (id, declared) = (at.read_u16()?, usize::from(at.read_u16()?));
    let Some(bytes) = declared.checked_sub(SET_HEADER_BYTES) else {
        found.fault(Fault::Length { what: "set", offset, declared });
        return None;
    };
    let sent = bytes.min(message.declared_bytes.saturating_sub(at.offset()));
    let content = at.take_up_to(bytes);
    let whole = content.len() == bytes;
    if !whole {
        found.fault(if sent < bytes {
            Fault::Length { what: "set", offset, declared }
        } else {
            Fault::Unfinished { what: "set" }
        });
    }
    Some(Set { id, content: Cursor::new(content), sent, whole })
}

/// The next record of a set's content, of which only zeros are left from `end` on. These are
/// padding, also where they are longer than a record; but a set has one record at least.
#[inline]
pub(super) fn next_record<'a>(
    template: &Template,
    at: &mut Cursor<'a>,
    end: usize,
    spans: &mut Vec<Span>,
) -> Option<&'a [u8]> {
    if at.offset() >= end && at.offset() > 0 {
        return None;
    }
    template.split(at, spans)
}

/// The offset from which on only zeros follow, as some exporters fill their datagrams and sets up.
pub(super) fn end_of(at: Cursor<'_>) -> usize {
    // The id of v9's templates is zero, too; their length is not.
    at.offset() + without_zeros_at_end(at.rest()).len()
}

/// Whether the sets of `bytes` say lengths that lead just to its end: what tells flow export from
/// other content where the header's clock does not.
pub(super) fn are_sets(bytes: &[u8]) -> bool {
    let mut at = Cursor::new(bytes);
    while let (Some(_), Some(bytes)) = (at.read_u16(), at.read_u16()) {
        if bytes < 4 || at.take(usize::from(bytes) - 4).is_none() {
            return false;
        }
    }
    !bytes.is_empty() && at.rest().is_empty()
}

/// The element that a scope of v9 means: its scopes have numbers of their own (RFC 3954 §6.1).
const fn element_of_scope(number: u16) -> u16 {
    match number {
        // The system as a whole.
        1 => 144,
        // An interface.
        2 => 10,
        // A line card.
        3 => 141,
        // A template.
        5 => 145,
        other => other,
    }
}
