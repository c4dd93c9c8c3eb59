//! One page of a marketplace's answer, committed: raw payloads, orders, ledger entries, mails, jobs and the cursor
//! in one transaction, one statement a table.

mod quarantine;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use banto_channel::{Cursor, Read, RemoteOrder, Timestamp, both};
use sha2::{Digest, Sha256};

use super::db::args;
use super::tables::{self, JobRow, LineRow, MailRow, OrderRow, ParcelRow, PayloadRow, TimelineRow};
use super::{Result, Store, StoreError, Write, customers, keys, sql};
use crate::domain::OrderId;
use crate::domain::intake::{Catalogue, Change, ChannelFacts, Mapping, intake};
use crate::domain::mail_policy::MailIntent;
use crate::domain::order::{Event, Order};
use crate::domain::stock::StockError;
use crate::domain::timeline::hold_in_words;
use quarantine::part;

/// Why an order went to quarantine, with its id if that could be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuarantineReason {
    /// The marketplace's id, if known.
    pub remote_id: Option<String>,
    /// Why, in plain words, in English.
    pub reason: String,
}

/// What a page brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IntakeReport {
    /// Orders never seen before.
    pub new: Vec<OrderId>,
    /// Known orders with news.
    pub changed: Vec<OrderId>,
    /// Orders without news.
    pub unchanged: usize,
    /// Orders that could not be understood.
    pub quarantined: Vec<QuarantineReason>,
    /// Orders put on hold, with the reason in English.
    pub held: Vec<(OrderId, String)>,
    /// Mails asked for.
    pub mails: usize,
}

impl Store {
    /// Commits one page. `next` moves the channel's cursor in the same transaction; `None` leaves it (re-reads).
    ///
    /// An order that contradicts the ledger is quarantined and the rest of its page goes on.
    ///
    /// Errors: [`StoreError::Sql`], [`StoreError::DiskFull`]; nothing of the page was written then.
    pub async fn take_page(
        &self,
        facts: &ChannelFacts,
        page: &[Read],
        next: Option<&Cursor>,
        now: Timestamp,
    ) -> Result<IntakeReport> {
        match self.try_page(facts, page, next, now).await {
            Err(StoreError::Stock(_)) if page.len() > 1 => {
                let mut whole = IntakeReport::default();
                for (at, read) in page.iter().enumerate() {
                    let next = next.filter(|_| at + 1 == page.len());
                    whole.add(Box::pin(self.take_page(facts, std::slice::from_ref(read), next, now)).await?);
                }
                Ok(whole)
            }
            Err(StoreError::Stock(error)) => self.refuse_page(facts, page, next, now, &error).await,
            other => other,
        }
    }

    async fn try_page(
        &self,
        facts: &ChannelFacts,
        page: &[Read],
        next: Option<&Cursor>,
        now: Timestamp,
    ) -> Result<IntakeReport> {
        let mut write = self.write().await?;
        let report = write.take_page(facts, page, now).await?;
        if let Some(cursor) = next {
            write.tx.run(sql::CHANNEL_SET_CURSOR, args![facts.id, cursor.as_str(), now.0]).await?;
        }
        write.commit().await?;
        Ok(report)
    }

    async fn refuse_page(
        &self,
        facts: &ChannelFacts,
        page: &[Read],
        next: Option<&Cursor>,
        now: Timestamp,
        error: &StockError,
    ) -> Result<IntakeReport> {
        let refused: Vec<Read> = page
            .iter()
            .map(|read| match read {
                Read::Order(o) => Read::Unreadable {
                    id: Some(o.id.clone()),
                    reason: both!("the ledger refuses it", "在庫台帳に記録できません").with(&error.words()),
                    raw: o.raw.clone(),
                },
                unreadable @ Read::Unreadable { .. } => unreadable.clone(),
            })
            .collect();
        self.try_page(facts, &refused, next, now).await
    }
}

impl IntakeReport {
    fn note(&mut self, order: &Order, new: bool, events: &[Event], mails: usize) {
        if new {
            self.new.push(order.id)
        } else {
            self.changed.push(order.id)
        }
        if let Some(reason) = events.iter().find(|e| e.kind == "held") {
            self.held.push((order.id, hold_in_words(&reason.detail).en));
        }
        self.mails += mails;
    }

