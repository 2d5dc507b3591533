//! Views: addresses of pages that are kept by name, in the service's folder, for all who read here.

use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use axum::Form;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;
use tokio::task::spawn_blocking;

use super::ask::Ask;
use super::shell::Page;
use super::{Asking, parts};
use crate::service::auth::Role;
use crate::service::problem::Problem;
use crate::service::{Notes, Shared};
use crate::store::StoreError;
use crate::store::durable::NewFile;

const FILE: &str = "views.json";
/// So many views are kept.
const MAX_VIEWS: usize = 1000;
/// So many characters a name has.
const MAX_NAME: usize = 100;
/// So long is an address.
const MAX_ADDRESS: usize = 8000;
/// Pages of which views may be kept.
const PAGES: [&str; 3] = ["/", "/explore", "/host/"];

/// By name, where they are.
type Views = BTreeMap<String, String>;

/// One that is to be kept, or to go.
#[derive(Deserialize)]
pub(super) struct Given {
    name: String,
    #[serde(default)]
    address: String,
}

/// The page of all of them, with a form for one more.
pub(super) async fn list(asking: Asking) -> Response {
    let views = match in_folder(Shared::clone(&asking.service), read).await {
        Ok(views) => views,
        Err(problem) => return problem.into_response(),
    };
    asking.answer(move |ask| Ok(Page::new("Views", content(ask, &views)).without_window())).await
}

/// Keeps one, in place of one with the same name.
pub(super) async fn save(
    State(service): State<Shared>,
    notes: Notes,
    Form(Given { name, address }): Form<Given>,
) -> Result<Redirect, Problem> {
    notes.add("name", &name);
    notes.add("address", &address);
    let name = name.trim().to_owned();
    if name.is_empty() || name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
        return Err(Problem::bad_request(format!("a name has 1 to {MAX_NAME} characters")));
    }
    if !is_ours(&address) {
        return Err(Problem::bad_request("a view is of a page of this server"));
    }
    let keep = move |views: &mut Views| {
        views.insert(name, address);
        if views.len() > MAX_VIEWS {
            return Err(Problem::bad_request(format!("there are {MAX_VIEWS} views; delete some")));
        }
        Ok(())
    };
    in_folder(service, |folder| change(folder, keep)).await?;
    Ok(Redirect::to("/views"))
}

/// Forgets one.
pub(super) async fn delete(
    State(service): State<Shared>,
    notes: Notes,
    Form(Given { name, .. }): Form<Given>,
) -> Result<Redirect, Problem> {
    notes.add("name", &name);
    let forget = move |views: &mut Views| {
        views.remove(&name);
        Ok(())
    };
    in_folder(service, |folder| change(folder, forget)).await?;
    Ok(Redirect::to("/views"))
}

/// Has `work` done in the folder of the service, on a thread that may wait.
async fn in_folder<T: Send + 'static>(
    service: Shared,
    work: impl FnOnce(&Path) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let done = spawn_blocking(move || work(&service.options.folder)).await;
    done.map_err(Problem::internal)?
}

/// Whether an address is that of a page here.
fn is_ours(address: &str) -> bool {
    let path = address.split('?').next().unwrap_or_default();
    let is_page =
        PAGES.iter().any(|page| path == *page || page.len() > 1 && path.starts_with(page));
    let plain = address.chars().all(|letter| letter.is_ascii_graphic() && letter != '\\');
    is_page && plain && address.len() <= MAX_ADDRESS
}

fn read(folder: &Path) -> Result<Views, Problem> {
    match fs::read(folder.join(FILE)) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Views::new()),
        Err(error) => Err(Problem::internal(error)),
        Ok(text) => serde_json::from_slice(&text).map_err(Problem::internal),
    }
}

fn change(
    folder: &Path,
    change: impl FnOnce(&mut Views) -> Result<(), Problem>,
) -> Result<(), Problem> {
    /// One process serves a folder, so no other changes the file.
    static CHANGING: Mutex<()> = Mutex::new(());
    let _changing = CHANGING.lock().unwrap_or_else(PoisonError::into_inner);
    let mut views = read(folder)?;
    change(&mut views)?;
    let text = serde_json::to_vec_pretty(&views).map_err(Problem::internal)?;
    let write = || {
        let mut file =
            NewFile::create_for(&folder.join(FILE), 0o600).map_err(StoreError::into_io)?;
        file.write_all(&text)?;
        file.finish().map_err(StoreError::into_io)
    };
    write().map_err(Problem::internal)
}

fn content(ask: &Ask<'_>, views: &Views) -> Markup {
    let may_keep = ask.reader.may(Role::Analyst);
    let address = ask.get("address").filter(|address| may_keep && is_ours(address));
    html! {
        div class="title" { h1 { "Views" } p class="faint" { "Questions that are kept by name, for everybody here" } }
        @if let Some(address) = address {
            section class="card" {
                h2 { "Keep this view" }
                form class="ask" method="post" action="/views/save" {
                    (parts::token(ask))
                    input type="hidden" name="address" value=(address);
                    div class="row" {
                        label class="grow" { "Name" input name="name" required maxlength=(MAX_NAME) autofocus; }
                        button class="main" { "Save" }
                    }
                    p class="small faint mono" { (address) }
                }
            }
        }
        section class="card" {
            @if views.is_empty() {
                (parts::empty("No view is kept yet", "Explore has a button that keeps what it shows."))
            } @else {
                table {
                    thead { tr { th { "Name" } th class="optional" { "Address" } th { span class="unseen" { "Actions" } } } }
                    tbody { @for (name, address) in views {
                        tr {
                            td { a href=(address) { (name) } }
                            td class="mono small faint optional" { (address) }
                            td class="number" {
                                @if may_keep { form method="post" action="/views/delete" {
                                    (parts::token(ask))
                                    input type="hidden" name="name" value=(name);
                                    button class="quiet" aria-label={"Delete the view " (name)} { "Delete" }
                                } }
                            }
                        }
                    } }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_of_this_server_are_kept() {
        for (address, kept) in [
            ("/explore?key=src&where=port%2053", true),
            ("/host/10.0.0.1", true),
            ("/", true),
            ("/?since=-1d", true),
            ("//evil.example/explore", false),
            ("https://evil.example/", false),
            ("/logout", false),
            ("javascript:alert(1)", false),
            ("/explore?\n", false),
            ("", false),
        ] {
            assert_eq!(is_ours(address), kept, "{address}");
        }
    }

    #[test]
    fn what_is_kept_is_there_again() {
        let folder = tempfile::tempdir().unwrap();
        let keep = |name: &str| {
            change(folder.path(), |views| {
                views.insert(name.to_owned(), "/".to_owned());
                Ok(())
            })
        };
        keep("b").unwrap();
        keep("a").unwrap();
        let kept = read(folder.path()).unwrap();
        assert_eq!(kept.keys().collect::<Vec<_>>(), ["a", "b"]);
        fs::write(folder.path().join(FILE), "{").unwrap();
        assert_eq!(read(folder.path()).unwrap_err().status, 500);
    }
}
