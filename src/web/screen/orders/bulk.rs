//! The same for many orders: chosen in a list, rehearsed on one page that says of each what will happen and who is told,
//! then done one by one. The rehearsal is the deed itself, undone.

use std::collections::{BTreeMap, HashMap};

use askama::Template;
use axum::extract::{Form, State};
use axum::response::Response;
use banto_channel::{Bilingual, Timestamp, both};
use sha2::{Digest, Sha256};

use super::acts::orphan;
use super::words;
use crate::app::Running;
use crate::domain::deeds::Shipment;
use crate::domain::{ItemId, OrderId};
use crate::store::{Act, Denied, Done, OrderRow, Wish};
use crate::web::screen::{Desk, Fault, Page, Section, Visit, html};

/// Orders in one go: more than a list's page holds, and few enough for one transaction to rehearse.
const MOST: usize = 200;
/// Longest text of a field, characters.
const TEXT_MAX: usize = 2_000;

/// What can be done to many orders, and what it is called.
pub(super) fn actions(visit: &Visit) -> Vec<(&'static str, String)> {
    [
        ("ship", both!("Ship", "出荷する")),
        ("confirm", both!("Confirm", "受注を確認する")),
        ("pay", both!("Mark as paid", "入金済みにする")),
        ("hold", both!("Put on hold", "保留にする")),
        ("release", both!("Release", "保留を解除する")),
        ("sendmails", both!("Send the mails that wait", "確認待ちのメールを送信する")),
        ("remind", both!("Remind of the money", "入金をお願いする")),
        ("cancel", both!("Cancel", "キャンセルする")),
    ]
    .into_iter()
    .map(|(name, text)| (name, visit.say(&text)))
    .collect()
}

/// What the forms of both pages say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct BulkForm {
    pub(super) action: String,
    /// Each with the version that was looked at, in the order of the list.
    pub(super) orders: Vec<(OrderId, i64)>,
    pub(super) reason: String,
    pub(super) to_buyer: String,
    pub(super) carrier: String,
    pub(super) tracking: BTreeMap<OrderId, String>,
    /// The digest of what was rehearsed.
    rehearsed: String,
}

impl BulkForm {
    pub(super) fn new(pairs: Vec<(String, String)>) -> Self {
        let mut form = Self::default();
        let mut column = String::new();
        for (name, text) in pairs {
            let text: String = text.trim().chars().take(TEXT_MAX).collect();
            match name.as_str() {
                "action" => form.action = text,
                "order" => form.orders.extend(seen(&text)),
                "reason" => form.reason = text,
                "to_buyer" => form.to_buyer = text,
                "carrier" => form.carrier = text,
                "column" => column = text,
                "rehearsed" => form.rehearsed = text,
                name => {
                    let id = name.strip_prefix("tracking-").and_then(|id| id.parse().ok());
                    form.tracking.extend(id.map(|id| (id, text)));
                }
            }
        }
        form.orders.truncate(MOST);
        form.spread(&column);
        form
    }

    /// Gives a pasted column of tracking numbers to the orders, one a line, from the top.
    fn spread(&mut self, column: &str) {
        if column.trim().is_empty() {
            return;
        }
        for ((id, _), line) in self.orders.iter().zip(column.lines()) {
            self.tracking.insert(*id, line.trim().to_owned());
        }
    }

    fn digest(&self) -> String {
        let said = Self { rehearsed: String::new(), ..self.clone() };
        let hash = Sha256::digest(format!("{said:?}").as_bytes());
        hash.iter().take(12).map(|byte| format!("{byte:02x}")).collect()
    }

    /// What it wishes for one of its orders.
    fn wish(&self, id: OrderId, now: Timestamp) -> Result<Wish, Bilingual> {
        let needed = |text: &str, why: Bilingual| match text {
            "" => Err(why),
            text => Ok(text.to_owned()),
        };
        let reason = || needed(&self.reason, both!("Say why", "理由を入力してください"));
        Ok(match self.action.as_str() {
            "confirm" => Wish::Confirm,
            "release" => Wish::Release,
            "pay" => Wish::Pay { at: now },
            "remind" => Wish::Remind,
            "sendmails" => Wish::SendMails,
            "hold" => Wish::Hold { reason: reason()? },
            "cancel" => Wish::Cancel { reason: reason()?, to_buyer: self.to_buyer.clone() },
            "ship" => Wish::Ship(Shipment {
                carrier: needed(&self.carrier, both!("Say who carries it", "配送会社を入力してください"))?,
                tracking: self.tracking.get(&id).cloned().unwrap_or_default(),
                tracking_url: None,
                lines: Vec::new(),
            }),
            _ => return Err(both!("There is no such act", "その操作はありません")),
        })
    }
}

