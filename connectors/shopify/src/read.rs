//! Orders by their ids, whole.

use banto_channel::{Bilingual, Cx, Error, ErrorKind, Read, RemoteOrderId, Result, both};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use crate::Shopify;
use crate::calls::{Connection, Told};
use crate::documents::{
    Document, ORDER_LINES, ORDER_PARTS, ORDERS_AT_ONCE, PARCEL_LINES, PARTS_AT_ONCE, READ_ORDERS,
    REFUND_LINES,
};
use crate::model::{Fulfillment, Head, LineItem, Order, PartLine, Refund};
use crate::{id, parse};

const DOING: &str = "reading orders";

#[derive(Deserialize)]
struct Nodes<'a> {
    #[serde(borrow)]
    nodes: Vec<Option<&'a RawValue>>,
}

#[derive(Deserialize)]
struct OneOrder<T> {
    order: Option<T>,
}

#[derive(Deserialize)]
struct OneNode<T> {
    node: Option<T>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Lines {
    line_items: Connection<LineItem>,
}

#[derive(Deserialize)]
struct Parts {
    fulfillments: Vec<Fulfillment>,
    refunds: Vec<Refund>,
}

#[derive(Deserialize)]
struct PartLines {
    #[serde(alias = "fulfillmentLineItems", alias = "refundLineItems")]
    lines: Connection<PartLine>,
}

/// An order as it was read, with the texts that it was read from.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) order: Order,
    raw: String,
}

impl Shopify {
    pub(crate) async fn reread(&self, cx: &Cx, ids: &[RemoteOrderId]) -> Result<Vec<Read>> {
        let gids: Vec<String> = ids.iter().filter_map(|order| id::order(order).ok()).collect();
        let read = self.read_orders(cx, &gids).await?;
        Ok(read.into_iter().map(|(_, read)| read).collect())
    }

    /// Reads orders, each with its number. Those that Shopify does not know are left out.
    pub(crate) async fn read_orders(&self, cx: &Cx, gids: &[String]) -> Result<Vec<(u64, Read)>> {
        let mut reads = Vec::with_capacity(gids.len());
        for some in gids.chunks(ORDERS_AT_ONCE) {
            let told = self.ask_with_gaps(cx, READ_ORDERS, &json!({ "ids": some }), DOING).await?;
            let Nodes { nodes } = told.data()?;
            for (at, node) in nodes.iter().enumerate() {
                // Null is an order that was deleted, an empty object something that is no order.
                let Some(raw) = node.map(RawValue::get).filter(|raw| *raw != "{}") else {
                    continue;
                };
                let head: Head = serde_json::from_str(raw).unwrap_or_default();
                let read = self.read_order(cx, raw, withheld(&told, at)).await?;
                reads.push((id::number(&head.id).unwrap_or_default(), read));
            }
        }
        Ok(reads)
    }

    /// Faults that pass by themselves or concern the whole channel end the page; others are this order's.
    async fn read_order(&self, cx: &Cx, raw: &str, withheld: Option<&str>) -> Result<Read> {
        let reason = match self.complete(cx, raw).await {
            Ok(whole) => match parse::order(&whole.order, &whole.raw, withheld, &self.settings) {
                Ok(order) => return Ok(Read::Order(Box::new(order))),
                Err(reason) => reason,
            },
            Err(e) if e.kind.is_temporary() || e.kind == ErrorKind::Auth => return Err(e),
            Err(e) => {
                let said = e.words();
                Bilingual { ja: format!("注文データを読み取れません: {}", said.ja), en: said.en }
            }
        };
        let head: Head = serde_json::from_str(raw).unwrap_or_default();
        let id = id::number(&head.id).map(|number| RemoteOrderId(number.to_string()));
        Ok(Read::Unreadable { id, reason, raw: raw.to_owned() })
    }

