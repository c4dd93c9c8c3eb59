//! What came of a demo: counted at both ends, by the shops and the mail server on one side and banto on the other.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use banto_sim::{Counts, Trade};
use serde::Serialize;

use super::Demo;
use super::house::House;
use crate::domain::plan::plan;
use crate::store::{PlanRules, Scope};
use crate::watch::ALERT_ID;

/// The end of a demo.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Repeats the run's buyers and faults.
    pub seed: u64,
    /// How long buyers bought.
    pub seconds: f64,
    /// Orders that the shops took.
    pub orders_placed: u64,
    /// Orders in banto's book.
    pub orders_imported: u64,
    /// Orders that buyers paid after they had placed them.
    pub orders_paid: u64,
    /// Orders cancelled.
    pub orders_cancelled: u64,
    /// Units that came back.
    pub units_returned: u64,
    /// Parcels told to shops, and found there.
    pub parcels: u64,
    /// Mails that the server took, by kind.
    pub mails_sent: BTreeMap<String, i64>,
    /// Mails of which nobody can know whether the server took them.
    pub mails_uncertain: i64,
    /// Copies beyond the first that the server has of any mail.
    pub mails_duplicate: usize,
    /// Listings' numbers that shops were sent.
    pub stock_pushes: u64,
    /// From the commit of a movement to the request that carries it.
    pub propagation_ms: Propagation,
    /// Units sold beyond what was there: the shops' own time before they heard of a zero.
    pub oversold_units: i64,
    /// Order lines that wait for goods.
    pub shortfalls: i64,
    /// Faults that were played.
    pub faults: u64,
    /// Ledger, levels and reservations agree.
    pub ledger_ok: bool,
    /// Every shop shows what it should.
    pub converged: bool,
    /// Every promise that did not hold.
    pub broken: Vec<String>,
}

/// Quantiles in milliseconds.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Propagation {
    /// Half are faster.
    pub p50: f64,
    /// All but one of a hundred are faster.
    pub p99: f64,
}

impl Propagation {
    fn of(mut lags: Vec<Duration>) -> Self {
        lags.sort_unstable();
        let at = |percent: usize| {
            let lag = lags.get((lags.len() * percent / 100).min(lags.len().saturating_sub(1)));
            lag.map_or(0.0, |l| (l.as_secs_f64() * 10_000.0).round() / 10.0)
        };
        Self { p50: at(50), p99: at(99) }
    }
}

impl Report {
    /// Whether every promise held.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.broken.is_empty()
    }
}

/// Listings of one channel whose number is wrong, by the shop's own word.
async fn wrong_listings(house: &House) -> anyhow::Result<Vec<String>> {
    let mut wrong = Vec::new();
    for running in &house.current.app().channels {
        let name = &running.channel.name;
        let Some(shop) = house.shops.iter().find(|shop| shop.name == name) else { continue };
        let channel = &running.channel;
        let basis = channel.connector.capabilities().stock_basis;
        let rules = PlanRules { channel: channel.id, locations: &channel.facts.locations, basis };
        let offers: BTreeMap<String, Option<i64>> =
            shop.market.offers().into_iter().map(|offer| (offer.id.0, offer.quantity)).collect();
        for one in house.store.stocked(&rules, Scope::Page(0, 10_000)).await? {
            let wanted = one.candidate(&channel.rule(&one.row), basis, false).wanted;
            let shown = offers.get(&one.row.remote_id).copied().flatten();
            if wanted.is_some() && wanted != shown {
                let title = &one.row.title;
                wrong.push(format!("{name}: {title} shows {shown:?}, should show {wanted:?}"));
            }
        }
    }
    Ok(wrong)
}

async fn imported(house: &House) -> anyhow::Result<u64> {
    let mut count = 0;
    for running in &house.current.app().channels {
        count += house.store.order_count(running.channel.id).await?.all;
    }
    Ok(u64::try_from(count)?)
}

fn parcels(house: &House) -> u64 {
    house.shops.iter().flat_map(|shop| shop.market.orders()).map(|o| o.parcels.len() as u64).sum()
}

