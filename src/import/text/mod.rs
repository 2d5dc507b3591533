//! Texts, a flow a line: what `rwcut` of SiLK prints, Zeek's logs of connections, and what Argus
//! writes as CSV.

mod argus;
mod lines;
mod silk;
mod table;
mod values;
mod zeek;

use std::net::IpAddr;

use super::Options;
use super::draft::Draft;
pub(super) use lines::Lines;
pub(super) use values::{icmp, protocol};

/// A text that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Text {
    /// What `rwcut` prints, with titles.
    Silk,
    /// Zeek's `conn.log`, as it is written by itself.
    Zeek,
    /// Likewise, an object in JSON a line.
    ZeekJson,
    /// Argus' flows as CSV, with names in the first line.
    Argus,
}

/// Tells what a text is that begins so.
pub(super) fn tell(start: &[u8]) -> Option<Text> {
    let end = start.iter().position(|&byte| byte == b'\n').unwrap_or(start.len());
    let line = str::from_utf8(start.get(..end)?).ok()?.trim_end();
    if line.starts_with("#separator ") {
        Some(Text::Zeek)
    } else if zeek::is_json(line) {
        Some(Text::ZeekJson)
    } else if argus::is_titles(line) {
        Some(Text::Argus)
    } else {
        silk::is_titles(line).then_some(Text::Silk)
    }
}

/// Begins to read a text.
pub(super) fn begin(text: Text, options: &Options) -> Lines {
    match text {
        Text::Silk => Lines::new("silk", options, Box::new(silk::Silk::default())),
        Text::Zeek => Lines::new("zeek", options, Box::new(zeek::Zeek::default())),
        Text::ZeekJson => Lines::new("zeek json", options, Box::new(zeek::Json)),
        Text::Argus => Lines::new("argus", options, Box::new(argus::Argus::default())),
    }
}

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    Flow,
    /// Titles, comments: no flow.
    Beside,
}

/// Why a line is no flow that can be kept; labels never change once released.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub(crate) reason: &'static str,
    /// What of it.
    pub(crate) detail: String,
}

/// The one of lines that are right, but of no hosts: frames of ARP.
const NO_ADDRESSES: &str = "no addresses";

pub(super) fn wrong(reason: &'static str, detail: impl Into<String>) -> Wrong {
    Wrong { reason, detail: detail.into() }
}

/// Reads the lines of one kind of text.
trait Dialect {
    /// Puts what `line` says into `to`.
    fn line(&mut self, line: &str, to: &mut Draft) -> Result<Line, Wrong>;
}

/// Both ends, which must be there and of one family.
fn ends(src: Option<IpAddr>, dst: Option<IpAddr>, to: &mut Draft) {
    to.record.src = src;
    to.record.dst = dst;
}
