//! Captures of every container, link layer and damage.
