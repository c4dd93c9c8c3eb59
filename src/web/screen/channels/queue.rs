//! What waits to be done once per event, and what was given up.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use axum::extract::{Form, Query, State};
use axum::response::Response;
use banto_channel::{Bilingual, both};
use serde::Deserialize;

use super::super::access::Routes;
use super::super::stock::item_path;
use super::super::{Access, Desk, Fault, Page, Section, Visit, done, html};
use crate::domain::counted::counted;
use crate::domain::deeds::mail_in_words;
use crate::domain::timeline::answer_in_words;
use crate::domain::{ItemId, OrderId};
use crate::store::{About, JobFilter, JobRow, StoreError};

/// Jobs on one page.
const PAGE: usize = 50;

#[derive(Template)]
#[template(path = "channel_queue.html", config = "src/web/askama.toml")]
struct QueuePage {
    p: Page,
    dead: bool,
    lane: String,
    /// Each lane that holds a job: its key, and its name in words.
    lanes: Vec<(String, String)>,
    waiting: i64,
    given_up: i64,
    jobs: Vec<Line>,
    next: Option<i64>,
}

struct Line {
    job: JobRow,
    what: String,
    lane: String,
    /// Address and name of the order or item that it is about.
    about: Option<(String, String)>,
    /// What came of its last try.
    why: String,
}

#[derive(Debug, Default, Deserialize)]
struct QueueQuery {
    #[serde(default)]
    tab: String,
    #[serde(default)]
    lane: String,
    #[serde(default)]
    after: i64,
}

pub(super) fn routes(routes: Routes) -> Routes {
    routes.page("/queue", list).post("/queue/act", Access::Staff, act)
}

async fn list(
    State(desk): State<Desk>,
    visit: Visit,
    Query(query): Query<QueueQuery>,
) -> Result<Response, Fault> {
    let p = desk.page(&visit, Section::Channels, &both!("Jobs", "処理待ち"));
    let dead = query.tab == "dead";
    let (waiting, given_up) = desk.store().desk_jobs().await?;
    let webhooks = desk.store().webhooks().await?.into_iter().map(|webhook| (webhook.id, webhook.url));
    let webhooks: Webhooks = webhooks.collect();
    let named = |lane: String| (lane.clone(), p.say(&lane_words(&lane, &webhooks)));
    let lanes = desk.store().desk_lanes().await?.into_iter().map(named).collect();
    let lane = Some(query.lane.as_str()).filter(|lane| !lane.is_empty());
    let most = i64::try_from(PAGE).unwrap_or(i64::MAX);
    let mut jobs = if dead {
        desk.store().jobs(JobFilter { lane, dead }, query.after, most + 1).await?
    } else {
        desk.store().jobs_waiting_after(&query.lane, query.after, most + 1).await?
    };
    let next = (jobs.len() > PAGE).then(|| jobs.get(PAGE - 1).map(|job| job.id)).flatten();
    jobs.truncate(PAGE);
    let subjects = Subjects::of(&desk, &jobs).await?;
    let line = |job: JobRow| Line {
        what: p.say(&what(&job)),
        lane: p.say(&lane_words(&job.lane, &webhooks)),
        about: subjects.link(&job),
        why: p.say(&answer_in_words(job.last_error.as_deref().unwrap_or_default())),
        job,
    };
    html(&QueuePage {
        jobs: jobs.into_iter().map(line).collect(),
        waiting,
        given_up,
        lane: query.lane.clone(),
        dead,
        lanes,
        next,
        p,
    })
}

/// The order that a job is about, or else the item.
fn subject(job: &JobRow) -> Option<(Option<OrderId>, Option<ItemId>)> {
    if let Some(order) = job.order() {
        return Some((Some(order), None));
    }
    match job.told().ok()?.about {
        About::Order(order) => Some((Some(order.id), None)),
        About::Stock(stock) => Some((None, Some(stock.item))),
        About::Nothing => None,
    }
}

/// What the jobs of a page are about, by name.
struct Subjects {
    /// Channel and number.
    orders: BTreeMap<OrderId, (String, String)>,
    codes: BTreeMap<ItemId, String>,
}

