//! The channels: how each does, and what a person does about it.

mod credentials;
mod diff;
mod mode;
mod new;
mod queue;
pub(super) mod state;
pub(super) mod survey;

use askama::Template;
use axum::extract::{Form, Path, State};
use axum::response::Response;
use banto_channel::{Bilingual, Timestamp, both};
use serde::Deserialize;

use super::access::Routes;
use super::{Access, Desk, Fault, Page, Section, Visit, done, html};
use crate::app::Running;
use crate::channels::words::{kept_trouble, lifetime};
use crate::config::{ChannelConfig, Mode};
use crate::domain::guard::reason_in_words;
use crate::store::{AlertRow, COUNT_MAX, ListingRow, Pace, channel_lane};
use state::{State as ChannelState, span};

/// Pushes of so long ago still say how fast a channel is.
const PACE_TIME: i64 = 86_400_000_000;
/// Failures that a channel's page shows.
const SHOWN: i64 = 20;

#[derive(Template)]
#[template(path = "channels.html", config = "src/web/askama.toml")]
struct ChannelsPage {
    p: Page,
    cards: Vec<Card>,
    dir: String,
}

#[derive(Template)]
#[template(path = "channel.html", config = "src/web/askama.toml")]
struct ChannelPage {
    p: Page,
    card: Card,
    failing: Vec<ListingRow>,
    facts: Vec<(String, String)>,
    limits: Vec<(String, String)>,
    notices: i64,
    /// It has its file, and is not switched on.
    waits_to_run: bool,
    /// It was switched on a moment ago: the config is still being read again.
    is_being_switched_on: bool,
}

