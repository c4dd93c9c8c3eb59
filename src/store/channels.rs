//! Channels: where each pull stands, who runs it, what stopped it.

use banto_channel::{Cursor, Timestamp, both};

use super::db::args;
use super::tables::{self, ChannelRow, LocationRow, OrderRow, ReservationRow};
use super::{Result, Store, StoreError, Write, sql};
use crate::domain::{LocationId, OrderId};

/// How many orders a channel has brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct OrderCount {
    /// All of them.
    #[sqlx(rename = "all_orders")]
    pub all: i64,
    /// Those of which something may still leave.
    #[sqlx(rename = "open_orders")]
    pub open: i64,
    /// Those on hold.
    #[sqlx(rename = "held_orders")]
    pub held: i64,
}

/// The right to run a channel, for a while. With several daemons on one PostgreSQL, one of them has it.
#[derive(Clone, Debug)]
pub struct Lease<'a> {
    /// Key of the channel.
    pub channel: i64,
    /// Who asks: unique per process.
    pub owner: &'a str,
    /// Until when it is asked for.
    pub until: Timestamp,
}

impl Store {
    /// All channels ever configured, by name.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn channels(&self) -> Result<Vec<ChannelRow>> {
        self.db.all(sql::CHANNELS, args![]).await
    }

    /// One channel.
    ///
    /// Errors: [`StoreError::NotFound`].
    pub async fn channel(&self, name: &str) -> Result<ChannelRow> {
        let row = self.db.first(sql::CHANNEL_BY_NAME, args![name]).await?;
        row.ok_or_else(|| no_channel(name))
    }

    /// Pauses pushes and notices to a channel, or lets them go on, and notes who did. `false` if it stood so already;
    /// nothing was written then.
    ///
    /// Errors: [`StoreError::NotFound`].
    pub async fn pause_channel(&self, name: &str, paused: bool, actor: &str, now: Timestamp) -> Result<bool> {
        let mut write = self.write().await?;
        let row: Option<ChannelRow> = write.tx.first(sql::CHANNEL_BY_NAME, args![name]).await?;
        let row = row.ok_or_else(|| no_channel(name))?;
        if row.paused == paused {
            return Ok(false);
        }
        write.pause_channel(row.id, paused).await?;
        let action = if paused { "pause_channel" } else { "resume_channel" };
        let state = |paused: bool| serde_json::json!({ "paused": paused }).to_string();
        let states = (&*state(row.paused), &*state(paused));
        write.audit_change(actor, action, name, "", states, now).await?;
        write.commit().await?;
        Ok(true)
    }

    /// Open orders of a channel with keys above `after`, oldest first.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn open_orders_of(&self, channel: i64, after: i64, limit: i64) -> Result<Vec<OrderRow>> {
        self.db.all(sql::ORDERS_OPEN_OF_CHANNEL, args![channel, after, limit]).await
    }

    /// Counts a channel's orders; reads all of them.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn order_count(&self, channel: i64) -> Result<OrderCount> {
        Ok(self.db.first(sql::ORDER_COUNTS, args![channel]).await?.unwrap_or_default())
    }

    /// Order lines that wait for goods, oldest order first: those of the first `orders` orders after one.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn shortfalls(&self, after: OrderId, orders: i64) -> Result<Vec<ReservationRow>> {
        self.db.all(sql::SHORTFALLS, args![after, orders]).await
    }

    /// All locations, in the order they were made.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn locations(&self) -> Result<Vec<LocationRow>> {
        self.db.all(sql::LOCATIONS, args![]).await
    }

    /// Takes or renews the right to run a channel; `false` while another daemon has it.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn lease_channel(&self, lease: &Lease<'_>, now: Timestamp) -> Result<bool> {
        let mut tx = self.db.begin_queue().await?;
        let args = args![lease.channel, lease.owner, now.0, lease.until.0];
        let taken = tx.run(sql::CHANNEL_LEASE, args).await? == 1;
        tx.commit().await?;
        Ok(taken)
    }

    /// Gives the right to run a channel back, so that another daemon need not wait for it to run out.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn unlease_channel(&self, channel: i64, owner: &str) -> Result<()> {
        let mut tx = self.db.begin_queue().await?;
        tx.run(sql::CHANNEL_UNLEASE, args![channel, owner]).await?;
        tx.commit().await
    }
}

