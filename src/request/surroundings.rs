//! What a request is read in.

use std::sync::Arc;

use super::{Refused, Zone};
use crate::aggregate::Limits;
use crate::answer::Format;
use crate::flow::{Column, UnixMillis};
use crate::meaning::{Ends, Meaning};
use crate::query::filter::{Context, Files};

/// What a request leaves to whoever asks: a command's settings, or a service's.
pub struct Surroundings<'a> {
    /// The zone of times that name none, and in which days begin.
    pub zone: &'a Zone,
    /// What times such as `-2h` count from.
    pub now: UnixMillis,
    /// How much memory sums may take.
    pub limits: Limits,
    /// Where a filter's `@FILE` is read from, and what exporters call their interfaces.
    pub files: &'a dyn Files,
}

impl Surroundings<'_> {
    /// What a filter is read in.
    pub fn context(&self) -> Context<'_> {
        Context { zone: self.zone.zone().clone(), now: self.now, files: self.files }
    }

    /// What addresses, exporters and interfaces mean.
    ///
    /// # Errors
    ///
    /// [`Refused`] if a file that says it cannot be read.
    pub fn meaning(&self) -> Result<Arc<Meaning>, Refused> {
        Ok(self.files.meaning()?)
    }

    /// What is said of the ends of flows that are written in `format`.
    ///
    /// # Errors
    ///
    /// As [`Self::meaning`].
    pub fn ends(&self, format: &Format) -> Result<Ends, Refused> {
        let shown = format.columns();
        let asns = shown.contains(Column::SrcAs) || shown.contains(Column::DstAs);
        Ok(self.meaning()?.ends(&format.attributes(), asns)?)
    }
}
