//! Who may use the screen. Every change is in the audit with what it was from and to, secrets excepted.

use banto_channel::Timestamp;
use serde_json::json;

use super::db::args;
use super::sql::texts;
use super::tables::{self, PersonRow};
use super::{Result, Store, Write, sessions};
use crate::domain::people::{Language, PersonFault, Role, full_name, login_name};

texts! {
    PERSON_ANY = "SELECT id FROM person LIMIT 1";
    PEOPLE = "SELECT * FROM person ORDER BY name LIMIT $1";
    PERSON_BY_ID = "SELECT * FROM person WHERE id = $1";
    PERSON_BY_NAME = "SELECT * FROM person WHERE name = $1";
    PERSON_BY_NAME_ID = "SELECT id FROM person WHERE name = $1";
    PERSON_OTHER_OWNERS = "SELECT id FROM person WHERE role = 'owner' AND disabled_at IS NULL AND id <> $1 LIMIT 1";
    SETUP_CODE_ADD = "INSERT INTO setup_code (id, created_at) VALUES ($1, $2)";
    SETUP_CODE_FIND = "SELECT id FROM setup_code WHERE id = $1";
    SETUP_CODES_DROP = "DELETE FROM setup_code WHERE created_at <= $1";
}

/// Most people that one house lists.
const PEOPLE_MAX: i64 = 1000;
/// How long a code for the set-up is good.
const SETUP_CODE_LASTS: std::time::Duration = std::time::Duration::from_secs(7 * 86_400);

/// Somebody new.
#[derive(Clone, Copy, Debug)]
pub struct NewPerson<'a> {
    /// To log in with; made narrow and lower case.
    pub name: &'a str,
    /// What people see.
    pub full_name: &'a str,
    /// The password's hash, a PHC string.
    pub password: &'a str,
    /// What the person may do.
    pub role: Role,
    /// In which language the person reads.
    pub language: Language,
}

/// Somebody as they were looked at.
#[derive(Clone, Copy, Debug)]
pub struct PersonAt {
    /// The key.
    pub id: i64,
    /// The version that was looked at; `None` changes whatever there is.
    pub version: Option<i64>,
}

/// One-time codes that somebody has shown to have.
#[derive(Clone, Copy, Debug)]
pub struct NewCodes<'a> {
    /// What their secret was derived with, beside the house's key.
    pub salt: &'a str,
    /// Time step of the code that was shown. It is used up: no login takes it, nor one before it.
    pub step: i64,
}

/// A change to somebody.
#[derive(Clone, Debug)]
pub enum PersonChange<'a> {
    /// What the person is called and may do.
    Profile {
        /// What people see.
        full_name: &'a str,
        /// What the person may do.
        role: Role,
    },
    /// In which language the person reads.
    Language(Language),
    /// Another password, by its hash; all logins of the person end but the one whose id is `keep`.
    Password {
        /// A PHC string.
        hash: &'a str,
        /// The login that goes on.
        keep: Option<&'a str>,
    },
    /// One-time codes are asked for from now on, or not any more.
    OneTimeCodes(Option<NewCodes<'a>>),
    /// The person may log in no more, and is logged out.
    Disable,
    /// The person may log in again.
    Enable,
}

impl PersonChange<'_> {
    /// What the audit calls it.
    const fn action(&self) -> &'static str {
        match self {
            Self::Profile { .. } => "user_change",
            Self::Language(_) => "user_language",
            Self::Password { .. } => "user_password",
            Self::OneTimeCodes(Some(_)) => "user_totp_on",
            Self::OneTimeCodes(None) => "user_totp_off",
            Self::Disable => "user_disable",
            Self::Enable => "user_enable",
        }
    }

    fn apply(&self, person: &mut PersonRow, now: Timestamp) -> Result<(), PersonFault> {
        match self {
            Self::Profile { full_name: name, role } => {
                person.full_name = full_name(name)?;
                person.role = role.name().to_owned();
            }
            Self::Language(language) => person.language = language.tag().to_owned(),
            Self::Password { hash, .. } => person.password = (*hash).to_owned(),
            Self::OneTimeCodes(codes) => {
                person.totp = codes.map(|_| String::new());
                person.totp_salt = codes.map(|codes| codes.salt.to_owned());
                person.totp_step = codes.map(|codes| codes.step);
            }
            Self::Disable => person.disabled_at = person.disabled_at.or(Some(now.0)),
            Self::Enable => person.disabled_at = None,
        }
        Ok(())
    }
}

