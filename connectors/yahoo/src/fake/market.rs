//! Buyers and staff.

use banto_channel::{Address, ListingId, Money, RemoteOffer, RemoteOrderId};
use banto_sim::{Faults, Market, MarketOrder, Purchase, Seen, SoldOut};

use super::order::{Fields, Line, Order, get, set};
use super::state::Store;
use super::{FakeItem, FakeStore};

impl Market for FakeStore {
    fn offers(&self) -> Vec<RemoteOffer> {
        let store = self.inner.store();
        let offer = |item: &FakeItem, sub: &str, title: String| {
            let id = if sub.is_empty() { item.code.clone() } else { format!("{}:{sub}", item.code) };
            RemoteOffer {
                quantity: store.stock(&id).flatten(),
                id: id.into(),
                code: Some(if sub.is_empty() { item.code.clone() } else { sub.to_owned() }),
                gtin: None,
                title,
                price: Some((Money(item.price), "JPY".to_owned())),
                active: true,
            }
        };
        let all = |item: &FakeItem| match item.subs.as_slice() {
            [] => vec![offer(item, "", item.name.clone())],
            subs => {
                subs.iter().map(|s| offer(item, &s.code, format!("{} {}", item.name, s.option))).collect()
            }
        };
        store.items().flat_map(all).collect()
    }

    fn shown(&self, listing: &ListingId) -> Option<i64> {
        let store = self.inner.store();
        store.item(listing.as_str()).and(store.stock(listing.as_str()).flatten())
    }

    fn set_shown(&self, listing: &ListingId, quantity: i64) {
        self.inner.store().set_stock(listing.as_str(), quantity);
    }

    fn buy(&self, purchase: &Purchase) -> Result<RemoteOrderId, SoldOut> {
        let mut store = self.inner.store();
        let short = |listing: &ListingId, wanted: i64| {
            store.stock(listing.as_str()).is_none_or(|number| number.is_some_and(|n| n < wanted))
        };
        let lacking =
            purchase.lines.iter().find(|line| !purchase.oversell && short(&line.listing, line.quantity));
        if let Some(line) = lacking {
            return Err(SoldOut(line.listing.clone()));
        }
        for line in &purchase.lines {
            store.move_stock(line.listing.as_str(), -line.quantity);
        }
        Ok(place(&mut store, purchase).into())
    }

    fn pay(&self, order: &RemoteOrderId) {
        let fields = [("Pay", "PayStatus", "1"), ("Pay", "SettleStatus", "3"), ("Ship", "ShipStatus", "1")];
        self.inner.store().change(order.as_str(), &fields);
    }

    fn cancel(&self, order: &RemoteOrderId) {
        self.inner.store().cancel(order.as_str(), "100", "");
    }

    /// The store's tool can lower a line's number before the order ships; afterwards there is only 調整額.
    fn refund(&self, order: &RemoteOrderId, lines: &[(String, i64)]) {
        let mut store = self.inner.store();
        let Some(order) = store.order_mut(order.as_str()) else { return };
        let is_shipped = matches!(get(&order.ship, "ShipStatus"), "3" | "4");
        for (id, units) in lines {
            let Some(at) = order.lines.iter().position(|line| get(&line.fields, "LineId") == id) else {
                continue;
            };
            if is_shipped {
                let price: i64 = get(&order.lines[at].fields, "UnitPrice").parse().unwrap_or(0);
                let adjusted = order.amount("Adjustments") - price * units;
                set(&mut order.detail, "Adjustments", &adjusted.to_string());
            } else {
                let left = Order::quantity(&order.lines[at]) - units;
                set(&mut order.lines[at].fields, "Quantity", &left.to_string());
            }
        }
        order.recount();
        let id = order.id.clone();
        store.change(&id, &[]);
    }

    fn ship(&self, order: &RemoteOrderId) {
        let fields = [
            ("Ship", "ShipStatus", "3"),
            ("Ship", "ShipCompanyCode", "1002"),
            ("Ship", "ShipInvoiceNumber1", "500-0000-0001"),
        ];
        self.inner.store().change(order.as_str(), &fields);
    }

    fn touch(&self, order: &RemoteOrderId) {
        self.inner.store().change(order.as_str(), &[]);
    }

    fn orders(&self) -> Vec<MarketOrder> {
        self.inner.store().orders().map(Order::truth).collect()
    }

    fn order(&self, id: &RemoteOrderId) -> Option<MarketOrder> {
        self.inner.store().order(id.as_str()).map(Order::truth)
    }

    fn take_seen(&self) -> Vec<Seen> {
        self.inner.store().take_seen()
    }

    fn accept_credentials(&self, accept: bool) {
        self.inner.store().accept(accept);
    }

    fn faults(&self) -> &Faults {
        &self.inner.faults
    }
}

/// Writes an order down, with what the mall adds: coupons, points, vouchers and wrapping in turn.
pub(super) fn place(store: &mut Store, purchase: &Purchase) -> String {
    let (number, id) = store.next_id();
    let now = store.clock();
    let lines = (1..).zip(&purchase.lines).map(|(n, l)| line(store, n, &l.listing, l.quantity)).collect();
    let mut order = Order {
        id: id.clone(),
        placed: now,
        updated: now,
        published: None,
        held: false,
        top: top(purchase),
        pay: pay(purchase),
        ship: ship(purchase),
        detail: detail(if purchase.lines.is_empty() { 0 } else { number }),
        lines,
        broken: None,
    };
    order.recount();
    store.add(number, order);
    id
}

