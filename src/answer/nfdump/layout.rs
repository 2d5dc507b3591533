//! Formats of cells, read from text and compiled into steps.

use std::fmt;

use super::cells::{ABSENT, ALIASES, CELLS, Cell, Counter, Value};
use crate::aggregate::Conversations;
use crate::flow::{Column, Columns};
use crate::meaning::Attribute;

/// The layouts that have a name.
const NAMED: [(&str, &str); 7] = [
    ("line", "%ts %td %pr %sap -> %dap %pkt %byt %fl"),
    ("long", "%ts %td %pr %sap -> %dap %flg %tos %pkt %byt %fl"),
    ("extended", "%ts %td %pr %sap -> %dap %flg %tos %pkt %byt %pps %bps %bpp %fl"),
    ("biline", "%ts %td %pr %sap <-> %dap %opkt %ipkt %obyt %ibyt %fl"),
    ("bilong", "%ts %td %pr %sap <-> %dap %flg %tos %opkt %ipkt %obyt %ibyt %fl"),
    ("nsel", "%ts %evt %xevt %pr %sap -> %dap %xsap -> %xdap %ibyt %obyt"),
    ("nat", "%ts %nevt %pr %sap -> %dap %nsap -> %ndap"),
];
const CSV: &str = "%ts,%td,%pr,%sa,%sp,%da,%dp,%pkt,%byt,%fl";

/// How much wider a column of addresses is where IPv6 is shown in full.
const WIDER: usize = 23;

/// A line of cells, compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::answer) struct Layout {
    /// The text before the first cell.
    pub(super) before: Box<[u8]>,
    pub(super) steps: Vec<Step>,
    /// Whether values are shown without padding, and separated by commas.
    pub(super) csv: bool,
    /// Whether numbers are not scaled, and protocols and flags are numbers.
    pub(super) plain: bool,
    /// Whether IPv6 addresses keep their middle.
    pub(super) wide: bool,
    /// The cells' places in the table, for the header.
    heads: Vec<Head>,
}

/// A cell, and the text behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) value: Value,
    pub(super) then: Box<[u8]>,
}

/// A piece of the header.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Head {
    Cell { text: &'static str, is_wide: bool },
    Blanks(usize),
}

impl Layout {
    /// The layout that has this name: one of lines, or `csv`.
    pub(in crate::answer) fn named(name: &str) -> Self {
        let csv = name == "csv";
        let cells = if csv { CSV } else { named(name).unwrap_or_default() };
        // The layouts above are well formed, as a test sees.
        Self::compile(cells, csv).unwrap_or_else(|_| Self::empty(csv))
    }

    /// Reads what stands behind `fmt:`, or behind `csv:`.
    ///
    /// # Errors
    ///
    /// [`LayoutError`] with the place of what is no cell, or cannot be shown.
    pub(in crate::answer) fn compile(text: &str, csv: bool) -> Result<Self, LayoutError> {
        let mut layout = Self::empty(csv);
        layout.add(text, csv)?;
        if csv && layout.steps.is_empty() {
            return Err(LayoutError::new(text, 0..0, "CSV wants cells, as in csv:%ts,%sa,%da"));
        }
        Ok(layout)
    }

    /// A layout of values without names of their own, in CSV.
    pub(super) fn of(values: &[Value]) -> Self {
        let mut layout = Self::empty(true);
        for &value in values {
            layout.add_text(",");
            layout.steps.push(Step { value, then: Box::default() });
        }
        layout.before = Box::default();
        layout
    }

    /// Its numbers plain where `plain` says so, and its IPv6 addresses in full where `wide` does.
    #[must_use]
    pub(in crate::answer) fn styled(mut self, plain: bool, wide: bool) -> Self {
        self.plain = plain;
        self.wide |= wide;
        self
    }

    /// What must be known of a flow.
    pub(in crate::answer) fn columns(&self) -> Columns {
        self.steps.iter().fold(Columns::NONE, |all, step| all | step.value.columns())
    }

    /// What its cells say of ends.
    pub(in crate::answer) fn attributes(&self) -> Vec<Attribute> {
        let meant = |step: &Step| match step.value {
            Value::Meant(attribute, _) => Some(attribute),
            _ => None,
        };
        let mut all: Vec<Attribute> = self.steps.iter().filter_map(meant).collect();
        all.dedup();
        all
    }

