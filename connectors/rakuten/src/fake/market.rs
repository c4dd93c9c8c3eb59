//! The inside of the shop: buyers and staff.

use banto_channel::{Fulfilment, ListingId, Money, Payment, RemoteOffer, RemoteOrderId};
use banto_sim::faults::Faults;
use banto_sim::market::{Market, MarketOrder, MarketParcel, Purchase, Seen, SoldOut};

use super::FakeShop;
use super::order::{BANK, CARD, Line, Order, Row, When, contact, day};
use super::state::{Shop, Sku};

/// 送料込みライン: below this price of the goods postage is taken.
const FREE_FROM: i64 = 3_980;
const POSTAGE: i64 = 550;

fn sku(listing: &ListingId) -> Sku {
    let (manage_number, variant_id) = listing.as_str().split_once('/').unwrap_or_default();
    (manage_number.to_owned(), variant_id.to_owned())
}

fn listing(sku: &Sku) -> ListingId {
    ListingId(format!("{}/{}", sku.0, sku.1))
}

impl Shop {
    /// A line over `units` of a SKU, at today's price.
    pub(super) fn line(&mut self, sku: &Sku, units: i64) -> Option<Line> {
        let id = self.id();
        let (item, variant) = self.variant(sku)?;
        Some(Line {
            id,
            manage_number: item.manage_number.clone(),
            variant_id: variant.id.clone(),
            code: variant.code.clone(),
            title: item.title.clone(),
            option: variant.option.clone(),
            price: variant.price,
            units,
            reduced_tax: item.reduced_tax,
        })
    }

    /// An order that nobody has confirmed, over these lines. It takes no stock by itself.
    pub(super) fn place(&mut self, purchase: &Purchase, lines: Vec<Line>) -> Order {
        let number = self.order_number();
        let goods: i64 = lines.iter().map(|line| line.price * line.units).sum();
        Order {
            number,
            progress: 100,
            dates: [(When::Placed, self.now())].into(),
            passes_at: None,
            method: if purchase.paid { CARD } else { BANK },
            orderer: contact(&purchase.buyer, &purchase.ship_to, true),
            receiver: contact(&purchase.buyer, &purchase.ship_to, false),
            basket: self.id(),
            postage: if goods < FREE_FROM && !lines.is_empty() { POSTAGE } else { 0 },
            lines,
            rows: Vec::new(),
            points: 0,
            note: purchase.note.clone(),
            memo: String::new(),
            changes: Vec::new(),
            odd: None,
        }
    }

    fn buy(&mut self, purchase: &Purchase) -> Result<String, SoldOut> {
        let mut lines = Vec::new();
        for wanted in &purchase.lines {
            let sku = sku(&wanted.listing);
            let of_it = purchase.lines.iter().filter(|line| line.listing == wanted.listing);
            let units: i64 = of_it.map(|line| line.quantity).sum();
            let enough = self.stock.get(&sku).is_some_and(|stock| *stock >= units);
            match self.line(&sku, wanted.quantity) {
                Some(line) if enough || purchase.oversell => lines.push(line),
                _ => return Err(SoldOut(wanted.listing.clone())),
            }
        }
        for line in &lines {
            if let Some(stock) = self.stock.get_mut(&(line.manage_number.clone(), line.variant_id.clone())) {
                // RMS never shows less than nothing.
                *stock = (*stock - line.units).max(0);
            }
        }
        let order = self.place(purchase, lines);
        let number = order.number.clone();
        self.insert(order);
        if self.config.auto_confirm {
            self.confirm(&number);
        }
        Ok(number)
    }

    /// The buyer's money arrives; the staff has confirmed the order at the latest now.
    fn pay(&mut self, number: &str) {
        if self.orders.get(number).is_some_and(|order| order.progress == 100) {
            self.confirm(number);
        }
        if self.orders.get(number).is_some_and(|order| order.progress == 200) {
            self.fix(number, self.now());
        }
    }

    /// The staff enters one parcel by hand.
    fn ship(&mut self, number: &str) {
        self.pay(number);
        let (id, today) = (self.id(), day(self.now()));
        let row = Row { id, carrier: "1001".to_owned(), number: format!("4880{id}"), day: today };
        if let Some(order) = self.orders.get_mut(number) {
            order.rows.push(row);
        }
        self.report(number);
    }

