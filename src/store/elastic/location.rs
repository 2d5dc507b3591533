//! Where flows are in Elasticsearch: `elastic[s]://[USER:PASSWORD@]HOST[:PORT][,HOST…][/INDEX]`.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

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

/// A URL as it may be shown: without who asks.
pub fn shown(url: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = url.split_once("://") else { return url.into() };
    let authority = rest.find(['/', '?', '#']).map_or(rest, |end| &rest[..end]);
    // A password may hold a slash that nobody wrote as %2F.
    match authority.rfind('@').or_else(|| rest.rfind('@')) {
        Some(at) => format!("{scheme}://{}", &rest[at + 1..]).into(),
        None => url.into(),
    }
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
            Some((who, hosts)) => (Some(credentials(who).map_err(&refuse)?), hosts),
            None if rest.contains('@') => {
                return Err(refuse("a / in a name or a password is written %2F".to_owned()));
            }
            None => (None, authority),
        };
        let nodes =
            hosts.split(',').map(|host| node(host).map_err(&refuse)).collect::<Result<_, _>>()?;
        let index = if index.is_empty() { DEFAULT_INDEX } else { index };
        check_index(index).map_err(refuse)?;
        Ok(Self { nodes, tls, index: index.to_owned(), credentials })
    }
}

/// `USER:PASSWORD`, where `%40` stands for an at sign and so on.
fn credentials(text: &str) -> Result<Credentials, String> {
    let (user, password) = text.split_once(':').ok_or("a user without a password")?;
    let decoded = |part| unescaped(part).ok_or("a % without the two digits of a byte behind it");
    Ok(Credentials::Basic { user: decoded(user)?, password: decoded(password)? })
}

fn unescaped(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let digits = part.get(..2)?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).ok()
}

/// `host` with the port that it means.
fn node(host: &str) -> Result<String, String> {
    let after_brackets = host.rsplit_once(']').map_or(host, |(_, rest)| rest);
    let (name, port) = match after_brackets.rsplit_once(':') {
        Some((_, port)) => (&host[..host.len() - port.len() - 1], Some(port)),
        None => (host, None),
    };
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || ".-_:[]".contains(letter);
    if name.is_empty() || !name.chars().all(is_letter) {
        return Err("a node has no name, or one that is none".to_owned());
    }
    if name.contains(':') && !name.starts_with('[') {
        return Err(format!("{host}: an IPv6 address goes in brackets: [::1]:9200"));
    }
    let port = match port {
        Some(port) => port
            .parse()
            .ok()
            .filter(|&port| port > 0)
            .ok_or_else(|| format!("{port:?} is no port; ports are numbers from 1 to 65535"))?,
        None => DEFAULT_PORT,
    };
    Ok(format!("{name}:{port}"))
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
