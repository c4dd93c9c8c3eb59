//! What a person or a deadline does to an order: hold, release, cancel, pay, ship, take back. Each deed changes the
//! order and the ledger, and says what the buyer and the channel are to be told.

use std::collections::BTreeMap;

use banto_channel::{Carrier, Fulfilment, MailOwner, Notice, NoticeKind, Parcel, Payment, Timestamp};

use super::intake::{Catalogue, ChannelFacts, is_unpaid};
use super::mail_policy::{MailIntent, MailKind};
use super::order::{Cancelled, Event, Order, ParcelRecord, fulfilment_name, payment_name};
use super::stock::{Account, Book, Cause, StockError};
use super::{Ids, ItemId, LineNo, LocationId};

/// Why a deed is not done. Nothing of it has happened then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeedError {
    /// As things stand it cannot be; says why and what to do.
    #[error("{0}")]
    Refused(String),
    /// The ledger refused.
    #[error(transparent)]
    Stock(#[from] StockError),
}

/// What a deed must know of the order's channel.
#[derive(Clone, Copy, Debug)]
pub struct Seller<'a> {
    /// Its facts, mail rules included.
    pub facts: &'a ChannelFacts,
    /// What it can be told.
    pub notices: &'a [NoticeKind],
    /// Carriers it knows by a code; empty means free text.
    pub carriers: &'a [Carrier],
}

/// A parcel that leaves now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shipment {
    /// Carrier.
    pub carrier: String,
    /// Tracking number; empty for post without one.
    pub tracking: String,
    /// Where to follow it.
    pub tracking_url: Option<String>,
    /// Line and quantity; empty means everything that is still to be shipped.
    pub lines: Vec<(LineNo, i64)>,
}

/// What follows from a deed, beside the changed order and book.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// For the timeline.
    pub events: Vec<Event>,
    /// Mails to the buyer.
    pub mails: Vec<MailIntent>,
    /// What to tell the channel, each with a name that is unique for the order.
    pub notices: Vec<(String, Notice)>,
    /// Mails that were not sent yet and make no sense any more.
    pub drops: Vec<MailKind>,
    /// What a person should know: who is not told, and why.
    pub remarks: Vec<String>,
}

/// One deed in the making.
pub struct Deed<'a> {
    /// The order's channel.
    pub seller: Seller<'a>,
    /// Sets and their components, as far as the order has them.
    pub catalogue: &'a Catalogue,
    /// Levels and holds that the order touches.
    pub book: &'a mut Book,
    /// Where ids come from.
    pub ids: &'a mut dyn Ids,
    /// Who does it.
    pub actor: &'a str,
    /// When.
    pub now: Timestamp,
    /// What follows, so far.
    pub effects: Effects,
}

fn refused<T>(why: impl Into<String>) -> Result<T, DeedError> {
    Err(DeedError::Refused(why.into()))
}

