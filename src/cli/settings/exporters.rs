//! What the configuration says of exporters: `[exporters."10.0.0.1"]`.

use std::net::IpAddr;

use toml::Spanned;
use toml::de::DeValue;

use super::keys::EXPORTERS;
use super::{Origin, Setting, Shown};
use crate::cli::failure::Usage;
use crate::flow::canonical;
use crate::normalise::{Rate, Rates};

const SAMPLING: &str = "sampling";
const OVERRIDE: &str = "override";

/// How one exporter samples.
#[derive(Debug)]
pub(crate) struct Exporter {
    address: IpAddr,
    /// One packet of so many is seen.
    sampling: Setting<u32>,
    /// Whether that counts more than what the exporter tells, if the file says it.
    overrides: Option<Setting<bool>>,
}

/// Reads the table; `place` says where in the file something stands.
///
/// # Errors
///
/// [`Usage`] with the place of what cannot be meant.
pub(super) fn parse(
    table: &Spanned<DeValue<'_>>,
    place: impl Fn(usize) -> Origin,
) -> Result<Vec<Exporter>, Usage> {
    let wrong = |at: usize, what: String| Usage(format!("{}: {what}", place(at)));
    let DeValue::Table(exporters) = table.get_ref() else {
        let what = format!("{EXPORTERS}: wants tables; write [{EXPORTERS}.\"10.0.0.1\"]");
        return Err(wrong(table.span().start, what));
    };
    let mut found: Vec<Exporter> = Vec::new();
    for (key, value) in exporters {
        let (written, at) = (key.get_ref(), key.span().start);
        let name = format!("{EXPORTERS}.\"{written}\"");
        let Ok(address) = written.parse().map(canonical) else {
            return Err(wrong(at, format!("{name}: {written:?} is no address; write 10.0.0.1")));
        };
        if found.iter().any(|known| known.address == address) {
            return Err(wrong(at, format!("{name}: {address} has a table already")));
        }
        let DeValue::Table(settings) = value.get_ref() else {
            return Err(wrong(at, format!("{name}: wants a table; write sampling = 1000 in it")));
        };
        let (mut sampling, mut overrides) = (None, None);
        for (key, value) in settings {
            let (setting, at) = (key.get_ref(), value.span().start);
            let name = format!("{name}.{setting}");
            match (&**setting, value.get_ref()) {
                (SAMPLING, DeValue::Integer(number)) => {
                    let text = number.as_str().replace('_', "");
                    let interval = text.parse().ok().filter(|&interval: &u32| interval > 0);
                    let value = interval.ok_or_else(|| {
                        wrong(at, format!("{name}: {text} is no number of 1 to {}", u32::MAX))
                    })?;
                    sampling = Some(Setting { value, origin: place(at) });
                }
                (SAMPLING, _) => return Err(wrong(at, format!("{name}: wants a number"))),
                (OVERRIDE, &DeValue::Boolean(value)) => {
                    overrides = Some(Setting { value, origin: place(at) });
                }
                (OVERRIDE, _) => return Err(wrong(at, format!("{name}: wants true or false"))),
                _ => {
                    let known = format!("there are {SAMPLING} and {OVERRIDE}");
                    return Err(wrong(at, format!("unknown key {name:?}; {known}")));
                }
            }
        }
        let Some(sampling) = sampling else {
            return Err(wrong(at, format!("{name}: says no {SAMPLING}")));
        };
        found.push(Exporter { address, sampling, overrides });
    }
    Ok(found)
}

/// What all of them say of rates.
pub(super) fn rates(exporters: &[Exporter]) -> Rates {
    let rate = |exporter: &Exporter| {
        let overrides = exporter.overrides.as_ref().is_some_and(|overrides| overrides.value);
        (exporter.address, Rate { interval: exporter.sampling.value, overrides })
    };
    exporters.iter().map(rate).collect()
}

/// The settings of all of them, as `config show` prints them.
pub(super) fn shown(exporters: &[Exporter]) -> Vec<Shown> {
    let mut all = Vec::new();
    for Exporter { address, sampling, overrides } in exporters {
        let name = |key: &str| format!("{EXPORTERS}.\"{address}\".{key}").into();
        let origin = sampling.origin.to_string();
        all.push(Shown { name: name(SAMPLING), value: sampling.value.into(), origin });
        if let Some(Setting { value, origin }) = overrides {
            let origin = origin.to_string();
            all.push(Shown { name: name(OVERRIDE), value: (*value).into(), origin });
        }
    }
    all
}
