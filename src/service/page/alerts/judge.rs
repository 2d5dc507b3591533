//! What is made of an alert: that somebody looks, or that it is done with.

use axum::Form;
use axum::extract::{Path, State};
use axum::response::Redirect;
use maud::{Markup, html};
use serde::Deserialize;

use super::super::ask::Ask;
use super::super::parts;
use crate::alert::{self, Kept, MAX_NOTE, ParseStateError};
use crate::service::api::keep_verdict;
use crate::service::auth::Caller;
use crate::service::problem::Problem;
use crate::service::turns::Turn;
use crate::service::{Notes, Shared};

/// What a form says of an alert.
#[derive(Deserialize)]
pub(in crate::service::page) struct Judgement {
    state: String,
    #[serde(default)]
    note: String,
}

/// Keeps what is to be made of an alert, as the API does.
pub(in crate::service::page) async fn judge(
    State(service): State<Shared>,
    turn: Turn,
    caller: Caller,
    notes: Notes,
    Path(id): Path<String>,
    Form(Judgement { state, note }): Form<Judgement>,
) -> Result<Redirect, Problem> {
    let state: alert::State =
        state.parse().map_err(|error: ParseStateError| Problem::bad_request(error.to_string()))?;
    let note = note.trim().to_owned();
    if note.len() > MAX_NOTE {
        return Err(Problem::bad_request(format!("a note has {MAX_NOTE} bytes at most")));
    }
    let kept = keep_verdict(service, turn, (&caller, &notes), (id, state, note)).await?;
    Ok(Redirect::to(&format!("/alerts/{}", kept.alert.id)))
}

/// The form that says it.
pub(super) fn form(ask: &Ask<'_>, kept: &Kept) -> Markup {
    let states = [
        (alert::State::Seen, "I look at it"),
        (alert::State::Closed, "Close it"),
        (alert::State::Open, "Open it again"),
    ];
    html! {
        form class="ask" method="post" action={"/alerts/" (kept.alert.id) "/judge"} {
            (parts::token(ask))
            label { "Note"
                textarea name="note" rows="2" maxlength="1000"
                    placeholder="What it was, or who is asked" {}
            }
            div class="row" {
                @for (state, text) in states.into_iter().filter(|(state, _)| *state != kept.state) {
                    button class=[(state == alert::State::Closed).then_some("main")]
                        name="state" value=(state.name()) { (text) }
                }
            }
        }
    }
}
