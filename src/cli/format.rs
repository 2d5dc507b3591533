//! `-N` and `-6`: how numbers and addresses are shown; `-o`: how keys are written.

use super::settings::{Flags, keys};
use crate::answer::{PairFormat, Style};
use crate::request::one_of;

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

/// How keys are written.
#[derive(Debug, clap::Args)]
pub(super) struct KeyOutput {
    /// How keys are written [default: line]
    #[arg(short, long, value_name = "FORMAT",
        value_parser = one_of::<PairFormat>(PairFormat::ALL.map(PairFormat::name)))]
    output: Option<PairFormat>,
}

impl KeyOutput {
    pub(super) fn flags(&self) -> Flags {
        vec![(keys::FORMAT, self.output.map(|format| format.name().into()))]
    }
}
