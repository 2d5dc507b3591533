//! Webhooks, and Slack's form of them.

use std::io::Write;
use std::net::TcpListener;
use std::time::Duration;

use earlgrey_hbase::alert::way::slack::Slack;
use earlgrey_hbase::alert::way::webhook::{Options, Webhook};
use earlgrey_hbase::alert::way::{Carrier, Failure, Secret};
use serde_json::{Value, json};

use super::{HTTP, NASTY, NASTY_LINE, Receiver, check_message, kept};

fn secret(text: &str) -> Secret {
    Secret::Text(text.to_owned())
}

fn webhook(url: &str) -> Webhook {
    let (url, secret) = (secret(url), Some(secret("hush")));
    Webhook::new(&Options { url, token: None, secret, ca: None }).unwrap()
}

#[test]
fn a_webhook_gets_the_alert_signed_and_with_its_token() {
    let Some(mut receiver) = Receiver::start(HTTP, &["hush", "0"], "http.server") else { return };
    let url = secret(&format!("http://127.0.0.1:{}/200", receiver.port));
    let options =
        Options { url, token: Some(secret("tok")), secret: Some(secret("hush")), ca: None };
    let said = Webhook::new(&options).unwrap().send(&[&kept()]).unwrap();
    assert_eq!(said, "200 OK: it said so");
    let got = receiver.next();
    assert_eq!(got["signed"], true, "{got}");
    assert_eq!(got["headers"]["authorization"], "Bearer tok");
    assert_eq!(got["headers"]["content-type"], "application/json");
    let body: Value = serde_json::from_str(got["body"].as_str().unwrap()).unwrap();
    assert_eq!(body["document"]["said"], NASTY);
    assert_eq!(body["first"], "2007-07-26T22:15:38.007Z");
    assert_eq!((&body["count"], &body["state"]), (&json!(1), &json!("open")));
    check_message(&body);
    // Of another secret the signature is another.
    let url = options.url.clone();
    let forged = Options { url, secret: Some(secret("guess")), ..options };
    Webhook::new(&forged).unwrap().send(&[&kept()]).unwrap();
    assert_eq!(receiver.next()["signed"], false);
}

#[test]
fn what_a_receiver_answers_says_whether_it_is_tried_again() {
    let Some(receiver) = Receiver::start(HTTP, &["hush", "0"], "http.server") else { return };
    let send = |path: &str| {
        webhook(&format!("http://127.0.0.1:{}{path}", receiver.port)).send(&[&kept()]).unwrap_err()
    };
    let lasting = |path: &str, told: &str| {
        assert_eq!(send(path), Failure::Lasting(told.to_owned()), "{path}");
    };
    lasting("/400", "400 Bad Request: it said so");
    lasting("/410", "410 Gone: it said so");
    lasting("/302", "302 Found: it said so; it sends elsewhere, which is not followed");
    let passing = |path: &str, told: &str, after: Option<u64>| {
        let after = after.map(Duration::from_secs);
        assert_eq!(send(path), Failure::Passing { told: told.to_owned(), after }, "{path}");
    };
    passing("/500", "500 Internal Server Error: it said so", None);
    passing("/503", "503 Service Unavailable: it said so", None);
    passing("/429", "429 Too Many Requests: it said so", Some(7));
    assert!(matches!(send("/nonsense"), Failure::Passing { .. }));
}

#[test]
fn one_that_is_down_or_says_nothing_is_tried_again() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let failed = webhook(&format!("http://{closed}/hook/hush-hush")).send(&[&kept()]).unwrap_err();
    let Failure::Passing { told, .. } = failed else { panic!("{failed:?}") };
    assert!(!told.contains("hush-hush"), "{told}");

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let hangs_up = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\n").unwrap();
    });
    let failed = webhook(&format!("http://{address}/")).send(&[&kept()]).unwrap_err();
    assert!(matches!(failed, Failure::Passing { .. }), "{failed:?}");
    hangs_up.join().unwrap();
}

#[test]
fn slack_gets_its_form_in_which_nothing_of_others_is_markup() {
    let Some(mut receiver) = Receiver::start(HTTP, &["", "0"], "http.server") else { return };
    let url = secret(&format!("http://127.0.0.1:{}/200", receiver.port));
    Slack::new(&url, None).unwrap().send(&[&kept()]).unwrap();
    let got = receiver.next();
    assert_eq!(got["headers"].get("x-earlgrey-signature"), None);
    let body: Value = serde_json::from_str(got["body"].as_str().unwrap()).unwrap();
    let head = format!("high: {NASTY_LINE}");
    assert_eq!(body["blocks"][0]["text"]["text"], head);
    // In a text of Slack's, these three are written so, and what is between ` is as it is.
    let code = NASTY_LINE.replace('`', "'").replace('&', "&amp;");
    let code = code.replace('<', "&lt;").replace('>', "&gt;");
    assert_eq!(body["text"], format!("high: `{code}`"));
}
