//! An entry a line. What stands behind it is a remark, where it begins with `#` or `;`, or a further
//! column, behind a comma or a tab.

use super::{Read, address, is_remark};

pub(super) fn read(text: &str, read: &mut Read) {
    for (line, number) in text.lines().map(str::trim).zip(1..) {
        if is_remark(line) {
            continue;
        }
        match address::indicator(entry(line)) {
            Some(indicator) => read.indicators.push(indicator),
            None => read.count_line(number),
        }
    }
}

/// What stands first in a line, with all that is neither a remark nor a column of its own: half of it
/// may be an address, and something else be meant.
fn entry(line: &str) -> &str {
    if let Some((quoted, _)) = line.strip_prefix('"').and_then(|line| line.split_once('"')) {
        return quoted;
    }
    let ends = |(at, mark): (usize, char)| {
        // Ranges may have tabs around their dash.
        let within = || line[..at].ends_with('-') || line[at..].trim_start().starts_with('-');
        (",;#".contains(mark) || mark == '\t' && !within()).then_some(at)
    };
    line.char_indices().find_map(ends).map_or(line, |end| &line[..end])
}