fn placed(house: &House) -> u64 {
    house.shops.iter().map(|shop| shop.market.orders().len() as u64).sum()
}

/// The first thing that is still to be done before all orders are in, all mails and notices are out, and every shop
/// shows what it should; `None` when that is so.
pub(super) async fn unfinished(house: &House) -> anyhow::Result<Option<String>> {
    for running in &house.current.app().channels {
        let channel = &running.channel;
        let Some(shop) = house.shops.iter().find(|shop| shop.name == channel.name) else { continue };
        let (placed, known) = (shop.market.orders().len(), house.store.order_count(channel.id).await?.all);
        if usize::try_from(known)? < placed {
            return Ok(Some(format!("{}: {placed} orders placed, {known} imported", channel.name)));
        }
    }
    if let Some(jobs) = house.store.job_counts().await?.iter().find(|c| c.state != "dead" && c.jobs > 0) {
        return Ok(Some(format!("{} jobs of {} are {}", jobs.jobs, jobs.lane, jobs.state)));
    }
    for running in &house.current.app().channels {
        let channel = &running.channel;
        let basis = channel.connector.capabilities().stock_basis;
        let rules = PlanRules { channel: channel.id, locations: &channel.facts.locations, basis };
        let stocked = house.store.stocked(&rules, Scope::Page(0, 10_000)).await?;
        let candidates: Vec<_> =
            stocked.iter().map(|s| s.candidate(&channel.rule(&s.row), basis, false)).collect();
        let waiting = plan(&candidates, channel.now());
        if stocked.is_empty() {
            return Ok(Some(format!("{}: no listing is known", channel.name)));
        }
        if let Some(push) = waiting.pushes.first() {
            let (name, listing, quantity) = (&channel.name, &push.remote_id, push.quantity);
            return Ok(Some(format!("{name}: {listing} is to be told {quantity}")));
        }
        if waiting.next_try.is_some() {
            return Ok(Some(format!("{}: a refused number waits for its next try", channel.name)));
        }
    }
    Ok(wrong_listings(house).await?.into_iter().next())
}

pub(super) async fn make(
    demo: &Demo,
    house: &House,
    trade: &Trade,
    traded: Duration,
    unfinished: Option<String>,
) -> anyhow::Result<Report> {
    let app = house.current.app();
    let counts = trade.counts();
    let mut mails_sent = BTreeMap::new();
    let mut mails_uncertain = 0;
    let mut unsent = 0;
    for (kind, state, n) in house.store.mail_counts().await? {
        match state.as_str() {
            "sent" => *mails_sent.entry(kind).or_default() += n,
            "uncertain" => mails_uncertain += n,
            _ => unsent += n,
        }
    }
    let shortfalls = house.store.shortfalls(0, i64::MAX).await?;
    let lags = app.channels.iter().flat_map(|r| r.signals.propagation()).collect();
    let wrong = wrong_listings(house).await?;
    let ledger = house.store.verify_ledger().await?;
    let faults =
        house.shops.iter().map(|shop| shop.market.faults().played()).sum::<u64>() + house.sink.played();
    let mut report = Report {
        seed: demo.seed,
        seconds: (traded.as_secs_f64() * 10.0).round() / 10.0,
        orders_placed: placed(house),
        orders_imported: imported(house).await?,
        orders_paid: counts.paid,
        orders_cancelled: counts.cancelled,
        units_returned: counts.returned,
        parcels: parcels(house),
        mails_sent,
        mails_uncertain,
        mails_duplicate: house.sink.duplicates(),
        stock_pushes: house
            .shops
            .iter()
            .flat_map(|shop| shop.market.take_seen())
            .map(|seen| seen.stock.len() as u64)
            .sum(),
        propagation_ms: Propagation::of(lags),
        oversold_units: shortfalls.iter().map(|s| s.short).sum(),
        shortfalls: i64::try_from(shortfalls.len())?,
        faults,
        ledger_ok: ledger.is_empty(),
        converged: unfinished.is_none() && wrong.is_empty(),
        broken: Vec::new(),
    };
    report.broken = ledger.iter().map(|d| format!("ledger: {d}")).chain(wrong).collect();
    let kept = house.sink.by_message_id().keys().filter(|id| !id.starts_with(ALERT_ID)).count();
    report.compare(unsent, i64::try_from(kept)?, unfinished);
    Ok(report)
}

