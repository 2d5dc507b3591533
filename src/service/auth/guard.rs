//! Who may ask at all, and who it is that asks.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use ipnet::IpNet;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::accounts::{self, Accounts, Known};
use super::role::{Caller, Via};
use super::secret::{self, Digest};
use super::sessions::Sessions;
use super::{login, site};
use crate::flow::{UnixMillis, canonical};
use crate::service::account::Noted;
use crate::service::connection::Connected;
use crate::service::limits::Limiter;
use crate::service::options::{Access, Options, ServiceError};
use crate::service::problem::Problem;
use crate::service::{Service, Shared};

/// The field by which a proxy says who asks.
const REMOTE_USER: &str = "remote-user";
/// Fields that show that a request came through a proxy.
const PROXIED: [&str; 4] = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];
/// The name of whoever is on this machine, and has no other.
const LOCAL: &str = "local";
/// So many tokens are remembered to be right; then all are looked at again.
const MAX_REMEMBERED: usize = 10_000;
/// So many secrets are looked at at once: each takes 19 MB and some milliseconds.
const PROVED_AT_ONCE: usize = 2;
/// So long may the body of a request take to come.
const BODY: Duration = Duration::from_secs(30);
/// So long may the body be of whoever is not known: a login is no longer.
const STRANGERS_BODY_BYTES: usize = 16 << 10;

/// Lets in callers, and keeps out others.
pub(in crate::service) struct Guard {
    access: Access,
    /// Whether nobody but this machine can reach the server.
    is_local: bool,
    pub(super) known: Known,
    pub(super) sessions: Sessions,
    /// Tokens that were right, with their hashes then.
    remembered: Mutex<HashMap<Digest, String>>,
    proving: Semaphore,
}

impl Guard {
    /// # Errors
    ///
    /// [`ServiceError::Open`] if others than this machine would be let in, or heard, who should
    /// not.
    pub(in crate::service) fn new(options: &Options) -> Result<Self, ServiceError> {
        let known = Known::open(&options.folder)?;
        let is_local = options.is_local();
        let (tls, proxied) = (options.tls.is_some(), !options.access.proxies.is_empty());
        let refuse = |why: &str| {
            let far = options.listen.iter().find(|address| !address.ip().is_loopback());
            let at = far.map(ToString::to_string).unwrap_or_default();
            Err(ServiceError::Open(format!("listen at {at}: {why}")))
        };
        if !(is_local || proxied || tls) {
            return refuse(
                "others could listen in; name a certificate with --tls-cert and --tls-key, or the \
                 proxy before this with --proxy ADDR",
            );
        }
        if !(is_local || proxied) && known.now().is_empty() {
            return refuse(
                "nobody could be told from anybody; make a token first, `earlgrey-hbase token add \
                 NAME`, or add a user, `earlgrey-hbase user add NAME`",
            );
        }
        Ok(Self {
            access: options.access.clone(),
            is_local,
            known,
            sessions: Sessions::default(),
            remembered: Mutex::default(),
            proving: Semaphore::new(PROVED_AT_ONCE),
        })
    }

    fn is_proxy(&self, peer: IpAddr) -> bool {
        let within = |net: &IpNet| net.contains(&canonical(peer));
        self.access.proxies.iter().any(within)
    }

    /// Sees that nobody can listen in, and that no other site asks.
    fn check(&self, request: &Request, connected: &Connected) -> Result<(), Problem> {
        let open = !connected.encrypted && !connected.local.ip().is_loopback();
        if open && !self.is_proxy(connected.peer.ip()) {
            return Err(Problem::forbidden("only by its proxy can this server be asked"));
        }
        let (method, uri, headers) = (request.method(), request.uri(), request.headers());
        site::check(method, uri, headers, connected.local, &self.access.hosts)
    }

