//! Flows as documents of the Elastic Common Schema: nested objects, by the table `schema/names-ecs.csv`.

use std::io::Write;
use std::net::IpAddr;

use crate::answer::push_elements;
use crate::flow::{
    Change, Column, ColumnName, CommunityId, Family, FlowRecord, Names, Naming, Protocol,
};
use crate::meaning::{Attribute, Ends};

/// Writes such documents.
pub(super) struct Ecs {
    fields: Node,
    names: Names,
    ends: Ends,
}

/// An object, or a value in one.
enum Node {
    Object(Vec<(String, Node)>),
    Value(ColumnName),
    /// Of a protocol that has ports, its name in small letters.
    Transport,
    /// The Community ID.
    Community,
    /// `ipv4` or `ipv6`.
    Family,
    /// What the exporter is called.
    Exporter,
    /// What an end is called: that of the source, or of the destination.
    Meant(Attribute, bool),
    /// The same in every document, as JSON.
    Constant(&'static str),
}

impl Ecs {
    pub(super) fn new(names: Names, ends: Ends) -> Self {
        let mut fields = Node::Object(Vec::new());
        for &named in Naming::Ecs.table() {
            fields.add(named.name, Node::Value(named));
        }
        for (path, node) in [
            ("event.kind", Node::Constant(r#""event""#)),
            ("event.category", Node::Constant(r#"["network"]"#)),
            ("event.type", Node::Constant(r#"["connection"]"#)),
            ("ecs.version", Node::Constant(r#""8.17""#)),
            ("network.transport", Node::Transport),
            ("network.type", Node::Family),
            ("network.community_id", Node::Community),
            ("observer.name", Node::Exporter),
        ] {
            fields.add(path, node);
        }
        for attribute in ends.said.iter().map(|said| said.attribute) {
            for (path, is_dst) in attribute.columns(Naming::Ecs).iter().zip([false, true]) {
                fields.add(path, Node::Meant(attribute, is_dst));
            }
        }
        Self { fields, names, ends }
    }

    /// Appends the document of `flow`, but for the brace at its end.
    pub(super) fn push_open(&mut self, to: &mut Vec<u8>, flow: &FlowRecord, extras: &[u8]) {
        let Self { fields, names, ends } = self;
        let mut what = What { flow, extras, names, ends };
        if !fields.push(to, &mut what) {
            to.extend_from_slice(b"{}");
        }
        to.pop();
    }
}

/// What a document is of.
struct What<'a> {
    flow: &'a FlowRecord,
    extras: &'a [u8],
    names: &'a Names,
    ends: &'a mut Ends,
}

impl Node {
    /// Enters `node` at a path of names with dots between them.
    fn add(&mut self, path: &str, node: Node) {
        let Self::Object(members) = self else { return };
        let Some((first, rest)) = path.split_once('.') else {
            members.push((path.to_owned(), node));
            return;
        };
        let at = members.iter().position(|(name, _)| name == first).unwrap_or_else(|| {
            members.push((first.to_owned(), Self::Object(Vec::new())));
            members.len() - 1
        });
        members[at].1.add(rest, node);
    }

    /// Appends the value; says whether there is one. An object without any is none.
    fn push(&self, to: &mut Vec<u8>, what: &mut What<'_>) -> bool {
        match self {
            Self::Object(members) => {
                let start = to.len();
                for (name, node) in members {
                    let before = to.len();
                    to.push(if before == start { b'{' } else { b',' });
                    // Writing to memory cannot fail.
                    let _ = write!(to, "\"{name}\":");
                    if !node.push(to, what) {
                        to.truncate(before);
                    }
                }
                let some = to.len() > start;
                if some {
                    to.push(b'}');
                }
                some
            }
            Self::Value(named) => push_value(to, *named, what),
            Self::Constant(text) => push(to, text),
            Self::Exporter => match what.names.exporters.get(&what.flow.source.exporter) {
                // A string can be written as JSON.
                Some(name) => serde_json::to_writer(to, name).is_ok(),
                None => false,
            },
            Self::Meant(attribute, is_dst) => {
                let address = if *is_dst { what.flow.dst } else { what.flow.src };
                match what.ends.of(*attribute, address, what.flow.first) {
                    "" => false,
                    text => serde_json::to_writer(to, text).is_ok(),
                }
            }
            Self::Community => push(to, &format!("\"{}\"", CommunityId::of(what.flow))),
            Self::Family => push(
                to,
                match what.flow.family() {
                    Family::V4 => "\"ipv4\"",
                    Family::V6 => "\"ipv6\"",
                },
            ),
            Self::Transport => match what.flow.protocol {
                Protocol::TCP => push(to, "\"tcp\""),
                Protocol::UDP => push(to, "\"udp\""),
                Protocol(132) => push(to, "\"sctp\""),
                Protocol::ICMP => push(to, "\"icmp\""),
                Protocol::ICMP6 => push(to, "\"ipv6-icmp\""),
                _ => false,
            },
        }
    }
}

fn push(to: &mut Vec<u8>, text: &str) -> bool {
    to.extend_from_slice(text.as_bytes());
    true
}

fn push_value(to: &mut Vec<u8>, named: ColumnName, what: &What<'_>) -> bool {
    let What { flow, extras, names, .. } = what;
    let source = &flow.source;
    let number = match named.column {
        "src" => return push_address(to, flow.src),
        "dst" => return push_address(to, flow.dst),
        "next_hop" => return push_address(to, flow.next_hop),
        "exporter" => return push_address(to, source.exporter),
        "first_ms" => return push(to, &format!("\"{}\"", flow.first)),
        "input_name" => return push_name(to, names, source.exporter, flow.input),
        "output_name" => return push_name(to, names, source.exporter, flow.output),
        "elements" => {
            if !extras.is_empty() {
                push_elements(to, extras);
            }
            return !extras.is_empty();
        }
        "engine" => source.engine.into(),
        "sampling_mode" => source.sampling.mode.into(),
        "sampling_interval" => source.sampling.interval.into(),
        name => match Column::ALL.into_iter().find(|column| column.name() == name) {
            Some(column) => flow.number(column),
            None => return false,
        },
    };
    match named.change {
        Change::Nanoseconds => push(to, &(u128::from(number) * 1_000_000).to_string()),
        _ => push(to, &number.to_string()),
    }
}

fn push_address(to: &mut Vec<u8>, address: IpAddr) -> bool {
    push(to, &format!("\"{address}\""))
}

fn push_name(to: &mut Vec<u8>, names: &Names, exporter: IpAddr, interface: u32) -> bool {
    match names.interfaces.get(&(exporter, interface)) {
        // A string can be written as JSON.
        Some(name) => serde_json::to_writer(to, name).is_ok(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::flow::UnixMillis;

    #[test]
    fn a_flow_is_a_document_of_nested_objects() {
        let flow = FlowRecord {
            first: UnixMillis(1_185_488_138_007),
            duration_ms: 3,
            octets: 1500,
            packets: 2,
            src_port: 40_000,
            dst_port: 443,
            protocol: Protocol::TCP,
            src_as: 64_512,
            input: 7,
            ..FlowRecord::between([10, 0, 0, 1].into(), [192, 0, 2, 1].into())
        };
        let mut names = Names::default();
        names.interfaces.insert((flow.source.exporter, 7), "eth\"0".to_owned());
        let mut text = Vec::new();
        Ecs::new(names, Ends::default()).push_open(&mut text, &flow, &[]);
        text.push(b'}');
        let document: Value = serde_json::from_slice(&text).unwrap();
        assert_eq!(document["@timestamp"], "2007-07-26T22:15:38.007Z");
        assert_eq!(
            document["source"],
            json!({"ip": "10.0.0.1", "port": 40_000, "as": {"number": 64_512}})
        );
        assert_eq!(
            document["network"],
            json!({
                "iana_number": 6, "bytes": 1500, "packets": 2, "transport": "tcp", "type": "ipv4",
                "community_id": CommunityId::of(&flow).to_string(),
            })
        );
        assert_eq!(document["event"]["duration"], 3_000_000);
        assert_eq!(document["event"]["category"], json!(["network"]));
        assert_eq!(
            document["observer"]["ingress"]["interface"],
            json!({"id": 7, "name": "eth\"0"})
        );
    }
}