    /// The first cell that conversations have not.
    pub(in crate::answer) fn beyond_conversations(&self) -> Option<&'static str> {
        let known = Conversations::COLUMNS.without(Columns::of(&[Column::Extras]));
        let is_beyond = |value: Value| {
            // The time of the first flow is no time of all of them.
            if matches!(value, Value::Meant(..)) {
                return true;
            }
            let is_out = matches!(value, Value::Scaled(Counter::OutPackets | Counter::OutOctets));
            !is_out && !value.columns().without(known).is_empty()
        };
        let value = self.steps.iter().map(|step| step.value).find(|&value| is_beyond(value))?;
        CELLS.iter().find(|cell| cell.value == value).map(|cell| cell.name)
    }

    /// The first line.
    pub(in crate::answer) fn header(&self) -> String {
        let mut line = String::new();
        for head in &self.heads {
            match head {
                Head::Cell { text, is_wide } => {
                    let wider = if self.wide && !self.csv && *is_wide { WIDER } else { 0 };
                    line.extend(std::iter::repeat_n(' ', wider));
                    line.push_str(text);
                }
                Head::Blanks(count) => line.extend(std::iter::repeat_n(' ', *count)),
            }
            if self.csv {
                line.push(',');
            }
        }
        if self.csv {
            line.pop();
        }
        line.push('\n');
        line
    }

    fn empty(csv: bool) -> Self {
        Self {
            before: Box::default(),
            steps: Vec::new(),
            csv,
            plain: false,
            wide: false,
            heads: Vec::new(),
        }
    }

    fn add(&mut self, text: &str, csv: bool) -> Result<(), LayoutError> {
        let mut at = 0;
        while at < text.len() {
            let rest = &text[at..];
            let Some(behind) = rest.strip_prefix('%') else {
                let literal = &rest[..rest.find('%').unwrap_or(rest.len())];
                self.add_literal(text, at, literal, csv)?;
                at += literal.len();
                continue;
            };
            let long = behind.find(|letter: char| !letter.is_ascii_alphanumeric());
            let name = &behind[..long.unwrap_or(behind.len())];
            let place = at..at + 1 + name.len();
            if csv && at > 0 && text[..at].trim_end().as_bytes().last() != Some(&b',') {
                return Err(LayoutError::new(text, at..at + 1, "CSV wants a comma between cells"));
            }
            self.add_named(name, csv)
                .map_err(|problem| LayoutError::new(text, place.clone(), problem))?;
            at = place.end;
        }
        Ok(())
    }

    /// In lines, text stands as it is; in CSV only a comma may stand between cells.
    fn add_literal(
        &mut self,
        text: &str,
        at: usize,
        literal: &str,
        csv: bool,
    ) -> Result<(), LayoutError> {
        let last = at + literal.len() == text.len();
        let expected = if self.steps.is_empty() || last { "" } else { "," };
        if !csv {
            self.add_text(literal);
            self.heads.push(Head::Blanks(literal.chars().count()));
        } else if literal.trim() == expected {
            self.add_text(expected);
        } else {
            let problem = "CSV wants cells with one comma between them, and nothing else";
            return Err(LayoutError::new(text, at..at + literal.len(), problem));
        }
        Ok(())
    }

    fn add_text(&mut self, text: &str) {
        let to = self.steps.last_mut().map_or(&mut self.before, |step| &mut step.then);
        *to = [to, text.as_bytes()].concat().into();
    }

    /// Adds the cell of this name, or the cells of the layout of this name.
    fn add_named(&mut self, name: &str, csv: bool) -> Result<(), String> {
        let real = ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, real)| real);
        if let Some(cell) = Cell::find(real) {
            return self.add_cell(cell, csv);
        }
        if let Some((_, why)) = ABSENT.iter().find(|(absent, _)| *absent == name) {
            return Err(format!("%{name} cannot be shown: {why}"));
        }
        let (layout, wide) = name.strip_suffix('6').map_or((name, false), |name| (name, true));
        if let Some(cells) = named(layout).filter(|_| !csv) {
            self.wide |= wide;
            return self.add(cells, false).map_err(|error| error.problem);
        }
        let names = CELLS.iter().map(|cell| cell.name).chain(NAMED.iter().map(|(name, _)| *name));
        let nearest = nearest(name, names).map(|near| format!("; did you mean %{near}?"));
        Err(format!("%{name} is no cell{}", nearest.unwrap_or_default()))
    }

    fn add_cell(&mut self, cell: &'static Cell, csv: bool) -> Result<(), String> {
        if csv && cell.csv.is_empty() {
            let instead = match cell.name {
                "sap" => "; write %sa,%sp",
                "dap" => "; write %da,%dp",
                "ttl" => "; write %minttl,%maxttl",
                _ => "",
            };
            return Err(format!("%{} is no cell of CSV{instead}", cell.name));
        }
        let text = if csv { cell.csv } else { cell.head };
        self.heads.push(Head::Cell { text, is_wide: cell.is_wide() });
        self.steps.push(Step { value: cell.value, then: Box::default() });
        Ok(())
    }
}

