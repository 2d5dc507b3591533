//! Link layers: from a frame to the IP packet in it.
//!
//! Link types are those of <https://www.tcpdump.org/linktypes.html>.

use pcap_parser::Linktype;

use super::Skip;

/// An IP packet, and what follows it in the frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Network<'a> {
    V4(&'a [u8]),
    V6(&'a [u8]),
}

/// Tags of IEEE 802.1Q and 802.1ad that a frame may carry one in another.
const MAX_VLAN_TAGS: usize = 8;

const ETHERNET_BYTES: usize = 14;
const SLL_BYTES: usize = 16;
const SLL2_BYTES: usize = 20;

/// BSD's and Linux's raw IP, as some systems write it in place of [`Linktype::RAW`].
const DLT_RAW: Linktype = Linktype(12);
const DLT_RAW_OPENBSD: Linktype = Linktype(14);

/// Finds the IP packet in `frame`.
///
/// # Errors
///
/// [`Skip::LinkType`] for a link type that is not read here, [`Skip::NotIp`] where the frame holds
/// something else, [`Skip::Cut`] where it ends before the packet, [`Skip::Malformed`] for too many
/// VLAN tags.
pub(super) fn network(link: Linktype, frame: &[u8]) -> Result<Network<'_>, Skip> {
    match link {
        Linktype::ETHERNET => ethernet(frame),
        Linktype::LINUX_SLL => {
            let ether_type = be16(frame, SLL_BYTES - 2)?;
            by_ether_type(ether_type, rest(frame, SLL_BYTES)?)
        }
        Linktype::LINUX_SLL2 => by_ether_type(be16(frame, 0)?, rest(frame, SLL2_BYTES)?),
        Linktype::NULL | Linktype::LOOP => loopback(frame),
        Linktype::RAW | DLT_RAW | DLT_RAW_OPENBSD => match frame.first().ok_or(Skip::Cut)? >> 4 {
            4 => Ok(Network::V4(frame)),
            6 => Ok(Network::V6(frame)),
            _ => Err(Skip::NotIp),
        },
        Linktype::IPV4 => Ok(Network::V4(frame)),
        Linktype::IPV6 => Ok(Network::V6(frame)),
        _ => Err(Skip::LinkType),
    }
}

fn ethernet(frame: &[u8]) -> Result<Network<'_>, Skip> {
    let ether_type = be16(frame, ETHERNET_BYTES - 2)?;
    by_ether_type(ether_type, rest(frame, ETHERNET_BYTES)?)
}

/// What lies under an `EtherType`; VLAN tags and SNAP headers are taken off first.
fn by_ether_type(mut ether_type: u16, mut payload: &[u8]) -> Result<Network<'_>, Skip> {
    for _ in 0..=MAX_VLAN_TAGS {
        match ether_type {
            0x0800 => return Ok(Network::V4(payload)),
            0x86dd => return Ok(Network::V6(payload)),
            // Customer tag, service tag, and the service tag that came before the standard's.
            0x8100 | 0x88a8 | 0x9100 => {
                ether_type = be16(payload, 2)?;
                payload = rest(payload, 4)?;
            }
            // A length in place of a type: IEEE 802.2 LLC, and behind SNAP a type again.
            0..=1500 => {
                let [0xaa, 0xaa, 3, 0, 0, 0, ..] = payload else { return Err(Skip::NotIp) };
                ether_type = be16(payload, 6)?;
                payload = rest(payload, 8)?;
            }
            _ => return Err(Skip::NotIp),
        }
    }
    Err(Skip::Malformed)
}

/// BSD loopback: the address family as a number of the capturing machine, or in network order.
/// It cannot be seen in which order it stands, so both are tried: no two families collide.
fn loopback(frame: &[u8]) -> Result<Network<'_>, Skip> {
    let family = frame.first_chunk::<4>().ok_or(Skip::Cut)?;
    let packet = rest(frame, 4)?;
    let family = u32::from_le_bytes(*family).min(u32::from_be_bytes(*family));
    match family {
        2 => Ok(Network::V4(packet)),
        // Linux; NetBSD and OpenBSD; FreeBSD; Darwin.
        10 | 24 | 28 | 30 => Ok(Network::V6(packet)),
        _ => Err(Skip::NotIp),
    }
}

