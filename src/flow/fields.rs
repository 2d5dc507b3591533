//! The columns of a flow, each declared once. Whatever has to do with all of them is made of these
//! lines, or loops over [`Column::ALL`](super::Column::ALL).

/// Hands a line for each column to the macro `$make`, which makes of them what it needs: an enum,
/// the struct of a batch, a loop over its fields.
///
/// The name in files has the unit. Of the elements, `|` stands between those that are as good, of
/// addresses those of IPv4 and IPv6. The order of the lines is that of the columns in files; a new
/// column comes before the last three, which are no part of a flow and not in [`Column::ALL`].
macro_rules! columns {
    ($make:ident) => {
        $make! {
            // column and field      values     name in        word in       IANA's elements that    pages keep
            // in a batch            kept as    files          filters       tell it, best first     bounds
            Src      src:         Addresses, "src",         "src ip",     [8 | 27, 44 | 170],             true;
            First    first_ms:    Vec<u64>,  "first_ms",    "first seen", [152, 154 | 156, 150, 158, 22], true;
            Dst      dst:         Addresses, "dst",         "dst ip",     [12 | 28, 45 | 169],            true;
            Protocol protocol:    Vec<u8>,   "protocol",    "proto",      [4],                            true;
            SrcPort  src_port:    Vec<u16>,  "src_port",    "src port",   [7, 180 | 182],                 false;
            DstPort  dst_port:    Vec<u16>,  "dst_port",    "dst port",   [11, 181 | 183],                false;
            Octets   octets:      Vec<u64>,  "octets",      "bytes",      [1, 85, 23, 231, 352],          true;
            Packets  packets:     Vec<u64>,  "packets",     "packets",    [2, 86, 24, 298],               true;
            Duration duration_ms: Vec<u32>,  "duration_ms", "duration",   [161 | 162],                    true;
            TcpFlags tcp_flags:   Vec<u8>,   "tcp_flags",   "flags",      [6],                            false;
            Tos      tos:         Vec<u8>,   "tos",         "tos",        [5],                            false;
            Input    input:       Vec<u32>,  "input",       "in if",      [10],                           false;
            Output   output:      Vec<u32>,  "output",      "out if",     [14],                           false;
            SrcAs    src_as:      Vec<u32>,  "src_as",      "src as",     [16],                           false;
            DstAs    dst_as:      Vec<u32>,  "dst_as",      "dst as",     [17],                           false;
            SrcMask  src_mask:    Vec<u8>,   "src_mask",    "src mask",   [9 | 29],                       false;
            DstMask  dst_mask:    Vec<u8>,   "dst_mask",    "dst mask",   [13 | 30],                      false;
            NextHop  next_hop:    Addresses, "next_hop",    "next ip",    [15 | 62],                      false;
            // An index into the batch's table of sources.
            Source   source:      Vec<u32>,  "source",      "source",     [],                             false;
            // What a flow has beyond the other columns: the elements themselves.
            Extras   extras:      Extras,    "extras",      "extras",     [],                             false;
            // The address behind a NAT that leads a row, and its port: only rows read in the order of
            // these have them.
            Nat      nat:         Leading<Addresses>, "nat",      "nat ip",   [],                         true;
            NatPort  nat_port:    Leading<Vec<u16>>,  "nat_port", "nat port", [],                         true;
            // How many flows a row stands for: only rows of sums have it.
            Flows    flows:       FlowCounts, "flows",      "flows",      [],                             false;
        }
    };
}

pub(crate) use columns;
