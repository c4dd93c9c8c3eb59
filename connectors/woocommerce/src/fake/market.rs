//! The inside of the shop: buyers and staff.

use std::sync::Arc;

use banto_channel::{Address, Buyer, Fulfilment, ListingId, Money, Payment, RemoteOffer, RemoteOrderId};
use banto_sim::faults::Faults;
use banto_sim::market::{Market, MarketOrder, MarketParcel, Purchase, Seen, SoldOut};
use serde_json::json;

use super::FakeShop;
use super::flow::refund_of;
use super::order::{Contact, FulfilmentRow, Line, Meta, Note, Order, ShippingLine, split_tax};
use super::product::{Product, listing_id};
use super::state::Shop;

/// Below this price of the goods shipping costs [`SHIPPING`].
const FREE_SHIPPING_FROM: i64 = 5_000;
/// Shipping in whole units of the currency, tax included where prices include it.
const SHIPPING: i64 = 550;

/// WooCommerce writes a prefecture as `JP13`, counted from Hokkaido.
const PREFECTURES: [&str; 47] = [
    "北海道",
    "青森県",
    "岩手県",
    "宮城県",
    "秋田県",
    "山形県",
    "福島県",
    "茨城県",
    "栃木県",
    "群馬県",
    "埼玉県",
    "千葉県",
    "東京都",
    "神奈川県",
    "新潟県",
    "富山県",
    "石川県",
    "福井県",
    "山梨県",
    "長野県",
    "岐阜県",
    "静岡県",
    "愛知県",
    "三重県",
    "滋賀県",
    "京都府",
    "大阪府",
    "兵庫県",
    "奈良県",
    "和歌山県",
    "鳥取県",
    "島根県",
    "岡山県",
    "広島県",
    "山口県",
    "徳島県",
    "香川県",
    "愛媛県",
    "高知県",
    "福岡県",
    "佐賀県",
    "長崎県",
    "熊本県",
    "大分県",
    "宮崎県",
    "鹿児島県",
    "沖縄県",
];

fn state_code(country: &str, region: &str) -> String {
    match PREFECTURES.iter().position(|p| *p == region) {
        Some(at) if country == "JP" => format!("JP{:02}", at + 1),
        _ => region.to_owned(),
    }
}

/// (first, last). In Japan the family name is written first.
fn names(name: &str, country: &str) -> (String, String) {
    let split = if country == "JP" {
        name.split_once([' ', '\u{3000}']).map(|(last, first)| (first, last))
    } else {
        name.rsplit_once(' ')
    };
    let (first, last) = split.unwrap_or(if country == "JP" { ("", name) } else { (name, "") });
    (first.to_owned(), last.to_owned())
}

pub(super) fn contacts(buyer: &Buyer, to: &Address) -> (Contact, Contact) {
    let (first_name, last_name) = names(&to.name, &to.country);
    let shipping = Contact {
        first_name,
        last_name,
        company: to.company.clone(),
        address_1: to.line1.clone(),
        address_2: to.line2.clone(),
        city: to.city.clone(),
        state: state_code(&to.country, &to.region),
        postcode: to.postcode.clone(),
        country: to.country.clone(),
        email: String::new(),
        phone: to.phone.clone(),
    };
    let mut billing = shipping.clone();
    if !buyer.name.is_empty() {
        (billing.first_name, billing.last_name) = names(&buyer.name, &to.country);
    }
    buyer.email.clone_into(&mut billing.email);
    if !buyer.phone.is_empty() {
        buyer.phone.clone_into(&mut billing.phone);
    }
    (billing, shipping)
}

impl Shop {
    /// A line over `quantity` of one row, at today's price.
    pub(super) fn line_of(&mut self, row: &Product, quantity: i64) -> Line {
        let rate = self.rates[usize::from(row.reduced_tax)].clone();
        let price = row.price.unwrap_or(0) * quantity;
        let (net, tax) = split_tax(price, rate.bp, self.config.prices_include_tax);
        let id = self.item_id();
        // A variation leaves its options in the line.
        let option = row.attribute.as_ref().filter(|_| row.parent != 0);
        let option =
            option.map(|(name, option)| Meta { id: id * 10 + 1, key: name.clone(), value: json!(option) });
        Line {
            id,
            name: row.name.clone(),
            product_id: if row.parent == 0 { row.id } else { row.parent },
            variation_id: if row.parent == 0 { 0 } else { row.id },
            quantity,
            tax_class: rate.class.to_owned(),
            subtotal: net,
            subtotal_tax: tax,
            total: net,
            taxes: vec![(rate.id, tax)],
            meta: option.into_iter().collect(),
            reduced_stock: None,
        }
    }

