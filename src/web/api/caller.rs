//! Who asks: the token behind a request.

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::table::Scope;
use super::{Api, Problem};
use crate::store::{self, RequestTry, Store, TokenRow};

/// The program that asks, and what is known of its request. A handler takes it as an argument.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) token: i64,
    pub(super) name: String,
    /// The try of a request that changes something.
    pub(super) request: Option<RequestTry>,
    /// An earlier try did the deed, and its answer was lost.
    pub(super) done_before: bool,
}

impl Caller {
    /// Who the ledger, timeline and audit say it was: `api:warehouse`.
    pub(super) fn actor(&self) -> String {
        format!("api:{}", self.name)
    }

    /// The store in which the request's deed is done, with its mark.
    pub(super) fn store(&self, api: &Api) -> Store {
        let store = api.desk.store();
        self.request.map_or_else(|| store.clone(), |request| store.once(request))
    }

    /// Does the request's deed, which is one write of [`Caller::store`]; `None` if an earlier try did it.
    pub(super) async fn once<T>(
        &self,
        deed: impl Future<Output = store::Result<T>> + Send,
    ) -> Result<Option<T>, Problem> {
        // A future that nobody waits for does nothing.
        Ok(if self.done_before { None } else { Some(deed.await?) })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or_else(no_token)
    }
}

/// Lets a request in whose token has the scope.
pub(super) async fn guard(
    State((api, scope)): State<(Api, Scope)>,
    mut request: Request,
    next: Next,
) -> Response {
    let address = request.uri().to_string();
    match admit(&api, scope, request.headers(), &address).await {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    }
}

async fn admit(api: &Api, scope: Scope, headers: &HeaderMap, address: &str) -> Result<Caller, Problem> {
    let text = bearer(headers).ok_or_else(no_token)?;
    let now = api.desk.now();
    let token = api.desk.store().token(text, now).await?.ok_or_else(no_token)?;
    let note = api.limits.take(token.id, now).map_err(|wait| {
        let detail = format!("the token {} asks too often", token.name);
        Problem::new(StatusCode::TOO_MANY_REQUESTS, detail).after(wait.as_secs() + 1)
    })?;
    if note && let Err(error) = api.desk.store().token_used(token.id, now).await {
        tracing::warn!(token = token.name, error = %error, "the use of a token could not be noted");
    }
    may(&token, scope)?;
    // No text of the store may hold one (PostgreSQL).
    if address.contains("%00") {
        return Err(Problem::invalid("the address holds a NUL character"));
    }
    Ok(Caller { token: token.id, name: token.name, request: None, done_before: false })
}

fn may(token: &TokenRow, scope: Scope) -> Result<(), Problem> {
    if token.scopes.split(' ').any(|word| word == scope.name()) {
        return Ok(());
    }
    let detail = format!("the token {} does not have the scope {scope}", token.name);
    Err(Problem::new(StatusCode::FORBIDDEN, detail))
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn no_token() -> Problem {
    let detail = "send a valid token: `Authorization: Bearer banto_…`; the owner makes one under Tokens";
    Problem::new(StatusCode::UNAUTHORIZED, detail)
}
