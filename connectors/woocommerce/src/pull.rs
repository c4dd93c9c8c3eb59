//! Orders in: `pull_orders` and `reread_orders`.

use banto_channel::{
    Bilingual, Cursor, Cx, Error, ErrorKind, Page, Read, RemoteOrderId, Request, Response, Result, both,
};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use crate::WooCommerce;
use crate::calls::{json, text};
use crate::config::{State as Status, Tracking};
use crate::cursor::{Answer, Ask, State};
use crate::gone::Kinds;
use crate::lenient::List;
use crate::model::{Fulfillment, Head, Order, Refund};
use crate::{parse, time};

/// Questions that one pull may put while the answers hold nothing new.
const QUESTIONS: usize = 10;
/// How far the first pull reaches back unless the config says otherwise.
const FIRST_PULL: i64 = 30 * 86_400;

impl WooCommerce {
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
            let mut ask = state.ask(now, overlap, self.settings.orders_per_page);
            let response = self.list(cx, &mut ask).await?;
            let body = text(&response);
            let rows: Vec<&RawValue> = json(&response, &body)?;
            let seconds = self.take(cx, &rows, &mut state, &mut items).await?;
            let answer = Answer {
                seconds,
                full: is_full(&response, rows.len(), ask.size),
                pages: header(&response, "x-wp-totalpages"),
            };
            more = state.advance(&ask, &answer, now, overlap)?;
            if !more || !items.is_empty() {
                break;
            }
        }
        Ok(Page { items, next: state.write()?, more })
    }

    /// Puts the question. A page that is too large to be taken is asked for in smaller ones, down to a single order.
    async fn list(&self, cx: &Cx, ask: &mut Ask) -> Result<Response> {
        loop {
            match self.send(cx, self.question(ask), "reading orders").await {
                Err(e) if e.kind == ErrorKind::Malformed && ask.size > 1 && !ask.counted => {
                    ask.size = (ask.size / 4).max(1);
                }
                other => return other,
            }
        }
    }

    fn question(&self, ask: &Ask) -> Request {
        let request = self
            .get("orders")
            .query("status", if ask.trash { "trash" } else { "any" })
            .query("orderby", if ask.by_id { "id" } else { "modified" })
            .query("order", "asc")
            .query("dates_are_gmt", "true")
            .query("modified_after", time::gmt(ask.after));
        let request = match ask.before {
            Some(before) => request.query("modified_before", time::gmt(before)),
            None => request,
        };
        request.query("per_page", ask.size.to_string()).query("page", ask.page.to_string())
    }

    /// Reads the rows that are news, and returns the seconds at which all of them changed.
    async fn take(
        &self,
        cx: &Cx,
        rows: &[&RawValue],
        state: &mut State,
        items: &mut Vec<Read>,
    ) -> Result<Vec<i64>> {
        let mut seconds = Vec::with_capacity(rows.len());
        let mut kinds = Kinds::new();
        for row in rows {
            let raw = row.get();
            let head: Head = serde_json::from_str(raw).unwrap_or_default();
            let second = time::seconds(&head.date_modified_gmt.0);
            seconds.extend(second);
            // A row without a date has no place in the memory; it comes again for as long as it is in the window.
            if second.is_none_or(|second| state.is_news(head.id.0, second, fingerprint(raw))) {
                items.extend(self.order(cx, raw, &mut kinds).await?);
            }
        }
        Ok(seconds)
    }

    /// One order, with what has to be asked for separately. `None` for what is no order yet.
    async fn order(&self, cx: &Cx, raw: &str, kinds: &mut Kinds) -> Result<Option<Read>> {
        let mut order: Order<'_> = match serde_json::from_str(raw) {
            Ok(order) => order,
            Err(e) => return Ok(Some(unreadable(raw, both!("{e}", "注文データを読み取れません: {e}")))),
        };
        if self.settings.state(&order.status.0) == Some(Status::Ignore) {
            return Ok(None);
        }
        self.take_off_gone(cx, &mut order, kinds).await?;
        let refunds = match order.refunds.0.is_empty() {
            true => None,
            false => {
                let path = format!("orders/{}/refunds", order.id.0);
                self.side_list(cx, &path, "reading refunds").await?
            }
        };
        let refund_text = refunds.as_ref().map(text).unwrap_or_default();
        let details: List<Refund<'_>> = serde_json::from_str(&refund_text).unwrap_or_default();

        let parcels = match self.has_fulfillments(&order) {
            false => None,
            true => {
                let path = format!("orders/{}/fulfillments", order.id.0);
                self.side_list(cx, &path, "reading fulfilments").await?
            }
        };
        let parcel_text = parcels.as_ref().map(text).unwrap_or_default();
        let fulfillments: List<Fulfillment<'_>> = serde_json::from_str(&parcel_text).unwrap_or_default();

        let read = parse::order(&order, raw, &details.0, &fulfillments.0, &self.settings);
        Ok(Some(match read {
            Ok(order) => Read::Order(Box::new(order)),
            Err(reason) => unreadable(raw, reason),
        }))
    }

    /// A list that belongs to one order. `None` if the shop refuses it for this order alone; faults that pass by
    /// themselves or concern the whole channel end the page.
    async fn side_list(&self, cx: &Cx, path: &str, doing: &str) -> Result<Option<Response>> {
        let asked = self.send(cx, self.get(path).query("per_page", "100"), doing).await;
        match asked {
            Ok(response) => {
                let body = text(&response);
                json::<serde::de::IgnoredAny>(&response, &body)?;
                Ok(Some(response))
            }
            Err(e) if matches!(e.kind, ErrorKind::NotFound | ErrorKind::Refused | ErrorKind::Config) => {
                Ok(None)
            }
            Err(e) => Err(e),
        }
    }

    fn has_fulfillments(&self, order: &Order<'_>) -> bool {
        self.settings.tracking == Tracking::Fulfillments
            && order.meta_text("_fulfillment_status").is_some_and(|status| status != "no_fulfillments")
    }

    pub(crate) async fn reread(&self, cx: &Cx, ids: &[RemoteOrderId]) -> Result<Vec<Read>> {
        let mut missing: Vec<&str> =
            ids.iter().map(RemoteOrderId::as_str).filter(|id| id.parse::<u64>().is_ok()).collect();
        let mut items = Vec::with_capacity(missing.len());
        let mut kinds = Kinds::new();
        for status in ["any", "trash"] {
            if missing.is_empty() {
                break;
            }
            let request = self
                .get("orders")
                .query("status", status)
                .query("include", missing.join(","))
                .query("per_page", "100");
            let response = self.send(cx, request, "reading orders again").await?;
            let body = text(&response);
            let rows: Vec<&RawValue> = json(&response, &body)?;
            for row in rows {
                let head: Head = serde_json::from_str(row.get()).unwrap_or_default();
                let id = head.id.0.to_string();
                if let Some(at) = missing.iter().position(|wanted| *wanted == id) {
                    missing.swap_remove(at);
                    items.extend(self.order(cx, row.get(), &mut kinds).await?);
                }
            }
        }
        Ok(items)
    }
}

