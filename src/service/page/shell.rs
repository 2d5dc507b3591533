//! What is around every page: its head, the window, its foot.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::ask::{Ask, Fault};
use super::link::{link, push_encoded};
use super::parts;
use crate::flow::{TimeRange, UnixMillis};
use crate::request::Parameters;
use crate::service::assets;
use crate::service::auth::Via;
use crate::service::problem::Problem;
use crate::service::refusal::LOGIN;

/// The pages that each page leads to, and those that it leads to by one more step.
const PAGES: [(&str, &str); 5] = [
    ("/", "Overview"),
    ("/alerts", "Alerts"),
    ("/explore", "Explore"),
    ("/diff", "Changes"),
    ("/report", "Report"),
];
const MORE: [(&str, &str); 5] = [
    ("/watch", "Watch"),
    ("/jobs", "Jobs"),
    ("/exporters", "Exporters"),
    ("/loads", "Loads"),
    ("/views", "Views"),
];
/// Windows that are a step away, up to now.
const SPANS: [(&str, &str); 5] =
    [("-1h", "1 h"), ("-1d", "1 d"), ("-7d", "7 d"), ("-30d", "30 d"), ("1970-01-01", "all")];

const CUP: &str = "<svg viewBox=\"0 0 24 24\" aria-hidden=\"true\" fill=\"none\" \
                   stroke=\"currentColor\" stroke-width=\"2\" stroke-linecap=\"round\" \
                   stroke-linejoin=\"round\"><path d=\"M3 10h14v5a5 5 0 0 1-5 5H8a5 5 0 0 1-5-5zM17 \
                   11h1.5a2.5 2.5 0 0 1 0 5H17M7 3c-1 1.300 1 2.200 0 3.500M12 3c-1 1.300 1 2.200 0 \
                   3.500\"/></svg>";

/// What a page is of.
pub(super) struct Page {
    /// What it is called.
    pub(super) title: String,
    /// Whether a window is chosen on it.
    pub(super) has_window: bool,
    /// After so many seconds it is looked at anew.
    pub(super) refresh: Option<u32>,
    /// Whether what was asked means nothing, as the page says.
    pub(super) is_refused: bool,
    /// What it shows.
    pub(super) content: Markup,
}

impl Page {
    pub(super) fn new(title: impl Into<String>, content: Markup) -> Self {
        Self { title: title.into(), has_window: true, refresh: None, is_refused: false, content }
    }

    pub(super) fn without_window(self) -> Self {
        Self { has_window: false, ..self }
    }
}

/// The whole of a page.
pub(super) fn whole(ask: &Ask<'_>, page: &Page) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" data-scheme=[ask.reader.scheme] {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                @if let Some(seconds) = page.refresh {
                    meta http-equiv="refresh" content=(seconds);
                }
                title { (page.title) " · earlgrey" }
                link rel="stylesheet" href=(assets::address("style.css"));
                link rel="icon" type="image/svg+xml" href=(assets::address("icon.svg"));
                script type="module" src=(assets::address("page.js")) {}
            }
            body {
                a class="skip" href="#main" { "To the content" }
                (head(ask))
                @if page.has_window { (window(ask)) }
                main id="main" { (page.content) }
                (foot(ask))
            }
        }
    }
}

/// A page of nothing but what is the matter, for whoever comes by a browser.
pub(in crate::service) fn of_problem(problem: &Problem) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (problem.title) " · earlgrey" }
                link rel="stylesheet" href=(assets::address("style.css"));
                link rel="icon" type="image/svg+xml" href=(assets::address("icon.svg"));
            }
            body {
                main {
                    h1 { (problem.title) }
                    div class="wrong" role="alert" {
                        p { (problem.detail.as_deref().unwrap_or_default()) }
                    }
                    p { a href="/" { "To the overview" } }
                }
            }
        }
    }
}

/// The page that says why there is none.
pub(super) fn fault(ask: &Ask<'_>, fault: &Fault) -> Markup {
    let content = html! {
        div class="title" { h1 { (match fault {
            Fault::Store(_) => "The store does not answer",
            Fault::Refused(_) => "That cannot be asked",
            Fault::Missing(_) => "That is not here",
            Fault::Away(..) | Fault::Ours(_) => "The server does not answer",
        }) } }
        (parts::wrong(ask, fault))
        p { a href="/" { "To the overview" } }
    };
    whole(ask, &Page::new("Error", content))
}

fn head(ask: &Ask<'_>) -> Markup {
    html! {
        header class="head" {
            div {
                a class="brand" href=(ask.to("/", [])) { (PreEscaped(CUP)) "earlgrey" }
                nav aria-label="Pages" {
                    ul {
                        @for page in PAGES { (leading(ask, page)) }
                        li { (more(ask)) }
                    }
                }
                form class="find" role="search" method="get" action="/host" {
                    @for (name, value) in super::link::carried(&ask.params) {
                        input type="hidden" name=(name) value=(value);
                    }
                    input class="mono" name="address" aria-label="An address" required
                        placeholder="Address" spellcheck="false" autocapitalize="off";
                    button { "Look up" }
                }
                (who(ask))
            }
        }
    }
}