/// One channel, as its card and its page show it.
#[derive(Clone, Debug, Default)]
struct Card {
    name: String,
    kind: String,
    tone: &'static str,
    state: String,
    /// It is in the config and switched on.
    runs: bool,
    live: bool,
    paused: bool,
    /// Why the guard stopped pushes, while nobody has let them go.
    stopped: Option<String>,
    pulled_at: Option<i64>,
    ordered_at: Option<i64>,
    pushed_at: Option<i64>,
    waiting: i64,
    usual: String,
    worst: String,
    /// What went wrong last, with the remedy.
    troubles: Vec<Trouble>,
    /// Until when the credentials last.
    expires: Option<(String, &'static str)>,
    calls: Option<Calls>,
}

/// What a channel's way out did since the daemon took it up.
#[derive(Clone, Copy, Debug, Default)]
struct Calls {
    calls: i64,
    retries: i64,
    waits: i64,
    wait_s: i64,
    failures: i64,
}

/// Something that went wrong.
#[derive(Clone, Debug)]
struct Trouble {
    what: String,
    text: String,
    remedy: String,
    since: Option<i64>,
}

pub(super) fn routes(routes: Routes) -> Routes {
    let routes = routes.page("/channels", list).page("/channels/{name}", show).post(
        "/channels/{name}/act",
        Access::Staff,
        act,
    );
    queue::routes(credentials::routes(mode::routes(diff::routes(new::routes(routes)))))
}

fn unknown() -> Fault {
    Fault::not_found(both!("There is no such channel", "このチャネルはありません"))
}

async fn list(State(desk): State<Desk>, visit: Visit) -> Result<Response, Fault> {
    let p = desk.page(&visit, Section::Channels, &both!("Channels", "チャネル"));
    let app = desk.app();
    let paces = desk.store().desk_paces(Timestamp(p.now.0 - PACE_TIME)).await?;
    let alerts = desk.store().alerts().await?;
    let pace = |name: &str| paces.iter().find(|pace| pace.row.name == name);
    let known = app.config.channels.iter().map(|c| c.name.as_str());
    let gone = paces.iter().map(|pace| pace.row.name.as_str());
    let gone = gone.filter(|name| app.config.channel(name).is_none());
    let card = |name: &str| card(&p, name, pace(name), app.config.channel(name), app.running(name), &alerts);
    let cards = known.chain(gone).map(card).collect();
    html(&ChannelsPage { cards, dir: app.config.dir.join("channels").display().to_string(), p })
}

fn card(
    p: &Page,
    name: &str,
    pace: Option<&Pace>,
    config: Option<&ChannelConfig>,
    running: Option<&Running>,
    alerts: &[AlertRow],
) -> Card {
    let state = ChannelState::of(pace, config);
    let runs = config.is_some_and(|c| c.enabled);
    let mut card = Card {
        name: name.to_owned(),
        kind: config.map(|c| c.kind.clone()).unwrap_or_default(),
        tone: state.tone,
        state: p.say(&state.label),
        runs,
        live: config.is_some_and(|c| c.mode == Mode::Live),
        calls: running.map(calls),
        ..Card::default()
    };
    let Some(pace) = pace else { return card };
    let row = &pace.row;
    let lag = |micros: Option<i64>| micros.map(|m| p.say(&span(m))).unwrap_or_default();
    if card.kind.is_empty() {
        card.kind.clone_from(&row.kind);
    }
    card.paused = row.paused;
    card.stopped = row.stopped.as_deref().filter(|_| !row.approved).map(|why| p.say(&reason_in_words(why)));
    (card.pulled_at, card.ordered_at, card.pushed_at) = (row.pulled_at, row.last_order_at, pace.pushed_at);
    card.waiting = pace.behind + pace.failed.n;
    (card.usual, card.worst) = (lag(pace.usual_lag), lag(pace.worst_lag));
    card.troubles = troubles(p, pace, alerts);
    card.expires = row.credentials_expire.map(|at| {
        let left = at - p.now.0;
        let tone = if left < 3 * PACE_TIME {
            "bad"
        } else if left < 14 * PACE_TIME {
            "warn"
        } else {
            "quiet"
        };
        (p.say(&lifetime(Timestamp(at), p.now, &p.zone)), tone)
    });
    card
}

fn calls(running: &Running) -> Calls {
    let stats = running.wire.stats();
    let whole = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    Calls {
        calls: whole(stats.calls),
        retries: whole(stats.retries),
        waits: whole(stats.rate_limit_waits),
        wait_s: whole(stats.rate_limit_wait_ms / 1000),
        failures: whole(stats.failures),
    }
}

fn troubles(p: &Page, pace: &Pace, alerts: &[AlertRow]) -> Vec<Trouble> {
    let row = &pace.row;
    let trouble = |what: Bilingual, text: &str, since| {
        let told = Bilingual::unpacked(text);
        Trouble {
            what: p.say(&what),
            remedy: kept_trouble(&told.en).map(|words| p.say(&words)).unwrap_or_default(),
            text: p.say(&told),
            since,
        }
    };
    let mut troubles = Vec::new();
    if let Some(why) = &row.pull_error {
        let what = both!("Orders cannot be read", "受注を取得できません");
        troubles.push(trouble(what, why, row.pull_failed_since));
    }
    for alert in alerts.iter().filter(|alert| alert.channel_id == Some(row.id)) {
        let what = match alert.kind.as_str() {
            "push_failed" => both!("Stock cannot be sent", "在庫を送信できません"),
            "credentials" => both!("The credentials need you", "認証情報の確認が必要です"),
            "silent" => both!("No order for long", "しばらく受注がありません"),
            "drift" => both!("It shows other numbers than ours", "在庫数が一致しません"),
            "quarantine" => both!("Orders could not be understood", "取り込めなかった受注があります"),
            "guard" | "pull_failed" => continue,
            _ => both!("Something needs a look", "確認が必要です"),
        };
        troubles.push(trouble(what, &alert.detail, Some(alert.since)));
    }
    troubles
}

async fn show(State(desk): State<Desk>, visit: Visit, Path(name): Path<String>) -> Result<Response, Fault> {
    let (app, store) = (desk.app(), desk.store());
    let p = desk.page(&visit, Section::Channels, &Bilingual::quoted(name.as_str()));
    let paces = store.desk_paces(Timestamp(p.now.0 - PACE_TIME)).await?;
    let pace = paces.iter().find(|pace| pace.row.name == name);
    let config = app.config.channel(&name);
    if pace.is_none() && config.is_none() {
        return Err(unknown());
    }
    let alerts = store.alerts().await?;
    let failing = match pace {
        Some(pace) if pace.failed.n > 0 => store.failing_listings(pace.row.id, SHOWN).await?,
        _ => Vec::new(),
    };
    let lane = channel_lane(&name);
    let notices = store.jobs_in_lane(&lane, COUNT_MAX).await?;
    let running = app.running(&name);
    let waits_to_run = config.is_some_and(|config| !config.enabled);
    html(&ChannelPage {
        card: card(&p, &name, pace, config, running, &alerts),
        failing,
        facts: config.map(|config| facts(&p, config, running)).unwrap_or_default(),
        limits: running.map(|running| limits(&p, running)).unwrap_or_default(),
        notices,
        waits_to_run,
        is_being_switched_on: waits_to_run && mode::is_being_switched_on(&app.config, &name),
        p,
    })
}

/// What the config says of a channel, as far as people ask.
fn facts(p: &Page, config: &ChannelConfig, running: Option<&Running>) -> Vec<(String, String)> {
    let mut facts = Vec::new();
    let mut fact = |name: Bilingual, value: String| facts.push((p.say(&name), value));
    if let Some(running) = running {
        let channel = &running.channel;
        let poll = span(i64::try_from(channel.poll.as_micros()).unwrap_or(i64::MAX));
        fact(both!("Orders are read every", "受注の取得間隔"), p.say(&poll));
        let hook = channel.hook_url.clone();
        if let Some(url) = hook.filter(|_| channel.connector.capabilities().webhooks) {
            fact(both!("Webhooks arrive at", "Webhook の受信先"), url);
        }
        let limits = &channel.limits;
        let (zeros, min) = (limits.zeros_percent, limits.zeros_min);
        let guard = both!(
            "a push that sets {zeros} % of the listings (at least {min}) to zero waits for you",
            "出品の{zeros}%以上（{min}件以上）を0にする送信は確認を待ちます"
        );
        fact(both!("Guard", "安全装置"), p.say(&guard));
    }
    let rule = config.stock.rule;
    let number = |n: Option<u32>| n.map(|n| n.to_string());
    let rules = [
        (both!("Held back", "バッファ"), number(rule.buffer)),
        (both!("At most", "上限"), number(rule.cap)),
        (both!("Share", "配分"), rule.share_percent.map(|n| format!("{n} %"))),
    ];
    for (name, value) in rules {
        if let Some(value) = value {
            fact(name, value);
        }
    }
    facts
}

/// The marketplace's allowances, as far as banto uses them.
fn limits(p: &Page, running: &Running) -> Vec<(String, String)> {
    let percent = running.channel.config.limits.percent;
    let quota = |quota: &banto_channel::Quota| {
        let (calls, per) = (quota.calls, span(i64::try_from(quota.per.as_micros()).unwrap_or(i64::MAX)));
        let per_ja = &per.ja;
        let told = both!(
            "{calls} calls per {per}, {percent} % used",
            "{per_ja}に{calls}回（利用率の上限 {percent}%）"
        );
        (quota.group.to_owned(), p.say(&told))
    };
    running.channel.connector.capabilities().quotas.iter().map(quota).collect()
}

#[derive(Debug, Deserialize)]
struct ActForm {
    r#do: String,
    /// What the guard said when the person looked.
    #[serde(default)]
    seen: String,
}

async fn act(
    State(desk): State<Desk>,
    visit: Visit,
    Path(name): Path<String>,
    Form(form): Form<ActForm>,
) -> Result<Response, Fault> {
    let told = match form.r#do.as_str() {
        "pause" => pause(&desk, &visit, &name, true).await?,
        "resume" => pause(&desk, &visit, &name, false).await?,
        "pull" => pull(&desk, &visit, &name).await?,
        "push" => push(&desk, &visit, &name).await?,
        "approve" => approve(&desk, &visit, &name, &form.seen).await?,
        _ => return Err(Fault::bad_input(both!("There is no such act", "この操作はありません"))),
    };
    Ok(done(&visit, &format!("/channels/{name}"), &told))
}

