//! What a person or a deadline does to an order: hold, release, cancel, pay, ship, take back. Each deed changes the
//! order and the ledger, and says what the buyer and the channel are to be told.

use std::collections::BTreeMap;

use banto_channel::{
    Bilingual, Carrier, Fulfilment, MailOwner, Notice, NoticeKind, Parcel, Payment, Timestamp, both,
};

use super::intake::{Catalogue, ChannelFacts, is_unpaid};
use super::mail_policy::{MailIntent, MailKind};
use super::order::{Cancelled, Event, Order, ParcelRecord, fulfilment_in_words, payment_in_words};
use super::stock::{Account, Book, Cause, StockError};
use super::timeline::{NO_TRACKING, ON_SALE_AGAIN, SET_ASIDE, hold_in_words};
use super::{Ids, ItemId, LineNo, LocationId};

/// Why a deed is not done. Nothing of it has happened then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeedError {
    /// As things stand it cannot be; says why and what to do.
    #[error("{0}")]
    Refused(Bilingual),
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
    pub remarks: Vec<Bilingual>,
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

fn refused<T>(why: Bilingual) -> Result<T, DeedError> {
    Err(DeedError::Refused(why))
}

/// That an order is on hold, and why, if it is.
#[must_use]
pub fn on_hold(order: &Order) -> Option<Bilingual> {
    let (number, why) = (&order.number, hold_in_words(order.hold.as_ref()?));
    Some(both!("{number} is on hold: {en}", "{number}は保留中です（{ja}）", en = why.en, ja = why.ja))
}

