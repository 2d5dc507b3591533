use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;

use super::way::{Carrier, Failure};
use super::*;
use crate::detect::{Detection, Evidence, Kind, Severity};
use crate::flow::{Protocol, UnixMillis};

/// Longer than anything here takes, on whatever machine.
const NOW: Duration = Duration::from_mins(3);

pub(super) use super::conformance::alert;

pub(super) fn kept() -> Kept {
    Kept::new(&alert(), UnixMillis(1_185_491_738_007), &[])
}

/// One of which all texts are these.
pub(super) fn kept_saying(said: &str) -> Kept {
    let text = || said.to_owned();
    let alert = Alert { name: text(), title: text(), filter: text(), ..alert() };
    Kept::new(&alert, UnixMillis(1_185_491_738_007), &[])
}

fn terms(name: &str) -> Terms {
    Terms { name: name.to_owned(), severity: Severity::Low, sources: Vec::new() }
}

/// Tells what it is given, and answers as it is told.
struct Told {
    given: Sender<(String, u64)>,
    answers: Arc<Mutex<Receiver<Result<String, Failure>>>>,
}

impl Carrier for Told {
    fn send(&self, alerts: &[&Kept]) -> Result<String, Failure> {
        let kept = alerts[0];
        let _ = self.given.send((kept.alert.id.clone(), kept.count));
        // Where nobody answers it is as with a receiver that never does.
        let answer = self.answers.lock().unwrap().recv();
        answer.unwrap_or_else(|_| Err(Failure::passing("nobody answers")))
    }
}

/// A way whose messages come out of the one end, and whose answers go into the other.
struct Line {
    given: Receiver<(String, u64)>,
    answer: Sender<Result<String, Failure>>,
}

fn way(terms: Terms) -> (Way, Line) {
    let ((given, got), (answer, answers)) = (channel(), channel());
    let carrier = Box::new(Told { given, answers: Arc::new(Mutex::new(answers)) });
    (Way { terms, carrier }, Line { given: got, answer })
}

impl Line {
    #[track_caller]
    fn next(&self) -> (String, u64) {
        self.given.recv_timeout(NOW).unwrap()
    }

    fn take(&self) {
        self.answer.send(Ok("thanks".to_owned())).unwrap();
    }

    fn is_quiet(&self) -> bool {
        self.given.try_recv().is_err()
    }
}

fn open(folder: &TempDir, ways: Vec<Way>, options: Options) -> Alerts {
    let alerts = Alerts::new(keeper(None, folder.path()).unwrap(), &ways, options);
    alerts.begin(ways).unwrap();
    alerts
}

