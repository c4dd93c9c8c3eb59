//! The inside of the shop: buyers and staff.

use banto_channel::{Address, Fulfilment, ListingId, Money, Payment, RemoteOffer, RemoteOrderId};
use banto_sim::{Faults, Market, MarketOrder, MarketParcel, Purchase, Seen, SoldOut};

use super::FakeShop;
use super::goods::Variant;
use super::order::{self, Contact, Line, Order};
use super::state::Shop;

/// Below this price of the goods shipping costs [`SHIPPING`], both in whole units of the currency.
const FREE_SHIPPING_FROM: i64 = 5_000;
const SHIPPING: i64 = 550;

/// Prefectures by their number, and as Shopify writes those that the people of these tests live in.
const PREFECTURES: [(&str, u32, &str); 10] = [
    ("北海道", 1, "Hokkaidō"),
    ("宮城県", 4, "Miyagi"),
    ("東京都", 13, "Tōkyō"),
    ("神奈川県", 14, "Kanagawa"),
    ("愛知県", 23, "Aichi"),
    ("京都府", 26, "Kyōto"),
    ("大阪府", 27, "Ōsaka"),
    ("広島県", 34, "Hiroshima"),
    ("福岡県", 40, "Fukuoka"),
    ("沖縄県", 47, "Okinawa"),
];

/// First and last name. In Japan the family name is written first.
fn names(name: &str, country: &str) -> (String, String) {
    let (first, last) = match country {
        "JP" => name.split_once([' ', '\u{3000}']).map_or(("", name), |(last, first)| (first, last)),
        _ => name.rsplit_once(' ').unwrap_or((name, "")),
    };
    (first.to_owned(), last.to_owned())
}

pub(super) fn contact(to: &Address) -> Contact {
    let (first, last) = names(&to.name, &to.country);
    let known = PREFECTURES.iter().find(|(name, ..)| *name == to.region && to.country == "JP");
    let (province, province_code) = match known {
        Some((_, number, name)) => ((*name).to_owned(), format!("JP-{number:02}")),
        None => (to.region.clone(), String::new()),
    };
    Contact {
        first,
        last,
        company: to.company.clone(),
        line1: to.line1.clone(),
        line2: to.line2.clone(),
        city: to.city.clone(),
        province,
        province_code,
        zip: to.postcode.clone(),
        country: to.country.clone(),
        phone: to.phone.clone(),
    }
}

impl Shop {
    /// A line over `quantity` of one variant, at today's price.
    pub(super) fn line_of(&mut self, variant: &Variant, quantity: i64, location: u64) -> Line {
        let rate = if variant.reduced_tax { self.config.tax_bp.1 } else { self.config.tax_bp.0 };
        Line {
            id: self.id(),
            variant: Some(variant.id),
            name: variant.name(),
            sku: variant.sku.clone(),
            quantity,
            open: quantity,
            unit: variant.price,
            rates: vec![rate],
            location,
            ..Line::default()
        }
    }

    /// An unpaid order over these lines, with the name, dates and shipping that a checkout gives it.
    pub(super) fn draft(&mut self, lines: Vec<Line>) -> Order {
        let unit = 10_i64.pow(banto_channel::minor_digits(&self.config.currency).unwrap_or(0));
        let goods: i64 = lines.iter().map(Line::total).sum();
        let ships = !lines.is_empty() && goods < FREE_SHIPPING_FROM * unit;
        let now = self.now();
        Order {
            id: self.id(),
            name: self.name(),
            created: now,
            updated: now,
            currency: self.config.currency.clone(),
            taxes_included: self.config.taxes_included,
            locale: "ja-JP".to_owned(),
            financial: "PENDING".to_owned(),
            gateway: "manual".to_owned(),
            gateway_title: "銀行振込".to_owned(),
            shipping_price: if ships { SHIPPING * unit } else { 0 },
            lines,
            ..Order::default()
        }
    }

    /// Pays a fresh order by card.
    pub(super) fn paid_by_card(&mut self, order: &mut Order) {
        "PAID".clone_into(&mut order.financial);
        "shopify_payments".clone_into(&mut order.gateway);
        "Shopify ペイメント".clone_into(&mut order.gateway_title);
        let id = self.id();
        order.payments.push(order::Payment { id, kind: "SALE", status: "SUCCESS", at: order.created });
    }

    /// Takes an order in, with its work and its stock.
    pub(super) fn place(&mut self, mut order: Order) -> u64 {
        self.assign(&mut order);
        for line in &order.lines {
            if let Some(variant) = line.variant {
                self.move_stock(variant, line.location, line.open);
            }
        }
        let id = order.id;
        self.insert_order(order);
        id
    }