    fn market_order(&self, order: &Order) -> MarketOrder {
        let gone = order.is_cancelled();
        let line = |line: &Line| {
            let sku = (line.manage_number.clone(), line.variant_id.clone());
            let offer = self.variant(&sku).map(|_| listing(&sku));
            (line.id.to_string(), offer, line.units, if gone { line.units } else { 0 })
        };
        let parcel = |row: &Row| MarketParcel { carrier: row.carrier.clone(), tracking: row.number.clone() };
        MarketOrder {
            id: RemoteOrderId(order.number.clone()),
            lines: order.lines.iter().map(line).collect(),
            payment: payment(order),
            fulfilment: fulfilment(order),
            grand: Money(order.asked()),
            parcels: order.rows.iter().map(parcel).collect(),
            notes: Vec::new(),
            confirmed: order.at(When::Confirmed).is_some(),
        }
    }
}

fn payment(order: &Order) -> Payment {
    match (order.at(When::Fixed), order.progress) {
        (None, _) => Payment::Awaiting,
        (Some(_), 900) => Payment::Refunded,
        _ => Payment::Paid,
    }
}

fn fulfilment(order: &Order) -> Fulfilment {
    match order.progress {
        800.. if order.at(When::Reported).is_none() => Fulfilment::Cancelled,
        500.. => Fulfilment::Shipped,
        _ if order.rows.is_empty() => Fulfilment::Open,
        _ => Fulfilment::Partial,
    }
}

impl Market for FakeShop {
    fn offers(&self) -> Vec<RemoteOffer> {
        let shop = self.shop();
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let mut offers = Vec::new();
        for item in shop.items.values() {
            for variant in &item.variants {
                let sku = (item.manage_number.clone(), variant.id.clone());
                offers.push(RemoteOffer {
                    id: listing(&sku),
                    code: some(&variant.code),
                    gtin: some(&variant.jan),
                    title: item.title.clone(),
                    quantity: shop.stock.get(&sku).copied(),
                    price: Some((Money(variant.price), "JPY".to_owned())),
                    active: !item.hidden,
                });
            }
        }
        offers
    }

    fn shown(&self, listing: &ListingId) -> Option<i64> {
        let (shop, sku) = (self.shop(), sku(listing));
        shop.variant(&sku)?;
        shop.stock.get(&sku).copied()
    }

    fn set_shown(&self, listing: &ListingId, quantity: i64) {
        let (mut shop, sku) = (self.shop(), sku(listing));
        if shop.variant(&sku).is_some() {
            shop.stock.insert(sku, quantity);
        }
    }

    fn buy(&self, purchase: &Purchase) -> Result<RemoteOrderId, SoldOut> {
        self.shop().buy(purchase).map(RemoteOrderId)
    }

    fn pay(&self, order: &RemoteOrderId) {
        self.shop().pay(order.as_str());
    }

    fn cancel(&self, order: &RemoteOrderId) {
        // 1: キャンセル, お客様都合.
        self.shop().cancel(order.as_str(), 1, true, true);
    }

    /// RMS has no refund by line: a part is given back by changing the order. Nothing happens.
    fn refund(&self, _order: &RemoteOrderId, _lines: &[(String, i64)]) {}

    fn ship(&self, order: &RemoteOrderId) {
        self.shop().ship(order.as_str());
    }

    /// RMS keeps no time of the last change; the staff writes into ひとことメモ.
    fn touch(&self, order: &RemoteOrderId) {
        let mut shop = self.shop();
        let now = day(shop.now());
        if let Some(order) = shop.orders.get_mut(order.as_str()) {
            order.memo = format!("{now} 確認");
        }
    }

    fn orders(&self) -> Vec<MarketOrder> {
        let shop = self.shop();
        let placed = shop.by_date.get(&When::Placed);
        let orders = placed.into_iter().flatten().filter_map(|(_, number)| shop.orders.get(number));
        orders.map(|order| shop.market_order(order)).collect()
    }

    fn order(&self, id: &RemoteOrderId) -> Option<MarketOrder> {
        let shop = self.shop();
        shop.orders.get(id.as_str()).map(|order| shop.market_order(order))
    }

    fn take_seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.shop().seen)
    }

    fn accept_credentials(&self, accept: bool) {
        self.shop().accepts = accept;
    }

    fn faults(&self) -> &Faults {
        &self.inner.faults
    }
}
