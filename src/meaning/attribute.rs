//! What can be said of an address.

/// What is said of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Attribute {
    /// The country that it is in, by its code in ISO 3166.
    Country,
    /// The city that it is in.
    City,
    /// What the autonomous system is called that it is of.
    AsName,
    /// The network that it is in, by its name.
    Network,
    /// What that network is for: `internal` are one's own.
    Role,
    /// Where that network is.
    Site,
    /// Whose that network is.
    Tenant,
}

/// What an attribute is called in JSON and CSV, and over a column, for one end of a flow.
pub(crate) type Called = (&'static str, &'static str);

impl Attribute {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Country,
        Self::City,
        Self::AsName,
        Self::Network,
        Self::Role,
        Self::Site,
        Self::Tenant,
    ];

    /// Its name in filters, in keys, and as a column of the table of networks.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Country => "country",
            Self::City => "city",
            Self::AsName => "asname",
            Self::Network => "network",
            Self::Role => "role",
            Self::Site => "site",
            Self::Tenant => "tenant",
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
        }
    }

    /// Whether the table of networks says it, and not a database.
    pub const fn is_of_networks(self) -> bool {
        matches!(self, Self::Network | Self::Role | Self::Site | Self::Tenant)
    }

    /// What to do where nothing says it.
    pub(crate) const fn hint(self) -> &'static str {
        if self.is_of_networks() {
            "name a table of networks with --networks FILE"
        } else {
            "name a database with --database FILE"
        }
    }
}
