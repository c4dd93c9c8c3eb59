//! Orders in: `pull_orders` and `reread_orders`.

use banto_channel::{Bilingual, Cursor, Cx, Error, ErrorKind, Page, Read, RemoteOrderId, Result, both};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::cursor::{Ask, State};
use crate::lenient::{Text, or_default};
use crate::model::{Head, Message, Order};
use crate::{Rakuten, parse, time};

/// The newest version of `getOrder` that is documented (ソーシャルギフト対応).
pub(crate) const GET_ORDER_VERSION: u8 = 10;
/// Questions that one pull may put while the answers hold nothing new.
const QUESTIONS: usize = 12;
/// How far the first pull reaches back unless the config says otherwise.
const FIRST_PULL: i64 = 30 * 86_400;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Search {
    date_type: u8,
    start_datetime: String,
    end_datetime: String,
    #[serde(rename = "PaginationRequestModel")]
    paging: Paging,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Paging {
    request_records_amount: u16,
    request_page: u32,
    #[serde(rename = "SortModelList")]
    sort: [Sort; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Sort {
    sort_column: u8,
    sort_direction: u8,
}

/// By the time of placing, oldest first.
const OLDEST_FIRST: [Sort; 1] = [Sort { sort_column: 1, sort_direction: 1 }];

/// What `searchOrder` found.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Found {
    #[serde(rename = "orderNumberList", deserialize_with = "or_default")]
    pub(crate) numbers: Vec<String>,
    #[serde(rename = "PaginationResponseModel", deserialize_with = "or_default")]
    paging: PagingAnswer,
}

/// All null where nothing was found.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct PagingAnswer {
    total_records_amount: Text,
    total_pages: Text,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Numbers<'a> {
    order_number_list: &'a [String],
    version: u8,
}

/// What `getOrder` answers; each order stays text until it is read by itself.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Got {
    #[serde(rename = "MessageModelList", deserialize_with = "or_default")]
    pub(crate) messages: Vec<Message>,
    #[serde(rename = "OrderModelList", deserialize_with = "or_default")]
    pub(crate) orders: Vec<Box<RawValue>>,
}

impl Rakuten {
    pub(crate) async fn pull(&self, cx: &Cx, after: Option<&Cursor>) -> Result<Page<Read>> {
        let now = cx.clock.now().as_secs();
        let overlap = self.settings.overlap;
        let mut state = match after {
            Some(cursor) => State::read(cursor)?,
            None => State::first(self.settings.since.unwrap_or(now - FIRST_PULL), now, overlap),
        };
        let mut items = Vec::new();
        let mut more = true;
        for _ in 0..QUESTIONS {
            let Some(ask) = state.ask(now, overlap) else {
                // A cursor from the future stays what it is.
                let next = after.cloned().map_or_else(|| state.write(now), Ok)?;
                return Ok(Page { items, next, more: false });
            };
            let found = self.search(cx, &ask, self.settings.orders_per_page).await?;
            if state.narrow(found.paging.total_records_amount.whole().unwrap_or(0)) {
                continue;
            }
            let pages = found.paging.total_pages.whole().and_then(|pages| u32::try_from(pages).ok());
            let numbers = state.unread(found.numbers);
            let (reads, placed) = self.read_orders(cx, &numbers).await?;
            items.extend(reads);
            more = state.advance(pages.unwrap_or(0), numbers, &placed);
            if !more || !items.is_empty() {
                break;
            }
        }
        Ok(Page { items, next: state.write(now)?, more })
    }

    pub(crate) async fn search(&self, cx: &Cx, ask: &Ask, size: u16) -> Result<Found> {
        let body = Search {
            date_type: ask.date_type,
            start_datetime: time::stamp(ask.start),
            end_datetime: time::stamp(ask.end),
            paging: Paging { request_records_amount: size, request_page: ask.page, sort: OLDEST_FIRST },
        };
        let request = self.order_call("searchOrder", &body)?.idempotent();
        let response = self.send(cx, request, ("searching orders", "注文の検索")).await?;
        response.json()
    }

