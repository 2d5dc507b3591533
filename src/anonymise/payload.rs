//! Datagrams that stand for others, field by field.

use std::collections::BTreeMap;

use super::{Anonymiser, LeftOut, count};
use crate::capture::Datagram;
use crate::flow::Extra;
use crate::netflow::{Decoder, Outcome, Stretch, What};

/// Writes the payloads that stand for those of datagrams: as long, with the same templates, and with
/// other addresses. Bytes of which it is not known what they are become zeros, as do values that would
/// tell whose an address was.
pub struct PayloadAnonymiser<'a> {
    by: &'a Anonymiser,
    decoder: Decoder,
    left_out: LeftOut,
    refused: BTreeMap<&'static str, u64>,
}

impl<'a> PayloadAnonymiser<'a> {
    /// With the addresses of `by`.
    pub fn new(by: &'a Anonymiser) -> Self {
        Self { by, decoder: Decoder::new(), left_out: LeftOut::new(), refused: BTreeMap::new() }
    }

    /// The payload that stands for that of `datagram`, which comes next. None if there is none, which
    /// [`Self::refused`] counts: where it is not known what its fields are, and of sFlow, in which
    /// bytes of packets lie.
    pub fn payload(&mut self, datagram: &Datagram<'_>) -> Option<Vec<u8>> {
        let stretches = match self.stretches(datagram) {
            Ok(stretches) => stretches,
            Err(reason) => {
                *self.refused.entry(reason).or_default() += 1;
                return None;
            }
        };
        let mut payload = vec![0; datagram.payload.len()];
        for stretch in stretches {
            let from = datagram.payload.get(stretch.bytes.clone())?;
            let to = payload.get_mut(stretch.bytes)?;
            match stretch.what {
                What::Frame => to.copy_from_slice(from),
                What::Value(id) => {
                    let value = Extra { number: id.number, enterprise: id.enterprise, value: from };
                    match self.by.value(&value) {
                        Ok(value) => to.copy_from_slice(&value),
                        Err(name) if from.iter().any(|&byte| byte != 0) => {
                            count(&mut self.left_out, &name, 1);
                        }
                        Err(_) => {}
                    }
                }
            }
        }
        Some(payload)
    }

    fn stretches(&mut self, datagram: &Datagram<'_>) -> Result<Vec<Stretch>, &'static str> {
        let is_decoded = match self.decoder.decode(datagram, 0) {
            Ok(outcome) => matches!(outcome, Outcome::Decoded(_)),
            Err(_) => return Err("no flow export that can be read"),
        };
        let stretches = self.decoder.anatomy(datagram).filter(|_| is_decoded);
        // What waits is not looked at again.
        while self.decoder.next_ready().is_some() {}
        stretches.ok_or(match datagram.payload {
            [0, 0, ..] => "sFlow, which has bytes of packets",
            _ => "it came before its template",
        })
    }

    /// What values were left out, and of how many records.
    pub fn left_out(&self) -> &LeftOut {
        &self.left_out
    }

    /// How many datagrams nothing stands for, by the reason.
    pub fn refused(&self) -> &BTreeMap<&'static str, u64> {
        &self.refused
    }
}