impl Deed<'_> {
    /// Stops an order: nothing is shipped and no mail goes out until it is released.
    ///
    /// Errors: [`DeedError::Refused`] if it is on hold already, or nothing is left to stop.
    pub fn hold(&mut self, order: &mut Order, reason: &str) -> Result<(), DeedError> {
        if let Some(there) = &order.hold {
            return refused(format!("{} is on hold already: {there}", order.number));
        }
        if !order.is_open() {
            return refused(format!(
                "{} is {}; there is nothing to hold",
                order.number,
                fulfilment_name(order.fulfilment)
            ));
        }
        order.hold = Some(reason.to_owned());
        self.event("held", reason.to_owned());
        Ok(())
    }

    /// Lets an order go on.
    ///
    /// Errors: [`DeedError::Refused`] if it is not on hold.
    pub fn release(&mut self, order: &mut Order) -> Result<(), DeedError> {
        let Some(reason) = order.hold.take() else {
            return refused(format!("{} is not on hold", order.number));
        };
        self.event("released", reason);
        Ok(())
    }

    /// Tells the channel that the house takes the order, where it waits for that word.
    ///
    /// Errors: [`DeedError::Refused`] if the channel does not wait for it, it was said before, or the order is on hold or
    /// ended.
    pub fn confirm(&mut self, order: &mut Order) -> Result<(), DeedError> {
        let number = &order.number;
        if !self.seller.notices.contains(&NoticeKind::Confirmed) {
            return refused(format!("the channel of {number} does not wait for a confirmation"));
        }
        if order.details.house.confirmed_at.is_some() {
            return refused(format!("{number} is confirmed already"));
        }
        if let Some(reason) = &order.hold {
            return refused(format!("{number} is on hold: {reason}"));
        }
        if !order.is_open() {
            let state = fulfilment_name(order.fulfilment);
            return refused(format!("{number} is {state}; there is nothing to confirm"));
        }
        order.details.house.confirmed_at = Some(self.now);
        self.event("confirmed", String::new());
        self.tell("confirmed".to_owned(), Notice::Confirmed);
        Ok(())
    }

    /// Cancels what has not left: its goods are free again. `reason` is for the record and the channel, `to_buyer`
    /// for the mail.
    ///
    /// Errors: [`DeedError::Refused`] if nothing is left to cancel.
    pub fn cancel(&mut self, order: &mut Order, reason: &str, to_buyer: &str) -> Result<(), DeedError> {
        match order.fulfilment {
            Fulfilment::Cancelled => return refused(format!("{} is cancelled already", order.number)),
            Fulfilment::Shipped => {
                return refused(format!("all of {} has left; see `banto orders return`", order.number));
            }
            Fulfilment::Open | Fulfilment::Partial => {}
        }
        for line in &mut order.lines {
            line.cancelled = (line.quantity - line.shipped).max(line.cancelled);
        }
        self.free(order)?;
        let whole = order.lines.iter().all(|l| l.shipped == 0);
        order.hold = None;
        order.fulfilment = if whole { Fulfilment::Cancelled } else { order.fulfilment_of_lines() };
        order.details.house.cancelled =
            Some(Cancelled { at: self.now, reason: to_buyer.to_owned(), followed: false });
        self.event("cancelled", reason.to_owned());
        let name = format!("cancelled:{}", order.version);
        if whole {
            self.effects.drops = vec![MailKind::Received, MailKind::Reminder, MailKind::Paid];
            let notice = Notice::Cancelled { reason: reason.to_owned() };
            self.tell(name, notice);
            self.mail(order, MailKind::Cancelled, 1);
        } else {
            self.effects.drops = vec![MailKind::Reminder];
            // The channel's "cancelled" would take back what has left, and so would the mail.
            let text = format!("The rest of the order is cancelled: {reason}");
            self.tell(name, Notice::Note { text });
            self.remark("a part has left, so the buyer gets no mail that says \"cancelled\"".to_owned());
        }
        Ok(())
    }

    /// Notes that the money arrived outside the channel.
    ///
    /// Errors: [`DeedError::Refused`] if it is paid, refunded or cancelled.
    pub fn pay(&mut self, order: &mut Order, at: Timestamp) -> Result<(), DeedError> {
        if order.fulfilment == Fulfilment::Cancelled {
            return refused(format!(
                "{} is cancelled; give the money back or take a new order",
                order.number
            ));
        }
        if !is_unpaid(order.payment) {
            return refused(format!("{} is {} already", order.number, payment_name(order.payment)));
        }
        order.payment = Payment::Paid;
        order.paid_at = Some(at);
        order.details.house.paid_at = Some(at);
        self.event("paid", order.payment_title.clone());
        self.effects.drops = vec![MailKind::Reminder];
        self.tell(format!("paid:{}", order.version), Notice::Paid { at });
        self.mail(order, MailKind::Paid, 1);
        Ok(())
    }

    /// Sends a parcel off.
    ///
    /// Errors: [`DeedError::Refused`] while the order is on hold, when nothing of it (or less than asked) is left to
    /// ship, when the parcel is there already, or when the channel does not know the carrier.
    pub fn ship(&mut self, order: &mut Order, shipment: &Shipment) -> Result<(), DeedError> {
        self.may_ship(order, shipment)?;
        let lines = wanted_lines(order, shipment)?;
        for (no, quantity) in &lines {
            self.ship_line(order, *no, *quantity)?;
        }
        order.fulfilment = order.fulfilment_of_lines();
        let seq = order.parcels.iter().map(|p| p.seq).max().unwrap_or(0) + 1;
        let remote_lines =
            lines.iter().filter_map(|(no, n)| Some((line_of(order, *no)?.remote_id.clone(), *n)));
        let notice = Notice::Shipped(Parcel {
            carrier: shipment.carrier.clone(),
            tracking: shipment.tracking.clone(),
            tracking_url: shipment.tracking_url.clone(),
            shipped_at: self.now,
            lines: remote_lines.collect(),
            completes: order.lines.iter().all(|l| l.to_ship() == 0),
        });
        order.parcels.push(ParcelRecord {
            seq,
            remote_id: String::new(),
            carrier: shipment.carrier.clone(),
            tracking: shipment.tracking.clone(),
            tracking_url: shipment.tracking_url.clone(),
            shipped_at: self.now,
            lines,
            ours: true,
        });
        let number = if shipment.tracking.is_empty() { "no tracking number" } else { &shipment.tracking };
        self.event("shipped", format!("{} {number}", shipment.carrier).trim().to_owned());
        self.tell(format!("shipped:{seq}"), notice);
        self.mail(order, MailKind::Shipped, seq);
        Ok(())
    }

    /// Takes goods of a line back: on sale again at `location`, or set aside there.
    ///
    /// Errors: [`DeedError::Refused`] when fewer than that are with the buyer.
    pub fn take_back(
        &mut self,
        order: &mut Order,
        (no, quantity): (LineNo, i64),
        location: LocationId,
        restock: bool,
    ) -> Result<(), DeedError> {
        let number = order.number.clone();
        let id = order.id;
        let Some(line) = order.lines.iter_mut().find(|l| l.no == no) else {
            return refused(format!("{number} has no line {no}"));
        };
        let out = line.shipped - line.returned;
        if quantity < 1 || quantity > out {
            return refused(format!("{out} of line {no} are with the buyer; {quantity} cannot come back"));
        }
        line.returned += quantity;
        let (item, per, title) = (line.item.filter(|_| order.moves_stock), line.per, line.title.clone());
        let cause = self.cause("returned");
        for (part, units) in item.map(|i| self.catalogue.explode(i, quantity * per)).unwrap_or_default() {
            let at = (part, location);
            if restock {
                self.book.take_in(self.ids, &cause, Account::Shipped, at, units, Some((id, no)))?;
            } else {
                self.book.set_aside_return(self.ids, &cause, at, units, (id, no))?;
            }
        }
        let place = if restock { "on sale again" } else { "set aside" };
        self.event("returned", format!("{quantity} × {title}, {place}"));
        Ok(())
    }

    /// Reminds the buyer of the money.
    pub fn remind(&mut self, order: &Order) {
        self.event("reminded", order.payment_title.clone());
        self.mail(order, MailKind::Reminder, 1);
    }

    fn may_ship(&self, order: &Order, shipment: &Shipment) -> Result<(), DeedError> {
        let number = &order.number;
        if let Some(reason) = &order.hold {
            return refused(format!("{number} is on hold: {reason}; `banto orders release` it first"));
        }
        match order.fulfilment {
            Fulfilment::Cancelled => {
                return refused(format!("{number} is cancelled; nothing of it may leave"));
            }
            Fulfilment::Shipped => return refused(format!("all of {number} has left already")),
            Fulfilment::Open | Fulfilment::Partial => {}
        }
        if !order.moves_stock {
            return refused(format!("{number} is shipped by the marketplace from its own warehouse"));
        }
        let twin = |p: &&ParcelRecord| !shipment.tracking.is_empty() && p.tracking == shipment.tracking;
        if let Some(parcel) = order.parcels.iter().find(twin) {
            return refused(format!(
                "parcel {} of {number} has the number {} already",
                parcel.seq, parcel.tracking
            ));
        }
        let known = self.seller.carriers;
        if !known.is_empty() && Carrier::find(known, &shipment.carrier).is_none() {
            let carrier = &shipment.carrier;
            let names: Vec<&str> = known.iter().map(|c| c.names.first().copied().unwrap_or(c.code)).collect();
            return refused(format!(
                "the channel does not know the carrier {carrier:?}; it knows {}",
                names.join(", ")
            ));
        }
        Ok(())
    }

    fn ship_line(&mut self, order: &mut Order, no: LineNo, quantity: i64) -> Result<(), DeedError> {
        let id = order.id;
        let Some(line) = order.lines.iter_mut().find(|l| l.no == no) else {
            return refused(format!("{} has no line {no}", order.number));
        };
        line.shipped += quantity;
        let Some(item) = line.item else {
            if line.per > 0 {
                let remark = format!("{}: no item is mapped, so no stock has moved for it", line.title);
                self.remark(remark);
            }
            return Ok(());
        };
        let cause = self.cause("shipped");
        for (part, units) in self.catalogue.explode(item, quantity * line.per) {
            let holds = self.book.holds_of(id, Some(no));
            let held: i64 =
                holds.iter().filter(|(k, _)| k.item == part).map(|(_, h)| h.reserved + h.short).sum();
            let from_hold = units.min(held);
            self.book.ship(self.ids, &cause, (id, no), part, from_hold)?;
            let locations = &self.seller.facts.locations;
            self.book.ship_unheld(self.ids, &cause, (id, no), part, units - from_hold, locations)?;
        }
        Ok(())
    }

    /// Gives up everything that the order holds.
    fn free(&mut self, order: &Order) -> Result<(), DeedError> {
        let mut held: BTreeMap<(LineNo, ItemId), i64> = BTreeMap::new();
        for (key, hold) in self.book.holds_of(order.id, None) {
            *held.entry((key.line, key.item)).or_default() += hold.reserved + hold.short;
        }
        let cause = self.cause("cancelled");
        for ((line, item), units) in held {
            self.book.release(self.ids, &cause, (order.id, line), item, units)?;
        }
        Ok(())
    }

    fn cause(&self, reason: &'static str) -> Cause {
        Cause { at: self.now, actor: self.actor.to_owned(), reason }
    }

    fn event(&mut self, kind: &'static str, detail: String) {
        self.effects.events.push(Event { kind, detail, actor: self.actor.to_owned() });
    }

    fn remark(&mut self, remark: String) {
        self.effects.remarks.push(remark);
    }

    fn tell(&mut self, name: String, notice: Notice) {
        if self.seller.facts.live_since.is_none() {
            self.remark("the channel is only observed and is not told".to_owned());
        } else if self.seller.notices.contains(&notice.kind()) {
            self.effects.notices.push((name, notice));
        } else {
            let what = match notice.kind() {
                NoticeKind::Shipped => "shipments",
                NoticeKind::Cancelled => "cancellations",
                NoticeKind::Paid => "payments",
                NoticeKind::Note => "notes",
                NoticeKind::Confirmed => "confirmations",
            };
            self.remark(format!("the channel cannot be told of {what}; note it there by hand"));
        }
    }

    fn mail(&mut self, order: &Order, kind: MailKind, revision: i64) {
        match mail_wanted(self.seller.facts, order, kind) {
            Ok(by_hand) => self.effects.mails.push(MailIntent { kind, revision, by_hand }),
            Err(why) => self.remark(format!("no mail {:?} to the buyer: {why}", kind.name())),
        }
    }
}

