//! Who exported flows, and how he sampled, as records beside those of flows tell it.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

use super::fields::{Bytes, v4, v6};
use crate::flow::{Sampling, canonical, saturated_u32};

/// An exporter by the number that the file gives it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Exporter {
    pub(super) address: Option<IpAddr>,
    /// The version of what it sends; [`SFLOW`] of sFlow.
    pub(super) version: u32,
    /// Its source or its observation domain.
    pub(super) domain: u32,
    /// How it samples, if that is told of all of its flows alike.
    pub(super) sampling: Sampling,
}

/// What exporters are, by their numbers, of which there are 65,536.
#[derive(Debug, Default)]
pub(super) struct Exporters {
    known: HashMap<u16, Exporter>,
}

/// As of the operating system that nfdump runs on.
const AF_INET: u16 = 2;
const AF_INET6: u16 = 10;

impl Exporters {
    pub(super) fn of(&self, number: u16) -> Exporter {
        self.known.get(&number).copied().unwrap_or_default()
    }

    /// Takes a record that tells who an exporter is; None where it is cut.
    pub(super) fn take_info(&mut self, record: &[u8]) -> Option<()> {
        let bytes = Bytes(record);
        let number = bytes.u16(26)?;
        let address = match bytes.u16(24)? {
            AF_INET => v4(bytes, 16)?,
            AF_INET6 => v6(bytes, 8)?,
            // From 1.7.8 on as in the network, IPv4 in the form of IPv6.
            _ => canonical(Ipv6Addr::from(<[u8; 16]>::try_from(record.get(8..24)?).ok()?).into()),
        };
        let domain = bytes.u32(28)?;
        let exporter = self.known.entry(number).or_default();
        exporter.address = Some(address).filter(|address| !address.is_unspecified());
        exporter.version = bytes.u32(4)?;
        exporter.domain = domain;
        Some(())
    }

    /// Takes a record of how an exporter samples; None where it is cut.
    pub(super) fn take_sampler(&mut self, record: &[u8]) -> Option<()> {
        let bytes = Bytes(record);
        let (packets, space) = (bytes.u32(16)?, bytes.u32(20)?);
        let interval = match packets {
            0 => 0,
            packets => (u64::from(packets) + u64::from(space)) / u64::from(packets),
        };
        self.sampled(bytes.u16(4)?, bytes.u16(6)?, saturated_u32(interval));
        Some(())
    }

    /// Likewise as nfdump 1.6 has it.
    pub(super) fn take_sampler_of_one(&mut self, record: &[u8]) -> Option<()> {
        let bytes = Bytes(record);
        self.sampled(bytes.u16(14)?, bytes.u16(12)?, bytes.u32(8)?);
        Some(())
    }

    fn sampled(&mut self, number: u16, algorithm: u16, interval: u32) {
        // 1 is deterministic, 2 random, in NetFlow as in its version 5.
        let mode = u8::try_from(algorithm).ok().filter(|mode| *mode < 4).unwrap_or(0);
        self.known.entry(number).or_default().sampling = Sampling { mode, interval };
    }
}
