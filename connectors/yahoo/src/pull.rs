//! Orders in: `pull_orders` and `reread_orders`.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use banto_channel::{Bilingual, Cursor, Cx, Error, ErrorKind, Page, Read, RemoteOrderId, Result};

use crate::Yahoo;
use crate::calls::{Answer, Body, ORDER_INFO, ORDER_LIST};
use crate::cursor::{Look, Row, State};
use crate::parse::{self, FIELDS};
use crate::time;
use crate::xml::{Node, element, group};

/// How far the first pull reaches back unless the config says otherwise.
const FIRST_PULL: i64 = 30 * 86_400;
/// Most rows of one answer of the order list.
const ROWS_MAX: usize = 2_000;
/// Rows that two pages of the list share, since an order that leaves it moves the others forward.
const ROWS_SHARED: usize = 20;
/// Pages of one list; more orders than that within one look are not believed.
const LIST_PAGES: usize = 500;
/// What the list is asked for: whatever moves when an order changes.
const ROW_FIELDS: &str = "OrderId,OrderTime,LastUpdateTime,OrderStatus,PayStatus,SettleStatus,ShipStatus,IsReadOnly,\
                          IsLineGiftShippable";

/// For so many seconds the rows of a look are not listed again for its further pages.
const LISTED_FOR: i64 = 3_600;

/// What the first page of a look listed, kept for its further pages. A restart lists it again.
#[derive(Debug)]
pub(crate) struct Listed {
    begun: i64,
    rows: Vec<Row>,
}

/// Which time a list is limited by.
#[derive(Clone, Copy)]
enum By {
    Ordered,
    Published,
}

impl Yahoo {
    pub(crate) async fn pull(&self, cx: &Cx, after: Option<&Cursor>) -> Result<Page<Read>> {
        let now = cx.clock.now().as_secs();
        let pace = self.settings.pace;
        let mut state = match after {
            Some(cursor) => State::read(cursor)?,
            None => State::first(self.settings.since.unwrap_or(now - FIRST_PULL), now),
        };
        let look = state.look(now, pace);
        let rows = match self.listed_before(look, now) {
            Some(rows) => rows,
            None => self.rows(cx, look).await?,
        };
        let (news, more) = state.choose(look, &rows, self.settings.orders_per_page);
        let mut items = Vec::with_capacity(news.len());
        for row in &news {
            items.extend(self.order(cx, &row.id).await?);
        }
        state.advance(&news, more, now, pace);
        let kept = more.then_some(Listed { begun: look.begun, rows });
        *self.listed.lock().unwrap_or_else(PoisonError::into_inner) = kept;
        Ok(Page { items, next: state.write(now)?, more })
    }

    /// The rows of this look, if an earlier page of it listed them a short while ago. What changed since is left to the
    /// next look anyway.
    fn listed_before(&self, look: Look, now: i64) -> Option<Vec<Row>> {
        let mut listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
        let fits =
            |l: &Listed| !look.is_new && l.begun == look.begun && (0..LISTED_FOR).contains(&(now - l.begun));
        listed.take().filter(fits).map(|listed| listed.rows)
    }

    /// The rows of both lists, each order once.
    async fn rows(&self, cx: &Cx, look: Look) -> Result<Vec<Row>> {
        let mut rows: BTreeMap<String, Row> = BTreeMap::new();
        for by in [By::Ordered, By::Published] {
            let (from, least) = match by {
                By::Ordered => (look.ordered, i64::MIN),
                // It became visible within the window, however old it says it is.
                By::Published => (look.published, look.published),
            };
            for row in self.list(cx, by, from, look.to).await? {
                let changed = row.changed.max(least);
                // A thorough look has it in both lists, and the first tells only what was ordered when.
                rows.entry(row.id.clone())
                    .and_modify(|known| known.changed = known.changed.max(changed))
                    .or_insert(Row { changed, ..row });
            }
        }
        Ok(rows.into_values().collect())
    }

