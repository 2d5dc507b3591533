//! Alerts in a MongoDB. `scripts/test` starts one and says where: `EARLGREY_MONGODB` is its URL.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

use earlgrey_hbase::alert::{
    Alert, Alerts, AlertsError, Keeper, MongoKeeper, Options, Raised, Wanted, conformance,
};
use earlgrey_hbase::flow::UnixMillis;
use earlgrey_hbase::keep::KeepError;
use serde_json::Value;

use crate::cli::{Home, until};
use crate::hbase::proxy;
use crate::needs;
use crate::schema::check;

/// A name of a database that no other test, and no earlier run, has.
fn new_database() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let since_1970 = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis();
    format!("alerts_{since_1970}_{}", NEXT.fetch_add(1, Relaxed))
}

/// A way to the server of `url` that can be closed, and the URL of a new database by it.
fn gated(url: &str) -> (String, String, Arc<AtomicBool>) {
    let address = url.trim_start_matches("mongodb://").trim_end_matches('/');
    let (gate, is_open) = proxy::gate(address);
    let database = new_database();
    // It is looked for anew more often than a driver does by itself.
    (format!("mongodb://{gate}/{database}?serverSelectionTimeoutMS=500"), gate, is_open)
}

fn alert(id: &str) -> Alert {
    Alert { id: id.to_owned(), ..conformance::alert() }
}

#[test]
fn it_does_what_every_keeper_of_alerts_must() {
    let Some(url) = needs::mongodb() else { return };
    let database = format!("{url}/{}", new_database());
    conformance::check(&|| Box::new(MongoKeeper::new(&database).unwrap()));
}

#[test]
fn nothing_tells_a_password() {
    let place = MongoKeeper::new("mongodb://ada:geheim@127.0.0.1:1/flows").unwrap();
    assert_eq!(place.to_string(), "mongodb://127.0.0.1:1/flows");
    let place =
        MongoKeeper::new("mongodb://ada:geheim@127.0.0.1:1/flows?serverSelectionTimeoutMS=100");
    let error = place.unwrap().alert("a").unwrap_err();
    let told = format!("{error} {error:?}");
    assert!(
        told.contains("mongodb://127.0.0.1:1/flows: cannot be reached: read an alert"),
        "{told}"
    );
    assert!(!told.contains("geheim"), "{told}");
    for wrong in ["mongodb://ada:ge/heim@127.0.0.1", "mongo://ada:geheim@127.0.0.1", "geheim"] {
        let error = MongoKeeper::new(wrong).err().unwrap();
        assert!(matches!(error, KeepError::Refused { .. }), "{error}");
        let told = format!("{error} {error:?}");
        assert!(!told.contains("heim"), "{told}");
    }
}

#[test]
fn an_alert_that_cannot_be_kept_says_so_and_is_kept_once_the_server_is_back() {
    let Some(url) = needs::mongodb() else { return };
    let (gated, gate, is_open) = gated(&url);
    let keeper = || MongoKeeper::new(&gated).unwrap();
    let alerts = Alerts::new(Box::new(keeper()), &[], Options::default());
    let now = UnixMillis::now();
    assert_eq!(alerts.raise(&alert("a"), now).unwrap(), Raised::New);
    is_open.store(false, Relaxed);
    let error = alerts.raise(&alert("a"), now).unwrap_err();
    let AlertsError::Keeper(error) = error else { panic!("{error}") };
    let told = error.to_string();
    assert!(error.may_get_well() && told.contains(&format!("mongodb://{gate}/")), "{told}");
    assert!(told.contains("cannot be reached: read an alert"), "{told}");
    is_open.store(true, Relaxed);
    // Whoever raised it does so again.
    until("it is kept", || alerts.raise(&alert("a"), now).is_ok());
    assert_eq!(alerts.raise(&alert("b"), now).unwrap(), Raised::New);
    let kept = keeper().alerts(&Wanted { limit: 9, ..Wanted::default() }).unwrap();
    let kept: Vec<_> = kept.iter().map(|kept| (&*kept.alert.id, kept.count)).collect();
    assert_eq!(kept, [("b", 1), ("a", 2)]);
}

/// A home with flows of the last hour, and a rule that tells of them.
fn with_rule() -> Home {
    let home = Home::new();
    let rule = "[rules.busy]\nwhere = \"proto tcp or proto udp\"\nmeasure = \"flows\"\n\
        window = \"1m\"\nabove = 5\nlate = \"40m\"\n";
    home.file("config/earlgrey-hbase/earlgrey.toml", rule.as_bytes());
    home
}

#[test]
fn what_is_raised_while_the_server_is_away_is_kept_when_it_is_back() {
    let Some(url) = needs::mongodb() else { return };
    let (gated, _, is_open) = gated(&url);
    let home = with_rule();
    let serving = home.serves(&["--jobs", &gated]);
    let alerts = || serving.get("/api/v1/alerts", &[]);
    until("an answer", || alerts().status == 200);
    assert_eq!(alerts().json()["alerts"], Value::Array(Vec::new()));
    is_open.store(false, Relaxed);
    alerts().refuses(503, "where alerts are kept cannot be reached");
    let made = ["generate", "hour.pcap", "--flows", "3000", "--hours", "1", "--start", "-61m"];
    home.run(&made).succeeds();
    home.run(&["load", "hour.pcap"]).succeeds();
    until("it is tried", || serving.said().contains("cannot be reached: read an alert"));
    let metrics = serving.get("/metrics", &[]).body;
    assert!(metrics.contains("earlgrey_alerts_raised_total{source=\"rule\"} 0\n"), "{metrics}");
    is_open.store(true, Relaxed);
    let all = || alerts().json()["alerts"].as_array().cloned().unwrap_or_default();
    until("it is raised", || !all().is_empty());
    let (id, name) = (all()[0]["id"].clone(), all()[0]["name"].clone());
    assert_eq!(name, "busy");
    serving.ends("-TERM");

    // Nothing of it is in the folder, and commands find it where the server keeps it.
    assert!(!home.path("data/earlgrey-hbase/serve/alerts.sqlite").exists());
    let id = id.as_str().unwrap();
    let alerts = ["alerts", "--jobs", &*gated];
    let list = home.run(&[&alerts[..], &["list", "-o", "json"]].concat()).succeeds().json();
    assert_eq!(list[0]["id"], id);
    check("alerts", &list);
    home.run(&[&alerts[..], &["close", id, "--note", "a backup"]].concat()).succeeds();
    let show = home.run(&[&alerts[..], &["show", id, "-o", "json"]].concat()).succeeds().json();
    assert_eq!((&show["state"], &show["verdict"]["note"]), (&"closed".into(), &"a backup".into()));
    assert_eq!(
        home.run(&["alerts", "list", "-o", "json"]).succeeds().json(),
        serde_json::json!([])
    );
    is_open.store(false, Relaxed);
    let gone = home.run(&[&alerts[..], &["list"]].concat());
    assert!(gone.stderr.contains("cannot be reached: "), "{}", gone.stderr);
}