    fn add(&mut self, other: Self) {
        self.new.extend(other.new);
        self.changed.extend(other.changed);
        self.unchanged += other.unchanged;
        self.quarantined.extend(other.quarantined);
        self.held.extend(other.held);
        self.mails += other.mails;
    }
}

/// Rows that a page makes, gathered for one statement a table.
#[derive(Default)]
struct Batch {
    /// Orders that the store does not have yet, so that nothing can hang on them there.
    new: BTreeSet<OrderId>,
    payloads: Vec<PayloadRow>,
    orders: Vec<OrderRow>,
    lines: Vec<LineRow>,
    parcels: Vec<ParcelRow>,
    timeline: Vec<TimelineRow>,
    mails: Vec<MailRow>,
    jobs: Vec<JobRow>,
    /// Orders whose hold ended, for the mails that waited with them.
    released: Vec<Order>,
    /// Orders after which it is not known what their listings show.
    doubtful: BTreeSet<OrderId>,
}

impl Batch {
    fn note(&mut self, facts: &ChannelFacts, order: &Order, new: bool, moved_apart: bool) {
        self.new.extend(new.then_some(order.id));
        // Before the channel was live nothing was told it.
        let told = facts.live_since.is_some_and(|live| order.changed_at.is_none_or(|at| at >= live));
        self.doubtful.extend((moved_apart && told).then_some(order.id));
    }
}

/// The marketplace's own text of a version of an order.
fn payload(order: &Order, raw: &str, prev_id: i64, at: Timestamp) -> PayloadRow {
    let (channel_id, remote_id) = (order.channel, order.remote_id.clone());
    PayloadRow { id: order.payload_id, channel_id, remote_id, at: at.0, prev_id, body: raw.to_owned() }
}

impl Write {
    /// Takes a page in, as [`Store::take_page`] does, without its cursor and without making it permanent.
    ///
    /// Errors: as [`Store::take_page`].
    pub async fn take_page(
        &mut self,
        facts: &ChannelFacts,
        page: &[Read],
        now: Timestamp,
    ) -> Result<IntakeReport> {
        let mut report = IntakeReport::default();
        let (orders, unreadable) = part(page);
        self.quarantine(facts, &unreadable, now, &mut report).await?;
        let digests: Vec<String> = orders.iter().map(|o| digest(&o.raw)).collect();
        let mut known = self.known_orders(facts, &orders, &digests).await?;
        let mut catalogue = self.catalogue(facts, &orders).await?;
        let before: Vec<&Order> = known.values().filter_map(Known::order).collect();
        let mut items = catalogue.items();
        items.extend(before.iter().flat_map(|o| &o.lines).filter_map(|l| l.item));
        let ids: Vec<OrderId> = before.iter().map(|o| o.id).collect();
        let mut book = self.load_book(&mut catalogue.components, &items, &ids).await?;
        let mut batch = Batch::default();
        let blocks = self.anybody_blocked().await?;
        for (remote, digest) in orders.iter().zip(&digests) {
            // It stays known: the same order may stand on the page again, newer or older.
            let before = match known.get(remote.id.as_str()) {
                Some(Known::Same) => {
                    report.unchanged += 1;
                    continue;
                }
                Some(Known::Order(order)) => Some(order.as_ref().clone()),
                None => None,
            };
            let prev_payload = before.as_ref().map_or(0, |o| o.payload_id);
            let change = intake(facts, &catalogue, &mut book, &mut self.ids, before, remote, (digest, now))?;
            let Change::Write { mut order, new, mut events, mut mails, moved_apart } = change else {
                report.unchanged += 1;
                continue;
            };
            if new && blocks {
                let actor = format!("channel:{}", facts.name);
                self.hold_if_blocked(&mut order, &mut events, &actor).await?;
            }
            let forgotten = customers::stay_forgotten(&mut order);
            if forgotten {
                mails.clear();
            }
            report.note(&order, new, &events, mails.len());
            batch.note(facts, &order, new, moved_apart);
            let raw = if forgotten { "" } else { &remote.raw };
            batch.payloads.push(payload(&order, raw, prev_payload, now));
            self.gather(&mut batch, &order, events, &mails, now)?;
            // The same order twice on one page: the second compares with the first.
            known.insert(order.remote_id.clone(), Known::Order(order));
        }
        self.write_batch(&batch).await?;
        self.follow_up(facts, &batch, now).await?;
        self.write_book(book).await?;
        self.resolve_quarantine(facts, &orders, now).await?;
        self.note_order_gap(facts, &report, &orders).await?;
        Ok(report)
    }

