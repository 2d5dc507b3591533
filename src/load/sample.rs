//! Where the addresses of a capture divide into equal parts, for tables that are split beforehand.

use std::net::IpAddr;
use std::ops::ControlFlow;
use std::sync::atomic::AtomicU64;

use crate::capture::{self, CaptureError, Datagram, Input};
use crate::flow::{DatagramId, Family, FlowBatch};
use crate::netflow::{Decoded, Decoder, Outcome};
use crate::normalise::{Batches, FlowBuilder};
use crate::row::Order;

/// So many flows are looked at; more would not move the boundaries by much.
const MAX_FLOWS: usize = 1_000_000;

/// The addresses at which the flows of `inputs` divide into `parts` parts of as many flows each,
/// as sources and as destinations. Fewer where one address has more than a part.
///
/// # Errors
///
/// [`CaptureError`] if an input cannot be opened.
pub fn quantiles(inputs: &[Input], parts: usize) -> Result<[Vec<IpAddr>; 2], CaptureError> {
    let (mut v4, mut v6) = (FlowBatch::new(Family::V4), FlowBatch::new(Family::V6));
    let (mut decoder, mut builder) = (Decoder::new(), FlowBuilder::new());
    let mut sink = |datagram: &Datagram<'_>| {
        let mut take = |decoded: &Decoded<'_>, datagram: &Datagram<'_>| {
            let id = DatagramId { exported_secs: 0, hash: 0 };
            let mut to = Batches { v4: &mut v4, v6: &mut v6 };
            for packet in decoded.packets() {
                builder.append(packet, datagram.exporter, datagram.src_port, id, &mut to);
            }
        };
        if let Ok(Outcome::Decoded(decoded)) = decoder.decode(datagram, 0) {
            take(&decoded, datagram);
        }
        while let Some(held) = decoder.next_ready() {
            if let Ok(Outcome::Decoded(decoded)) = decoder.decode_held(&held) {
                take(&decoded, &held.datagram());
            }
        }
        if v4.len() + v6.len() < MAX_FLOWS {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    };
    for input in inputs {
        if capture::read(input, &AtomicU64::new(0), &mut sink)?.stopped {
            break;
        }
    }
    Ok(Order::ALL.map(|order| {
        let leads = |flows: &FlowBatch| -> Vec<IpAddr> {
            let leads = if order == Order::Src { &flows.src } else { &flows.dst };
            (0..flows.len()).map(|row| leads.get(row)).collect()
        };
        boundaries([leads(&v4), leads(&v6)].concat(), parts)
    }))
}

/// The first address of each part but the first.
fn boundaries(mut addresses: Vec<IpAddr>, parts: usize) -> Vec<IpAddr> {
    addresses.sort_unstable();
    let mut boundaries: Vec<IpAddr> = (1..parts)
        .filter_map(|part| addresses.get(part * addresses.len() / parts).copied())
        // The least address needs no boundary before it.
        .filter(|&boundary| Some(boundary) != addresses.first().copied())
        .collect();
    boundaries.dedup();
    boundaries
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(lows: &[u8]) -> Vec<IpAddr> {
        lows.iter().map(|&low| IpAddr::from([10, 0, 0, low])).collect()
    }

    #[test]
    fn boundaries_divide_into_equal_parts_and_a_busy_address_is_not_divided() {
        let even: Vec<u8> = (0..100).rev().collect();
        assert_eq!(boundaries(addresses(&even), 4), addresses(&[25, 50, 75]));
        let busy = [vec![7; 90], vec![1; 5], vec![9; 5]].concat();
        assert_eq!(boundaries(addresses(&busy), 4), addresses(&[7]));
        assert!(boundaries(addresses(&[3; 9]), 4).is_empty());
        assert!(boundaries(Vec::new(), 4).is_empty());
    }
}