impl Subjects {
    async fn of(desk: &Desk, jobs: &[JobRow]) -> Result<Self, StoreError> {
        let (orders, items): (Vec<_>, Vec<_>) = jobs.iter().filter_map(subject).unzip();
        let orders: BTreeSet<OrderId> = orders.into_iter().flatten().collect();
        let items: BTreeSet<ItemId> = items.into_iter().flatten().collect();
        let items = desk.store().items_of(&items).await?.into_iter();
        let codes = items.map(|(id, item)| (id, item.code)).collect();
        Ok(Self { orders: desk.store().order_names(&orders).await?, codes })
    }

    fn link(&self, job: &JobRow) -> Option<(String, String)> {
        let (order, item) = subject(job)?;
        let order = order.and_then(|id| {
            let (channel, number) = self.orders.get(&id)?;
            Some((format!("/orders/{id}"), format!("{channel}/{number}")))
        });
        order.or_else(|| item.and_then(|id| self.codes.get(&id)).map(|code| (item_path(code), code.clone())))
    }
}

fn what(job: &JobRow) -> Bilingual {
    match job.mail() {
        Some(mail) => {
            let kind = mail_in_words(mail.kind);
            both!("send a mail: {en}", "メール送信「{ja}」", en = kind.en, ja = kind.ja)
        }
        None => kind(&job.kind),
    }
}

fn kind(name: &str) -> Bilingual {
    match name {
        "mail" => both!("send a mail", "メール送信"),
        "ship" => both!("tell of a shipment", "出荷通知"),
        "cancel" => both!("tell of a cancellation", "キャンセル通知"),
        "paid" => both!("tell of a payment", "入金通知"),
        "note" => both!("leave a note", "メモの送信"),
        "confirm" => both!("confirm an order", "注文確認"),
        other => Bilingual::quoted(other),
    }
}

/// Where each webhook tells.
type Webhooks = BTreeMap<i64, String>;

fn lane_words(lane: &str, webhooks: &Webhooks) -> Bilingual {
    let webhook = |id: &str| webhooks.get(&id.parse().ok()?);
    match lane.split_once(':') {
        Some(("channel", channel)) => Bilingual::quoted(channel),
        Some(("webhook", id)) => Bilingual::quoted(webhook(id).map_or(lane, String::as_str)),
        None if lane == "mail" => both!("mail server", "メールサーバー"),
        _ => Bilingual::quoted(lane),
    }
}

async fn act(
    State(desk): State<Desk>,
    visit: Visit,
    Form(form): Form<Vec<(String, String)>>,
) -> Result<Response, Fault> {
    let field = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let nonsense = || Fault::bad_input(both!("Choose at least one job", "処理を選択してください"));
    let retry = match field("do") {
        Some("retry") => true,
        Some("drop") => false,
        _ => return Err(nonsense()),
    };
    let ids = form.iter().filter(|(key, _)| key == "job").map(|(_, value)| value.parse::<i64>().ok());
    let ids: Vec<i64> = ids.collect::<Option<_>>().ok_or_else(nonsense)?;
    if ids.is_empty() || ids.len() > PAGE {
        return Err(nonsense());
    }
    let (mut worked, mut refused) = (0_i64, None);
    for id in ids {
        let (store, actor, now) = (desk.store(), visit.actor(), desk.now());
        let job = if retry {
            store.revive_job(id, &actor, now).await
        } else {
            store.drop_job(id, &actor, now).await
        };
        match job {
            Ok(_) => worked += 1,
            Err(error) => refused = refused.or(Some(Fault::from(error))),
        }
    }
    let jobs = counted(worked, "job", "jobs");
    let mut told = if retry {
        both!("To be tried again: {jobs}", "{worked}件を再試行します")
    } else {
        both!("{jobs} dropped", "{worked}件を破棄しました")
    };
    match refused {
        Some(fault) if worked == 0 => return Err(fault),
        Some(fault) => told = told.then(fault.why),
        None => {}
    }
    let back = if field("tab") == Some("dead") { "/queue?tab=dead" } else { "/queue" };
    Ok(done(&visit, back, &told))
}
