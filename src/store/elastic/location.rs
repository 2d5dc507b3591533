//! Where flows are in Elasticsearch: `elastic[s]://[USER:PASSWORD@]HOST[:PORT][,HOST…][/INDEX]`.

use std::fmt;
use std::str::FromStr;

pub(crate) use crate::flow::url::shown;
use crate::flow::url::{node, user};

/// The port of a node where none is named.
const DEFAULT_PORT: u16 = 9200;
/// The index where none is named.
const DEFAULT_INDEX: &str = "earlgrey";
/// The schemes, and whether they are of encrypted connections.
const SCHEMES: [(&str, bool); 4] =
    [("elastic://", false), ("elastics://", true), ("http://", false), ("https://", true)];

/// The nodes of a cluster, and the index in it. Parses from a URL; `Display` leaves out who asks.
///
/// ```
/// use earlgrey_hbase::store::elastic::Location;
///
/// let location: Location = "elastics://flows:secret@node1,node2:9201/site".parse()?;
/// assert_eq!(location.to_string(), "elastics://node1:9200,node2:9201/site");
/// # Ok::<(), earlgrey_hbase::store::elastic::LocationError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// Each as `host:port`, to be used in turn.
    pub nodes: Vec<String>,
    /// Whether connections are encrypted.
    pub tls: bool,
    /// The index, the data stream, or the alias of several; `*` stands for any letters.
    pub index: String,
    /// Who asks, where the URL says it.
    pub credentials: Option<Credentials>,
}

/// Who asks. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// A user, by his password.
    Basic {
        /// His name.
        user: String,
        /// His password.
        password: String,
    },
    /// Whoever has this key: what the server called `encoded` when it was made.
    ApiKey(String),
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// Text that is no URL of an index. It shows no password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{url}: {problem}; flows in Elasticsearch are elastic://[USER:PASSWORD@]HOST[:PORT][,HOST…]\
     [/INDEX], elastics:// where connections are encrypted"
)]
pub struct LocationError {
    url: String,
    problem: String,
}

/// Whether text is the URL of an index, by its scheme.
pub fn is_location(url: &str) -> bool {
    SCHEMES.iter().any(|(scheme, _)| url.starts_with(scheme))
}

impl FromStr for Location {
    type Err = LocationError;

    fn from_str(url: &str) -> Result<Self, LocationError> {
        let refuse = |problem: String| LocationError { url: shown(url).into_owned(), problem };
        let (rest, tls) = SCHEMES
            .iter()
            .find_map(|&(scheme, tls)| Some((url.strip_prefix(scheme)?, tls)))
            .ok_or_else(|| refuse("does not begin with elastic://".to_owned()))?;
        let (authority, index) = rest.split_once('/').unwrap_or((rest, ""));
        let (credentials, hosts) = match authority.rsplit_once('@') {
            Some((who, hosts)) => {
                let (user, password) = user(who).map_err(&refuse)?;
                (Some(Credentials::Basic { user, password }), hosts)
            }
            None if rest.contains('@') => {
                return Err(refuse("a / in a name or a password is written %2F".to_owned()));
            }
            None => (None, authority),
        };
        let nodes =
            hosts.split(',').map(|host| node("a node", host, DEFAULT_PORT).map_err(&refuse));
        let nodes = nodes.collect::<Result<_, _>>()?;
        let index = if index.is_empty() { DEFAULT_INDEX } else { index };
        check_index(index).map_err(refuse)?;
        Ok(Self { nodes, tls, index: index.to_owned(), credentials })
    }
}

/// Elasticsearch's own rules for names, as far as a name could be taken for something else.
fn check_index(index: &str) -> Result<(), String> {
    let is_letter = |letter: char| {
        letter.is_ascii_lowercase() || letter.is_ascii_digit() || ".-_*".contains(letter)
    };
    if index.starts_with(['-', '_', '.']) || !index.chars().all(is_letter) {
        return Err(format!("{index:?} is no name of an index: small letters, digits, -, _, ."));
    }
    Ok(())
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "elastics" } else { "elastic" };
        write!(f, "{scheme}://{}/{}", self.nodes.join(","), self.index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_as_they_are_written_and_shown_without_who_asks() {
        for (url, shown_as, user) in [
            ("elastic://localhost", "elastic://localhost:9200/earlgrey", None),
            ("https://a:1,b/x-*", "elastics://a:1,b:9200/x-*", None),
            ("elastic://[::1]:9,[2001:db8::1]/t/", "", None),
            ("elastics://u:p%40%2f:x@h/t", "elastics://h:9200/t", Some(("u", "p@/:x"))),
            ("http://u:p@q@h", "elastic://h:9200/earlgrey", Some(("u", "p@q"))),
        ] {
            let Ok(location) = url.parse::<Location>() else {
                assert_eq!(shown_as, "", "{url}");
                continue;
            };
            assert_eq!(location.to_string(), shown_as);
            let credentials = user.map(|(user, password)| Credentials::Basic {
                user: user.to_owned(),
                password: password.to_owned(),
            });
            assert_eq!(location.credentials, credentials);
            assert!(!format!("{location:?}").contains("p@"), "{location:?}");
        }
    }

    #[test]
    fn what_is_no_url_is_refused_without_its_password() {
        for (url, problem) in [
            ("ftp://u:secret@a", "does not begin with elastic://"),
            ("elastic://", "no name"),
            ("elastic://u:secret@a,,b", "no name"),
            ("elastic://u:secret@a:0", "is no port"),
            ("elastic://u:secret%4@a", "a % without"),
            ("elastic://u:sec/ret@a", "is written %2F"),
            ("elastic://secret@a", "a user without a password"),
            ("elastic://::1", "brackets"),
            ("elastic://u:secret@a/Two", "no name of an index"),
            ("elastic://a/_all", "no name of an index"),
            ("elastic://u:secret@a/b?pretty", "no name of an index"),
        ] {
            let error = url.parse::<Location>().unwrap_err().to_string();
            assert!(error.contains(problem), "{error}");
            assert!(!error.contains("secret") && !error.contains("ret@"), "{error}");
        }
    }
}
