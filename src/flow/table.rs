//! The columns of tables of flows that other programs read: declared once, and both written and read
//! by that.

use super::{Column, ColumnKind};

/// What of a flow a column of such a table has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TableColumn {
    /// A column of flows: when they began as a moment in UTC, in milliseconds since 1970, numbers
    /// without sign.
    Flow(Column),
    /// Who exported the flow.
    Exporter,
    /// The part of him that did.
    Engine,
    /// How he sampled.
    SamplingMode,
    /// One packet of so many.
    SamplingInterval,
    /// What he calls the interface that it came in by; null where that is not known.
    InputName,
    /// What he calls the one that it left by.
    OutputName,
    /// The ID of its conversation.
    CommunityId,
    /// What a flow has beyond the other columns: an object in JSON, as text; null where it has
    /// nothing. Text, since not every reader knows the type of JSON.
    Elements,
    /// The names of these, as keys of a map.
    ElementNames,
    /// Their values there, as text.
    ElementValues,
    /// What is said of an end that flows do not tell, as text, by its place in what may be said; null
    /// where nothing is. No table has it unless somebody asked for it.
    Meant(usize),
}

impl TableColumn {
    /// Every one, in the order of a run; exporter, engine and sampling are where that has `source`.
    /// No table has elements both ways.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        Column::ALL.into_iter().flat_map(|column| match column {
            Column::Source => vec![
                Self::Exporter,
                Self::Engine,
                Self::SamplingMode,
                Self::SamplingInterval,
                Self::InputName,
                Self::OutputName,
                Self::CommunityId,
            ],
            Column::Extras => vec![Self::Elements, Self::ElementNames, Self::ElementValues],
            column => vec![Self::Flow(column)],
        })
    }

    /// What we call it. Keys and values of a map both have the map's name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Flow(column) => column.name(),
            Self::Exporter => "exporter",
            Self::Engine => "engine",
            Self::SamplingMode => "sampling_mode",
            Self::SamplingInterval => "sampling_interval",
            Self::InputName => "input_name",
            Self::OutputName => "output_name",
            Self::CommunityId => "community_id",
            Self::Elements | Self::ElementNames | Self::ElementValues => "elements",
            Self::Meant(_) => "meaning",
        }
    }

    /// What its values are; texts are of the kind of elements.
    pub(crate) const fn kind(self) -> ColumnKind {
        match self {
            Self::Flow(column) => column.kind(),
            Self::Exporter => ColumnKind::Address,
            Self::Engine | Self::SamplingInterval => ColumnKind::U32,
            Self::SamplingMode => ColumnKind::U8,
            Self::InputName
            | Self::OutputName
            | Self::CommunityId
            | Self::Elements
            | Self::ElementNames
            | Self::ElementValues
            | Self::Meant(_) => ColumnKind::Extras,
        }
    }
}
