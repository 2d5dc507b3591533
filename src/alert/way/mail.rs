//! Mail by SMTP, with text and HTML. What comes within a minute goes in one mail.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;

pub use super::smtp::Encryption;

use super::connection::tls;
use super::smtp::{Envelope, Server};
use super::text::{one_line, short_line};
use super::{Carrier, Failure, Secret, WayError};
use crate::alert::Kept;
use crate::answer::words::plural;

/// So many alerts are told in one mail; the rest is for the next.
const MOST: u64 = 50;
const PAUSE: Duration = Duration::from_mins(1);
const MAX_SUBJECT: usize = 150;
const MAX_LINE: usize = 1_500;

/// Where mail goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The server's name.
    pub server: String,
    /// Its port; the usual one of the encryption where there is none.
    pub port: Option<u16>,
    /// How the connection is encrypted.
    pub encryption: Encryption,
    /// The certificates of who may vouch for it, as PEM, in place of those that browsers trust.
    pub ca: Option<PathBuf>,
    /// Who sends, for the server.
    pub user: Option<(String, Secret)>,
    /// The sender's address.
    pub from: String,
    /// The addresses of who gets it.
    pub to: Vec<String>,
}

/// Sends alerts as mail.
pub struct Mailer {
    server: Server,
    from: Mailbox,
    to: Vec<Mailbox>,
}

/// An address of mail, with a name before it or without.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mailbox {
    name: String,
    address: String,
}

impl Mailbox {
    /// What `text` is: `soc@example.org`, or `The SOC <soc@example.org>`.
    fn parse(text: &str) -> Option<Self> {
        let (name, address) = match text.trim().strip_suffix('>') {
            Some(text) => text.split_once('<')?,
            None => ("", text.trim()),
        };
        let (local, domain) = address.rsplit_once('@')?;
        let in_local = |c: char| c.is_ascii_graphic() && !"<>()[],;:\\\"@".contains(c);
        let in_domain = |c: char| c.is_ascii_alphanumeric() || "-.".contains(c);
        let fits = !local.is_empty()
            && !domain.is_empty()
            && address.len() <= 254
            && local.chars().all(in_local)
            && domain.chars().all(in_domain);
        fits.then(|| Self { name: one_line(name).trim().to_owned(), address: address.to_owned() })
    }

    /// As it stands in a header.
    fn header(&self) -> String {
        if self.name.is_empty() {
            return self.address.clone();
        }
        format!("{} <{}>", encoded(&self.name), self.address)
    }

    fn domain(&self) -> &str {
        self.address.rsplit_once('@').map_or("localhost", |(_, domain)| domain)
    }
}

/// The address in `text`.
///
/// # Errors
///
/// What is wrong with it.
pub fn address(text: &str) -> Result<String, String> {
    let wrong = || format!("{text:?} is no address of mail; write soc@example.org");
    Mailbox::parse(text).map(|_| text.to_owned()).ok_or_else(wrong)
}

impl Mailer {
    /// Sends as `options` say. Nothing is reached yet.
    ///
    /// # Errors
    ///
    /// [`WayError`] if it cannot be so.
    pub fn new(options: &Options) -> Result<Self, WayError> {
        let Options { server, port, encryption, ca, user, from, to } = options;
        let mailbox = |text: &String| {
            Mailbox::parse(text).ok_or_else(|| WayError(format!("{text:?} is no address of mail")))
        };
        let usual = match encryption {
            Encryption::StartTls => 587,
            Encryption::Tls => 465,
            Encryption::None => 25,
        };
        let encrypts = *encryption != Encryption::None;
        if !encrypts && user.is_some() {
            return Err(WayError("a password does not go unencrypted".to_owned()));
        }
        let user = match user {
            Some((name, password)) => Some((name.clone(), password.read()?)),
            None => None,
        };
        let tls = encrypts.then(|| tls(ca.as_deref()).map(Arc::new)).transpose()?;
        let (name, port) = (server.clone(), port.unwrap_or(usual));
        Ok(Self {
            server: Server { name, port, encryption: *encryption, tls, user },
            from: mailbox(from)?,
            to: to.iter().map(mailbox).collect::<Result<_, _>>()?,
        })
    }

