//! The embedded store, beyond what every backend must do.
