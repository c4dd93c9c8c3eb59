//! What people changed: who, when, what, from what to what. Read newest first, in windows, so that a rare word does not
//! read the whole log.

use super::db::args;
use super::sql::texts;
use super::tables::AuditRow;
use super::{Result, Store};

texts! {
    AUDIT_WINDOW = "SELECT * FROM (SELECT * FROM audit WHERE id < $1 ORDER BY id DESC LIMIT $2) w \
        WHERE ($3 = '' OR w.actor = $3) AND ($4 = '' OR w.action = $4) \
        AND ($5 = '' OR LOWER(w.subject || ' ' || w.detail) LIKE $5 ESCAPE '\\') ORDER BY w.id DESC LIMIT $6";
    AUDIT_WINDOW_OF_ACTOR = "SELECT * FROM (SELECT * FROM audit WHERE actor = $3 AND id < $1 ORDER BY id DESC LIMIT $2) w \
        WHERE ($4 = '' OR w.action = $4) \
        AND ($5 = '' OR LOWER(w.subject || ' ' || w.detail) LIKE $5 ESCAPE '\\') ORDER BY w.id DESC LIMIT $6";
    AUDIT_WINDOW_OF_ACTION = "SELECT * FROM (SELECT * FROM audit WHERE action = $4 AND id < $1 ORDER BY id DESC LIMIT $2) w \
        WHERE ($3 = '' OR w.actor = $3) \
        AND ($5 = '' OR LOWER(w.subject || ' ' || w.detail) LIKE $5 ESCAPE '\\') ORDER BY w.id DESC LIMIT $6";
    AUDIT_END = "SELECT CAST(COUNT(*) AS BIGINT), CAST(COALESCE(MIN(id), 0) AS BIGINT) FROM \
        (SELECT id FROM audit WHERE id < $1 ORDER BY id DESC LIMIT $2) w";
    AUDIT_END_OF_ACTOR = "SELECT CAST(COUNT(*) AS BIGINT), CAST(COALESCE(MIN(id), 0) AS BIGINT) FROM \
        (SELECT id FROM audit WHERE actor = $3 AND id < $1 ORDER BY id DESC LIMIT $2) w";
    AUDIT_END_OF_ACTION = "SELECT CAST(COUNT(*) AS BIGINT), CAST(COALESCE(MIN(id), 0) AS BIGINT) FROM \
        (SELECT id FROM audit WHERE action = $3 AND id < $1 ORDER BY id DESC LIMIT $2) w";
    AUDIT_ACTORS = "WITH RECURSIVE words (word) AS (SELECT MIN(actor) FROM audit UNION ALL \
        SELECT (SELECT MIN(a.actor) FROM audit a WHERE a.actor > w.word) FROM words w WHERE w.word IS NOT NULL) \
        SELECT word FROM words WHERE word IS NOT NULL LIMIT 200";
    AUDIT_ACTIONS = "WITH RECURSIVE words (word) AS (SELECT MIN(action) FROM audit UNION ALL \
        SELECT (SELECT MIN(a.action) FROM audit a WHERE a.action > w.word) FROM words w WHERE w.word IS NOT NULL) \
        SELECT word FROM words WHERE word IS NOT NULL LIMIT 200";
}

/// Rows that one page reads at most, whatever it looks for.
const WINDOW: i64 = 10_000;

/// Which changes to list; an empty text asks for all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter<'a> {
    /// Who, as it is written: `user:aki`, `cli:hanako`.
    pub actor: &'a str,
    /// What, as it is written: `order_ship`.
    pub action: &'a str,
    /// A part of what it was done to, or of the note on it.
    pub about: &'a str,
}

/// A page of the audit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditPage {
    /// The changes, newest first.
    pub rows: Vec<AuditRow>,
    /// Where the next page begins; `None` at the end of the log.
    pub next: Option<i64>,
}

impl Store {
    /// A page of changes, newest first: keys below `before`, at most `limit`. It may be short, or empty, with more
    /// behind it, where a long stretch of the log holds none of what is looked for.
    ///
    /// Errors: [`super::StoreError::Sql`].
    pub async fn audit_page(&self, filter: AuditFilter<'_>, before: i64, limit: i64) -> Result<AuditPage> {
        self.audit_window(filter, before, (limit, WINDOW)).await
    }

