//! Who may ask at all, and who it is that asks.

use std::net::IpAddr;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, Version, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use ipnet::IpNet;

use super::accounts::Token;
use super::body::Bodies;
use super::proof::Proofs;
use super::sessions::Sessions;
use super::{body, login, secret, site};
use crate::flow::{UnixMillis, canonical};
use crate::service::caller::{Caller, LOCAL, Via, is_free};
use crate::service::connection::Connected;
use crate::service::error::ServiceError;
use crate::service::limits::Limiter;
use crate::service::noted::Noted;
use crate::service::options::{Access, Options};
use crate::service::problem::Problem;
use crate::service::{Service, Shared};

/// The field by which a proxy says who asks.
const REMOTE_USER: &str = "remote-user";
/// Fields that show that a request came through a proxy.
const PROXIED: [&str; 9] = [
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-real-ip",
    "x-client-ip",
    "cf-connecting-ip",
    "true-client-ip",
    "via",
];

/// Lets in callers, and keeps out others.
pub(in crate::service) struct Guard {
    access: Access,
    /// Whether nobody but this machine can reach the server.
    is_local: bool,
    pub(super) proofs: Proofs,
    pub(super) sessions: Sessions,
    bodies: Bodies,
    /// Of what the tokens of forms are made, of callers who have no session.
    forms: String,
}

impl Guard {
    /// # Errors
    ///
    /// [`ServiceError::Open`] if others than this machine would be let in, or heard, who should
    /// not.
    pub(in crate::service) fn new(options: &Options) -> Result<Self, ServiceError> {
        let proofs = Proofs::open(&options.folder)?;
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
        if !(is_local || proxied || proofs.accounts().let_in(UnixMillis::now())) {
            return refuse(
                "nobody could be told from anybody; make a token first, `earlgrey-hbase token add \
                 NAME`, or add a user, `earlgrey-hbase user add NAME`",
            );
        }
        Ok(Self {
            access: options.access.clone(),
            is_local,
            proofs,
            sessions: Sessions::default(),
            bodies: Bodies::default(),
            forms: secret::new().map_err(ServiceError::Account)?,
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
        let to = (connected.local, connected.encrypted);
        site::check(method, uri, headers, to, &self.access.hosts)
    }

    /// Who asks; nobody where nothing says so.
    ///
    /// # Errors
    ///
    /// [`Problem`] if what says so is wrong.
    pub(in crate::service) async fn caller(
        &self,
        (headers, version): (&HeaderMap, Version),
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
        if let Some(secret) = login::cookie(headers, login::is_secure(headers, connected))
            && let Some(caller) =
                self.sessions.caller(secret, &self.proofs.accounts(), Instant::now())
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
        // So ask proxies that were told nothing else, nginx among them, and no client of today.
        if version < Version::HTTP_11 {
            return Err(Problem::forbidden(format!(
                "HTTP/1.0 is what proxies speak; name this one with --proxy {peer}, send a token, or \
                 ask by HTTP/1.1"
            )));
        }
        let csrf = Some(self.csrf(LOCAL));
        Ok(Some(Caller { name: LOCAL.to_owned(), role, via: Via::Local, csrf, by_token: false }))
    }

    /// What a form must carry of a caller who has no session.
    fn csrf(&self, name: &str) -> String {
        secret::signed(&self.forms, name)
    }

    /// Whom a proxy names.
    fn proxied(&self, name: &str) -> Result<Caller, Problem> {
        if name.is_empty() || name.contains(',') {
            return Err(Problem::bad_request("Remote-User is to name one user"));
        }
        if !is_free(name) {
            return Err(Problem::forbidden(format!("no user may be called {name}")));
        }
        let role =
            self.proofs.accounts().users.get(name).map_or(self.access.proxy_role, |user| user.role);
        let csrf = Some(self.csrf(name));
        Ok(Caller { name: name.to_owned(), role, via: Via::Proxy, csrf, by_token: false })
    }

    /// Whose token it is.
    async fn bearer(
        &self,
        token: &str,
        peer: IpAddr,
        limiter: &Limiter,
    ) -> Result<Caller, Problem> {
        let (_, found) = self.proofs.token(token, peer, limiter).await?.ok_or_else(|| {
            Problem::new(StatusCode::UNAUTHORIZED, "the token is none of ours, is over or revoked")
        })?;
        let Token { name, role, .. } = found;
        Ok(Caller { name, role, via: Via::Token, csrf: None, by_token: true })
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
    let caller = guard.caller((request.headers(), request.version()), &connected, limiter).await;
    limiter.request(caller.as_ref().ok().and_then(Option::as_ref), peer)?;
    let caller = caller?;
    if let (Some(caller), Some(noted)) = (&caller, Noted::of(&request)) {
        let _ = noted.caller.set(caller.clone());
    }
    let (parts, sent) = request.into_parts();
    let most = service.options.limits.body_bytes;
    let room = guard.bodies.room(&parts.headers).await?;
    let sent = body::read(caller.as_ref(), &parts.method, &parts.headers, sent, most).await?;
    request = Request::from_parts(parts, Body::from(sent));
    request.extensions_mut().insert(room);
    if let Some(caller) = caller {
        request.extensions_mut().insert(caller);
    }
    Ok(request)
}
