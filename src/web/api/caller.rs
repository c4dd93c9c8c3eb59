//! Who asks: the token behind a request.

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use banto_channel::Timestamp;

use super::table::Scope;
use super::{Api, Problem};
use crate::store::{self, RequestTry, Store, TokenRow};
use crate::web::screen::address;

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
    let uri = request.uri().to_string();
    match admit(&api, scope, (request.headers(), request.extensions()), &uri).await {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    }
}

async fn admit(
    api: &Api,
    scope: Scope,
    (headers, extensions): (&HeaderMap, &Extensions),
    uri: &str,
) -> Result<Caller, Problem> {
    let shown = headers.get(header::AUTHORIZATION).ok_or_else(no_token)?;
    let now = api.desk.now();
    let token = match bearer(shown) {
        Some(text) => api.desk.store().token(text, now).await?,
        None => None,
    };
    let token = token.ok_or_else(|| wrong_token(api, &address(headers, extensions), now))?;
    let note = api.limits.take(token.id, now).map_err(|wait| {
        let detail = format!("the token {} asks too often", token.name);
        Problem::new(StatusCode::TOO_MANY_REQUESTS, detail).after(wait.as_secs() + 1)
    })?;
    if note && let Err(error) = api.desk.store().token_used(token.id, now).await {
        tracing::warn!(token = token.name, error = %error, "the use of a token could not be noted");
    }
    may(&token, scope)?;
    // No text of the store may hold one (PostgreSQL).
    if uri.contains("%00") {
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

fn bearer(shown: &HeaderValue) -> Option<&str> {
    let (scheme, token) = shown.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The answer to a token that is not valid: whoever shows many of them is told to wait. A right one was found before
/// anybody gets here, and is never slowed, whoever else tries from its address.
fn wrong_token(api: &Api, address: &str, now: Timestamp) -> Problem {
    match api.wrong.wrong_token(address, now) {
        Ok(()) => no_token(),
        Err(wait) => {
            tracing::info!(address, "too many wrong API tokens");
            let detail = format!("too many tokens that are not valid came from {address}");
            Problem::new(StatusCode::TOO_MANY_REQUESTS, detail).after(wait.as_secs() + 1)
        }
    }
}

fn no_token() -> Problem {
    let detail = "send a valid token: `Authorization: Bearer banto_…`; the owner makes one under Tokens";
    Problem::new(StatusCode::UNAUTHORIZED, detail)
}
