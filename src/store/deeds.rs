//! What a person or a deadline wishes for an order: done and committed, or rehearsed, which is the same without the
//! commit. There is no second way to tell what a wish would do.

use std::collections::{BTreeMap, BTreeSet};

use banto_channel::{Bilingual, NoticeKind, Timestamp, both};

use super::db::args;
use super::mails::{MailAct, MailKey};
use super::tables::{MailRow, ReservationRow};
use super::{Result, Store, StoreError, Write, keys, sql};
use crate::domain::deeds::{Deed, DeedError, Effects, Seller, Shipment, on_hold};
use crate::domain::intake::Catalogue;
use crate::domain::order::{Line, Order, fulfilment_name, payment_name};
use crate::domain::stock::{Account, Entry};
use crate::domain::timeline::hold_in_words;
use crate::domain::{ItemId, LineNo, LocationId, OrderId};

/// Something that somebody wants done to an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// The channel is told that the house takes it.
    Confirm,
    /// It stops, and its waiting mails with it.
    Hold {
        /// Why, for whoever finds it.
        reason: String,
    },
    /// It goes on, and its held mails with it.
    Release,
    /// Its money arrived outside the channel.
    Pay {
        /// When.
        at: Timestamp,
    },
    /// A parcel leaves.
    Ship(Shipment),
    /// What has not left is cancelled.
    Cancel {
        /// Why, for the record and the channel.
        reason: String,
        /// Why, for the buyer; empty says nothing.
        to_buyer: String,
    },
    /// Goods of a line come back.
    Return {
        /// Which line, and how many.
        goods: (LineNo, i64),
        /// Where they lie now.
        location: LocationId,
        /// On sale again, or set aside.
        restock: bool,
    },
    /// The buyer is reminded of the money.
    Remind,
    /// The mails that wait for a person's word go out.
    SendMails,
}

/// Something that somebody does to an order.
#[derive(Clone, Copy, Debug)]
pub struct Act<'a> {
    /// Which order.
    pub order: OrderId,
    /// The version that was looked at; `None` acts on whatever there is.
    pub version: Option<i64>,
    /// Its channel.
    pub seller: Seller<'a>,
    /// Who.
    pub actor: &'a str,
    /// When.
    pub now: Timestamp,
}

/// What was done, or would be.
#[derive(Clone, Debug)]
pub struct Done {
    /// The order as it is now.
    pub order: Order,
    /// What a person should know: who is not told, and why.
    pub remarks: Vec<Bilingual>,
    /// What the channel is told.
    pub notices: Vec<NoticeKind>,
    /// Mails of the order that came or changed their state.
    pub mails: Vec<MailChange>,
    /// Goods that moved, of this order or of those that wait for what it gives up.
    pub moves: Vec<Move>,
}

/// What happened to one mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailChange {
    /// Its row as it is now.
    pub mail: MailRow,
    /// Its state before; `None` if it was not there.
    pub before: Option<String>,
}

/// Goods that moved from one account to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    /// What.
    pub item: ItemId,
    /// Where.
    pub location: LocationId,
    /// Out of which account.
    pub source: Account,
    /// Into which.
    pub target: Account,
    /// How many.
    pub quantity: i64,
    /// For which order.
    pub order: Option<OrderId>,
}

/// Why a wish is not granted. Nothing of it has happened then.
#[derive(Debug, thiserror::Error)]
pub enum Denied {
    /// As things stand it cannot be.
    #[error("{0}")]
    Refused(Bilingual),
    /// Somebody or something changed the order since it was looked at.
    #[error("{number} has changed since it was looked at (version {seen}, now {now}); look again")]
    Changed {
        /// The order's number.
        number: String,
        /// The version that was looked at.
        seen: i64,
        /// The version that it has.
        now: i64,
    },
    /// The store itself.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Denied {
    /// Why, for a person.
    #[must_use]
    pub fn why(&self) -> Bilingual {
        match self {
            Self::Refused(why) => why.clone(),
            Self::Changed { number, .. } => both!(
                "{number} has changed since it was looked at; nothing was done",
                "{number}は表示した後に変更されました。操作は行われていません"
            ),
            Self::Store(error) => error.words(),
        }
    }
}