/// Reads `ID:VERSION`.
fn seen(text: &str) -> Option<(OrderId, i64)> {
    let (id, version) = text.split_once(':')?;
    Some((id.parse().ok()?, version.parse().ok()?))
}

/// One order of the page.
pub(super) struct Entry {
    pub(super) id: OrderId,
    pub(super) seen: String,
    pub(super) channel: String,
    pub(super) number: String,
    pub(super) buyer: String,
    pub(super) tracking: String,
    pub(super) granted: bool,
    pub(super) told: Vec<String>,
}

#[derive(Template)]
#[template(path = "orders_bulk.html", config = "src/web/askama.toml")]
pub(super) struct BulkPage {
    pub(super) p: Page,
    pub(super) form: BulkForm,
    pub(super) action: String,
    pub(super) entries: Vec<Entry>,
    pub(super) granted: usize,
    pub(super) carriers: Vec<&'static str>,
    /// It has been done; else it is a rehearsal.
    pub(super) is_done: bool,
    /// What was typed is not what was rehearsed.
    pub(super) differs: bool,
    pub(super) digest: String,
}

/// An order with what is wished for it.
struct Planned {
    row: OrderRow,
    version: i64,
    channel: String,
    wish: Result<(Running, Wish), Bilingual>,
}

impl Planned {
    fn act<'a>(&'a self, running: &'a Running, actor: &'a str, now: Timestamp) -> Act<'a> {
        let seller = running.channel.seller();
        Act { order: self.row.id, version: Some(self.version), seller, actor, now }
    }
}

