//! `banto tokens`: what the merchant's own programs may do by the HTTP API.

use banto_channel::Timestamp;
use clap::{Args, Subcommand};
use serde::Serialize;

use super::{Exit, Failure, Globals, House, Outcome, left, utc};
use crate::store::{NewToken, TokenRow};
use crate::web::api::Scope;

/// See, make and revoke tokens of the HTTP API
#[derive(Args, Debug)]
pub struct Tokens {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// All tokens, revoked ones too
    List,
    /// Make a token and print it, this once
    Add {
        /// What the program is called: a-z, 0-9, dot, hyphen, underscore
        name: String,
        /// What it may do; may be given more than once
        #[arg(long, value_name = "SCOPE", required = true, value_parser = scope)]
        scope: Vec<Scope>,
        /// Days after which it ends by itself
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..=3650))]
        days: Option<i64>,
    },
    /// Take a token its power
    Revoke {
        /// What the program is called
        name: String,
    },
}

fn scope(word: &str) -> Result<Scope, String> {
    let known = || Scope::ALL.map(Scope::name).join(", ");
    Scope::named(word).ok_or_else(|| format!("{word:?} is no scope; there is {}", known()))
}

#[derive(Debug, Serialize)]
struct Listed {
    name: String,
    scopes: Vec<String>,
    state: &'static str,
    created_at: String,
    created_by: String,
    expires_at: Option<String>,
    used_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

fn listed(house: &House, row: &TokenRow, token: Option<String>) -> Listed {
    Listed {
        name: row.name.clone(),
        scopes: row.scopes.split(' ').map(str::to_owned).collect(),
        state: match row.revoked_at {
            Some(_) => "revoked",
            None if row.is_valid(house.now()) => "valid",
            None => "expired",
        },
        created_at: utc(row.created_at),
        created_by: row.created_by.clone(),
        expires_at: row.expires_at.map(utc),
        used_at: row.used_at.map(utc),
        token,
    }
}

impl Tokens {
    pub(super) async fn run(self, globals: &Globals) -> Outcome {
        let house = globals.house().await?;
        match self.what {
            What::List => list(&house).await,
            What::Add { name, scope, days } => add(&house, &name, &scope, days).await,
            What::Revoke { name } => {
                house.store.revoke_token(&name, &house.actor, house.now()).await?;
                let answer = serde_json::json!({ "name": name, "state": "revoked" });
                house.out.answer(&answer, |text| text.line(format!("{name} can do nothing any more")))?;
                Ok(Exit::Ok)
            }
        }
    }
}

async fn list(house: &House) -> Outcome {
    let rows = house.store.tokens().await?;
    let all: Vec<Listed> = rows.iter().map(|row| listed(house, row, None)).collect();
    house.out.answer(&all, |text| {
        let line = |(one, row): (&Listed, &TokenRow)| {
            let (ends, used) = (text.time_or(row.expires_at, "never"), text.time_or(row.used_at, "never"));
            [one.name.clone(), one.state.to_owned(), row.scopes.clone(), ends, used]
        };
        let table: Vec<[String; 5]> = all.iter().zip(&rows).map(line).collect();
        text.table(["TOKEN", "STATE", "MAY", "ENDS", "LAST USED"].map(left), &table);
    })?;
    Ok(Exit::Ok)
}

async fn add(house: &House, name: &str, scopes: &[Scope], days: Option<i64>) -> Result<Exit, Failure> {
    let now = house.now();
    let words: Vec<&str> = Scope::ALL.into_iter().filter(|s| scopes.contains(s)).map(Scope::name).collect();
    let new = NewToken {
        name,
        scopes: &words.join(" "),
        expires_at: days.map(|days| Timestamp(now.0 + days * 86_400_000_000)),
        actor: &house.actor,
        now,
    };
    let (row, token) = house.store.add_token(&new).await?;
    house.out.answer(&listed(house, &row, Some(token.clone())), |text| {
        text.line(&token);
        text.line(format!("{name} may {}; the token is not shown again", row.scopes));
    })?;
    Ok(Exit::Ok)
}
