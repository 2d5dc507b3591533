//! `-N` and `-6`: how numbers and addresses are shown.

use crate::answer::Style;

/// How numbers and addresses are shown.
#[derive(Debug, clap::Args)]
pub(super) struct StyleOptions {
    /// Plain numbers: not scaled, durations in seconds, protocols and TCP flags as numbers
    #[arg(short = 'N', long)]
    plain: bool,
    /// IPv6 addresses in full
    #[arg(short = '6', long)]
    wide: bool,
}

impl StyleOptions {
    pub(super) fn style(&self) -> Style {
        Style { plain: self.plain, wide: self.wide }
    }
}
