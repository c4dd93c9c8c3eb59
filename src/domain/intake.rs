//! Compares an order as the channel tells it now with what the house knows, and says what follows.
//!
//! The result does not depend on how often or in which order the channel's news arrive: the same news twice
//! change nothing, and older news never overwrite newer ones.

mod holds;
mod numbers;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use banto_channel::{Bilingual, Fulfilment, MailOwner, Payment, RemoteLine, RemoteOrder, Timestamp, both};

use super::mail_policy::{MailIntent, MailKind, MailRules};
use super::order::{Details, Event, Line, Order, ParcelRecord, payment_name};
use super::stock::{Account, Book, Cause, StockError};
use super::{ChannelId, Ids, ItemId, LocationId, timeline};

/// What intake must know of the channel.
#[derive(Clone, Debug)]
pub struct ChannelFacts {
    /// Key.
    pub id: ChannelId,
    /// Name, for the actor of entries.
    pub name: String,
    /// Where it sells from, in order of preference; never empty.
    pub locations: Vec<LocationId>,
    /// When it was added. Orders that were shipped before are history: the opening stock is without them.
    pub created_at: Timestamp,
    /// When it went live; `None` in observe mode. Orders placed before get no mail from us.
    pub live_since: Option<Timestamp>,
    /// Returned goods go back on sale at once; otherwise they are set aside.
    pub restock_returns: bool,
    /// Who mails.
    pub mails: MailRules,
}

impl ChannelFacts {
    /// Whether the channel was live when an order was placed. Shops tell times in whole seconds, so an order of the
    /// very second counts.
    #[must_use]
    pub fn was_live_at(&self, placed_at: Timestamp) -> bool {
        self.live_since.is_some_and(|since| placed_at.as_secs() >= since.as_secs())
    }
}

/// What a listing is mapped to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mapping {
    /// Units of an item.
    Item {
        /// The item, or set.
        item: ItemId,
        /// Units of it in one unit of the listing.
        per: i64,
    },
    /// A person said that no stock stands behind it (a gift wrap, a service).
    Ignored,
}

/// The part of the catalogue that one page needs.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    /// Mapped listings of the channel, by the channel's key.
    pub listings: HashMap<String, Mapping>,
    /// Items by code, for lines whose listing is not mapped.
    pub codes: HashMap<String, ItemId>,
    /// Components of sets.
    pub components: HashMap<ItemId, Vec<(ItemId, i64)>>,
}

impl Catalogue {
    /// Every item that it names.
    #[must_use]
    pub fn items(&self) -> BTreeSet<ItemId> {
        let mapped = self.listings.values().filter_map(|m| match m {
            Mapping::Item { item, .. } => Some(*item),
            Mapping::Ignored => None,
        });
        mapped.chain(self.codes.values().copied()).collect()
    }

    fn find(&self, listing: Option<&str>, code: Option<&str>) -> Option<Mapping> {
        let by_listing = listing.and_then(|l| self.listings.get(l)).copied();
        by_listing.or_else(|| {
            let item = *self.codes.get(code?)?;
            Some(Mapping::Item { item, per: 1 })
        })
    }

    /// What `units` of an item take from the shelves: itself, or a set's components.
    #[must_use]
    pub fn explode(&self, item: ItemId, units: i64) -> Vec<(ItemId, i64)> {
        match self.components.get(&item) {
            Some(parts) => parts.iter().map(|(part, n)| (*part, n.saturating_mul(units))).collect(),
            None => vec![(item, units)],
        }
    }
}

/// What follows from one order of a page.
#[derive(Clone, Debug)]
pub enum Change {
    /// Nothing new.
    Unchanged,
    /// Write this.
    Write {
        /// The order as it is now.
        order: Box<Order>,
        /// Whether it was never seen before.
        new: bool,
        /// For the timeline.
        events: Vec<Event>,
        /// Mails to the buyer.
        mails: Vec<MailIntent>,
        /// The channel has moved its own numbers, and the ledger did not move with them. What it shows now may not be what
        /// we told it.
        moved_apart: bool,
    },
}

