//! What waits to be done once per event, and what was given up.

use askama::Template;
use axum::extract::{Form, Query, State};
use axum::response::Response;
use banto_channel::{Bilingual, both};
use serde::Deserialize;

use super::super::access::Routes;
use super::super::{Access, Desk, Fault, Page, Section, Visit, done, html};
use crate::store::{JobFilter, JobRow};

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
    order: Option<i64>,
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
    let named = |lane: String| (lane.clone(), p.say(&lane_words(&lane)));
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
    let line = |job: JobRow| Line {
        what: p.say(&kind(&job.kind)),
        lane: p.say(&lane_words(&job.lane)),
        order: job.order(),
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

fn lane_words(lane: &str) -> Bilingual {
    match lane.strip_prefix("channel:") {
        Some(channel) => Bilingual::quoted(channel),
        None if lane == "mail" => both!("mail server", "メールサーバー"),
        None => Bilingual::quoted(lane),
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
    let (mut worked, mut refused) = (0, None);
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
    let mut told = if retry {
        both!("{worked} jobs are tried again", "{worked}件を再試行します")
    } else {
        both!("{worked} jobs are dropped", "{worked}件を破棄しました")
    };
    match refused {
        Some(fault) if worked == 0 => return Err(fault),
        Some(fault) => told = told.then(fault.why),
        None => {}
    }
    let back = if field("tab") == Some("dead") { "/queue?tab=dead" } else { "/queue" };
    Ok(done(&visit, back, &told))
}
