//! Which columns a run has, by their names, in the order in which they lie in its files.

use serde::{Deserialize, Deserializer, Serialize};

use crate::flow::{Column, Columns};

/// The columns that every run of formats 1 and 2 has, in their order. Manifests call them `base`.
const BASE: [Column; 19] = [
    Column::Src,
    Column::First,
    Column::Dst,
    Column::Protocol,
    Column::SrcPort,
    Column::DstPort,
    Column::Octets,
    Column::Packets,
    Column::Duration,
    Column::TcpFlags,
    Column::Tos,
    Column::Input,
    Column::Output,
    Column::SrcAs,
    Column::DstAs,
    Column::SrcMask,
    Column::DstMask,
    Column::NextHop,
    Column::Source,
];
const BASE_NAME: &str = "base";

/// The columns of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(crate) struct RunColumns(Vec<String>);

impl RunColumns {
    /// The columns that every run has that is written here.
    pub(crate) const BASE: Columns = Columns::of(&BASE);

    /// The base and, behind it, those of `columns` that are not in it.
    pub(crate) fn with(columns: Columns) -> Self {
        let more = columns.without(Self::BASE);
        let names = more.iter().map(Column::name);
        Self([BASE_NAME].into_iter().chain(names).map(str::to_owned).collect())
    }

    /// These, in their order, and no base.
    pub(crate) fn only(columns: Columns) -> Self {
        Self(columns.iter().map(|column| column.name().to_owned()).collect())
    }

    /// Whether they are those that format 1 has.
    pub(crate) fn are_base(&self) -> bool {
        self.0 == [BASE_NAME]
    }

    /// Whether `column`, one that is not of the base, is among them.
    pub(crate) fn have(&self, column: Column) -> bool {
        self.0.iter().any(|name| name == column.name())
    }

    /// Each column in its place; None for one that this version does not know.
    pub(crate) fn places(&self) -> impl Iterator<Item = Option<Column>> + '_ {
        self.0.iter().flat_map(|name| {
            let base = if name == BASE_NAME { &BASE[..] } else { &[] };
            let own = (name != BASE_NAME)
                .then(|| Column::EVERY.into_iter().find(|column| column.name() == name));
            base.iter().copied().map(Some).chain(own)
        })
    }

    /// The names of those that this version does not know.
    pub(crate) fn unknown(&self) -> impl Iterator<Item = &str> {
        let is_known = |name: &str| Column::ALL.iter().any(|column| column.name() == name);
        let names = self.0.iter().map(String::as_str);
        names.filter(move |name| *name != BASE_NAME && !is_known(name))
    }
}

impl Default for RunColumns {
    fn default() -> Self {
        Self::with(Columns::NONE)
    }
}

impl<'de> Deserialize<'de> for RunColumns {
    /// As it is written; or `true`, as format 2 says that there are extras.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Names(Vec<String>),
            HasExtras(bool),
        }
        Ok(match Written::deserialize(deserializer)? {
            Written::Names(names) => Self(names),
            Written::HasExtras(true) => Self::with(Columns::of(&[Column::Extras])),
            Written::HasExtras(false) => Self::default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Vec<Option<Column>> {
        serde_json::from_str::<RunColumns>(json).unwrap().places().collect()
    }

    #[test]
    fn columns_are_read_as_each_format_writes_them() {
        let base: Vec<Option<Column>> = BASE.into_iter().map(Some).collect();
        let with = |more: &[Option<Column>]| [&base[..], more].concat();
        let extras = Some(Column::Extras);
        for (json, expected) in [
            ("false", base.clone()),
            ("true", with(&[extras])),
            (r#"["base"]"#, base.clone()),
            (r#"["base","extras"]"#, with(&[extras])),
            (r#"["base","comet","extras"]"#, with(&[None, extras])),
            (r#"["octets","src"]"#, vec![Some(Column::Octets), Some(Column::Src)]),
        ] {
            assert_eq!(read(json), expected, "{json}");
        }
        let written = RunColumns::with(Columns::of(&[Column::Extras, Column::Src]));
        assert_eq!(serde_json::to_string(&written).unwrap(), r#"["base","extras"]"#);
        assert!(RunColumns::default().are_base() && !written.are_base());
    }

    #[test]
    fn what_is_not_known_is_told() {
        let columns: RunColumns = serde_json::from_str(r#"["base","comet","tos"]"#).unwrap();
        assert_eq!(columns.unknown().collect::<Vec<_>>(), ["comet"]);
    }
}