    fn mail(&self, alerts: &[&Kept]) -> String {
        let to: Vec<String> = self.to.iter().map(Mailbox::header).collect();
        let date = DateTimePrinter::new().timestamp_to_string(&Timestamp::now());
        let mut mail = format!(
            "From: {}\r\nTo: {}\r\nSubject: {}\r\n",
            self.from.header(),
            to.join(",\r\n "),
            encoded(&subject(alerts)),
        );
        // Writing to a string cannot fail.
        if let Ok(date) = date {
            let _ = write!(mail, "Date: {date}\r\n");
        }
        if let Some(first) = alerts.first() {
            // The same message, should it be sent twice, is the same to who gets it.
            let letters = |c: &char| c.is_ascii_alphanumeric();
            let id: String = first.alert.id.chars().filter(letters).take(64).collect();
            let (count, all, domain) = (first.count, alerts.len(), self.from.domain());
            let _ = write!(mail, "Message-ID: <{id}.{count}.{all}@{domain}>\r\n");
        }
        let _ = write!(
            mail,
            "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n\
             Content-Type: multipart/alternative; boundary=\"{BOUNDARY}\"\r\n"
        );
        for (kind, text) in [("plain", plain(alerts)), ("html", html(alerts))] {
            let _ = write!(
                mail,
                "\r\n--{BOUNDARY}\r\nContent-Type: text/{kind}; charset=utf-8\r\n\
                 Content-Transfer-Encoding: base64\r\n\r\n{}",
                wrapped(&STANDARD.encode(text))
            );
        }
        let _ = write!(mail, "\r\n--{BOUNDARY}--\r\n");
        mail
    }
}

/// What parts a mail; no line of base64 has it.
const BOUNDARY: &str = "=_earlgrey_alert";

/// So many bytes are a word of a header that is encoded: with all around it, it fits on a line.
const WORD: usize = 39;

/// Text of a header: as it is, or in words of base64 (RFC 2047) where it is long or more than ASCII.
fn encoded(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || " -_.".contains(c);
    if text.len() <= WORD && text.chars().all(is_plain) {
        return text.to_owned();
    }
    let (mut words, mut rest) = (Vec::new(), text);
    while !rest.is_empty() {
        let (word, behind) = rest.split_at(rest.floor_char_boundary(WORD));
        words.push(format!("=?utf-8?B?{}?=", STANDARD.encode(word)));
        rest = behind;
    }
    words.join("\r\n ")
}

/// Base64 in lines of 76, as mail has it.
fn wrapped(base64: &str) -> String {
    let mut lines = String::new();
    let mut rest = base64;
    while !rest.is_empty() {
        let (line, behind) = rest.split_at(rest.len().min(76));
        lines += line;
        lines += "\r\n";
        rest = behind;
    }
    lines
}

impl Carrier for Mailer {
    fn send(&self, alerts: &[&Kept]) -> Result<String, Failure> {
        let mail = self.mail(alerts);
        let to = self.to.iter().map(|to| to.address.as_str()).collect();
        self.server.send(&Envelope { from: &self.from.address, to, mail: &mail })
    }

    fn most_at_once(&self) -> u64 {
        MOST
    }

    fn pause(&self) -> Duration {
        PAUSE
    }
}

fn subject(alerts: &[&Kept]) -> String {
    // Of several, the first that is due.
    let all = alerts.iter().rev().map(|kept| &kept.alert);
    let gravest = all.max_by_key(|alert| alert.severity);
    let Some(alert) = gravest else { return String::new() };
    let more = match alerts.len() as u64 {
        0 | 1 => String::new(),
        all => format!(" and {}", plural(all - 1, "other")),
    };
    let title = one_line(&alert.title);
    short_line(&format!("[{}] {title}", alert.severity), MAX_SUBJECT) + &more
}

/// What is told of an alert, line by line, with what the line is called.
fn lines(kept: &Kept) -> Vec<(&'static str, String)> {
    let alert = &kept.alert;
    let mut lines = vec![
        ("severity", alert.severity.name().to_owned()),
        ("found by", format!("{} {}", alert.source, one_line(&alert.name))),
        ("from", alert.first.to_string()),
        ("until", alert.last.to_string()),
        ("raised", plural(kept.count, "time")),
        ("flows", one_line(&alert.filter)),
        ("alert", one_line(&alert.id)),
    ];
    if let Some(attack) = &alert.attack {
        lines.push(("ATT&CK", one_line(attack)));
    }
    for (_, line) in &mut lines {
        *line = short_line(line, MAX_LINE);
    }
    lines
}

