//! IP protocol numbers and their names.

use std::fmt;

/// An IP protocol number; `Display` gives the usual name, or the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Protocol(pub u8);

impl Protocol {
    /// Internet Control Message Protocol.
    pub const ICMP: Self = Self(1);
    /// Transmission Control Protocol.
    pub const TCP: Self = Self(6);
    /// User Datagram Protocol.
    pub const UDP: Self = Self(17);
    /// Stream Control Transmission Protocol.
    pub const SCTP: Self = Self(132);
    /// ICMP for IPv6.
    pub const ICMP6: Self = Self(58);

    /// The short name that nfdump prints, where there is one: IANA's keyword, cut to five characters.
    pub fn name(self) -> Option<&'static str> {
        NAMES.get(usize::from(self.0)).copied().filter(|name| !name.is_empty())
    }

    /// The protocol of this name, in capital or small letters: the whole name that [`Self::name`]
    /// gives, else, as nfdump has it, the first one by number whose name begins so.
    pub fn named(text: &str) -> Option<Self> {
        let begins = |name: &str| {
            name.as_bytes()
                .get(..text.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(text.as_bytes()))
        };
        let whole = NAMES.iter().position(|name| name.eq_ignore_ascii_case(text));
        let number = whole.or_else(|| NAMES.iter().position(|name| begins(name)));
        number.filter(|_| !text.is_empty()).map(|number| Self(number as u8))
    }

    /// Whether the destination port holds an ICMP type and code.
    pub const fn is_icmp(self) -> bool {
        matches!(self, Self::ICMP | Self::ICMP6)
    }

    /// Type and code of what this message of ICMP answers, if it is an answer.
    pub(crate) fn icmp_request(self, message: u16) -> Option<u16> {
        let [kind, code] = message.to_be_bytes();
        let (_, request) = self.icmp_answers().iter().find(|(answer, _)| *answer == kind)?;
        Some(u16::from_be_bytes([*request, code]))
    }

    /// Type and code of what answers this message of ICMP, if anything does.
    pub(crate) fn icmp_answer(self, message: u16) -> Option<u16> {
        let [kind, code] = message.to_be_bytes();
        let (answer, _) = self.icmp_answers().iter().find(|(_, request)| *request == kind)?;
        Some(u16::from_be_bytes([*answer, code]))
    }

    /// Type and code of what goes the other way where messages of ICMP such as this go one way: the
    /// answer or the request; where there is none, the same.
    pub(crate) fn icmp_back(self, message: u16) -> u16 {
        self.icmp_answer(message).or_else(|| self.icmp_request(message)).unwrap_or(message)
    }

    fn icmp_answers(self) -> &'static [(u8, u8)] {
        match self {
            Self::ICMP => &ICMP_ANSWERS,
            Self::ICMP6 => &ICMP6_ANSWERS,
            _ => &[],
        }
    }
}

/// Types of ICMP that answer, and what they answer: echo, router, timestamp, information and mask
/// (RFC 792, 950, 1256).
const ICMP_ANSWERS: [(u8, u8); 5] = [(0, 8), (9, 10), (14, 13), (16, 15), (18, 17)];
/// The same of ICMP for IPv6: echo, router and neighbour (RFC 4443, 4861).
const ICMP6_ANSWERS: [(u8, u8); 3] = [(129, 128), (134, 133), (136, 135)];

/// By number, ten to a line; empty where the number itself is printed.
#[rustfmt::skip]
const NAMES: [&str; 138] = [
    "", "ICMP", "IGMP", "GGP", "IPIP", "ST", "TCP", "CBT", "EGP", "IGP",
    "BBN", "NVPII", "PUP", "ARGUS", "ENCOM", "XNET", "CHAOS", "UDP", "MUX", "DCN",
    "HMP", "PRM", "XNS", "Trnk1", "Trnk2", "Leaf1", "Leaf2", "RDP", "IRTP", "ISO-4",
    "NETBK", "MFESP", "MEINP", "DCCP", "3PC", "IDPR", "XTP", "DDP", "IDPR", "TP++",
    "IL", "IPv6", "SDRP", "Rte6", "Frag6", "IDRP", "RSVP", "GRE", "MHRP", "BNA",
    "ESP", "AH", "INLSP", "SWIPE", "NARP", "MOBIL", "TLSP", "SKIP", "ICMP6", "NOHE6",
    "OPTS6", "HOST", "CFTP", "NET", "SATNT", "KLAN", "RVD", "IPPC", "FS", "SATM",
    "VISA", "IPCV", "CPNX", "CPHB", "WSN", "PVP", "BSATM", "SUNND", "WBMON", "WBEXP",
    "ISOIP", "VMTP", "SVMTP", "VINES", "TTP", "NSIGP", "DGP", "TCF", "EIGRP", "OSPF",
    "S-RPC", "LARP", "MTP", "AX.25", "OS", "MICP", "SCCSP", "ETHIP", "ENCAP", "",
    "GMTP", "IFMP", "PNNI", "PIM", "ARIS", "SCPS", "QNX", "A/N", "IPcmp", "SNP",
    "CpqPP", "IPXIP", "VRRP", "PGM", "0hop", "L2TP", "DDX", "IATP", "STP", "SRP",
    "UTI", "SMP", "SM", "PTP", "ISIS4", "FIRE", "CRTP", "CRUDP", "", "IPLT",
    "SPS", "PIPE", "SCTP", "FC", "", "MHEAD", "UDP-L", "MPLS",
];

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => f.pad(itoa_u8(self.0, &mut [0; 3])),
        }
    }
}

/// `number` in decimal, without an allocation: this runs once a printed flow.
fn itoa_u8(number: u8, digits: &mut [u8; 3]) -> &str {
    digits.copy_from_slice(&[b'0' + number / 100, b'0' + number / 10 % 10, b'0' + number % 10]);
    let skip = if number >= 100 {
        0
    } else if number >= 10 {
        1
    } else {
        2
    };
    std::str::from_utf8(&digits[skip..]).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_protocol_prints_its_name_or_its_number() {
        for (number, text) in [
            (6, "TCP"),
            (17, "UDP"),
            (58, "ICMP6"),
            (89, "OSPF"),
            (132, "SCTP"),
            (136, "UDP-L"),
            (137, "MPLS"),
            (138, "138"),
            (255, "255"),
            (99, "99"),
            (0, "0"),
        ] {
            assert_eq!(Protocol(number).to_string(), text);
        }
        assert_eq!(format!("{:<5}|", Protocol(99)), "99   |");
    }

    #[test]
    fn a_protocol_is_found_by_its_name_or_how_that_begins() {
        for (text, number) in [
            ("TCP", Some(6)),
            ("udp", Some(17)),
            ("t", Some(6)),
            ("ic", Some(1)),
            ("icmp6", Some(58)),
            ("net", Some(63)),
            ("netb", Some(30)),
            ("", None),
            ("foo", None),
            ("tcpx", None),
        ] {
            assert_eq!(Protocol::named(text), number.map(Protocol), "{text}");
        }
    }
}
