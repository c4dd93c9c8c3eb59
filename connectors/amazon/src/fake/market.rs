//! The inside of the marketplace: buyers and the seller's staff.

use banto_channel::{ListingId, Money, RemoteOffer, RemoteOrderId};
use banto_sim::faults::Faults;
use banto_sim::market::{Market, MarketOrder, MarketParcel, Purchase, Seen, SoldOut};

use super::FakeAmazon;
use super::order::{Line, Order, Parcel, Status};
use super::state::{Offer, Shop};

/// Below this price of the goods shipping costs [`SHIPPING`].
const FREE_SHIPPING_FROM: i64 = 3_500;
/// Shipping in whole units of the currency.
const SHIPPING: i64 = 450;

impl Shop {
    /// A paid order over these lines, not taken in yet.
    pub(super) fn draft(&mut self, lines: Vec<Line>, purchase: &Purchase) -> Order {
        let (place, id) = self.next_order();
        let goods: i64 = lines.iter().map(|line| line.price * line.ordered).sum();
        let costs = !lines.is_empty() && goods < FREE_SHIPPING_FROM * self.unit();
        let now = self.now();
        Order {
            place,
            id,
            created: now,
            updated: now,
            status: if purchase.paid { Status::Unshipped } else { Status::Pending },
            cash: false,
            lines,
            shipping: if costs { SHIPPING * self.unit() } else { 0 },
            cod_fee: 0,
            buyer: purchase.buyer.clone(),
            to: purchase.ship_to.clone(),
            note: purchase.note.clone(),
            parcels: Vec::new(),
            odd: None,
        }
    }

    /// A line over so many of a SKU, at today's price.
    pub(super) fn line(&self, number: usize, sku: &str, offer: &Offer, quantity: i64) -> Line {
        let place = self.orders.last_key_value().map_or(1, |(last, _)| last + 1);
        Line {
            id: format!("{:08}{number:06}", 20_000_000 + place),
            sku: sku.to_owned(),
            title: offer.title.clone(),
            price: offer.price,
            ordered: quantity,
            cancelled: 0,
            shipped: 0,
        }
    }

    fn buy(&mut self, purchase: &Purchase) -> Result<String, SoldOut> {
        let mut lines = Vec::new();
        for (number, wanted) in (1..).zip(&purchase.lines) {
            let sku = wanted.listing.as_str();
            let Some(offer) = self.offers.get(sku) else {
                return Err(SoldOut(wanted.listing.clone()));
            };
            let asked: i64 =
                purchase.lines.iter().filter(|l| l.listing == wanted.listing).map(|l| l.quantity).sum();
            if !purchase.oversell && offer.stock.is_some_and(|stock| asked > stock) {
                return Err(SoldOut(wanted.listing.clone()));
            }
            lines.push(self.line(number, sku, offer, wanted.quantity));
        }
        for wanted in &purchase.lines {
            self.move_stock(wanted.listing.as_str(), -wanted.quantity);
        }
        let order = self.draft(lines, purchase);
        let id = order.id.clone();
        self.insert(order);
        Ok(id)
    }

    /// Takes units out that did not leave, and puts them back on sale.
    fn take_out(&mut self, id: &str, units: impl Fn(&Line) -> i64) {
        let back = self.edit(id, |order| {
            let mut back = Vec::new();
            for line in &mut order.lines {
                let out = units(line).clamp(0, line.open());
                line.cancelled += out;
                back.push((line.sku.clone(), out));
            }
            if order.status != Status::Pending || order.lines.iter().all(|line| line.open() == 0) {
                order.settle();
            }
            back
        });
        for (sku, out) in back.unwrap_or_default() {
            self.move_stock(&sku, out);
        }
    }

    fn offer(&self, sku: &str, offer: &Offer) -> RemoteOffer {
        RemoteOffer {
            id: ListingId::from(sku),
            code: Some(sku.to_owned()),
            gtin: None,
            title: offer.title.clone(),
            quantity: offer.stock,
            price: Some((Money(offer.price), self.config.currency.clone())),
            active: true,
        }
    }

