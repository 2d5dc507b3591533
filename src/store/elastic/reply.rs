//! What a server answers.

use std::time::Duration;

use serde_json::Value;
use ureq::http;

/// An answer may have so many bytes: a page of flows has a hundredth of that.
const MAX_ANSWER_BYTES: u64 = 512 << 20;
/// So much of what a server says is told.
const MAX_TOLD: usize = 300;

/// What a server answered.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// Whether a header says that it is Elasticsearch.
    pub(super) is_elastic: bool,
    pub(crate) body: Vec<u8>,
    /// How many bytes were sent for it.
    pub(crate) sent: u64,
    /// After which time it wants to be asked again.
    pub(super) retry_after: Option<Duration>,
}

impl Reply {
    /// Whether it went well.
    pub(crate) fn is_ok(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Why it did not.
    pub(crate) fn told(&self) -> String {
        let said = serde_json::from_slice::<Value>(&self.body).ok().and_then(|body| {
            let error = &body["error"];
            let reason = [&error["root_cause"][0]["reason"], &error["reason"], error];
            reason.iter().find_map(|reason| reason.as_str().map(str::to_owned))
        });
        let said = said.unwrap_or_else(|| String::from_utf8_lossy(&self.body).trim().to_owned());
        let said: String = said.chars().take(MAX_TOLD).collect();
        let separator = if said.is_empty() { "" } else { ": " };
        format!("HTTP {}{separator}{said}", self.status)
    }

    /// Reads an answer, for which so many bytes were sent.
    pub(super) fn read(
        mut response: http::Response<ureq::Body>,
        sent: u64,
    ) -> Result<Self, ureq::Error> {
        let header = |name: &str| response.headers().get(name)?.to_str().ok();
        let is_elastic = header("x-elastic-product") == Some("Elasticsearch");
        let retry_after =
            header("retry-after").and_then(|secs| secs.parse().ok()).map(Duration::from_secs);
        let status = response.status().as_u16();
        let body = response.body_mut().with_config().limit(MAX_ANSWER_BYTES).read_to_vec()?;
        Ok(Self { status, is_elastic, body, sent, retry_after })
    }
}