    /// Does what other rows of the store need once the page's own are written.
    async fn follow_up(&mut self, facts: &ChannelFacts, batch: &Batch, now: Timestamp) -> Result<()> {
        for order in &batch.released {
            self.release_mails(facts, order, now).await?;
        }
        for order in &batch.doubtful {
            self.doubt_listings(*order, now).await?;
        }
        Ok(())
    }

    /// Makes the rows of one order's change.
    fn gather(
        &mut self,
        batch: &mut Batch,
        order: &Order,
        events: Vec<Event>,
        mails: &[MailIntent],
        now: Timestamp,
    ) -> Result<()> {
        batch.orders.retain(|o| o.id != order.id);
        batch.lines.retain(|l| l.order_id != order.id);
        batch.parcels.retain(|p| p.order_id != order.id);
        batch.orders.push(OrderRow::from_order(order, now)?);
        batch.lines.extend(order.lines.iter().map(|l| LineRow::from_line(order.id, l)));
        for parcel in &order.parcels {
            batch.parcels.push(ParcelRow::from_record(order.id, parcel)?);
        }
        if order.hold.is_none() && events.iter().any(|event| event.kind == "released") {
            batch.released.push(order.clone());
        }
        for event in events {
            batch.timeline.push(timeline_row(self.id(), order.id, event, now));
        }
        for mail in mails {
            let (row, job) = mail_rows(self.id(), order, mail, now);
            batch.mails.push(row);
            batch.jobs.extend(job);
        }
        Ok(())
    }

    async fn write_batch(&mut self, batch: &Batch) -> Result<()> {
        self.made_jobs |= !batch.jobs.is_empty();
        tables::insert(&mut self.tx, &batch.payloads).await?;
        tables::upsert(&mut self.tx, &batch.orders).await?;
        self.touch_orders(batch.orders.iter().map(|o| o.id)).await?;
        tables::upsert(&mut self.tx, &batch.lines).await?;
        tables::upsert(&mut self.tx, &batch.parcels).await?;
        tables::insert(&mut self.tx, &batch.timeline).await?;
        self.tell_of_orders(&batch.orders, &batch.new, &batch.timeline).await?;
        // A mail of this kind and revision that is there already was asked for before: once is enough.
        let wanted = self.mails_not_there(&batch.mails, &batch.new).await?;
        tables::insert(&mut self.tx, &wanted).await?;
        let mut ids: BTreeSet<String> = wanted.iter().map(mail_key).collect();
        let jobs: Vec<JobRow> = batch.jobs.iter().filter(|j| ids.remove(&j.key)).cloned().collect();
        tables::insert(&mut self.tx, &jobs).await
    }

    async fn mails_not_there(&mut self, asked: &[MailRow], new: &BTreeSet<OrderId>) -> Result<Vec<MailRow>> {
        if asked.is_empty() {
            return Ok(Vec::new());
        }
        let orders: BTreeSet<OrderId> =
            asked.iter().map(|m| m.order_id).filter(|id| !new.contains(id)).collect();
        let mut seen: BTreeSet<String> = BTreeSet::new();
        if !orders.is_empty() {
            let there: Vec<(i64, String, i64, String, i64)> =
                self.tx.all(sql::MAIL_STATES, args![&keys(orders)?]).await?;
            seen.extend(
                there.into_iter().map(|(order, kind, revision, ..)| mail_name(order, &kind, revision)),
            );
        }
        Ok(asked.iter().filter(|m| seen.insert(mail_key(m))).cloned().collect())
    }

