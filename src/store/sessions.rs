//! Who is logged in. A session is found by the hash of its token, in one look-up with the person behind it.

use banto_channel::Timestamp;

use super::db::args;
use super::sql::texts;
use super::tables::{self, PersonRow};
use super::{Result, Store};
use crate::domain::counted::counted;
use crate::domain::people::{Language, PersonFault, Role, SESSION_IDLE, SESSION_LONGEST, session_lasts};

texts! {
    SESSION_ADD = "INSERT INTO session (id, person_id, csrf, created_at, seen_at, expires_at, agent, address) \
        VALUES ($1, $2, $3, $4, $4, $5, $6, $7)";
    SESSION_VISITOR = "SELECT s.id AS session, s.csrf, s.seen_at, s.expires_at, p.id AS person_id, p.name, \
        p.role, p.language, p.disabled_at FROM session s JOIN person p ON p.id = s.person_id WHERE s.id = $1";
    SESSION_SEEN = "UPDATE session SET seen_at = $2 WHERE id = $1 AND seen_at < $2";
    SESSIONS_OF = "SELECT id, created_at, seen_at, expires_at, agent, address FROM session WHERE person_id = $1 \
        ORDER BY seen_at DESC, id LIMIT 200";
    SESSION_END = "DELETE FROM session WHERE id = $1 AND person_id = $2";
    SESSIONS_END = "DELETE FROM session WHERE person_id = $1 AND id <> $2";
    SESSIONS_SWEEP = "DELETE FROM session WHERE expires_at <= $1 OR seen_at <= $2";
    SESSION_PERSON = "SELECT * FROM person WHERE id = $1";
}

/// The session behind a request, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Visitor {
    /// Key of the session: the hash of its token.
    pub session: String,
    /// What every form of the session carries.
    pub csrf: String,
    /// When something was last asked, to the minute.
    pub seen_at: i64,
    /// When the session ends, whatever is asked.
    pub expires_at: i64,
    /// Key of the person.
    pub person_id: i64,
    /// What the person logs in with.
    pub name: String,
    /// Column `role` of the person.
    pub role: String,
    /// Column `language` of the person.
    pub language: String,
    /// Since when the person may not log in.
    pub disabled_at: Option<i64>,
}

impl Visitor {
    /// What the visitor may do.
    #[must_use]
    pub fn role(&self) -> Role {
        Role::from_name(&self.role).unwrap_or(Role::ReadOnly)
    }

    /// In which language the visitor reads.
    #[must_use]
    pub fn language(&self) -> Language {
        Language::from_tag(&self.language).unwrap_or_default()
    }
}

/// One login of a person, to be shown.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct SessionView {
    /// Key: the hash of its token.
    pub id: String,
    /// Since when, microseconds since 1970.
    pub created_at: i64,
    /// When something was last asked.
    pub seen_at: i64,
    /// When it ends, whatever is asked.
    pub expires_at: i64,
    /// What the browser calls itself.
    pub agent: String,
    /// From where it was begun.
    pub address: String,
}

/// A login whose password was right.
#[derive(Clone, Copy, Debug)]
pub struct Login<'a> {
    /// Key of the person.
    pub person: i64,
    /// Time step of the one-time code, if one was asked for.
    pub totp_step: Option<i64>,
    /// Hash of the new token.
    pub session: &'a str,
    /// What every form of the session carries.
    pub csrf: &'a str,
    /// What the browser calls itself.
    pub agent: &'a str,
    /// From where.
    pub address: &'a str,
}

/// Longest text of a browser's name that is kept.
const AGENT_MAX: usize = 200;

