//! The API of a simulated marketplace: what its connector can ask, what goes wrong on the way.

use banto_channel::{
    IdempotencyKey, ListingId, Notice, ProbeReport, RemoteOffer, RemoteOrderId, Secret, Timestamp,
};

use super::book::Found;
use super::shelf::Verdict;
use super::{Inner, SimMarket, hooks};
use crate::faults::Fault;
use crate::market::{MarketOrder, Seen};

/// Why a call brought no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// An HTTP status that is no success, with its explanation.
    Status { code: u16, retry_after: Option<u32>, text: &'static str },
    /// A web page.
    Html,
    /// An answer that breaks off.
    Torn,
    /// An answer larger than anybody reads.
    TooLarge(usize),
    /// The connection closed.
    Closed,
}

/// What a batch of quantities was answered with.
pub(crate) enum StockAnswer {
    /// Decided, item by item.
    Now(Vec<Verdict>),
    /// The number of a feed.
    Later(usize),
}

/// What a notice was answered with.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NoticeAnswer {
    Done,
    NoSuchOrder,
    /// The order is past that.
    TooLate(&'static str),
}

impl SimMarket {
    /// Every call comes through this door: the credential, then the fault that is due, then the deed.
    fn call<T>(
        &self,
        token: &Secret,
        call: String,
        stock: &[(ListingId, i64)],
        act: impl FnOnce(&mut Inner, Timestamp) -> T,
    ) -> Result<T, Trouble> {
        let now = self.clock.now();
        let mut inner = self.inner();
        inner.saw(Seen { call, stock: stock.to_vec(), at: now });
        let expired = self.setup.token_expires.is_some_and(|end| end <= now);
        if !inner.accepts || expired || *token != self.setup.token {
            return Err(Trouble::Status { code: 401, retry_after: None, text: "the token is not accepted" });
        }
        match self.faults.for_call() {
            Some(Fault::Status { code, retry_after }) => {
                Err(Trouble::Status { code, retry_after, text: "not now" })
            }
            Some(Fault::Html) => Err(Trouble::Html),
            Some(Fault::Reset) => Err(Trouble::Closed),
            fault => {
                let answer = act(&mut inner, now);
                match fault {
                    Some(Fault::Torn) => Err(Trouble::Torn),
                    Some(Fault::Huge(bytes)) => Err(Trouble::TooLarge(bytes)),
                    Some(Fault::LostAnswer) => Err(Trouble::Closed),
                    _ => Ok(answer),
                }
            }
        }
    }

    pub(crate) fn about(&self, token: &Secret) -> Result<ProbeReport, Trouble> {
        self.call(token, "GET /me".to_owned(), &[], |_, _| ProbeReport {
            server: format!("sim {}", self.setup.name),
            credentials_expire: self.setup.token_expires,
            warnings: Vec::new(),
        })
    }

    /// Orders changed at `from` or later, whether there are more, and the marketplace's time.
    pub(crate) fn search_orders(
        &self,
        token: &Secret,
        from: (Timestamp, u64),
    ) -> Result<(Found, bool, Timestamp), Trouble> {
        self.call(token, "GET /orders".to_owned(), &[], |inner, now| {
            let (found, more) = inner.book.search(from, self.setup.page_size, now);
            (found, more, now)
        })
    }

    /// The texts of the orders that it knows among these.
    pub(crate) fn read_orders(&self, token: &Secret, ids: &[RemoteOrderId]) -> Result<Vec<String>, Trouble> {
        self.call(token, "GET /orders/some".to_owned(), &[], |inner, _| {
            ids.iter().filter_map(|id| inner.book.get(id)).map(super::order::Order::text).collect()
        })
    }

    /// One order as a marketplace tells about its parcels and notes.
    pub(crate) fn read_order(&self, token: &Secret, id: &RemoteOrderId) -> Result<Option<Dealt>, Trouble> {
        self.call(token, format!("GET /orders/{id}"), &[], |inner, _| {
            inner.book.get(id).map(|order| Dealt { truth: order.truth(), parcels: order.parcels.clone() })
        })
    }

    pub(crate) fn set_stock(
        &self,
        token: &Secret,
        items: &[(ListingId, i64)],
        keys: &[IdempotencyKey],
    ) -> Result<StockAnswer, Trouble> {
        let can = &self.setup.capabilities;
        self.call(token, "POST /stock".to_owned(), items, |inner, now| {
            if can.stock_answers_later {
                return StockAnswer::Later(inner.shelf.take_feed(items.to_vec(), now));
            }
            let mut verdicts = Vec::with_capacity(items.len());
            for ((listing, quantity), key) in items.iter().zip(keys) {
                if can.keeps_idempotency_keys && inner.keys.contains(key) {
                    verdicts.push(Ok(()));
                    continue;
                }
                let verdict = inner.shelf.set_unless_refused(listing, *quantity, &self.faults);
                if can.keeps_idempotency_keys && verdict.is_ok() {
                    inner.keys.insert(key.clone());
                }
                verdicts.push(verdict);
            }
            StockAnswer::Now(verdicts)
        })
    }