fn fields<const N: usize>(values: [(&'static str, &str); N]) -> Fields {
    values.map(|(name, value)| (name, value.to_owned())).into()
}

pub(super) fn line(store: &Store, number: i64, listing: &ListingId, quantity: i64) -> Line {
    let (code, sub) = listing.as_str().split_once(':').unwrap_or((listing.as_str(), ""));
    let item = store.item(code).cloned().unwrap_or_default();
    let chosen = item.subs.iter().find(|s| s.code == sub).map_or("", |s| &s.option);
    Line {
        fields: fields([
            ("LineId", &number.to_string()),
            ("ItemId", code),
            ("Title", &item.name),
            ("SubCode", sub),
            ("SubCodeOption", chosen),
            ("ItemOption", ""),
            ("Inscription", ""),
            ("ItemTaxRatio", if item.reduced_tax { "8" } else { "10" }),
            ("UnitPrice", &item.price.to_string()),
            ("Quantity", &quantity.to_string()),
            ("ReleaseDate", ""),
            ("LeadTimeEnd", ""),
        ]),
        listing: Some(listing.clone()),
        ordered: quantity,
    }
}

fn top(purchase: &Purchase) -> Fields {
    fields([
        ("ParentOrderId", ""),
        ("IsSplit", "false"),
        ("Suspect", "0"),
        ("OrderStatus", "2"),
        ("CancelReason", ""),
        ("CancelReasonDetail", ""),
        ("BuyerComments", &purchase.note),
        ("IsMultiShip", "false"),
        ("FraudHoldStatus", "0"),
        ("SocialGiftType", ""),
    ])
}

fn pay(purchase: &Purchase) -> Fields {
    let (method, title, settled) = match purchase.paid {
        true => ("payment_a17", "PayPay残高", "3"),
        false => ("payment_b1", "銀行振込（本店）", "2"),
    };
    let mut pay = fields([
        ("PayStatus", if purchase.paid { "1" } else { "0" }),
        ("SettleStatus", settled),
        ("PayType", "1"),
        ("PayMethod", method),
        ("PayMethodName", title),
        ("CombinedPayMethodName", ""),
        ("PayActionTime", ""),
        ("PayDate", ""),
        ("BillMailAddress", &purchase.buyer.email),
    ]);
    let home = Address {
        name: purchase.buyer.name.clone(),
        phone: purchase.buyer.phone.clone(),
        ..purchase.ship_to.clone()
    };
    pay.extend(address(&home, BILL));
    pay
}

fn ship(purchase: &Purchase) -> Fields {
    let mut ship = fields([
        ("ShipStatus", if purchase.paid { "1" } else { "0" }),
        ("ShipMethodName", "宅配便"),
        ("ShipRequestDate", ""),
        ("ShipCompanyCode", ""),
        ("ShipInvoiceNumber1", ""),
        ("ShipInvoiceNumber2", ""),
        ("ShipInvoiceNumberEmptyReason", ""),
        ("ShipUrl", ""),
        ("ShipDate", ""),
        ("NeedGiftWrap", "false"),
    ]);
    ship.extend(address(&purchase.ship_to, SHIP));
    ship
}

const BILL: [&str; 11] = [
    "BillLastName",
    "BillFirstName",
    "BillLastNameKana",
    "BillFirstNameKana",
    "BillZipCode",
    "BillPrefecture",
    "BillCity",
    "BillAddress1",
    "BillAddress2",
    "BillPhoneNumber",
    "BillSection1Value",
];
const SHIP: [&str; 11] = [
    "ShipLastName",
    "ShipFirstName",
    "ShipLastNameKana",
    "ShipFirstNameKana",
    "ShipZipCode",
    "ShipPrefecture",
    "ShipCity",
    "ShipAddress1",
    "ShipAddress2",
    "ShipPhoneNumber",
    "ShipSection1Value",
];

/// Family and given name apart, as the cart asks for them.
fn address(home: &Address, names: [&'static str; 11]) -> Fields {
    let split = |name: &str| {
        let (last, first) = name.split_once([' ', '　']).unwrap_or((name, ""));
        [last.to_owned(), first.to_owned()]
    };
    let [last, first] = split(&home.name);
    let [last_kana, first_kana] = split(&home.name_kana);
    let rest =
        [&home.postcode, &home.region, &home.city, &home.line1, &home.line2, &home.phone, &home.company];
    let values = [last, first, last_kana, first_kana].into_iter().chain(rest.into_iter().cloned());
    names.into_iter().zip(values).collect()
}

fn detail(number: u64) -> Fields {
    let when = |turn: u64, of: u64, amount: i64| if number % of == turn { amount } else { 0 };
    let voucher = when(5, 7, 200);
    // UsePoint holds what was paid with vouchers too.
    let points = when(1, 3, 50) + voucher;
    let text = |amount: i64| amount.to_string();
    fields([
        ("PayCharge", "0"),
        ("ShipCharge", &text(when(0, 2, 550))),
        ("GiftWrapCharge", &text(when(3, 5, 300))),
        ("Discount", "0"),
        ("Adjustments", ""),
        ("UsePoint", &text(points)),
        ("GiftCardDiscount", &text(voucher)),
        ("TotalMallCouponDiscount", &text(when(2, 4, 100))),
        ("TotalImmediateBonusAmount", ""),
        ("TotalPrice", ""),
        ("SettleAmount", ""),
    ])
}
