//! The merchant's own programs: their tokens, and their requests, each done once.
//!
//! A request is reserved before its deed and marked as done by the deed's own transaction ([`Store::once`]). After a
//! crash it is known whether the deed was done, also where its answer was lost, and a second try that overlaps with the
//! first cannot commit.

use std::time::Duration;

use banto_channel::{Timestamp, both};

use super::db::args;
use super::sql::texts;
use super::tables::{self, ListingRow, OrderRow, TokenRow};
use super::{Result, Store, StoreError, Write};
use crate::domain::{ChannelId, OrderId};
use crate::keys::{self, digest};

texts! {
    TOKENS = "SELECT * FROM api_token WHERE name <> $1 ORDER BY id";
    TOKEN_BY_NAME = "SELECT * FROM api_token WHERE name = $1";
    TOKEN_BY_DIGEST = "SELECT * FROM api_token WHERE digest = $1";
    TOKEN_USED = "UPDATE api_token SET used_at = $2 WHERE id = $1";
    TOKEN_REVOKE = "UPDATE api_token SET revoked_at = $2 WHERE name = $1 AND revoked_at IS NULL";
    REQUEST = "SELECT id, digest, claim, claimed_until, done, status, body, created_at FROM api_request \
        WHERE token_id = $1 AND key = $2";
    REQUEST_CLAIM = "UPDATE api_request SET claim = claim + 1, claimed_until = $2 WHERE id = $1";
    REQUEST_DONE = "UPDATE api_request SET done = true WHERE id = $1 AND claim = $2 AND NOT done";
    REQUEST_ANSWERED = "UPDATE api_request SET status = $3, body = $4 WHERE id = $1 AND claim = $2 AND done";
    REQUEST_LEFT = "UPDATE api_request SET claimed_until = 0 WHERE id = $1 AND claim = $2 AND done";
    REQUEST_RELEASE = "DELETE FROM api_request WHERE id = $1 AND claim = $2 AND NOT done";
    REQUEST_FORGET = "DELETE FROM api_request WHERE id = $1";
    ORDERS_AFTER = "SELECT * FROM orders WHERE id > $1 AND ($2 = 0 OR channel_id = $2) ORDER BY id LIMIT $3";
    LISTINGS_AFTER = "SELECT * FROM listing WHERE channel_id = $1 AND remote_id > $2 ORDER BY remote_id LIMIT $3";
    REQUESTS_OLDEST = "SELECT id, created_at FROM api_request ORDER BY id LIMIT $1";
    REQUESTS_DROP = "DELETE FROM api_request WHERE id <= $1";
}

/// How long the answer of a request is kept under its key.
pub const REQUEST_KEPT: Duration = Duration::from_secs(3 * 86_400);

/// How long a try has before another may begin: longer than the web lets any request run.
const TRY: Duration = Duration::from_secs(15);

/// Under this name the screen stands among the programs, so that its forms are remembered as their requests are. No token
/// can be called so; it opens nothing, and it is in no list of tokens.
const SCREEN: &str = "(screen)";

/// Old requests that are looked at at once.
const SWEEP: i64 = 1000;

/// A token as it is made.
#[derive(Clone, Copy, Debug)]
pub struct NewToken<'a> {
    /// What people call the program; the actor `api:NAME` in the ledger and the audit.
    pub name: &'a str,
    /// What it may do, words with blanks between them.
    pub scopes: &'a str,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// Who makes it.
    pub actor: &'a str,
    /// When.
    pub now: Timestamp,
}

/// One try of one request: what its deed's transaction marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestTry {
    id: i64,
    claim: i64,
}

impl RequestTry {
    /// The request's key in the store, the same in each of its tries.
    pub(super) const fn id(self) -> i64 {
        self.id
    }
}

/// What is known of a request under its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reserved {
    /// Nothing was done: this try may do it.
    Fresh(RequestTry),
    /// It was done, and the answer was lost: this try may only say how things stand.
    Done(RequestTry),
    /// It was done and answered.
    Answered {
        /// The HTTP status.
        status: u16,
        /// The body.
        body: String,
    },
    /// Another try is at it.
    Running,
    /// The key belongs to another request.
    Other,
}

#[derive(sqlx::FromRow)]
struct Known {
    id: i64,
    digest: String,
    claim: i64,
    claimed_until: i64,
    done: bool,
    status: Option<i64>,
    body: Option<String>,
    created_at: i64,
}

impl TokenRow {
    /// Whether the token opens anything at this time.
    #[must_use]
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| end > now.0)
    }
}