impl PersonRow {
    /// What the person may do; nothing but looking if the store says something unknown.
    #[must_use]
    pub fn role(&self) -> Role {
        Role::from_name(&self.role).unwrap_or(Role::ReadOnly)
    }

    /// In which language the person reads.
    #[must_use]
    pub fn language(&self) -> Language {
        Language::from_tag(&self.language).unwrap_or_default()
    }

    fn is_active_owner(&self) -> bool {
        self.role() == Role::Owner && self.disabled_at.is_none()
    }

    /// What the audit shows: no secret.
    fn state(&self) -> String {
        json!({
            "full_name": self.full_name,
            "role": self.role,
            "language": self.language,
            "one_time_codes": self.totp.is_some(),
            "disabled": self.disabled_at.is_some(),
            "version": self.version,
        })
        .to_string()
    }
}

impl Store {
    /// Whether there is anybody yet.
    ///
    /// Errors: [`super::StoreError::Sql`].
    pub async fn has_people(&self) -> Result<bool> {
        Ok(self.db.first::<(i64,)>(PERSON_ANY, args![]).await?.is_some())
    }

    /// Everybody, by name.
    ///
    /// Errors: [`super::StoreError::Sql`].
    pub async fn people(&self) -> Result<Vec<PersonRow>> {
        self.db.all(PEOPLE, args![PEOPLE_MAX]).await
    }

    /// Somebody by key.
    ///
    /// Errors: [`PersonFault::Nobody`].
    pub async fn person(&self, id: i64) -> Result<PersonRow> {
        Ok(self.db.first(PERSON_BY_ID, args![id]).await?.ok_or(PersonFault::Nobody)?)
    }

    /// Somebody by the name that they log in with, however it was typed.
    ///
    /// Errors: [`super::StoreError::Sql`].
    pub async fn person_called(&self, name: &str) -> Result<Option<PersonRow>> {
        let Ok(name) = login_name(name) else { return Ok(None) };
        self.db.first(PERSON_BY_NAME, args![&name]).await
    }

    /// Adds somebody.
    ///
    /// Errors: [`PersonFault`] when the name cannot be or is taken.
    pub async fn add_person(&self, new: &NewPerson<'_>, actor: &str, now: Timestamp) -> Result<PersonRow> {
        let mut write = self.write().await?;
        let person = write.add_person(new, actor, now).await?;
        write.commit().await?;
        Ok(person)
    }

    /// Makes a code with which the first owner may be made: only its hash is kept, for a week. Whoever can read the
    /// daemon's log or run its commands may have it, and nobody else on the machine.
    ///
    /// Errors: [`PersonFault::SetUpAlready`].
    pub async fn add_setup_code(&self, digest: &str, now: Timestamp) -> Result<()> {
        let mut write = self.write().await?;
        if write.tx.first::<(i64,)>(PERSON_ANY, args![]).await?.is_some() {
            return Err(PersonFault::SetUpAlready.into());
        }
        write.tx.run(SETUP_CODES_DROP, args![now.minus(SETUP_CODE_LASTS).0]).await?;
        write.tx.run(SETUP_CODE_ADD, args![digest, now.0]).await?;
        write.commit().await
    }