fn named(name: &str) -> Option<&'static str> {
    NAMED.iter().find(|(known, _)| *known == name).map(|(_, cells)| *cells)
}

/// The name that `text` most likely was to be, if there is one.
pub(in crate::answer) fn nearest<'a>(
    text: &str,
    names: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    let distance = |name: &str| strsim::damerau_levenshtein(text, name);
    names
        .map(|name| (distance(name), name))
        .filter(|(distance, name)| !text.is_empty() && *distance <= name.len().max(2) / 2)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// A format that cannot be; it is shown with what is wrong marked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct LayoutError {
    text: String,
    /// In bytes of the text.
    place: std::ops::Range<usize>,
    problem: String,
}

impl LayoutError {
    fn new(text: &str, place: std::ops::Range<usize>, problem: impl Into<String>) -> Self {
        Self { text: text.to_owned(), place, problem: problem.into() }
    }

    /// The same in the text that has `before` before this one.
    pub(in crate::answer) fn behind(mut self, before: &str) -> Self {
        self.text.insert_str(0, before);
        self.place = self.place.start + before.len()..self.place.end + before.len();
        self
    }
}

impl fmt::Display for LayoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letters = |text: &str| text.chars().count();
        let (start, end) = (self.place.start, self.place.end);
        let blanks = letters(&self.text[..start]);
        let marks = letters(&self.text[start..end]).max(1);
        // What is no text for a line would put the marks elsewhere.
        let text: String =
            self.text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        write!(f, "{}\n  {text}\n  {:blanks$}{:^<marks$}", self.problem, "", "")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn named_layouts_are_well_formed() {
        for (name, cells) in NAMED {
            assert_eq!(Layout::compile(cells, false), Ok(Layout::named(name)), "{name}");
            assert!(!Layout::named(name).steps.is_empty());
        }
        assert_eq!(Layout::compile(CSV, true), Ok(Layout::named("csv")));
    }

    #[test]
    fn a_cell_has_one_name_and_no_reason_to_be_absent() {
        let names = CELLS.iter().map(|cell| cell.name);
        let names: Vec<&str> = names
            .chain(ALIASES.map(|(alias, _)| alias))
            .chain(ABSENT.map(|(name, _)| name))
            .chain(NAMED.map(|(name, _)| name))
            .collect();
        for (place, name) in names.iter().enumerate() {
            assert!(!names[..place].contains(name), "{name}");
        }
        for (alias, real) in ALIASES {
            assert!(Cell::find(real).is_some(), "{alias}");
        }
    }

    #[test]
    fn layouts_nest_and_only_what_they_show_is_read() {
        let layout = Layout::compile("%line6 | %svln", false).unwrap();
        assert!(layout.wide && layout.columns().contains(Column::Extras));
        assert!(layout.header().ends_with(" Flows   SVlan\n"), "{}", layout.header());
        let layout = Layout::compile("%sa", false).unwrap();
        assert_eq!(layout.columns(), Columns::of(&[Column::Src]));
        assert_eq!(Layout::compile("%sa , %da", true).unwrap().header(), "srcAddr,dstAddr\n");
    }

    #[test]
    fn what_is_wrong_is_marked_and_the_nearest_cell_named() {
        for (text, csv, message) in [
            (
                "%ts %sapp x",
                false,
                "%sapp is no cell; did you mean %sap?\n  %ts %sapp x\n      ^^^^^",
            ),
            ("%", false, "% is no cell\n  %\n  ^"),
            ("%ts%%", false, "% is no cell\n  %ts%%\n     ^"),
            ("ü%zzzzzz", false, "%zzzzzz is no cell\n  ü%zzzzzz\n   ^^^^^^^"),
            ("%linne", false, "%linne is no cell; did you mean %line?\n  %linne\n  ^^^^^^"),
            (
                "%sa %sloc",
                false,
                "%sloc cannot be shown: of where an address is, there are the cells %sc and %dc; \
                 -o json shows what else is known\n  %sa %sloc\n      ^^^^^",
            ),
            ("%sap", true, "%sap is no cell of CSV; write %sa,%sp\n  %sap\n  ^^^^"),
            ("%sa%da", true, "CSV wants a comma between cells\n  %sa%da\n     ^"),
            (
                "%sa;%da",
                true,
                "CSV wants cells with one comma between them, and nothing else\n  %sa;%da\n     ^",
            ),
            ("", true, "CSV wants cells, as in csv:%ts,%sa,%da\n  \n  ^"),
        ] {
            assert_eq!(Layout::compile(text, csv).unwrap_err().to_string(), message, "{text}");
        }
    }
}
