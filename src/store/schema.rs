//! Which schema a store has, asked before anything relies on it.

use super::db::{Db, args};
use super::{Result, Store, StoreError, sql};

/// A store's schema beside this program's; the numbers are those of the files in `migrations/`, 0 for an empty store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchemaState {
    /// They are the same.
    Current,
    /// The store has to be migrated.
    Older {
        /// The store's.
        at: i64,
        /// This program's.
        program: i64,
    },
    /// A newer banto made it.
    Newer {
        /// The store's.
        at: i64,
        /// This program's.
        program: i64,
    },
}

impl Store {
    /// Compares the store's schema with this program's; changes nothing.
    ///
    /// Errors: [`StoreError::Sql`] when the store does not answer.
    pub async fn schema_state(&self) -> Result<SchemaState> {
        self.db.schema_state().await
    }
}

impl Db {
    pub(super) async fn schema_state(&self) -> Result<SchemaState> {
        let (at, program) = (self.schema_version().await?, Self::newest_migration());
        Ok(match at {
            _ if at < program => SchemaState::Older { at, program },
            _ if at > program => SchemaState::Newer { at, program },
            _ => SchemaState::Current,
        })
    }

    async fn schema_version(&self) -> Result<i64> {
        match self.first::<(i64,)>(sql::SCHEMA_VERSION, args![]).await {
            Ok(row) => Ok(row.map_or(0, |row| row.0)),
            // The table is not there before the first migration: SQLITE_ERROR, or undefined_table.
            Err(StoreError::Sql(sqlx::Error::Database(e)))
                if matches!(e.code().as_deref(), Some("1" | "42P01")) =>
            {
                Ok(0)
            }
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_store_is_older_until_it_is_migrated() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&format!("sqlite:{}", dir.path().join("a.db").display())).await.unwrap();
        let program = Db::newest_migration();
        assert_eq!(store.schema_state().await.unwrap(), SchemaState::Older { at: 0, program });
        store.migrate().await.unwrap();
        assert_eq!(store.schema_state().await.unwrap(), SchemaState::Current);
    }
}
