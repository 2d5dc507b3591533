//! Which server it is, as the calls of each are a little different.

use serde::Deserialize;

/// What answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Server {
    /// Elasticsearch 6, whose documents have types.
    Elastic6,
    /// Elasticsearch since 7.
    Elastic,
    /// OpenSearch.
    OpenSearch,
}

/// What a server says of itself.
#[derive(Deserialize)]
struct Greeting {
    version: Version,
}

#[derive(Deserialize)]
struct Version {
    number: String,
    #[serde(default)]
    distribution: String,
}

impl Server {
    /// The server that greets so; None for one that is not known.
    pub(super) fn of_greeting(greeting: &[u8]) -> Option<Self> {
        let Greeting { version } = serde_json::from_slice(greeting).ok()?;
        match (version.distribution.as_str(), version.number.split('.').next()?) {
            ("opensearch", _) => Some(Self::OpenSearch),
            ("", "6") => Some(Self::Elastic6),
            ("", "7" | "8" | "9") => Some(Self::Elastic),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_told_by_their_greetings() {
        for (greeting, server) in [
            (r#"{"version":{"number":"6.8.23","build_flavor":"default"}}"#, Some(Server::Elastic6)),
            (r#"{"version":{"number":"8.19.21"},"tagline":"…"}"#, Some(Server::Elastic)),
            (
                r#"{"version":{"distribution":"opensearch","number":"2.19.6"}}"#,
                Some(Server::OpenSearch),
            ),
            (r#"{"version":{"number":"5.6.0"}}"#, None),
            ("<html></html>", None),
        ] {
            assert_eq!(Server::of_greeting(greeting.as_bytes()), server, "{greeting}");
        }
    }
}
