//! What was used of a stretch of time, as it is billed: what `timeline --percentile` and `report` share.

use std::num::NonZeroU64;

use super::{AskError, Refused, Surroundings, Zone};
use crate::aggregate::{
    self, KeyField, MAX_BINS, TopEntry, TopOptions, UsageError, UsageOptions, Whose,
};
use crate::answer::UsageView;
use crate::answer::words::{bytes, grouped};
use crate::flow::{Names, TimeRange, UnixMillis};
use crate::query::Lookup;
use crate::store::{Scan, Snapshot};

/// A bin of bills is five minutes long, where nobody says otherwise: that is how often counters of
/// routers are read by those who bill.
pub(super) const BIN_MS: NonZeroU64 = NonZeroU64::MIN.saturating_add(5 * 60 * 1000 - 1);

/// What was used, and by which keys it is told.
#[derive(Debug)]
pub struct UsageAnswer {
    /// What was used.
    pub usage: aggregate::Usage,
    /// What it is grouped by; nothing where it is not.
    pub fields: Vec<KeyField>,
    /// The keys that entries are of.
    pub keys: Vec<TopEntry>,
    /// How it was made.
    pub options: UsageOptions,
}

impl UsageAnswer {
    /// What it is shown with: `of` says whose traffic it is, and `filter` which flows count.
    pub fn view<'a>(
        &'a self,
        (of, filter): (&'a str, &'a str),
        zone: &'a Zone,
        names: &'a Names,
    ) -> UsageView<'a> {
        UsageView {
            options: &self.options,
            of,
            filter,
            zone: zone.zone().clone(),
            zone_name: zone.name(),
            fields: &self.fields,
            keys: &self.keys,
            names,
        }
    }
}

/// Of a stretch of time what is over by now, in whole bins where it still goes on.
///
/// # Errors
///
/// [`Refused`] where it has no beginning, where nothing of it is over, and for too many bins.
pub(super) fn over_by_now(
    time: TimeRange,
    bin_ms: NonZeroU64,
    around: &Surroundings<'_>,
) -> Result<TimeRange, Refused> {
    let since = time.since;
    if since == UnixMillis::EPOCH {
        let message = "a percentile is of all bins from --since to --until, also of those with \
                       nothing in them: say when they begin";
        return Err(Refused::of("since", message));
    }
    let until = if time.until > around.now {
        let bins = (around.now - since) / bin_ms;
        since + bins * bin_ms.get()
    } else {
        time.until
    };
    if until <= since {
        return Err(Refused::of("since", "no bin of that time is over yet"));
    }
    let bins = (until - since).div_ceil(bin_ms.get());
    if bins > MAX_BINS as u64 {
        let message = format!(
            "{} bins are more than {}; choose longer ones with --bin, or a shorter time",
            grouped(bins),
            grouped(MAX_BINS as u64)
        );
        return Err(Refused::of("bin", message));
    }
    Ok(TimeRange { since, until })
}

/// What `lookups` find, told by `keys`.
///
/// # Errors
///
/// [`Refused`] for bins for which there is no memory, and what the store meets.
pub(super) fn answer(
    snapshot: &dyn Snapshot,
    lookups: &[(Whose, Lookup)],
    keys: Option<TopOptions>,
    options: &UsageOptions,
) -> Result<UsageAnswer, AskError> {
    let options = options.clone();
    let (Some(keys), [(_, lookup)]) = (keys, lookups) else {
        let usage = aggregate::Usage::of(snapshot, lookups, &options).map_err(told)?;
        return Ok(UsageAnswer { usage, fields: Vec::new(), keys: Vec::new(), options });
    };
    let first = lookup.scans().iter().map(|scan| Scan { followed: true, ..scan.clone() });
    let first: Vec<Scan> = first.collect();
    let entries = aggregate::Usage::keys(snapshot, &first, &keys, &options)?;
    let of = (&*keys.fields, &keys.zone);
    let usage = aggregate::Usage::of_keys(snapshot, lookup, of, &entries, &options);
    let usage = usage.map_err(told)?;
    Ok(UsageAnswer { usage, fields: keys.fields, keys: entries, options })
}

fn told(error: UsageError) -> AskError {
    match error {
        UsageError::Store(error) => error.into(),
        UsageError::TooMuch { bins, needed_bytes, most_bytes } => {
            let message = format!(
                "{} bins take {} of memory, and {} are the most; choose longer ones with --bin, or more \
                 memory with --memory",
                grouped(bins),
                bytes(needed_bytes),
                bytes(most_bytes),
            );
            Refused::of("bin", message).into()
        }
    }
}
