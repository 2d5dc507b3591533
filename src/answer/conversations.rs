//! Conversations to an output.

use std::io::Write;
use std::net::IpAddr;

use jiff::tz::TimeZone;

use super::clock::Clock;
use super::nfdump::{Layout, Row, tcp_flags};
use super::pieces::Pieces;
use super::text::push_address;
use super::{AnswerError, Format, Style, Written};
use crate::aggregate::{Conversation, Sent};
use crate::flow::{Family, FlowRecord, Names, Sampling, Source};
use crate::store::Result as StoreResult;

const CSV_HEADER: &str = "initiatorAddress,initiatorPort,responderAddress,responderPort,protocol,\
    time,duration,initiatorBytes,initiatorPackets,responderBytes,responderPackets,tcpFlags,tos,\
    flows\n";

/// Prints all of `conversations`, or as many as the reader of the output takes; `format` is one
/// that [`Format::check_for_conversations`] lets pass.
///
/// In nfdump's cells the source is the initiator; what it sent came in, and what came back to it
/// went out, as nfdump has it. JSON and CSV have names of their own: `initiatorBytes` is what the
/// initiator sent, `duration` is in milliseconds.
///
/// # Errors
///
/// As [`write_flows`](super::write_flows).
pub fn write_conversations(
    conversations: impl Iterator<Item = StoreResult<Conversation>>,
    to: impl Write,
    format: &Format,
    style: Style,
    zone: TimeZone,
) -> Result<Written, AnswerError> {
    let layout = if *format == Format::Csv { None } else { format.layout() };
    let layout = layout.map(|layout| layout.styled(style.plain, style.wide));
    let mut printer = Printer { layout, format, clock: Clock::new(zone), names: Names::default() };
    let mut to = Pieces::new(to);
    to.text.extend_from_slice(printer.header().as_bytes());
    let mut count = 0;
    for conversation in conversations {
        let conversation = match conversation {
            Ok(conversation) => conversation,
            Err(error) => {
                to.pass_on().map_err(AnswerError::Output)?;
                return Err(error.into());
            }
        };
        if to.is_closed() {
            break;
        }
        printer.push(&mut to.text, &conversation, count);
        count += 1;
        to.pass_on_full().map_err(AnswerError::Output)?;
    }
    if *format == Format::Json {
        to.text.extend_from_slice(if count == 0 { b"]\n" } else { b"\n]\n" });
    }
    Ok(Written { flows: count, closed: to.finish().map_err(AnswerError::Output)? })
}

struct Printer<'a> {
    layout: Option<Layout>,
    format: &'a Format,
    clock: Clock,
    names: Names,
}

impl Printer<'_> {
    fn header(&self) -> String {
        match (&self.layout, self.format) {
            (Some(layout), _) => layout.header(),
            (None, Format::Csv) => CSV_HEADER.to_owned(),
            (None, Format::Json) => "[".to_owned(),
            (None, _) => String::new(),
        }
    }

    fn push(&mut self, to: &mut Vec<u8>, conversation: &Conversation, before: u64) {
        if let Some(layout) = &self.layout {
            let flow = flow(conversation);
            let row = Row {
                duration_ms: conversation.duration_ms,
                packets: conversation.sent.packets,
                octets: conversation.sent.octets,
                out: Some((conversation.returned.packets, conversation.returned.octets)),
                flows: conversation.flows,
                ..Row::of(&flow, &[], &self.names, before + 1)
            };
            return layout.push(to, &mut self.clock, &row);
        }
        match self.format {
            Format::Json => {
                to.extend_from_slice(if before == 0 { b"\n" } else { b",\n" });
                self.push_object(to, conversation);
            }
            Format::Ndjson => {
                self.push_object(to, conversation);
                to.push(b'\n');
            }
            Format::Csv => self.push_csv(to, conversation),
            _ => {}
        }
    }

    fn push_object(&mut self, to: &mut Vec<u8>, conversation: &Conversation) {
        push_end(to, b"{\"initiator", (conversation.initiator, conversation.initiator_port));
        push_end(to, b",\"responder", (conversation.responder, conversation.responder_port));
        // Writing to bytes cannot fail.
        let _ = write!(to, ",\"protocol\":\"{}\",\"time\":\"", conversation.protocol);
        self.clock.push_rfc_3339(to, conversation.first);
        let _ = write!(to, "\",\"duration\":{}", conversation.duration_ms);
        for (name, Sent { octets, packets }) in
            [("initiator", conversation.sent), ("responder", conversation.returned)]
        {
            let _ = write!(to, ",\"{name}Bytes\":{octets},\"{name}Packets\":{packets}");
        }
        let flags = tcp_flags(conversation.tcp_flags);
        let _ = write!(
            to,
            ",\"tcpFlags\":\"{}\",\"tos\":{},\"flows\":{}}}",
            String::from_utf8_lossy(&flags),
            conversation.tos,
            conversation.flows
        );
    }

    fn push_csv(&mut self, to: &mut Vec<u8>, conversation: &Conversation) {
        for (address, port) in [
            (conversation.initiator, conversation.initiator_port),
            (conversation.responder, conversation.responder_port),
        ] {
            push_address(to, address);
            let _ = write!(to, ",{port},");
        }
        let _ = write!(to, "{},", conversation.protocol);
        self.clock.push_rfc_3339(to, conversation.first);
        let _ = write!(to, ",{}", conversation.duration_ms);
        for Sent { octets, packets } in [conversation.sent, conversation.returned] {
            let _ = write!(to, ",{octets},{packets}");
        }
        let flags = tcp_flags(conversation.tcp_flags);
        let flags = String::from_utf8_lossy(&flags);
        let _ = writeln!(to, ",{flags},{},{}", conversation.tos, conversation.flows);
    }
}

