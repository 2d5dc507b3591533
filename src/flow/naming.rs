//! What columns are called elsewhere: the tables `schema/names-*.csv`, which say where each name
//! comes from.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

/// Whose names columns have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Naming {
    /// Ours, as in runs.
    #[default]
    Earlgrey,
    /// Those of the Open Cybersecurity Schema Framework, class 4001, Network Activity.
    Ocsf,
    /// Those of the Elastic Common Schema.
    Ecs,
    /// Those of Zeek's conn.log.
    Zeek,
    /// Those of IANA's registry of IPFIX elements.
    Ipfix,
}

/// What is made of the values of a column that is called otherwise.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Change {
    /// Nothing.
    #[default]
    None,
    /// Nanoseconds, of milliseconds.
    Nanoseconds,
    /// Seconds with a fraction, of milliseconds.
    Seconds,
    /// The name of a protocol in small letters, of its number, `icmp` also that of IPv6; the number in digits where it has none.
    Name,
}

/// What a column is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColumnName {
    /// Our name of it.
    pub column: &'static str,
    /// Its name there.
    pub name: &'static str,
    /// Where values of IPv6 are in a column of their own: its name. `name` is that of IPv4 then.
    pub of_v6: Option<&'static str>,
    /// What is made of its values.
    pub change: Change,
    /// Where the name is defined; empty where nobody else has one for it, and it is ours with
    /// `earlgrey_` before it.
    pub source: &'static str,
}

impl Naming {
    /// Every naming.
    pub const ALL: [Self; 5] = [Self::Earlgrey, Self::Ocsf, Self::Ecs, Self::Zeek, Self::Ipfix];

    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Earlgrey => "earlgrey",
            Self::Ocsf => "ocsf",
            Self::Ecs => "ecs",
            Self::Zeek => "zeek",
            Self::Ipfix => "ipfix",
        }
    }

    /// What our column `column` is called; its own name where no table has it.
    pub fn of(self, column: &'static str) -> ColumnName {
        let named = self.table().iter().find(|named| named.column == column);
        named.copied().unwrap_or(ColumnName {
            column,
            name: column,
            of_v6: None,
            change: Change::None,
            source: "",
        })
    }

    /// The names of all columns; none where they are ours.
    pub fn table(self) -> &'static [ColumnName] {
        static OCSF: LazyLock<Vec<ColumnName>> =
            LazyLock::new(|| read(include_str!("../../schema/names-ocsf.csv")));
        static ECS: LazyLock<Vec<ColumnName>> =
            LazyLock::new(|| read(include_str!("../../schema/names-ecs.csv")));
        static ZEEK: LazyLock<Vec<ColumnName>> =
            LazyLock::new(|| read(include_str!("../../schema/names-zeek.csv")));
        static IPFIX: LazyLock<Vec<ColumnName>> =
            LazyLock::new(|| read(include_str!("../../schema/names-ipfix.csv")));
        match self {
            Self::Earlgrey => &[],
            Self::Ocsf => &OCSF,
            Self::Ecs => &ECS,
            Self::Zeek => &ZEEK,
            Self::Ipfix => &IPFIX,
        }
    }
}

/// The lines of a table behind its head; none of its values has a comma.
fn read(table: &'static str) -> Vec<ColumnName> {
    let lines = table.lines().skip(1);
    let named = |line: &'static str| {
        let mut values = line.split(',');
        let (column, names) = (values.next()?, values.next()?);
        let (name, of_v6) = match names.split_once('|') {
            Some((name, of_v6)) => (name, Some(of_v6)),
            None => (names, None),
        };
        let change = match values.next()? {
            "ns" => Change::Nanoseconds,
            "s" => Change::Seconds,
            "name" => Change::Name,
            _ => Change::None,
        };
        Some(ColumnName { column, name, of_v6, change, source: values.next()? })
    };
    lines.filter_map(named).collect()
}

impl fmt::Display for Naming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Naming {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = Self::ALL.into_iter().find(|naming| naming.name() == text);
        named.ok_or_else(|| {
            format!("{text:?} is no schema; write earlgrey, ocsf, ecs, zeek or ipfix")
        })
    }
}
