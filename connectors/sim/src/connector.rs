//! The reference connector: each call of the trait is one or two calls of the marketplace, and nothing else.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use banto_channel::{
    Capabilities, Clock, Connector, Cursor, Cx, Doing, Error, ErrorKind, IdempotencyKey, ListingId, Notice,
    Outcome, Page, Payment, ProbeReport, Read, Receipt, RemoteOffer, RemoteOrderId, Response, Result, Secret,
    StockItem, Timestamp, Webhook, both,
};

use crate::config::SimSetup;
use crate::cursor::Place;
use crate::parse;
use crate::shop::{NoticeAnswer, SimMarket, StockAnswer, Trouble, hook_is_signed};

/// One account at a [`SimMarket`].
pub struct SimConnector {
    market: Arc<SimMarket>,
    capabilities: Capabilities,
    token: Secret,
    hook_secret: Secret,
    overlap: Duration,
}

impl fmt::Debug for SimConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SimConnector({})", self.market.setup().name)
    }
}

impl SimConnector {
    /// The connector of a marketplace, with the credentials that it accepts.
    #[must_use]
    pub fn new(market: Arc<SimMarket>) -> Self {
        let setup = market.setup();
        Self {
            capabilities: setup.capabilities.clone(),
            token: setup.token.clone(),
            hook_secret: setup.hook_secret.clone(),
            overlap: setup.overlap,
            market,
        }
    }

    /// A [`SimSetup::direct`] shop and its connector.
    #[must_use]
    pub fn direct(name: &str, clock: Arc<dyn Clock>) -> Self {
        Self::new(SimMarket::open(SimSetup::direct(name), clock))
    }

    /// A [`SimSetup::by_feed`] marketplace and its connector.
    #[must_use]
    pub fn by_feed(name: &str, clock: Arc<dyn Clock>) -> Self {
        Self::new(SimMarket::open(SimSetup::by_feed(name), clock))
    }

    /// The same connector with another credential.
    #[must_use]
    pub fn with_token(mut self, token: Secret) -> Self {
        self.token = token;
        self
    }

    /// The marketplace behind it.
    #[must_use]
    pub fn market(&self) -> &Arc<SimMarket> {
        &self.market
    }

    /// What is not claimed is not offered.
    fn only_if(claimed: bool, call: &str) -> Result<()> {
        if claimed { Ok(()) } else { Err(Error::unsupported(call)) }
    }

    /// Whether the marketplace already knows what a notice says. Asked where it keeps no keys: a resend must not
    /// make a second parcel.
    fn is_known(&self, order: &RemoteOrderId, notice: &Notice) -> Result<bool> {
        let doing = "reading the order before telling it something";
        let dealt = self.market.read_order(&self.token, order).map_err(|t| error(t, doing))?;
        Ok(dealt.is_some_and(|dealt| match notice {
            Notice::Shipped(parcel) => dealt.parcels.contains(parcel),
            Notice::Cancelled { .. } => dealt.truth.fulfilment == banto_channel::Fulfilment::Cancelled,
            Notice::Paid { .. } => dealt.truth.payment != Payment::Awaiting,
            Notice::Note { text } => dealt.truth.notes.contains(text),
            Notice::Confirmed => dealt.truth.confirmed,
        }))
    }
}

#[async_trait]
impl Connector for SimConnector {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn probe(&self, _cx: &Cx) -> Result<ProbeReport> {
        self.market.about(&self.token).map_err(|t| error(t, ("asking who we are", "アカウント情報の取得")))
    }

    async fn pull_orders(&self, _cx: &Cx, after: Option<&Cursor>) -> Result<Page<Read>> {
        let place = after.map(Place::read).transpose()?;
        let from = match place {
            None => (Timestamp(i64::MIN), 0),
            Some(Place::Rest { mark }) => (mark.minus(self.overlap), 0),
            Some(Place::Walk { after: (at, seq), .. }) => (at, seq + 1),
        };
        let doing = "searching for changed orders";
        let (found, more, now) = self.market.search_orders(&self.token, from).map_err(|t| error(t, doing))?;
        let (began, known) = match place {
            None => (now, Timestamp(i64::MIN)),
            Some(Place::Rest { mark }) => (now, mark),
            Some(Place::Walk { began, newest, .. }) => (began, newest),
        };
        let last = found.last().map(|(at, _)| *at);
        let newest = last.map_or(known, |(changed, _)| known.max(changed));
        let next = match last {
            Some(after) if more => Place::Walk { after, began, newest },
            _ if newest == Timestamp(i64::MIN) => Place::Rest { mark: began },
            // A mark never goes back, and never past the walk's beginning.
            _ => Place::Rest {
                mark: match place {
                    Some(Place::Rest { mark }) => mark.max(newest.min(began)),
                    _ => newest.min(began),
                },
            },
        };
        Ok(Page {
            items: found.iter().map(|(_, text)| parse::order(text)).collect(),
            next: next.write(),
            more,
        })
    }

    async fn reread_orders(&self, _cx: &Cx, ids: &[RemoteOrderId]) -> Result<Vec<Read>> {
        Self::only_if(self.capabilities.reread_batch_max > 0, "reread_orders")?;
        let texts =
            self.market.read_orders(&self.token, ids).map_err(|t| error(t, "reading orders again"))?;
        Ok(texts.iter().map(|text| parse::order(text)).collect())
    }

