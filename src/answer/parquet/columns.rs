//! The columns of the file: those of a run, with the names of a run unless others are asked for, but
//! each readable by itself.

use std::sync::Arc;

use parquet::basic::{LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::errors::ParquetError;
use parquet::schema::types::{SchemaDescriptor, Type, TypePtr};

use super::layout::{AddressForm, ElementsForm, Layout};
use crate::flow::{Change, Column, ColumnKind, Family, TableColumn};
use crate::meaning::Attribute;

/// A column of the file that has values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FileColumn {
    /// Of what.
    pub(super) of: TableColumn,
    /// What it is called. Keys and values of a map both have the map's name.
    pub(super) name: String,
    /// The family whose values it has; rows of others have none. None: of both.
    pub(super) family: Option<Family>,
    /// How addresses are written, where it has any.
    pub(super) addresses: AddressForm,
    /// What is made of the values.
    pub(super) change: Change,
}

impl FileColumn {
    /// Every column of a file that looks like this.
    pub(super) fn all(layout: &Layout) -> Vec<Self> {
        let mut all = Vec::new();
        let has = |of: &TableColumn| match of {
            TableColumn::InputName | TableColumn::OutputName => layout.interfaces.is_some(),
            TableColumn::CommunityId => layout.community_id,
            TableColumn::Elements => layout.elements == ElementsForm::Json,
            TableColumn::ElementNames | TableColumn::ElementValues => {
                layout.elements == ElementsForm::Map
            }
            _ => true,
        };
        for of in TableColumn::all().filter(has) {
            let named = layout.naming.of(of.name());
            let by_number =
                of.kind() == ColumnKind::Address && layout.addresses == AddressForm::Number;
            let column = |name: String, family| Self {
                of,
                name,
                family,
                addresses: layout.addresses,
                change: named.change,
            };
            let name = named.name.to_owned();
            match named.of_v6.map(str::to_owned) {
                None if !by_number => all.push(column(name, None)),
                of_v6 => {
                    let of_v6 = of_v6.unwrap_or_else(|| format!("{name}_v6"));
                    all.push(column(name, Some(Family::V4)));
                    all.push(column(of_v6, Some(Family::V6)));
                }
            }
        }
        all.extend(Self::meant(layout));
        all
    }

    /// The columns of what is said of ends.
    fn meant(layout: &Layout) -> Vec<Self> {
        let may_say = |attribute: Attribute| {
            layout.meaning.as_ref().is_some_and(|meaning| meaning.may_say(attribute))
        };
        let all = Attribute::ALL.into_iter().enumerate().filter(|(_, at)| may_say(*at));
        let columns = |(place, attribute): (usize, Attribute)| {
            let column = move |(end, name)| Self {
                of: TableColumn::Meant(2 * place + end),
                name,
                family: None,
                addresses: layout.addresses,
                change: Change::None,
            };
            attribute.columns(layout.naming).into_iter().enumerate().map(column)
        };
        all.flat_map(columns).collect()
    }

    /// What it says of an end, and whether that is the destination.
    pub(super) fn end(&self) -> Option<(Attribute, bool)> {
        match self.of {
            TableColumn::Meant(place) => Some((*Attribute::ALL.get(place / 2)?, place % 2 == 1)),
            _ => None,
        }
    }

    /// Whether values are looked up among those that came before, as long as that pays.
    pub(super) fn has_dictionary(&self) -> bool {
        !matches!(self.of, TableColumn::Flow(Column::First) | TableColumn::CommunityId)
    }

    /// Whether rows may lack a value.
    pub(super) fn is_optional(&self) -> bool {
        self.family.is_some()
            || matches!(
                self.of,
                TableColumn::InputName
                    | TableColumn::OutputName
                    | TableColumn::Elements
                    | TableColumn::Meant(_)
            )
    }

    /// Whether its addresses are numbers.
    pub(super) fn is_number(&self) -> bool {
        self.addresses == AddressForm::Number && self.family == Some(Family::V4)
    }

    fn field(&self) -> Result<Type, ParquetError> {
        let unsigned = |bits| Some(LogicalType::integer(bits, false));
        let text = (Physical::BYTE_ARRAY, Some(LogicalType::String), -1);
        let (physical, logical, length) = match (self.of.kind(), self.change) {
            (_, Change::Name) => text,
            (_, Change::Seconds) => (Physical::DOUBLE, None, -1),
            (_, Change::Nanoseconds) => (Physical::INT64, None, -1),
            (ColumnKind::Address, _) if self.is_number() => (Physical::INT32, unsigned(32), -1),
            (ColumnKind::Address, _) if self.addresses != AddressForm::Text => {
                (Physical::FIXED_LEN_BYTE_ARRAY, None, 16)
            }
            (ColumnKind::Address | ColumnKind::Extras, _) => text,
            (ColumnKind::U64, _) if self.of == TableColumn::Flow(Column::First) => {
                (Physical::INT64, Some(LogicalType::timestamp(true, TimeUnit::MILLIS)), -1)
            }
            (ColumnKind::U64, _) => (Physical::INT64, unsigned(64), -1),
            (ColumnKind::U32, _) => (Physical::INT32, unsigned(32), -1),
            (ColumnKind::U16, _) => (Physical::INT32, unsigned(16), -1),
            (ColumnKind::U8, _) => (Physical::INT32, unsigned(8), -1),
        };
        let repetition =
            if self.is_optional() { Repetition::OPTIONAL } else { Repetition::REQUIRED };
        Type::primitive_type_builder(&self.name, physical)
            .with_repetition(repetition)
            .with_logical_type(logical)
            .with_length(length)
            .build()
    }

    /// A map of texts, as Parquet has them.
    fn map(&self) -> Result<Type, ParquetError> {
        let text = |name| {
            Type::primitive_type_builder(name, Physical::BYTE_ARRAY)
                .with_repetition(Repetition::REQUIRED)
                .with_logical_type(Some(LogicalType::String))
                .build()
                .map(Arc::new)
        };
        let entry = Type::group_type_builder("key_value")
            .with_repetition(Repetition::REPEATED)
            .with_fields(vec![text("key")?, text("value")?])
            .build()?;
        Type::group_type_builder(&self.name)
            .with_repetition(Repetition::OPTIONAL)
            .with_logical_type(Some(LogicalType::Map))
            .with_fields(vec![Arc::new(entry)])
            .build()
    }
}

/// The columns as Parquet has them.
pub(super) fn schema(columns: &[FileColumn]) -> Result<SchemaDescriptor, ParquetError> {
    let mut fields: Vec<TypePtr> = Vec::new();
    for column in columns {
        fields.push(Arc::new(match column.of {
            TableColumn::ElementNames => column.map()?,
            // They are part of the map.
            TableColumn::ElementValues => continue,
            _ => column.field()?,
        }));
    }
    let root = Type::group_type_builder("flow").with_fields(fields).build()?;
    Ok(SchemaDescriptor::new(Arc::new(root)))
}
