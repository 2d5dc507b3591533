//! Counters as Prometheus reads them: the text format, version 0.0.4.

use std::fmt::{Display, Write as _};

/// A page of counters whose names begin alike.
pub(crate) struct Exposition {
    prefix: &'static str,
    text: String,
}

impl Exposition {
    pub(crate) fn of(prefix: &'static str) -> Self {
        Self { prefix, text: String::new() }
    }

    /// What the samples that follow are.
    pub(crate) fn head(&mut self, name: &str, kind: &str, help: &str) {
        let prefix = self.prefix;
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "# HELP {prefix}{name} {help}\n# TYPE {prefix}{name} {kind}");
    }

    pub(crate) fn sample(
        &mut self,
        name: &str,
        labels: &[(&str, &dyn Display)],
        value: impl Display,
    ) {
        // The values are our own words, and addresses: nothing in them must be escaped.
        let labels: Vec<String> =
            labels.iter().map(|(label, value)| format!("{label}=\"{value}\"")).collect();
        let labels =
            if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(self.text, "{}{name}{labels} {value}", self.prefix);
    }

    pub(crate) fn text(self) -> String {
        self.text
    }
}