    fn market_order(&self, order: &Order) -> MarketOrder {
        let line = |line: &Line| {
            let listing = self.offers.contains_key(&line.sku).then(|| ListingId(line.sku.clone()));
            (line.id.clone(), listing, line.ordered, line.cancelled)
        };
        let parcel = |parcel: &Parcel| MarketParcel {
            carrier: parcel.carrier.clone(),
            tracking: parcel.tracking.clone(),
        };
        MarketOrder {
            id: RemoteOrderId(order.id.clone()),
            lines: order.lines.iter().map(line).collect(),
            payment: order.payment(),
            fulfilment: order.fulfilment(),
            grand: Money(order.total()),
            parcels: order.parcels.iter().map(parcel).collect(),
            notes: Vec::new(),
            confirmed: true,
        }
    }
}

impl FakeAmazon {
    /// A paid order becomes one that is paid at the door, with a fee for that.
    pub fn make_cash_on_delivery(&self, order: &RemoteOrderId) {
        let mut shop = self.inner.shop();
        let fee = 330 * shop.unit();
        shop.edit(order.as_str(), |order| {
            order.cash = true;
            order.cod_fee = fee;
        });
    }
}

impl Market for FakeAmazon {
    fn offers(&self) -> Vec<RemoteOffer> {
        let shop = self.inner.shop();
        shop.offers
            .iter()
            .filter(|(_, offer)| !offer.fba)
            .map(|(sku, offer)| shop.offer(sku, offer))
            .collect()
    }

    fn shown(&self, listing: &ListingId) -> Option<i64> {
        self.inner.shop().offers.get(listing.as_str())?.stock
    }

    fn set_shown(&self, listing: &ListingId, quantity: i64) {
        if let Some(offer) = self.inner.shop().offers.get_mut(listing.as_str()) {
            offer.stock = Some(quantity);
        }
    }

    fn buy(&self, purchase: &Purchase) -> Result<RemoteOrderId, SoldOut> {
        self.inner.shop().buy(purchase).map(RemoteOrderId)
    }

    fn pay(&self, order: &RemoteOrderId) {
        self.inner.shop().edit(order.as_str(), |order| {
            if order.status == Status::Pending {
                order.status = Status::Unshipped;
            }
        });
    }

    fn cancel(&self, order: &RemoteOrderId) {
        let mut shop = self.inner.shop();
        let shipped = shop.order(order.as_str()).is_some_and(|o| o.lines.iter().any(|line| line.shipped > 0));
        if !shipped {
            shop.take_out(order.as_str(), Line::open);
        }
    }

    fn refund(&self, order: &RemoteOrderId, lines: &[(String, i64)]) {
        let wanted = |line: &Line| lines.iter().find(|(id, _)| *id == line.id).map_or(0, |(_, n)| *n);
        // What has left is refunded without a trace in the orders API.
        self.inner.shop().take_out(order.as_str(), wanted);
    }

    fn ship(&self, order: &RemoteOrderId) {
        let mut shop = self.inner.shop();
        let now = shop.now();
        shop.edit(order.as_str(), |order| {
            let open = order.lines.iter().filter(|line| line.open() > 0);
            let parcel = Parcel {
                reference: (1 + order.parcels.len()).to_string(),
                carrier: "ヤマト運輸".to_owned(),
                tracking: format!("4880{:08}", order.place),
                shipped: now,
                items: open.map(|line| (line.id.clone(), line.open())).collect(),
            };
            order.lines.iter_mut().for_each(|line| line.shipped += line.open());
            order.parcels.push(parcel);
            order.settle();
        });
    }

    fn touch(&self, order: &RemoteOrderId) {
        self.inner.shop().edit(order.as_str(), |_| ());
    }

    fn orders(&self) -> Vec<MarketOrder> {
        let shop = self.inner.shop();
        shop.orders.values().map(|order| shop.market_order(order)).collect()
    }

    fn order(&self, id: &RemoteOrderId) -> Option<MarketOrder> {
        let shop = self.inner.shop();
        shop.order(id.as_str()).map(|order| shop.market_order(order))
    }

    fn take_seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.inner.shop().seen)
    }

    fn accept_credentials(&self, accept: bool) {
        self.inner.shop().accepting = accept;
    }

    fn faults(&self) -> &Faults {
        &self.inner.faults
    }
}
