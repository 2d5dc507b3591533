//! Conversations to an output.

use std::io::Write;

use jiff::tz::TimeZone;

use super::clock::Clock;
use super::nfdump::{Layout, Row};
use super::pieces::{Written, write_each};
use super::rows::{Head, Value, write_rows};
use super::{AnswerError, Format, PairFormat, Style};
use crate::aggregate::Conversation;
use crate::flow::{Family, FlowRecord, Names, Sampling, Source};
use crate::store::Result as StoreResult;

/// What the values of a conversation are called in JSON and CSV.
const NAMES: [&str; 17] = [
    "initiatorAddress",
    "initiatorPort",
    "responderAddress",
    "responderPort",
    "protocol",
    "time",
    "duration",
    "initiatorBytes",
    "initiatorPackets",
    "responderBytes",
    "responderPackets",
    "tcpFlags",
    "tos",
    "flows",
    "initiatorTcpFlags",
    "responderTcpFlags",
    "outcome",
];

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
    let rows = match format {
        Format::Json => PairFormat::Json,
        Format::Ndjson => PairFormat::Ndjson,
        Format::Csv => PairFormat::Csv,
        _ => return write_cells(conversations, to, format, style, zone),
    };
    let head = Head { names: NAMES.to_vec(), object: String::new() };
    write_rows(conversations.map(|conversation| Ok(values(&conversation?))), &head, rows, zone, to)
}

/// Prints `conversations` as lines of cells; as nothing where the format has none.
fn write_cells(
    conversations: impl Iterator<Item = StoreResult<Conversation>>,
    to: impl Write,
    format: &Format,
    style: Style,
    zone: TimeZone,
) -> Result<Written, AnswerError> {
    let layout = format.layout().map(|layout| layout.styled(style.plain, style.wide));
    let header = layout.as_ref().map(Layout::header).unwrap_or_default();
    let (mut clock, names) = (Clock::new(zone), Names::default());
    let push = |to: &mut Vec<u8>, conversation: Conversation, before| {
        let Some(layout) = &layout else { return };
        let flow = flow(&conversation);
        let row = Row {
            duration_ms: conversation.duration_ms,
            packets: conversation.sent.packets,
            octets: conversation.sent.octets,
            out: Some((conversation.returned.packets, conversation.returned.octets)),
            flows: conversation.flows,
            ..Row::of(&flow, &[], &names, before + 1)
        };
        layout.push(to, &mut clock, &row);
    };
    write_each(conversations, to, &header, push, |_| String::new())
}

/// The values of [`NAMES`].
fn values(conversation: &Conversation) -> [Value; NAMES.len()] {
    let Conversation { sent, returned, .. } = conversation;
    [
        Value::Address(conversation.initiator),
        Value::number(conversation.initiator_port),
        Value::Address(conversation.responder),
        Value::number(conversation.responder_port),
        Value::Protocol(conversation.protocol),
        Value::Time(conversation.first),
        Value::number(conversation.duration_ms),
        Value::Number(sent.octets),
        Value::Number(sent.packets),
        Value::Number(returned.octets),
        Value::Number(returned.packets),
        Value::TcpFlags(conversation.tcp_flags()),
        Value::number(conversation.tos),
        Value::number(conversation.flows),
        Value::TcpFlags(sent.tcp_flags),
        Value::TcpFlags(returned.tcp_flags),
        Value::Word(conversation.outcome().name()),
    ]
}

/// The conversation as cells see it: a flow of the initiator.
fn flow(conversation: &Conversation) -> FlowRecord {
    let none = Family::of(conversation.initiator).address(0);
    FlowRecord {
        first: conversation.first,
        duration_ms: u32::try_from(conversation.duration_ms).unwrap_or(u32::MAX),
        octets: u64::try_from(conversation.sent.octets).unwrap_or(u64::MAX),
        packets: u64::try_from(conversation.sent.packets).unwrap_or(u64::MAX),
        src_port: conversation.initiator_port,
        dst_port: conversation.responder_port,
        protocol: conversation.protocol,
        tcp_flags: conversation.tcp_flags(),
        tos: conversation.tos,
        source: Source { exporter: none, engine: 0, sampling: Sampling::default() },
        ..FlowRecord::between(conversation.initiator, conversation.responder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::Sent;
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
            sent: Sent { octets: 100, packets: 1, tcp_flags: 0 },
            returned: Sent { octets: u128::from(u64::MAX) + 1, packets: 2, tcp_flags: 0 },
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
        let object = r#"{"initiatorAddress":"10.0.0.1","initiatorPort":40000,"responderAddress":"10.0.0.2","responderPort":53,"protocol":"UDP","time":"2007-07-26T22:15:38.007Z","duration":8640000001,"initiatorBytes":100,"initiatorPackets":1,"responderBytes":18446744073709551616,"responderPackets":2,"tcpFlags":"........","tos":8,"flows":3,"initiatorTcpFlags":"........","responderTcpFlags":"........","outcome":"answered"}"#;
        assert_eq!(text("ndjson"), format!("{object}\n"));
        assert_eq!(text("json"), format!("[\n{object}\n]\n"));
        assert_eq!(
            text("csv"),
            format!(
                "{}\n10.0.0.1,40000,10.0.0.2,53,UDP,2007-07-26T22:15:38.007Z,8640000001,\
                 100,1,18446744073709551616,2,........,8,3,........,........,answered\n",
                NAMES.join(",")
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