async fn pause(desk: &Desk, visit: &Visit, name: &str, paused: bool) -> Result<Bilingual, Fault> {
    if !desk.store().pause_channel(name, paused, &visit.actor(), desk.now()).await? {
        return Err(Fault::refused(both!(
            "Somebody else has done that already",
            "すでに他の人が操作しました"
        )));
    }
    Ok(if paused {
        both!(
            "{name} is paused: orders come in, nothing is written to it",
            "{name}を一時停止しました。受注の取得は続きますが、書き込みは行いません"
        )
    } else {
        both!(
            "{name} goes on: every listing is compared and pushed where it differs",
            "{name}を再開しました。全出品を照合し、差がある在庫を送信します"
        )
    })
}

async fn pull(desk: &Desk, visit: &Visit, name: &str) -> Result<Bilingual, Fault> {
    let app = desk.app();
    let running = app.running(name).ok_or_else(unknown)?;
    note(desk, visit, "pull", name).await?;
    running.signals.pull_now();
    running.signals.read_offers_now();
    Ok(both!("Orders and listings of {name} are being read", "{name}の受注と出品を取得しています"))
}

async fn note(desk: &Desk, visit: &Visit, action: &str, name: &str) -> Result<(), Fault> {
    let mut write = desk.store().write().await?;
    write.audit(&visit.actor(), action, name, "", desk.now()).await?;
    Ok(write.commit().await?)
}

