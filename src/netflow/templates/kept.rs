//! Templates as datagrams that define them, for whoever goes on later.

use std::net::IpAddr;

use super::{TEMPLATE_LIFETIME_MS, Templates};
use crate::capture::Datagram;
use crate::flow::{UnixMillis, saturated_u16, saturated_u32};
use crate::netflow::scope::Scope;
use crate::netflow::template::{ENTERPRISE_BIT, Format, Template};

/// A datagram that defines one template, as of when it came last.
#[derive(Debug, Clone)]
pub(crate) struct KeptTemplate {
    exporter: IpAddr,
    port: u16,
    refreshed: UnixMillis,
    /// Rises from one that was told to the next.
    told: u64,
    payload: Vec<u8>,
}

impl KeptTemplate {
    pub(crate) fn datagram(&self) -> Datagram<'_> {
        Datagram {
            exporter: self.exporter,
            src_port: self.port,
            received: self.refreshed,
            payload: &self.payload,
            declared_bytes: self.payload.len(),
        }
    }
}

impl Templates {
    /// Every template that would be used yet, the one that was told longest ago first.
    pub(in crate::netflow) fn kept(&self) -> Vec<KeptTemplate> {
        let mut all = Vec::new();
        for (&scope, domain) in &self.domains {
            let oldest = domain.clock.now().0.saturating_sub(TEMPLATE_LIFETIME_MS);
            for (&id, definitions) in &domain.templates {
                let young = definitions.iter().filter(|one| one.refreshed.0 >= oldest);
                all.extend(young.map(|one| KeptTemplate {
                    exporter: scope.exporter,
                    port: one.port,
                    refreshed: one.refreshed,
                    told: one.told,
                    payload: datagram(scope, id, &one.template, one.refreshed),
                }));
            }
        }
        all.sort_unstable_by_key(|one| one.told);
        all
    }
}

/// The datagram of `scope` that defines `id` as `template`, exported when it was `refreshed`.
fn datagram(scope: Scope, id: u16, template: &Template, refreshed: UnixMillis) -> Vec<u8> {
    let fields = template.fields.len();
    let (of_set, counts) = match (scope.format, template.scopes) {
        (Format::V9, None) => (0, vec![fields]),
        (Format::Ipfix, None) => (2, vec![fields]),
        // Bytes of both in v9; fields in all, and of the scope, in IPFIX.
        (Format::V9, Some(scopes)) => (1, vec![scopes * 4, (fields - scopes) * 4]),
        (Format::Ipfix, Some(scopes)) => (3, vec![fields, scopes]),
    };
    let mut set = id.to_be_bytes().to_vec();
    set.extend(counts.into_iter().flat_map(|count| saturated_u16(count).to_be_bytes()));
    for field in &template.fields {
        let bit = if field.enterprise == 0 { 0 } else { ENTERPRISE_BIT };
        set.extend([field.number | bit, field.length].iter().flat_map(|word| word.to_be_bytes()));
        if field.enterprise != 0 {
            set.extend(field.enterprise.to_be_bytes());
        }
    }
    let set_bytes = saturated_u16(set.len() + 4);
    let secs = saturated_u32(refreshed.0 / 1000);
    let (first, rest) = match scope.format {
        Format::V9 => ([9, 1], vec![0, secs, 0, scope.domain]),
        Format::Ipfix => ([10, set_bytes.saturating_add(16)], vec![secs, 0, scope.domain]),
    };
    let mut payload: Vec<u8> = first.iter().flat_map(|word: &u16| word.to_be_bytes()).collect();
    payload.extend(rest.iter().flat_map(|word| word.to_be_bytes()));
    payload.extend([of_set, set_bytes].iter().flat_map(|word: &u16| word.to_be_bytes()));
    payload.extend(set);
    payload
}
