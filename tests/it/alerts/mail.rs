//! Mail, to a server of aiosmtpd's.

use earlgrey_hbase::alert::way::mail::{Encryption, Mailer, Options};
use earlgrey_hbase::alert::way::{Carrier, Failure, Secret};

use super::{NASTY_LINE, Receiver, kept};

/// A server that tells mail as Python's parser reads it, and refuses one sender.
const SMTP: &str = r#"
import email, email.policy, json
from aiosmtpd.controller import Controller
class Handler:
    async def handle_MAIL(self, server, session, envelope, address, options):
        if address == "nobody@example.org": return "550 no such sender"
        if address == "later@example.org": return "451 not now"
        envelope.mail_from = address
        return "250 OK"
    async def handle_DATA(self, server, session, envelope):
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        parts = {p.get_content_type(): p.get_content() for p in mail.iter_parts()}
        print(json.dumps({"to": envelope.rcpt_tos, "subject": mail["subject"], "parts": parts,
            "headers": sorted(k.lower() for k in mail.keys()), "id": mail["message-id"]}))
        return "250 kept"
controller = Controller(Handler(), hostname="127.0.0.1", port=0)
import socket
with socket.socket() as s:
    s.bind(("127.0.0.1", 0))
    controller.port = s.getsockname()[1]
controller.start()
print(controller.port)
import time
while True: time.sleep(60)
"#;

fn mailer(port: u16, from: &str) -> Mailer {
    Mailer::new(&Options {
        server: "127.0.0.1".to_owned(),
        port: Some(port),
        encryption: Encryption::None,
        ca: None,
        user: None,
        from: from.to_owned(),
        to: vec!["soc@example.org".to_owned()],
    })
    .unwrap()
}

#[test]
fn a_mail_comes_as_it_was_sent_and_several_alerts_in_one() {
    let Some(mut receiver) = Receiver::start(SMTP, &[], "aiosmtpd") else { return };
    let (one, mut other) = (kept(), kept());
    other.alert.title = "another".to_owned();
    let said = mailer(receiver.port, "flows@example.org").send(&[&one, &other]).unwrap();
    assert_eq!(said, "kept");
    let got = receiver.next();
    assert_eq!(got["to"], serde_json::json!(["soc@example.org"]));
    let subject = got["subject"].as_str().unwrap();
    let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(squeezed(subject), squeezed(&format!("[high] {NASTY_LINE} and 1 other")));
    let headers: Vec<&str> =
        got["headers"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    assert!(!headers.contains(&"bcc"), "{headers:?}");
    let plain = got["parts"]["text/plain"].as_str().unwrap();
    assert!(plain.contains(NASTY_LINE.trim_end()) && plain.contains("\nanother\n"), "{plain}");
    assert!(plain.contains("ip 10.0.0.1 and port 443"), "{plain}");
    let html = got["parts"]["text/html"].as_str().unwrap();
    assert!(html.contains("&lt;script&gt;") && !html.contains("<script>"), "{html}");
    assert_eq!(got["id"], "<00000000000000aa.1.2@example.org>");
}

#[test]
fn what_a_server_refuses_for_good_is_not_tried_again() {
    let Some(receiver) = Receiver::start(SMTP, &[], "aiosmtpd") else { return };
    let send = |from: &str| mailer(receiver.port, from).send(&[&kept()]).unwrap_err();
    let refused = send("nobody@example.org");
    assert!(
        matches!(&refused, Failure::Lasting(told) if told.contains("no such sender")),
        "{refused:?}"
    );
    let later = send("later@example.org");
    assert!(
        matches!(&later, Failure::Passing { told, .. } if told.contains("not now")),
        "{later:?}"
    );
    let options = Options {
        server: "127.0.0.1".to_owned(),
        port: Some(receiver.port),
        encryption: Encryption::StartTls,
        ca: None,
        user: Some(("flows".to_owned(), Secret::Text("hush-hush".to_owned()))),
        from: "flows@example.org".to_owned(),
        to: vec!["soc@example.org".to_owned()],
    };
    let plain = Mailer::new(&options).unwrap().send(&[&kept()]).unwrap_err();
    assert!(
        !format!("{plain:?}").contains("hush"),
        "a password does not go where nothing is encrypted"
    );
}
