//! What can be said of a file: whose names columns have, how addresses and elements are written.

use std::sync::Arc;

use crate::flow::{Names, Naming};
use crate::meaning::Meaning;

/// What a file of flows looks like; as it is made by default, in the order in which flows come.
#[derive(Debug, Clone, Default)]
pub struct Layout {
    /// Whose names the columns have.
    pub naming: Naming,
    /// How addresses are written.
    pub addresses: AddressForm,
    /// How the elements beyond the columns are.
    pub elements: ElementsForm,
    /// What exporters call their interfaces, for two columns more.
    pub interfaces: Option<Arc<Names>>,
    /// What says what the ends of flows mean, for two columns more of each that it may say.
    pub meaning: Option<Arc<Meaning>>,
    /// Whether there is a column of Community IDs.
    pub community_id: bool,
    /// Whether the rows of each row group are sorted by source, time and destination, which is
    /// declared; and whether there are Bloom filters of both ends.
    pub sorted: bool,
}

/// How addresses are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AddressForm {
    /// As text: `10.0.0.1`, `2001:db8::1`.
    #[default]
    Text,
    /// IPv4 as a number of 32 bits. Those of IPv6 are in columns of their own, as sixteen bytes.
    Number,
    /// As sixteen bytes, IPv4 as `::ffff:10.0.0.1`.
    Fixed,
}

impl AddressForm {
    /// Every form.
    pub const ALL: [Self; 3] = [Self::Text, Self::Number, Self::Fixed];

    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Fixed => "fixed",
        }
    }
}

/// How elements beyond the columns are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ElementsForm {
    /// An object in JSON, as text.
    #[default]
    Json,
    /// A map of texts.
    Map,
}

impl ElementsForm {
    /// Every form.
    pub const ALL: [Self; 2] = [Self::Json, Self::Map];

    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Map => "map",
        }
    }
}
