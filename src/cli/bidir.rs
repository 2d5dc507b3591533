//! `query --bidir`: both directions of conversations.

use super::failure::Usage;
use super::output;
use super::settings::Settings;
use crate::aggregate::Conversations;
use crate::answer::{Format, Style, write_conversations};
use crate::store::FlowStream;

/// The option.
#[derive(Debug, clap::Args)]
pub(super) struct Joining {
    /// Join both directions to conversations, by the time they began: one line each, with what the
    /// initiator sent and what came back
    #[arg(long, conflicts_with = "count")]
    pub(super) bidir: bool,
}

/// How conversations are written: as `biline`, where nothing else is said.
///
/// # Errors
///
/// [`Usage`] if the format shows what conversations have not.
pub(super) fn format(settings: &Settings) -> Result<Format, Usage> {
    let format = settings.format.value.clone().unwrap_or(Format::Biline);
    format.check_for_conversations().map_err(Usage)?;
    Ok(format)
}

/// Joins `flows`, and prints the first `limit` conversations.
pub(super) fn print(
    flows: FlowStream,
    limit: Option<u64>,
    format: &Format,
    style: Style,
    settings: &Settings,
) -> anyhow::Result<()> {
    let mut conversations = Conversations::new(&settings.limits());
    for batch in flows {
        conversations.observe(&batch?)?;
    }
    let limit = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
    let conversations = conversations.finish()?.take(limit);
    let zone = settings.tz.value.zone().clone();
    output::print(|out| Ok(write_conversations(conversations, out, format, style, zone)?))?;
    Ok(())
}
