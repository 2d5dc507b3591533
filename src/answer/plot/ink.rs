//! What things are drawn in.

/// A colour, and the class by which a page gives another one in its place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ink {
    pub(super) class: &'static str,
    pub(super) color: &'static str,
}

pub(super) const TEXT: Ink = Ink { class: "ink", color: "#1f2933" };
pub(super) const FAINT: Ink = Ink { class: "faint", color: "#52606d" };
pub(super) const AXIS: Ink = Ink { class: "axis", color: "#7b8794" };
pub(super) const GRID: Ink = Ink { class: "grid", color: "#e4e7eb" };
/// What is none of those that have a colour of their own.
pub(super) const OTHERS: Ink = Ink { class: "others", color: "#a3adb8" };
/// Of a period before.
pub(super) const BEFORE: Ink = Ink { class: "before", color: "#3e4c59" };

/// Of what is one of several: told apart also by who sees few colours, next ones first.
const SERIES: [Ink; 10] = [
    Ink { class: "s0", color: "#2f6fb2" },
    Ink { class: "s1", color: "#d9822b" },
    Ink { class: "s2", color: "#2a9d78" },
    Ink { class: "s3", color: "#b5488f" },
    Ink { class: "s4", color: "#c9a227" },
    Ink { class: "s5", color: "#7a5cc0" },
    Ink { class: "s6", color: "#4aa3c7" },
    Ink { class: "s7", color: "#c2513f" },
    Ink { class: "s8", color: "#6b8e23" },
    Ink { class: "s9", color: "#8d6e63" },
];

/// The ink of the one of that number; after the last one they come again.
pub(super) const fn series(number: usize) -> Ink {
    SERIES[number % SERIES.len()]
}
