//! Elements by their names or numbers.

use super::error::Wrong;
use super::fields::{Term, values_of};
use super::values::Values;
use super::words;
use crate::flow::{
    Column, Columns, ElementId, Kind, TOLD_START, Told, all_elements, element, element_by_name,
    element_by_number,
};
use crate::row::{AddressField, NumberField};

/// What the value of an element looks like in a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Follows {
    /// An address that is in no quotes: what is shown of an element that is not known is none.
    Address,
    /// Bytes in hexadecimal that are no address.
    Bytes,
    Other,
}

/// What is asked for by `text`: the name of an element of IANA's, also with `reverse` before it,
/// its number, or an enterprise and a number with a slash between them. What becomes a common field
/// is asked for there; behind `0/`, it is what is kept beside that.
///
/// The value that `follows` tells what is meant of an element that is not known, and of one whose
/// value is no address although it should be.
pub(super) fn term_of(text: &str, follows: Follows) -> Result<Term, Wrong> {
    let raw = element_by_number(text);
    if let Some(id) = raw.filter(|id| id.enterprise == 0 && element(id.number).is_some()) {
        return Ok(as_it_is(id, follows));
    }
    let id = raw.or_else(|| element_by_name(text)).ok_or_else(|| {
        let wrong = Wrong::new(format!("{text:?} is no element"))
            .expecting("a name or a number of IANA's, such as vlanId or 58, or ENTERPRISE/NUMBER");
        let names = all_elements().map(|(_, element)| element.name);
        match words::nearest(text, names) {
            Some(name) => wrong.hinting(format!("did you mean {name}?")),
            None => wrong,
        }
    })?;
    if id.enterprise == 0
        && let Some(term) = common_field(id)
    {
        return Ok(term);
    }
    match id.known().map(|element| element.kind) {
        None | Some(Kind::Address(_)) => Ok(as_it_is(id, follows)),
        Some(kind @ (Kind::Text | Kind::Float | Kind::Signed | Kind::List | Kind::Octets)) => {
            Ok(Term::Shown(id, kind))
        }
        Some(_) => {
            let field = NumberField::Element(id);
            Ok(Term::number_or(field, None, values_of(&field).of_any_size()))
        }
    }
}

/// The common field that the element becomes. Where a record had a better one for that, or tells
/// otherwise what the field means, the element is kept beside it and asked for there.
fn common_field(id: ElementId) -> Option<Term> {
    let told = Told::of_element(id.number);
    // Of several that say one thing the best is taken. Flows that were stored before there was a
    // column for it have all of them.
    let may_be_kept = told.is_none_or(|(told, rank)| {
        rank > 0 && !told.may_repeat()
            || matches!(told, Told::Column(c) if Columns::LATER.contains(c))
    });
    if let Some(field) = AddressField::of_element(id.number) {
        return Some(Term::address_or(field, may_be_kept.then_some(AddressField::Element(id))));
    }
    let field = NumberField::of_element(id.number)?;
    if let Some((Told::Icmp, _)) = told {
        return Some(Term::icmp());
    }
    let values = match field {
        NumberField::Column(Column::First) | NumberField::Last => times(id.number),
        NumberField::Column(Column::Duration) if id.number == 162 => Values::Micros,
        _ => values_of(&field),
    };
    // A flow of a clock that runs ahead keeps what its exporter told beside when it was.
    let may_be_kept = may_be_kept || id == TOLD_START;
    Some(Term::number_or(field, may_be_kept.then_some(NumberField::Element(id)), values))
}

/// How the element's number is told as a time; those that count from another time than 1970 have
/// none.
fn times(number: u16) -> Values {
    let Some(element) = element(number) else { return Values::Time };
    match element.kind {
        Kind::Seconds => Values::Clock { per_second: 1 },
        Kind::Millis => Values::Clock { per_second: 1000 },
        Kind::Ntp if element.name.ends_with("Microseconds") => {
            Values::Clock { per_second: 1_000_000 }
        }
        Kind::Ntp => Values::Clock { per_second: 1_000_000_000 },
        _ => Values::Time,
    }
}

fn as_it_is(id: ElementId, follows: Follows) -> Term {
    let kind = id.known().map(|known| known.kind);
    match (kind, follows) {
        // One of another length is shown as bytes.
        (Some(Kind::Address(_)), Follows::Bytes) => Term::Shown(id, Kind::Octets),
        (Some(Kind::Address(_)), _) | (_, Follows::Address) => {
            Term::address(AddressField::Element(id))
        }
        (None, _) => Term::Shown(id, Kind::Octets),
        (Some(_), _) => Term::number(NumberField::Element(id)),
    }
}