fn be16(bytes: &[u8], at: usize) -> Result<u16, Skip> {
    bytes
        .get(at..)
        .and_then(|bytes| bytes.first_chunk())
        .map(|bytes| u16::from_be_bytes(*bytes))
        .ok_or(Skip::Cut)
}

fn rest(bytes: &[u8], at: usize) -> Result<&[u8], Skip> {
    bytes.get(at..).ok_or(Skip::Cut)
}

#[cfg(test)]
mod tests {
    use super::*;

    const V4: &[u8] = &[0x45, 1, 2, 3];
    const V6: &[u8] = &[0x60, 1, 2, 3];

    fn frame(parts: &[&[u8]]) -> Vec<u8> {
        parts.concat()
    }

    #[test]
    fn every_link_layer_gives_its_packet() {
        let macs = &[0xee; 12][..];
        let sll = &[0; 14][..];
        let sll2 = &[0; 18][..];
        for (name, link, frame, expected) in [
            ("ethernet", 1, frame(&[macs, &[8, 0], V4]), Ok(Network::V4(V4))),
            ("ethernet v6", 1, frame(&[macs, &[0x86, 0xdd], V6]), Ok(Network::V6(V6))),
            ("vlan", 1, frame(&[macs, &[0x81, 0, 0, 7, 8, 0], V4]), Ok(Network::V4(V4))),
            (
                "QinQ",
                1,
                frame(&[macs, &[0x88, 0xa8, 0, 7, 0x91, 0, 0, 1, 0x81, 0, 0, 2, 8, 0], V4]),
                Ok(Network::V4(V4)),
            ),
            ("tags only", 1, frame(&[macs, &[0x81, 0, 0x81, 0].repeat(20)]), Err(Skip::Malformed)),
            (
                "SNAP",
                1,
                frame(&[macs, &[0, 12, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0], V4]),
                Ok(Network::V4(V4)),
            ),
            ("spanning tree", 1, frame(&[macs, &[0, 38, 0x42, 0x42, 3]]), Err(Skip::NotIp)),
            ("ARP", 1, frame(&[macs, &[8, 6], V4]), Err(Skip::NotIp)),
            ("cut", 1, frame(&[macs, &[8]]), Err(Skip::Cut)),
            ("cut tag", 1, frame(&[macs, &[0x81, 0, 0]]), Err(Skip::Cut)),
            ("SLL", 113, frame(&[sll, &[8, 0], V4]), Ok(Network::V4(V4))),
            ("SLL vlan", 113, frame(&[sll, &[0x81, 0, 0, 7, 8, 0], V4]), Ok(Network::V4(V4))),
            ("SLL2", 276, frame(&[&[0x86, 0xdd], sll2, V6]), Ok(Network::V6(V6))),
            ("null le", 0, frame(&[&[2, 0, 0, 0], V4]), Ok(Network::V4(V4))),
            ("null be", 0, frame(&[&[0, 0, 0, 2], V4]), Ok(Network::V4(V4))),
            ("loop", 108, frame(&[&[0, 0, 0, 24], V6]), Ok(Network::V6(V6))),
            ("Darwin", 0, frame(&[&[30, 0, 0, 0], V6]), Ok(Network::V6(V6))),
            ("AppleTalk", 0, frame(&[&[16, 0, 0, 0], V6]), Err(Skip::NotIp)),
            ("raw", 101, V4.to_vec(), Ok(Network::V4(V4))),
            ("raw v6", 12, V6.to_vec(), Ok(Network::V6(V6))),
            ("raw OpenBSD", 14, V6.to_vec(), Ok(Network::V6(V6))),
            ("raw nothing", 101, vec![], Err(Skip::Cut)),
            ("raw else", 101, vec![0x10], Err(Skip::NotIp)),
            ("IPv4", 228, V4.to_vec(), Ok(Network::V4(V4))),
            ("IPv6", 229, V6.to_vec(), Ok(Network::V6(V6))),
            ("802.11", 105, V4.to_vec(), Err(Skip::LinkType)),
        ] {
            assert_eq!(network(Linktype(link), &frame), expected, "{name}");
        }
    }
}