impl Store {
    /// Begins a session, and forgets those that have ended by themselves. A one-time code is taken once.
    ///
    /// Errors: [`PersonFault::Nobody`], [`PersonFault::Disabled`], [`PersonFault::OneTimeCode`].
    pub async fn log_in(&self, login: &Login<'_>, now: Timestamp) -> Result<PersonRow> {
        let mut write = self.write().await?;
        let person: Option<PersonRow> = write.tx.first(SESSION_PERSON, args![login.person]).await?;
        let mut person = person.ok_or(PersonFault::Nobody)?;
        if person.disabled_at.is_some() {
            return Err(PersonFault::Disabled.into());
        }
        if person.totp.is_some() {
            let is_new = |step: i64| person.totp_step.is_none_or(|last| step > last);
            person.totp_step =
                Some(login.totp_step.filter(|step| is_new(*step)).ok_or(PersonFault::OneTimeCode)?);
        }
        person.last_login_at = Some(now.0);
        tables::upsert(&mut write.tx, std::slice::from_ref(&person)).await?;
        write.tx.run(SESSIONS_SWEEP, args![now.0, now.minus(SESSION_IDLE).0]).await?;
        let agent: String = login.agent.chars().filter(|c| !c.is_control()).take(AGENT_MAX).collect();
        let expires = now.plus(SESSION_LONGEST).0;
        let args = args![login.session, person.id, login.csrf, now.0, expires, &agent, login.address];
        write.tx.run(SESSION_ADD, args).await?;
        let actor = format!("user:{}", person.name);
        write.audit(&actor, "login", &person.name, login.address, now).await?;
        write.commit().await?;
        Ok(person)
    }

    /// The session of a token's hash, if it lasts and its person may still come in.
    ///
    /// Errors: [`super::StoreError::Sql`].
    pub async fn visitor(&self, session: &str, now: Timestamp) -> Result<Option<Visitor>> {
        let found: Option<Visitor> = self.db.first(SESSION_VISITOR, args![session]).await?;
        Ok(found.filter(|v| {
            v.disabled_at.is_none() && session_lasts(Timestamp(v.seen_at), Timestamp(v.expires_at), now)
        }))
    }

    /// Notes that something was asked in a session.
    ///
    /// Errors: [`super::StoreError::Sql`].
    pub async fn seen(&self, session: &str, now: Timestamp) -> Result<()> {
        // As a lease: nobody computes with it, so the writers' lock of PostgreSQL is not needed.
        let mut tx = self.db.begin_queue().await?;
        tx.run(SESSION_SEEN, args![session, now.0]).await?;
        tx.commit().await
    }

    /// A person's logins, the one that was used last first.
    ///
    /// Errors: [`super::StoreError::Sql`].
    pub async fn sessions_of(&self, person: i64, now: Timestamp) -> Result<Vec<SessionView>> {
        let mut all: Vec<SessionView> = self.db.all(SESSIONS_OF, args![person]).await?;
        all.retain(|s| session_lasts(Timestamp(s.seen_at), Timestamp(s.expires_at), now));
        Ok(all)
    }

    /// Ends one login of a person.
    ///
    /// Errors: [`super::StoreError::Sql`]; one that is not there is no error.
    pub async fn end_session(
        &self,
        person: (i64, &str),
        session: &str,
        actor: &str,
        now: Timestamp,
    ) -> Result<()> {
        let mut write = self.write().await?;
        if write.tx.run(SESSION_END, args![session, person.0]).await? > 0 {
            write.audit(actor, "logout", person.1, "", now).await?;
        }
        write.commit().await
    }

    /// Ends all logins of a person but the one whose key is `keep`.
    ///
    /// Errors: [`super::StoreError::Sql`].
    pub async fn end_sessions(
        &self,
        person: (i64, &str),
        keep: Option<&str>,
        actor: &str,
        now: Timestamp,
    ) -> Result<u64> {
        let mut write = self.write().await?;
        let ended = write.tx.run(SESSIONS_END, args![person.0, keep.unwrap_or_default()]).await?;
        write.audit(actor, "logout_all", person.1, &counted(ended, "session", "sessions"), now).await?;
        write.commit().await?;
        Ok(ended)
    }
}