    /// Makes the first owner, with a code that [`Store::add_setup_code`] knows. It can happen once.
    ///
    /// Errors: [`PersonFault::SetUpAlready`], [`PersonFault::SetupCode`], or what is wrong with the name.
    pub async fn set_up(&self, owner: &NewPerson<'_>, digest: &str, now: Timestamp) -> Result<PersonRow> {
        let mut write = self.write().await?;
        if write.tx.first::<(i64,)>(PERSON_ANY, args![]).await?.is_some() {
            return Err(PersonFault::SetUpAlready.into());
        }
        write.tx.run(SETUP_CODES_DROP, args![now.minus(SETUP_CODE_LASTS).0]).await?;
        if write.tx.first::<(String,)>(SETUP_CODE_FIND, args![digest]).await?.is_none() {
            return Err(PersonFault::SetupCode.into());
        }
        let owner = NewPerson { role: Role::Owner, ..*owner };
        let person = write.add_person(&owner, "setup", now).await?;
        write.tx.run(SETUP_CODES_DROP, args![i64::MAX]).await?;
        write.commit().await?;
        Ok(person)
    }

    /// Changes somebody. There is always an owner left who can log in.
    ///
    /// Errors: [`PersonFault::Nobody`], [`PersonFault::Changed`], [`PersonFault::LastOwner`], or what is wrong with
    /// the change; nothing was changed then.
    pub async fn change_person(
        &self,
        who: PersonAt,
        change: &PersonChange<'_>,
        actor: &str,
        now: Timestamp,
    ) -> Result<PersonRow> {
        let mut write = self.write().await?;
        let before: Option<PersonRow> = write.tx.first(PERSON_BY_ID, args![who.id]).await?;
        let before = before.ok_or(PersonFault::Nobody)?;
        if who.version.is_some_and(|version| version != before.version) {
            return Err(PersonFault::Changed.into());
        }
        let mut person = before.clone();
        change.apply(&mut person, now)?;
        if person == before {
            return Ok(person);
        }
        person.version += 1;
        let was_last = before.is_active_owner() && !person.is_active_owner();
        if was_last && write.tx.first::<(i64,)>(PERSON_OTHER_OWNERS, args![person.id]).await?.is_none() {
            return Err(PersonFault::LastOwner.into());
        }
        tables::upsert(&mut write.tx, std::slice::from_ref(&person)).await?;
        match change {
            PersonChange::Disable => write.end_sessions(person.id, None).await?,
            PersonChange::Password { keep, .. } => write.end_sessions(person.id, *keep).await?,
            _ => {}
        }
        let states = (before.state(), person.state());
        write.audit_change(actor, change.action(), &person.name, "", (&states.0, &states.1), now).await?;
        write.commit().await?;
        Ok(person)
    }
}

impl Write {
    async fn add_person(&mut self, new: &NewPerson<'_>, actor: &str, now: Timestamp) -> Result<PersonRow> {
        let name = login_name(new.name)?;
        if self.tx.first::<(i64,)>(PERSON_BY_NAME_ID, args![&name]).await?.is_some() {
            return Err(PersonFault::NameTaken(name).into());
        }
        let person = PersonRow {
            id: self.id(),
            full_name: full_name(new.full_name)?,
            password: new.password.to_owned(),
            role: new.role.name().to_owned(),
            language: new.language.tag().to_owned(),
            totp: None,
            totp_step: None,
            totp_salt: None,
            created_at: now.0,
            disabled_at: None,
            last_login_at: None,
            version: 1,
            name,
        };
        tables::insert(&mut self.tx, std::slice::from_ref(&person)).await?;
        self.audit_change(actor, "user_add", &person.name, "", ("", &person.state()), now).await?;
        Ok(person)
    }

    async fn end_sessions(&mut self, person: i64, keep: Option<&str>) -> Result<()> {
        self.tx.run(sessions::SESSIONS_END, args![person, keep.unwrap_or_default()]).await.map(drop)
    }
}