    /// One list, page by page. Oldest order first, so new ones are met at its end.
    async fn list(&self, cx: &Cx, by: By, from: i64, to: i64) -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        let mut start = 1;
        // A window that ends before it begins is a question that Yahoo! refuses.
        for _ in 0..LIST_PAGES {
            if from > to {
                break;
            }
            let answer =
                self.send(cx, ORDER_LIST, self.question(by, (from, to), start), "reading orders").await?;
            let (found, total) = found(&answer)?;
            let count = found.len();
            rows.extend(found);
            if count == 0 || start - 1 + count >= total {
                break;
            }
            start += count.saturating_sub(ROWS_SHARED).max(1);
        }
        Ok(rows)
    }

    fn question(&self, by: By, (from, to): (i64, i64), start: usize) -> Body {
        let name = match by {
            By::Ordered => "OrderTime",
            By::Published => "PublicationTime",
        };
        let condition = [
            element(&format!("{name}From"), &time::stamp(from)),
            element(&format!("{name}To"), &time::stamp(to)),
            // Also what the buyer may still cancel: its goods are taken.
            element("ReadOnlyMode", "2"),
        ];
        let search = [
            element("Result", &ROWS_MAX.to_string()),
            element("Start", &start.to_string()),
            element("Sort", "+order_time"),
            group("Condition", &condition),
            element("Field", ROW_FIELDS),
        ];
        Body::Xml(group("Req", &[group("Search", &search), self.seller()]))
    }

    pub(crate) fn seller(&self) -> String {
        element("SellerId", &self.settings.seller_id)
    }

    /// The answer that describes one order. `None` if Yahoo! does not know it.
    ///
    /// Errors: as every call; what concerns this order alone is [`ErrorKind::Refused`].
    pub(crate) async fn info(&self, cx: &Cx, id: &str) -> Result<Option<Answer>> {
        if !is_order_id(id) {
            return Ok(None);
        }
        let target = group("Target", &[element("OrderId", id), element("Field", FIELDS)]);
        let body = Body::Xml(group("Req", &[target, self.seller()]));
        match self
            .send_loosely(
                cx,
                ORDER_INFO,
                body,
                (format!("reading order {id}").as_str(), format!("注文 {id} の取得").as_str()),
            )
            .await
        {
            Ok(answer) => Ok(Some(answer)),
            Err(e) if e.kind == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// One order. `None` if it is gone; what Yahoo! will not tell about it is unreadable and stops no other order.
    async fn order(&self, cx: &Cx, id: &str) -> Result<Option<Read>> {
        let lost =
            |reason: Bilingual| Read::Unreadable { id: Some(id.into()), raw: reason.en.clone(), reason };
        match self.info(cx, id).await {
            Ok(answer) => Ok(answer.map(|answer| parse::read(&answer, id))),
            Err(e) if e.kind == ErrorKind::Refused => Ok(Some(lost(e.words()))),
            Err(e) => Err(e),
        }
    }

    pub(crate) async fn reread(&self, cx: &Cx, ids: &[RemoteOrderId]) -> Result<Vec<Read>> {
        let mut reads = Vec::with_capacity(ids.len());
        for id in ids {
            reads.extend(self.order(cx, id.as_str()).await?);
        }
        Ok(reads)
    }
}

/// The rows of an answer, and how many there are in all.
fn found(answer: &Answer) -> Result<(Vec<Row>, usize)> {
    let search = answer.root.at("Search");
    let total = search.text("TotalCount").parse().map_err(|_| {
        let start: String = answer.text.chars().filter(|c| !c.is_control()).take(80).collect();
        Error::new(ErrorKind::Malformed, format!("reading orders: the list has no count: {start}"))
    })?;
    let rows = search.all("OrderInfo").filter(|row| !row.text("OrderId").is_empty());
    Ok((rows.map(row).collect(), total))
}

fn row(node: &Node) -> Row {
    let times = ["OrderTime", "LastUpdateTime"].map(|name| time::seconds(node.text(name)));
    Row {
        id: node.text("OrderId").to_owned(),
        // A row without a time can only be told by its text; it comes as often as that changes.
        changed: times.into_iter().flatten().max().unwrap_or(i64::MIN),
        print: print(node),
    }
}

/// 32 bits of FNV-1a over a row's fields but for its place in the list.
fn print(row: &Node) -> u32 {
    let fields = row.children().iter().filter(|field| field.name != "Index");
    let bytes = fields.flat_map(|field| field.name.bytes().chain(field.content().bytes()).chain([0]));
    bytes.fold(0x811c_9dc5, |hash: u32, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// Letters, digits and hyphens, as 注文詳細API documents it.
fn is_order_id(id: &str) -> bool {
    !id.is_empty()
        && id.len() <= 50
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}