    /// Writes one order's change outside of a page: what a person or a deadline did.
    ///
    /// Errors: [`StoreError::Sql`], [`StoreError::Json`].
    pub(super) async fn write_order(
        &mut self,
        order: &Order,
        events: Vec<Event>,
        mails: &[MailIntent],
        now: Timestamp,
    ) -> Result<()> {
        let mut batch = Batch::default();
        self.gather(&mut batch, order, events, mails, now)?;
        self.write_batch(&batch).await
    }

    async fn known_orders(
        &mut self,
        facts: &ChannelFacts,
        orders: &[&RemoteOrder],
        digests: &[String],
    ) -> Result<HashMap<String, Known>> {
        let ids = keys(orders.iter().map(|o| o.id.as_str()))?;
        let rows: Vec<OrderRow> = self.tx.all(sql::ORDERS_BY_REMOTE, args![facts.id, &ids]).await?;
        let stored: HashMap<&str, &str> =
            rows.iter().map(|r| (r.remote_id.as_str(), r.digest.as_str())).collect();
        let is_news = |(order, digest): &(&&RemoteOrder, &String)| {
            stored.get(order.id.as_str()).is_some_and(|known| *known != digest.as_str())
        };
        let changed: BTreeSet<&str> =
            orders.iter().zip(digests).filter(is_news).map(|(order, _)| order.id.as_str()).collect();
        let (news, same): (Vec<_>, Vec<_>) =
            rows.into_iter().partition(|r| changed.contains(r.remote_id.as_str()));
        let mut known: HashMap<String, Known> =
            same.into_iter().map(|r| (r.remote_id, Known::Same)).collect();
        for order in self.whole_orders(news).await? {
            known.insert(order.remote_id.clone(), Known::Order(Box::new(order)));
        }
        Ok(known)
    }

    /// Adds lines and parcels to order rows.
    ///
    /// Errors: [`StoreError::Sql`], [`StoreError::Json`].
    pub(super) async fn whole_orders(&mut self, rows: Vec<OrderRow>) -> Result<Vec<Order>> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let ids = keys(rows.iter().map(|r| r.id))?;
        let lines: Vec<LineRow> = self.tx.all(sql::LINES_OF, args![&ids]).await?;
        let parcels: Vec<ParcelRow> = self.tx.all(sql::PARCELS_OF, args![&ids]).await?;
        assemble(rows, lines, parcels)
    }

    async fn catalogue(&mut self, facts: &ChannelFacts, orders: &[&RemoteOrder]) -> Result<Catalogue> {
        let lines = || orders.iter().flat_map(|o| &o.lines);
        let mut catalogue = Catalogue::default();
        let remote: BTreeSet<&str> = lines().filter_map(|l| Some(l.listing.as_ref()?.as_str())).collect();
        if !remote.is_empty() {
            let rows: Vec<(String, Option<i64>, i64, bool)> =
                self.tx.all(sql::LISTING_MAPPINGS, args![facts.id, &keys(remote)?]).await?;
            for (listing, item, per, ignored) in rows {
                match item {
                    Some(item) => catalogue.listings.insert(listing, Mapping::Item { item, per }),
                    None if ignored => catalogue.listings.insert(listing, Mapping::Ignored),
                    None => None,
                };
            }
        }
        let unmapped = |l: &&banto_channel::RemoteLine| {
            l.listing.as_ref().is_none_or(|l| !catalogue.listings.contains_key(l.as_str()))
        };
        let codes: BTreeSet<&str> = lines().filter(unmapped).filter_map(|l| l.code.as_deref()).collect();
        if !codes.is_empty() {
            let rows: Vec<(String, i64)> = self.tx.all(sql::ITEM_IDS_BY_CODES, args![&keys(codes)?]).await?;
            catalogue.codes = rows.into_iter().collect();
        }
        Ok(catalogue)
    }
}

/// What the store has of an order.
enum Known {
    /// Exactly this payload.
    Same,
    /// An older one.
    Order(Box<Order>),
}

impl Known {
    fn order(&self) -> Option<&Order> {
        match self {
            Self::Same => None,
            Self::Order(order) => Some(order),
        }
    }
}

