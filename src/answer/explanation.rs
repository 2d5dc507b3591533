//! How a question is answered, as text and as JSON.

use std::fmt::Write as _;

use crate::flow::{TimeRange, UnixMillis};
use crate::query::{Explanation, ScanExplanation};
use crate::store::Access;

/// The explanation as lines for people.
pub fn explanation_text(explanation: &Explanation) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    if let Some(filter) = &explanation.filter {
        let _ = writeln!(text, "filter       {filter}");
    }
    for (number, scan) in explanation.scans.iter().enumerate() {
        let _ = writeln!(text, "scan {} of {}", number + 1, explanation.scans.len());
        push_scan(&mut text, scan);
    }
    if let Some(read) = explanation.read {
        let _ = writeln!(text, "read\n  runs       {}", read.runs);
        if read.sums > 0 {
            let _ = writeln!(text, "  sums       of {} of them", read.sums);
        }
        let _ = write!(
            text,
            "  blocks     {}\n  pages      {}\n  bytes      {}\n  rows       {}\n  found      {}\n",
            read.blocks, read.pages, read.bytes, read.rows, read.found
        );
    }
    if let Some(elapsed) = explanation.elapsed_ms {
        let _ = writeln!(text, "  took       {elapsed:.2} ms");
    }
    text
}

/// The explanation as one JSON object on a line.
pub fn explanation_json(explanation: &Explanation) -> String {
    // It holds no map, and no type whose serialization fails.
    let mut text = serde_json::to_string(explanation).unwrap_or_default();
    text.push('\n');
    text
}

fn push_scan(text: &mut String, scan: &ScanExplanation) {
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "  {name:<10} {value}");
    };
    let ScanExplanation { order, lead, port, time, predicate, columns, ordered, plan } = scan;
    line(
        "access",
        match plan.access {
            Access::Range => "range of row keys",
            Access::Filter => "filter over every row",
        },
    );
    let arrangement = if *ordered { "in key order" } else { "in any order" };
    line("order", &format!("{order} first, read {arrangement}"));
    if let Some(lead) = lead {
        line(&order.to_string(), lead);
    }
    match port {
        Some(0) => line("port", "none of its own, or a block of ports"),
        Some(port) => line("port", &port.to_string()),
        None => {}
    }
    if let Some(time) = time {
        line("time", &time_text(*time));
    }
    if let Some(predicate) = predicate {
        line("filter", predicate);
    }
    line("columns", &if columns.is_empty() { "none".to_owned() } else { columns.join(" ") });
    for (name, (all, read)) in [("runs", plan.runs), ("blocks", plan.blocks), ("pages", plan.pages)]
    {
        line(name, &format!("{read} of {all}"));
    }
    for note in &plan.notes {
        line("note", note);
    }
}

fn time_text(TimeRange { since, until }: TimeRange) -> String {
    match (since == UnixMillis::EPOCH, until == UnixMillis::MAX) {
        (_, true) => format!("since {since}"),
        (true, false) => format!("before {until}"),
        (false, false) => format!("since {since}, before {until}"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::flow::{Column, Columns, Family};
    use crate::query::{Direction, Question, parse_addresses};
    use crate::row::{AddressRange, Predicate};
    use crate::store::memory::MemoryStore;
    use crate::store::{Reading, Store};

    #[test]
    fn an_explanation_tells_the_plan_and_what_was_read() {
        let snapshot = MemoryStore::default().snapshot().unwrap();
        let question = Question {
            direction: Direction::Any,
            time: TimeRange { since: UnixMillis(1000), until: UnixMillis::MAX },
            ..Question::about(parse_addresses("10.0.0.1").unwrap())
        };
        let lookup = question.plan(Columns::of(&[Column::Octets]));
        let reading = Reading { runs: 2, found: 20, ..Reading::default() };
        let filter = Predicate::src(AddressRange::all(Family::V4));
        let explanation = lookup.explain(&*snapshot).unwrap().of_filter(Some(&filter));
        let explanation = explanation.after([reading], Duration::from_micros(610));
        assert_eq!(
            explanation_text(&explanation),
            "\
filter       src net 0.0.0.0/0
scan 1 of 2
  access     range of row keys
  order      src first, read in key order
  src        10.0.0.1
  time       since 1970-01-01T00:00:01.000Z
  columns    src first_ms dst octets
  runs       1 of 1
  blocks     1 of 1
  pages      1 of 1
scan 2 of 2
  access     range of row keys
  order      dst first, read in key order
  dst        10.0.0.1
  time       since 1970-01-01T00:00:01.000Z
  filter     not src ip 10.0.0.1
  columns    src first_ms dst octets
  runs       1 of 1
  blocks     1 of 1
  pages      1 of 1
read
  runs       2
  blocks     0
  pages      0
  bytes      0
  rows       0
  found      20
  took       0.61 ms
"
        );
        let json: serde_json::Value =
            serde_json::from_str(&explanation_json(&explanation)).unwrap();
        assert_eq!(json["scans"][1]["predicate"], "not src ip 10.0.0.1");
        assert_eq!(json["scans"][0]["plan"]["access"], "range");
        assert_eq!(json["read"]["found"], 20);
    }
}
