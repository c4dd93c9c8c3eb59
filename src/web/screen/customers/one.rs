//! One customer: orders of all shops, what is known, and what people do.

use std::collections::BTreeSet;

use askama::Template;
use axum::extract::{Form, Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Redirect, Response};
use banto_channel::{Bilingual, both};
use serde::Deserialize;

use super::CustomerCell;
use crate::domain::counted::counted;
use crate::domain::order::{fulfilment_from, fulfilment_in_words};
use crate::domain::timeline::hold_in_words;
use crate::store::{
    ChannelRow, CustomerAct, CustomerFilter, CustomerKeyRow, CustomerNoteRow, CustomerRow, CustomerTotal,
    CustomerView, OrderRow, TOTALS_OF,
};
use crate::web::screen::{Desk, Fault, Page, Section, Visit, done, html};

/// Orders on one page.
const ORDERS: i64 = 50;
/// Customers that a merge offers.
const OFFERS: usize = 20;

/// An order as a customer's page shows it.
#[derive(Clone, Debug)]
pub(super) struct OrderCell {
    pub id: i64,
    pub number: String,
    pub channel: String,
    pub placed_at: i64,
    pub total: i64,
    pub currency: String,
    /// The state in words, and its chip's class.
    pub state: (String, &'static str),
    pub unpaid: bool,
    pub hold: Option<String>,
}

/// Something that was done or noted.
#[derive(Clone, Debug)]
pub(super) struct NoteCell {
    pub at: i64,
    pub what: String,
    pub text: String,
    pub by: String,
}

#[derive(Template)]
#[template(path = "customer.html", config = "src/web/askama.toml")]
pub(super) struct CustomerPage {
    pub p: Page,
    pub who: CustomerCell,
    pub version: i64,
    pub orders: Vec<OrderCell>,
    pub totals: Vec<CustomerTotal>,
    /// The totals are of so many of the newest orders only.
    pub totals_of: Option<i64>,
    pub notes: Vec<NoteCell>,
    /// By what the person is known again, in words.
    pub keys: Vec<(String, String)>,
    pub apart: Vec<CustomerCell>,
    pub next: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Older {
    before: Option<i64>,
}

pub(super) async fn show(
    State(desk): State<Desk>,
    visit: Visit,
    Path(id): Path<i64>,
    Query(older): Query<Older>,
) -> Result<Response, Fault> {
    let view = desk.store().customer_view(id, older.before.unwrap_or(i64::MAX), ORDERS).await?;
    if let Some(home) = view.customer.merged_into {
        return Ok(Redirect::to(&format!("/customers/{home}")).into_response());
    }
    let channels = desk.store().channels().await?;
    let name = match view.customer.name.as_str() {
        "" => both!("Customer #{id}", "顧客 #{id}"),
        name => Bilingual::quoted(name),
    };
    html(&page(desk.page(&visit, Section::Customers, &name), view, &channels))
}

pub(super) fn page(p: Page, view: CustomerView, channels: &[ChannelRow]) -> CustomerPage {
    let goes_on = i64::try_from(view.orders.len()).is_ok_and(|n| n == ORDERS);
    let next = view.orders.last().filter(|_| goes_on);
    CustomerPage {
        next: next.map(|order| format!("/customers/{}?before={}", view.customer.id, order.id)),
        version: view.customer.version,
        totals_of: (view.customer.orders > TOTALS_OF).then_some(TOTALS_OF),
        orders: view.orders.into_iter().map(|order| order_cell(&p, order, channels)).collect(),
        totals: view.totals,
        notes: view.notes.into_iter().map(|note| note_cell(&p, note)).collect(),
        keys: view.keys.iter().map(|key| key_words(&p, key)).collect(),
        apart: view.apart.into_iter().map(CustomerCell::from).collect(),
        who: CustomerCell::from(view.customer),
        p,
    }
}

fn order_cell(p: &Page, row: OrderRow, channels: &[ChannelRow]) -> OrderCell {
    let class = match row.fulfilment.as_str() {
        "shipped" => "ok",
        "partial" => "info",
        "cancelled" => "quiet",
        _ => "",
    };
    let words = fulfilment_from(&row.fulfilment).map(fulfilment_in_words);
    let state = (p.say(&words.unwrap_or_else(|| Bilingual::quoted(&row.fulfilment))), class);
    OrderCell {
        id: row.id,
        channel: channels.iter().find(|c| c.id == row.channel_id).map(|c| c.name.clone()).unwrap_or_default(),
        unpaid: row.open && matches!(row.payment.as_str(), "awaiting" | "partial" | "failed"),
        number: row.number,
        placed_at: row.placed_at,
        total: row.grand_total,
        currency: row.currency,
        state,
        hold: row.hold.as_deref().map(|why| p.say(&hold_in_words(why))),
    }
}

fn note_cell(p: &Page, note: CustomerNoteRow) -> NoteCell {
    let what = match note.kind.as_str() {
        "blocked" => ("blocked", "取引停止"),
        "unblocked" => ("unblocked", "取引停止を解除"),
        "joined" => ("found to be the same person", "同一人物として自動で統合"),
        "merged" => ("merged", "統合"),
        "split" => ("split", "分割"),
        "exported" => ("personal data exported", "個人情報を書き出し"),
        "erased" => ("personal data erased", "個人情報を削除"),
        _ => ("note", "メモ"),
    };
    NoteCell { at: note.at, what: p.t(what.0, what.1).to_owned(), text: note.text, by: note.actor }
}

fn key_words(p: &Page, key: &CustomerKeyRow) -> (String, String) {
    let (kind, text) = key.key.split_once(':').unwrap_or(("", key.key.as_str()));
    let what = match kind {
        "m" => ("Mail address", "メールアドレス"),
        "r" => ("Masked mail address", "マスクされたアドレス"),
        "a" => ("Name and address", "氏名と住所"),
        _ => ("Phone", "電話番号"),
    };
    (p.t(what.0, what.1).to_owned(), text.replace('|', " · "))
}

/// The version that the person saw who acts.
#[derive(Debug, Deserialize)]
pub(super) struct Seen {
    version: i64,
    #[serde(default)]
    text: String,
}

fn act<'a>(desk: &Desk, actor: &'a str, customer: i64, version: i64) -> CustomerAct<'a> {
    CustomerAct { customer, version, actor, now: desk.now() }
}