impl From<DeedError> for Denied {
    fn from(error: DeedError) -> Self {
        match error {
            DeedError::Refused(why) => Self::Refused(why),
            DeedError::Stock(error) => Self::Store(StoreError::Stock(error)),
        }
    }
}

impl From<Denied> for StoreError {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Store(error) => error,
            other => Self::Refused(Bilingual { en: other.to_string(), ja: other.why().ja }),
        }
    }
}

impl Wish {
    /// What the audit calls it.
    const fn action(&self) -> &'static str {
        match self {
            Self::Confirm => "order_confirm",
            Self::Hold { .. } => "order_hold",
            Self::Release => "order_release",
            Self::Pay { .. } => "order_pay",
            Self::Ship(_) => "order_ship",
            Self::Cancel { .. } => "order_cancel",
            Self::Return { .. } => "order_return",
            Self::Remind => "order_remind",
            Self::SendMails => "mail_send",
        }
    }

    /// What the audit says of it.
    fn detail(&self) -> String {
        match self {
            Self::Hold { reason } | Self::Cancel { reason, .. } => reason.clone(),
            Self::Ship(shipment) => format!("{} {}", shipment.carrier, shipment.tracking).trim().to_owned(),
            Self::Return { goods: (line, quantity), restock, .. } => {
                format!("line {line}: {quantity}{}", if *restock { ", on sale again" } else { "" })
            }
            Self::Confirm | Self::Release | Self::Pay { .. } | Self::Remind | Self::SendMails => {
                String::new()
            }
        }
    }

    fn apply(&self, deed: &mut Deed<'_>, order: &mut Order) -> Result<(), DeedError> {
        match self {
            Self::Confirm => deed.confirm(order),
            Self::Hold { reason } => deed.hold(order, reason),
            Self::Release => deed.release(order),
            Self::Pay { at } => deed.pay(order, *at),
            Self::Ship(shipment) => deed.ship(order, shipment),
            Self::Cancel { reason, to_buyer } => deed.cancel(order, reason, to_buyer),
            Self::Return { goods, location, restock } => deed.take_back(order, *goods, *location, *restock),
            Self::Remind => deed.remind(order),
            // Nothing about the order itself changes.
            Self::SendMails => Ok(()),
        }
    }
}

impl Store {
    /// Does what somebody wishes for an order, and everything that follows.
    ///
    /// Errors: [`Denied`] with the reason; nothing has happened then.
    pub async fn grant(&self, act: &Act<'_>, wish: &Wish) -> Result<Done, Denied> {
        let mut write = self.write().await?;
        let done = write.grant(act, wish).await?;
        write.commit().await?;
        Ok(done)
    }