    /// Who asks; nobody where nothing says so.
    ///
    /// # Errors
    ///
    /// [`Problem`] if what says so is wrong.
    async fn caller(
        &self,
        headers: &HeaderMap,
        connected: &Connected,
        limiter: &Limiter,
    ) -> Result<Option<Caller>, Problem> {
        let peer = connected.peer.ip();
        let by_proxy = self.is_proxy(peer);
        let told: Vec<_> = headers.get_all(REMOTE_USER).iter().collect();
        if !told.is_empty() && !by_proxy {
            return Err(Problem::forbidden(format!(
                "Remote-User is not believed of {peer}; where that is a proxy of yours, start the \
                 server with --proxy {peer}"
            )));
        }
        if by_proxy && !told.is_empty() {
            let name = told.first().filter(|_| told.len() == 1).and_then(|name| name.to_str().ok());
            return self.proxied(name.unwrap_or_default().trim()).map(Some);
        }
        if let Some(token) = bearer(headers)? {
            return self.bearer(token, peer, limiter).await.map(Some);
        }
        if let Some(secret) = login::cookie(headers)
            && let Some(caller) = self.sessions.caller(secret, &self.known.now(), Instant::now())
        {
            return Ok(Some(caller));
        }
        if by_proxy || !self.is_local || !canonical(peer).is_loopback() {
            return Ok(None);
        }
        let Some(role) = self.access.local_role else { return Ok(None) };
        if let Some(field) = PROXIED.into_iter().find(|&field| headers.contains_key(field)) {
            return Err(Problem::forbidden(format!(
                "this came through a proxy, by its field {field}; name that with --proxy {peer}, or \
                 send a token"
            )));
        }
        Ok(Some(Caller { name: LOCAL.to_owned(), role, via: Via::Local, csrf: None }))
    }

    /// Whom a proxy names.
    fn proxied(&self, name: &str) -> Result<Caller, Problem> {
        if name.is_empty() || name.contains(',') {
            return Err(Problem::bad_request("Remote-User is to name one user"));
        }
        let role =
            self.known.now().users.get(name).map_or(self.access.proxy_role, |user| user.role);
        Ok(Caller { name: name.to_owned(), role, via: Via::Proxy, csrf: None })
    }

    /// Whose token it is.
    async fn bearer(
        &self,
        token: &str,
        peer: IpAddr,
        limiter: &Limiter,
    ) -> Result<Caller, Problem> {
        let (_, found) = self.token(token, peer, limiter).await?.ok_or_else(|| {
            Problem::new(StatusCode::UNAUTHORIZED, "the token is none of ours, is over or revoked")
        })?;
        let accounts::Token { name, role, .. } = found;
        Ok(Caller { name, role, via: Via::Token, csrf: None })
    }

    /// The token with its id, if it is one that holds.
    pub(super) async fn token(
        &self,
        text: &str,
        peer: IpAddr,
        limiter: &Limiter,
    ) -> Result<Option<(String, accounts::Token)>, Problem> {
        let accounts = self.known.now();
        let find = |accounts: &Accounts| {
            let (id, secret) = accounts::split(text)?;
            let token =
                accounts.tokens.get(id).filter(|token| !token.is_over(UnixMillis::now()))?;
            Some((id.to_owned(), token.clone(), secret.to_owned()))
        };
        let Some((id, token, secret)) = find(&accounts) else {
            limiter.may_prove(peer)?;
            limiter.was_wrong(peer);
            return Ok(None);
        };
        let digest = secret::digest_of(text);
        if self.remembers(&digest, &token.hash)
            || self
                .proves(secret, token.hash.clone(), peer, limiter, || {
                    self.remembers(&digest, &token.hash)
                })
                .await?
        {
            self.remember(digest, &token.hash);
            return Ok(Some((id, token)));
        }
        Ok(None)
    }

    fn remembers(&self, digest: &Digest, hash: &str) -> bool {
        let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.get(digest).is_some_and(|known| known == hash)
    }

    fn remember(&self, digest: Digest, hash: &str) {
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.contains_key(&digest) {
            return;
        }
        if remembered.len() >= MAX_REMEMBERED {
            remembered.clear();
        }
        remembered.insert(digest, hash.to_owned());
    }

