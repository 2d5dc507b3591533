//! An entry a line. What stands behind it, after a blank, a comma, a semicolon or a `#`, is a remark.

use super::{Read, address, is_remark};

pub(super) fn read(text: &str, read: &mut Read) {
    for line in text.lines().map(str::trim).filter(|line| !is_remark(line)) {
        let line = line.strip_prefix('"').unwrap_or(line);
        let ends = |c: char| c.is_whitespace() || ",;#\"".contains(c);
        let entry = line.split(ends).next().unwrap_or_default();
        match address::indicator(entry) {
            Some(indicator) => read.indicators.push(indicator),
            None => read.count_other("no address"),
        }
    }
}