impl Write {
    /// The channel's row, made if it is new, with the kind and mode of its config.
    ///
    /// Going from observe to live sets `live_since`: orders placed before get no mail from us.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn ensure_channel(
        &mut self,
        name: &str,
        kind: &str,
        live: bool,
        locations: &[LocationId],
        now: Timestamp,
    ) -> Result<ChannelRow> {
        let locations = serde_json::to_string(locations).map_err(StoreError::Json)?;
        let mode = if live { "live" } else { "observe" };
        let found: Option<ChannelRow> = self.tx.first(sql::CHANNEL_BY_NAME, args![name]).await?;
        if let Some(row) = found {
            let since =
                if live { row.live_since.filter(|_| row.mode == "live").or(Some(now.0)) } else { None };
            let configured = ChannelRow {
                mode: mode.to_owned(),
                kind: kind.to_owned(),
                live_since: since,
                locations,
                ..row.clone()
            };
            if configured != row {
                let args = args![row.id, kind, mode, since, &configured.locations];
                self.tx.run(sql::CHANNEL_CONFIGURE, args).await?;
            }
            return Ok(configured);
        }
        let row = ChannelRow {
            id: self.id(),
            name: name.to_owned(),
            kind: kind.to_owned(),
            mode: mode.to_owned(),
            locations,
            paused: false,
            stopped: None,
            approved: false,
            cursor: None,
            created_at: now.0,
            live_since: live.then_some(now.0),
            pulled_at: None,
            pull_error: None,
            pull_failed_since: None,
            last_order_at: None,
            order_gap: None,
            credentials_expire: None,
            owner: None,
            lease_until: None,
            mapped: 0,
            push_asked: 0,
        };
        tables::insert(&mut self.tx, std::slice::from_ref(&row)).await?;
        Ok(row)
    }

    /// The locations of the config, made or renamed as needed; in the order given.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn ensure_locations(&mut self, locations: &[(String, String)]) -> Result<Vec<LocationRow>> {
        let known: Vec<LocationRow> = self.tx.all(sql::LOCATIONS, args![]).await?;
        let mut rows = Vec::new();
        for (code, name) in locations {
            if let Some(row) = known.iter().find(|r| r.code == *code) {
                if row.name != *name {
                    self.tx.run(sql::LOCATION_RENAME, args![row.id, name]).await?;
                }
                rows.push(LocationRow { name: name.clone(), ..row.clone() });
            } else {
                let row = LocationRow { id: self.id(), code: code.clone(), name: name.clone() };
                tables::insert(&mut self.tx, std::slice::from_ref(&row)).await?;
                rows.push(row);
            }
        }
        Ok(rows)
    }

    /// Pauses pushes and notices to a channel, or lets them go on; [`Store::pause_channel`] also notes who did.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn pause_channel(&mut self, channel: i64, paused: bool) -> Result<()> {
        self.tx.run(sql::CHANNEL_SET_PAUSED, args![channel, paused]).await.map(drop)
    }

    /// Notes that the guard stopped pushes (`Some`, why) or that they go on (`None`).
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn stop_channel(&mut self, channel: i64, why: Option<&str>) -> Result<()> {
        self.tx.run(sql::CHANNEL_SET_STOPPED, args![channel, why]).await.map(drop)
    }

    /// Lets the push that the guard stopped go, once.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn approve_push(&mut self, channel: i64) -> Result<()> {
        self.tx.run(sql::CHANNEL_APPROVE, args![channel]).await.map(drop)
    }

    /// Has whoever pushes to the channel look at all of its listings now, also at those that rest after a failure.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn ask_push(&mut self, channel: i64) -> Result<()> {
        self.tx.run(sql::CHANNEL_ASK_PUSH, args![channel]).await.map(drop)
    }

    /// Moves a channel's cursor to where a person wants it; `None` starts from the beginning.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn set_cursor(&mut self, channel: i64, cursor: Option<&Cursor>) -> Result<()> {
        let text = cursor.map(Cursor::as_str);
        self.tx.run(sql::CHANNEL_SET_CURSOR_TEXT, args![channel, text]).await.map(drop)
    }

    /// Notes that a pull failed, and why.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn pull_failed(&mut self, channel: i64, why: &str, now: Timestamp) -> Result<()> {
        self.tx.run(sql::CHANNEL_PULL_FAILED, args![channel, why, now.0]).await.map(drop)
    }

    /// Notes when a channel's credentials run out.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn credentials_expire(&mut self, channel: i64, at: Option<Timestamp>) -> Result<()> {
        self.tx.run(sql::CHANNEL_SET_EXPIRY, args![channel, at.map(|t| t.0)]).await.map(drop)
    }
}

fn no_channel(name: &str) -> StoreError {
    StoreError::NotFound(both!(
        "no channel is called {name:?}; `banto channel list` shows them",
        "「{name}」というチャネルはありません"
    ))
}