impl Store {
    /// Makes a token and returns its text, which is kept nowhere.
    ///
    /// Errors: [`StoreError::Refused`] for a name that cannot be one, or that a token has or had.
    pub async fn add_token(&self, new: &NewToken<'_>) -> Result<(TokenRow, String)> {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
        if new.name.is_empty() || new.name.len() > 40 || !new.name.chars().all(fits) {
            return Err(StoreError::Refused(both!(
                "{name:?} cannot be a token's name: up to 40 of a-z, 0-9, dot, hyphen and underscore",
                "「{name}」はトークン名に使えません。英小文字・数字・ . - _ の40文字までです",
                name = new.name
            )));
        }
        let text = format!("banto_{}", keys::Token::new().0);
        let mut write = self.write().await?;
        if write.tx.first::<TokenRow>(TOKEN_BY_NAME, args![new.name]).await?.is_some() {
            return Err(StoreError::Refused(both!(
                "a token is or was called {name:?}",
                "トークン名「{name}」はすでに使われています",
                name = new.name
            )));
        }
        let row = TokenRow {
            id: write.id(),
            name: new.name.to_owned(),
            digest: digest(&text),
            scopes: new.scopes.to_owned(),
            created_by: new.actor.to_owned(),
            created_at: new.now.0,
            expires_at: new.expires_at.map(|t| t.0),
            used_at: None,
            revoked_at: None,
        };
        tables::insert(&mut write.tx, std::slice::from_ref(&row)).await?;
        write.audit(new.actor, "token_add", new.name, new.scopes, new.now).await?;
        write.commit().await?;
        Ok((row, text))
    }

    /// All tokens, revoked ones too, oldest first.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn tokens(&self) -> Result<Vec<TokenRow>> {
        self.db.all(TOKENS, args![SCREEN]).await
    }

    /// Takes a token its power.
    ///
    /// Errors: [`StoreError::NotFound`] if no valid token has that name.
    pub async fn revoke_token(&self, name: &str, actor: &str, now: Timestamp) -> Result<()> {
        let mut write = self.write().await?;
        if write.tx.run(TOKEN_REVOKE, args![name, now.0]).await? == 0 {
            return Err(StoreError::NotFound(both!(
                "no token is called {name:?}, or it was revoked before; `banto tokens list` shows them",
                "トークン「{name}」はないか、すでに無効です"
            )));
        }
        write.audit(actor, "token_revoke", name, "", now).await?;
        write.commit().await
    }

    /// The valid token of that text, if it is one.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn token(&self, text: &str, now: Timestamp) -> Result<Option<TokenRow>> {
        let row: Option<TokenRow> = self.db.first(TOKEN_BY_DIGEST, args![&digest(text)]).await?;
        Ok(row.filter(|token| token.is_valid(now)))
    }

    /// Notes that a token was used.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn token_used(&self, id: i64, now: Timestamp) -> Result<()> {
        let mut tx = self.db.begin_queue().await?;
        tx.run(TOKEN_USED, args![id, now.0]).await?;
        tx.commit().await
    }
}

/// What programs read page by page.
impl Store {
    /// Orders that came in after the one with the key `after`, oldest first, of one channel or of all.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn orders_after(
        &self,
        channel: Option<ChannelId>,
        after: OrderId,
        limit: i64,
    ) -> Result<Vec<OrderRow>> {
        self.db.all(ORDERS_AFTER, args![after, channel.unwrap_or(0), limit]).await
    }

    /// Listings of a channel by its keys of them: those after `after`, at most `limit`.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn listings_after(
        &self,
        channel: ChannelId,
        after: &str,
        limit: i64,
    ) -> Result<Vec<ListingRow>> {
        self.db.all(LISTINGS_AFTER, args![channel, after, limit]).await
    }
}

