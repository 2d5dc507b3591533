//! Random filters: as a tree that is tested on one flow at a time, and as text in many spellings.

use std::net::{IpAddr, Ipv4Addr};

use earlgrey_hbase::FlowRecord;

use super::traffic::{HOSTS, PORTS, PROTOCOLS, STARTED_MS};

/// `SplitMix64`: the same numbers everywhere.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    pub(super) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }
}

/// Whose way of writing it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Spelling {
    /// What nfdump 1.7.1 reads and means in the same way.
    OfNfdump,
    /// Also what it rejects.
    OfUsers,
}

#[derive(Debug, Clone)]
pub(super) enum Expression {
    And(Box<Expression>, Box<Expression>),
    Or(Box<Expression>, Box<Expression>),
    Not(Box<Expression>),
    Term(Term),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Src,
    Dst,
    Either,
    Both,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Sign {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone)]
pub(super) enum Term {
    Any,
    V4,
    V6,
    /// The first bits of an address.
    Net(End, u32, u8),
    Hosts(End, Vec<u32>),
    Port(End, Sign, u16),
    Ports(End, Vec<(u16, u16)>),
    Protocol(u8),
    FlagsSet(u8),
    FlagsEqual(u8),
    Interface(End, u32),
    As(End, Sign, u32),
    Icmp(u8),
    /// A number of the whole flow.
    Number(&'static str, Sign, u64),
    First(Sign, u64),
}

const NUMBERS: [&str; 7] = ["bytes", "packets", "duration", "pps", "bps", "bpp", "tos"];
const LETTERS: [(char, u8); 6] = [('F', 1), ('S', 2), ('R', 4), ('P', 8), ('A', 16), ('U', 32)];

/// A random filter, at most `depth` deep.
pub(super) fn any(random: &mut Random, depth: u32, spelling: Spelling) -> Expression {
    let inner = |random: &mut Random| Box::new(any(random, depth - 1, spelling));
    match random.below(if depth == 0 { 1 } else { 8 }) {
        5 => Expression::Not(inner(random)),
        3 | 4 => Expression::Or(inner(random), inner(random)),
        6 | 7 => Expression::And(inner(random), inner(random)),
        _ => Expression::Term(term(random, spelling)),
    }
}

fn sign(random: &mut Random, spelling: Spelling) -> Sign {
    let signs = [
        Sign::Equal,
        Sign::Less,
        Sign::LessOrEqual,
        Sign::Greater,
        Sign::GreaterOrEqual,
        Sign::Unequal,
    ];
    random.pick(if spelling == Spelling::OfUsers { &signs } else { &signs[..5] })
}

fn term(random: &mut Random, spelling: Spelling) -> Term {
    let of_users = spelling == Spelling::OfUsers;
    let ends = [End::Src, End::Dst, End::Either, End::Both];
    let end = random.pick(if of_users { &ends } else { &ends[..3] });
    match random.below(if of_users { 15 } else { 12 }) {
        0 => [Term::Any, Term::V4, Term::V6][random.below(3) as usize].clone(),
        1 | 2 => Term::Net(end, random.pick(&HOSTS), random.pick(&[8, 16, 24, 31, 32])),
        3 => Term::Hosts(end, (0..=random.below(3)).map(|_| random.pick(&HOSTS)).collect()),
        4 => Term::Port(end, sign(random, spelling), random.pick(&PORTS)),
        5 => {
            let range = |random: &mut Random| {
                let (a, b) = (random.pick(&PORTS), random.pick(&PORTS));
                if of_users { (a.min(b), a.max(b)) } else { (a, a) }
            };
            Term::Ports(end, (0..=random.below(3)).map(|_| range(random)).collect())
        }
        6 => Term::Protocol(random.pick(&PROTOCOLS)),
        // What `not` means before several flags depends on nfdump's version.
        7 if of_users => Term::FlagsSet(random.pick(&[1, 2, 16, 18, 24, 31])),
        7 => Term::FlagsSet(random.pick(&[1, 2, 4, 8, 16])),
        8 => Term::FlagsEqual(random.pick(&[2, 16, 18, 27])),
        9 => {
            let end = if end == End::Both { End::Either } else { end };
            Term::Interface(end, random.pick(&[1, 2, 8]))
        }
        10 | 11 => {
            let number = random.pick(&[0, 1, 10, 16, 40, 100, 1000, 1001, 8000, 1_000_000]);
            let name = random.pick(&NUMBERS);
            let number = if name == "tos" { random.pick(&[0, 16, 32, 184]) } else { number };
            Term::Number(name, sign(random, spelling), number)
        }
        12 => Term::As(end, sign(random, spelling), random.pick(&[0, 64_500, 64_501])),
        13 => Term::Icmp(random.pick(&[0, 3, 8])),
        _ => Term::First(sign(random, spelling), STARTED_MS + 1000 * random.below(100)),
    }
}

impl Sign {
    fn holds(self, a: u64, b: u64) -> bool {
        match self {
            Self::Equal => a == b,
            Self::Unequal => a != b,
            Self::Less => a < b,
            Self::LessOrEqual => a <= b,
            Self::Greater => a > b,
            Self::GreaterOrEqual => a >= b,
        }
    }

