//! `banto users`: who may use the screen. Whoever can run commands on the store can always let somebody in again.

use std::io::{BufRead, IsTerminal};

use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;

use super::{Exit, Failure, Globals, House, Outcome, left, utc};
use crate::domain::people::{Language, PersonFault, Role, fit_password, login_name};
use crate::keys;
use crate::store::{NewPerson, PersonAt, PersonChange, PersonRow, StoreError};

/// See and change who may use the screen
#[derive(Args, Debug)]
pub struct Users {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Everybody
    List,
    /// Add somebody; the password is asked for, or read from standard input
    Add {
        /// What the person logs in with: a-z, 0-9, dot, hyphen, underscore
        name: String,
        /// What others see [default: the login name]
        #[arg(long, value_name = "NAME")]
        full_name: Option<String>,
        /// What the person may do
        #[arg(long, value_enum, default_value_t = RoleArg::Staff)]
        role: RoleArg,
        /// In which language the person reads
        #[arg(long, value_enum, default_value_t = LanguageArg::Ja)]
        language: LanguageArg,
    },
    /// Change what somebody may do
    Role {
        /// The login name
        name: String,
        /// What the person may do from now on
        #[arg(value_enum)]
        role: RoleArg,
    },
    /// Give somebody another password and end all their logins
    ResetPassword {
        /// The login name
        name: String,
    },
    /// Ask somebody for no one-time codes any more, because their phone is lost
    ResetTotp {
        /// The login name
        name: String,
    },
    /// Keep somebody out and end all their logins
    Disable {
        /// The login name
        name: String,
    },
    /// Let somebody in again
    Enable {
        /// The login name
        name: String,
    },
    /// Print a code with which the first owner can be made on the screen
    SetupCode,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum RoleArg {
    /// Everything, users included
    Owner,
    /// The daily work
    Staff,
    /// Looking
    ReadOnly,
}

impl From<RoleArg> for Role {
    fn from(role: RoleArg) -> Self {
        match role {
            RoleArg::Owner => Self::Owner,
            RoleArg::Staff => Self::Staff,
            RoleArg::ReadOnly => Self::ReadOnly,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LanguageArg {
    /// Japanese
    Ja,
    /// English
    En,
}

impl From<LanguageArg> for Language {
    fn from(language: LanguageArg) -> Self {
        match language {
            LanguageArg::Ja => Self::Ja,
            LanguageArg::En => Self::En,
        }
    }
}

#[derive(Debug, Serialize)]
struct Listed {
    name: String,
    full_name: String,
    role: String,
    language: String,
    one_time_codes: bool,
    disabled: bool,
    created_at: String,
    last_login_at: Option<String>,
}

fn listed(person: &PersonRow) -> Listed {
    Listed {
        name: person.name.clone(),
        full_name: person.full_name.clone(),
        role: person.role.clone(),
        language: person.language.clone(),
        one_time_codes: person.totp.is_some(),
        disabled: person.disabled_at.is_some(),
        created_at: utc(person.created_at),
        last_login_at: person.last_login_at.map(utc),
    }
}

impl Users {
    pub(super) async fn run(self, globals: &Globals) -> Outcome {
        let house = globals.house().await?;
        match self.what {
            What::List => list(&house).await,
            What::Add { name, full_name, role, language } => {
                let name = login_name(&name).map_err(StoreError::from)?;
                if house.store.person_called(&name).await?.is_some() {
                    return Err(StoreError::from(PersonFault::NameTaken(name)).into());
                }
                let hash = new_password(&name).await?;
                let new = NewPerson {
                    name: &name,
                    full_name: full_name.as_deref().unwrap_or(&name),
                    password: &hash,
                    role: role.into(),
                    language: language.into(),
                };
                let person = house.store.add_person(&new, &house.actor, house.now()).await?;
                told(&house, &person, "added")
            }
            What::Role { name, role } => {
                let person = person(&house, &name).await?;
                let change = PersonChange::Profile { full_name: &person.full_name, role: role.into() };
                change_to(&house, &person, &change, "changed").await
            }
            What::ResetPassword { name } => {
                let person = person(&house, &name).await?;
                let hash = new_password(&person.name).await?;
                let change = PersonChange::Password { hash: &hash, keep: None };
                change_to(&house, &person, &change, "has another password and is logged out everywhere").await
            }
            What::ResetTotp { name } => {
                let person = person(&house, &name).await?;
                let change = PersonChange::OneTimeCodes(None);
                change_to(&house, &person, &change, "is asked for no one-time codes").await
            }
            What::Disable { name } => {
                let person = person(&house, &name).await?;
                change_to(&house, &person, &PersonChange::Disable, "disabled").await
            }
            What::Enable { name } => {
                let person = person(&house, &name).await?;
                change_to(&house, &person, &PersonChange::Enable, "may log in again").await
            }
            What::SetupCode => setup_code(&house).await,
        }
    }
}

async fn person(house: &House, name: &str) -> Result<PersonRow, Failure> {
    house.store.person_called(name).await?.ok_or_else(|| {
        Failure::not_found(format!("nobody is called {name:?}; `banto users list` shows everybody"))
    })
}

async fn change_to(house: &House, person: &PersonRow, change: &PersonChange<'_>, what: &str) -> Outcome {
    let who = PersonAt { id: person.id, version: Some(person.version) };
    let person = house.store.change_person(who, change, &house.actor, house.now()).await?;
    told(house, &person, what)
}

fn told(house: &House, person: &PersonRow, what: &str) -> Outcome {
    house.out.answer(&listed(person), |text| text.line(format!("{}: {what}", person.name)))?;
    Ok(Exit::Ok)
}

async fn list(house: &House) -> Outcome {
    let people = house.store.people().await?;
    let all: Vec<Listed> = people.iter().map(listed).collect();
    house.out.answer(&all, |text| {
        let row = |p: &PersonRow| {
            let state = if p.disabled_at.is_some() { "disabled" } else { "" };
            let codes = if p.totp.is_some() { "yes" } else { "" };
            let last = p.last_login_at.map(|at| text.time(at)).unwrap_or_default();
            [p.name.clone(), p.full_name.clone(), p.role.clone(), codes.to_owned(), last, state.to_owned()]
        };
        let table: Vec<[String; 6]> = people.iter().map(row).collect();
        let heads = [
            left("name"),
            left("full name"),
            left("role"),
            left("one-time codes"),
            left("last login"),
            left("state"),
        ];
        text.table(heads, &table);
    })?;
    Ok(Exit::Ok)
}

#[derive(Debug, Serialize)]
struct SetupCode {
    code: String,
    address: String,
}

async fn setup_code(house: &House) -> Outcome {
    let code = keys::readable_code();
    house.store.add_setup_code(&keys::digest(&code), house.now()).await?;
    let web = &house.config.web;
    let base = web.public_url.clone().unwrap_or_else(|| format!("http://{}", web.listen));
    let address = format!("{}/setup?code={code}", base.trim_end_matches('/'));
    house.out.answer(&SetupCode { code: code.clone(), address: address.clone() }, |text| {
        text.line(&code);
        text.line(format!("make the owner at {address}"));
    })?;
    Ok(Exit::Ok)
}

/// The hash of a password that a person types twice, or that a script gives on standard input.
async fn new_password(name: &str) -> Result<String, Failure> {
    let password = match std::io::stdin().is_terminal() {
        true => {
            let first = rpassword::prompt_password(format!("password of {name}: "))?;
            if first != rpassword::prompt_password("once more: ")? {
                return Err(Failure::refused("the two passwords differ"));
            }
            first
        }
        false => {
            let mut line = String::new();
            std::io::stdin().lock().read_line(&mut line)?;
            line.trim_end_matches(['\r', '\n']).to_owned()
        }
    };
    fit_password(&password, name).map_err(StoreError::from)?;
    Ok(keys::hash_password(password).await?)
}
