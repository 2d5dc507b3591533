//! What a decoder was told before, and what is to be known after it.

use std::net::IpAddr;

use super::Decoder;
use crate::flow::Remembered;
use crate::netflow::{KeptTemplate, options};

impl Decoder {
    /// Whether any rate is known at which `exporter` samples in this domain.
    pub(crate) fn knows_rate(&self, exporter: IpAddr, domain: u32) -> bool {
        self.sets.templates.knows_rate(exporter, domain)
    }

    /// Datagrams that define the templates that are known, each as of when it came last.
    pub(crate) fn templates(&self) -> Vec<KeptTemplate> {
        self.sets.templates.kept()
    }

    /// Is another number when other templates are known.
    pub(crate) fn templates_revision(&self) -> u64 {
        self.sets.templates.revision()
    }

    /// Takes the templates that `other` knows for those that it knows itself.
    pub(crate) fn take_templates(&mut self, other: Self) {
        self.sets.templates = other.sets.templates;
    }

    /// Takes in what a store remembers of exporters' options ([`Topic::Options`]), of exporters that
    /// told nothing yet.
    ///
    /// [`Topic::Options`]: crate::flow::Topic::Options
    pub fn restore(&mut self, memos: &Remembered) {
        options::restore(memos, |scope, put| self.sets.templates.with_options(scope, put));
    }

    /// What a store is to remember of options that were told since this was asked last.
    pub fn take_memos(&mut self) -> Remembered {
        std::mem::take(&mut self.sets.learned.memos)
    }
}