impl Deed<'_> {
    /// Stops an order: nothing is shipped and no mail goes out until it is released.
    ///
    /// Errors: [`DeedError::Refused`] if it is on hold already, or nothing is left to stop.
    pub fn hold(&mut self, order: &mut Order, reason: &str) -> Result<(), DeedError> {
        if let Some(there) = &order.hold {
            let (number, why) = (&order.number, hold_in_words(there));
            return refused(both!(
                "{number} is on hold already: {en}",
                "{number}はすでに保留中です（{ja}）",
                en = why.en,
                ja = why.ja
            ));
        }
        if !order.is_open() {
            let (number, state) = (&order.number, fulfilment_in_words(order.fulfilment));
            return refused(both!(
                "{number} is {en}; there is nothing to hold",
                "{number}は{ja}です。保留するものがありません",
                en = state.en,
                ja = state.ja
            ));
        }
        let reason = Bilingual::quoted(reason).packed();
        order.hold = Some(reason.clone());
        self.event("held", reason);
        Ok(())
    }

    /// Lets an order go on.
    ///
    /// Errors: [`DeedError::Refused`] if it is not on hold.
    pub fn release(&mut self, order: &mut Order) -> Result<(), DeedError> {
        let Some(reason) = order.hold.take() else {
            return refused(both!("{n} is not on hold", "{n}は保留中ではありません", n = order.number));
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
            return refused(both!(
                "the channel of {number} does not wait for a confirmation",
                "{number}のチャネルは受注確認を必要としません"
            ));
        }
        if order.details.house.confirmed_at.is_some() {
            return refused(both!("{number} is confirmed already", "{number}は確認済みです"));
        }
        if let Some(why) = on_hold(order) {
            return refused(why);
        }
        if !order.is_open() {
            let state = fulfilment_in_words(order.fulfilment);
            return refused(both!(
                "{number} is {en}; there is nothing to confirm",
                "{number}は{ja}です。確認するものがありません",
                en = state.en,
                ja = state.ja
            ));
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
            Fulfilment::Cancelled => {
                return refused(both!(
                    "{n} is cancelled already",
                    "{n}はすでにキャンセル済みです",
                    n = order.number
                ));
            }
            Fulfilment::Shipped => {
                return refused(both!(
                    "all of {n} has left; what comes back is taken in as a return",
                    "{n}はすべて出荷済みです。返品として受け入れてください",
                    n = order.number
                ));
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
        self.event("cancelled", Bilingual::quoted(reason).packed());
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
            self.remark(both!(
                "a part has left, so the buyer gets no mail that says \"cancelled\"",
                "一部が出荷済みのため、購入者へキャンセルのメールは送りません"
            ));
        }
        Ok(())
    }

    /// Notes that the money arrived outside the channel.
    ///
    /// Errors: [`DeedError::Refused`] if it is paid, refunded or cancelled.
    pub fn pay(&mut self, order: &mut Order, at: Timestamp) -> Result<(), DeedError> {
        if order.fulfilment == Fulfilment::Cancelled {
            return refused(both!(
                "{n} is cancelled; give the money back or take a new order",
                "{n}はキャンセル済みです。返金するか、新しい注文を受けてください",
                n = order.number
            ));
        }
        if !is_unpaid(order.payment) {
            let (number, state) = (&order.number, payment_in_words(order.payment));
            return refused(both!(
                "{number} is {en} already",
                "{number}はすでに{ja}です",
                en = state.en,
                ja = state.ja
            ));
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
        let number = if shipment.tracking.is_empty() { NO_TRACKING } else { &shipment.tracking };
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
            return refused(both!("{number} has no line {no}", "{number}に明細{no}はありません"));
        };
        let out = line.shipped - line.returned;
        if quantity < 1 || quantity > out {
            return refused(both!(
                "{out} of line {no} are with the buyer; {quantity} cannot come back",
                "明細{no}で購入者の手元にあるのは{out}点です。{quantity}点は返品できません"
            ));
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
        let phrase = if restock { ON_SALE_AGAIN } else { SET_ASIDE };
        self.event("returned", phrase.fill(&[&quantity.to_string(), &title]));
        Ok(())
    }

    /// Reminds the buyer of the money.
    ///
    /// Errors: [`DeedError::Refused`] if it has come, or the order is ended or on hold.
    pub fn remind(&mut self, order: &Order) -> Result<(), DeedError> {
        let number = &order.number;
        if !is_unpaid(order.payment) || !order.is_open() {
            return refused(both!("{number} waits for no money", "{number}は入金待ちではありません"));
        }
        if let Some(why) = on_hold(order) {
            return refused(why);
        }
        self.event("reminded", order.payment_title.clone());
        self.mail(order, MailKind::Reminder, 1);
        Ok(())
    }

    fn may_ship(&self, order: &Order, shipment: &Shipment) -> Result<(), DeedError> {
        let number = &order.number;
        if let Some(why) = order.hold.as_deref().map(hold_in_words) {
            return refused(both!(
                "{number} is on hold: {en}; release it first",
                "{number}は保留中です（{ja}）。先に保留を解除してください",
                en = why.en,
                ja = why.ja
            ));
        }
        match order.fulfilment {
            Fulfilment::Cancelled => {
                return refused(both!(
                    "{number} is cancelled; nothing of it may leave",
                    "{number}はキャンセル済みです。出荷できません"
                ));
            }
            Fulfilment::Shipped => {
                return refused(both!("all of {number} has left already", "{number}はすべて出荷済みです"));
            }
            Fulfilment::Open | Fulfilment::Partial => {}
        }
        if !order.moves_stock {
            return refused(both!(
                "{number} is shipped by the marketplace from its own warehouse",
                "{number}はモールの倉庫から出荷されます"
            ));
        }
        let twin = |p: &&ParcelRecord| !shipment.tracking.is_empty() && p.tracking == shipment.tracking;
        if let Some(parcel) = order.parcels.iter().find(twin) {
            return refused(both!(
                "parcel {seq} of {number} has the number {tracking} already",
                "{number}の荷物{seq}にはすでに追跡番号{tracking}があります",
                seq = parcel.seq,
                tracking = parcel.tracking
            ));
        }
        let known = self.seller.carriers;
        if !known.is_empty() && Carrier::find(known, &shipment.carrier).is_none() {
            let carrier = &shipment.carrier;
            let names: Vec<&str> = known.iter().map(|c| c.names.first().copied().unwrap_or(c.code)).collect();
            let names = names.join(", ");
            return refused(both!(
                "the channel does not know the carrier {carrier:?}; it knows {names}",
                "チャネルは配送会社「{carrier}」を受け付けません。使えるのは {names} です"
            ));
        }
        Ok(())
    }

    fn ship_line(&mut self, order: &mut Order, no: LineNo, quantity: i64) -> Result<(), DeedError> {
        let id = order.id;
        let Some(line) = order.lines.iter_mut().find(|l| l.no == no) else {
            return refused(both!("{n} has no line {no}", "{n}に明細{no}はありません", n = order.number));
        };
        line.shipped += quantity;
        let Some(item) = line.item else {
            if line.per > 0 {
                let remark = both!(
                    "{title}: no item is mapped, so no stock has moved for it",
                    "{title}：商品に紐付いていないため、在庫は動いていません",
                    title = line.title
                );
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

    fn remark(&mut self, remark: Bilingual) {
        self.effects.remarks.push(remark);
    }

    fn tell(&mut self, name: String, notice: Notice) {
        if self.seller.facts.live_since.is_none() {
            self.remark(both!(
                "the channel is only observed and is not told",
                "チャネルは観察モードのため、通知しません"
            ));
        } else if self.seller.notices.contains(&notice.kind()) {
            self.effects.notices.push((name, notice));
        } else {
            let (en, ja) = match notice.kind() {
                NoticeKind::Shipped => ("shipments", "出荷"),
                NoticeKind::Cancelled => ("cancellations", "キャンセル"),
                NoticeKind::Paid => ("payments", "入金"),
                NoticeKind::Note => ("notes", "メモ"),
                NoticeKind::Confirmed => ("confirmations", "受注確認"),
            };
            self.remark(both!(
                "the channel cannot be told of {en}; note it there by hand",
                "このチャネルには{ja}を通知できません。チャネルの画面で入力してください"
            ));
        }
    }

    fn mail(&mut self, order: &Order, kind: MailKind, revision: i64) {
        match mail_wanted(self.seller.facts, order, kind) {
            Ok(by_hand) => self.effects.mails.push(MailIntent { kind, revision, by_hand }),
            Err(why) => {
                let (name, why) = (kind.name(), unmailed(why));
                self.remark(both!(
                    "no mail {name:?} to the buyer: {en}",
                    "購入者へのメール（{kind}）は送りません：{ja}",
                    kind = mail_in_words(kind).ja,
                    en = why.en,
                    ja = why.ja
                ));
            }
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
        MailOwner::Channel => return Err(SENT_BY_CHANNEL),
        MailOwner::Nobody => return Err(SENT_BY_NOBODY),
    }
    match facts.live_since {
        None => return Err(OBSERVED),
        Some(_) if !facts.was_live_at(order.placed_at) => {
            return Err(BEFORE_LIVE);
        }
        Some(_) => {}
    }
    if order.details.buyer.email.is_empty() {
        return Err(NO_ADDRESS);
    }
    Ok(rule.by_hand)
}

/// Why nobody is mailed, for a person: the reasons of [`mail_wanted`].
fn unmailed(why: &'static str) -> Bilingual {
    let ja = match why {
        SENT_BY_CHANNEL => "チャネルが送ります",
        SENT_BY_NOBODY => "送らない設定です",
        OBSERVED => "チャネルは観察モードです",
        BEFORE_LIVE => "チャネルを本番にする前の注文です",
        NO_ADDRESS => "チャネルからメールアドレスが渡されません",
        other => other,
    };
    Bilingual { en: why.to_owned(), ja: ja.to_owned() }
}

/// A kind of mail as people call it.
#[must_use]
pub fn mail_in_words(kind: MailKind) -> Bilingual {
    match kind {
        MailKind::Received => both!("order received", "注文受付"),
        MailKind::Paid => both!("payment received", "入金確認"),
        MailKind::Shipped => both!("shipped", "発送通知"),
        MailKind::Cancelled => both!("cancelled", "キャンセル"),
        MailKind::Reminder => both!("payment reminder", "入金のお願い"),
    }
}

const SENT_BY_CHANNEL: &str = "the channel sends it";
const SENT_BY_NOBODY: &str = "nobody is to send it";
const OBSERVED: &str = "the channel is only observed";
const BEFORE_LIVE: &str = "the order was placed before the channel went live";
const NO_ADDRESS: &str = "the channel gives no mail address";

fn line_of(order: &Order, no: LineNo) -> Option<&super::order::Line> {
    order.lines.iter().find(|l| l.no == no)
}

fn wanted_lines(order: &Order, shipment: &Shipment) -> Result<Vec<(LineNo, i64)>, DeedError> {
    if shipment.lines.is_empty() {
        let all: Vec<_> = order.lines.iter().map(|l| (l.no, l.to_ship())).filter(|(_, n)| *n > 0).collect();
        if all.is_empty() {
            return refused(both!(
                "{n} has nothing to ship",
                "{n}に出荷するものがありません",
                n = order.number
            ));
        }
        return Ok(all);
    }
    let mut wanted: BTreeMap<LineNo, i64> = BTreeMap::new();
    for (no, quantity) in &shipment.lines {
        if *quantity < 1 {
            return refused(both!(
                "{quantity} of line {no} cannot be shipped",
                "明細{no}の数量{quantity}は出荷できません"
            ));
        }
        *wanted.entry(*no).or_default() += quantity;
    }
    for (no, quantity) in &wanted {
        let Some(line) = line_of(order, *no) else {
            return refused(both!("{n} has no line {no}", "{n}に明細{no}はありません", n = order.number));
        };
        let left = line.to_ship();
        if *quantity > left {
            return refused(both!(
                "{left} of line {no} ({title}) are left to ship, not {quantity}",
                "明細{no}（{title}）で未出荷なのは{left}点です。{quantity}点は出荷できません",
                title = line.title
            ));
        }
    }
    Ok(wanted.into_iter().collect())
}