    /// A pending order over these lines, with the id, dates and shipping that a checkout gives it.
    pub(super) fn draft(&mut self, lines: Vec<Line>) -> Order {
        // Pages, drafts and other people's baskets use ids too.
        for _ in 0..self.roll(4) {
            self.post_id();
        }
        let unit = 10_i64.pow(self.digits);
        let goods: i64 = lines.iter().map(|l| l.total + l.total_tax()).sum();
        let mut shipping_lines = Vec::new();
        if !lines.is_empty() && goods < FREE_SHIPPING_FROM * unit {
            let bp = self.rates[0].bp;
            let (net, tax) = split_tax(SHIPPING * unit, bp, self.config.prices_include_tax);
            shipping_lines.push(ShippingLine {
                id: self.item_id(),
                title: "宅配便".to_owned(),
                method: "flat_rate".to_owned(),
                total: net,
                taxes: vec![(self.rates[0].id, tax)],
            });
        }
        let now = self.now();
        Order {
            id: self.post_id(),
            status: "pending".to_owned(),
            currency: self.config.currency.clone(),
            created: now,
            modified: now,
            prices_include_tax: self.config.prices_include_tax,
            lines,
            shipping_lines,
            ..Order::default()
        }
    }

    fn buy(&mut self, purchase: &Purchase) -> Result<u64, SoldOut> {
        let mut rows = Vec::new();
        for line in &purchase.lines {
            let Some(row) = self.row(&line.listing).filter(|row| !row.is_variable()).cloned() else {
                return Err(SoldOut(line.listing.clone()));
            };
            let counted = self.stock_row(row.id).map(|p| (p.id, p.stock.unwrap_or(0)));
            rows.push((row, line.quantity, counted));
        }
        for (row, _, counted) in rows.iter().filter(|_| !purchase.oversell) {
            let Some((counted, stock)) = counted else {
                continue;
            };
            // Several lines may sell from the same stock.
            let wanted: i64 = rows
                .iter()
                .filter(|(_, _, c)| c.is_some_and(|(id, _)| id == *counted))
                .map(|(_, quantity, _)| quantity)
                .sum();
            if wanted > *stock {
                return Err(SoldOut(row.listing()));
            }
        }
        let mut lines = Vec::new();
        for (row, quantity, _) in &rows {
            lines.push(self.line_of(row, *quantity));
        }
        let mut order = self.draft(lines);
        let (billing, shipping) = contacts(&purchase.buyer, &purchase.ship_to);
        order.billing = Arc::new(billing);
        order.shipping = Arc::new(shipping);
        purchase.note.clone_into(&mut order.customer_note);
        let (method, title) =
            if purchase.paid { ("stripe", "クレジットカード") } else { ("bacs", "銀行振込") };
        method.clone_into(&mut order.payment_method);
        title.clone_into(&mut order.payment_title);
        let id = order.id;
        self.insert_order(order);
        if purchase.paid {
            self.payment_complete(id, Some(&format!("ch_{id}")));
        } else {
            self.set_status(id, "on-hold");
        }
        Ok(id)
    }

    fn offer(&self, row: &Product) -> RemoteOffer {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        RemoteOffer {
            id: row.listing(),
            code: some(&row.sku),
            gtin: some(&row.gtin).filter(|_| self.config.wc_version >= super::WcVersion(9, 2, 0)),
            title: row.name.clone(),
            quantity: self.stock_row(row.id).and_then(|p| p.stock),
            price: row.price.map(|price| (Money(price), self.config.currency.clone())),
            active: row.status == "publish",
        }
    }

    fn market_order(&self, order: &Order) -> MarketOrder {
        let ended = matches!(order.status.as_str(), "cancelled" | "trash" | "failed");
        let lines = order.lines.iter().map(|line| {
            let row = super::flow::row(line.product_id, line.variation_id);
            let parent = if line.variation_id == 0 { 0 } else { line.product_id };
            let listing = self.products.contains_key(&row).then(|| listing_id(row, parent));
            let back = if ended || order.status == "refunded" {
                line.quantity
            } else {
                order.refunded_units(line.id)
            };
            (line.id.to_string(), listing, line.quantity, back)
        });
        MarketOrder {
            confirmed: true,
            id: RemoteOrderId(order.id.to_string()),
            lines: lines.collect(),
            payment: payment(order),
            fulfilment: fulfilment(order),
            grand: Money(order.sums().total),
            parcels: parcels(order),
            notes: told(order).map(|n| n.text.clone()).collect(),
        }
    }
}

fn payment(order: &Order) -> Payment {
    let refunded = order.refunded();
    match order.status.as_str() {
        "refunded" => Payment::Refunded,
        "failed" => Payment::Failed,
        _ if order.paid.is_none() => Payment::Awaiting,
        _ if refunded > 0 && refunded >= order.sums().total => Payment::Refunded,
        _ if refunded > 0 => Payment::PartlyRefunded,
        _ => Payment::Paid,
    }
}

fn fulfilment(order: &Order) -> Fulfilment {
    match order.status.as_str() {
        "completed" => Fulfilment::Shipped,
        "cancelled" | "trash" => Fulfilment::Cancelled,
        "refunded" if order.completed.is_some() => Fulfilment::Shipped,
        "refunded" => Fulfilment::Cancelled,
        _ if order.fulfilments.iter().any(|f| f.is_fulfilled) => Fulfilment::Partial,
        _ => Fulfilment::Open,
    }
}

