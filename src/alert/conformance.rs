//! What every keeper of alerts must do, as a test that every keeper calls.

#![expect(
    clippy::unwrap_used,
    reason = "these are tests, in the library only so that the tests of every keeper find them"
)]

use super::{Alert, Fate, Keeper, Kept, Source, State, Terms, Verdict, Wanted};
use crate::detect::Severity;
use crate::flow::UnixMillis;

/// An alert as others send it.
pub fn alert() -> Alert {
    Alert {
        id: "00000000000000aa".to_owned(),
        source: Source::Detection,
        name: "beacon".to_owned(),
        severity: Severity::High,
        title: "beacon: 10.0.0.1 -> 192.0.2.1 TCP/443".to_owned(),
        first: UnixMillis(1_185_488_138_007),
        last: UnixMillis(1_185_491_738_007),
        filter: "ip 10.0.0.1 and ip 192.0.2.1".to_owned(),
        attack: Some("T1071".to_owned()),
        document: serde_json::json!({
            "host": "10.0.0.1", "peer": "192.0.2.1", "protocol": "TCP", "port": 443,
        }),
    }
}

fn ways() -> [Terms; 2] {
    ["hook", "mail"].map(|name| Terms {
        name: name.to_owned(),
        severity: Severity::Low,
        sources: Vec::new(),
    })
}

fn raised(id: &str, at: u64, change: impl FnOnce(&mut Alert)) -> Kept {
    let mut alert = Alert { id: id.to_owned(), ..alert() };
    change(&mut alert);
    Kept::new(&alert, UnixMillis(at), &ways())
}

fn ids(alerts: &[Kept]) -> Vec<&str> {
    alerts.iter().map(|kept| kept.alert.id.as_str()).collect()
}

/// Opens the place of a keeper, in which nothing is at the first call, and what was kept at further ones.
pub type Open<'a> = &'a dyn Fn() -> Box<dyn Keeper>;

/// Tries a keeper that keeps nothing yet.
///
/// # Panics
///
/// If it does not do what every keeper must.
pub fn check(open: Open<'_>) {
    one_alert(&*open());
    // What was kept is there for the next process, and for two at once.
    let (keeper, other) = (open(), open());
    let keeper = &*keeper;
    many(keeper);
    messages(keeper);
    assert_eq!(ids(&other.alerts(&all()).unwrap()), ids(&keeper.alerts(&all()).unwrap()));
    assert_eq!(keeper.forget(UnixMillis(25)).unwrap(), 2);
    assert_eq!(ids(&keeper.alerts(&all()).unwrap()), ["c", "d", "a"]);
    assert_eq!(keeper.forget(UnixMillis(25)).unwrap(), 0);
}

fn all() -> Wanted {
    Wanted { limit: 100, ..Wanted::default() }
}

fn one_alert(keeper: &dyn Keeper) {
    assert_eq!(keeper.alert("a").unwrap(), None);
    let first = raised("a", 10, |alert| {
        alert.document = serde_json::json!({ "z": 1, "a": [null, true, -1.5, { "ü": u64::MAX }] });
    });
    assert!(keeper.add(&first).unwrap());
    assert!(!keeper.add(&first).unwrap(), "there is one already");
    assert_eq!(keeper.alert("a").unwrap().as_ref(), Some(&first));
    let verdict = Verdict { by: "anna".to_owned(), at: UnixMillis(11), note: String::new() };
    let (seen, closed) =
        (first.judged(State::Seen, verdict.clone()), first.judged(State::Closed, verdict));
    assert!(keeper.replace(&seen).unwrap());
    assert!(!keeper.replace(&closed).unwrap(), "it was changed by another meanwhile");
    assert_eq!(keeper.alert("a").unwrap().as_ref(), Some(&seen));
    let unknown = raised("nobody", 10, |_| {}).judged(State::Seen, seen.verdict.unwrap());
    assert!(!keeper.replace(&unknown).unwrap());
}

fn many(keeper: &dyn Keeper) {
    for (id, at, severity, source) in [
        ("b", 20, Severity::Low, Source::Rule),
        ("d", 30, Severity::Medium, Source::Rule),
        ("c", 40, Severity::High, Source::Watch),
        ("e", 20, Severity::Low, Source::Silence),
    ] {
        let one = raised(id, at, |alert| (alert.severity, alert.source) = (severity, source));
        assert!(keeper.add(&one).unwrap());
    }
    let found = |wanted: Wanted| {
        let alerts = keeper.alerts(&wanted).unwrap();
        ids(&alerts).join(" ")
    };
    assert_eq!(found(all()), "c d e b a", "raised last first, then by id");
    assert_eq!(found(Wanted { since: Some(UnixMillis(30)), ..all() }), "c d");
    assert_eq!(found(Wanted { source: Some(Source::Rule), ..all() }), "d b");
    assert_eq!(found(Wanted { severity: Some(Severity::Medium), ..all() }), "c d a");
    assert_eq!(found(Wanted { state: Some(State::Seen), ..all() }), "a");
    assert_eq!(found(Wanted { name: Some("beacon".to_owned()), ..all() }), "c d e b a");
    assert_eq!(found(Wanted { name: Some("it's".to_owned()), ..all() }), "");
    let after = Some((UnixMillis(20), "e".to_owned()));
    assert_eq!(found(Wanted { after: after.clone(), ..all() }), "b a");
    assert_eq!(found(Wanted { after, limit: 1, ..all() }), "b");
}

fn messages(keeper: &dyn Keeper) {
    let due = |way: &str, limit| {
        let alerts = keeper.due(way, limit).unwrap();
        ids(&alerts).join(" ")
    };
    assert_eq!(due("hook", 10), "a b e d c", "due first, then by id");
    assert_eq!((due("mail", 2), due("pigeon", 2)), ("a b".to_owned(), String::new()));
    assert_eq!((keeper.waiting("hook").unwrap(), keeper.waiting("pigeon").unwrap()), (5, 0));
    let settle = |id: &str, fate: Fate| {
        let kept = keeper.alert(id).unwrap().unwrap();
        assert!(keeper.replace(&kept.settled("hook", 1, UnixMillis(50), &fate)).unwrap());
    };
    settle("b", Fate::Sent("200".to_owned()));
    settle("e", Fate::GivenUp("404".to_owned()));
    settle("a", Fate::Again(std::time::Duration::from_millis(5), "503".to_owned()));
    assert_eq!(due("hook", 10), "d c a");
    assert_eq!((keeper.waiting("hook").unwrap(), keeper.waiting("mail").unwrap()), (3, 5));
    // It is as if it had been raised again, so that it outlives the others.
    let kept = keeper.alert("a").unwrap().unwrap();
    let again = (&ways()[..], std::time::Duration::from_hours(1));
    assert!(keeper.replace(&kept.again(&kept.alert, UnixMillis(26), again)).unwrap());
}
