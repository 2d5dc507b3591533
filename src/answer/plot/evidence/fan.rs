//! A fan: who tried at the left, and towards the right in which networks, or at which ports.

use super::super::drawing::{Anchor, Drawing, Role};
use super::super::frame::Room;
use super::super::{Plot, fitting, ink, nothing};
use super::sheet::Look;
use crate::answer::words::grouped;

/// Targets that are told together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FanPart {
    /// What they are called.
    pub name: String,
    /// How many were tried.
    pub tried: u64,
    /// How many of these answered.
    pub answered: u64,
}

impl FanPart {
    fn told(&self) -> String {
        let answered = match self.answered {
            0 => String::new(),
            some => format!(", {} answered", grouped(some)),
        };
        format!("{} tried{answered}", grouped(self.tried))
    }
}

/// How high a part is.
const ROW: f64 = 26.0;

/// Draws what `source` tried.
pub fn draw_fan(source: &str, parts: &[FanPart], look: Look<'_>) -> Plot {
    let most = parts.iter().map(|part| part.tried).max().unwrap_or(0);
    if most == 0 {
        return nothing(look.room, look.title, "There are no tries.", "");
    }
    let narrow = look.room == Room::NarrowPage;
    let (width, size) = (look.room.width(), look.room.text_size());
    let height = ROW * parts.len() as f64 + 12.0;
    let told: Vec<String> =
        parts.iter().map(|part| format!("{}: {}", part.name, part.told())).collect();
    let told = format!("{source}: {}", told.join("; "));
    let mut drawing = Drawing::new((width, height), look.title, &told, Role::Image);
    let middle = height / 2.0;
    let (from, names) = if narrow { (16.0, 88.0) } else { (170.0, 330.0) };
    let bars = if narrow { 200.0 } else { 500.0 };
    let room = width - bars - if narrow { 56.0 } else { 190.0 };
    for (number, part) in parts.iter().enumerate() {
        let y = 6.0 + ROW * (number as f64 + 0.5);
        let share = part.tried as f64 / most as f64;
        let title = format!("{}\n{}", part.name, part.told());
        drawing.titled(&title, None, |drawing| {
            let half = 0.5 + 4.0 * share;
            draw_band(drawing, (from, middle), (names - 8.0, y), half);
            let name = fitting(&part.name, size, bars - names - 8.0);
            drawing.text((names, y + 4.5), name, size, ink::TEXT, Anchor::Start);
            let long = (room * share).max(2.0);
            let (series, answering) = (ink::series(0), ink::series(1));
            drawing.rectangle(series.class, (bars, y - 7.0), (long, 14.0), series.color);
            if part.answered > 0 {
                let answered = long * part.answered as f64 / part.tried as f64;
                let size = (answered.max(3.0), 14.0);
                drawing.rectangle(answering.class, (bars, y - 7.0), size, answering.color);
            }
            let text = if narrow { grouped(part.tried) } else { part.told() };
            drawing.text((bars + long + 8.0, y + 4.5), text, size, ink::FAINT, Anchor::Start);
        });
    }
    let mark = ink::series(0);
    drawing.rectangle(mark.class, (from - 12.0, middle - 12.0), (12.0, 24.0), mark.color);
    if !narrow {
        let name = fitting(source, size, from - 24.0);
        drawing.text((from - 20.0, middle + 4.5), name, size, ink::TEXT, Anchor::End);
    }
    drawing.finish()
}

/// A band from one point to another, which is so wide on either side at its end.
fn draw_band(drawing: &mut Drawing, (x1, y1): (f64, f64), (x2, y2): (f64, f64), half: f64) {
    let middle = f64::midpoint(x1, x2);
    let path = format!(
        "M{x1:.1} {:.1}C{middle:.1} {:.1} {middle:.1} {:.1} {x2:.1} {:.1}V{:.1}\
         C{middle:.1} {:.1} {middle:.1} {:.1} {x1:.1} {:.1}Z",
        y1 - 1.0,
        y1 - 1.0,
        y2 - half,
        y2 - half,
        y2 + half,
        y2 + half,
        y1 + 1.0,
        y1 + 1.0
    );
    drawing.area(&path, ink::series(0), 0.35);
}
