//! What is said of the ends of single flows.

use std::net::IpAddr;

use super::{Attribute, MeaningError, Said};
use crate::flow::{FlowRecord, UnixMillis};

/// What is said of the ends of single flows; nothing by default.
#[derive(Debug, Default)]
pub struct Ends {
    /// What their addresses are called.
    pub said: Vec<Said>,
    /// Their autonomous systems, where not only exporters tell them.
    pub(super) asns: Option<SaidAsns>,
}

/// Numbers of autonomous systems by addresses.
#[derive(Debug)]
pub(super) struct SaidAsns {
    pub(super) said: Said,
    /// Whether those that exporters told count before.
    pub(super) exported_first: bool,
}

impl Ends {
    /// Enters the numbers of autonomous systems of `flow`, as far as these come from databases.
    pub fn fill(&mut self, flow: &mut FlowRecord) {
        let Some(SaidAsns { said, exported_first }) = &mut self.asns else { return };
        let mut number = |told: u32, address: IpAddr| match told {
            told if told != 0 && *exported_first => told,
            _ => said.of(address, flow.first).parse().unwrap_or(0),
        };
        flow.src_as = number(flow.src_as, flow.src);
        flow.dst_as = number(flow.dst_as, flow.dst);
    }

    /// What `address` is called by `attribute` of a flow that began at `first`; empty where nothing
    /// says it.
    pub fn of(&mut self, attribute: Attribute, address: IpAddr, first: UnixMillis) -> &str {
        let said = self.said.iter_mut().find(|said| said.attribute == attribute);
        said.map_or("", |said| said.of(address, first))
    }

    /// What a database could not tell, as it is damaged.
    pub fn fault(&mut self) -> Option<MeaningError> {
        let asns = self.asns.iter_mut().map(|asns| &mut asns.said);
        self.said.iter_mut().chain(asns).find_map(Said::fault)
    }
}