/// One of the pages. Alerts are of any time unless somebody says otherwise there.
fn leading(ask: &Ask<'_>, (path, name): (&str, &str)) -> Markup {
    let changes: &[_] = if path == "/alerts" { &[("since", ""), ("until", "")] } else { &[] };
    html! {
        li {
            a href=(ask.to(path, changes.iter().copied()))
                aria-current=[(ask.path == path).then_some("page")] { (name) }
        }
    }
}

/// Those that are wanted less often, which open below their heading: so all have room in a line.
fn more(ask: &Ask<'_>) -> Markup {
    let here = MORE.iter().find(|(path, _)| ask.path == *path);
    html! {
        details class="more" {
            summary aria-current=[here.map(|_| "true")] {
                (here.map_or("More", |(_, name)| name))
            }
            ul { @for page in MORE { (leading(ask, page)) } }
        }
    }
}

/// Who reads: whoever logged in may log out, and who is known by his machine alone may log in.
fn who(ask: &Ask<'_>) -> Markup {
    let caller = ask.reader.caller;
    html! {
        @match caller.map(|caller| (caller.via, &caller.name)) {
            Some((Via::Session, name)) => div class="who" {
                span class="faint" { (name) }
                form method="post" action="/logout" {
                    (parts::token(ask))
                    button class="quiet" { "Log out" }
                }
            },
            Some((Via::Local, _)) => div class="who" {
                a href=(link(LOGIN, &Parameters::new(), [("next", &*ask.again([]))])) { "Log in" }
            },
            _ => {}
        }
    }
}

fn window(ask: &Ask<'_>) -> Markup {
    let others = ask
        .params
        .iter()
        .filter(|(name, _)| !["since", "until", "tz", "page"].contains(&name.as_str()));
    let now = ask.get("until").is_none();
    html! {
        form class="window" method="get" action=(ask.path) aria-label="Window of time" {
            @for (name, value) in others {
                input type="hidden" name=(name) value=(value);
            }
            label { "From" input name="since" value=(ask.get("since").unwrap_or_default())
                placeholder="2026-11-23 14:05, -2h"; }
            label { "To" input name="until" value=(ask.get("until").unwrap_or_default())
                placeholder="now"; }
            label { "Time zone" input class="zone" name="tz" list="zones"
                value=(ask.zone.name()); }
            datalist id="zones" {
                @for zone in ["UTC", "Europe/Zurich", "Europe/London", "America/New_York",
                    "America/Los_Angeles", "Asia/Tokyo", "Asia/Kolkata", "Australia/Sydney"] {
                    option value=(zone) {}
                }
            }
            button { "Show" }
            @if let Some((earlier, later)) = beside(ask.window) {
                div class="spans near" role="group" aria-label="Beside this window" {
                    a href=(ask.again(moved(&earlier))) { "‹ Earlier" }
                    a href=(ask.again(moved(&later))) { "Later ›" }
                }
            }
            div class="spans" role="group" aria-label="Up to now" {
                @for (since, name) in SPANS {
                    @let chosen = now && ask.get("since").unwrap_or_default() == since;
                    a href=(ask.again([("since", since), ("until", ""), ("page", "")]))
                        aria-current=[chosen.then_some("true")] { (name) }
                }
            }
        }
    }
}

/// The windows before and after one that has two ends, as texts.
fn beside(window: TimeRange) -> Option<([String; 2], [String; 2])> {
    let TimeRange { since, until } = window;
    let long_ms = until - since;
    let bounded = since > UnixMillis::EPOCH && until < UnixMillis::MAX && long_ms > 0;
    bounded.then(|| {
        let earlier = UnixMillis(since.0.saturating_sub(long_ms));
        (
            [earlier, since].map(|time| time.to_string()),
            [until, until + long_ms].map(|time| time.to_string()),
        )
    })
}

/// What an address changes for a window.
fn moved([since, until]: &[String; 2]) -> [(&str, &str); 3] {
    [("since", since), ("until", until), ("page", "")]
}

fn foot(ask: &Ask<'_>) -> Markup {
    let mut back = String::new();
    push_encoded(&mut back, &ask.again([]));
    html! {
        footer class="foot" {
            span { "earlgrey-hbase " (env!("CARGO_PKG_VERSION")) }
            span { "Times are in " (ask.zone.name()) }
            span class="schemes" {
                "Colours: "
                @for (scheme, name) in [("", "as the system"), ("light", "light"), ("dark", "dark")] {
                    a href={"/scheme?to=" (scheme) "&back=" (back)}
                        aria-current=[(ask.reader.scheme.unwrap_or_default() == scheme).then_some("true")] {
                        (name)
                    }
                    " "
                }
            }
        }
    }
}