    /// Asks for at most 100 orders.
    pub(crate) async fn get_orders(&self, cx: &Cx, numbers: &[String]) -> Result<Got> {
        let body = Numbers { order_number_list: numbers, version: GET_ORDER_VERSION };
        let request = self.order_call("getOrder", &body)?.idempotent();
        let doing = ("reading orders", "注文の取得");
        let response = self.send(cx, request, doing).await?;
        let got: Got = response.json()?;
        match got.orders.is_empty() && got.messages.iter().any(Message::is_error) {
            true => Err(self.refusal(&response, doing)),
            false => Ok(got),
        }
    }

    /// Every order of a search, and when each was placed. One that was found and is not handed out is told as
    /// unreadable, so that a person hears of it.
    async fn read_orders(&self, cx: &Cx, numbers: &[String]) -> Result<(Vec<Read>, Vec<i64>)> {
        let (mut reads, mut placed) = (Vec::with_capacity(numbers.len()), Vec::with_capacity(numbers.len()));
        if numbers.is_empty() {
            return Ok((reads, placed));
        }
        let got = self.get_orders(cx, numbers).await?;
        let mut missing: Vec<&String> = numbers.iter().collect();
        for raw in &got.orders {
            let head: Head = serde_json::from_str(raw.get()).unwrap_or_default();
            missing.retain(|number| *number != head.order_number.as_str());
            placed.extend(time::timestamp(head.order_datetime.as_str()).map(|at| at.as_secs()));
            reads.push(self.read_order(cx, raw.get()).await?);
        }
        for number in missing {
            let said = got.messages.iter().find(|message| message.order_number.as_str() == number);
            let said = said.map_or_else(
                || both!("nothing was said about it", "理由は返されていません"),
                |message| Bilingual::quoted(message.words()),
            );
            reads.push(Read::Unreadable {
                id: Some(RemoteOrderId(number.clone())),
                reason: both!(
                    "searchOrder named it, but getOrder did not hand it out",
                    "searchOrderで見つかった注文をgetOrderで取得できません"
                )
                .with(&said),
                raw: format!("{number}: {said}"),
            });
        }
        placed.sort_unstable();
        Ok((reads, placed))
    }

    async fn read_order(&self, cx: &Cx, raw: &str) -> Result<Read> {
        let order: Order = match serde_json::from_str(raw) {
            Ok(order) => order,
            Err(e) => return Ok(unreadable(raw, both!("{e}", "注文データを読み取れません: {e}"))),
        };
        let paid_at = self.paid_at(cx, &order).await?;
        Ok(match parse::order(&order, raw, paid_at) {
            Ok(order) => Read::Order(Box::new(order)),
            Err(reason) => unreadable(raw, reason),
        })
    }

    pub(crate) async fn reread(&self, cx: &Cx, ids: &[RemoteOrderId]) -> Result<Vec<Read>> {
        let numbers: Vec<String> =
            ids.iter().map(RemoteOrderId::as_str).filter(|id| is_number(id)).map(ToOwned::to_owned).collect();
        let mut reads = Vec::with_capacity(numbers.len());
        if numbers.is_empty() {
            return Ok(reads);
        }
        for raw in self.get_orders(cx, &numbers).await?.orders {
            reads.push(self.read_order(cx, raw.get()).await?);
        }
        Ok(reads)
    }

    /// One order as it stands; `None` if Rakuten does not know it.
    ///
    /// Errors: [`ErrorKind::Malformed`] for an order that cannot be read.
    pub(crate) async fn one_order(&self, cx: &Cx, number: &str) -> Result<Option<Order>> {
        let got = self.get_orders(cx, &[number.to_owned()]).await?;
        let read = |raw: &RawValue| {
            serde_json::from_str(raw.get())
                .map_err(|e| Error::new(ErrorKind::Malformed, format!("order {number} cannot be read: {e}")))
        };
        got.orders.first().map(|raw| read(raw)).transpose()
    }
}

/// Whether a text looks like 123456-20261121-0012345678 (shop, day, count): one that does not would spoil the call for
/// the others.
pub(crate) fn is_number(text: &str) -> bool {
    let digits =
        |part: Option<&str>| part.is_some_and(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()));
    let mut parts = text.split('-');
    digits(parts.next()) && digits(parts.next()) && digits(parts.next()) && parts.next().is_none()
}

fn unreadable(raw: &str, reason: Bilingual) -> Read {
    let head: Head = serde_json::from_str(raw).unwrap_or_default();
    Read::Unreadable { id: head.order_number.some().map(RemoteOrderId), reason, raw: raw.to_owned() }
}