/// A quantity on a line beyond which it is taken for a fault of the channel.
pub const LINE_QUANTITY_MAX: i64 = 1_000_000;

/// Says why an order cannot be taken at all, in plain words; such an order goes to quarantine.
#[must_use]
pub fn unacceptable(remote: &RemoteOrder) -> Option<Bilingual> {
    if remote.id.as_str().is_empty() {
        return Some(both!("the order has no id", "注文IDがありません"));
    }
    remote.lines.iter().find_map(|line| {
        let numbers = [line.quantity, line.cancelled, line.returned, line.shipped.unwrap_or(0)];
        let bad = numbers.into_iter().find(|n| !(0..=LINE_QUANTITY_MAX).contains(n))?;
        Some(both!(
            "line {id} has the quantity {bad}, which cannot be right",
            "明細 {id} の数量 {bad} が正しくありません",
            id = line.id
        ))
    })
}

/// One order's way through intake.
struct Taking<'a> {
    facts: &'a ChannelFacts,
    catalogue: &'a Catalogue,
    book: &'a mut Book,
    ids: &'a mut dyn Ids,
    now: Timestamp,
    events: Vec<Event>,
    mails: Vec<MailIntent>,
    moved_apart: bool,
}

/// Compares one order with what is known of it.
///
/// `digest` is the hash of the raw payload, `payload_id` the id under which it will be stored. The book must hold
/// the levels of all items concerned, the order's own holds, and the holds of others that wait for those items.
///
/// Errors: [`StockError`] when the book and the order disagree, which is a fault of ours; nothing may be written then.
pub fn intake(
    facts: &ChannelFacts,
    catalogue: &Catalogue,
    book: &mut Book,
    ids: &mut dyn Ids,
    known: Option<Order>,
    remote: &RemoteOrder,
    (digest, now): (&str, Timestamp),
) -> Result<Change, StockError> {
    if let Some(order) = &known {
        let older =
            matches!((order.changed_at, remote.changed_at), (Some(ours), Some(theirs)) if theirs < ours);
        if order.digest == digest || older {
            return Ok(Change::Unchanged);
        }
    }
    let (events, mails) = (Vec::new(), Vec::new());
    let mut taking = Taking { facts, catalogue, book, ids, now, events, mails, moved_apart: false };
    let new = known.is_none();
    let order = taking.take(known, remote, digest)?;
    let Taking { events, mails, moved_apart, .. } = taking;
    Ok(Change::Write { order: Box::new(order), new, events, mails, moved_apart })
}