fn back(id: i64) -> String {
    format!("/customers/{id}")
}

pub(super) async fn note(
    State(desk): State<Desk>,
    visit: Visit,
    Path(id): Path<i64>,
    Form(seen): Form<Seen>,
) -> Result<Response, Fault> {
    desk.store().note_customer(&act(&desk, &visit.actor(), id, seen.version), &seen.text).await?;
    Ok(done(&visit, &back(id), &both!("Noted", "メモを追加しました")))
}

pub(super) async fn block(
    State(desk): State<Desk>,
    visit: Visit,
    Path(id): Path<i64>,
    Form(seen): Form<Seen>,
) -> Result<Response, Fault> {
    desk.store().block_customer(&act(&desk, &visit.actor(), id, seen.version), &seen.text).await?;
    let what = both!("Blocked: new orders wait on hold", "取引停止にしました。新しい受注は保留になります");
    Ok(done(&visit, &back(id), &what))
}

pub(super) async fn unblock(
    State(desk): State<Desk>,
    visit: Visit,
    Path(id): Path<i64>,
    Form(seen): Form<Seen>,
) -> Result<Response, Fault> {
    desk.store().unblock_customer(&act(&desk, &visit.actor(), id, seen.version)).await?;
    let what = both!(
        "No longer blocked; orders on hold wait until they are released",
        "取引停止を解除しました。保留中の受注は解除するまで保留のままです"
    );
    Ok(done(&visit, &back(id), &what))
}

/// What a merge is looked for by, and with whom it is looked at.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Choice {
    q: String,
    with: Option<i64>,
}

#[derive(Template)]
#[template(path = "customer_merge.html", config = "src/web/askama.toml")]
pub(super) struct MergePage {
    pub p: Page,
    pub q: String,
    pub who: CustomerCell,
    pub version: i64,
    /// The other, as it was looked at.
    pub other: Option<(CustomerCell, i64)>,
    /// Somebody said before that they are two.
    pub were_apart: bool,
    pub offers: Vec<CustomerCell>,
}