    async fn audit_window(
        &self,
        filter: AuditFilter<'_>,
        before: i64,
        (limit, window): (i64, i64),
    ) -> Result<AuditPage> {
        let AuditFilter { actor, action, about } = filter;
        let like = if about.is_empty() { String::new() } else { contains(about) };
        let (text, end, key) = match (actor, action) {
            ("", "") => (AUDIT_WINDOW, AUDIT_END, None),
            ("", action) => (AUDIT_WINDOW_OF_ACTION, AUDIT_END_OF_ACTION, Some(action)),
            (actor, _) => (AUDIT_WINDOW_OF_ACTOR, AUDIT_END_OF_ACTOR, Some(actor)),
        };
        let args = args![before, window, actor, action, &like, limit];
        let rows: Vec<AuditRow> = self.db.all(text, args).await?;
        if rows.len() as i64 == limit {
            let next = rows.last().map(|row| row.id);
            return Ok(AuditPage { rows, next });
        }
        let read: Option<(i64, i64)> = match key {
            None => self.db.first(end, args![before, window]).await?,
            Some(key) => self.db.first(end, args![before, window, key]).await?,
        };
        let next = read.filter(|(count, _)| *count == window).map(|(_, lowest)| lowest);
        Ok(AuditPage { rows, next })
    }

    /// Everybody who changed something, as the audit writes them.
    ///
    /// Errors: [`super::StoreError::Sql`].
    pub async fn audit_actors(&self) -> Result<Vec<String>> {
        let rows: Vec<(String,)> = self.db.all(AUDIT_ACTORS, args![]).await?;
        Ok(rows.into_iter().map(|row| row.0).collect())
    }

    /// Every kind of change that happened.
    ///
    /// Errors: [`super::StoreError::Sql`].
    pub async fn audit_actions(&self) -> Result<Vec<String>> {
        let rows: Vec<(String,)> = self.db.all(AUDIT_ACTIONS, args![]).await?;
        Ok(rows.into_iter().map(|row| row.0).collect())
    }
}

/// A pattern of LIKE for what contains a text.
fn contains(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in text.to_lowercase().chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use banto_channel::Timestamp;

    use super::*;

    #[tokio::test]
    async fn a_rare_word_is_found_in_steps() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&format!("sqlite:{}", dir.path().join("a.db").display())).await.unwrap();
        store.migrate().await.unwrap();
        let mut write = store.write().await.unwrap();
        for n in 0..100 {
            let actor = if n % 2 == 0 { "user:aki" } else { "cli:hanako" };
            let subject = if n == 3 { "rare_100%" } else { "common" };
            write.audit(actor, "order_pay", subject, "", Timestamp(n)).await.unwrap();
        }
        write.commit().await.unwrap();
        let look = async |filter: AuditFilter<'_>| {
            let (mut found, mut before, mut pages) = (Vec::new(), i64::MAX, 0);
            loop {
                let page = store.audit_window(filter, before, (7, 10)).await.unwrap();
                found.extend(page.rows.into_iter().map(|row| row.at));
                pages += 1;
                let Some(next) = page.next else { return (found, pages) };
                assert!(next < before, "it goes on");
                before = next;
            }
        };
        let all = AuditFilter::default();
        assert_eq!(look(all).await.0, (0..100).rev().collect::<Vec<_>>());
        assert_eq!(look(AuditFilter { actor: "user:aki", ..all }).await.0.len(), 50);
        let rare = AuditFilter { actor: "cli:hanako", action: "order_pay", about: "RARE_100%" };
        assert_eq!(look(rare).await, (vec![3], 6));
        assert_eq!(look(AuditFilter { about: "rare_100%", ..all }).await, (vec![3], 11));
        assert_eq!(look(AuditFilter { about: "rareX100", ..all }).await.0, [0; 0]);
        assert_eq!(look(AuditFilter { action: "order_ship", ..all }).await, (vec![], 1));
        assert_eq!(store.audit_actors().await.unwrap(), ["cli:hanako", "user:aki"]);
        assert_eq!(store.audit_actions().await.unwrap(), ["order_pay"]);
    }
}