/// Whether rows remain behind a page. A host may have lowered the page size, so the total counts where it is given.
fn is_full(response: &Response, rows: usize, asked: u32) -> bool {
    let total: Option<usize> = header(response, "x-wp-total");
    rows > 0 && (rows >= asked as usize || total.is_some_and(|total| total > rows))
}

pub(crate) fn header<T: std::str::FromStr>(response: &Response, name: &str) -> Option<T> {
    response.header(name)?.trim().parse().ok()
}

/// 53 bits of a hash, which a JSON number holds exactly wherever the cursor is looked at.
fn fingerprint(raw: &str) -> u64 {
    let hash = Sha256::digest(raw.as_bytes());
    hash.iter().take(8).fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte)) >> 11
}

fn unreadable(raw: &str, reason: Bilingual) -> Read {
    let head: Head = serde_json::from_str(raw).unwrap_or_default();
    Read::Unreadable {
        id: (head.id.0 > 0).then(|| RemoteOrderId(head.id.0.to_string())),
        reason,
        raw: raw.to_owned(),
    }
}

/// An id of the shop: digits only, so that it cannot change the address it is put into.
///
/// Errors: [`ErrorKind::NotFound`] for anything else.
pub(crate) fn order_id(order: &RemoteOrderId) -> Result<u64> {
    order.as_str().parse().map_err(|_| {
        let words = both!(
            "{number:?} is not an order number of WooCommerce",
            "「{number}」はWooCommerceの注文番号ではありません",
            number = order.as_str()
        );
        Error::told(ErrorKind::NotFound, words)
    })
}