impl Report {
    /// Compares both ends.
    fn compare(&mut self, unsent: i64, kept: i64, unfinished: Option<String>) {
        if self.orders_imported != self.orders_placed {
            self.broken
                .push(format!("{} orders placed, {} imported", self.orders_placed, self.orders_imported));
        }
        if self.mails_duplicate > 0 {
            self.broken.push(format!("{} mails went out twice", self.mails_duplicate));
        }
        if unsent > 0 {
            self.broken.push(format!("{unsent} mails neither went out nor are known to be uncertain"));
        }
        let sent: i64 = self.mails_sent.values().sum();
        if kept < sent || kept > sent + self.mails_uncertain {
            self.broken.push(format!("the mail server has {kept} mails, banto believes {sent}"));
        }
        if let Some(what) = unfinished {
            self.broken.push(format!("the house did not come to rest in time: {what}"));
        }
    }
}

/// A few lines for a person who watches.
pub(super) async fn summary(house: &House, counts: Counts, time: Duration) -> anyhow::Result<String> {
    let mut text = String::new();
    let mut line = |s: String| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{s}");
    };
    let mails: i64 = house.store.mail_counts().await?.iter().filter(|c| c.1 == "sent").map(|c| c.2).sum();
    let placed = placed(house);
    line(format!(
        "{:>5.1} s  orders {placed} placed, {} imported  mails {mails}  short {}  cancelled {}",
        time.as_secs_f64(),
        imported(house).await?,
        house.store.shortfall_units().await?,
        counts.cancelled,
    ));
    for running in &house.current.app().channels {
        let lags = running.signals.propagation();
        let pushes = lags.len();
        let lag = Propagation::of(lags);
        let orders = house.store.order_count(running.channel.id).await?;
        line(format!(
            "         {:<10} orders {:>5} ({:>4} open)  pushes {pushes:>6}  lag p50 {:>6.1} ms  p99 {:>7.1} ms",
            running.channel.name, orders.all, orders.open, lag.p50, lag.p99
        ));
    }
    Ok(text)
}

impl Report {
    /// The report for a person.
    #[must_use]
    pub fn text(&self) -> String {
        let mails: Vec<String> = self.mails_sent.iter().map(|(kind, n)| format!("{n} {kind}")).collect();
        let verdict = if self.is_good() { "every promise held" } else { "A PROMISE WAS BROKEN" };
        let mut text = format!(
            "\nseed {}, {} s of trade, {} faults played\n\
             orders      {} placed, {} imported, {} paid later, {} cancelled, {} units came back\n\
             mails       {} ({} uncertain, {} duplicate)\n\
             parcels     {} told to the shops\n\
             stock       {} numbers pushed; from commit to push p50 {} ms, p99 {} ms\n\
             shortfalls  {} lines, {} units sold before a shop had heard of the zero\n\
             ledger      {}\n\
             shops       {}\n\
             {verdict}\n",
            self.seed,
            self.seconds,
            self.faults,
            self.orders_placed,
            self.orders_imported,
            self.orders_paid,
            self.orders_cancelled,
            self.units_returned,
            mails.join(", "),
            self.mails_uncertain,
            self.mails_duplicate,
            self.parcels,
            self.stock_pushes,
            self.propagation_ms.p50,
            self.propagation_ms.p99,
            self.shortfalls,
            self.oversold_units,
            if self.ledger_ok { "entries, levels and reservations agree" } else { "DISAGREES" },
            if self.converged { "every one shows what it should" } else { "NOT CONVERGED" },
        );
        for one in &self.broken {
            text.push_str("  broken: ");
            text.push_str(one);
            text.push('\n');
        }
        text
    }
}
