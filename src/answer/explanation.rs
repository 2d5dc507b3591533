//! How a question is answered, as text and as JSON.

use std::fmt::Write as _;

use crate::query::{Explanation, ScanExplanation};
use crate::store::Access;

/// The explanation as lines for people.
pub fn explanation_text(explanation: &Explanation) -> String {
    let mut text = String::new();
    for (number, scan) in explanation.scans.iter().enumerate() {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "scan {} of {}", number + 1, explanation.scans.len());
        push_scan(&mut text, scan);
    }
    if let Some(read) = explanation.read {
        let _ = write!(
            text,
            "read\n  runs       {}\n  blocks     {}\n  pages      {}\n  bytes      {}\n  \
             rows       {}\n  found      {}\n",
            read.runs, read.blocks, read.pages, read.bytes, read.rows, read.found
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
    let ScanExplanation { order, lead, time, predicate, columns, ordered, plan } = scan;
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
    if let Some(time) = time {
        line("time", &format!("from {} until before {}", time.since, time.until));
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
