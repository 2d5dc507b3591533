//! How long the pauses between calls were: a column for each length, and where the period is.

use super::super::drawing::{Anchor, Path};
use super::super::frame::Room;
use super::super::{Plot, ink, nothing};
use super::sheet::{Look, Sheet};
use crate::answer::axis::ticks;
use crate::answer::units::width;
use crate::answer::words::{grouped, plural, seconds};

/// Pauses between calls.
pub struct Pauses<'a> {
    /// Each, in milliseconds.
    pub pauses_ms: &'a [u64],
    /// What the period is, if one was found.
    pub period_ms: Option<u64>,
}

/// So many lengths are told apart.
const BINS: usize = 60;
/// What is longer than so many times the middle pause is told in words.
const LONG: u64 = 3;

impl Pauses<'_> {
    /// How many pauses there are of each length, up to the greatest that is drawn; and how many longer.
    pub(super) fn bins(&self) -> (Vec<u64>, f64, u64) {
        let mut sorted = self.pauses_ms.to_vec();
        sorted.sort_unstable();
        let middle = sorted.get(sorted.len() / 2).copied().unwrap_or(0);
        let most = LONG * middle.max(self.period_ms.unwrap_or(0)).max(1);
        let most = most.min(sorted.last().copied().unwrap_or(1).max(self.period_ms.unwrap_or(1)));
        let step = step_ms(most as f64 * 1.02, 6);
        let most = (most as f64 * 1.02 / step).ceil() * step;
        let mut bins = vec![0; BINS];
        let mut longer = 0;
        for &pause in &sorted {
            match bins.get_mut((pause as f64 * BINS as f64 / most) as usize) {
                Some(bin) => *bin += 1,
                None => longer += 1,
            }
        }
        (bins, most, longer)
    }
}

/// How far marks are apart, as clocks have it: of at most so many up to `most`, in milliseconds.
fn step_ms(most: f64, marks: u64) -> f64 {
    const STEPS: [u64; 18] = [
        1, 10, 100, 500, 1_000, 2_000, 5_000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000,
        600_000, 1_800_000, 3_600_000, 14_400_000, 86_400_000,
    ];
    let fits = |step: &u64| most / *step as f64 <= marks as f64;
    STEPS.into_iter().find(fits).map_or(most / marks as f64, |step| step as f64)
}

/// Draws `pauses`, and says how many are longer than what is drawn.
pub fn draw_pauses(pauses: &Pauses<'_>, look: Look<'_>) -> (Plot, String) {
    if pauses.pauses_ms.is_empty() {
        return (nothing(look.room, look.title, "There are no pauses.", ""), String::new());
    }
    let (bins, most_ms, longer) = pauses.bins();
    let said = match longer {
        0 => String::new(),
        longer => format!("{} longer than {}", plural(longer, "pause"), seconds(most_ms / 1000.0)),
    };
    let high = if look.room == Room::NarrowPage { 140.0 } else { 160.0 };
    let sheet = Sheet::new(look.room, high, (0.0, most_ms));
    let period = pauses.period_ms.map(|period| seconds(period as f64 / 1000.0));
    let told = format!(
        "{} pauses, period {}; {said}",
        pauses.pauses_ms.len(),
        period.as_deref().unwrap_or("none")
    );
    let mut drawing = sheet.drawing(look, &told);
    let greatest = bins.iter().copied().max().unwrap_or(1) as f64;
    let marks = ticks(greatest, 3);
    let most = marks.last().copied().unwrap_or(1.0);
    // Half a pause is none.
    for mark in marks.iter().filter(|mark| mark.fract() == 0.0) {
        sheet.value(&mut drawing, sheet.y(*mark, most), &grouped(*mark as u64));
    }
    let fitting = if look.room == Room::NarrowPage { 4 } else { 8 };
    let step = step_ms(most_ms, fitting);
    for mark in 0..=(most_ms / step * 1.000_001) as u64 {
        let at = step * mark as f64;
        let label = if mark == 0 { "0".to_owned() } else { width(at as u64) };
        sheet.tick(&mut drawing, at, &label);
    }
    sheet.name_axis(&mut drawing, "pause between two calls");
    let wide = sheet.width() / BINS as f64;
    let each = most_ms / BINS as f64 / 1000.0;
    for (bin, &count) in bins.iter().enumerate().filter(|(_, count)| **count > 0) {
        let y = sheet.y(count as f64, most).min(sheet.bottom - 1.0);
        let (from, to) = (each * bin as f64, each * (bin + 1) as f64);
        let title = format!("{} to {}\n{}", seconds(from), seconds(to), plural(count, "pause"));
        let at = (sheet.left + wide * bin as f64, y);
        drawing.titled(&title, None, |drawing| {
            Sheet::block(drawing, at, (wide - 1.0, sheet.bottom - y), ink::series(0));
        });
    }
    drawing.line((sheet.left, sheet.bottom), (sheet.right, sheet.bottom), ink::AXIS);
    if let (Some(period_ms), Some(text)) = (pauses.period_ms, period) {
        let x = sheet.x(period_ms as f64);
        let line = [(x, sheet.top - 6.0), (x, sheet.bottom)];
        drawing.curve(&Path::through(line.into_iter()), ink::BEFORE, true);
        let (x, anchor) =
            if x > sheet.right - 160.0 { (x - 6.0, Anchor::End) } else { (x + 6.0, Anchor::Start) };
        let text = format!("period {text}");
        drawing.text((x, sheet.top + 4.0), text, sheet.size(), ink::TEXT, anchor);
    }
    (drawing.finish(), said)
}
