//! Orders in: `pull_orders` and `reread_orders`.

use banto_channel::{Bilingual, Cursor, Cx, Error, ErrorKind, Page, Read, RemoteOrderId, Result, both};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::Vendure;
use crate::calls::{Answer, Fault, Question};
use crate::cursor::{Ask, State};
use crate::documents::{NOTE_MARK, ORDER_HEADS, ORDERS, ORDERS_BY_ID};
use crate::model::{Head, Heads, Order, Orders};
use crate::{parse, time};

/// How far the first pull reaches back unless the config says otherwise, in milliseconds.
const FIRST_PULL: i64 = 30 * 86_400_000;
/// Orders in one [`Vendure::reread`].
pub(crate) const REREAD: u16 = 50;

const READING: &str = "reading orders";

#[derive(Serialize)]
struct After<'a> {
    after: String,
    seen: &'a [String],
    take: u32,
}

#[derive(Serialize)]
struct ByIds<'a> {
    ids: &'a [&'a str],
    take: usize,
}

/// The rows of one answer, and where each stands.
struct Rows {
    reads: Vec<Read>,
    places: Vec<(String, i64)>,
    more: bool,
}

impl Vendure {
    pub(crate) async fn pull(&self, cx: &Cx, after: Option<&Cursor>) -> Result<Page<Read>> {
        let now = cx.clock.now().0.div_euclid(1000);
        let mut state = match after {
            Some(cursor) => State::read(cursor)?,
            None => {
                let since = self.settings.since.map_or(now - FIRST_PULL, |since| since.0.div_euclid(1000));
                State::first(since, now)
            }
        };
        let ask = state.ask(now, self.settings.overlap);
        let rows = self.rows(cx, &ask).await?;
        state.advance(&rows.places, rows.more)?;
        Ok(Page { items: rows.reads, next: state.write()?, more: rows.more })
    }

    /// Puts the question. A page that cannot be taken, for its size or because one order in it fails, is asked for in
    /// smaller ones; an order that fails alone is told as unreadable.
    async fn rows(&self, cx: &Cx, ask: &Ask) -> Result<Rows> {
        let mut take = self.settings.orders_per_page;
        loop {
            let variables = self.after(ask, take);
            let answer = self.ask(cx, Question::safe(&self.document(ORDERS), READING), &variables).await;
            match answer {
                Err(e) if e.kind == ErrorKind::Malformed && take > 1 => {}
                Err(e) => return Err(e),
                Ok(answer) => match answer.fault() {
                    Some(fault) if spoils_one(fault) && take == 1 => {
                        return self.unreadable(cx, ask, &answer, fault).await;
                    }
                    Some(fault) if spoils_one(fault) => {}
                    _ => return self.read_rows(&answer),
                },
            }
            take = (take / 4).max(1);
        }
    }