pub(super) async fn preview(
    State(desk): State<Desk>,
    visit: Visit,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Result<Response, Fault> {
    let form = BulkForm::new(pairs);
    rehearsal(&desk, &visit, form, false).await
}

async fn rehearsal(desk: &Desk, visit: &Visit, form: BulkForm, differs: bool) -> Result<Response, Fault> {
    let planned = plan(desk, &form).await?;
    let (actor, now) = (visit.actor(), desk.now());
    let mut wishes = Vec::new();
    for one in &planned {
        if let Ok((running, wish)) = &one.wish {
            wishes.push((one.act(running, &actor, now), wish.clone()));
        }
    }
    let mut outcomes = desk.store().rehearse(&wishes).await?.into_iter();
    let outcomes = planned.iter().map(|one| match &one.wish {
        Ok(_) => outcomes.next(),
        Err(why) => Some(Err(Denied::Refused(why.clone()))),
    });
    let outcomes: Vec<Option<Result<Done, Denied>>> = outcomes.collect();
    show(desk, visit, form, &planned, outcomes, (false, differs)).await
}

pub(super) async fn perform(
    State(desk): State<Desk>,
    visit: Visit,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Result<Response, Fault> {
    let form = BulkForm::new(pairs);
    if form.rehearsed != form.digest() {
        return rehearsal(&desk, &visit, form, true).await;
    }
    let planned = plan(&desk, &form).await?;
    let (actor, now) = (visit.actor(), desk.now());
    let mut outcomes = Vec::with_capacity(planned.len());
    for one in &planned {
        let outcome = match &one.wish {
            Ok((running, wish)) => desk.store().grant(&one.act(running, &actor, now), wish).await,
            Err(why) => Err(Denied::Refused(why.clone())),
        };
        outcomes.push(Some(outcome));
    }
    show(&desk, &visit, form, &planned, outcomes, (true, false)).await
}

async fn plan(desk: &Desk, form: &BulkForm) -> Result<Vec<Planned>, Fault> {
    let ids: Vec<OrderId> = form.orders.iter().map(|(id, _)| *id).collect();
    let versions: HashMap<OrderId, i64> = form.orders.iter().copied().collect();
    let rows = desk.store().orders_with(&ids).await?;
    if rows.is_empty() {
        return Err(Fault::bad_input(both!(
            "Choose orders first: the boxes at the left of the list",
            "先に受注を選択してください（一覧の左のチェック欄）"
        )));
    }
    let channels: HashMap<i64, String> =
        desk.store().channels().await?.into_iter().map(|c| (c.id, c.name)).collect();
    let (app, now) = (desk.app(), desk.now());
    let planned = |row: OrderRow| {
        let channel = channels.get(&row.channel_id).cloned().unwrap_or_default();
        let running = app.running(&channel).cloned().ok_or_else(|| orphan(&channel));
        let wish = running.and_then(|running| Ok((running, form.wish(row.id, now)?)));
        Planned { version: versions.get(&row.id).copied().unwrap_or(-1), row, channel, wish }
    };
    Ok(rows.into_iter().map(planned).collect())
}

async fn show(
    desk: &Desk,
    visit: &Visit,
    form: BulkForm,
    planned: &[Planned],
    outcomes: Vec<Option<Result<Done, Denied>>>,
    (is_done, differs): (bool, bool),
) -> Result<Response, Fault> {
    let done = outcomes.iter().flatten().filter_map(|outcome| outcome.as_ref().ok());
    let items: Vec<ItemId> = done.flat_map(|done| done.moves.iter().map(|m| m.item)).collect();
    let codes = desk.store().item_codes(items).await?;
    let entries: Vec<Entry> = planned
        .iter()
        .zip(outcomes)
        .map(|(one, outcome)| entry(visit, &form, one, outcome, &codes))
        .collect();
    let action = actions(visit).into_iter().find(|(name, _)| *name == form.action);
    let p = desk.page(visit, Section::Orders, &both!("Many orders at once", "受注の一括操作"));
    html(&BulkPage {
        granted: entries.iter().filter(|entry| entry.granted).count(),
        action: action.map(|(_, text)| text).unwrap_or_default(),
        carriers: carriers(planned),
        digest: form.digest(),
        entries,
        form,
        is_done,
        differs,
        p,
    })
}

fn entry(
    visit: &Visit,
    form: &BulkForm,
    one: &Planned,
    outcome: Option<Result<Done, Denied>>,
    codes: &BTreeMap<ItemId, String>,
) -> Entry {
    let (granted, told) = match outcome {
        Some(Ok(done)) => (true, words::outcome(&one.row, &done, &one.channel, codes)),
        Some(Err(denied)) => (false, vec![denied.why()]),
        None => (false, Vec::new()),
    };
    Entry {
        id: one.row.id,
        seen: format!("{}:{}", one.row.id, one.version),
        channel: one.channel.clone(),
        number: one.row.number.clone(),
        buyer: one.row.buyer_name.clone(),
        tracking: form.tracking.get(&one.row.id).cloned().unwrap_or_default(),
        granted,
        told: told.iter().map(|text| visit.say(text)).collect(),
    }
}

/// Carriers that the channels of these orders know, each once.
fn carriers(planned: &[Planned]) -> Vec<&'static str> {
    let mut names: Vec<&'static str> = Vec::new();
    for (running, _) in planned.iter().filter_map(|one| one.wish.as_ref().ok()) {
        for carrier in running.channel.seller().carriers {
            let name = carrier.names.first().copied().unwrap_or(carrier.code);
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(pairs: &[(&str, &str)]) -> BulkForm {
        BulkForm::new(pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect())
    }

    #[test]
    fn a_pasted_column_goes_to_the_orders_from_the_top() {
        let form = form(&[
            ("action", "ship"),
            ("order", "7:1"),
            ("order", "5:2"),
            ("order", "nonsense"),
            ("order", "3:1"),
            ("tracking-3", "old"),
            ("column", "1111\r\n2222\r\n"),
        ]);
        assert_eq!(form.orders, [(7, 1), (5, 2), (3, 1)]);
        let numbers: Vec<&str> = form.orders.iter().map(|(id, _)| form.tracking[id].as_str()).collect();
        assert_eq!(numbers, ["1111", "2222", "old"]);
    }

    #[test]
    fn what_was_not_rehearsed_has_another_digest() {
        let one = form(&[("action", "hold"), ("order", "1:1"), ("reason", "a")]);
        let other = form(&[("action", "hold"), ("order", "1:1"), ("reason", "b")]);
        assert_ne!(one.digest(), other.digest());
        let back = form(&[("action", "hold"), ("order", "1:1"), ("reason", "a"), ("rehearsed", "x")]);
        assert_eq!(one.digest(), back.digest(), "the digest is not a part of itself");
    }

    #[test]
    fn what_is_needed_is_asked_for() {
        let now = Timestamp(1);
        for action in ["hold", "cancel", "ship", "burn"] {
            assert!(form(&[("action", action)]).wish(1, now).is_err(), "{action}");
        }
        let cancel = form(&[("action", "cancel"), ("reason", "sold out")]).wish(1, now);
        assert_eq!(cancel, Ok(Wish::Cancel { reason: "sold out".to_owned(), to_buyer: String::new() }));
    }
}
