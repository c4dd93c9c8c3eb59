//! Who may do what: every route of the screen is declared here with what it demands, so that none can be forgotten.

use axum::Router;
use axum::extract::{Request, State};
use axum::handler::Handler;
use axum::http::Method;
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{get, post};

use super::{Desk, Role};

/// What a route demands of its visitor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Nothing: the login, style sheets.
    Public,
    /// A session of any role.
    Read,
    /// A session of staff or the owner.
    Staff,
    /// The owner's session.
    Owner,
}

impl Access {
    /// Whether somebody of this role may.
    #[must_use]
    pub const fn allows(self, role: Role) -> bool {
        match self {
            Self::Public | Self::Read => true,
            Self::Staff => matches!(role, Role::Staff | Role::Owner),
            Self::Owner => matches!(role, Role::Owner),
        }
    }
}

/// One route, for those who enumerate them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Its method.
    pub method: Method,
    /// Its path, with `{names}`.
    pub path: &'static str,
    /// What it demands.
    pub access: Access,
}

/// The router while it is put together.
pub(crate) struct Routes {
    desk: Desk,
    router: Router<Desk>,
    table: Vec<Route>,
}

impl Routes {
    pub(crate) fn new(desk: Desk) -> Self {
        Self { desk, router: Router::new(), table: Vec::new() }
    }

    /// A page that any role may see.
    pub(crate) fn page<H, T>(self, path: &'static str, handler: H) -> Self
    where
        H: Handler<T, Desk>,
        T: 'static,
    {
        self.get(path, Access::Read, handler)
    }

    /// Something to look at.
    pub(crate) fn get<H, T>(mut self, path: &'static str, access: Access, handler: H) -> Self
    where
        H: Handler<T, Desk>,
        T: 'static,
    {
        let guarded = get(handler).layer(middleware::from_fn_with_state((self.desk.clone(), access), guard));
        self.router = self.router.route(path, guarded);
        self.table.push(Route { method: Method::GET, path, access });
        self
    }

    /// Something to do. The form carries the session's token.
    pub(crate) fn post<H, T>(mut self, path: &'static str, access: Access, handler: H) -> Self
    where
        H: Handler<T, Desk>,
        T: 'static,
    {
        let guarded = post(handler).layer(middleware::from_fn_with_state((self.desk.clone(), access), guard));
        self.router = self.router.route(path, guarded);
        self.table.push(Route { method: Method::POST, path, access });
        self
    }

    pub(crate) fn finish(self) -> (Router, Vec<Route>) {
        (self.router.with_state(self.desk), self.table)
    }
}

async fn guard(State((desk, access)): State<(Desk, Access)>, request: Request, next: Next) -> Response {
    super::visit::admit(&desk, access, request, next).await
}
