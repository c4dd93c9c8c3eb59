//! Who may do what: every route of the screen is declared here with what it demands, so that none can be forgotten.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
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
        self.router = self.router.route(path, get(handler));
        self.table.push(Route { method: Method::GET, path, access });
        self
    }

    /// Something to do. The form carries the session's token.
    pub(crate) fn post<H, T>(mut self, path: &'static str, access: Access, handler: H) -> Self
    where
        H: Handler<T, Desk>,
        T: 'static,
    {
        self.router = self.router.route(path, post(handler));
        self.table.push(Route { method: Method::POST, path, access });
        self
    }

    /// The router behind one guard. One for all, not one a route: each would be compiled for itself.
    pub(crate) fn finish(self) -> (Router, Vec<Route>) {
        let table =
            self.table.iter().map(|route| ((route.method.clone(), route.path), route.access)).collect();
        let guarded = middleware::from_fn_with_state((self.desk.clone(), Arc::new(table)), guard);
        (self.router.route_layer(guarded).with_state(self.desk), self.table)
    }
}

/// What each route demands.
type Demands = Arc<HashMap<(Method, &'static str), Access>>;

async fn guard(
    State((desk, demands)): State<(Desk, Demands)>,
    path: MatchedPath,
    request: Request,
    next: Next,
) -> Response {
    // A HEAD is answered by the GET of its path.
    let method = if request.method() == Method::HEAD { Method::GET } else { request.method().clone() };
    // What is not in the table is the owner's: a method that no route has is refused further on.
    let access = demands.get(&(method, path.as_str())).copied().unwrap_or(Access::Owner);
    super::visit::admit(&desk, access, request, next).await
}