    async fn push_stock(&self, _cx: &Cx, items: &[StockItem]) -> Result<Vec<Outcome>> {
        let wanted: Vec<(ListingId, i64)> = items.iter().map(|i| (i.listing.clone(), i.quantity)).collect();
        let keys: Vec<IdempotencyKey> = items.iter().map(|i| i.key.clone()).collect();
        let doing = "setting quantities";
        match self.market.set_stock(&self.token, &wanted, &keys).map_err(|t| error(t, doing))? {
            StockAnswer::Now(verdicts) => Ok(verdicts.into_iter().map(outcome).collect()),
            StockAnswer::Later(feed) => {
                let receipt = Receipt(feed.to_string());
                Ok(items.iter().map(|_| Outcome::Pending(receipt.clone())).collect())
            }
        }
    }

    async fn poll_receipt(&self, _cx: &Cx, receipt: &Receipt) -> Result<Vec<(ListingId, Outcome)>> {
        Self::only_if(self.capabilities.stock_answers_later, "poll_receipt")?;
        let unknown = || Error::new(ErrorKind::NotFound, format!("no feed {receipt}"));
        let number = receipt.as_str().parse().map_err(|_| unknown())?;
        let asked = self.market.ask_feed(&self.token, number).map_err(|t| error(t, "asking after a feed"))?;
        let verdicts = asked.ok_or_else(unknown)?;
        Ok(verdicts.into_iter().map(|(listing, verdict)| (listing, outcome(verdict))).collect())
    }

    async fn notify_order(
        &self,
        _cx: &Cx,
        order: &RemoteOrderId,
        notice: &Notice,
        key: &IdempotencyKey,
    ) -> Result<Outcome> {
        Self::only_if(self.capabilities.can_notify(notice.kind()), "this notice")?;
        if !self.capabilities.keeps_idempotency_keys && self.is_known(order, notice)? {
            return Ok(Outcome::Applied);
        }
        let answer = self.market.notice(&self.token, order, notice, key);
        Ok(match answer.map_err(|t| error(t, "telling of an order"))? {
            NoticeAnswer::Done => Outcome::Applied,
            NoticeAnswer::NoSuchOrder => {
                Outcome::Refused { reason: both!("no order {order}", "注文 {order} はありません") }
            }
            NoticeAnswer::TooLate(why) => {
                Outcome::Refused { reason: both!("{why}", "モールの応答: {why}") }
            }
        })
    }

    async fn list_offers(&self, _cx: &Cx, after: Option<&Cursor>) -> Result<Page<RemoteOffer>> {
        Self::only_if(self.capabilities.lists_offers, "list_offers")?;
        let after = after.filter(|c| !c.as_str().is_empty()).map(|c| ListingId::from(c.as_str()));
        let listed = self.market.search_offers(&self.token, after.as_ref());
        let (items, more) = listed.map_err(|t| error(t, "listing offers"))?;
        let last = items.last().map(|o| o.id.clone()).or(after);
        Ok(Page { items, next: Cursor(last.map(|id| id.0).unwrap_or_default()), more })
    }

    async fn read_stock(&self, _cx: &Cx, listings: &[ListingId]) -> Result<Vec<(ListingId, i64)>> {
        Self::only_if(self.capabilities.reads_stock_back, "read_stock")?;
        self.market.read_stock(&self.token, listings).map_err(|t| error(t, "reading quantities back"))
    }

    async fn ensure_webhooks(&self, _cx: &Cx, url: &str) -> Result<u32> {
        Self::only_if(self.capabilities.webhooks, "ensure_webhooks")?;
        let status = self.market.hook_status(&self.token, url).map_err(|t| error(t, "reading webhooks"))?;
        if status == Some(true) {
            return Ok(0);
        }
        self.market.register_hook(&self.token, url).map_err(|t| error(t, "registering a webhook"))?;
        Ok(1)
    }

    fn verify_webhook(&self, hook: &Webhook<'_>) -> Result<()> {
        Self::only_if(self.capabilities.webhooks, "verify_webhook")?;
        if hook_is_signed(hook.headers, hook.body, &self.hook_secret) {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Auth, "the webhook's signature is missing or wrong"))
    }
}

fn outcome(verdict: std::result::Result<(), String>) -> Outcome {
    match verdict {
        Ok(()) => Outcome::Applied,
        Err(why) => Outcome::Refused { reason: both!("{why}", "モールの応答: {why}") },
    }
}

/// What trouble means at the seam. A connector over HTTP gets the last three from `wire` as errors already.
fn error<'a>(trouble: Trouble, doing: impl Into<Doing<'a>>) -> Error {
    let doing = doing.into();
    let malformed = |what| Error::told(ErrorKind::Malformed, doing.ended(&what));
    match trouble {
        Trouble::Status { code, retry_after, text } => {
            let response = Response { status: code, headers: Vec::new(), body: text.as_bytes().to_vec() };
            let error = response.error(doing);
            match retry_after {
                Some(seconds) => error.after(Duration::from_secs(seconds.into())),
                None => error,
            }
        }
        Trouble::Html => malformed(both!("got a web page", "応答がWebページです")),
        Trouble::Torn => malformed(both!("the answer breaks off", "応答が途切れています")),
        Trouble::TooLarge(bytes) => {
            malformed(both!("an answer of {bytes} bytes is too large", "応答が大きすぎます（{bytes}バイト）"))
        }
        Trouble::Closed => {
            let what = both!("the connection closed", "接続が切れました");
            Error::told(ErrorKind::Unreachable, doing.ended(&what))
        }
    }
}

#[cfg(test)]
mod tests;
