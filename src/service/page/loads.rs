//! What was loaded when, from which files, with which counts.

use maud::{Markup, html};

use super::ask::{Ask, Fault};
use super::parts;
use super::shell::Page;
use crate::answer::words::{bytes, grouped, seconds};
use crate::store::Load;

/// So many loads are on a page.
const ON_A_PAGE: usize = 50;
/// So many files of a load are told one by one.
const MAX_FILES: usize = 20;

/// The page.
pub(super) fn page(ask: &Ask<'_>) -> Result<Page, Fault> {
    let loads = ask.store.loads()?;
    let number = ask.value("page", 1usize)?.max(1);
    let begin = (number - 1).saturating_mul(ON_A_PAGE).min(loads.len());
    let shown = &loads[..loads.len() - begin];
    let content = html! {
        div class="title" {
            h1 { "Loads" }
            p class="faint" { (grouped(loads.len() as u64)) " in all, the latest first" }
        }
        section class="card" { (table(ask, shown, ON_A_PAGE)) (parts::pages(ask, number, loads.len().div_ceil(ON_A_PAGE))) }
    };
    Ok(Page::new("Loads", content).without_window())
}

/// The latest of `loads`.
pub(super) fn table(ask: &Ask<'_>, loads: &[Load], most: usize) -> Markup {
    if loads.is_empty() {
        return parts::empty("Nothing was loaded yet", "");
    }
    html! {
        div class="wide" role="region" aria-label="Loads" tabindex="0" { table class="stack" {
            thead { tr {
                th { "Began" } th { "Files" } th class="number" { "Flows stored" }
                th class="number optional" { "Missing" } th { "State" }
            } }
            tbody { @for load in loads.iter().rev().take(most) { (row(ask, load)) } }
        } }
    }
}

fn row(ask: &Ask<'_>, load: &Load) -> Markup {
    let took = load.finished.map(|finished| seconds((finished - load.started) as f64 / 1000.0));
    let lost: u64 = load.account.lost.iter().map(|lost| lost.count).sum();
    html! {
        tr {
            td { (parts::time(ask, load.started)) }
            td class="file whole" { (files(load)) }
            td class="number" data-name="flows" { (grouped(load.account.stored)) }
            td class="number optional" { (grouped(lost)) }
            td class="whole" { (state(load, took)) }
        }
    }
}

fn files(load: &Load) -> Markup {
    let one = |file: &crate::store::LoadedFile| {
        let fault = file.fault.as_ref().map(|fault| format!(": {fault}")).unwrap_or_default();
        format!("{} ({}){fault}", file.path, bytes(file.bytes))
    };
    html! {
        @match &*load.files {
            [] => span class="faint" { "none" },
            [file] => (one(file)),
            files => details {
                summary { (grouped(files.len() as u64)) " files" }
                ul class="small" {
                    @for file in files.iter().take(MAX_FILES) { li { (one(file)) } }
                    @if files.len() > MAX_FILES { li { "and " (grouped((files.len() - MAX_FILES) as u64)) " more" } }
                }
            },
        }
    }
}

fn state(load: &Load, took: Option<String>) -> Markup {
    let (class, text) = match (&load.failure, took) {
        (Some(failure), _) => ("wrongly", format!("failed: {failure}")),
        (None, Some(took)) if load.interrupted => ("warn", format!("interrupted after {took}")),
        (None, Some(took)) => ("good", format!("done in {took}")),
        (None, None) => ("busy", "not ended".to_owned()),
    };
    html! { span class={"state " (class)} { (text) } }
}