    /// One order, whole; `None` if Shopify does not know it.
    pub(crate) async fn whole_order(&self, cx: &Cx, gid: &str) -> Result<Option<Whole>> {
        let told = self.ask_with_gaps(cx, READ_ORDERS, &json!({ "ids": [gid] }), DOING).await?;
        let Nodes { nodes } = told.data()?;
        match nodes.first().copied().flatten().map(RawValue::get).filter(|raw| *raw != "{}") {
            Some(raw) => self.complete(cx, raw).await.map(Some),
            None => Ok(None),
        }
    }

    /// Reads what did not fit into the first answer.
    async fn complete(&self, cx: &Cx, raw: &str) -> Result<Whole> {
        let order: Order = serde_json::from_str(raw).map_err(|e| {
            Error::told(ErrorKind::Unexpected, both!("the order does not fit: {e}", "形式が異なります: {e}"))
        })?;
        let mut whole = Whole { order, raw: raw.to_owned() };
        let gid = whole.order.id.clone();
        while whole.order.line_items.page_info.has_next_page {
            let after = whole.order.line_items.page_info.end_cursor.clone();
            let told = self.more(cx, ORDER_LINES, &gid, after, &mut whole.raw).await?;
            let more: OneOrder<Lines> = told.data()?;
            whole.order.line_items.extend(more.order.ok_or_else(gone)?.line_items)?;
        }
        if whole.order.fulfillments.len() >= PARTS_AT_ONCE || whole.order.refunds.len() >= PARTS_AT_ONCE {
            let told = self.more(cx, ORDER_PARTS, &gid, None, &mut whole.raw).await?;
            let parts = told.data::<OneOrder<Parts>>()?.order.ok_or_else(gone)?;
            (whole.order.fulfillments, whole.order.refunds) = (parts.fulfillments, parts.refunds);
        }
        let Whole { order, raw } = &mut whole;
        for parcel in &mut order.fulfillments {
            self.fill(cx, PARCEL_LINES, &parcel.id, &mut parcel.fulfillment_line_items, raw).await?;
        }
        for refund in &mut order.refunds {
            self.fill(cx, REFUND_LINES, &refund.id, &mut refund.refund_line_items, raw).await?;
        }
        Ok(whole)
    }

    async fn fill(
        &self,
        cx: &Cx,
        document: Document,
        gid: &str,
        lines: &mut Connection<PartLine>,
        raw: &mut String,
    ) -> Result<()> {
        while lines.page_info.has_next_page {
            let told = self.more(cx, document, gid, lines.page_info.end_cursor.clone(), raw).await?;
            let more: OneNode<PartLines> = told.data()?;
            lines.extend(more.node.ok_or_else(gone)?.lines)?;
        }
        Ok(())
    }

    /// Asks for a further part of an order, and keeps its text with the order's.
    async fn more(
        &self,
        cx: &Cx,
        document: Document,
        gid: &str,
        after: Option<String>,
        raw: &mut String,
    ) -> Result<Told> {
        let variables = match after {
            Some(after) => json!({ "id": gid, "after": after }),
            None => json!({ "id": gid }),
        };
        let told = self.ask(cx, document, &variables, DOING).await?;
        #[derive(Deserialize)]
        struct Data<'a> {
            #[serde(borrow)]
            data: &'a RawValue,
        }
        let Data { data } = told.response.json()?;
        raw.push('\n');
        raw.push_str(data.get());
        Ok(told)
    }
}

fn gone() -> Error {
    Error::new(ErrorKind::NotFound, "a part of the order was not there any more when it was read")
}

/// Shopify's words for what it withholds of the order at this place of the answer.
fn withheld(told: &Told, at: usize) -> Option<&str> {
    let of_order =
        |path: &[serde_json::Value]| path.get(1).and_then(serde_json::Value::as_u64) == Some(at as u64);
    told.gaps.iter().find(|(path, _)| of_order(path)).map(|(_, message)| message.trim_end_matches('.'))
}
