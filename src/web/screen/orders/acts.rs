//! What people do to one order. A form carries the version of the order that was looked at: if somebody else was
//! quicker, nothing is done, the page says what happened meanwhile, and what was typed is still there.

use std::collections::BTreeMap;

use axum::extract::{Form, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use banto_channel::{Bilingual, both};

use super::order;
use crate::domain::OrderId;
use crate::domain::counted::counted;
use crate::domain::deeds::Shipment;
use crate::store::{Act, Denied, Done, StoreError, Wish};
use crate::web::screen::{Desk, Fault, Visit, done};

/// Longest text of a reason or note, characters.
const TEXT_MAX: usize = 2_000;

/// What a form of the order page said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Typed {
    pub(super) version: Option<i64>,
    pub(super) seen: Option<i64>,
    fields: BTreeMap<String, String>,
}

impl Typed {
    pub(super) fn new(pairs: Vec<(String, String)>) -> Self {
        let fields: BTreeMap<String, String> = pairs.into_iter().collect();
        let number = |name: &str| fields.get(name).and_then(|text| text.parse().ok());
        Self { version: number("version"), seen: number("seen"), fields }
    }

    /// What was typed into a field, without blanks around it and not endless.
    pub(super) fn text(&self, name: &str) -> String {
        self.raw(name).trim().chars().take(TEXT_MAX).collect()
    }

    /// What was typed into a field, to be shown there again.
    pub(super) fn raw(&self, name: &str) -> &str {
        self.fields.get(name).map(String::as_str).unwrap_or_default()
    }

    /// What was typed into the field of a line.
    pub(super) fn line(&self, no: &i64) -> &str {
        self.raw(&format!("line-{no}"))
    }

    fn number(&self, name: &str) -> Option<i64> {
        crate::domain::search::fold(self.raw(name)).parse().ok()
    }

    /// Quantities by line; those of empty fields are left out.
    fn lines(&self) -> Result<Vec<(i64, i64)>, Bilingual> {
        let mut lines = Vec::new();
        for (name, text) in &self.fields {
            let Some(no) = name.strip_prefix("line-").and_then(|no| no.parse().ok()) else { continue };
            if text.trim().is_empty() {
                continue;
            }
            let quantity: i64 = crate::domain::search::fold(text).parse().map_err(|_| {
                both!("\"{text}\" is not a quantity", "数量「{text}」は数字で入力してください")
            })?;
            if quantity > 0 {
                lines.push((no, quantity));
            }
        }
        Ok(lines)
    }
}

/// What a form wishes.
fn wish(desk: &Desk, deed: &str, typed: &Typed) -> Result<Option<Wish>, Bilingual> {
    let needed =
        |name: &str, why: Bilingual| Some(typed.text(name)).filter(|text| !text.is_empty()).ok_or(why);
    Ok(Some(match deed {
        "confirm" => Wish::Confirm,
        "release" => Wish::Release,
        "remind" => Wish::Remind,
        "sendmails" => Wish::SendMails,
        "pay" => Wish::Pay { at: desk.now() },
        "hold" => Wish::Hold { reason: needed("reason", say_why())? },
        "cancel" => Wish::Cancel { reason: needed("reason", say_why())?, to_buyer: typed.text("to_buyer") },
        "ship" => Wish::Ship(shipment(typed)?),
        "return" => {
            let line = typed.number("line");
            let (Some(line), Some(quantity)) = (line, typed.number("quantity")) else {
                return Err(both!("Say which line, and how many", "明細と数量を入力してください"));
            };
            let location = typed.number("location").unwrap_or(0);
            Wish::Return { goods: (line, quantity), location, restock: !typed.raw("restock").is_empty() }
        }
        _ => return Ok(None),
    }))
}

fn say_why() -> Bilingual {
    both!("Say why, for whoever finds it later", "理由を入力してください")
}

fn shipment(typed: &Typed) -> Result<Shipment, Bilingual> {
    let carrier = typed.text("carrier");
    if carrier.is_empty() {
        return Err(both!("Say who carries it", "配送会社を入力してください"));
    }
    let url = typed.text("url");
    if !url.is_empty() && !url.starts_with("https://") && !url.starts_with("http://") {
        return Err(both!(
            "The tracking page begins with https://",
            "追跡ページは https:// から始まるアドレスを入力してください"
        ));
    }
    Ok(Shipment {
        carrier,
        tracking: typed.text("tracking"),
        tracking_url: Some(url).filter(|url| !url.is_empty()),
        lines: typed.lines()?,
    })
}

