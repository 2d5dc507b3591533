//! The output formats against nfdump's.