#[track_caller]
fn until(alerts: &Alerts, id: &str, way: &str, status: Status) -> Message {
    let began = std::time::Instant::now();
    loop {
        let kept = alerts.get(id).unwrap();
        let message = kept.message(way).cloned();
        if let Some(message) = message.filter(|message| message.status == status) {
            return message;
        }
        assert!(began.elapsed() < NOW, "{kept:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

const START: UnixMillis = UnixMillis(1_700_000_000_000);

fn later(hours: u64) -> UnixMillis {
    UnixMillis(START.0 + hours * 3_600_000)
}

#[test]
fn a_detection_is_an_alert() {
    let detection = Detection {
        kind: Kind::Scan,
        variant: "vertical",
        host: [10, 0, 0, 1].into(),
        peer: Some([10, 0, 0, 2].into()),
        protocol: Some(Protocol::TCP),
        port: None,
        first: UnixMillis(1),
        last: UnixMillis(2),
        severity: Severity::Medium,
        confidence: 0.9,
        evidence: vec![("targets", Evidence::Count(7))],
    };
    let alert = Alert::of_detection(&detection, &crate::answer::Called::default());
    assert_eq!(alert.id, detection.id());
    assert_eq!(alert.title, "scan (vertical): 10.0.0.1 -> 10.0.0.2 TCP");
    assert_eq!((alert.name.as_str(), alert.attack.as_deref()), ("scan", Some("T1046")));
    assert_eq!(alert.filter, "ip 10.0.0.1 and ip 10.0.0.2 and proto 6");
    assert_eq!(alert.document["evidence"]["targets"], 7);
}

#[test]
fn what_is_raised_again_is_the_same_alert_and_is_told_again_only_in_time() {
    let (ways, day) = ([terms("hook")], Duration::from_hours(24));
    let low = Alert { severity: Severity::Low, ..alert() };
    let first = Kept::new(&low, START, &ways);
    let sent = first.settled("hook", 1, START, &Fate::Sent("200".to_owned()));
    let wider = Alert { first: UnixMillis(5), last: later(1), ..low.clone() };
    let again = sent.again(&wider, later(1), (&ways, day));
    assert_eq!((again.count, again.opened, again.raised), (2, START, later(1)));
    assert_eq!((again.alert.first, again.alert.last), (UnixMillis(5), later(1)));
    assert_eq!(again.waiting().count(), 0, "it was told an hour ago");
    let narrower = again.again(&low, later(2), (&ways, day));
    assert_eq!((narrower.alert.first, narrower.alert.last), (UnixMillis(5), later(1)));

    let graver = again.again(&alert(), later(2), (&ways, day));
    assert_eq!(graver.alert.severity, Severity::High);
    assert_eq!(graver.waiting().map(|message| message.count).collect::<Vec<_>>(), [3]);
    let milder = graver.again(&low, later(3), (&ways, day));
    assert_eq!(milder.alert.severity, Severity::High, "it was grave");
    let next_day = again.again(&low, later(24), (&ways, day));
    assert_eq!(next_day.waiting().count(), 1);
    let waits = first.again(&low, later(30), (&ways, day));
    assert_eq!(waits.messages, first.messages, "what waits is told as it stands then");
}

#[test]
fn what_is_closed_is_open_again_when_it_goes_on() {
    let (ways, day) = ([terms("hook")], Duration::from_hours(24));
    let raised = Kept::new(&alert(), START, &ways);
    let sent = raised.settled("hook", 1, START, &Fate::Sent("200".to_owned()));
    let verdict = Verdict { by: "anna".to_owned(), at: later(1), note: "a backup".to_owned() };
    let closed = sent.judged(State::Closed, verdict);
    let same = closed.again(&alert(), later(50), (&ways, day));
    assert_eq!((same.state, same.waiting().count()), (State::Closed, 0), "the same flows");
    let goes_on = Alert { last: later(2), ..alert() };
    let open = closed.again(&goes_on, later(2), (&ways, day));
    assert_eq!((open.state, open.waiting().count()), (State::Open, 1));
}

#[test]
fn a_way_gets_what_is_grave_enough_and_of_its_sources() {
    let hook = Terms { severity: Severity::High, ..terms("hook") };
    let mail = Terms { sources: vec![Source::Rule], ..terms("mail") };
    let ways = [hook, mail];
    let by = |alert: &Alert| {
        let kept = Kept::new(alert, START, &ways);
        kept.messages.into_iter().map(|message| message.way).collect::<Vec<_>>()
    };
    assert_eq!(by(&alert()), ["hook"]);
    assert_eq!(by(&Alert { source: Source::Rule, ..alert() }), ["hook", "mail"]);
    let low_rule = Alert { source: Source::Rule, severity: Severity::Low, ..alert() };
    assert_eq!(by(&low_rule), ["mail"]);
    let medium = Alert { severity: Severity::Medium, ..alert() };
    assert!(by(&medium).is_empty());
}

#[test]
fn an_alert_goes_out_once_by_each_way_and_one_that_hangs_harms_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let ((slow, hangs), (quick, line)) = (way(terms("slow")), way(terms("quick")));
    let alerts = open(&folder, vec![slow, quick], Options::default());
    for id in ["a", "b"] {
        let raised = alerts.raise(&Alert { id: id.to_owned(), ..alert() }, UnixMillis::now());
        assert_eq!(raised.unwrap(), Raised::New);
        line.take();
        until(&alerts, id, "quick", Status::Sent);
    }
    assert_eq!((line.next(), line.next()), (("a".to_owned(), 1), ("b".to_owned(), 1)));
    assert_eq!(hangs.next(), ("a".to_owned(), 1), "the other hangs at the first");
    let again = alerts.raise(&Alert { id: "a".to_owned(), ..alert() }, UnixMillis::now());
    assert_eq!(again.unwrap(), Raised::Known(2));
    let counts = alerts.counts();
    let quick = &counts.ways["quick"];
    assert_eq!((quick.sent, quick.failed, quick.waiting), (2, 0, Some(0)));
    assert_eq!(counts.ways["slow"].waiting, Some(2));
    assert_eq!(counts.raised[&Source::Detection], 3);
    assert!(line.is_quiet(), "what was told is not told again");
}

#[test]
fn what_fails_is_tried_again_and_given_up_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let (hook, line) = way(terms("hook"));
    let options = Options { pause: Duration::from_millis(1), ..Options::default() };
    let alerts = open(&folder, vec![hook], options);
    alerts.raise(&alert(), UnixMillis::now()).unwrap();
    for _ in 0..3 {
        line.next();
        line.answer.send(Err(Failure::passing("503 Service Unavailable"))).unwrap();
    }
    line.next();
    line.answer.send(Err(Failure::Lasting("404 Not Found".to_owned()))).unwrap();
    let message = until(&alerts, &alert().id, "hook", Status::Undelivered);
    assert_eq!((message.attempts, message.said.as_deref()), (4, Some("404 Not Found")));
    let hook = &alerts.counts().ways["hook"];
    assert_eq!((hook.failed, hook.undelivered, hook.waiting), (4, 1, Some(0)));

    // A day without success is enough.
    let old = UnixMillis(UnixMillis::now().0 - 25 * 3_600_000);
    alerts.raise(&Alert { id: "old".to_owned(), ..alert() }, old).unwrap();
    line.next();
    line.answer.send(Err(Failure::passing("connection refused"))).unwrap();
    let message = until(&alerts, "old", "hook", Status::Undelivered);
    assert_eq!(message.said.as_deref(), Some("connection refused"));
}

#[test]
fn what_waits_is_sent_by_the_next_process() {
    let folder = tempfile::tempdir().unwrap();
    let (hook, line) = way(terms("hook"));
    let alerts = open(&folder, vec![hook], Options::default());
    alerts.raise(&alert(), UnixMillis::now()).unwrap();
    line.next();
    // It ends in the middle of it, as by kill -9: nobody learns whether the receiver has it.
    std::mem::forget(alerts);
    let (hook, line) = way(terms("hook"));
    let alerts = open(&folder, vec![hook], Options::default());
    assert_eq!(line.next(), (alert().id, 1), "the same id and count tell a repeat");
    line.take();
    assert_eq!(until(&alerts, &alert().id, "hook", Status::Sent).attempts, 1);
}

#[test]
fn too_much_that_waits_is_given_up_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { waiting: 2, ..Options::default() };
    let (hook, _line) = way(terms("hook"));
    let alerts = Alerts::new(keeper(None, folder.path()).unwrap(), &[hook], options);
    for id in ["a", "b", "c"] {
        alerts.raise(&Alert { id: id.to_owned(), ..alert() }, START).unwrap();
    }
    let kept = alerts.get("c").unwrap();
    let message = kept.message("hook").unwrap();
    assert_eq!(message.status, Status::Undelivered);
    assert_eq!(message.said.as_deref(), Some("too many messages wait already"));
    let hook = &alerts.counts().ways["hook"];
    assert_eq!((hook.waiting, hook.undelivered), (Some(2), 1));
}