    /// `None` for a feed that was never taken; empty while it is undecided.
    pub(crate) fn ask_feed(
        &self,
        token: &Secret,
        number: usize,
    ) -> Result<Option<Vec<(ListingId, Verdict)>>, Trouble> {
        self.call(token, format!("GET /feeds/{number}"), &[], |inner, _| {
            inner.shelf.ask_feed(number, &self.faults)
        })
    }

    /// Offers whose id comes after `after`, and whether there are more.
    pub(crate) fn search_offers(
        &self,
        token: &Secret,
        after: Option<&ListingId>,
    ) -> Result<(Vec<RemoteOffer>, bool), Trouble> {
        self.call(token, "GET /offers".to_owned(), &[], |inner, _| {
            let mut rest = inner.shelf.offers().filter(|o| after.is_none_or(|a| o.id > *a));
            let page: Vec<RemoteOffer> = rest.by_ref().take(self.setup.page_size).cloned().collect();
            let more = rest.next().is_some();
            (page, more)
        })
    }

    pub(crate) fn read_stock(
        &self,
        token: &Secret,
        listings: &[ListingId],
    ) -> Result<Vec<(ListingId, i64)>, Trouble> {
        self.call(token, "GET /stock".to_owned(), &[], |inner, _| {
            listings.iter().filter_map(|l| Some((l.clone(), inner.shelf.offer(l)?.quantity?))).collect()
        })
    }

    /// A notice about an order. Where the marketplace keeps keys, the second of one key does nothing.
    pub(crate) fn notice(
        &self,
        token: &Secret,
        id: &RemoteOrderId,
        notice: &Notice,
        key: &IdempotencyKey,
    ) -> Result<NoticeAnswer, Trouble> {
        let call = format!("POST /orders/{id}/{:?}", notice.kind()).to_lowercase();
        self.call(token, call, &[], |inner, now| {
            if inner.book.get(id).is_none() {
                return NoticeAnswer::NoSuchOrder;
            }
            let keeps_keys = self.setup.capabilities.keeps_idempotency_keys;
            if keeps_keys && inner.keys.contains(key) {
                return NoticeAnswer::Done;
            }
            if let Some(why) = inner.take_notice(id, notice, now) {
                return NoticeAnswer::TooLate(why);
            }
            if keeps_keys {
                inner.keys.insert(key.clone());
            }
            inner.hooks.order_changed(id, &self.setup.hook_secret, &self.faults);
            NoticeAnswer::Done
        })
    }

    pub(crate) fn hook_status(&self, token: &Secret, url: &str) -> Result<Option<bool>, Trouble> {
        self.call(token, "GET /webhooks".to_owned(), &[], |inner, _| inner.hooks.status(url))
    }

    pub(crate) fn register_hook(&self, token: &Secret, url: &str) -> Result<(), Trouble> {
        self.call(token, "PUT /webhooks".to_owned(), &[], |inner, _| inner.hooks.register(url))
    }
}

/// What the marketplace did with one order so far.
pub(crate) struct Dealt {
    pub(crate) truth: MarketOrder,
    pub(crate) parcels: Vec<banto_channel::Parcel>,
}

impl Inner {
    /// Carries a notice out, or says why it is too late for it.
    fn take_notice(&mut self, id: &RemoteOrderId, notice: &Notice, now: Timestamp) -> Option<&'static str> {
        let order = self.book.get(id)?;
        let done = match notice {
            Notice::Shipped(_) if !order.is_under_way() => return Some("the order is closed"),
            Notice::Shipped(parcel) => self.ship(id, parcel, now),
            Notice::Cancelled { .. } if !order.is_unshipped() => {
                return Some("the order is shipped or closed");
            }
            Notice::Cancelled { reason } => self.cancel(id, reason, now),
            Notice::Paid { .. } if order.cancelled => return Some("the order is cancelled"),
            Notice::Paid { at } => self.book.change(id, now, |o| o.paid_at = o.paid_at.or(Some(*at))),
            Notice::Note { text } => self.book.change(id, now, |o| o.notes.push(text.clone())),
            Notice::Confirmed if order.cancelled => return Some("the order is cancelled"),
            Notice::Confirmed => self.book.change(id, now, |o| o.confirmed = true),
        };
        done.is_none().then_some("nothing came of it")
    }
}

/// Whether a webhook carries the marketplace's signature.
pub(crate) fn hook_is_signed(headers: &[(String, String)], body: &[u8], secret: &Secret) -> bool {
    headers
        .iter()
        .find(|(name, _)| name == hooks::SIGNATURE)
        .is_some_and(|(_, signature)| hooks::is_signed(body, signature, secret))
}
