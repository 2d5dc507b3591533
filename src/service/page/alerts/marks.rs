//! How grave an alert is, and what was made of it, told by more than colours.

use maud::{Markup, html};

use crate::alert::{Alert, Kept, State, Status};
use crate::answer::words::grouped;
use crate::detect::Severity;

/// What an alert is called.
pub(super) fn title(alert: &Alert) -> String {
    alert.title.replace(" -> ", " → ")
}

/// How grave something is: one bar, two or three, and the word.
pub(super) fn severity(severity: Severity) -> Markup {
    let filled = Severity::ALL.iter().filter(|other| **other <= severity).count();
    html! {
        span class={"grave " (severity.name())} {
            svg viewBox="0 0 13 12" aria-hidden="true" {
                @for bar in 0..Severity::ALL.len() {
                    rect class=[(bar >= filled).then_some("off")] x=(bar * 5) y=(8 - 4 * bar)
                        width="3" height=(4 + 4 * bar) rx="0.8" {}
                }
            }
            (severity.name())
        }
    }
}

/// What people made of it.
pub(super) fn state(state: State) -> Markup {
    let class = match state {
        State::Open => "warn",
        State::Seen => "",
        State::Closed => "good",
    };
    html! { span class={"state " (class)} { (state.name()) } }
}

/// What became of the messages about it: `2 sent, 1 waiting`.
pub(super) fn told(kept: &Kept) -> String {
    let count = |status| kept.messages.iter().filter(|message| message.status == status).count();
    let told = [
        (Status::Sent, "sent"),
        (Status::Waiting, "waiting"),
        (Status::Undelivered, "undelivered"),
    ]
    .map(|(status, name)| (count(status), name));
    let told = told.iter().filter(|(count, _)| *count > 0);
    told.map(|(count, name)| format!("{} {name}", grouped(*count as u64)))
        .collect::<Vec<_>>()
        .join(", ")
}