    /// What would come of wishes, one after the other, each on what the ones before it leave. Nothing is kept.
    ///
    /// Errors: the store's own; what is refused stands in the answer.
    pub async fn rehearse(&self, wishes: &[(Act<'_>, Wish)]) -> Result<Vec<Result<Done, Denied>>> {
        let mut write = self.write().await?;
        let mut outcomes = Vec::with_capacity(wishes.len());
        for (act, wish) in wishes {
            match write.grant(act, wish).await {
                Err(Denied::Store(error @ (StoreError::Sql(_) | StoreError::DiskFull))) => return Err(error),
                outcome => outcomes.push(outcome),
            }
        }
        // Dropping the transaction undoes it all.
        Ok(outcomes)
    }

    /// Stops an order and its waiting mails.
    ///
    /// Errors: [`StoreError::Refused`] if it is on hold already or nothing is left to stop; [`StoreError::NotFound`].
    pub async fn hold_order(&self, act: &Act<'_>, reason: &str) -> Result<Done> {
        Ok(self.grant(act, &Wish::Hold { reason: reason.to_owned() }).await?)
    }

    /// Lets an order and its held mails go on.
    ///
    /// Errors: [`StoreError::Refused`] if it is not on hold; [`StoreError::NotFound`].
    pub async fn release_order(&self, act: &Act<'_>) -> Result<Done> {
        Ok(self.grant(act, &Wish::Release).await?)
    }

    /// Cancels what has not left; its goods are free again, for other orders first.
    ///
    /// Errors: [`StoreError::Refused`] if nothing is left to cancel; [`StoreError::NotFound`].
    pub async fn cancel_order(&self, act: &Act<'_>, reason: &str, to_buyer: &str) -> Result<Done> {
        let wish = Wish::Cancel { reason: reason.to_owned(), to_buyer: to_buyer.to_owned() };
        Ok(self.grant(act, &wish).await?)
    }

    /// Notes that an order's money arrived outside its channel.
    ///
    /// Errors: [`StoreError::Refused`] if it is paid or cancelled; [`StoreError::NotFound`].
    pub async fn pay_order(&self, act: &Act<'_>, at: Timestamp) -> Result<Done> {
        Ok(self.grant(act, &Wish::Pay { at }).await?)
    }

    /// Sends a parcel off: stock leaves, the channel is told, the buyer gets a mail.
    ///
    /// Errors: [`StoreError::Refused`] with the reason; [`StoreError::NotFound`].
    pub async fn ship_order(&self, act: &Act<'_>, shipment: &Shipment) -> Result<Done> {
        Ok(self.grant(act, &Wish::Ship(shipment.clone())).await?)
    }

    /// Takes goods of a line back, on sale again or set aside.
    ///
    /// Errors: [`StoreError::Refused`] when fewer than that are with the buyer; [`StoreError::NotFound`].
    pub async fn return_goods(
        &self,
        act: &Act<'_>,
        goods: (LineNo, i64),
        location: LocationId,
        restock: bool,
    ) -> Result<Done> {
        Ok(self.grant(act, &Wish::Return { goods, location, restock }).await?)
    }

    /// Tells the channel that the house takes an order.
    ///
    /// Errors: [`StoreError::Refused`] with the reason; [`StoreError::NotFound`].
    pub async fn confirm_order(&self, act: &Act<'_>) -> Result<Done> {
        Ok(self.grant(act, &Wish::Confirm).await?)
    }

    /// Reminds a buyer of the money.
    ///
    /// Errors: [`StoreError::Refused`] if it has come, or the order changed since it was looked at;
    /// [`StoreError::NotFound`].
    pub async fn remind_order(&self, act: &Act<'_>) -> Result<Done> {
        Ok(self.grant(act, &Wish::Remind).await?)
    }
}

impl Write {
    /// Grants a wish within this transaction.
    async fn grant(&mut self, act: &Act<'_>, wish: &Wish) -> Result<Done, Denied> {
        let order = self.order_as_seen(act).await?;
        let before: Vec<MailRow> = self.tx.all(sql::MAILS_OF_ORDER, args![act.order]).await?;
        let mut done = match wish {
            Wish::SendMails => self.send_waiting(act, order, &before).await?,
            _ => self.deed(act, wish, order).await?,
        };
        match wish {
            Wish::Hold { .. } => drop(self.hold_mails(act.order, act.now).await?),
            Wish::Release => drop(self.release_mails(act.seller.facts, &done.order, act.now).await?),
            _ => {}
        }
        let after: Vec<MailRow> = self.tx.all(sql::MAILS_OF_ORDER, args![act.order]).await?;
        done.mails = mail_changes(&before, after);
        Ok(done)
    }

    /// The order, if it is this channel's and still what was looked at.
    async fn order_as_seen(&mut self, act: &Act<'_>) -> Result<Order, Denied> {
        let order = self.whole_order(act.order).await?;
        let facts = act.seller.facts;
        if order.channel != facts.id {
            let (number, channel) = (&order.number, &facts.name);
            return Err(Denied::Refused(both!(
                "{number} is not an order of {channel}",
                "{number}は{channel}の注文ではありません"
            )));
        }
        match act.version.filter(|seen| *seen != order.version) {
            Some(seen) => Err(Denied::Changed { number: order.number, seen, now: order.version }),
            None => Ok(order),
        }
    }

    /// Does a deed and writes everything that follows, but does not commit.
    async fn deed(&mut self, act: &Act<'_>, wish: &Wish, mut order: Order) -> Result<Done, Denied> {
        let (seller, before) = (act.seller, state(&order));
        let held: Vec<ReservationRow> =
            self.tx.all(sql::RESERVATIONS_OF_ORDERS, args![&keys([order.id])?]).await?;
        let mut items: BTreeSet<ItemId> = order.lines.iter().filter_map(|l| l.item).collect();
        items.extend(held.iter().map(|r| r.item_id));
        let mut catalogue = Catalogue::default();
        let mut book = self.load_book(&mut catalogue.components, &items, &[order.id]).await?;
        book.allow(order.id, &seller.facts.locations);
        let effects = {
            // Its own block: a deed borrows what cannot cross an await.
            let mut deed = Deed {
                seller,
                catalogue: &catalogue,
                book: &mut book,
                ids: &mut self.ids,
                actor: act.actor,
                now: act.now,
                effects: Effects::default(),
            };
            wish.apply(&mut deed, &mut order)?;
            deed.effects
        };
        order.version += 1;
        let moves = moves(&book.entries);
        self.write_book(book).await?;
        self.drop_mails(order.id, &effects.drops, act.now).await?;
        self.write_order(&order, effects.events, &effects.mails, act.now).await?;
        let notices = effects.notices.iter().map(|(_, notice)| notice.kind()).collect();
        self.tell_channel(&order, &seller.facts.name, effects.notices, act.now).await?;
        let subject = format!("{}/{} #{}", seller.facts.name, order.number, order.id);
        let states = (before.as_str(), &*state(&order));
        self.audit_change(act.actor, wish.action(), &subject, &wish.detail(), states, act.now).await?;
        Ok(Done { order, remarks: effects.remarks, notices, mails: Vec::new(), moves })
    }

    async fn send_waiting(&mut self, act: &Act<'_>, order: Order, mails: &[MailRow]) -> Result<Done, Denied> {
        if let Some(why) = on_hold(&order) {
            return Err(Denied::Refused(why));
        }
        let number = &order.number;
        let waiting: Vec<MailKey> =
            mails.iter().filter(|mail| mail.state == "by_hand").filter_map(MailRow::key).collect();
        if waiting.is_empty() {
            return Err(Denied::Refused(both!(
                "no mail of {number} waits to be sent",
                "{number}に送信待ちのメールはありません"
            )));
        }
        for key in &waiting {
            self.act_on_mail(key, MailAct::Send, act.actor, act.now).await?;
        }
        Ok(Done { order, remarks: Vec::new(), notices: Vec::new(), mails: Vec::new(), moves: Vec::new() })
    }
}

/// What of an order a deed may change, for the audit.
fn state(order: &Order) -> String {
    let units = |of: fn(&Line) -> i64| order.lines.iter().map(of).sum::<i64>();
    serde_json::json!({
        "payment": payment_name(order.payment),
        "fulfilment": fulfilment_name(order.fulfilment),
        "hold": order.hold.as_deref().map(|why| hold_in_words(why).en),
        "shipped": units(|line| line.shipped),
        "cancelled": units(|line| line.cancelled),
        "returned": units(|line| line.returned),
        "version": order.version,
    })
    .to_string()
}

fn mail_changes(before: &[MailRow], after: Vec<MailRow>) -> Vec<MailChange> {
    let changed = |mail: MailRow| {
        let same = |b: &&MailRow| b.kind == mail.kind && b.revision == mail.revision;
        let before = before.iter().find(same).map(|b| b.state.clone());
        (before.as_ref() != Some(&mail.state)).then_some(MailChange { mail, before })
    };
    after.into_iter().filter_map(changed).collect()
}

/// Entries of the same kind as one, in the order of items.
fn moves(entries: &[Entry]) -> Vec<Move> {
    let mut sums: BTreeMap<(ItemId, LocationId, Option<OrderId>, &str, &str), Move> = BTreeMap::new();
    for entry in entries {
        let order = entry.cause.map(|(order, _)| order);
        let key = (entry.item, entry.location, order, entry.source.name(), entry.target.name());
        let new = Move {
            item: entry.item,
            location: entry.location,
            source: entry.source,
            target: entry.target,
            quantity: 0,
            order,
        };
        sums.entry(key).or_insert(new).quantity += entry.quantity;
    }
    sums.into_values().collect()
}
