//! What options told, as it is remembered with a store: `v9/1/sampler 5`, or, where another UDP
//! port told it otherwise since, `v9/1/sampler 5 of port 50000`.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::told::Said;
use super::{DomainOptions, MAX_SAMPLERS};
use crate::flow::{Memo, Remembered, Sampling, UnixMillis};
use crate::netflow::scope::Scope;
use crate::netflow::template::Format;

const OF_PORT: &str = " of port ";

/// What an options record says something of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Thing {
    All,
    Sampler(u64),
    Interface(u32),
    Started,
}

impl fmt::Display for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Sampler(id) => write!(f, "sampler {id}"),
            Self::Interface(index) => write!(f, "interface {index}"),
            Self::Started => f.write_str("started"),
        }
    }
}

impl Thing {
    fn parse(text: &str) -> Option<Self> {
        match text.split_once(' ') {
            None if text == "all" => Some(Self::All),
            None if text == "started" => Some(Self::Started),
            Some(("sampler", id)) => id.parse().ok().map(Self::Sampler),
            Some(("interface", index)) => index.parse().ok().map(Self::Interface),
            _ => None,
        }
    }
}

/// The value of a memo.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Value {
    port: u16,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    sampling: Option<Sampling>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    started: Option<UnixMillis>,
}

/// Enters what was said of `thing`: the newest, or what `otherwise` a port has.
pub(super) fn enter<V>(
    memos: &mut Remembered,
    scope: Scope,
    thing: Thing,
    otherwise: Option<u16>,
    said: Said<V>,
) where
    V: Into<Known>,
{
    let format = match scope.format {
        Format::V9 => "v9",
        Format::Ipfix => "ipfix",
    };
    let of_port = otherwise.map_or_else(String::new, |port| format!("{OF_PORT}{port}"));
    let name = format!("{format}/{}/{thing}{of_port}", scope.domain);
    let Known { sampling, started } = said.value.into();
    let value = Value { port: said.port, sampling, started };
    // The time of a packet may be damaged: one ahead would stand against all that is told later.
    let told = said.at.min(UnixMillis::now());
    if let Ok(value) = serde_json::to_value(value) {
        memos.enter(scope.exporter, name, Memo { told, value });
    }
}

/// What a value of options is.
pub(super) struct Known {
    sampling: Option<Sampling>,
    started: Option<UnixMillis>,
}

impl From<Sampling> for Known {
    fn from(sampling: Sampling) -> Self {
        Self { sampling: Some(sampling), started: None }
    }
}

impl From<UnixMillis> for Known {
    fn from(started: UnixMillis) -> Self {
        Self { sampling: None, started: Some(started) }
    }
}

/// Hands each memo that is understood to `take`: whose it is, and what puts it there.
pub(in crate::netflow) fn restore(
    memos: &Remembered,
    mut take: impl FnMut(Scope, &dyn Fn(&mut DomainOptions)),
) {
    for (exporter, name, Memo { told, value }) in memos.iter() {
        let mut parts = name.splitn(3, '/');
        let format = match parts.next() {
            Some("v9") => Format::V9,
            Some("ipfix") => Format::Ipfix,
            _ => continue,
        };
        let domain = parts.next().and_then(|domain| domain.parse().ok());
        let (Some(domain), Some(thing)) = (domain, parts.next()) else { continue };
        let otherwise = thing.contains(OF_PORT);
        let thing = thing.split(OF_PORT).next().and_then(Thing::parse);
        let (Some(thing), Ok(value)) = (thing, Value::deserialize(value)) else { continue };
        let scope = Scope { exporter, domain, format };
        take(scope, &|options| put(options, thing, otherwise, &value, *told));
    }
}

fn put(options: &mut DomainOptions, thing: Thing, otherwise: bool, known: &Value, at: UnixMillis) {
    let port = known.port;
    if let (Thing::Started, Some(value)) = (thing, known.started) {
        options.started.restore((), otherwise, Said { value, port, at }, 1);
    }
    let Some(value) = known.sampling else { return };
    options.knows_rate |= value.interval > 0;
    let said = Said { value, port, at };
    match thing {
        Thing::All => options.sampling.restore((), otherwise, said, 1),
        Thing::Sampler(id) => options.by_sampler.restore(id, otherwise, said, MAX_SAMPLERS),
        Thing::Interface(index) => {
            options.by_interface.restore(index, otherwise, said, MAX_SAMPLERS);
        }
        Thing::Started => {}
    }
}
