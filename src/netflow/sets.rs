//! The sets of a v9 packet or an IPFIX message: templates, options, and data that they describe.
//!
//! RFC 3954 §5, RFC 7011 §3.3 and §3.4. Sets are walked to the end of what there is: the count in
//! v9's header is unreliable.

use super::Fault;
use super::cursor::Cursor;
use super::names::Names;
use super::options;
use super::record::DataRecord;
use super::template::{Format, Span, Template, fields};
use super::templates::{Scope, Templates};
use crate::flow::{Sampling, UnixMillis};

/// Bytes before the content of a set: its id and its length.
const SET_HEADER_BYTES: usize = 4;
/// Ids from here on are those of templates, and of the data that they describe.
const FIRST_TEMPLATE_ID: u16 = 256;

/// What is known of templates and options, and the records read last.
#[derive(Debug, Clone, Default)]
pub(super) struct Sets {
    pub(super) templates: Templates,
    pub(super) names: Names,
    /// The flow records of the datagram.
    pub(super) records: Vec<DataRecord>,
    /// What is beyond the records' common fields.
    pub(super) extras: Vec<u8>,
    /// Templates that are known now, and were not before.
    pub(super) fresh: Vec<(Scope, u16)>,
    spans: Vec<Span>,
}

/// What the header says that the sets stand behind.
#[derive(Debug, Clone, Copy)]
pub(super) struct Message {
    pub(super) scope: Scope,
    pub(super) exported: UnixMillis,
    /// Bytes of the message by the datagram's own length: more than are there where the capture
    /// cut it.
    pub(super) declared_bytes: usize,
}

/// What was found in the sets, beside the flow records.
#[derive(Debug, Clone, Default)]
pub(super) struct Found {
    /// Options records.
    pub(super) options: u32,
    /// Records that are not whole.
    pub(super) missing: u32,
    /// Sets that were understood.
    pub(super) known_sets: u32,
    /// The templates that other sets need.
    pub(super) needs: Vec<(Scope, u16)>,
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
    /// Forgets the records of the datagram before.
    pub(super) fn clear(&mut self) {
        self.records.clear();
        self.extras.clear();
    }

    /// Reads every set behind `at`, and appends the flow records to [`Self::records`].
    pub(super) fn read(&mut self, message: &Message, mut at: Cursor<'_>) -> Found {
        let mut found = Found::default();
        let (of_templates, of_options) = match message.scope.format {
            Format::V9 => (0, 1),
            Format::Ipfix => (2, 3),
        };
        let padding = padding(at);
        while let Some(set) = next_set(message, &mut at, padding, &mut found) {
            if set.id >= FIRST_TEMPLATE_ID {
                self.read_data(message, &set, &mut found);
            } else if set.id == of_templates {
                self.read_templates(message, set.content, &mut found);
            } else if set.id == of_options {
                self.read_options_templates(message, set.content, &mut found);
            }
        }
        found
    }

    fn read_templates(&mut self, message: &Message, mut at: Cursor<'_>, found: &mut Found) {
        found.known_sets += 1;
        let padding = padding(at);
        while at.rest().len() >= 4 && at.offset() < padding {
            let (Some(id), Some(count)) = (at.read_u16(), at.read_u16()) else { return };
            if count == 0 && message.scope.format == Format::Ipfix {
                self.withdraw(message.scope, id);
                continue;
            }
            let Some(fields) = fields(&mut at, count.into(), message.scope.format) else {
                return found.fault(Fault::Template { id });
            };
            self.define(message, id, Template::new(fields, None), found);
        }
    }

