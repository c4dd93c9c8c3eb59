//! What the store knows of the house's key (`keys::house`): its fingerprint, and whether anything was derived from it.

use super::db::args;
use super::sql::texts;
use super::tables::{self, HouseFactRow};
use super::{Result, Store};

texts! {
    HOUSE_KEY = "SELECT value FROM house_fact WHERE name = 'house_key'";
    HOUSE_KEY_NEEDED = "SELECT id FROM person WHERE totp_salt IS NOT NULL \
        UNION ALL SELECT id FROM webhook WHERE salt IS NOT NULL LIMIT 1";
}

/// Under this name the fingerprint stands.
const NAME: &str = "house_key";

impl Store {
    /// The fingerprint of the key from which the secrets are derived; `None` before there was one.
    ///
    /// Errors: [`super::StoreError::Sql`].
    pub async fn house_key(&self) -> Result<Option<String>> {
        Ok(self.db.first::<(String,)>(HOUSE_KEY, args![]).await?.map(|row| row.0))
    }

    /// Whether there is a secret that was derived from the key.
    ///
    /// Errors: [`super::StoreError::Sql`].
    pub async fn needs_house_key(&self) -> Result<bool> {
        Ok(self.db.first::<(i64,)>(HOUSE_KEY_NEEDED, args![]).await?.is_some())
    }

    /// Takes the key of this fingerprint as the house's. Whether it is: while there are secrets of another one, that one
    /// stays.
    ///
    /// Errors: [`super::StoreError::Sql`].
    pub async fn take_house_key(&self, fingerprint: &str) -> Result<bool> {
        if self.house_key().await?.is_some_and(|known| known == fingerprint) {
            return Ok(true);
        }
        let mut write = self.write().await?;
        if write.tx.first::<(i64,)>(HOUSE_KEY_NEEDED, args![]).await?.is_some() {
            return Ok(false);
        }
        let fact = HouseFactRow { name: NAME.to_owned(), value: fingerprint.to_owned() };
        tables::upsert(&mut write.tx, &[fact]).await?;
        write.commit().await?;
        Ok(true)
    }
}