    /// Whether `secret` is what `hash` was made of. Few are looked at at once, and `meanwhile` says
    /// whether that was found while this one waited.
    pub(super) async fn proves(
        &self,
        secret: String,
        hash: String,
        peer: IpAddr,
        limiter: &Limiter,
        meanwhile: impl Fn() -> bool,
    ) -> Result<bool, Problem> {
        limiter.may_prove(peer)?;
        let _turn = self.proving.acquire().await.map_err(Problem::internal)?;
        if meanwhile() {
            return Ok(true);
        }
        limiter.may_prove(peer)?;
        let work = spawn_blocking(move || secret::is_right(&secret, &hash));
        let right = work.await.map_err(Problem::internal)?;
        if !right {
            limiter.was_wrong(peer);
        }
        Ok(right)
    }
}

/// The token that a request carries.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let unknown = || {
        let told = "Authorization is to be \"Bearer\" and one token";
        Problem::new(StatusCode::UNAUTHORIZED, told)
    };
    if values.next().is_some() {
        return Err(unknown());
    }
    let (scheme, token) =
        value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or_else(unknown)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(Some(token.trim())) } else { Err(unknown()) }
}

/// Lets a request through to the routes, with who asks.
pub(in crate::service) async fn admit(
    State(service): State<Shared>,
    request: Request,
    next: Next,
) -> Response {
    match admitted(&service, request).await {
        Ok(request) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

async fn admitted(service: &Service, mut request: Request) -> Result<Request, Problem> {
    let (guard, limiter) = (&service.guard, &service.limiter);
    let connected: Connected = *request
        .extensions()
        .get()
        .ok_or_else(|| Problem::internal("a request came by no connection"))?;
    guard.check(&request, &connected)?;
    let peer = connected.peer.ip();
    let caller = guard.caller(request.headers(), &connected, limiter).await?;
    limiter.request(caller.as_ref(), peer)?;
    if let (Some(caller), Some(noted)) = (&caller, Noted::of(&request)) {
        let _ = noted.caller.set(caller.clone());
    }
    let most = service.options.limits.body_bytes;
    let most = if caller.is_some() { most } else { most.min(STRANGERS_BODY_BYTES) };
    let (parts, body) = request.into_parts();
    let body = whole(&parts.headers, body, most).await?;
    if let Some(caller) = &caller {
        check_form(caller, &parts.method, &parts.headers, &body)?;
    }
    request = Request::from_parts(parts, Body::from(body));
    if let Some(caller) = caller {
        request.extensions_mut().insert(caller);
    }
    Ok(request)
}

/// All of a body, if it is not too long and does not take too long.
async fn whole(headers: &HeaderMap, body: Body, most: usize) -> Result<Bytes, Problem> {
    let too_long = || {
        let told = format!("the body of a request may have {most} bytes");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, told)
    };
    let declared = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    if declared.and_then(|length| length.parse().ok()).is_some_and(|bytes: u64| bytes > most as u64)
    {
        return Err(too_long());
    }
    match timeout(BODY, to_bytes(body, most)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => Err(too_long()),
        Err(_) => {
            let told = "the body of the request took too long to come";
            Err(Problem::new(StatusCode::REQUEST_TIMEOUT, told))
        }
    }
}

/// Sees that what changes something in a session was sent by a page of ours.
fn check_form(
    caller: &Caller,
    method: &Method,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<(), Problem> {
    let Some(csrf) = caller.csrf.as_ref().filter(|_| !method.is_safe()) else { return Ok(()) };
    let named = headers.get("x-csrf-token").and_then(|token| token.to_str().ok());
    let is_form = headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/x-www-form-urlencoded"));
    let right = |given: &str| secret::digest_of(given) == secret::digest_of(csrf);
    let in_form = || login::field(body, "csrf").is_some_and(|given| right(&given));
    if named.is_some_and(right) || is_form && in_form() {
        return Ok(());
    }
    let told = "the token of the session (csrf) is missing or wrong; load the page again";
    Err(Problem::forbidden(told))
}