pub(super) async fn deed(
    State(desk): State<Desk>,
    visit: Visit,
    Path((id, deed)): Path<(OrderId, String)>,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Result<Response, Fault> {
    let typed = Typed::new(pairs);
    let wish = match wish(&desk, &deed, &typed) {
        Ok(Some(wish)) => wish,
        Ok(None) => return Err(Fault::not_found(both!("There is no such act", "その操作はありません"))),
        Err(why) => return again(&desk, &visit, id, why, typed, StatusCode::UNPROCESSABLE_ENTITY).await,
    };
    match grant(&desk, &visit, id, &typed, &wish).await {
        Ok(granted) => Ok(done(&visit, &format!("/orders/{id}"), &told(&wish, &granted))),
        Err(Denied::Store(error)) => Err(error.into()),
        Err(denied) => again(&desk, &visit, id, denied.why(), typed, StatusCode::CONFLICT).await,
    }
}

async fn grant(desk: &Desk, visit: &Visit, id: OrderId, typed: &Typed, wish: &Wish) -> Result<Done, Denied> {
    let store = desk.store();
    let row = store.orders_with(&[id]).await?.pop();
    let none = || StoreError::NotFound(both!("there is no order #{id}", "受注 #{id} はありません"));
    let row = row.ok_or_else(none)?;
    let channel = store.channel_of(row.channel_id).await?.name;
    let app = desk.app();
    let Some(running) = app.running(&channel) else { return Err(Denied::Refused(orphan(&channel))) };
    if let Wish::Return { location, .. } = wish
        && !store.locations().await?.iter().any(|place| place.id == *location)
    {
        return Err(Denied::Refused(both!("Say where the goods lie now", "保管場所を選択してください")));
    }
    // A form always has one; what has none acts on nothing.
    let mut version = typed.version.unwrap_or(-1);
    if version != row.version && order::look(&store.order_view(id).await?.order) == typed.raw("look") {
        version = row.version;
    }
    let act = Act {
        order: id,
        version: Some(version),
        seller: running.channel.seller(),
        actor: &visit.actor(),
        now: desk.now(),
    };
    store.grant(&act, wish).await
}

/// Nobody knows what a channel without a config can be told.
pub(super) fn orphan(channel: &str) -> Bilingual {
    both!(
        "the channel {channel} is not in the config any more; nothing can be done to its orders here",
        "チャネル{channel}は設定にないため、この注文は操作できません"
    )
}

/// The page again, with why not.
async fn again(
    desk: &Desk,
    visit: &Visit,
    id: OrderId,
    why: Bilingual,
    typed: Typed,
    status: StatusCode,
) -> Result<Response, Fault> {
    let page = order::page(desk, visit, id, Some((why, typed))).await?;
    Ok((status, page).into_response())
}

fn told(wish: &Wish, done: &Done) -> Bilingual {
    let what = match wish {
        Wish::Confirm => both!("Confirmed", "受注を確認しました"),
        Wish::Hold { .. } => both!("On hold", "保留にしました"),
        Wish::Release => both!("Released", "保留を解除しました"),
        Wish::Pay { .. } => both!("Paid", "入金済みにしました"),
        Wish::Ship(_) => both!("Shipped", "出荷しました"),
        Wish::Cancel { .. } => both!("Cancelled", "キャンセルしました"),
        Wish::Return { .. } => both!("Taken back", "返品を受け入れました"),
        Wish::Remind => both!("Reminded", "入金のお願いをしました"),
        Wish::SendMails => both!("The mails go out", "メールを送信します"),
    };
    done.remarks.iter().cloned().fold(what, Bilingual::then)
}

pub(super) async fn note(
    State(desk): State<Desk>,
    visit: Visit,
    Path(id): Path<OrderId>,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Result<Response, Fault> {
    let typed = Typed::new(pairs);
    let text = typed.text("note");
    if text.is_empty() {
        let why = both!("The note is empty", "メモを入力してください");
        return again(&desk, &visit, id, why, typed, StatusCode::UNPROCESSABLE_ENTITY).await;
    }
    desk.store().note_order(id, &text, &visit.actor(), desk.now()).await?;
    Ok(done(&visit, &format!("/orders/{id}"), &both!("Noted", "メモを追加しました")))
}

pub(super) async fn retry(
    State(desk): State<Desk>,
    visit: Visit,
    Path(id): Path<OrderId>,
) -> Result<Response, Fault> {
    let retried = desk.store().retry_order(id, &visit.actor(), desk.now()).await?;
    let (jobs, mails) = (retried.jobs, retried.mails);
    let told = both!(
        "To be tried again: {notices} and {letters}",
        "通知{jobs}件・メール{mails}件を再試行します",
        notices = counted(jobs, "notice", "notices"),
        letters = counted(mails, "mail", "mails")
    );
    Ok(done(&visit, &format!("/orders/{id}"), &told))
}
