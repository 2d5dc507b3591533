//! The form of incoming webhooks of Slack, which Mattermost and others take, too.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::http::Receiver;
use super::text::{one_line, short_line};
use super::{Carrier, Failure, Secret, WayError};
use crate::alert::Kept;

/// Slack takes so much in a header, and a part of so much more.
const MAX_HEADER: usize = 140;
const MAX_PART: usize = 1_500;

/// Posts alerts as people read them.
pub struct Slack {
    receiver: Receiver,
}

impl Slack {
    /// Posts to the incoming webhook at `url`, which is a secret.
    ///
    /// # Errors
    ///
    /// [`WayError`] if it cannot be so.
    pub fn new(url: &Secret, ca: Option<&PathBuf>) -> Result<Self, WayError> {
        Ok(Self { receiver: Receiver::new(&url.read()?, ca)? })
    }
}

impl Carrier for Slack {
    fn send(&self, alerts: &[&Kept]) -> Result<String, Failure> {
        let mut said = String::new();
        for kept in alerts {
            said = self.receiver.post(&message(kept).to_string(), &[])?;
        }
        Ok(said)
    }
}

/// Texts of others stand where nothing is made of them: in `plain_text`, or as code, of which only
/// the end could be told too soon.
fn message(kept: &Kept) -> Value {
    let alert = &kept.alert;
    let severity = alert.severity.name();
    let head = short_line(&format!("{severity}: {}", alert.title), MAX_HEADER);
    let times = format!("{} to {}", alert.first, alert.last);
    let named = format!("{} {}", alert.source, code(&alert.name, MAX_HEADER));
    let attack = alert
        .attack
        .as_deref()
        .map_or_else(String::new, |attack| format!(", ATT&amp;CK {}", code(attack, MAX_HEADER)));
    let told = format!(
        "{named}{attack}\n{times}, raised {} times\n{}",
        kept.count,
        code(&alert.filter, MAX_PART)
    );
    json!({
        "text": format!("{severity}: {}", code(&alert.title, MAX_PART)),
        "blocks": [
            { "type": "header", "text": { "type": "plain_text", "text": head, "emoji": false } },
            { "type": "section", "text": { "type": "mrkdwn", "text": told, "verbatim": true } },
            { "type": "context", "elements": [
                { "type": "mrkdwn", "text": format!("alert {}", code(&alert.id, MAX_HEADER)) }
            ] },
        ],
    })
}

/// `text` as code: no mention, no link, no emphasis.
fn code(text: &str, bytes: usize) -> String {
    let text = one_line(text).replace('`', "'");
    let escaped = |bytes: usize| {
        let line = short_line(&text, bytes);
        line.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
    };
    // What is escaped is up to five times as long.
    let whole = escaped(bytes);
    let line = if whole.len() > bytes { escaped(bytes / 5) } else { whole };
    if line.trim().is_empty() { "` `".to_owned() } else { format!("`{line}`") }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::alert::tests::{kept, kept_saying};

    #[test]
    fn it_is_the_form_that_is_documented() {
        let message = message(&kept());
        assert_eq!(message["text"], "high: `beacon: 10.0.0.1 -&gt; 192.0.2.1 TCP/443`");
        let head = &message["blocks"][0]["text"];
        assert_eq!(head["text"], "high: beacon: 10.0.0.1 -> 192.0.2.1 TCP/443");
        assert_eq!(head["type"], "plain_text");
        let told = message["blocks"][1]["text"]["text"].as_str().unwrap();
        assert!(told.ends_with("\n`ip 10.0.0.1 and ip 192.0.2.1`"), "{told}");
    }

    proptest! {
        #[test]
        fn nothing_that_others_say_is_a_mention_or_a_link(said in ".{0,40}[<`@!>\n&]{0,4}.{0,40}") {
            let message = message(&kept_saying(&said));
            for text in [&message["text"], &message["blocks"][1]["text"]["text"]] {
                let text = text.as_str().unwrap();
                prop_assert!(!text.contains(['<', '>']));
                // Outside of code there are our own words only.
                let outside: String = text.split('`').step_by(2).collect();
                prop_assert_eq!(text.matches('`').count() % 2, 0);
                let ours = |c: char| c.is_ascii_alphanumeric() || " :,-.\n&;".contains(c);
                prop_assert!(outside.chars().all(ours), "{}", outside);
            }
            let head = message["blocks"][0]["text"]["text"].as_str().unwrap();
            prop_assert!(head.chars().count() <= 150 && !head.contains('\n'));
        }
    }
}
