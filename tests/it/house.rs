//! Imports point one way.