/// Refuses what cannot be pushed to.
async fn writable(desk: &Desk, name: &str) -> Result<crate::store::ChannelRow, Fault> {
    let app = desk.app();
    let running = app.running(name).ok_or_else(unknown)?;
    let row = desk.store().channel(name).await?;
    if !running.channel.live {
        return Err(Fault::refused(both!(
            "{name} is only read (mode \"observe\"); it has to go live first",
            "{name}は観察中（observe）です。先に本番運用へ切り替えてください"
        )));
    }
    if row.paused {
        return Err(Fault::refused(both!(
            "{name} is paused; resume it first",
            "{name}は一時停止中です。先に再開してください"
        )));
    }
    Ok(row)
}

async fn push(desk: &Desk, visit: &Visit, name: &str) -> Result<Bilingual, Fault> {
    let row = writable(desk, name).await?;
    let mut write = desk.store().write().await?;
    write.ask_push(row.id).await?;
    write.audit(&visit.actor(), "push", name, "", desk.now()).await?;
    write.commit().await?;
    Ok(both!("Stock of {name} is being compared and sent", "{name}の在庫を照合して送信しています"))
}

/// Lets the push go that the guard stopped, if it is the one that the person has looked at.
async fn approve(desk: &Desk, visit: &Visit, name: &str, seen: &str) -> Result<Bilingual, Fault> {
    let row = writable(desk, name).await?;
    let Some(why) = row.stopped.filter(|_| !row.approved) else {
        return Err(Fault::refused(both!("Nothing is stopped any more", "停止中の送信はもうありません")));
    };
    if why != seen {
        return Err(Fault::refused(both!(
            "The push has changed since you looked; look at it again",
            "確認後に送信内容が変わりました。もう一度確認してください"
        )));
    }
    let mut write = desk.store().write().await?;
    write.approve_push(row.id).await?;
    write.audit(&visit.actor(), "approve_push", name, &why, desk.now()).await?;
    write.ask_push(row.id).await?;
    write.commit().await?;
    Ok(both!("The push to {name} goes", "{name}への送信を許可しました"))
}

#[cfg(test)]
mod tests;