    fn text(self, random: &mut Random, spelling: Spelling) -> &'static str {
        let texts: &[&str] = match self {
            Self::Equal => &["", "=", "==", "eq"],
            Self::Unequal => &["!=", "<>", "ne"],
            Self::Less => &["<", "lt"],
            Self::LessOrEqual => &["<=", "le"],
            Self::Greater => &[">", "gt"],
            Self::GreaterOrEqual => &[">=", "ge"],
        };
        if spelling == Spelling::OfUsers { random.pick(texts) } else { texts[0] }
    }
}

impl End {
    /// Whether `test` holds of the ends that are meant.
    fn holds<T>(self, (src, dst): (T, T), test: impl Fn(T) -> bool) -> bool {
        match self {
            Self::Src => test(src),
            Self::Dst => test(dst),
            Self::Either => test(src) || test(dst),
            Self::Both => test(src) && test(dst),
        }
    }

    fn text(self, random: &mut Random) -> &'static str {
        match self {
            Self::Src => "src ",
            Self::Dst => "dst ",
            Self::Either => "",
            Self::Both => random.pick(&["src and dst ", "dst and src ", "SRC AND DST "]),
        }
    }
}

impl Expression {
    /// Whether `flow` passes.
    pub(super) fn passes(&self, flow: &FlowRecord) -> bool {
        match self {
            Self::And(a, b) => a.passes(flow) && b.passes(flow),
            Self::Or(a, b) => a.passes(flow) || b.passes(flow),
            Self::Not(a) => !a.passes(flow),
            Self::Term(term) => term.passes(flow),
        }
    }

    /// It as text; the same tree in another spelling each time.
    pub(super) fn text(&self, random: &mut Random, spelling: Spelling) -> String {
        let users = spelling == Spelling::OfUsers;
        let mut inner = |term: &Self, parentheses: bool| {
            let text = term.text(random, spelling);
            if parentheses { format!("({text})") } else { text }
        };
        match self {
            Self::And(a, b) => {
                let is_or = |term: &Self| matches!(term, Self::Or(..));
                let (a, b) = (inner(a, is_or(a)), inner(b, is_or(b)));
                let and = if users { random.pick(&["and", "&&", "AND"]) } else { "and" };
                format!("{a} {and} {b}")
            }
            Self::Or(a, b) => {
                let (a, b) = (inner(a, false), inner(b, false));
                let or = if users { random.pick(&["or", "||", "# remark\n or"]) } else { "or" };
                format!("{a} {or} {b}")
            }
            Self::Not(a) => {
                let a = inner(a, !matches!(**a, Self::Term(_)));
                let not = if users { random.pick(&["not ", "!", "NOT "]) } else { "not " };
                format!("{not}{a}")
            }
            Self::Term(term) => term.text(random, spelling),
        }
    }
}

impl Term {
    fn passes(&self, flow: &FlowRecord) -> bool {
        let low = |address: IpAddr| match address {
            IpAddr::V4(v4) => Some(u32::from(v4)),
            IpAddr::V6(_) => None,
        };
        let addresses = (low(flow.src), low(flow.dst));
        let ports = (flow.src_port, flow.dst_port);
        let of_rate = |count: u64, factor: u64| match u64::from(flow.duration_ms) {
            0 => 0,
            millis => count * factor / millis,
        };
        let tcp = flow.protocol.0 == 6;
        match self {
            Self::Any => true,
            Self::V4 => flow.src.is_ipv4(),
            Self::V6 => flow.src.is_ipv6(),
            Self::Net(end, net, bits) => {
                let start = |address: u32| u64::from(address) >> (32 - bits);
                end.holds(addresses, |a| a.is_some_and(|a| start(a) == start(*net)))
            }
            Self::Hosts(end, hosts) => {
                end.holds(addresses, |a| a.is_some_and(|a| hosts.contains(&a)))
            }
            // `a != b` is `not a = b`.
            Self::Port(end, Sign::Unequal, port) => !end.holds(ports, |a| a == *port),
            Self::Port(end, sign, port) => {
                end.holds(ports, |a| sign.holds(a.into(), (*port).into()))
            }
            Self::Ports(end, ranges) => end.holds(ports, |port| {
                ranges.iter().any(|&(first, last)| first <= port && port <= last)
            }),
            Self::Protocol(number) => flow.protocol.0 == *number,
            Self::FlagsSet(flags) => tcp && flow.tcp_flags & flags == *flags,
            Self::FlagsEqual(flags) => tcp && flow.tcp_flags == *flags,
            Self::Interface(end, number) => end.holds((flow.input, flow.output), |a| a == *number),
            Self::As(end, Sign::Unequal, number) => {
                !end.holds((flow.src_as, flow.dst_as), |a| a == *number)
            }
            Self::As(end, sign, number) => {
                end.holds((flow.src_as, flow.dst_as), |a| sign.holds(a.into(), (*number).into()))
            }
            Self::Icmp(number) => {
                matches!(flow.protocol.0, 1 | 58) && flow.dst_port >> 8 == u16::from(*number)
            }
            Self::Number(name, sign, number) => {
                let value = match *name {
                    "bytes" => flow.octets,
                    "packets" => flow.packets,
                    "duration" => flow.duration_ms.into(),
                    "pps" => of_rate(flow.packets, 1000),
                    "bps" => of_rate(flow.octets, 8000),
                    "bpp" => flow.octets / flow.packets,
                    _ => flow.tos.into(),
                };
                sign.holds(value, *number)
            }
            Self::First(sign, time) => sign.holds(flow.first.0, *time),
        }
    }

