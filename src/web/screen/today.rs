//! What needs a person now, and how the day goes.

mod needs;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use banto_channel::{Timestamp, both};
use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::access::Routes;
use super::channels::state::{State as ChannelState, span};
use super::{Desk, Fault, Page, Section, Visit, format, html};
use crate::config::Config;
use crate::domain::deadline::UnpaidRule;
use crate::store::{Day, Pace, Sales, UnpaidBefore};
use needs::Need;

/// Pushes of so long ago still say how fast a channel is.
const PACE_DAYS: i64 = 1;

#[derive(Template)]
#[template(path = "today.html", config = "src/web/askama.toml")]
struct TodayPage {
    p: Page,
    needs: Vec<Need>,
    shops: Vec<Shop>,
    /// All shops together.
    sum: Sold,
    /// The day that today is compared with.
    then: String,
}

/// One line of the table of shops.
#[derive(Clone, Debug)]
struct Shop {
    name: String,
    tone: &'static str,
    state: String,
    sold: Sold,
    ordered_at: Option<i64>,
    pulled_at: Option<i64>,
    pushed_at: Option<i64>,
    /// Pushes that wait; nothing for a channel that is not written to.
    waiting: Option<i64>,
    usual: String,
    worst: String,
}

/// Orders and sales of today and of the day that it is compared with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Sold {
    orders: i64,
    orders_then: i64,
    sales: String,
    sales_then: String,
}

pub(super) fn routes(routes: Routes) -> Routes {
    routes.page("/", show)
}

async fn show(State(desk): State<Desk>, visit: Visit) -> Result<Response, Fault> {
    let p = desk.page(&visit, Section::Today, &both!("Today", "今日"));
    let (store, app) = (desk.store(), desk.app());
    let (today, then) = (day(p.now, &p.zone, 0), day(p.now, &p.zone, 7));
    let so_far = Timestamp(then.begins.0 + (p.now.0 - today.begins.0));
    let paces = store.desk_paces(Timestamp(p.now.0 - PACE_DAYS * DAY)).await?;
    let work = store.desk_work(today, &unpaid(&app.config, &paces, p.now)).await?;
    let sold = store.desk_sales(today.begins, p.now.max(today.begins)).await?;
    let sold_then = store.desk_sales(then.begins, so_far).await?;
    let needs = needs::needs(&p, &work, &paces, &app.config);
    let shop = |pace: &Pace| shop(&p, pace, &app.config, (&sold, &sold_then));
    let shops = paces.iter().map(shop).collect();
    let sum = Sold::of(&sold.iter().collect::<Vec<_>>(), &sold_then.iter().collect::<Vec<_>>());
    let then = format::time(then.begins.0, p.now, &p.zone);
    let then = then.split(' ').next().unwrap_or_default().to_owned();
    html(&TodayPage { needs, shops, sum, then, p })
}

const DAY: i64 = 86_400_000_000;

/// The day that is `back` days before now, in the shop's zone.
fn day(now: Timestamp, zone: &TimeZone, back: i32) -> Day {
    let begins = |date: Date| {
        let zoned = date.to_zoned(zone.clone()).ok()?;
        Some(Timestamp(zoned.timestamp().as_microsecond()))
    };
    let date =
        |time: Timestamp| Some(jiff::Timestamp::from_microsecond(time.0).ok()?.to_zoned(zone.clone()).date());
    let found = date(now).and_then(|today| {
        let date = today.checked_sub(back.days()).ok()?;
        Some(Day { begins: begins(date)?, ends: begins(date.tomorrow().ok()?)? })
    });
    // Beyond the calendar there is no day to speak of.
    found.unwrap_or(Day { begins: now, ends: now })
}

/// Which unpaid orders are past their deadline, by the channels' own rules.
fn unpaid(config: &Config, paces: &[Pace], now: Timestamp) -> Vec<UnpaidBefore> {
    let mut rules = Vec::new();
    for channel in &config.channels {
        let Some(pace) = paces.iter().find(|p| p.row.name == channel.name) else { continue };
        for (method, rule) in &channel.orders.unpaid {
            let after = UnpaidRule::from_days(rule.remind_days, rule.cancel_days).cancel_after;
            if let Some(after) = after {
                let before = now.minus(after);
                rules.push(UnpaidBefore { channel: pace.row.id, method: method.clone(), before });
            }
        }
    }
    rules
}

fn shop(p: &Page, pace: &Pace, config: &Config, (sold, then): (&[Sales], &[Sales])) -> Shop {
    let (sold, then) = (own(sold, pace), own(then, pace));
    let configured = config.channel(&pace.row.name);
    let state = ChannelState::of(Some(pace), configured);
    let writes = configured.is_some_and(|c| c.enabled) && pace.row.mode == "live" && !pace.row.paused;
    let lag = |micros: Option<i64>| micros.map(|m| p.say(&span(m))).unwrap_or_default();
    Shop {
        name: pace.row.name.clone(),
        tone: state.tone,
        state: p.say(&state.label),
        sold: Sold::of(&sold, &then),
        ordered_at: pace.row.last_order_at,
        pulled_at: pace.row.pulled_at,
        pushed_at: pace.pushed_at,
        waiting: writes.then_some(pace.behind + pace.failed.n),
        usual: lag(pace.usual_lag),
        worst: lag(pace.worst_lag),
    }
}

fn own<'a>(all: &'a [Sales], pace: &Pace) -> Vec<&'a Sales> {
    all.iter().filter(|s| s.channel_id == pace.row.id).collect()
}

impl Sold {
    fn of(today: &[&Sales], then: &[&Sales]) -> Self {
        let orders = |all: &[&Sales]| all.iter().map(|s| s.orders).sum();
        Self {
            orders: orders(today),
            orders_then: orders(then),
            sales: sales(today),
            sales_then: sales(then),
        }
    }
}

/// Amounts by currency: `¥12,000 + $30.00`.
fn sales(all: &[&Sales]) -> String {
    let mut sums: std::collections::BTreeMap<&str, i64> = std::collections::BTreeMap::new();
    for one in all {
        *sums.entry(one.currency.as_str()).or_default() += one.total;
    }
    let texts: Vec<String> = sums.into_iter().map(|(currency, sum)| format::money(sum, currency)).collect();
    if texts.is_empty() { "–".to_owned() } else { texts.join(" + ") }
}

#[cfg(test)]
mod tests;