    fn after<'a>(&self, ask: &'a Ask, take: u32) -> After<'a> {
        // "after" leaves its own moment out.
        After { after: time::write(ask.from - 1), seen: &ask.seen, take }
    }

    /// The documents of orders, with the shop's own field for the buyer's note.
    fn document(&self, document: &str) -> String {
        match &self.settings.note_custom_field {
            Some(field) => document.replace(NOTE_MARK, &format!("customFields {{ note: {field} }}")),
            None => document.to_owned(),
        }
    }

    fn read_rows(&self, answer: &Answer) -> Result<Rows> {
        let data: Orders<'_> = answer.data()?;
        let precision = data.global_settings.server_config.money_strategy_precision;
        let rows = data.orders.items;
        let more = data.orders.total_items > rows.len() && !rows.is_empty();
        let places = rows.iter().map(|row| place(row.get())).collect::<Result<_>>()?;
        let reads = rows.iter().filter_map(|row| self.read(row, precision)).collect();
        Ok(Rows { reads, places, more })
    }

    /// One row. `None` for what is no order.
    fn read(&self, row: &RawValue, precision: u32) -> Option<Read> {
        let raw = row.get();
        let order =
            serde_json::from_str::<Order>(raw).map_err(|e| both!("{e}", "注文データを読み取れません: {e}"));
        let read = order.and_then(|order| parse::order(&order, raw, precision, &self.settings));
        match read {
            Ok(order) => order.map(|order| Read::Order(Box::new(order))),
            Err(reason) => {
                let id = serde_json::from_str::<Head>(raw).ok().map(|head| RemoteOrderId(head.id));
                Some(Read::Unreadable { id, reason, raw: raw.to_owned() })
            }
        }
    }

    /// The one order that the shop fails to show; a smaller question tells which it is.
    async fn unreadable(&self, cx: &Cx, ask: &Ask, answer: &Answer, fault: &Fault) -> Result<Rows> {
        let question = Question::safe(ORDER_HEADS, READING);
        let heads: Heads = self.told(cx, question, &self.after(ask, 1)).await?;
        let Some(head) = heads.orders.items.into_iter().next() else {
            return Ok(Rows { reads: Vec::new(), places: Vec::new(), more: false });
        };
        let placed = placed(&head)?;
        let read = Read::Unreadable {
            id: Some(RemoteOrderId(head.id.clone())),
            reason: cannot_show(fault),
            raw: answer.text(),
        };
        Ok(Rows { reads: vec![read], places: vec![(head.id, placed)], more: heads.orders.total_items > 1 })
    }

    pub(crate) async fn reread(&self, cx: &Cx, ids: &[RemoteOrderId]) -> Result<Vec<Read>> {
        let known: Vec<&str> = ids.iter().map(RemoteOrderId::as_str).filter(|id| is_id(id)).collect();
        if known.is_empty() {
            return Ok(Vec::new());
        }
        let answer = self.by_ids(cx, &known).await?;
        if !answer.fault().is_some_and(spoils_one) {
            return self.read_rows(&answer).map(|rows| rows.reads);
        }
        let mut reads = Vec::with_capacity(known.len());
        for id in known {
            let answer = self.by_ids(cx, &[id]).await?;
            match answer.fault() {
                Some(fault) if spoils_one(fault) => reads.push(Read::Unreadable {
                    id: Some(RemoteOrderId::from(id)),
                    reason: cannot_show(fault),
                    raw: answer.text(),
                }),
                _ => reads.extend(self.read_rows(&answer)?.reads),
            }
        }
        Ok(reads)
    }

    async fn by_ids(&self, cx: &Cx, ids: &[&str]) -> Result<Answer> {
        let question = self.document(ORDERS_BY_ID);
        self.ask(cx, Question::safe(&question, "reading orders again"), &ByIds { ids, take: ids.len() }).await
    }
}

/// Whether a text can be an id: digits where Vendure counts, hexadecimal with hyphens where the shop uses UUIDs. Anything
/// else would make PostgreSQL fail the whole question.
pub(crate) fn is_id(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    (1..=64).contains(&text.len()) && text.bytes().all(plain)
}

/// Whether a failure lies within one of the orders: `orders`, `items`, its number.
fn spoils_one(fault: &Fault) -> bool {
    fault.kind() != ErrorKind::Auth && fault.path.len() > 2
}

fn cannot_show(fault: &Fault) -> Bilingual {
    let path: Vec<String> = fault.path.iter().skip(3).map(|p| p.to_string().replace('"', "")).collect();
    both!(
        "the shop cannot show this order ({path}): {said}",
        "この注文をショップから取得できません（{path}）: {said}",
        path = path.join("."),
        said = fault.words()
    )
}

fn place(raw: &str) -> Result<(String, i64)> {
    let head: Head = serde_json::from_str(raw).map_err(|e| {
        Error::new(ErrorKind::Malformed, format!("{READING}: an order without id or date: {e}"))
    })?;
    let placed = placed(&head)?;
    Ok((head.id, placed))
}

fn placed(head: &Head) -> Result<i64> {
    head.order_placed_at
        .as_deref()
        .and_then(time::millis)
        .ok_or_else(|| Error::new(ErrorKind::Malformed, format!("{READING}: order {} has no date", head.id)))
}
