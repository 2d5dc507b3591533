//! The generator's captures.