/// Requests.
impl Store {
    /// Takes a token's request under its key, unless it was taken before. `digest` is that of all it says.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn reserve_request(
        &self,
        token: i64,
        key: &str,
        digest: &str,
        now: Timestamp,
    ) -> Result<Reserved> {
        let mut write = self.write().await?;
        let mut known: Option<Known> = write.tx.first(REQUEST, args![token, key]).await?;
        if let Some(old) = known.take_if(|k| Timestamp(k.created_at).plus(REQUEST_KEPT) < now) {
            write.tx.run(REQUEST_FORGET, args![old.id]).await?;
        }
        let Some(known) = known else {
            let id = write.new_request((token, key), digest, now).await?;
            write.commit().await?;
            return Ok(Reserved::Fresh(RequestTry { id, claim: 1 }));
        };
        let reserved = match known.status.and_then(|status| u16::try_from(status).ok()) {
            _ if known.digest != digest => return Ok(Reserved::Other),
            Some(status) => return Ok(Reserved::Answered { status, body: known.body.unwrap_or_default() }),
            None if known.claimed_until > now.0 => return Ok(Reserved::Running),
            None => RequestTry { id: known.id, claim: known.claim + 1 },
        };
        write.tx.run(REQUEST_CLAIM, args![known.id, now.plus(TRY).0]).await?;
        write.commit().await?;
        Ok(if known.done { Reserved::Done(reserved) } else { Reserved::Fresh(reserved) })
    }

    /// Takes what a form of the screen sends under the key that was made when it was opened, as
    /// [`Store::reserve_request`] does for a token.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn reserve_form(&self, key: &str, digest: &str, now: Timestamp) -> Result<Reserved> {
        let screen = match self.db.first::<TokenRow>(TOKEN_BY_NAME, args![SCREEN]).await? {
            Some(row) => row.id,
            None => self.name_screen(now).await?,
        };
        self.reserve_request(screen, key, digest, now).await
    }

    async fn name_screen(&self, now: Timestamp) -> Result<i64> {
        let mut write = self.write().await?;
        if let Some(row) = write.tx.first::<TokenRow>(TOKEN_BY_NAME, args![SCREEN]).await? {
            return Ok(row.id);
        }
        let row = TokenRow {
            id: write.id(),
            name: SCREEN.to_owned(),
            // No text has an empty digest.
            digest: String::new(),
            scopes: String::new(),
            created_by: "daemon".to_owned(),
            created_at: now.0,
            expires_at: None,
            used_at: None,
            revoked_at: Some(now.0),
        };
        tables::insert(&mut write.tx, std::slice::from_ref(&row)).await?;
        write.commit().await?;
        Ok(row.id)
    }

    /// The store as one try of a request writes to it: its next write marks the request as done and is refused when
    /// another try has done it, and it is the only one.
    #[must_use]
    pub fn once(&self, request: RequestTry) -> Self {
        Self { request: Some(request), ..self.clone() }
    }

    /// Keeps the answer of a request that was done. One that was not done is forgotten, and may be tried again under
    /// the same key.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn end_request(&self, request: RequestTry, status: u16, body: &str) -> Result<()> {
        let RequestTry { id, claim } = request;
        let mut tx = self.db.begin_queue().await?;
        if tx.run(REQUEST_ANSWERED, args![id, claim, i64::from(status), body]).await? == 0 {
            tx.run(REQUEST_RELEASE, args![id, claim]).await?;
        }
        tx.commit().await
    }

    /// Ends a try whose answer is not to be kept. A request that was done stays so, and whoever repeats it is answered
    /// anew; one that was not is forgotten.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn leave_request(&self, request: RequestTry) -> Result<()> {
        let mut tx = self.db.begin_queue().await?;
        if tx.run(REQUEST_LEFT, args![request.id, request.claim]).await? == 0 {
            tx.run(REQUEST_RELEASE, args![request.id, request.claim]).await?;
        }
        tx.commit().await
    }

    /// Forgets requests whose answers were kept long enough. Returns how many.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn forget_requests(&self, now: Timestamp) -> Result<usize> {
        let mut forgotten = 0;
        loop {
            let oldest: Vec<(i64, i64)> = self.db.all(REQUESTS_OLDEST, args![SWEEP]).await?;
            let is_old = |(_, at): &&(i64, i64)| Timestamp(*at).plus(REQUEST_KEPT) < now;
            let old: Vec<i64> = oldest.iter().take_while(is_old).map(|(id, _)| *id).collect();
            let Some(last) = old.last() else { return Ok(forgotten) };
            let mut tx = self.db.begin_queue().await?;
            tx.run(REQUESTS_DROP, args![*last]).await?;
            tx.commit().await?;
            forgotten += old.len();
        }
    }
}

impl Write {
    async fn new_request(&mut self, (token, key): (i64, &str), digest: &str, now: Timestamp) -> Result<i64> {
        let row = tables::RequestRow {
            id: self.id(),
            token_id: token,
            key: key.to_owned(),
            digest: digest.to_owned(),
            claim: 1,
            claimed_until: now.plus(TRY).0,
            done: false,
            status: None,
            body: None,
            created_at: now.0,
        };
        tables::insert(&mut self.tx, std::slice::from_ref(&row)).await?;
        Ok(row.id)
    }

    /// Marks the request that this write does.
    ///
    /// Errors: [`StoreError::Refused`] when another try was faster.
    pub(super) async fn mark_request(&mut self, request: RequestTry) -> Result<()> {
        if self.tx.run(REQUEST_DONE, args![request.id, request.claim]).await? == 1 {
            return Ok(());
        }
        Err(StoreError::Refused(both!(
            "another try of this request has done it meanwhile",
            "同じ操作がすでに行われています"
        )))
    }
}
