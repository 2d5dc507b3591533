//! The filter language: against a slow evaluator, against nfdump on the same flows, and as its
//! document has it.

mod expression;
mod nfdump;
mod traffic;

use std::io;
use std::sync::Arc;

use earlgrey_hbase::UnixMillis;
use earlgrey_hbase::flow::{Columns, FlowBatch};
use earlgrey_hbase::meaning::{Attribute, Configured, Meaning, MeaningError};
use earlgrey_hbase::query::Question;
use earlgrey_hbase::query::filter::{Context, Files, NoFiles, ParseFilterError, parse};
use earlgrey_hbase::row::Predicate;
use jiff::tz::TimeZone;
use proptest::prelude::*;

use expression::{Random, Spelling};
use traffic::{flows, store_of};

/// Parses with `files`, in UTC.
fn parse_with(text: &str, files: &dyn Files) -> Result<Predicate, ParseFilterError> {
    parse(text, &Context { zone: TimeZone::UTC, now: UnixMillis(1_700_000_000_000), files })
}

#[track_caller]
fn parsed(text: &str) -> Predicate {
    parse_with(text, &NoFiles).unwrap_or_else(|error| panic!("{text}: {error}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_filter_finds_what_a_look_at_each_flow_finds(seed in any::<u64>()) {
        let mut random = Random(seed);
        let flows = flows(&mut random, 150, true);
        let expression = expression::any(&mut random, 3, Spelling::OfUsers);
        let text = expression.text(&mut random, Spelling::OfUsers);
        let predicate = parsed(&text);
        prop_assert_eq!(parsed(&predicate.to_string()), predicate.clone(), "{}", text);

        let expected: Vec<String> = flows
            .iter()
            .filter(|flow| expression.passes(flow))
            .map(|flow| format!("{flow:?}"))
            .collect();
        let snapshot = earlgrey_hbase::Store::snapshot(&store_of(&flows)).unwrap();
        let question = Question { filter: Some(predicate), ..Question::everything() };
        for lookup in [question.plan(Columns::ALL), question.plan_unordered(Columns::ALL)] {
            let batches = lookup.run(&*snapshot).unwrap();
            let found: Vec<FlowBatch> = batches.map(Result::unwrap).collect();
            let found = found.iter().flat_map(FlowBatch::records);
            let found: Vec<String> = found.map(|flow| format!("{flow:?}")).collect();
            prop_assert_eq!(sorted(found), sorted(expected.clone()), "{}", text);
        }
        let counted = question.plan_count().count(&*snapshot).unwrap();
        prop_assert_eq!(counted, expected.len() as u64, "{}", text);
    }
}

fn sorted(mut texts: Vec<String>) -> Vec<String> {
    texts.sort_unstable();
    texts
}

/// Files with what each kind of example names.
struct Examples;

impl Files for Examples {
    fn read(&self, name: &str, _most_bytes: u64) -> io::Result<Vec<u8>> {
        Ok(match name {
            "ports.txt" => b"80\n".to_vec(),
            _ if name.contains("hosts") => b"10.0.0.1\n".to_vec(),
            _ => b"tcp\n".to_vec(),
        })
    }

    fn meaning(&self) -> Result<Arc<Meaning>, MeaningError> {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let file = folder.path().join(name);
            std::fs::write(&file, text).unwrap();
            file
        };
        let networks = "prefix,name,role,site,tenant\n10.1.0.0/16,office,internal,Bern,research\n";
        let networks = file("networks.csv", networks);
        let cities = "192.0.2.0,192.0.2.9,CH,,,Zurich,,,,\n192.0.2.10,192.0.2.11,LI,,,Vaduz,,,,\n";
        let hosts = file("names.csv", "address,name\n192.0.2.1,printer\n");
        let asns = file("as.csv", "192.0.2.0,192.0.2.9,64500,Example AG\n");
        let files = Configured {
            networks: Some(networks),
            hosts: Some(hosts),
            databases: vec![file("city.csv", cities), asns],
            ..Configured::default()
        };
        let meaning = Arc::new(Meaning::read(&files)?);
        // Databases are read when they are first asked for, and are gone then.
        for attribute in Attribute::ALL.into_iter().chain([Attribute::Asn]) {
            meaning.table(attribute)?;
        }
        Ok(meaning)
    }
}

#[test]
fn every_example_of_the_document_is_a_filter() {
    let document = include_str!("../../docs/filter.md");
    let (mut terms, mut commands) = (0, 0);
    for line in document.lines() {
        if let Some((_, filter)) =
            line.strip_prefix("    $ ").and_then(|l| l.split_once("--where "))
        {
            let filter = match filter.strip_prefix('\'') {
                Some(quoted) => quoted.split('\'').next().unwrap(),
                None => filter.split(' ').next().unwrap(),
            };
            let wrong = filter.contains("prot ");
            assert_eq!(parse_with(filter, &Examples).is_err(), wrong, "{filter}");
            commands += 1;
        }
        // The first column of a table holds filters; of the last one, what nfdump has.
        let Some(row) = line.strip_prefix("| `") else { continue };
        let cell = row.split(" | ").next().unwrap();
        for filter in cell.trim_end_matches('`').split("`, `") {
            let filter = filter.split('`').next().unwrap();
            if let Err(error) = parse_with(filter, &Examples) {
                panic!("{filter}: {error}");
            }
            terms += 1;
        }
        if row.starts_with("element vlanId") {
            break;
        }
    }
    assert!(terms > 80 && commands >= 4, "{terms} terms, {commands} commands");
}
