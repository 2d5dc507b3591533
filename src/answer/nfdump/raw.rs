//! nfdump's `raw`: a line for each field, without those that are about nfdump's own files.

use std::io::Write as _;
use std::net::IpAddr;

use super::cells::Whose;
use super::push::push_mac;
use super::row::Row;
use super::{tcp_flags, values};
use crate::answer::clock::Clock;
use crate::answer::text::{push_inet_ntop, push_right};
use crate::flow::{Columns, UnixMillis};

/// It shows every field of a flow.
pub(in crate::answer) const RAW_COLUMNS: Columns = Columns::ALL;

/// Appends the lines of `row`, an empty one first.
///
/// nfdump also tells how its file holds the record (ident, elements, size, exporter's number) and
/// when that came in, none of which is kept here.
pub(in crate::answer) fn push_raw(to: &mut Vec<u8>, clock: &mut Clock, row: &Row<'_>) {
    let flow = row.flow;
    let sampled = if flow.source.sampling.interval > 1 { "Sampled" } else { "Unsampled" };
    let [.., engine_type, engine_id] = flow.source.engine.to_be_bytes();
    // Writing to bytes cannot fail.
    let _ = write!(
        to,
        "\nFlow Record: \n  RecordCount  =              {:5}\n  Flags        =               \
         0x{:02x} FLOW, {sampled}\n  engine type  =              {engine_type:5}\n  engine ID    \
         =              {engine_id:5}\n",
        row.place,
        u8::from(sampled == "Sampled") << 1,
    );
    for (name, time) in
        [("first", flow.first), ("last", UnixMillis(flow.first.0.saturating_add(row.duration_ms)))]
    {
        let _ = write!(to, "  {name:<12} =      {:13} [", time.0);
        clock.push(to, time);
        to.extend_from_slice(b"]\n");
    }
    push_transport(to, row);
    let _ = write!(
        to,
        "  in packets   =         {:10}\n  in bytes     =         {:10}\n",
        row.packets, row.octets
    );
    push_address(to, "src addr", flow.src);
    push_address(to, "dst addr", flow.dst);
    push_way(to, row);
    let (out_packets, out_octets) = (row.out_packets(), row.out_octets());
    if row.has([23, 24, 232, 299]) || out_packets > 0 || out_octets > 0 {
        let _ = write!(
            to,
            "  out packets  =         {out_packets:10}\n  out bytes    =         {out_octets:10}\n  \
             aggr flows   =         {:10}\n",
            row.flows
        );
    }
    push_routes(to, row);
}

fn push_transport(to: &mut Vec<u8>, row: &Row<'_>) {
    let flow = row.flow;
    let flags = values::shown_flags(flow);
    let letters = tcp_flags(flags);
    let _ = write!(
        to,
        "  proto        =                {:3} {}\n  tcp flags    =               0x{flags:02x} {}\n",
        flow.protocol.0,
        flow.protocol,
        String::from_utf8_lossy(&letters)
    );
    let [kind, code] = flow.dst_port.to_be_bytes();
    let _ = if flow.protocol.is_icmp() {
        writeln!(to, "  ICMP         =               {kind:2}.{code:<2} type.code")
    } else {
        write!(
            to,
            "  src port     =              {:5}\n  dst port     =              {:5}\n  src tos      \
             =                {:3}\n  fwd status   =                {:3}\n",
            flow.src_port,
            flow.dst_port,
            flow.tos,
            row.number(89).unwrap_or(0)
        )
    };
}

fn push_way(to: &mut Vec<u8>, row: &Row<'_>) {
    let flow = row.flow;
    let _ = write!(
        to,
        "  input        =       {:12}\n  output       =       {:12}\n",
        flow.input, flow.output
    );
    for (name, address, bits) in
        [("src mask", flow.src, flow.src_mask), ("dst mask", flow.dst, flow.dst_mask)]
    {
        let _ = write!(to, "  {name:<12} =              {bits:5} ");
        if bits > 0 {
            push_inet_ntop(to, super::push::network(address, bits));
        }
        let _ = writeln!(to, "/{bits}");
    }
    let number = |element| row.number(element).unwrap_or(0);
    let (biflow, end) = (number(239), number(136));
    let _ = write!(
        to,
        "  dst tos      =                {:3}\n  direction    =                {:3}\n  biFlow Dir   \
         =               0x{biflow:02x} {}\n  end reason   =               0x{end:02x} {}\n",
        number(55),
        number(61),
        // RFC 5103 §6.3.
        ["", "initiator", "reverseInitiator", "perimeter"].get(biflow as usize).unwrap_or(&"undef"),
        // IANA's flowEndReason.
        [
            "",
            "idle timeout",
            "active timeout",
            "end of Flow detected",
            "forced end",
            "lack of resources"
        ]
        .get(end as usize)
        .unwrap_or(&"undef"),
    );
}

fn push_routes(to: &mut Vec<u8>, row: &Row<'_>) {
    let flow = row.flow;
    push_numbers(to, row, 10, [("src vlan", 58), ("dst vlan", 59)]);
    let _ = write!(
        to,
        "  src as       =             {:6}\n  dst as       =             {:6}\n",
        flow.src_as, flow.dst_as
    );
    let bgp = values::address(Whose::Element(18, 63, 0), row);
    if row.has([18, 63]) {
        push_address(to, "bgp next hop", bgp);
    }
    push_address(to, "ip next hop", flow.next_hop);
    push_address(to, "ip exporter", flow.source.exporter);
    for place in 1..=10 {
        if let Some(entry) = row.number(69 + place).filter(|&entry| entry != 0) {
            let (class, is_last) = ((entry & 0xf) >> 1, entry & 1);
            let _ =
                writeln!(to, "  MPLS Lbl {place:2}  =       {:8}-{class}-{is_last}", entry >> 4);
        }
    }
    let macs = [("in src mac", 56), ("out dst mac", 57), ("in dst mac", 80), ("out src mac", 81)];
    if row.has(macs.map(|(_, number)| number)) {
        for (name, number) in macs {
            let _ = write!(to, "  {name:<12} =  ");
            push_mac(to, row.number(number).unwrap_or(0));
            to.push(b'\n');
        }
    }
    push_numbers(to, row, 5, [("bgp next as", 128), ("bgp prev as", 129)]);
    if row.has([225, 226, 281, 282]) {
        push_address(to, "src xlt ip", values::address(Whose::Element(225, 281, 0), row));
        push_address(to, "dst xlt ip", values::address(Whose::Element(226, 282, 0), row));
    }
    push_numbers(to, row, 5, [("src xlt port", 227), ("dst xlt port", 228)]);
    push_numbers(to, row, 10, [("ingress VRF", 234), ("egress VRF", 235)]);
}

/// Appends both elements, so wide, if the flow has either.
fn push_numbers(to: &mut Vec<u8>, row: &Row<'_>, width: usize, pair: [(&str, u16); 2]) {
    if row.has(pair.map(|(_, number)| number)) {
        for (name, number) in pair {
            let value = row.number(number).unwrap_or(0);
            let blanks = 19 - width;
            let _ = writeln!(to, "  {name:<12} ={:blanks$}{value:width$}", "");
        }
    }
}

fn push_address(to: &mut Vec<u8>, name: &str, address: IpAddr) {
    let _ = write!(to, "  {name:<12} =   ");
    push_right(to, 16, |to| push_inet_ntop(to, address));
    to.push(b'\n');
}
