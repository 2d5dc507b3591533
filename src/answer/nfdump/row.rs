//! What cells are filled from: a flow, or a conversation.

use super::cells::End;
use crate::flow::{
    Column, ElementId, FlowRecord, Names, REVERSE_ENTERPRISE, extra_value, unsigned,
};
use crate::meaning::{Attribute, Said};

/// A flow as cells see it. Of a conversation, the flow is what the initiator sent.
pub(in crate::answer) struct Row<'a> {
    pub(in crate::answer) flow: &'a FlowRecord,
    /// The elements beyond its common fields.
    pub(in crate::answer) extras: &'a [u8],
    pub(in crate::answer) names: &'a Names,
    /// What its ends are called.
    pub(in crate::answer) meant: &'a [Meant],
    /// Its place in the answer, from 1 on.
    pub(in crate::answer) place: u64,
    pub(in crate::answer) duration_ms: u64,
    pub(in crate::answer) packets: u128,
    pub(in crate::answer) octets: u128,
    /// Packets and octets of the other direction; none where elements of the flow tell them.
    pub(in crate::answer) out: Option<(u128, u128)>,
    /// How many flows it is made of.
    pub(in crate::answer) flows: u64,
}

/// What the ends of a flow are called.
pub(in crate::answer) struct Meant {
    attribute: Attribute,
    src: String,
    dst: String,
}

impl Meant {
    /// What `said` has of the ends of `flow`.
    pub(in crate::answer) fn of(said: &mut Said, flow: &FlowRecord) -> Self {
        Self {
            attribute: said.attribute,
            src: said.of(flow.src, flow.first).to_owned(),
            dst: said.of(flow.dst, flow.first).to_owned(),
        }
    }
}

impl<'a> Row<'a> {
    /// One flow, at this place of the answer.
    pub(in crate::answer) fn of(
        flow: &'a FlowRecord,
        extras: &'a [u8],
        names: &'a Names,
        place: u64,
    ) -> Self {
        Self {
            flow,
            extras,
            names,
            meant: &[],
            place,
            duration_ms: flow.duration_ms.into(),
            packets: flow.packets.into(),
            octets: flow.octets.into(),
            out: None,
            flows: 1,
        }
    }

    /// What an end is called; empty where nothing says it.
    pub(super) fn meant(&self, attribute: Attribute, end: End) -> &'a str {
        let meant = self.meant.iter().find(|meant| meant.attribute == attribute);
        meant.map_or("", |meant| if end == End::Src { &meant.src } else { &meant.dst })
    }

    /// The value of IANA's element `number`.
    pub(super) fn element(&self, number: u16) -> Option<&'a [u8]> {
        self.element_of(number, 0)
    }

    /// Whether it has any of these elements of IANA's.
    pub(super) fn has<const N: usize>(&self, numbers: [u16; N]) -> bool {
        numbers.iter().any(|&number| self.element(number).is_some())
    }

    /// The number that IANA's element `number` holds, or that of the column that it became, unless
    /// that is zero: a column does not say whether anybody told it.
    pub(super) fn number(&self, number: u16) -> Option<u64> {
        let column = || Column::of_element(number).map(|(column, _)| column);
        let of_column = || column().map(|column| self.flow.number(column)).filter(|&n| n != 0);
        self.element(number).map(unsigned).or_else(of_column)
    }

    pub(super) fn out_packets(&self) -> u128 {
        self.out.map_or_else(
            || self.counter([(2, true), (86, true), (299, false), (24, false)]),
            |out| out.0,
        )
    }

    pub(super) fn out_octets(&self) -> u128 {
        self.out.map_or_else(
            || self.counter([(1, true), (85, true), (232, false), (23, false)]),
            |out| out.1,
        )
    }

    /// The first of these elements that the flow has, with whether it is one of its way back; nfdump
    /// takes each of them for what went out.
    fn counter(&self, elements: [(u16, bool); 4]) -> u128 {
        elements
            .iter()
            .find_map(|&(number, is_reverse)| {
                self.element_of(number, if is_reverse { REVERSE_ENTERPRISE } else { 0 })
            })
            .map_or(0, |value| unsigned(value).into())
    }

    fn element_of(&self, number: u16, enterprise: u32) -> Option<&'a [u8]> {
        extra_value(self.extras, ElementId { number, enterprise })
    }
}