/// Appends the members of an end: `Address":"10.0.0.1","initiatorPort":443`.
fn push_end(to: &mut Vec<u8>, name: &[u8], (address, port): (IpAddr, u16)) {
    to.extend_from_slice(name);
    to.extend_from_slice(b"Address\":\"");
    push_address(to, address);
    to.extend_from_slice(b"\",\"");
    to.extend_from_slice(&name[2..]);
    let _ = write!(to, "Port\":{port}");
}

/// The conversation as cells see it: a flow of the initiator.
fn flow(conversation: &Conversation) -> FlowRecord {
    let none = Family::of(conversation.initiator).address(0);
    FlowRecord {
        src: conversation.initiator,
        dst: conversation.responder,
        first: conversation.first,
        duration_ms: u32::try_from(conversation.duration_ms).unwrap_or(u32::MAX),
        octets: u64::try_from(conversation.sent.octets).unwrap_or(u64::MAX),
        packets: u64::try_from(conversation.sent.packets).unwrap_or(u64::MAX),
        src_port: conversation.initiator_port,
        dst_port: conversation.responder_port,
        protocol: conversation.protocol,
        tcp_flags: conversation.tcp_flags,
        tos: conversation.tos,
        input: 0,
        output: 0,
        src_as: 0,
        dst_as: 0,
        src_mask: 0,
        dst_mask: 0,
        next_hop: none,
        source: Source { exporter: none, engine: 0, sampling: Sampling::default() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::{Protocol, UnixMillis};

    fn text(format: &str) -> String {
        let conversation = Conversation {
            initiator: [10, 0, 0, 1].into(),
            initiator_port: 40_000,
            responder: [10, 0, 0, 2].into(),
            responder_port: 53,
            protocol: Protocol::UDP,
            first: UnixMillis(1_185_488_138_007),
            duration_ms: 8_640_000_001,
            sent: Sent { octets: 100, packets: 1 },
            returned: Sent { octets: u128::from(u64::MAX) + 1, packets: 2 },
            tcp_flags: 0,
            tos: 8,
            flows: 3,
        };
        let mut text = Vec::new();
        let format: Format = format.parse().unwrap();
        let (style, zone) = (Style { plain: true, wide: false }, TimeZone::UTC);
        write_conversations([Ok(conversation)].into_iter(), &mut text, &format, style, zone)
            .unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn a_conversation_is_shown_whole_in_every_format() {
        let object = r#"{"initiatorAddress":"10.0.0.1","initiatorPort":40000,"responderAddress":"10.0.0.2","responderPort":53,"protocol":"UDP","time":"2007-07-26T22:15:38.007Z","duration":8640000001,"initiatorBytes":100,"initiatorPackets":1,"responderBytes":18446744073709551616,"responderPackets":2,"tcpFlags":"........","tos":8,"flows":3}"#;
        assert_eq!(text("ndjson"), format!("{object}\n"));
        assert_eq!(text("json"), format!("[\n{object}\n]\n"));
        assert_eq!(
            text("csv"),
            format!(
                "{CSV_HEADER}10.0.0.1,40000,10.0.0.2,53,UDP,2007-07-26T22:15:38.007Z,8640000001,\
                 100,1,18446744073709551616,2,........,8,3\n"
            )
        );
        assert_eq!(
            text("fmt:%sap %dap %ipkt %opkt %ibyt %obyt %tds %fl").lines().nth(1).unwrap(),
            "        10.0.0.1:40000         10.0.0.2:53           1        2      100 \
             18446744073709551616      8640000.001     3"
        );
        assert_eq!(text("null"), "");
    }
}
