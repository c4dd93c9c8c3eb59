//! What a connector brings to be checked, and what the checks do with the inside of its marketplace.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use banto_channel::{Capabilities, Connector, Cx, Fulfilment, ListingId, RemoteOrderId, StockBasis};
use banto_sim::{BasketLine, FaultRates, Market, MarketOrder, People, Purchase};

/// Headers (names in lower case) and body of a webhook.
pub type SignedHook = (Vec<(String, String)>, Vec<u8>);

/// A connector, the inside of the marketplace it speaks to, and what the suite must know about both.
///
/// Built with [`Fixture::new`] and struct update syntax. Every check gets a new one, so it must be cheap to make
/// and share nothing with the one before.
pub struct Fixture {
    /// What is checked.
    pub connector: Arc<dyn Connector>,
    /// The inside of the marketplace that it speaks to.
    pub market: Arc<dyn Market>,
    /// What the connector is handed for each call.
    pub cx: Cx,
    /// Moves the clocks of connector and marketplace on.
    pub advance: Box<dyn Fn(Duration) + Send + Sync>,
    /// Every credential in every form in which it travels; none may be shown anywhere.
    pub secrets: Vec<String>,
    /// Checks that do not fit this marketplace, each with the reason.
    pub skip: &'static [(&'static str, &'static str)],
    /// So many orders do not fit on one page.
    pub fills_pages: usize,
    /// After so long everything that happened in the marketplace shows in its API.
    pub settle: Duration,
    /// An offer that could be there and is not.
    pub unknown_listing: ListingId,
    /// Places odd orders (no lines, five hundred lines, unknown words, broken texts); answers with their keys.
    pub odd: Option<Box<dyn Fn() -> Vec<RemoteOrderId> + Send + Sync>>,
    /// Makes a webhook with the marketplace's own signature.
    pub hook: Option<Box<dyn Fn() -> SignedHook + Send + Sync>>,
    /// Whatever must live as long as the fixture, such as the fake's server.
    pub hold: Option<Box<dyn Any + Send + Sync>>,
}

impl fmt::Debug for Fixture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fixture")
            .field("connector", &self.connector)
            .field("market", &self.market)
            .finish_non_exhaustive()
    }
}

impl Fixture {
    /// A fixture without secrets, skips and hooks; 45 orders fill a page, and 3 seconds settle everything.
    pub fn new(
        connector: Arc<dyn Connector>,
        market: Arc<dyn Market>,
        cx: Cx,
        advance: impl Fn(Duration) + Send + Sync + 'static,
    ) -> Self {
        Self {
            connector,
            market,
            cx,
            advance: Box::new(advance),
            secrets: Vec::new(),
            skip: &[],
            fills_pages: 45,
            settle: Duration::from_secs(3),
            unknown_listing: ListingId::from("999999999"),
            odd: None,
            hook: None,
            hold: None,
        }
    }

    pub(crate) fn can(&self) -> &Capabilities {
        self.connector.capabilities()
    }

    /// Lets everything that happened become visible.
    pub(crate) fn settle(&self) {
        (self.advance)(self.settle);
    }

    pub(crate) fn calm(&self) {
        self.market.faults().set_rates(FaultRates::default());
    }

    /// What the channel subtracts by itself from the number it is told: its open orders, if its basis is physical.
    pub(crate) fn held_back(&self, listing: &ListingId) -> i64 {
        if self.can().stock_basis == StockBasis::Sellable {
            return 0;
        }
        let open = |o: &MarketOrder| matches!(o.fulfilment, Fulfilment::Open | Fulfilment::Partial);
        let orders = self.market.orders();
        let lines = orders.iter().filter(|o| open(o)).flat_map(|o| &o.lines);
        lines
            .filter(|(_, offer, ..)| offer.as_ref() == Some(listing))
            .map(|(_, _, ordered, gone)| ordered - gone)
            .sum()
    }

    /// Offers whose quantity is counted, at least three, each filled up to 500 so that the checks can buy.
    pub(crate) fn stocked(&self) -> Result<Vec<ListingId>, String> {
        let offers = self.market.offers();
        let counted: Vec<ListingId> =
            offers.into_iter().filter(|o| o.active && o.quantity.is_some()).map(|o| o.id).collect();
        if counted.len() < 3 {
            return Err(format!("the fixture's market has {} counted offers, 3 are needed", counted.len()));
        }
        for listing in &counted {
            self.market.set_shown(listing, 500 + self.held_back(listing));
        }
        Ok(counted)
    }

    /// A shopper in this market, which is filled up first.
    pub(crate) fn shopper(&self) -> Result<Shopper<'_>, String> {
        Ok(self.shopper_of(self.stocked()?))
    }

    /// A shopper who buys these and fills nothing up.
    pub(crate) fn shopper_of(&self, listings: Vec<ListingId>) -> Shopper<'_> {
        Shopper { listings, people: People::new(4711), bought: 0, market: &*self.market }
    }

    /// One paid order of `units` of the first offer, visible already.
    pub(crate) fn one_order(&self, units: i64) -> Result<RemoteOrderId, String> {
        let mut shopper = self.shopper()?;
        let order = shopper.buy_units(&[units], true)?;
        self.settle();
        Ok(order)
    }
}

/// Places orders, each by somebody else.
pub(crate) struct Shopper<'a> {
    market: &'a dyn Market,
    listings: Vec<ListingId>,
    people: People,
    bought: usize,
}

impl Shopper<'_> {
    /// One to three lines of one to three units, in turn.
    pub(crate) fn buy(&mut self, paid: bool) -> Result<RemoteOrderId, String> {
        let n = i64::try_from(self.bought).unwrap_or(0);
        let units = [1 + n % 3, 1 + n % 2, 2];
        self.buy_units(&units[..1 + self.bought % 3], paid)
    }

    /// One line for each number of units, each of another offer.
    pub(crate) fn buy_units(&mut self, units: &[i64], paid: bool) -> Result<RemoteOrderId, String> {
        self.purchase(units, paid).1
    }

    /// The same, with what was asked for.
    pub(crate) fn purchase(
        &mut self,
        units: &[i64],
        paid: bool,
    ) -> (Purchase, Result<RemoteOrderId, String>) {
        let person = self.people.meet();
        let lines = (self.bought..)
            .zip(units)
            .map(|(at, &quantity)| BasketLine {
                listing: self.listings[at % self.listings.len()].clone(),
                quantity,
            })
            .collect();
        self.bought += 1;
        let purchase = Purchase {
            lines,
            buyer: person.buyer,
            ship_to: person.home,
            paid,
            note: person.note,
            oversell: false,
        };
        let bought = self.market.buy(&purchase);
        (purchase, bought.map_err(|sold_out| format!("a market with 500 of everything says {sold_out:?}")))
    }

    pub(crate) fn buy_many(&mut self, count: usize, paid: bool) -> Result<Vec<RemoteOrderId>, String> {
        (0..count).map(|_| self.buy(paid)).collect()
    }
}
