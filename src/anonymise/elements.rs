//! Elements beyond the common fields: what becomes of each.

use std::borrow::Cow;

use super::{Anonymiser, LeftOut, count};
use crate::flow::{Extra, Kind, REVERSE_DELAY, REVERSE_ENTERPRISE, SENT_BY, extras, push_extra};

/// Elements that are numbers, and say whose an address is: those of autonomous systems.
const TELLING: [u16; 4] = [16, 17, 128, 129];

/// What becomes of an element.
enum Fate {
    Kept,
    Address,
    Mac,
    LeftOut,
}

fn fate(extra: &Extra<'_>) -> Fate {
    let is_known = matches!(extra.id(), SENT_BY | REVERSE_DELAY)
        || matches!(extra.enterprise, 0 | REVERSE_ENTERPRISE);
    let Some(element) = extra.id().known().filter(|_| is_known) else { return Fate::LeftOut };
    match element.kind {
        Kind::Address(_) => Fate::Address,
        Kind::Mac => Fate::Mac,
        Kind::Text | Kind::Octets | Kind::List => Fate::LeftOut,
        _ if TELLING.contains(&extra.number) => Fate::LeftOut,
        Kind::Unsigned
        | Kind::Signed
        | Kind::Float
        | Kind::Boolean
        | Kind::Seconds
        | Kind::Millis
        | Kind::Ntp => Fate::Kept,
    }
}

impl Anonymiser {
    /// Appends to `to` what stands for the elements `bytes` of a flow.
    pub(super) fn elements(&self, bytes: &[u8], to: &mut Vec<u8>, left_out: &mut LeftOut) {
        for extra in extras(bytes) {
            match self.value(&extra) {
                Ok(value) => {
                    push_extra(to, 0, Extra { value: &value, ..extra });
                }
                Err(name) => count(left_out, &name, 1),
            }
        }
    }

    /// What stands for the value of an element, as long as that; else what it is called, as it is left
    /// out.
    pub(super) fn value<'a>(&self, extra: &Extra<'a>) -> Result<Cow<'a, [u8]>, String> {
        let value = match fate(extra) {
            Fate::Kept => Some(extra.value.into()),
            Fate::Address => self.address_bytes(extra.value).map(Cow::Owned),
            Fate::Mac => Some(self.mac(extra.value).into()),
            Fate::LeftOut => None,
        };
        value.ok_or_else(|| name(extra))
    }

    /// The bytes of an address of either family; none of what is no address.
    fn address_bytes(&self, value: &[u8]) -> Option<Vec<u8>> {
        if let Ok(bytes) = <[u8; 4]>::try_from(value) {
            return Some(self.v4(u32::from_be_bytes(bytes)).to_be_bytes().to_vec());
        }
        let bytes = <[u8; 16]>::try_from(value).ok()?;
        Some(self.v6(u128::from_be_bytes(bytes)).to_be_bytes().to_vec())
    }

    /// A MAC address of those that everybody may give; that of a group stays one of a group.
    fn mac(&self, value: &[u8]) -> Vec<u8> {
        let hash = self.pan.digest(value).to_be_bytes();
        let mut mac: Vec<u8> = hash.into_iter().take(value.len()).collect();
        if let (Some(first), Some(own)) = (mac.first_mut(), value.first()) {
            *first = *first & 0xfc | 2 | own & 1;
        }
        mac
    }
}

/// What it is called where it is told that it is left out.
fn name(extra: &Extra<'_>) -> String {
    match extra.id().known() {
        Some(element) => element.name.to_owned(),
        None => format!("element {}/{}", extra.enterprise, extra.number),
    }
}
