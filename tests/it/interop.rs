//! The same captures through other tools.
