//! Where a store in HBase is: `hbase://host[:port][,host[:port]…][/[namespace:]table]`.

use std::fmt;
use std::str::FromStr;

use crate::flow::url::node;

/// The port of a Thrift gateway where none is named.
const DEFAULT_PORT: u16 = 9090;
/// The table where none is named.
const DEFAULT_TABLE: &str = "netflow";
const SCHEME: &str = "hbase://";

/// The gateways to a cluster, and the table in it. Parses from the URL of a store.
///
/// ```
/// use earlgrey_hbase::store::hbase::Location;
///
/// let location: Location = "hbase://gate1,gate2:9091/security:flows".parse()?;
/// assert_eq!(location.to_string(), "hbase://gate1:9090,gate2:9091/security:flows");
/// # Ok::<(), earlgrey_hbase::store::hbase::LocationError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// Each as `host:port`, to be used in turn.
    pub gateways: Vec<String>,
    /// The table in src-first order; the names of the others begin with its name.
    pub table: String,
}

/// Text that is no URL of a store in HBase.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{url}: {problem}; a store in HBase is hbase://HOST[:PORT][,HOST[:PORT]…][/[NAMESPACE:]TABLE]"
)]
pub struct LocationError {
    url: String,
    problem: String,
}

impl FromStr for Location {
    type Err = LocationError;

    fn from_str(url: &str) -> Result<Self, LocationError> {
        let refuse = |problem: String| LocationError { url: url.to_owned(), problem };
        let rest = url
            .strip_prefix(SCHEME)
            .ok_or_else(|| refuse(format!("does not begin with {SCHEME}")))?;
        let (hosts, table) = rest.split_once('/').unwrap_or((rest, ""));
        let gateways = hosts
            .split(',')
            .map(|host| node("a gateway", host, DEFAULT_PORT).map_err(&refuse))
            .collect::<Result<_, _>>()?;
        let table = if table.is_empty() { DEFAULT_TABLE } else { table };
        check_table(table).map_err(refuse)?;
        Ok(Self { gateways, table: table.to_owned() })
    }
}

/// HBase's own rules for names.
fn check_table(table: &str) -> Result<(), String> {
    let part = |name: &str| {
        !name.is_empty()
            && !name.starts_with(['.', '-'])
            && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
    };
    let good = match table.split_once(':') {
        Some((namespace, name)) => part(namespace) && !namespace.contains(['-', '.']) && part(name),
        None => part(table),
    };
    if good { Ok(()) } else { Err(format!("{table:?} is no name of a table")) }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}/{}", self.gateways.join(","), self.table)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_as_they_are_written() {
        for (url, shown) in [
            ("hbase://localhost", "hbase://localhost:9090/netflow"),
            ("hbase://a:1,b,10.0.0.1:65535/", "hbase://a:1,b:9090,10.0.0.1:65535/netflow"),
            ("hbase://[::1]:9,[2001:db8::1]/ns:t", "hbase://[::1]:9,[2001:db8::1]:9090/ns:t"),
        ] {
            let location: Location = url.parse().unwrap();
            assert_eq!(location.to_string(), shown);
            assert_eq!(shown.parse(), Ok(location));
        }
    }

    #[test]
    fn what_is_no_url_is_refused_with_its_problem() {
        for (url, problem) in [
            ("http://a", "does not begin with hbase://"),
            ("hbase://", "no name"),
            ("hbase://a,,b", "no name"),
            ("hbase://a:0", "is no port"),
            ("hbase://a:70000/t", "is no port"),
            ("hbase://a:thrift/t", "is no port"),
            ("hbase://::1", "brackets"),
            ("hbase://a/two/tables", "no name of a table"),
            ("hbase://a/n-s:t", "no name of a table"),
            ("hbase://a/.t", "no name of a table"),
        ] {
            let error = url.parse::<Location>().unwrap_err().to_string();
            assert!(error.contains(problem), "{error}");
            assert!(error.starts_with(url), "{error}");
        }
    }
}