impl Write {
    /// Keeps the smoothed time between two orders, so that silence can be told from a quiet shop.
    async fn note_order_gap(
        &mut self,
        facts: &ChannelFacts,
        report: &IntakeReport,
        orders: &[&RemoteOrder],
    ) -> Result<()> {
        let Some(newest) = orders.iter().map(|o| o.placed_at.0).max().filter(|_| !report.new.is_empty())
        else {
            return Ok(());
        };
        let row: Option<(Option<i64>, Option<i64>)> =
            self.tx.first(sql::CHANNEL_GAP, args![facts.id]).await?;
        let (last, gap) = row.unwrap_or_default();
        let count = i64::try_from(report.new.len()).unwrap_or(i64::MAX);
        let gap = match last {
            Some(last) if newest > last => {
                let each = (newest - last) / count;
                Some(gap.map_or(each, |g| (g * 7 + each) / 8))
            }
            _ => gap,
        };
        let args = args![facts.id, last.unwrap_or(newest).max(newest), gap];
        self.tx.run(sql::CHANNEL_ORDER_SEEN, args).await.map(drop)
    }
}

/// Puts rows of three tables together.
///
/// Errors: [`StoreError::Json`], [`StoreError::Refused`] when a stored word cannot be read.
pub(super) fn assemble(
    rows: Vec<OrderRow>,
    lines: Vec<LineRow>,
    parcels: Vec<ParcelRow>,
) -> Result<Vec<Order>> {
    let mut by_order: BTreeMap<OrderId, (Vec<LineRow>, Vec<ParcelRow>)> = BTreeMap::new();
    for line in lines {
        by_order.entry(line.order_id).or_default().0.push(line);
    }
    for parcel in parcels {
        by_order.entry(parcel.order_id).or_default().1.push(parcel);
    }
    rows.into_iter()
        .map(|row| {
            let (lines, parcels) = by_order.remove(&row.id).unwrap_or_default();
            row.into_order(lines, parcels)
        })
        .collect()
}

fn digest(raw: &str) -> String {
    use base64::Engine;
    // 96 bits tell any two versions of one order apart, and stand in every order's row.
    let hash = Sha256::digest(raw.as_bytes());
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&hash[..12])
}

fn timeline_row(id: i64, order: OrderId, event: Event, now: Timestamp) -> TimelineRow {
    TimelineRow {
        order_id: order,
        id,
        at: now.0,
        kind: event.kind.to_owned(),
        detail: event.detail,
        actor: event.actor,
    }
}

fn mail_key(row: &MailRow) -> String {
    mail_name(row.order_id, &row.kind, row.revision)
}

fn mail_name(order: OrderId, kind: &str, revision: i64) -> String {
    format!("mail:{order}:{kind}:{revision}")
}

/// A mail and the job that sends it; none while the order is on hold or a person has to give the word.
fn mail_rows(job: i64, order: &Order, mail: &MailIntent, now: Timestamp) -> (MailRow, Option<JobRow>) {
    let state = match (&order.hold, mail.by_hand) {
        (Some(_), _) => "held",
        (None, true) => "by_hand",
        (None, false) => "queued",
    };
    let row = MailRow {
        order_id: order.id,
        kind: mail.kind.name().to_owned(),
        revision: mail.revision,
        channel_id: order.channel,
        state: state.to_owned(),
        recipient: order.details.buyer.email.clone(),
        message_id: String::new(),
        subject: None,
        body_text: None,
        body_html: None,
        attempts: 0,
        answer: None,
        created_at: now.0,
        updated_at: now.0,
        sent_at: None,
    };
    let job = (state == "queued").then(|| mail_job(job, &row, now));
    (row, job)
}

/// The job that sends a mail.
pub(super) fn mail_job(id: i64, mail: &MailRow, now: Timestamp) -> JobRow {
    JobRow {
        id,
        lane: "mail".to_owned(),
        kind: "mail".to_owned(),
        key: mail_key(mail),
        payload: format!("[{},\"{}\",{}]", mail.order_id, mail.kind, mail.revision),
        state: "ready".to_owned(),
        run_at: now.0,
        attempts: 0,
        lease_until: 0,
        last_error: None,
        created_at: now.0,
        owner: None,
    }
}