    fn read_options_templates(&mut self, message: &Message, mut at: Cursor<'_>, found: &mut Found) {
        found.known_sets += 1;
        let padding = padding(at);
        while at.rest().len() >= 4 && at.offset() < padding {
            let (Some(id), Some(first)) = (at.read_u16(), at.read_u16()) else { return };
            let format = message.scope.format;
            if first == 0 && format == Format::Ipfix {
                self.withdraw(message.scope, id);
                continue;
            }
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
                for field in &mut fields[..scopes] {
                    field.number = element_of_scope(field.number);
                }
            }
            self.define(message, id, Template::new(fields, Some(scopes)), found);
        }
    }

    fn define(
        &mut self,
        message: &Message,
        id: u16,
        template: Option<Template>,
        found: &mut Found,
    ) {
        // v9 says nothing of variable lengths, but exporters that use IPFIX's way there exist, and
        // no field of 65,535 bytes fits into a datagram.
        let usable = template.filter(|_| id >= FIRST_TEMPLATE_ID);
        let Some(template) = usable else {
            self.templates.withdraw(message.scope, id);
            return found.fault(Fault::Template { id });
        };
        let now_secs = (message.exported.0 / 1000) as u32;
        if self.templates.put(message.scope, id, template, now_secs) {
            self.fresh.push((message.scope, id));
        }
    }

    /// Forgets a template, or all of a kind, where the id is that of the set (RFC 7011 §8.1).
    fn withdraw(&mut self, scope: Scope, id: u16) {
        match id {
            2 => self.templates.withdraw_all(scope, false),
            3 => self.templates.withdraw_all(scope, true),
            id => {
                self.templates.withdraw(scope, id);
            }
        }
    }

    fn read_data(&mut self, message: &Message, set: &Set<'_>, found: &mut Found) {
        let now_secs = (message.exported.0 / 1000) as u32;
        let Some(template) = self.templates.get(message.scope, set.id, now_secs) else {
            return found.needs.push((message.scope, set.id));
        };
        found.known_sets += 1;
        let records = if template.scopes.is_some() {
            let records = self.read_options(message, &template, set.content);
            found.options += records;
            records
        } else {
            self.read_flows(message, &template, set.content)
        };
        if !set.whole && template.fixed.is_some() {
            found.missing += ((set.sent / template.min_bytes) as u32).saturating_sub(records);
        }
    }

    fn read_options(&mut self, message: &Message, template: &Template, mut at: Cursor<'_>) -> u32 {
        let mut records = 0;
        let options = self.templates.options_mut(message.scope);
        while let Some(record) = template.split(&mut at, &mut self.spans) {
            let spans = template.fixed.as_ref().unwrap_or(&self.spans);
            let exporter = message.scope.exporter;
            options::read(template, spans, record, exporter, options, &mut self.names);
            records += 1;
        }
        records
    }

    fn read_flows(&mut self, message: &Message, template: &Template, mut at: Cursor<'_>) -> u32 {
        let before = self.records.len();
        let options = self.templates.options(message.scope);
        while let Some(bytes) = template.split(&mut at, &mut self.spans) {
            let spans = template.fixed.as_ref().unwrap_or(&self.spans);
            let (mut record, aside) =
                template.plan.read(bytes, spans, message.exported, &mut self.extras);
            record.sampling = match aside.interval {
                Some(interval) => Some(Sampling { mode: aside.algorithm, interval }),
                None => options.and_then(|said| said.sampling_of(aside.sampler, record.input)),
            };
            self.records.push(record);
        }
        (self.records.len() - before) as u32
    }
}

/// The next set; what is wrong with it is told in `found`, and ends the walk where its length
/// does not say where the next one begins.
fn next_set<'a>(
    message: &Message,
    at: &mut Cursor<'a>,
    padding: usize,
    found: &mut Found,
) -> Option<Set<'a>> {
    if at.rest().len() < SET_HEADER_BYTES || at.offset() >= padding {
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

/// The offset from which on only zeros follow, as some exporters fill their datagrams up.
fn padding(at: Cursor<'_>) -> usize {
    // The id of v9's templates is zero, too; their length is not.
    at.offset() + at.rest().iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1)
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