/// Whether we mail the buyer about this, and whether it then waits for a person; else why not.
///
/// Errors: the reason, in plain words.
pub fn mail_wanted(facts: &ChannelFacts, order: &Order, kind: MailKind) -> Result<bool, &'static str> {
    let rule = facts.mails.of(kind);
    match rule.owner {
        MailOwner::Us => {}
        MailOwner::Channel => return Err("the channel sends it"),
        MailOwner::Nobody => return Err("nobody is to send it"),
    }
    match facts.live_since {
        None => return Err("the channel is only observed"),
        Some(_) if !facts.was_live_at(order.placed_at) => {
            return Err("the order was placed before the channel went live");
        }
        Some(_) => {}
    }
    if order.details.buyer.email.is_empty() {
        return Err("the channel gives no mail address");
    }
    Ok(rule.by_hand)
}

fn line_of(order: &Order, no: LineNo) -> Option<&super::order::Line> {
    order.lines.iter().find(|l| l.no == no)
}

fn wanted_lines(order: &Order, shipment: &Shipment) -> Result<Vec<(LineNo, i64)>, DeedError> {
    if shipment.lines.is_empty() {
        let all: Vec<_> = order.lines.iter().map(|l| (l.no, l.to_ship())).filter(|(_, n)| *n > 0).collect();
        if all.is_empty() {
            return refused(format!("{} has nothing to ship", order.number));
        }
        return Ok(all);
    }
    let mut wanted: BTreeMap<LineNo, i64> = BTreeMap::new();
    for (no, quantity) in &shipment.lines {
        if *quantity < 1 {
            return refused(format!("{quantity} of line {no} cannot be shipped"));
        }
        *wanted.entry(*no).or_default() += quantity;
    }
    for (no, quantity) in &wanted {
        let Some(line) = line_of(order, *no) else {
            return refused(format!("{} has no line {no}", order.number));
        };
        let left = line.to_ship();
        if *quantity > left {
            return refused(format!("{left} of line {no} ({}) are left to ship, not {quantity}", line.title));
        }
    }
    Ok(wanted.into_iter().collect())
}
