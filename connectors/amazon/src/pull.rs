//! Orders in: `pull_orders` and `reread_orders`, by today's Orders API or by v0.

use banto_channel::{Cursor, Cx, Error, ErrorKind, Method, Page, Read, RemoteOrderId, Request, Result, both};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::Amazon;
use crate::calls::{is_missing, percent};
use crate::config::OrdersApi;
use crate::cursor::{Answer, Ask, State};
use crate::limits;
use crate::{parse, time};

/// How far the first pull reaches back unless the config says otherwise.
const FIRST_PULL: i64 = 30 * 86_400;
/// Orders to a page of v0: each costs a call for its items, of which 30 go at once.
const V0_PAGE: u32 = 20;
/// Pages of items of one order of v0, against an answer that never ends.
const V0_ITEM_PAGES: usize = 50;

/// The data sets that are asked for with an order.
const DATA: &str = "PROCEEDS,PROMOTION,CANCELLATION,FULFILLMENT,PACKAGES,PAYMENT";
const PERSONAL_DATA: &str = "BUYER,RECIPIENT,";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Found<'a> {
    #[serde(borrow)]
    orders: Vec<&'a RawValue>,
    #[serde(default)]
    pagination: Option<Pagination>,
    #[serde(default)]
    last_updated_before: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Pagination {
    next_token: Option<String>,
}

#[derive(Deserialize)]
struct One<'a> {
    #[serde(borrow)]
    order: &'a RawValue,
}

/// v0 wraps each answer.
#[derive(Deserialize)]
struct Wrapped<T> {
    payload: T,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct FoundV0<'a> {
    #[serde(borrow)]
    orders: Vec<&'a RawValue>,
    #[serde(default)]
    next_token: Option<String>,
    #[serde(default)]
    last_updated_before: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ItemsV0<'a> {
    #[serde(borrow)]
    order_items: Vec<&'a RawValue>,
    #[serde(default)]
    next_token: Option<String>,
}

/// What the walk must know of an order.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Head {
    #[serde(alias = "LastUpdateDate", alias = "lastUpdatedTime")]
    changed: Option<String>,
    #[serde(alias = "AmazonOrderId", alias = "orderId")]
    id: Option<String>,
}

impl Amazon {
    pub(crate) async fn pull(&self, cx: &Cx, after: Option<&Cursor>) -> Result<Page<Read>> {
        let now = cx.clock.now().as_secs();
        let mut state = match after {
            Some(cursor) => State::read(cursor)?,
            None => State::first(self.settings.since.unwrap_or(now - FIRST_PULL), now),
        };
        let Some(mut ask) = state.ask(now, self.settings.overlap) else {
            return Ok(Page { items: Vec::new(), next: state.write()?, more: false });
        };
        let (items, answer) = match self.page(cx, &ask).await {
            Err(e) if e.kind == ErrorKind::Refused && ask.token.is_some() => {
                ask = state.ask_again(&ask).ok_or(e)?;
                self.page(cx, &ask).await?
            }
            other => other?,
        };
        let more = state.advance(&ask, &answer, now)?;
        Ok(Page { items, next: state.write()?, more })
    }

    async fn page(&self, cx: &Cx, ask: &Ask) -> Result<(Vec<Read>, Answer)> {
        match self.settings.orders_api {
            OrdersApi::Current => self.search(cx, ask).await,
            OrdersApi::V0 => self.search_v0(cx, ask).await,
        }
    }

    /// The question to `searchOrders`.
    pub(crate) fn search_request(&self, ask: &Ask, size: u32) -> Request {
        let settings = &self.settings;
        let request = self
            .request(Method::Get, "/orders/2026-01-01/orders", limits::SEARCH_ORDERS)
            .query("lastUpdatedAfter", time::iso(ask.from))
            .query("marketplaceIds", settings.store.id)
            .query("maxResultsPerPage", size.to_string())
            .query("includedData", self.data());
        let request = match settings.fba_orders {
            true => request,
            false => request.query("fulfilledBy", "MERCHANT"),
        };
        match &ask.token {
            Some(token) => request.query("paginationToken", token),
            None => request,
        }
    }

    fn data(&self) -> String {
        format!("{}{DATA}", if self.settings.personal_data { PERSONAL_DATA } else { "" })
    }

    async fn search(&self, cx: &Cx, ask: &Ask) -> Result<(Vec<Read>, Answer)> {
        let request = self.search_request(ask, self.settings.orders_per_page);
        let response = self.send(cx, request, "reading orders").await?;
        let found: Found<'_> = response.json()?;
        let items = found.orders.iter().map(|raw| parse::current(raw.get(), &self.settings)).collect();
        let token = found.pagination.and_then(|p| p.next_token);
        Ok((items, answer(token, found.last_updated_before.as_deref(), &found.orders)))
    }

