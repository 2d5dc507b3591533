//! What can be said of an address.

use crate::flow::Naming;

/// What is said of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Attribute {
    /// The country that it is in, by its code in ISO 3166.
    Country,
    /// The city that it is in.
    City,
    /// The number of the autonomous system that it is of. Flows may tell it themselves.
    Asn,
    /// What that system is called.
    AsName,
    /// The network that it is in, by its name.
    Network,
    /// What that network is for: `internal` are one's own.
    Role,
    /// Where that network is.
    Site,
    /// Whose that network is.
    Tenant,
    /// What it is called itself.
    Host,
}

/// What an attribute is called in JSON and CSV, and over a column, for one end of a flow.
pub(crate) type Called = (&'static str, &'static str);

impl Attribute {
    /// All that flows do not tell themselves.
    pub const ALL: [Self; 8] = [
        Self::Country,
        Self::City,
        Self::AsName,
        Self::Network,
        Self::Role,
        Self::Site,
        Self::Tenant,
        Self::Host,
    ];

    /// Its name in filters and in keys.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Country => "country",
            Self::City => "city",
            Self::Asn => "as",
            Self::AsName => "asname",
            Self::Network => "network",
            Self::Role => "role",
            Self::Site => "site",
            Self::Tenant => "tenant",
            Self::Host => "hostname",
        }
    }

    /// What it is called of the source, of the destination, and of either.
    pub(crate) const fn called(self) -> [Called; 3] {
        match self {
            Self::Country => [
                ("srcCountry", "Src Country"),
                ("dstCountry", "Dst Country"),
                ("country", "Country"),
            ],
            Self::City => [("srcCity", "Src City"), ("dstCity", "Dst City"), ("city", "City")],
            Self::Asn => [("srcAs", "Src AS"), ("dstAs", "Dst AS"), ("as", "AS")],
            Self::AsName => {
                [("srcAsName", "Src AS Name"), ("dstAsName", "Dst AS Name"), ("asName", "AS Name")]
            }
            Self::Network => [
                ("srcNetwork", "Src Network"),
                ("dstNetwork", "Dst Network"),
                ("network", "Network"),
            ],
            Self::Role => [("srcRole", "Src Role"), ("dstRole", "Dst Role"), ("role", "Role")],
            Self::Site => [("srcSite", "Src Site"), ("dstSite", "Dst Site"), ("site", "Site")],
            Self::Tenant => {
                [("srcTenant", "Src Tenant"), ("dstTenant", "Dst Tenant"), ("tenant", "Tenant")]
            }
            Self::Host => [("srcHost", "Src Host"), ("dstHost", "Dst Host"), ("host", "Host")],
        }
    }

    /// What its columns are called in files of others, of the source and of the destination: as the
    /// Elastic Common Schema has it, if that has a name for it.
    pub(crate) fn columns(self, naming: Naming) -> [String; 2] {
        // https://www.elastic.co/docs/reference/ecs/ecs-geo, ecs-as and ecs-source.
        let of_ecs = match self {
            Self::Country => Some("geo.country_iso_code"),
            Self::City => Some("geo.city_name"),
            Self::Asn => Some("as.number"),
            Self::AsName => Some("as.organization.name"),
            Self::Host => Some("domain"),
            Self::Network | Self::Role | Self::Site | Self::Tenant => None,
        };
        if let (Naming::Ecs, Some(name)) = (naming, of_ecs) {
            return ["source", "destination"].map(|end| format!("{end}.{name}"));
        }
        let ours = if naming == Naming::Earlgrey { "" } else { "earlgrey_" };
        let name = if self == Self::AsName { "as_name" } else { self.word() };
        ["src", "dst"].map(|end| format!("{ours}{end}_{name}"))
    }

    /// Whether databases say it.
    pub const fn is_of_databases(self) -> bool {
        matches!(self, Self::Country | Self::City | Self::Asn | Self::AsName)
    }

    /// Whether the table of networks says it.
    pub const fn is_of_networks(self) -> bool {
        matches!(self, Self::Network | Self::Role | Self::Site | Self::Tenant)
    }

    /// What to do where nothing says it.
    pub(crate) const fn hint(self) -> &'static str {
        match self {
            _ if self.is_of_databases() => "name a database with --database FILE",
            Self::Host => "name a table of hosts with --hosts FILE",
            _ => "name a table of networks with --networks FILE",
        }
    }
}