#[test]
fn a_verdict_is_kept_with_who_gave_it() {
    let folder = tempfile::tempdir().unwrap();
    let alerts = open(&folder, Vec::new(), Options::default());
    // One that was raised long ago would be forgotten.
    let now = UnixMillis::now();
    alerts.raise(&alert(), now).unwrap();
    let verdict = Verdict { by: "anna".to_owned(), at: now, note: "looking".to_owned() };
    let kept = alerts.judge(&alert().id, State::Seen, &verdict).unwrap();
    assert_eq!(alerts.get(&alert().id).unwrap(), kept);
    assert_eq!((kept.state, kept.verdict.as_ref()), (State::Seen, Some(&verdict)));
    let none = alerts.judge("none", State::Seen, &verdict).unwrap_err();
    assert_eq!(none.to_string(), "there is no alert \"none\"");
}

#[test]
fn what_is_forgotten_gives_its_room_back() {
    let folder = tempfile::tempdir().unwrap();
    let keeper = keeper(None, folder.path()).unwrap();
    for number in 0..600 {
        let document = json!({ "said": "x".repeat(4_000) });
        let alert = Alert { id: format!("{number:03}"), document, ..alert() };
        assert!(keeper.add(&Kept::new(&alert, UnixMillis(number), &[])).unwrap());
    }
    let size = || {
        let files = std::fs::read_dir(folder.path()).unwrap();
        files.map(|file| file.unwrap().metadata().unwrap().len()).sum::<u64>()
    };
    assert!(size() > 600 * 4_000, "{}", size());
    assert_eq!(keeper.forget(UnixMillis(599)).unwrap(), 599);
    // The last one, and tables that are nearly empty.
    assert!(size() < 200_000, "{}", size());
}

#[test]
fn a_file_keeps_alerts() {
    let folder = tempfile::tempdir().unwrap();
    conformance::check(&|| keeper(None, folder.path()).unwrap());
}

#[test]
fn a_file_is_open_for_a_command_beside_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let server = keeper(None, folder.path()).unwrap();
    let command = keeper(None, folder.path()).unwrap();
    let one =
        |id: &str, at| Kept::new(&Alert { id: id.to_owned(), ..alert() }, UnixMillis(at), &[]);
    let ids = |keeper: &dyn Keeper| {
        let alerts = keeper.alerts(&Wanted { limit: 9, ..Wanted::default() }).unwrap();
        alerts.into_iter().map(|kept| kept.alert.id).collect::<Vec<_>>()
    };
    assert!(server.add(&one("a", 1)).unwrap());
    assert_eq!(ids(&*command), ["a"]);
    assert!(command.add(&one("b", 2)).unwrap());
    assert_eq!(ids(&*server), ["b", "a"]);
}
