//! What a scan finds, as a query: exactly where that can be said, else more than that, and what is
//! left to test on flows.

use serde_json::{Value, json};

use super::document::number_field;
use crate::flow::{Column, Family, TimeRange, UnixMillis};
use crate::row::{AddressField, AddressSet, NumberField, NumberSet, Predicate};
use crate::store::Scan;

/// So many ranges of addresses go into a query; of more, those that lie together are one.
const MAX_RANGES: usize = 256;
/// So many ranges of numbers do; more are tested here.
const MAX_NUMBER_RANGES: usize = 512;
/// The greatest number that the type `long` holds.
const GREATEST_LONG: u64 = u64::MAX >> 1;

/// A query that finds all flows that are looked for, and maybe others.
#[derive(Debug, Clone)]
pub(super) struct Pushed {
    /// What must all hold.
    pub(super) filters: Vec<Value>,
    /// What is to be tested on the flows that are found.
    pub(super) rest: Option<Predicate>,
}

/// A query that holds wherever a test does.
struct Term {
    query: Value,
    /// Whether it holds nowhere else.
    exact: bool,
}

/// The query for those flows of `family` that `scan` finds. None if there are none.
pub(super) fn of_scan(scan: &Scan, family: Family) -> Option<Pushed> {
    if scan.time.is_empty() || scan.time.since > UnixMillis::LAST {
        return None;
    }
    let mut filters = vec![of_family(family)];
    filters.extend(of_time(scan.time));
    let lead = scan.lead.clone().map(|lead| scan.order.leads(lead));
    let asked = lead.into_iter().chain(scan.predicate.clone());
    let mut rest = Vec::new();
    for test in asked.flat_map(|asked| asked.conjuncts().to_vec()) {
        if let Predicate::Family(other) = test {
            if other != family {
                return None;
            }
            continue;
        }
        let term = of_predicate(&test, family);
        if term.as_ref().is_none_or(|term| !term.exact) {
            rest.push(test);
        }
        filters.extend(term.map(|term| term.query));
    }
    if filters.contains(&nothing()) {
        return None;
    }
    let rest = (!rest.is_empty()).then(|| Predicate::and(rest));
    Some(Pushed { filters, rest })
}

/// Flows of IPv6 are marked, as an address of IPv4 in the form of IPv6 is the same one to a search.
fn of_family(family: Family) -> Value {
    let marked = json!({"term": {"ipv6": true}});
    match family {
        Family::V6 => marked,
        Family::V4 => json!({"bool": {"must_not": [marked]}}),
    }
}

fn of_time(time: TimeRange) -> Option<Value> {
    let mut range = json!({"format": "epoch_millis"});
    if time.since > UnixMillis::EPOCH {
        range["gte"] = json!(time.since.0);
    }
    if time.until <= UnixMillis::LAST {
        range["lt"] = json!(time.until.0);
    }
    let has_bound = range.as_object().is_some_and(|range| range.len() > 1);
    has_bound.then(|| json!({"range": {"time": range}}))
}

fn of_predicate(predicate: &Predicate, family: Family) -> Option<Term> {
    match predicate {
        Predicate::Family(other) if *other == family => Some(Term::exactly(everything())),
        Predicate::Family(_) => Some(Term::exactly(nothing())),
        Predicate::Address(field, set) => of_addresses(*field, set, family),
        Predicate::Community(ids) if ids.len() <= MAX_NUMBER_RANGES => {
            let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
            Some(Term::exactly(json!({"terms": {"communityId": ids}})))
        }
        Predicate::Number(NumberField::Column(column), set) => {
            of_numbers(number_field(*column)?, *column, set)
        }
        Predicate::Number(NumberField::Engine, set) => of_long("engine", u32::MAX.into(), set),
        Predicate::Number(NumberField::Sampling, set) => of_long("sampling", u32::MAX.into(), set),
        Predicate::Community(_)
        | Predicate::Number(..)
        | Predicate::Bits(..)
        | Predicate::Shown(..)
        | Predicate::Nat(_)
        | Predicate::Led(_) => None,
        Predicate::And(terms) => {
            let pushed: Vec<Term> =
                terms.iter().filter_map(|term| of_predicate(term, family)).collect();
            let exact = pushed.len() == terms.len() && pushed.iter().all(|term| term.exact);
            let filters: Vec<Value> = pushed.into_iter().map(|term| term.query).collect();
            Some(Term { query: json!({"bool": {"filter": filters}}), exact })
        }
        Predicate::Or(terms) => {
            let pushed: Option<Vec<Term>> =
                terms.iter().map(|term| of_predicate(term, family)).collect();
            let pushed = pushed?;
            let exact = pushed.iter().all(|term| term.exact);
            Some(Term { query: any(pushed.into_iter().map(|term| term.query).collect()), exact })
        }
        Predicate::Not(term) => {
            let term = of_predicate(term, family).filter(|term| term.exact)?;
            Some(Term::exactly(json!({"bool": {"must_not": [term.query]}})))
        }
    }
}

impl Term {
    fn exactly(query: Value) -> Self {
        Self { query, exact: true }
    }
}

