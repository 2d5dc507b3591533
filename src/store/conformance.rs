//! What every backend must do, as tests that every backend calls.