impl Taking<'_> {
    fn take(
        &mut self,
        known: Option<Order>,
        remote: &RemoteOrder,
        digest: &str,
    ) -> Result<Order, StockError> {
        let before = known.clone();
        let mut order = known.unwrap_or_else(|| self.blank(remote));
        self.book.allow(order.id, &self.facts.locations);
        self.copy_facts(&mut order, remote, digest);
        self.note_holds(&mut order, before.as_ref(), remote);
        // Goods that left before the channel was connected were never on our shelves.
        let history = before.is_none()
            && remote.placed_at.as_secs() < self.facts.created_at.as_secs()
            && matches!(remote.fulfilment, Fulfilment::Shipped | Fulfilment::Cancelled);
        self.merge_lines(&mut order, remote, history)?;
        self.moved_apart |= before.as_ref().is_some_and(|before| numbers::took_by_itself(before, &order));
        self.merge_parcels(&mut order, before.as_ref(), remote, history);
        let ended = remote.fulfilment == Fulfilment::Cancelled || order.details.house.ended();
        order.fulfilment = match remote.fulfilment {
            _ if ended && order.lines.iter().all(|l| l.shipped == 0) => Fulfilment::Cancelled,
            _ if order.lines.is_empty() || !order.moves_stock => remote.fulfilment,
            _ => order.fulfilment_of_lines(),
        };
        if let (Fulfilment::Cancelled, Some(ours)) = (remote.fulfilment, &mut order.details.house.cancelled) {
            ours.followed = true;
        }
        self.tell(&order, before.as_ref());
        Ok(order)
    }

    fn blank(&mut self, remote: &RemoteOrder) -> Order {
        Order {
            id: self.ids.next_id(),
            channel: self.facts.id,
            remote_id: remote.id.0.clone(),
            number: remote.number.clone(),
            placed_at: remote.placed_at,
            changed_at: None,
            imported_at: self.now,
            version: 0,
            status: String::new(),
            payment: Payment::Awaiting,
            fulfilment: Fulfilment::Open,
            hold: None,
            moves_stock: remote.moves_own_stock,
            currency: remote.currency.clone(),
            totals: remote.totals,
            paid_at: None,
            ship_by: None,
            payment_method: String::new(),
            payment_title: String::new(),
            details: Details::default(),
            payload_id: 0,
            digest: String::new(),
            lines: Vec::new(),
            parcels: Vec::new(),
        }
    }

    fn copy_facts(&mut self, order: &mut Order, remote: &RemoteOrder, digest: &str) {
        order.version += 1;
        order.number.clone_from(&remote.number);
        order.changed_at = remote.changed_at.or(order.changed_at);
        order.status.clone_from(&remote.status);
        let told = order.details.house.paid_at.is_some() && is_unpaid(remote.payment);
        order.payment = if told { Payment::Paid } else { remote.payment };
        order.currency.clone_from(&remote.currency);
        order.totals = remote.totals;
        order.paid_at = remote.paid_at.or(order.paid_at);
        order.ship_by = remote.ship_by.or(order.ship_by);
        order.payment_method.clone_from(&remote.payment_method);
        order.payment_title.clone_from(&remote.payment_title);
        order.digest = digest.to_owned();
        let details = Details {
            buyer: remote.buyer.clone(),
            bill_to: remote.bill_to.clone(),
            ship_to: remote.ship_to.clone(),
            note: remote.note.clone(),
            refunds: remote.refunds.clone(),
            wait: remote.wait.as_ref().map(Bilingual::packed),
            stock_taken: remote.stock_taken,
            house: order.details.house.clone(),
        };
        let arrived = std::mem::replace(&mut order.details, details);
        keep_what_was_there(&mut order.details, &arrived);
        order.payload_id = self.ids.next_id();
    }

    fn merge_lines(
        &mut self,
        order: &mut Order,
        remote: &RemoteOrder,
        history: bool,
    ) -> Result<(), StockError> {
        let ended = remote.fulfilment == Fulfilment::Cancelled || order.details.house.ended();
        let mut seen = Vec::with_capacity(remote.lines.len());
        let mut wanted = Vec::with_capacity(remote.lines.len());
        for line in &remote.lines {
            let at = self.line_for(order, line);
            seen.push(order.lines[at].no);
            let old = order.lines[at].clone();
            let new = self.merged_line(&old, line, remote, ended);
            wanted.push((at, old, new));
        }
        for (at, line) in order.lines.iter().enumerate().filter(|(_, l)| !seen.contains(&l.no)) {
            // The channel took the line out of the order.
            // More may have left than the channel counted in the end.
            let left = (line.quantity - line.shipped).max(0);
            let gone = Line { cancelled: left, ..line.clone() };
            wanted.push((at, line.clone(), gone));
        }
        if order.moves_stock && !history {
            self.move_stock(order, &wanted)?;
            self.moved_apart = numbers::came_and_went(remote, &wanted);
        }
        for (at, _, new) in wanted {
            order.lines[at] = new;
        }
        Ok(())
    }

    fn line_for(&mut self, order: &mut Order, line: &RemoteLine) -> usize {
        let listing = line.listing.as_ref().map(|l| l.as_str());
        // Under the id of a line that sold something else it is another line, and the old one is gone.
        let same_offer = |l: &Line| match (l.listing.as_deref(), listing) {
            (Some(ours), Some(theirs)) => ours == theirs,
            _ => true,
        };
        if let Some(at) = order.lines.iter().position(|l| l.remote_id == line.id && same_offer(l)) {
            return at;
        }
        let no = order.lines.iter().map(|l| l.no).max().unwrap_or(0) + 1;
        order.lines.push(Line {
            no,
            remote_id: line.id.clone(),
            listing: None,
            code: None,
            title: String::new(),
            item: None,
            per: 1,
            quantity: 0,
            cancelled: 0,
            shipped: 0,
            returned: 0,
            unit_price: 0,
            total: 0,
            tax_rate_bp: None,
        });
        order.lines.len() - 1
    }

    fn merged_line(&mut self, old: &Line, line: &RemoteLine, remote: &RemoteOrder, ended: bool) -> Line {
        let listing = line.listing.as_ref().map(|l| l.0.clone()).or_else(|| old.listing.clone());
        let code = line.code.clone().or_else(|| old.code.clone());
        let (item, per) = match (old.item, self.catalogue.find(listing.as_deref(), code.as_deref())) {
            (Some(item), _) => (Some(item), old.per),
            (None, Some(Mapping::Item { item, per })) => (Some(item), per),
            (None, Some(Mapping::Ignored)) => (None, 0),
            (None, None) => {
                if old.quantity == 0 && remote.moves_own_stock && !ended {
                    let detail = match code.as_deref() {
                        Some(code) => timeline::NO_ITEM.fill(&[&line.title, code]),
                        None => timeline::NO_CODE.fill(&[&line.title]),
                    };
                    self.event("unmatched", detail);
                }
                (None, 1)
            }
        };
        let told = line.shipped.unwrap_or(match remote.fulfilment {
            Fulfilment::Shipped => line.quantity - line.cancelled,
            _ => 0,
        });
        let shipped = told.clamp(0, line.quantity).max(old.shipped);
        let cancelled =
            if ended { line.quantity - shipped } else { line.cancelled.min(line.quantity - shipped) };
        Line {
            listing,
            code,
            title: line.title.clone(),
            item,
            per,
            quantity: line.quantity,
            cancelled: cancelled.max(0),
            shipped,
            returned: line.returned.min(shipped).max(old.returned),
            unit_price: line.unit_price.0,
            total: line.total.0,
            tax_rate_bp: line.tax_rate_bp,
            ..old.clone()
        }
    }

    /// Ships, then reserves, then takes back and gives up: what one line gives up goes to whoever waits longest, and by
    /// then another line of this order is among them.
    fn move_stock(&mut self, order: &Order, wanted: &[(usize, Line, Line)]) -> Result<(), StockError> {
        let matched = || wanted.iter().filter_map(|(_, old, new)| Some((old, new, new.item?)));
        for (old, new, item) in matched() {
            let line = (order.id, new.no);
            let shipped = if old.item.is_none() { new.shipped } else { new.shipped - old.shipped };
            for (part, units) in self.catalogue.explode(item, shipped * new.per) {
                let held: i64 = self.held(order, new, part);
                let from_hold = units.min(held);
                self.book.ship(self.ids, &cause(self.facts, self.now, "shipped"), line, part, from_hold)?;
                let rest = units - from_hold;
                let cause = cause(self.facts, self.now, "shipped");
                self.book.ship_unheld(self.ids, &cause, line, part, rest, &self.facts.locations)?;
            }
        }
        let mut demand: BTreeMap<ItemId, i64> = BTreeMap::new();
        let (mut asks, mut spare) = (Vec::new(), Vec::new());
        for (_, new, item) in matched() {
            for (part, units) in self.catalogue.explode(item, new.to_ship() * new.per) {
                let held = self.held(order, new, part);
                if held > units {
                    spare.push((new.no, part, held - units));
                } else if units > held {
                    *demand.entry(part).or_default() += units - held;
                    asks.push((new.no, part, units - held));
                }
            }
        }
        for (no, part, units) in asks {
            let locations = self.preferred(part, demand.get(&part).copied().unwrap_or(units));
            let cause = cause(self.facts, self.now, "ordered");
            self.book.reserve(self.ids, &cause, (order.id, no), part, units, &locations)?;
        }
        for (old, new, item) in matched() {
            let returned = if old.item.is_none() { new.returned } else { new.returned - old.returned };
            self.take_back(order, new, item, returned)?;
        }
        for (no, part, units) in spare {
            let cause = cause(self.facts, self.now, "released");
            self.book.release(self.ids, &cause, (order.id, no), part, units)?;
        }
        Ok(())
    }

    fn held(&self, order: &Order, line: &Line, part: ItemId) -> i64 {
        let holds = self.book.holds_of(order.id, Some(line.no));
        holds.iter().filter(|(k, _)| k.item == part).map(|(_, h)| h.reserved + h.short).sum()
    }

    /// The channel's locations, with one that has the order's whole demand of the item in front.
    fn preferred(&self, item: ItemId, demand: i64) -> Vec<LocationId> {
        let mut locations = self.facts.locations.clone();
        if let Some(at) = locations.iter().position(|l| self.book.level(item, *l).available >= demand) {
            let whole = locations.remove(at);
            locations.insert(0, whole);
        }
        locations
    }

    fn take_back(&mut self, order: &Order, line: &Line, item: ItemId, units: i64) -> Result<(), StockError> {
        let Some(location) = self.facts.locations.first().copied() else {
            return Ok(());
        };
        let by = (order.id, line.no);
        for (part, quantity) in self.catalogue.explode(item, units * line.per) {
            let cause = cause(self.facts, self.now, "returned");
            let at = (part, location);
            if self.facts.restock_returns {
                self.book.take_in(self.ids, &cause, Account::Shipped, at, quantity, Some(by))?;
            } else {
                self.book.set_aside_return(self.ids, &cause, at, quantity, by)?;
            }
        }
        Ok(())
    }

    fn merge_parcels(
        &mut self,
        order: &mut Order,
        before: Option<&Order>,
        remote: &RemoteOrder,
        history: bool,
    ) {
        let mut arrived = Vec::new();
        for shipment in &remote.shipments {
            if let Some(parcel) = order.parcels.iter_mut().find(|p| p.is(shipment)) {
                if parcel.remote_id.is_empty() {
                    parcel.remote_id.clone_from(&shipment.id);
                }
                continue;
            }
            let lines = shipment
                .lines
                .iter()
                .filter_map(|(id, n)| Some((order.lines.iter().find(|l| l.remote_id == *id)?.no, *n)));
            arrived.push(ParcelRecord {
                seq: 0,
                remote_id: shipment.id.clone(),
                carrier: shipment.carrier.clone(),
                tracking: shipment.tracking.clone(),
                tracking_url: shipment.tracking_url.clone(),
                shipped_at: shipment.shipped_at.unwrap_or(self.now),
                lines: lines.collect(),
                ours: false,
            });
        }
        let was_shipped = before.is_some_and(|b| b.fulfilment == Fulfilment::Shipped);
        let untold = order.parcels.is_empty() && arrived.is_empty() && !was_shipped;
        if remote.fulfilment == Fulfilment::Shipped && untold {
            arrived.push(ParcelRecord {
                seq: 0,
                remote_id: String::new(),
                carrier: String::new(),
                tracking: String::new(),
                tracking_url: None,
                shipped_at: remote.changed_at.unwrap_or(self.now),
                lines: Vec::new(),
                ours: false,
            });
        }
        for mut parcel in arrived {
            parcel.seq = order.parcels.iter().map(|p| p.seq).max().unwrap_or(0) + 1;
            if !history {
                let tracking =
                    if parcel.tracking.is_empty() { timeline::NO_TRACKING } else { &parcel.tracking };
                self.event("shipped", format!("{} {tracking}", parcel.carrier).trim().to_owned());
                self.mail(order, MailKind::Shipped, parcel.seq);
            }
            order.parcels.push(parcel);
        }
    }

    /// Writes the timeline and asks for the mails of what changed on the axes.
    fn tell(&mut self, order: &Order, before: Option<&Order>) {
        let cancelled = order.fulfilment == Fulfilment::Cancelled;
        if before.is_none() {
            let total = order.totals.grand.to_decimal(&order.currency);
            self.event("imported", format!("{} {total} {}, {}", order.number, order.currency, order.status));
            if !cancelled {
                self.mail(order, MailKind::Received, 1);
            }
        }
        let paid_before = before.is_some_and(|b| !is_unpaid(b.payment));
        if order.payment == Payment::Paid && !paid_before && !cancelled {
            self.event("paid", order.payment_title.clone());
            self.mail(order, MailKind::Paid, 1);
        } else if before.is_some_and(|b| b.payment != order.payment) {
            self.event("payment", payment_name(order.payment).to_owned());
        }
        if cancelled && before.is_some_and(|b| b.fulfilment != Fulfilment::Cancelled) {
            self.event("cancelled", order.status.clone());
            self.mail(order, MailKind::Cancelled, 1);
        }
        let refunds_before = before.map_or(0, |b| b.details.refunds.len());
        for refund in order.details.refunds.iter().skip(refunds_before) {
            let amount = refund.amount.to_decimal(&order.currency);
            self.event(
                "refunded",
                format!("{amount} {} {}", order.currency, refund.reason).trim().to_owned(),
            );
        }
        if before.is_some_and(|b| b.status != order.status) {
            self.event("status", order.status.clone());
        }
        let short: i64 = self.book.holds_of(order.id, None).iter().map(|(_, h)| h.short).sum();
        if short > 0 && before.is_none() {
            self.event("shortfall", timeline::shortfall(short));
        }
    }

    fn event(&mut self, kind: &'static str, detail: String) {
        self.events.push(Event { kind, detail, actor: format!("channel:{}", self.facts.name) });
    }

    fn mail(&mut self, order: &Order, kind: MailKind, revision: i64) {
        let rule = self.facts.mails.of(kind);
        let live = self.facts.was_live_at(order.placed_at);
        if rule.owner != MailOwner::Us || !live {
            return;
        }
        if order.details.buyer.email.is_empty() {
            self.event("no_mail", timeline::NO_ADDRESS.fill(&[kind.name()]));
            return;
        }
        self.mails.push(MailIntent { kind, revision, by_hand: rule.by_hand });
    }
}

/// Whether money is still to come.
#[must_use]
pub const fn is_unpaid(payment: Payment) -> bool {
    matches!(payment, Payment::Awaiting | Payment::Partial | Payment::Failed)
}

fn cause(facts: &ChannelFacts, at: Timestamp, reason: &'static str) -> Cause {
    Cause { at, actor: format!("channel:{}", facts.name), reason }
}

/// Marketplaces mask personal data after a while; what arrived once is never overwritten with nothing.
fn keep_what_was_there(now: &mut Details, before: &Details) {
    let keep = |new: &mut String, old: &String| {
        if new.is_empty() {
            new.clone_from(old);
        }
    };
    keep(&mut now.buyer.email, &before.buyer.email);
    keep(&mut now.buyer.name, &before.buyer.name);
    keep(&mut now.buyer.phone, &before.buyer.phone);
    if now.ship_to.line1.is_empty() {
        now.ship_to.clone_from(&before.ship_to);
    }
    if now.bill_to.line1.is_empty() {
        now.bill_to.clone_from(&before.bill_to);
    }
}
