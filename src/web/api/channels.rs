//! Channels and how they do, and what they offer.

use axum::Json as Answer;
use axum::extract::State;
use banto_channel::Bilingual;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::extract::{Named, Query};
use super::orders::page_size;
use super::shapes::time;
use super::table::{Scope, Table, words};
use super::{Api, Problem};
use crate::store::{ChannelRow, shown};

pub(super) fn routes(table: Table) -> Table {
    table
        .get(
            "/channels",
            Scope::ChannelsRead,
            list,
            words("listChannels", "All channels and how they do").answers::<ChannelList>(),
        )
        .get(
            "/channels/{name}",
            Scope::ChannelsRead,
            show,
            words("getChannel", "One channel and how it does").answers::<Channel>(),
        )
        .get(
            "/channels/{name}/listings",
            Scope::ListingsRead,
            listings,
            words("listListings", "The offers of a channel, with the item that each is")
                .query::<ListingsQuery>()
                .answers::<ListingList>(),
        )
}

/// All channels.
#[derive(Debug, Serialize, ToSchema)]
struct ChannelList {
    channels: Vec<Channel>,
}

/// A channel and how it does.
#[derive(Debug, Serialize, ToSchema)]
struct Channel {
    #[schema(example = "honten")]
    name: String,
    /// The marketplace or shop system.
    #[schema(example = "woocommerce")]
    kind: String,
    /// `live` is written to, `observe` is only read.
    #[schema(example = "live")]
    mode: String,
    /// `ok`, `paused`, `stopped` by the guard, `failing`, `never_pulled`, or `off` in the config.
    #[schema(example = "ok")]
    state: &'static str,
    /// When its orders were read last.
    #[schema(format = DateTime)]
    pulled_at: Option<String>,
    #[schema(format = DateTime)]
    last_order_at: Option<String>,
    /// What stops it, or what its last pull said.
    error: Option<String>,
    #[schema(format = DateTime)]
    credentials_expire: Option<String>,
}

/// Which offers.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListingsQuery {
    /// Only those after this one: `next_after` of the page before.
    after: Option<String>,
    /// At most this many.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<i64>,
}

/// A page of offers.
#[derive(Debug, Serialize, ToSchema)]
struct ListingList {
    listings: Vec<Listing>,
    /// `after` of the next page; nothing when this is the last.
    next_after: Option<String>,
}

/// An offer.
#[derive(Debug, Serialize, ToSchema)]
struct Listing {
    /// The channel's key of it.
    listing: String,
    code: Option<String>,
    gtin: Option<String>,
    title: String,
    /// Whether the channel sells it now.
    active: bool,
    /// Code of the item that it is.
    item: Option<String>,
    /// Units of the item in one unit of it.
    units: i64,
    /// No stock stands behind it.
    ignored: bool,
    /// What it shows as far as we know.
    shows: Option<i64>,
    /// What the last push said.
    error: Option<String>,
}

async fn list(State(api): State<Api>) -> Result<Answer<ChannelList>, Problem> {
    let rows = api.desk.store().channels().await?;
    Ok(Answer(ChannelList { channels: rows.into_iter().map(|row| channel(&api, row)).collect() }))
}

async fn show(State(api): State<Api>, Named(name): Named<String>) -> Result<Answer<Channel>, Problem> {
    let row = api.desk.store().channel(&name).await?;
    Ok(Answer(channel(&api, row)))
}

fn channel(api: &Api, row: ChannelRow) -> Channel {
    let state = match (&row.stopped, &row.pull_error) {
        _ if api.desk.app().running(&row.name).is_none() => "off",
        _ if row.paused => "paused",
        (Some(_), _) => "stopped",
        (None, Some(_)) => "failing",
        (None, None) if row.pulled_at.is_none() => "never_pulled",
        (None, None) => "ok",
    };
    Channel {
        state,
        pulled_at: row.pulled_at.map(time),
        last_order_at: row.last_order_at.map(time),
        error: row.stopped.or(row.pull_error.map(|why| Bilingual::unpacked(&why).en)),
        credentials_expire: row.credentials_expire.map(time),
        name: row.name,
        kind: row.kind,
        mode: row.mode,
    }
}

async fn listings(
    State(api): State<Api>,
    Named(name): Named<String>,
    Query(q): Query<ListingsQuery>,
) -> Result<Answer<ListingList>, Problem> {
    let limit = page_size(q.limit)?;
    let store = api.desk.store();
    let channel = store.channel(&name).await?.id;
    let rows = store.listings_after(channel, q.after.as_deref().unwrap_or(""), limit).await?;
    let items = store.items_of(&rows.iter().filter_map(|row| row.item_id).collect()).await?;
    let full = i64::try_from(rows.len()).is_ok_and(|n| n == limit);
    let next_after = rows.last().filter(|_| full).map(|row| row.remote_id.clone());
    let listing = |row: crate::store::ListingRow| Listing {
        item: row.item_id.and_then(|id| Some(items.get(&id)?.code.clone())),
        shows: shown(&row),
        listing: row.remote_id,
        code: row.code,
        gtin: row.gtin,
        title: row.title,
        active: row.active,
        units: row.per,
        ignored: row.ignored,
        error: row.error.map(|why| Bilingual::unpacked(&why).en),
    };
    Ok(Answer(ListingList { listings: rows.into_iter().map(listing).collect(), next_after }))
}
