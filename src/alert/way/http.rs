//! Messages by HTTP.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ureq::Agent;
use ureq::http::{HeaderMap, StatusCode, header};
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};

use super::text::short_line;
use super::{Failure, PATIENCE, WayError};

/// Of what a receiver says so many bytes are read.
const MAX_ANSWER: u64 = 10_000;
/// And so many are told.
const MAX_TOLD: usize = 200;

/// A receiver of messages.
pub(super) struct Receiver {
    url: String,
    agent: Agent,
}

impl Receiver {
    /// The receiver at `url`. Nothing is reached yet.
    ///
    /// # Errors
    ///
    /// [`WayError`] if it is no URL of HTTP, or the file of certificates is none.
    pub(super) fn new(url: &str, ca: Option<&PathBuf>) -> Result<Self, WayError> {
        check(url)?;
        let roots = ca.map_or(Ok(RootCerts::WebPki), |path| certificates(path))?;
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            // A message is for who was named, and for nobody else.
            .max_redirects(0)
            .tls_config(TlsConfig::builder().root_certs(roots).build())
            .timeout_global(Some(PATIENCE))
            .user_agent(concat!("earlgrey-hbase/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        Ok(Self { url: url.to_owned(), agent })
    }

    /// Posts `body`, which is JSON, with `headers`; gives what the receiver said.
    ///
    /// # Errors
    ///
    /// [`Failure`] if the receiver did not take it.
    pub(super) fn post(&self, body: &str, headers: &[(&str, &str)]) -> Result<String, Failure> {
        let request = self.agent.post(&self.url).header("content-type", "application/json");
        let request =
            headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        // An error of the client's may have the URL in it, which may be a secret; its kind has not.
        let mut response = request.send(body).map_err(|error| Failure::passing(told(&error)))?;
        let status = response.status();
        let after = retry_after(response.headers());
        let place = response.headers().get(header::LOCATION).is_some();
        let read = response.body_mut().with_config().limit(MAX_ANSWER).lossy_utf8(true);
        let said = short_line(read.read_to_string().unwrap_or_default().trim(), MAX_TOLD);
        let said = if said.is_empty() { format!("{status}") } else { format!("{status}: {said}") };
        match status {
            status if status.is_success() => Ok(said),
            status if status.is_redirection() && place => {
                Err(Failure::Lasting(format!("{said}; it sends elsewhere, which is not followed")))
            }
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => {
                Err(Failure::Passing { told: said, after })
            }
            status if status.is_server_error() => Err(Failure::Passing { told: said, after }),
            _ => Err(Failure::Lasting(said)),
        }
    }
}

/// What went wrong before there was an answer, without the URL.
fn told(error: &ureq::Error) -> String {
    match error {
        ureq::Error::BadUri(_) => "the URL cannot be used".to_owned(),
        error => error.to_string(),
    }
}

fn check(url: &str) -> Result<(), WayError> {
    let wrong = || WayError("it is no URL; write https://example.org/hook".to_owned());
    let uri: ureq::http::Uri = url.parse().map_err(|_| wrong())?;
    let known = matches!(uri.scheme_str(), Some("http" | "https"));
    if known && uri.host().is_some_and(|host| !host.is_empty()) { Ok(()) } else { Err(wrong()) }
}

/// When a receiver wants to be tried again: after so many seconds, or at a time.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let after = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = after.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let then = jiff::fmt::rfc2822::parse(after).ok()?.timestamp().as_second();
    let now = jiff::Timestamp::now().as_second();
    Some(Duration::from_secs(u64::try_from(then - now).unwrap_or_default()))
}

fn certificates(path: &Path) -> Result<RootCerts, WayError> {
    let wrong = |problem: String| WayError(format!("{}: {problem}", path.display()));
    let pem = fs::read(path).map_err(|error| wrong(error.to_string()))?;
    let items = parse_pem(&pem).collect::<Result<Vec<_>, _>>();
    let items = items.map_err(|error| wrong(error.to_string()))?;
    let certificate = |item| match item {
        PemItem::Certificate(certificate) => Some(certificate),
        _ => None,
    };
    let certificates: Vec<_> = items.into_iter().filter_map(certificate).collect();
    if certificates.is_empty() {
        return Err(wrong("there is no certificate in it".to_owned()));
    }
    Ok(RootCerts::new_with_certs(&certificates))
}
