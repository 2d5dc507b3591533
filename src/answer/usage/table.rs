//! Usage as a table for people.

use super::UsageView;
use crate::aggregate::{Billing, Figures, Usage, UsageEntry};
use crate::answer::clock::Clock;
use crate::answer::condition::condition;
use crate::answer::keys::{cells, key_titles};
use crate::answer::timeline::time_text;
use crate::answer::units::{amount, rate, width};
use crate::answer::words::{columns, grouped};

/// So long are lines of text at most.
const LINE: usize = 100;

/// The table, with what it is of above it.
pub(super) fn table(usage: &Usage, view: &UsageView<'_>) -> String {
    let mut text = heading(usage, view);
    if let Some(condition) = condition(view.filter, LINE) {
        text = format!("{text}\n{condition}");
    }
    if usage.entries.is_empty() {
        return text + "\nno flows\n";
    }
    let has_ways = usage.tells_ways();
    let mut clock = Clock::new(view.zone.clone());
    let mut titles = key_titles(view.fields);
    let has_names = view.has_names() && !view.names.interfaces.is_empty();
    if has_names {
        titles.push("Name".to_owned());
    }
    let keys = titles.len();
    titles.extend(figure_titles(view, has_ways));
    let all = titles.len();
    let mut rows = vec![titles];
    for entry in &usage.entries {
        let mut row = key_cells(entry, view, has_names, &mut clock);
        row.resize(keys, String::new());
        row.extend(figure_cells(entry, view, has_ways));
        rows.push(row);
    }
    let right: Vec<bool> = (0..all).map(|column| column >= keys).collect();
    format!("{text}\n\n{}", columns(&rows, &right))
}

/// `Usage, 2026-10-01 00:00 – 2026-11-01 00:00 (UTC): of 8,928 bins of 5 min the highest 446 are thrown
/// away; billed is the higher of in and out`.
fn heading(usage: &Usage, view: &UsageView<'_>) -> String {
    let options = view.options;
    let bin_ms = options.bin_ms.get();
    let moment = |time| time_text(time, &view.zone, bin_ms);
    let of = if view.of.is_empty() { String::new() } else { format!(", {}", view.of) };
    let billed = match options.billing {
        _ if !usage.tells_ways() => "",
        Billing::Max => "; billed is the higher of in and out",
        Billing::Sum => "; billed is in and out together",
    };
    format!(
        "Usage{of}, {} – {} ({})\nof {} bins of {} the highest {} are thrown away{billed}",
        moment(options.window.since),
        moment(options.window.until),
        view.zone_name,
        grouped(usage.bins),
        width(bin_ms),
        grouped(options.thrown_away(usage.bins)),
    )
}

/// What stands over the figures.
fn figure_titles(view: &UsageView<'_>, has_ways: bool) -> Vec<String> {
    let percentile = ordinal(view.options.percentile);
    let titles = ["", "Mean", &percentile, "Peak"];
    let titles = titles.into_iter().flat_map(|name| {
        let each: &[&str] = if has_ways { &["in", "out"] } else { &["total"] };
        each.iter().map(move |way| match name {
            "" => way.to_string(),
            name if !has_ways => name.to_owned(),
            name => format!("{name} {way}"),
        })
    });
    let mut titles: Vec<String> = titles.map(capital).collect();
    titles.push(if has_ways { "Billed" } else { "At" }.to_owned());
    titles
}

fn capital(mut text: String) -> String {
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    text
}

/// `95th`.
pub fn ordinal(number: u8) -> String {
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

fn key_cells(
    entry: &UsageEntry,
    view: &UsageView<'_>,
    has_names: bool,
    clock: &mut Clock,
) -> Vec<String> {
    let Some(key) = view.key(entry) else {
        return vec!["others".to_owned()];
    };
    let mut row: Vec<String> = key.iter().flat_map(|value| cells(value, clock)).collect();
    if has_names {
        row.push(view.interface_name(key).unwrap_or_default().to_owned());
    }
    row
}

fn figure_cells(entry: &UsageEntry, view: &UsageView<'_>, has_ways: bool) -> Vec<String> {
    let by = view.options.by;
    let rate = |value: u128| rate(by, view.options.counted_a_second(value));
    let ways: &[Option<&Figures>] = if has_ways {
        &[entry.received.as_ref(), entry.sent.as_ref()]
    } else {
        &[Some(&entry.both)]
    };
    let each = |figure: &dyn Fn(&Figures) -> String| -> Vec<String> {
        ways.iter().map(|way| way.map_or_else(|| "-".to_owned(), figure)).collect()
    };
    let mut cells = each(&|figures| amount(by, figures.total as f64));
    cells.extend(each(&|figures| rate(figures.mean)));
    cells.extend(each(&|figures| rate(figures.percentile)));
    cells.extend(each(&|figures| rate(figures.peak)));
    cells.push(if has_ways {
        rate(entry.billed(view.options.billing))
    } else {
        let at = entry.both.peak_at;
        at.map(|at| time_text(at, &view.zone, view.options.bin_ms.get())).unwrap_or_default()
    });
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_has_its_ordinal() {
        for (number, text) in [
            (1, "1st"),
            (2, "2nd"),
            (3, "3rd"),
            (11, "11th"),
            (12, "12th"),
            (95, "95th"),
            (91, "91st"),
            (99, "99th"),
            (100, "100th"),
        ] {
            assert_eq!(ordinal(number), text);
        }
    }
}
