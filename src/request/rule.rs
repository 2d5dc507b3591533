//! Rules: what users want to be told of, as they write it.

use std::num::NonZeroU64;
use std::str::FromStr;

use super::filter::Where;
use super::timeline::span;
use super::top::keys_of;
use super::{Refused, Surroundings, amount, one_of};
use crate::aggregate::Measure;
use crate::detect::Severity;
use crate::rules::{Counted, Limit, Rule};

/// A rule: the keys of its table in the configuration, and the options of `rules try`.
#[derive(Debug, Clone, clap::Args)]
pub struct RuleOptions {
    #[command(flatten)]
    condition: Where,
    /// What flows are summed up by, a key as top has it, or several with commas between them [default:
    /// all flows together]
    #[arg(long, value_name = "KEY[,KEY…]")]
    by: Option<String>,
    /// What is counted: octets, packets, flows, or peers, the different hosts that a key deals with
    #[arg(long, value_name = "MEASURE", default_value = "octets",
        value_parser = one_of::<Counted>(Counted::ALL.map(Counted::name)))]
    measure: Counted,
    /// How long a window is: 30s, 1m, 5m, 1h
    #[arg(long, value_name = "SPAN", default_value = "5m", value_parser = span)]
    window: NonZeroU64,
    /// What is too much in a window: 2GB or 5000; 300%, of the mean of the windows before; z6, a robust z
    /// of 6 by their median and its deviation
    #[arg(long, value_name = "AMOUNT|PERCENT%|zSCORE", value_parser = above)]
    above: Above,
    /// How far back a mean or a median goes, from 10m to 24h
    #[arg(long, value_name = "SPAN", default_value = "1h", value_parser = over)]
    over: NonZeroU64,
    /// What comes to less is not told, however unusual it is: where above is a mean or a z, there must be
    /// one
    #[arg(long, value_name = "AMOUNT", value_parser = amount)]
    floor: Option<u64>,
    /// How long a key is not told of again after it was; 0 for never so
    #[arg(long, value_name = "SPAN", default_value = "1h", value_parser = cool_down)]
    cool_down: u64,
    /// How long after its end a window is still looked at: as long as the active time-out of exporters and
    /// what they and the network take
    #[arg(long, value_name = "SPAN", default_value = "2m", value_parser = span)]
    late: NonZeroU64,
    /// How soon somebody should look: low, medium or high
    #[arg(long, value_name = "SEVERITY", default_value = "medium",
        value_parser = one_of::<Severity>(Severity::ALL.map(Severity::name)))]
    severity: Severity,
}

/// What is too much, as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Above {
    Amount(u64),
    Percent(u32),
    Score(u32),
}

/// The shortest and the longest time that is looked back, in milliseconds.
const OVER_MS: std::ops::RangeInclusive<u64> = 600_000..=86_400_000;
/// So many windows there may be in that time: what is usual is kept of each, for each key.
const MAX_WINDOWS: u64 = 1_440;

fn above(text: &str) -> Result<Above, String> {
    let wrong = || format!("{text:?} is no limit; write 2GB, 5000, 300% or z6");
    if let Some(percent) = text.strip_suffix('%') {
        let percent = u32::from_str(percent.trim()).ok().filter(|&percent| percent > 100);
        let message = || format!("{text:?} is no percentage above 100; write 300%");
        return percent.map(Above::Percent).ok_or_else(message);
    }
    if let Some(score) = text.strip_prefix('z') {
        let score = f64::from_str(score.trim()).ok().filter(|score| (0.1..=1e6).contains(score));
        return score.map(|score| Above::Score((score * 1e3) as u32)).ok_or_else(wrong);
    }
    amount(text).map(Above::Amount).map_err(|_| wrong())
}

fn cool_down(text: &str) -> Result<u64, String> {
    if text == "0" { Ok(0) } else { span(text).map(NonZeroU64::get) }
}

fn over(text: &str) -> Result<NonZeroU64, String> {
    let over = span(text)?;
    let fits = OVER_MS.contains(&over.get());
    fits.then_some(over).ok_or_else(|| format!("{text} must be from 10m to 24h"))
}

impl RuleOptions {
    /// The rule that is meant, which is called `name`.
    ///
    /// # Errors
    ///
    /// [`Refused`] for a filter or a key that is none, and for what cannot be meant together.
    pub fn rule(&self, name: &str, around: &Surroundings<'_>) -> Result<Rule, Refused> {
        let over_ms = self.over.get();
        let limit = match self.above {
            Above::Amount(amount) => Limit::Above(amount),
            Above::Percent(percent) => Limit::Percent { percent, over_ms },
            Above::Score(z_milli) => Limit::Unusual { z_milli, over_ms },
        };
        let is_relative = limit.over_ms() > 0;
        if is_relative && self.floor.is_none() {
            let message = "what is unusual may be little: say what matters at least, such as 100MB";
            return Err(Refused::of("floor", message));
        }
        let (window, windows) = (self.window.get(), over_ms / self.window);
        if is_relative && !(3..=MAX_WINDOWS).contains(&windows) {
            let message = format!(
                "there are {windows} windows of it in the time that is looked back, and there must be \
                 from 3 to {MAX_WINDOWS}"
            );
            return Err(Refused::of("window", message));
        }
        if window > 86_400_000 {
            return Err(Refused::of("window", "must be at most 24h"));
        }
        let fields = self.by.as_deref().map(|keys| {
            keys_of(keys, around).map_err(|error| Refused { parameter: Some("by".into()), ..error })
        });
        Ok(Rule {
            name: name.to_owned(),
            filter: self.condition.predicate(around)?,
            written: self.condition.text().to_owned(),
            by: self.by.clone().unwrap_or_default(),
            fields: fields.transpose()?.unwrap_or_default(),
            counted: self.measure,
            window_ms: self.window,
            limit,
            floor: self.floor.unwrap_or(0),
            pause_ms: self.cool_down,
            late_ms: self.late.get(),
            severity: self.severity,
        })
    }

    /// Whether octets or packets are counted, which are told apart by sampling.
    pub fn is_of_traffic(&self) -> bool {
        matches!(self.measure, Counted::Measure(Measure::Octets | Measure::Packets))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_read_as_people_write_it() {
        for (text, limit) in [
            ("5000", Some(Above::Amount(5_000))),
            ("2GB", Some(Above::Amount(2_000_000_000))),
            ("10k", Some(Above::Amount(10_000))),
            ("300%", Some(Above::Percent(300))),
            ("300 %", Some(Above::Percent(300))),
            ("z6", Some(Above::Score(6_000))),
            ("z 3.5", Some(Above::Score(3_500))),
            ("100%", None),
            ("z0", None),
            ("z", None),
            ("-5", None),
            ("much", None),
            ("", None),
        ] {
            assert_eq!(above(text).ok(), limit, "{text}");
        }
    }
}
