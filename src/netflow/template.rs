//! Templates: which fields a record has, and how long they are.
//!
//! RFC 3954 §5.2 and §6.1 for NetFlow v9, RFC 7011 §3.4 for IPFIX.

use super::cursor::Cursor;
use super::field::{Field, Span, VARIABLE};
use super::plan::Plan;

/// A template with more fields than this is not used.
pub const MAX_FIELDS: usize = 1024;

/// The first byte of a length, told by the record, that does not fit into one.
const LONG_LENGTH: u8 = 0xff;
/// The bit of an IPFIX element's number that an enterprise number follows (RFC 7011 §3.2).
pub(super) const ENTERPRISE_BIT: u16 = 0x8000;

/// Whose templates they are: what is different between the two formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Format {
    V9,
    Ipfix,
}

/// A template that can be used.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Template {
    /// In the order in which they lie in a record.
    pub(super) fields: Vec<Field>,
    /// So many of them, the first ones, say what an option is about; None for a template of flows.
    pub(super) scopes: Option<usize>,
    /// What is read of a flow's record.
    pub(super) plan: Plan,
    /// Of a record, or of the shortest one.
    pub(super) min_bytes: usize,
    /// Where the fields lie, if that is the same in every record.
    pub(super) fixed: Option<Vec<Span>>,
}

impl Template {
    /// The template of `fields`; None if records of it cannot be told apart, or are longer than a
    /// datagram can be.
    pub(super) fn new(fields: Vec<Field>, scopes: Option<usize>) -> Option<Self> {
        let (min_bytes, spans) = lay_out(&fields)?;
        let is_variable = fields.iter().any(|field| field.length == VARIABLE);
        let plan = if scopes.is_none() { Plan::new(&fields) } else { Plan::default() };
        let fixed = (!is_variable).then_some(spans);
        Some(Self { fields, scopes, plan, min_bytes, fixed })
    }

    /// Whether there is a template of `fields`.
    pub(super) fn can_have(fields: &[Field]) -> bool {
        lay_out(fields).is_some()
    }

    /// Bytes of memory that it takes.
    pub(super) fn bytes(&self) -> usize {
        let per_field = size_of::<Field>() + size_of::<Span>();
        size_of::<Self>() + self.fields.len() * per_field + self.plan.bytes()
    }

    /// Splits the next record off `body`, and says in `spans` where its fields lie; None where no
    /// whole record follows.
    #[inline]
    pub(super) fn split<'a>(
        &self,
        body: &mut Cursor<'a>,
        spans: &mut Vec<Span>,
    ) -> Option<&'a [u8]> {
        if self.fixed.is_some() {
            return body.take(self.min_bytes);
        }
        let start = *body;
        let record = self.measure(body, spans).and_then(|bytes| {
            *body = start;
            body.take(bytes)
        });
        if record.is_none() {
            *body = start;
        }
        record
    }

    /// The length of the record at `at`, field by field.
    fn measure(&self, at: &mut Cursor<'_>, spans: &mut Vec<Span>) -> Option<usize> {
        let start = at.offset();
        spans.clear();
        for field in &self.fields {
            let length = if field.length == VARIABLE { variable(at)? } else { field.length };
            spans.push(Span { start: u16::try_from(at.offset() - start).ok()?, length });
            at.take(length.into())?;
        }
        Some(at.offset() - start)
    }
}

/// How long the shortest record of `fields` is, and where they lie in it.
fn lay_out(fields: &[Field]) -> Option<(usize, Vec<Span>)> {
    let mut offset: usize = 0;
    let mut spans = Vec::with_capacity(fields.len());
    for field in fields {
        // A field of variable length takes the byte that says it, at least.
        let length = if field.length == VARIABLE { 1 } else { field.length };
        spans.push(Span { start: u16::try_from(offset).ok()?, length });
        offset += usize::from(length);
    }
    u16::try_from(offset).ok().filter(|&bytes| bytes > 0)?;
    Some((offset, spans))
}

/// The length that stands before a field of variable length.
fn variable(at: &mut Cursor<'_>) -> Option<u16> {
    match at.read_u8()? {
        LONG_LENGTH => at.read_u16(),
        short => Some(short.into()),
    }
}

/// Reads `count` fields; None if they are not all there.
pub(super) fn fields(at: &mut Cursor<'_>, count: usize, format: Format) -> Option<Vec<Field>> {
    if count > MAX_FIELDS {
        return None;
    }
    (0..count).map(|_| field(at, format)).collect()
}

fn field(at: &mut Cursor<'_>, format: Format) -> Option<Field> {
    let (number, length) = (at.read_u16()?, at.read_u16()?);
    if format == Format::V9 {
        return Some(Field { number: registered(number), enterprise: 0, length });
    }
    if number & ENTERPRISE_BIT == 0 {
        return Some(Field { number, enterprise: 0, length });
    }
    Some(Field { number: number & !ENTERPRISE_BIT, enterprise: at.read_u32()?, length })
}

/// The number in the IANA registry of what Cisco's firewalls told under numbers of their own before
/// it was there (Cisco ASA NetFlow Implementation Guide): addresses and ports after translation,
/// and the event.
const fn registered(number: u16) -> u16 {
    match number {
        40_001 => 225,
        40_002 => 226,
        40_003 => 227,
        40_004 => 228,
        40_005 => 233,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(number: u16, length: u16) -> Field {
        Field { number, enterprise: 0, length }
    }

    #[test]
    fn a_record_of_variable_length_is_measured_field_by_field() {
        let template = Template::new(vec![plain(96, VARIABLE), plain(4, 1)], None).unwrap();
        let mut bytes = vec![3, b'a', b'b', b'c', 6, 255, 1, 0];
        bytes.resize(8 + 256, b'x');
        bytes.extend([17, 0]);
        let (mut body, mut spans) = (Cursor::new(&bytes), Vec::new());
        assert_eq!(template.split(&mut body, &mut spans).unwrap().len(), 5);
        assert_eq!(spans, [Span { start: 1, length: 3 }, Span { start: 4, length: 1 }]);
        let record = template.split(&mut body, &mut spans).unwrap();
        assert_eq!((spans[0].of(record).len(), spans[1].of(record)), (256, &[17][..]));
        // What follows is no whole record: the cursor stays.
        assert_eq!((template.split(&mut body, &mut spans), body.rest()), (None, &[0][..]));
    }

    #[test]
    fn a_template_whose_records_have_no_length_is_not_used() {
        assert_eq!(Template::new(Vec::new(), None), None);
        assert_eq!(Template::new(vec![plain(1, 0), plain(2, 0)], None), None);
        assert_eq!(Template::new(vec![plain(1, 0xfffe), plain(2, 9)], None), None);
        assert!(Template::new(vec![plain(1, 0), plain(2, 1)], None).is_some());
    }

    #[test]
    fn an_enterprise_number_follows_only_in_ipfix() {
        let bytes = [0x80, 1, 0, 4, 0, 0, 0, 9];
        let ipfix = fields(&mut Cursor::new(&bytes), 1, Format::Ipfix).unwrap();
        assert_eq!(ipfix, [Field { number: 1, enterprise: 9, length: 4 }]);
        let v9 = fields(&mut Cursor::new(&bytes), 2, Format::V9).unwrap();
        assert_eq!(v9, [plain(0x8001, 4), plain(0, 9)]);
        assert_eq!(fields(&mut Cursor::new(&bytes), MAX_FIELDS + 1, Format::V9), None);
        assert_eq!(fields(&mut Cursor::new(&bytes[..7]), 1, Format::Ipfix), None);
    }
}
