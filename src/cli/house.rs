//! What most commands need: the config, the open store, the clock, who asks, and the way to answer.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use banto_channel::{Clock, Timestamp};

use super::{Exit, Failure, Out};
use crate::clock::SystemClock;
use crate::config::Config;
use crate::store::{LocationRow, OrderRow, SchemaState, Store};

/// The house as a command finds it.
#[derive(Debug)]
pub struct House {
    /// The config.
    pub config: Config,
    /// The store, with this program's schema.
    pub store: Store,
    /// Who asks, for the ledger and the audit: `cli:hanako`.
    pub actor: String,
    /// Answers.
    pub out: Out,
    clock: SystemClock,
}

impl House {
    /// Opens the store that the config names. Commands do not migrate: that is for `banto migrate` and `banto run`,
    /// which whoever upgrades starts knowingly.
    ///
    /// Errors: [`Exit::Store`], also when its schema is older than this program's; [`Exit::Refused`] when there is no
    /// store yet.
    pub async fn open(config: Config, json: bool) -> Result<Self, Failure> {
        let store = open_store(&config).await?;
        Ok(Self {
            out: Out::new(json, config.zone.clone()),
            store,
            actor: actor(),
            clock: SystemClock::new(Duration::ZERO),
            config,
        })
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The order that a person named: `CHANNEL/NUMBER`, a number that only one order has, or `#ID`.
    ///
    /// Errors: [`super::Exit::NotFound`]; [`super::Exit::Refused`] when a number stands for several.
    pub async fn order(&self, order: &str) -> Result<OrderRow, Failure> {
        Ok(self.store.find_order(order).await?)
    }

    /// The location of that code; without one, the first location of the config.
    ///
    /// Errors: [`super::Exit::NotFound`].
    pub async fn location(&self, code: Option<&str>) -> Result<LocationRow, Failure> {
        let all = self.locations().await?;
        let known = || all.iter().map(|l| l.code.as_str()).collect::<Vec<_>>().join(", ");
        let Some(code) = code else {
            let first = all.first().cloned();
            return first.ok_or_else(|| Failure::not_found("the config names no location (shop.locations)"));
        };
        let found = all.iter().find(|l| l.code == code).cloned();
        found.ok_or_else(|| {
            Failure::not_found(format!("no location is called {code:?}; there is {}", known()))
        })
    }

    /// The locations of the config, in its order; made in the store if they are new.
    ///
    /// Errors: [`super::Exit::Store`].
    pub async fn locations(&self) -> Result<Vec<LocationRow>, Failure> {
        let named: Vec<_> =
            self.config.shop.locations.iter().map(|l| (l.code.clone(), l.name.clone())).collect();
        let known = self.store.locations().await?;
        let as_stored =
            |(code, name): &(String, String)| known.iter().find(|l| l.code == *code && l.name == *name);
        if let Some(rows) = named.iter().map(|n| as_stored(n).cloned()).collect() {
            return Ok(rows);
        }
        let mut write = self.store.write().await?;
        let rows = write.ensure_locations(&named).await?;
        write.commit().await?;
        Ok(rows)
    }
}

/// Opens the store that the config names, which must be there and have all of this program's schema.
///
/// Errors: [`Exit::Store`], [`Exit::Refused`], [`Exit::Config`].
pub async fn open_store(config: &Config) -> Result<Store, Failure> {
    let url = config.store_url()?;
    // Opening would make an empty file where a typing slip points.
    if let Some(path) = url.expose().strip_prefix("sqlite:").filter(|p| !Path::new(p).exists()) {
        return Err(Failure::refused(format!(
            "there is no store at {path} yet; `banto migrate` or the first `banto run` makes it"
        )));
    }
    let store = Store::open(url.expose()).await?;
    must_fit(store.schema_state().await?)?;
    Ok(store)
}

/// Whether this program can work on a store with such a schema: its own, or one to which a newer release has added
/// (migrations/README.md); not one that lacks something.
///
/// Errors: [`super::Exit::Store`].
pub(super) fn must_fit(state: SchemaState) -> Result<(), Failure> {
    match state {
        SchemaState::Current | SchemaState::Newer { .. } => Ok(()),
        SchemaState::Older { at, program } => Err(Failure::new(
            Exit::Store,
            format!(
                "the store's schema is {at}, this banto needs {program}; make a backup, then `banto migrate` brings it up"
            ),
        )),
    }
}

/// Who asks, for the ledger and the audit: `cli:hanako`.
pub(super) fn actor() -> String {
    format!("cli:{}", os_user())
}

/// Whoever started this process; behind `sudo`, the person before it.
fn os_user() -> String {
    let named = |key| std::env::var(key).ok().filter(|name| !name.is_empty());
    let uid = std::fs::metadata("/proc/self").map(|m| m.uid()).ok();
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let own = uid.and_then(|uid| user_of(uid, &passwd));
    let before_sudo = named("SUDO_USER").filter(|_| uid == Some(0));
    before_sudo.or(own).or_else(|| named("USER")).unwrap_or_else(|| "unknown".to_owned())
}

/// The name of a user in the text of passwd(5).
fn user_of(uid: u32, passwd: &str) -> Option<String> {
    let uid = uid.to_string();
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == uid).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_of_a_number() {
        let passwd = "root:x:0:0:root:/:/bin/bash\nbroken\nhanako:x:1000:1000:花子:/var/empty:/bin/sh\n";
        assert_eq!(user_of(1000, passwd).as_deref(), Some("hanako"));
        assert_eq!(user_of(0, passwd).as_deref(), Some("root"));
        assert_eq!(user_of(10, passwd), None);
        assert!(!os_user().is_empty());
    }
}