/// Notes that somebody wrote, without those the shop writes itself.
fn told(order: &Order) -> impl Iterator<Item = &Note> {
    order.notes.iter().filter(|n| !n.automatic)
}

/// Parcels wherever they were put: fulfilments, the extension, or a note.
fn parcels(order: &Order) -> Vec<MarketParcel> {
    let meta = |f: &FulfilmentRow, key: &str| {
        f.meta.iter().find(|m| m.key == key).and_then(|m| m.value.as_str()).unwrap_or_default().to_owned()
    };
    let fulfilled = order.fulfilments.iter().map(|f| MarketParcel {
        carrier: meta(f, "_shipment_provider"),
        tracking: meta(f, "_tracking_number"),
    });
    let tracked = order
        .trackings
        .iter()
        .map(|t| MarketParcel { carrier: t.provider.clone(), tracking: t.number.clone() });
    let noted = told(order).filter_map(|n| parcel_in_note(&n.text));
    fulfilled.chain(tracked).chain(noted).collect()
}

/// What a person reads out of a note about a parcel: the carrier after "with" or "by", and what is called a
/// tracking number, or failing that a word with many digits that is no date.
fn parcel_in_note(text: &str) -> Option<MarketParcel> {
    let line = text.lines().find(|line| {
        let lower = line.to_lowercase();
        ["shipped", "parcel", "発送", "出荷"].iter().any(|word| lower.contains(word))
    })?;
    let is_date = |word: &str| word.len() == 10 && word.as_bytes()[4] == b'-' && word.as_bytes()[7] == b'-';
    let digits = |word: &str| word.bytes().filter(u8::is_ascii_digit).count();
    let named = ["tracking number ", "tracking no. ", "追跡番号 ", "伝票番号 "]
        .iter()
        .find_map(|words| line.split_once(words))
        .and_then(|(_, rest)| rest.split([',', ' ', '、']).next());
    let tracking = named.or_else(|| {
        line.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'))
            .find(|word| digits(word) >= 6 && !is_date(word))
    });
    let carrier = [" with ", " by "]
        .iter()
        .find_map(|words| line.split_once(words))
        .and_then(|(_, rest)| rest.split([',', '、', '(']).next());
    (tracking.is_some() || carrier.is_some()).then(|| MarketParcel {
        carrier: carrier.unwrap_or_default().trim().to_owned(),
        tracking: tracking.unwrap_or_default().to_owned(),
    })
}

impl FakeShop {
    fn id(order: &RemoteOrderId) -> u64 {
        order.as_str().parse().unwrap_or(0)
    }
}

impl Market for FakeShop {
    fn offers(&self) -> Vec<RemoteOffer> {
        let shop = self.shop();
        shop.products
            .values()
            .filter(|row| !row.is_variable() && row.status != "trash")
            .map(|row| shop.offer(row))
            .collect()
    }

    fn shown(&self, listing: &ListingId) -> Option<i64> {
        let shop = self.shop();
        let row = shop.row(listing)?;
        shop.stock_row(row.id)?.stock
    }

    fn set_shown(&self, listing: &ListingId, quantity: i64) {
        let mut shop = self.shop();
        let counted = shop.row(listing).and_then(|row| shop.stock_row(row.id));
        if let Some((id, stock)) = counted.map(|p| (p.id, p.stock.unwrap_or(0))) {
            shop.move_stock(id, stock - quantity);
        }
    }

    fn buy(&self, purchase: &Purchase) -> Result<RemoteOrderId, SoldOut> {
        self.shop().buy(purchase).map(|id| RemoteOrderId(id.to_string()))
    }

    fn pay(&self, order: &RemoteOrderId) {
        self.shop().payment_complete(Self::id(order), None);
    }

    fn cancel(&self, order: &RemoteOrderId) {
        self.shop().set_status(Self::id(order), "cancelled");
    }

    fn refund(&self, order: &RemoteOrderId, lines: &[(String, i64)]) {
        let mut shop = self.shop();
        let id = Self::id(order);
        let units: Vec<(u64, i64)> =
            lines.iter().filter_map(|(line, quantity)| Some((line.parse().ok()?, *quantity))).collect();
        let Some(mut asked) = shop.orders.get(&id).map(|o| refund_of(o, &units)) else {
            return;
        };
        asked.restock = shop.config.refunds_restock;
        // An amount above what is left cannot come from units, so there is nothing to refuse.
        let _ = shop.create_refund(id, asked);
    }

    fn ship(&self, order: &RemoteOrderId) {
        self.shop().set_status(Self::id(order), "completed");
    }

    fn touch(&self, order: &RemoteOrderId) {
        let mut shop = self.shop();
        let id = Self::id(order);
        shop.edit_order(id, true, |_| ());
        shop.emit("order.updated", id);
    }

    fn orders(&self) -> Vec<MarketOrder> {
        let shop = self.shop();
        shop.orders.values().map(|order| shop.market_order(order)).collect()
    }

    fn take_seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.shop().seen)
    }

    fn accept_credentials(&self, accept: bool) {
        self.shop().key.revoked = !accept;
    }

    fn faults(&self) -> &Faults {
        &self.inner.faults
    }
}
