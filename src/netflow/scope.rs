//! Whose templates and options they are.

use std::net::IpAddr;

use super::template::Format;

/// An observation domain of an exporter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Scope {
    pub(super) exporter: IpAddr,
    /// Source id, or observation domain.
    pub(super) domain: u32,
    pub(super) format: Format,
}