    fn text(&self, random: &mut Random, spelling: Spelling) -> String {
        let users = spelling == Spelling::OfUsers;
        let v4 = Ipv4Addr::from;
        let letters = |flags: u8| -> String {
            LETTERS.iter().filter(|(_, bit)| flags & bit != 0).map(|(letter, _)| letter).collect()
        };
        match self {
            Self::Any => "any".to_owned(),
            Self::V4 => if users { random.pick(&["ipv4", "inet"]) } else { "ipv4" }.to_owned(),
            Self::V6 => if users { random.pick(&["ipv6", "inet6"]) } else { "ipv6" }.to_owned(),
            Self::Net(end, net, bits) => {
                let end = end.text(random);
                let mask = Ipv4Addr::from(!0_u32 << (32 - bits));
                match random.below(if users { 4 } else { 2 }) {
                    1 => format!("{end}net {} {mask}", v4(*net)),
                    2 => format!("{end}ip in [{}/{bits}]", v4(*net)),
                    3 => format!("{end}IP {}/{bits}", v4(*net)),
                    _ => format!("{end}net {}/{bits}", v4(*net)),
                }
            }
            Self::Hosts(end, hosts) => {
                let list: Vec<String> = hosts.iter().map(|&host| v4(host).to_string()).collect();
                let between = random.pick(&[" ", ","]);
                format!("{}ip in [{}]", end.text(random), list.join(between))
            }
            Self::Port(end, sign, port) => {
                format!("{}port {} {port}", end.text(random), sign.text(random, spelling))
            }
            Self::Ports(end, ranges) => {
                let range = |&(first, last): &(u16, u16)| {
                    if first == last { first.to_string() } else { format!("{first}-{last}") }
                };
                let list: Vec<String> = ranges.iter().map(range).collect();
                format!("{}port in [{}]", end.text(random), list.join(" "))
            }
            Self::Protocol(number) => {
                let name = match number {
                    1 => "icmp",
                    6 => "tcp",
                    17 => "udp",
                    47 => "gre",
                    _ => "58",
                };
                match random.below(if users { 3 } else { 2 }) {
                    0 => format!("proto {number}"),
                    2 if *number != 58 => name.to_owned(),
                    _ => format!("proto {name}"),
                }
            }
            Self::FlagsSet(flags) => format!("flags {}", letters(*flags)),
            Self::FlagsEqual(flags) => match random.below(if users { 3 } else { 1 }) {
                1 => format!("flags = {}", letters(*flags)),
                2 => format!("flags={}", letters(*flags)),
                _ => format!("flags {flags}"),
            },
            Self::Interface(end, number) => {
                let way = match end {
                    End::Src => "in ",
                    End::Dst => "out ",
                    End::Either | End::Both => "",
                };
                format!("{way}if {number}")
            }
            Self::As(end, sign, number) => {
                format!("{}as {} {number}", end.text(random), sign.text(random, spelling))
            }
            Self::Icmp(number) => {
                format!("{} {number}", random.pick(&["icmp-type", "icmp type", "ICMP-Type ="]))
            }
            Self::Number(name, sign, number) => {
                let factor = if users && number % 1000 == 0 && *number > 0 {
                    format!("{}k", number / 1000)
                } else {
                    number.to_string()
                };
                format!("{name} {} {factor}", sign.text(random, spelling))
            }
            Self::First(sign, time) => {
                let time = earlgrey_hbase::UnixMillis(*time);
                format!("first seen {} {time}", sign.text(random, spelling))
            }
        }
    }
}
