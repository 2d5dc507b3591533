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
    /// ICMP for IPv6.
    pub const ICMP6: Self = Self(58);

    /// The name that network tools print, where there is one.
    pub const fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            1 => "ICMP",
            2 => "IGMP",
            4 => "IPIP",
            6 => "TCP",
            8 => "EGP",
            17 => "UDP",
            41 => "IPv6",
            46 => "RSVP",
            47 => "GRE",
            50 => "ESP",
            51 => "AH",
            58 => "ICMP6",
            88 => "EIGRP",
            89 => "OSPF",
            103 => "PIM",
            112 => "VRRP",
            132 => "SCTP",
            136 => "UDPLt",
            _ => return None,
        })
    }

    /// Whether the destination port holds an ICMP type and code.
    pub const fn is_icmp(self) -> bool {
        matches!(self, Self::ICMP | Self::ICMP6)
    }
}

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
        for (number, text) in
            [(6, "TCP"), (17, "UDP"), (255, "255"), (99, "99"), (0, "0"), (105, "105")]
        {
            assert_eq!(Protocol(number).to_string(), text);
        }
        assert_eq!(format!("{:<5}|", Protocol(99)), "99   |");
    }
}