pub(super) async fn choose(
    State(desk): State<Desk>,
    visit: Visit,
    Path(id): Path<i64>,
    Query(choice): Query<Choice>,
) -> Result<Response, Fault> {
    let store = desk.store();
    let customer = store.customer(id).await?;
    let other = match choice.with {
        Some(with) => Some(store.customer(with).await?),
        None => None,
    };
    let is_other = |row: &CustomerRow| row.id != id && row.merged_into.is_none();
    let other = other.filter(is_other);
    let q = if choice.q.trim().is_empty() { customer.name.clone() } else { choice.q };
    // Whoever has chosen is not offered others.
    let offers = match other {
        Some(_) => Vec::new(),
        None => store.customers(CustomerFilter::Find(q.trim()), None, OFFERS).await?.rows,
    };
    let p = desk.page(&visit, Section::Customers, &both!("Merge customers", "顧客の統合"));
    let were_apart = match &other {
        Some(other) => store.told_apart(id).await?.iter().any(|row| row.id == other.id),
        None => false,
    };
    html(&MergePage {
        p,
        q,
        version: customer.version,
        who: customer.into(),
        were_apart,
        offers: offers.into_iter().filter(is_other).map(CustomerCell::from).collect(),
        other: other.map(|row| {
            let version = row.version;
            (row.into(), version)
        }),
    })
}

#[derive(Debug, Deserialize)]
pub(super) struct MergeForm {
    version: i64,
    with: i64,
    with_version: i64,
}

pub(super) async fn merge(
    State(desk): State<Desk>,
    visit: Visit,
    Path(id): Path<i64>,
    Form(form): Form<MergeForm>,
) -> Result<Response, Fault> {
    let actor = visit.actor();
    let act = act(&desk, &actor, id, form.version);
    desk.store().merge_customers(&act, (form.with, form.with_version)).await?;
    Ok(done(&visit, &back(id), &both!("Merged", "統合しました")))
}

pub(super) async fn split(
    State(desk): State<Desk>,
    visit: Visit,
    Path(id): Path<i64>,
    Form(fields): Form<Vec<(String, String)>>,
) -> Result<Response, Fault> {
    let number = |text: &String| text.parse::<i64>().ok();
    let version = fields.iter().find(|(name, _)| name == "version").and_then(|(_, value)| number(value));
    let orders: Option<BTreeSet<i64>> =
        fields.iter().filter(|(name, _)| name == "order").map(|(_, value)| number(value)).collect();
    let (Some(version), Some(orders)) = (version, orders) else {
        return Err(Fault::bad_input(both!("The form is not whole", "フォームの内容が正しくありません")));
    };
    let actor = visit.actor();
    let new = desk.store().split_customer(&act(&desk, &actor, id, version), &orders).await?;
    let what = both!(
        "These orders are another customer's now; the two are never joined again by themselves",
        "選択した受注を別の顧客に分けました。自動で再び統合されることはありません"
    );
    Ok(done(&visit, &back(new), &what))
}

pub(super) async fn export(
    State(desk): State<Desk>,
    visit: Visit,
    Path(id): Path<i64>,
    Form(seen): Form<Seen>,
) -> Result<Response, Fault> {
    let data = desk.store().export_customer(&act(&desk, &visit.actor(), id, seen.version)).await?;
    let text = format!("{data:#}\n");
    let name = format!("attachment; filename=\"customer-{id}.json\"");
    let kind = "application/json; charset=utf-8".to_owned();
    Ok(([(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, name)], text).into_response())
}

pub(super) async fn erase(
    State(desk): State<Desk>,
    visit: Visit,
    Path(id): Path<i64>,
    Form(seen): Form<Seen>,
) -> Result<Response, Fault> {
    if seen.text.trim() != format!("#{id}") {
        return Err(Fault::bad_input(both!(
            "Type #{id} to say that you mean it; nothing was erased",
            "確認のため #{id} と入力してください。まだ何も削除していません"
        )));
    }
    let erased = desk.store().erase_customer(&act(&desk, &visit.actor(), id, seen.version)).await?;
    let n = erased.orders;
    let what = both!(
        "Personal data erased here, in {orders}. The shops still have theirs",
        "{n}件の受注から個人情報を削除しました。モール側のデータは残っています",
        orders = counted(n, "order", "orders")
    );
    Ok(done(&visit, &back(id), &what))
}