fn of_addresses(field: AddressField, set: &AddressSet, family: Family) -> Option<Term> {
    let field = match field {
        AddressField::Src => "srcAddress",
        AddressField::Dst => "dstAddress",
        // The first two may be of the other family, in whose form they are not asked for.
        AddressField::NextHop
        | AddressField::Exporter
        | AddressField::Nat
        | AddressField::Element(_) => return None,
    };
    let asked = set.coarsened(MAX_RANGES);
    let (mut hosts, mut clauses) = (Vec::new(), Vec::new());
    for range in asked.ranges_of(family) {
        if let Some(host) = range.host() {
            hosts.push(host.to_string());
        } else {
            let (first, last) = (range.first().to_string(), range.last().to_string());
            clauses.push(json!({"range": {field: {"gte": first, "lte": last}}}));
        }
    }
    if !hosts.is_empty() {
        clauses.push(json!({"terms": {field: hosts}}));
    }
    Some(Term { query: any(clauses), exact: asked == *set })
}

fn of_numbers(field: &str, column: Column, set: &NumberSet) -> Option<Term> {
    of_long(field, column.kind().greatest(), set)
}

/// The query for documents whose number, of at most `greatest`, is in `set`. What is greater than a
/// `long` is not in the index: whatever is not less than such a bound is greater.
fn of_long(field: &str, greatest: u64, set: &NumberSet) -> Option<Term> {
    if set.ranges().len() > MAX_NUMBER_RANGES {
        return None;
    }
    let (mut numbers, mut clauses) = (Vec::new(), Vec::new());
    for &(first, last) in set.ranges() {
        if first > greatest {
            continue;
        }
        if first == last && last <= GREATEST_LONG {
            numbers.push(first);
        } else if last <= GREATEST_LONG {
            clauses.push(json!({"range": {field: {"gte": first, "lte": last.min(greatest)}}}));
        } else if last < greatest || first > GREATEST_LONG {
            // Numbers beyond those of the index are told apart here.
            return None;
        } else {
            clauses.push(json!({"bool": {"must_not": [{"range": {field: {"lt": first}}}]}}));
        }
    }
    if !numbers.is_empty() {
        clauses.push(json!({"terms": {field: numbers}}));
    }
    Some(Term::exactly(any(clauses)))
}

/// At least one of `queries` holds.
fn any(mut queries: Vec<Value>) -> Value {
    match (queries.pop(), queries.is_empty()) {
        (None, _) => nothing(),
        (Some(only), true) => only,
        (Some(last), false) => {
            queries.push(last);
            json!({"bool": {"should": queries}})
        }
    }
}

fn everything() -> Value {
    json!({"match_all": {}})
}

fn nothing() -> Value {
    json!({"match_none": {}})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::Columns;
    use crate::row::Order;

    fn pushed(name: &str) -> (String, bool) {
        let predicate = predicate(name);
        let scan = Scan { predicate: Some(predicate), ..Scan::all(Columns::ALL) };
        match of_scan(&scan, Family::V4) {
            Some(Pushed { filters, rest }) => {
                let filters: Vec<_> = filters[1..].iter().map(Value::to_string).collect();
                (filters.join(" "), rest.is_none())
            }
            None => ("none".to_owned(), true),
        }
    }

    /// A predicate by a name, as filters are read further to the right.
    fn predicate(name: &str) -> Predicate {
        let port = |set| Predicate::Number(NumberField::Column(Column::SrcPort), set);
        let octets = |set| Predicate::Number(NumberField::Column(Column::Octets), set);
        let flags = Predicate::Bits(NumberField::Column(Column::TcpFlags), 2);
        let host =
            Predicate::src(AddressSet::new([crate::AddressRange::from(std::net::IpAddr::from([
                10, 0, 0, 1,
            ]))]));
        match name {
            "port" => port(NumberSet::only(80)),
            "not port" => Predicate::not(port(NumberSet::between(80, 90))),
            "large" => octets(NumberSet::between(1000, u64::MAX)),
            "huge" => octets(NumberSet::between(u64::MAX - 5, u64::MAX)),
            "host and flags" => Predicate::and([host, flags]),
            "host or flags" => Predicate::or([host, flags]),
            "not flags" => Predicate::not(flags),
            "ipv6" => Predicate::Family(Family::V6),
            _ => Predicate::ANY,
        }
    }

    #[test]
    fn what_can_be_said_is_said_and_the_rest_is_tested_here() {
        for (name, query, exact) in [
            ("port", r#"{"terms":{"srcPort":[80]}}"#, true),
            (
                "not port",
                r#"{"bool":{"must_not":[{"range":{"srcPort":{"gte":80,"lte":90}}}]}}"#,
                true,
            ),
            ("large", r#"{"bool":{"must_not":[{"range":{"bytes":{"lt":1000}}}]}}"#, true),
            ("huge", "", false),
            ("host and flags", r#"{"terms":{"srcAddress":["10.0.0.1"]}}"#, false),
            ("host or flags", "", false),
            ("not flags", "", false),
            ("ipv6", "none", true),
        ] {
            assert_eq!(pushed(name), (query.to_owned(), exact), "{name}");
        }
    }

    #[test]
    fn what_leads_and_the_time_go_along() {
        let lead = AddressSet::of(Family::V6);
        let time = TimeRange { since: UnixMillis(5), until: UnixMillis::MAX };
        let scan = Scan { time, ..Scan::range(Order::Dst, lead, Columns::ALL) };
        assert!(of_scan(&scan, Family::V4).is_none());
        let Pushed { filters, rest } = of_scan(&scan, Family::V6).unwrap();
        assert_eq!(filters[0].to_string(), r#"{"term":{"ipv6":true}}"#);
        assert_eq!(
            filters[1].to_string(),
            r#"{"range":{"time":{"format":"epoch_millis","gte":5}}}"#
        );
        assert_eq!((filters.len(), rest), (3, None));
    }
}