    /// The question to `getOrders` of v0. Next to a token the other parameters are not looked at.
    pub(crate) fn search_request_v0(&self, ask: &Ask, size: u32) -> Request {
        let settings = &self.settings;
        let request = self
            .request(Method::Get, "/orders/v0/orders", limits::GET_ORDERS_V0)
            .query("MarketplaceIds", settings.store.id)
            .query("LastUpdatedAfter", time::iso(ask.from))
            .query("MaxResultsPerPage", size.min(V0_PAGE).to_string());
        let request = match settings.fba_orders {
            true => request,
            false => request.query("FulfillmentChannels", "MFN"),
        };
        match &ask.token {
            Some(token) => request.query("NextToken", token),
            None => request,
        }
    }

    async fn search_v0(&self, cx: &Cx, ask: &Ask) -> Result<(Vec<Read>, Answer)> {
        let request = self.search_request_v0(ask, self.settings.orders_per_page);
        let response = self.send(cx, request, "reading orders").await?;
        let Wrapped { payload: found } = response.json::<Wrapped<FoundV0<'_>>>()?;
        let mut items = Vec::with_capacity(found.orders.len());
        for raw in &found.orders {
            items.push(self.with_items_v0(cx, raw.get()).await?);
        }
        Ok((items, answer(found.next_token, found.last_updated_before.as_deref(), &found.orders)))
    }

    async fn with_items_v0(&self, cx: &Cx, order: &str) -> Result<Read> {
        let head: Head = serde_json::from_str(order).unwrap_or_default();
        let Some(id) = head.id.filter(|id| is_order_id(id)) else {
            return Ok(parse::of_v0(order, &[], &self.settings));
        };
        let mut items = Vec::new();
        let mut token: Option<String> = None;
        for _ in 0..V0_ITEM_PAGES {
            let path = format!("/orders/v0/orders/{}/orderItems", percent(&id));
            let request = self.request(Method::Get, &path, limits::GET_ITEMS_V0);
            let request = match &token {
                Some(token) => request.query("NextToken", token),
                None => request,
            };
            let response = self.send(cx, request, "reading the items of an order").await?;
            let Wrapped { payload: page } = response.json::<Wrapped<ItemsV0<'_>>>()?;
            items.extend(page.order_items.iter().map(|raw| raw.get().to_owned()));
            token = page.next_token.filter(|token| !token.is_empty());
            if token.is_none() {
                return Ok(parse::of_v0(order, &items, &self.settings));
            }
        }
        Err(Error::told(
            ErrorKind::Malformed,
            both!(
                "reading the items of order {id}: the pages do not end",
                "注文 {id} の明細の取得: ページが終わりません"
            ),
        ))
    }

    pub(crate) async fn reread(&self, cx: &Cx, ids: &[RemoteOrderId]) -> Result<Vec<Read>> {
        let mut reads = Vec::with_capacity(ids.len());
        for id in ids {
            match self.read_order(cx, id).await {
                Ok(read) => reads.push(read),
                Err(e) if is_missing(&e) => {}
                Err(e) => return Err(e),
            }
        }
        Ok(reads)
    }

    /// One order as it is now.
    ///
    /// Errors: [`ErrorKind::NotFound`] if Amazon knows none of that id.
    pub(crate) async fn read_order(&self, cx: &Cx, id: &RemoteOrderId) -> Result<Read> {
        if !is_order_id(id.as_str()) {
            return Err(Error::told(
                ErrorKind::NotFound,
                both!("{id} is no order id of Amazon", "{id} はAmazonの注文番号ではありません"),
            ));
        }
        match self.settings.orders_api {
            OrdersApi::Current => {
                let response = self.send(cx, self.order_request(id), "reading an order").await?;
                let one: One<'_> = response.json()?;
                Ok(parse::current(one.order.get(), &self.settings))
            }
            OrdersApi::V0 => {
                let response = self.send(cx, self.order_request_v0(id), "reading an order").await?;
                let one: Wrapped<&RawValue> = response.json()?;
                self.with_items_v0(cx, one.payload.get()).await
            }
        }
    }

    fn order_request(&self, id: &RemoteOrderId) -> Request {
        let path = format!("/orders/2026-01-01/orders/{}", percent(id.as_str()));
        self.request(Method::Get, &path, limits::GET_ORDER).query("includedData", self.data())
    }

    fn order_request_v0(&self, id: &RemoteOrderId) -> Request {
        let path = format!("/orders/v0/orders/{}", percent(id.as_str()));
        self.request(Method::Get, &path, limits::GET_ORDER_V0)
    }
}

/// Letters, digits and dashes, as in `250-1234567-8901234` and `S01-1234567-8901234`.
pub(crate) fn is_order_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

fn answer(token: Option<String>, until: Option<&str>, orders: &[&RawValue]) -> Answer {
    let newest = orders.iter().filter_map(|raw| {
        let head: Head = serde_json::from_str(raw.get()).ok()?;
        time::seconds(head.changed.as_deref()?)
    });
    Answer {
        newest: newest.max(),
        token: token.filter(|token| !token.is_empty()),
        until: until.and_then(time::seconds),
    }
}