    fn buy(&mut self, purchase: &Purchase) -> Result<u64, SoldOut> {
        let mut lines = Vec::new();
        for (at, wanted) in purchase.lines.iter().enumerate() {
            let sold_out = || SoldOut(wanted.listing.clone());
            let variant = self.variant_of(&wanted.listing).cloned().ok_or_else(sold_out)?;
            let second = self.config.second_location.filter(|_| at % 2 == 1);
            let location = second.unwrap_or(self.config.location);
            let asked: i64 =
                purchase.lines.iter().filter(|l| l.listing == wanted.listing).map(|line| line.quantity).sum();
            if !purchase.oversell && self.available(&variant, location).is_some_and(|left| asked > left) {
                return Err(sold_out());
            }
            lines.push(self.line_of(&variant, wanted.quantity, location));
        }
        let mut order = self.draft(lines);
        let (buyer, to) = (&purchase.buyer, contact(&purchase.ship_to));
        let mut billing = to.clone();
        if !buyer.name.is_empty() {
            (billing.first, billing.last) = names(&buyer.name, &purchase.ship_to.country);
        }
        (order.shipping, order.billing) = (Some(to), Some(billing));
        buyer.email.clone_into(&mut order.email);
        buyer.phone.clone_into(&mut order.phone);
        purchase.note.clone_into(&mut order.note);
        if purchase.paid {
            self.paid_by_card(&mut order);
        }
        Ok(self.place(order))
    }

    fn market_order(&self, order: &Order) -> MarketOrder {
        let lines = order.lines.iter().map(|line| {
            let listing = line.variant.and_then(|id| self.variants.get(&id)).map(Variant::listing);
            (line.id.to_string(), listing, line.quantity, line.gone)
        });
        MarketOrder {
            id: RemoteOrderId(order.id.to_string()),
            lines: lines.collect(),
            payment: payment(order),
            fulfilment: fulfilment(order),
            grand: Money(order.total()),
            parcels: order.parcels.iter().filter(|parcel| !parcel.cancelled).map(parcel).collect(),
            notes: order.note.lines().map(ToOwned::to_owned).collect(),
            confirmed: true,
        }
    }
}

fn parcel(parcel: &order::Parcel) -> MarketParcel {
    MarketParcel { carrier: parcel.company.clone(), tracking: parcel.number.clone() }
}

fn payment(order: &Order) -> Payment {
    match order.financial.as_str() {
        "PAID" => Payment::Paid,
        "PARTIALLY_PAID" => Payment::Partial,
        "PARTIALLY_REFUNDED" => Payment::PartlyRefunded,
        "REFUNDED" => Payment::Refunded,
        "VOIDED" => Payment::Failed,
        _ => Payment::Awaiting,
    }
}

fn fulfilment(order: &Order) -> Fulfilment {
    let shipped = order.parcels.iter().any(|parcel| !parcel.cancelled);
    let open: i64 = order.lines.iter().map(|line| line.open).sum();
    let gone = order.lines.iter().all(|line| line.gone == line.quantity);
    match (shipped, open) {
        (false, _) if order.cancelled.is_some() || (gone && !order.lines.is_empty()) => Fulfilment::Cancelled,
        (false, _) => Fulfilment::Open,
        (true, 0) => Fulfilment::Shipped,
        (true, _) => Fulfilment::Partial,
    }
}

fn id(order: &RemoteOrderId) -> u64 {
    order.as_str().parse().unwrap_or(0)
}

impl Market for FakeShop {
    fn offers(&self) -> Vec<RemoteOffer> {
        let shop = self.shop();
        shop.variants.values().map(|variant| shop.offer(variant)).collect()
    }

    fn shown(&self, listing: &ListingId) -> Option<i64> {
        let shop = self.shop();
        shop.available(shop.variant_of(listing)?, shop.config.location)
    }

    fn set_shown(&self, listing: &ListingId, quantity: i64) {
        let mut shop = self.shop();
        let location = shop.config.location;
        if let Some(variant) = shop.variant_of(listing).map(|variant| variant.id)
            && let Some(variant) = shop.variants.get_mut(&variant)
        {
            variant.stock.insert(location, quantity);
        }
    }

    fn buy(&self, purchase: &Purchase) -> Result<RemoteOrderId, SoldOut> {
        self.shop().buy(purchase).map(|id| RemoteOrderId(id.to_string()))
    }

    fn pay(&self, order: &RemoteOrderId) {
        self.shop().pay(id(order));
    }

    fn cancel(&self, order: &RemoteOrderId) {
        self.shop().cancel(id(order));
    }

    fn refund(&self, order: &RemoteOrderId, lines: &[(String, i64)]) {
        let units: Vec<(u64, i64)> =
            lines.iter().filter_map(|(line, units)| Some((line.parse().ok()?, *units))).collect();
        self.shop().refund(id(order), &units);
    }

    fn ship(&self, order: &RemoteOrderId) {
        self.shop().ship_all(id(order));
    }

    fn touch(&self, order: &RemoteOrderId) {
        self.shop().edit_order(id(order), |_| ());
    }

    fn orders(&self) -> Vec<MarketOrder> {
        let shop = self.shop();
        shop.orders.values().map(|order| shop.market_order(order)).collect()
    }

    fn order(&self, order: &RemoteOrderId) -> Option<MarketOrder> {
        let shop = self.shop();
        shop.orders.get(&id(order)).map(|order| shop.market_order(order))
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
