//! Where a topic is: `kafka[s]://[USER:PASSWORD@]HOST[:PORT][,HOST…]/TOPIC`.

use std::fmt;
use std::str::FromStr;

use super::options::User;
use crate::flow::url::{node, shown, user};

/// The port of a broker where none is named.
const DEFAULT_PORT: u16 = 9092;
/// The schemes, and whether they are of encrypted connections.
const SCHEMES: [(&str, bool); 2] = [("kafka://", false), ("kafkas://", true)];
/// The length of the longest name of a topic.
const MAX_TOPIC_BYTES: usize = 249;

/// The brokers of a cluster, and a topic in it. Parses from a URL; `Display` leaves out who asks.
///
/// ```
/// use earlgrey_hbase::kafka::Location;
///
/// let location: Location = "kafkas://flows:secret@broker1,broker2:9093/edge".parse()?;
/// assert_eq!(location.to_string(), "kafkas://broker1:9092,broker2:9093/edge");
/// # Ok::<(), earlgrey_hbase::kafka::LocationError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// Each as `host:port`. Any of them tells where the others are.
    pub brokers: Vec<String>,
    /// Whether connections are encrypted.
    pub tls: bool,
    /// The topic.
    pub topic: String,
    /// Who asks, where the URL says it.
    pub user: Option<User>,
}

/// Text that is no URL of a topic. It shows no password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{url}: {problem}; a topic is kafka://[USER:PASSWORD@]HOST[:PORT][,HOST…]/TOPIC, kafkas:// where \
     connections are encrypted"
)]
pub struct LocationError {
    url: String,
    problem: String,
}

/// Whether text is the URL of a topic, by its scheme.
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
            .ok_or_else(|| refuse("does not begin with kafka://".to_owned()))?;
        let (authority, topic) = rest.split_once('/').unwrap_or((rest, ""));
        let (asks, hosts) = match authority.rsplit_once('@') {
            Some((who, hosts)) => {
                let (name, password) = user(who).map_err(&refuse)?;
                (Some(User { name, password }), hosts)
            }
            None if rest.contains('@') => {
                return Err(refuse("a / in a name or a password is written %2F".to_owned()));
            }
            None => (None, authority),
        };
        let brokers =
            hosts.split(',').map(|host| node("a broker", host, DEFAULT_PORT).map_err(&refuse));
        let brokers = brokers.collect::<Result<_, _>>()?;
        check_topic(topic).map_err(refuse)?;
        Ok(Self { brokers, tls, topic: topic.to_owned(), user: asks })
    }
}

/// Kafka's own rules for names.
fn check_topic(topic: &str) -> Result<(), String> {
    if topic.is_empty() {
        return Err("it names no topic".to_owned());
    }
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
    if topic.len() > MAX_TOPIC_BYTES
        || [".", ".."].contains(&topic)
        || !topic.chars().all(is_letter)
    {
        return Err(format!("{topic:?} is no name of a topic: letters, digits, ., _, -"));
    }
    Ok(())
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "kafkas" } else { "kafka" };
        write!(f, "{scheme}://{}/{}", self.brokers.join(","), self.topic)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_as_they_are_written_and_shown_without_who_asks() {
        for (url, shown_as, user) in [
            ("kafka://localhost/flows", "kafka://localhost:9092/flows", None),
            ("kafka://a:1,b/x.y_z-1", "kafka://a:1,b:9092/x.y_z-1", None),
            ("kafka://[::1]:9/t", "kafka://[::1]:9/t", None),
            ("kafkas://u:p%40%2f:x@h/T", "kafkas://h:9092/T", Some(("u", "p@/:x"))),
        ] {
            let location = url.parse::<Location>().unwrap();
            assert_eq!(location.to_string(), shown_as);
            let user =
                user.map(|(name, password)| User { name: name.into(), password: password.into() });
            assert_eq!(location.user, user);
            assert!(!format!("{location:?}").contains("p@"), "{location:?}");
        }
    }

    #[test]
    fn what_is_no_url_is_refused_without_its_password() {
        for (url, problem) in [
            ("http://u:secret@a/t", "does not begin with kafka://"),
            ("kafka:///t", "no name"),
            ("kafka://u:secret@a,,b/t", "no name"),
            ("kafka://u:secret@a:0/t", "is no port"),
            ("kafka://u:sec/ret@a/t", "is written %2F"),
            ("kafka://secret@a/t", "a user without a password"),
            ("kafka://u:secret@a", "names no topic"),
            ("kafka://u:secret@a/t/0", "no name of a topic"),
            ("kafka://u:secret@a/..", "no name of a topic"),
        ] {
            let error = url.parse::<Location>().unwrap_err().to_string();
            assert!(error.contains(problem), "{error}");
            assert!(!error.contains("secret") && !error.contains("ret@"), "{error}");
        }
    }
}
