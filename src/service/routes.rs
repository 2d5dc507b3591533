//! Routes, none of which can be without saying whom it answers.

use std::sync::atomic::Ordering::Relaxed;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::MethodRouter;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter, UtoipaMethodRouterExt};

use super::Shared;
use super::caller::Role;
use super::noted::Noted;
use super::refusal;

/// Whom a route answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Least {
    /// Whoever asks, known or not.
    Anybody,
    /// Callers of this role, and of those that may more.
    Role(Role),
}

impl From<Role> for Least {
    fn from(role: Role) -> Self {
        Self::Role(role)
    }
}

/// Routes with the least role that each of them asks for. There is no other way to add one.
pub struct Routes {
    router: OpenApiRouter<Shared>,
    listed: Vec<(String, Least)>,
}

impl Routes {
    /// None yet; `document` is what their descriptions are added to.
    pub fn new(document: OpenApi) -> Self {
        Self { router: OpenApiRouter::with_openapi(document), listed: Vec::new() }
    }

    /// Adds what answers at `path`.
    #[must_use]
    pub fn route(
        mut self,
        least: impl Into<Least>,
        path: &str,
        methods: MethodRouter<Shared>,
    ) -> Self {
        let least = least.into();
        self.listed.push((path.to_owned(), least));
        let methods = methods.route_layer(from_fn_with_state(least, require));
        Self { router: self.router.route(path, methods), ..self }
    }

    /// Adds routes with their descriptions, as `utoipa_axum::routes!` makes them.
    #[must_use]
    pub fn described(
        mut self,
        least: impl Into<Least>,
        routes: UtoipaMethodRouter<Shared>,
    ) -> Self {
        let least = least.into();
        self.listed.extend(routes.1.paths.keys().map(|path| (path.clone(), least)));
        let routes = routes.map(|methods| methods.route_layer(from_fn_with_state(least, require)));
        Self { router: self.router.routes(routes), ..self }
    }

    /// Adds all of `others`.
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        self.listed.extend(others.listed);
        Self { router: self.router.merge(others.router), ..self }
    }

    /// The paths, with whom they answer; one path may answer several by its methods.
    pub fn listed(&self) -> &[(String, Least)] {
        &self.listed
    }

    /// The description of those that have one.
    pub fn document(&self) -> &OpenApi {
        self.router.get_openapi()
    }

    pub(super) fn into_router(self) -> axum::Router<Shared> {
        self.router.split_for_parts().0
    }
}

impl Default for Routes {
    fn default() -> Self {
        Self::new(OpenApi::default())
    }
}

/// Lets through whoever may use the route.
async fn require(State(least): State<Least>, request: Request, next: Next) -> Response {
    if let Some(noted) = Noted::of(&request) {
        let path = request.extensions().get().map(|path: &MatchedPath| path.as_str().to_owned());
        let _ = noted.route.set(path.unwrap_or_default());
        noted.quiet.store(least == Least::Anybody && request.method().is_safe(), Relaxed);
    }
    let refused = match least {
        Least::Anybody => None,
        Least::Role(role) => refusal::refuse(role, &request),
    };
    match refused {
        None => next.run(request).await,
        Some(response) => response,
    }
}