fn plain(alerts: &[&Kept]) -> String {
    let mut text = String::new();
    for kept in alerts {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}", short_line(&kept.alert.title, MAX_LINE));
        for (name, line) in lines(kept) {
            let _ = writeln!(text, "  {name:<9} {line}");
        }
        let _ = writeln!(text);
    }
    text
}

fn html(alerts: &[&Kept]) -> String {
    let mut text = "<!doctype html><html lang=\"en\"><body>".to_owned();
    for kept in alerts {
        let _ = write!(text, "<h2>{}</h2><table>", escaped(&kept.alert.title));
        for (name, line) in lines(kept) {
            let (name, line) = (escaped(name), escaped(&line));
            let _ =
                write!(text, "<tr><th align=\"left\">{name}</th><td><code>{line}</code></td></tr>");
        }
        text.push_str("</table>");
    }
    text.push_str("</body></html>\n");
    text
}

fn escaped(text: &str) -> String {
    let line = short_line(&one_line(text), MAX_LINE);
    line.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::alert::tests::{kept, kept_saying};

    fn mailer() -> Mailer {
        Mailer::new(&Options {
            server: "localhost".to_owned(),
            port: None,
            encryption: Encryption::None,
            ca: None,
            user: None,
            from: "Flows <flows@example.org>".to_owned(),
            to: vec!["soc@example.org".to_owned(), "boss@example.org".to_owned()],
        })
        .unwrap()
    }

    #[test]
    fn a_mail_says_what_is_grave_in_its_subject() {
        let one = kept();
        let mut other = kept_saying("a rule fired");
        other.alert.severity = crate::detect::Severity::Low;
        assert_eq!(subject(&[&one]), "[high] beacon: 10.0.0.1 -> 192.0.2.1 TCP/443");
        assert_eq!(
            subject(&[&other, &one]),
            "[high] beacon: 10.0.0.1 -> 192.0.2.1 TCP/443 and 1 other"
        );
        let mail = mailer().mail(&[&one]);
        for line in [
            "From: Flows <flows@example.org>\r\n",
            "To: soc@example.org,\r\n boss@example.org\r\n",
            "Message-ID: <00000000000000aa.1.1@example.org>\r\n",
            "Content-Type: text/plain; charset=utf-8\r\n",
            "Content-Type: text/html; charset=utf-8\r\n",
        ] {
            assert!(mail.contains(line), "{mail}");
        }
        for text in ["nobody", "a b@x", "a@b c", "a@x>\r\nRCPT TO:<b@x", "<>", "x <a@b> y"] {
            assert!(address(text).unwrap_err().contains("no address"), "{text}");
        }
        assert_eq!(encoded("Größe"), "=?utf-8?B?R3LDtsOfZQ==?=");
    }

    proptest! {
        #[test]
        fn nothing_that_others_say_is_a_header_or_markup(
            said in ".{0,40}(\r\nBcc: x@example.org\r\n\r\n|<script>|\"'&){0,2}.{0,40}"
        ) {
            let mut kept = kept_saying(&said);
            kept.alert.id.clone_from(&said);
            let mail = mailer().mail(&[&kept]);
            prop_assert!(mail.split("\r\n").all(|line| line.len() <= 78));
            prop_assert!(mail.is_ascii() && !mail.replace("\r\n", "").contains(['\r', '\n']));
            let (headers, _) = mail.split_once("\r\n\r\n").unwrap();
            let known = ["From", "Subject", "To", "Message-ID", "MIME-Version", "Date",
                "Content-Type", "Auto-Submitted"];
            for header in headers.split("\r\n").filter(|line| !line.starts_with(' ')) {
                let name = header.split(':').next().unwrap();
                prop_assert!(known.contains(&name), "{}", headers);
            }
            let page = html(&[&kept]);
            let ours = ["!doctype html", "html lang=\"en\"", "body", "h2", "/h2", "table", "/table",
                "tr", "th align=\"left\"", "/th", "td", "code", "/code", "/td", "/tr", "/body",
                "/html"];
            for tag in page.split('<').skip(1) {
                prop_assert!(ours.contains(&tag.split('>').next().unwrap()), "{}", tag);
            }
        }
    }
}
