//! Amazon's documented usage plans, one group for each operation. The rate that an answer tells
//! (`x-amzn-RateLimit-Limit`) replaces the one here.

use std::time::Duration;

use banto_channel::Quota;

/// `searchOrders`: one call in three minutes.
pub(crate) const SEARCH_ORDERS: &str = "searchOrders";
/// `getOrder`.
pub(crate) const GET_ORDER: &str = "getOrder";
/// `getOrders` of v0.
pub(crate) const GET_ORDERS_V0: &str = "getOrders v0";
/// `getOrder` of v0.
pub(crate) const GET_ORDER_V0: &str = "getOrder v0";
/// `getOrderItems` of v0.
pub(crate) const GET_ITEMS_V0: &str = "getOrderItems v0";
/// `confirmShipment` of v0, which has no successor yet.
pub(crate) const CONFIRM: &str = "confirmShipment";
/// `patchListingsItem`.
pub(crate) const PATCH_LISTING: &str = "patchListingsItem";
/// `getListingsItem`.
pub(crate) const GET_LISTING: &str = "getListingsItem";
/// `searchListingsItems`.
pub(crate) const SEARCH_LISTINGS: &str = "searchListingsItems";
/// `createFeedDocument`.
pub(crate) const FEED_DOCUMENT: &str = "createFeedDocument";
/// `createFeed` for `JSON_LISTINGS_FEED`: five submissions in five minutes.
pub(crate) const CREATE_FEED: &str = "createFeed";
/// `getFeed`.
pub(crate) const GET_FEED: &str = "getFeed";
/// `getFeedDocument`: one call in 45 seconds.
pub(crate) const GET_FEED_DOCUMENT: &str = "getFeedDocument";

const fn quota(group: &'static str, calls: u32, secs: u64, burst: u32) -> Quota {
    Quota { group, calls, per: Duration::from_secs(secs), burst }
}

/// Rates below one a second are told per 10,000 seconds, so that they are whole.
pub(crate) const QUOTAS: &[Quota] = &[
    quota(SEARCH_ORDERS, 56, 10_000, 20),
    quota(GET_ORDER, 5, 10, 30),
    quota(GET_ORDERS_V0, 167, 10_000, 20),
    quota(GET_ORDER_V0, 5, 10, 30),
    quota(GET_ITEMS_V0, 5, 10, 30),
    quota(CONFIRM, 2, 1, 10),
    quota(PATCH_LISTING, 5, 1, 5),
    quota(GET_LISTING, 5, 1, 10),
    quota(SEARCH_LISTINGS, 5, 1, 5),
    quota(FEED_DOCUMENT, 5, 10, 15),
    quota(CREATE_FEED, 5, 300, 5),
    quota(GET_FEED, 2, 1, 15),
    quota(GET_FEED_DOCUMENT, 222, 10_000, 10),
];
