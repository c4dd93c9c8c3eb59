//! Orders that break programs.

use banto_channel::{Address, Buyer, RemoteOrderId};
use banto_sim::{BasketLine, Purchase};

use super::market;
use super::order::{Order, set};
use super::state::Store;

/// One odd order, and what is odd about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OddOrder {
    /// What is odd.
    pub name: &'static str,
    /// Its id.
    pub id: RemoteOrderId,
}

/// A field that differs: its group (`Item` is the first line), name and value.
type Field = (&'static str, &'static str, &'static str);

/// Orders that differ from an ordinary one in some fields. The total is made to fit unless it is among them.
const ODD: &[(&str, &[Field])] = &[
    ("an ordinary order", &[]),
    ("new and still cancellable", &[("", "IsReadOnly", "1")]),
    ("a pre-order", &[("", "OrderStatus", "1"), ("Item", "ReleaseDate", "2026-12-24")]),
    ("on hold in the store", &[("", "OrderStatus", "3")]),
    (
        "cancelled before it was paid",
        &[("", "OrderStatus", "4"), ("Pay", "PayStatus", "0"), ("Pay", "SettleStatus", "6")],
    ),
    (
        "cancelled and paid back",
        &[("", "OrderStatus", "4"), ("", "CancelReason", "210"), ("Pay", "SettleStatus", "7")],
    ),
    ("cancelled, the sale taken back", &[("", "OrderStatus", "4"), ("Pay", "SettleStatus", "11")]),
    ("cancelled with a settlement cancelled", &[("", "OrderStatus", "4"), ("Pay", "SettleStatus", "6")]),
    ("finished", &[("", "OrderStatus", "5"), ("Ship", "ShipStatus", "4"), ("Pay", "SettleStatus", "5")]),
    ("finished without a word on shipping", &[("", "OrderStatus", "5"), ("Ship", "ShipStatus", "1")]),
    ("waiting for the buyer's consent", &[("", "OrderStatus", "8")]),
    ("without a status yet", &[("", "OrderStatus", "0")]),
    ("an unknown order status", &[("", "OrderStatus", "6")]),
    ("an unknown payment status", &[("Pay", "PayStatus", "2")]),
    ("an unknown settlement", &[("Pay", "SettleStatus", "13")]),
    ("an unknown shipping status", &[("Ship", "ShipStatus", "9")]),
    ("an unknown payment method", &[("Pay", "PayMethod", "payment_q7"), ("Pay", "PayMethodName", "")]),
    ("an unknown carrier", &[("Ship", "ShipCompanyCode", "1999"), ("Ship", "ShipInvoiceNumber1", "42")]),
    (
        "a carrier's code of old",
        &[
            ("Ship", "ShipCompanyCode", "103"),
            ("Ship", "ShipInvoiceNumber1", "1234-5678-9012"),
            ("Ship", "ShipStatus", "3"),
        ],
    ),
    ("an unknown tax rate", &[("Item", "ItemTaxRatio", "12")]),
    ("without a tax rate", &[("Item", "ItemTaxRatio", "")]),
    ("held for fraud", &[("", "FraudHoldStatus", "1")]),
    ("taken for fraud", &[("", "FraudHoldStatus", "3")]),
    ("a prank, perhaps", &[("", "Suspect", "1")]),
    ("paid and not to be shipped", &[("Ship", "ShipStatus", "0")]),
    (
        "a LINE gift without an address",
        &[
            ("", "IsLineGiftOrder", "true"),
            ("Ship", "IsLineGiftShippable", "false"),
            ("Pay", "PayMethod", "payment_z3"),
        ],
    ),
    (
        "a LINE gift that may leave",
        &[
            ("", "IsLineGiftOrder", "true"),
            ("Ship", "IsLineGiftShippable", "true"),
            ("Ship", "ShippingDeadline", "2026-04-14T17:11:50+09:00"),
        ],
    ),
    (
        "a social gift",
        &[
            ("", "SocialGiftType", "1"),
            ("Pay", "BillMailAddress", "ml-yshp-socialgift-noreply@lycorp.co.jp"),
            ("Pay", "BillFirstName", "ソーシャルギフト利用者"),
        ],
    ),
    ("a gift that the buyer addressed", &[("", "SocialGiftType", "2")]),
    (
        "wrapped, with a のし",
        &[
            ("Ship", "NeedGiftWrap", "true"),
            ("Ship", "GiftWrapType", "赤い包装紙"),
            ("Ship", "GiftWrapMessage", "おめでとう🎉"),
            ("Ship", "NeedGiftWrapPaper", "true"),
            ("Ship", "GiftWrapPaperType", "内祝"),
            ("Ship", "GiftWrapName", "髙﨑"),
            ("Detail", "GiftWrapCharge", "330"),
        ],
    ),
    ("one of several recipients", &[("", "IsMultiShip", "true"), ("", "MultiShipId", "multi-0001")]),
    (
        "cash on delivery",
        &[
            ("Pay", "PayMethod", "payment_d1"),
            ("Pay", "PayStatus", "0"),
            ("Pay", "SettleStatus", "2"),
            ("Pay", "PayType", "0"),
            ("Detail", "PayCharge", "330"),
        ],
    ),
    (
        "a konbini payment that ran out",
        &[("Pay", "PayMethod", "payment_a6"), ("Pay", "PayStatus", "0"), ("Pay", "SettleStatus", "8")],
    ),
    (
        "a card that was refused",
        &[("Pay", "PayMethod", "payment_a1"), ("Pay", "PayStatus", "0"), ("Pay", "SettleStatus", "10")],
    ),
    ("two payment methods", &[("Pay", "CombinedPayMethodName", "クレジットカード決済")]),
    ("all in points", &[("Pay", "PayMethod", "payment_z1"), ("Detail", "UsePoint", "540")]),
    (
        "a mall coupon and points",
        &[("Detail", "TotalMallCouponDiscount", "100"), ("Detail", "UsePoint", "40")],
    ),
    ("vouchers within the points", &[("Detail", "UsePoint", "300"), ("Detail", "GiftCardDiscount", "300")]),
    (
        "vouchers beside the points",
        &[
            ("Detail", "UsePoint", "40"),
            ("Detail", "GiftCardDiscount", "300"),
            ("Detail", "TotalPrice", "200"),
        ],
    ),
    ("an adjustment downwards", &[("Detail", "Adjustments", "-200")]),
    ("an adjustment upwards", &[("Detail", "Adjustments", "150")]),
    ("a total that does not add up", &[("Detail", "TotalPrice", "123456")]),
    ("a total of nothing", &[("Detail", "TotalPrice", "")]),
    ("a price with a fraction", &[("Item", "UnitPrice", "540.5"), ("Detail", "TotalPrice", "540")]),
    ("a price in words", &[("Item", "UnitPrice", "五百四十円")]),
    ("a negative quantity", &[("Item", "Quantity", "-1")]),
    ("a quantity of nothing", &[("Item", "Quantity", "")]),
    (
        "far too many",
        &[
            ("Item", "Quantity", "9223372036854775807"),
            ("Item", "UnitPrice", "9223372036"),
            ("Detail", "TotalPrice", "1"),
        ],
    ),
    ("without a time", &[("", "OrderTime", "")]),
    ("a time without its offset", &[("", "OrderTime", "2026-04-01T09:00:00")]),
    ("a product without a code", &[("Item", "ItemId", "")]),
    (
        "emoji and characters outside of CP932",
        &[
            ("", "BuyerComments", "𠮷野家の🍣を ①個 ~お願い〜 ]]> <b>&amp;</b>"),
            ("Ship", "ShipLastName", "𠮷﨑"),
            ("Ship", "ShipAddress2", "☃ビル 〶1F"),
        ],
    ),
    (
        "an address abroad",
        &[("Ship", "ShipPrefecture", "その他"), ("Ship", "ShipCity", "Berlin, Deutschland")],
    ),
    (
        "options and an engraving",
        &[
            (
                "Item",
                "ItemOption",
                "<ItemOption><Index>1</Index><Name><![CDATA[カラー]]></Name><Value>\n<![CDATA[黒 & 白]]></Value><Price>0</Price></ItemOption>",
            ),
            (
                "Item",
                "Inscription",
                "<Inscription><Index>1</Index><Name>名入れ</Name><Value>矢風</Value></Inscription>",
            ),
        ],
    ),
    ("from Yamato's warehouse", &[("Ship", "ShipInstructType", "102")]),
    ("fetched in a shop", &[("Ship", "ReceiveShopType", "2"), ("Ship", "ShipCompanyCode", "5001")]),
    (
        "a medicine without consent",
        &[("", "IsFirstClassDrugIncludes", "true"), ("", "IsFirstClassDrugAgreement", "false")],
    ),
    ("split into two", &[("", "IsSplit", "true"), ("", "ChildOrderId", "banto-store-1,banto-store-2")]),
    (
        "the first of two parcels",
        &[
            ("Ship", "ShipStatus", "2"),
            ("Ship", "ShipCompanyCode", "1003"),
            ("Ship", "ShipInvoiceNumber1", "1234-5678-9012"),
        ],
    ),
    (
        "two parcels",
        &[
            ("Ship", "ShipStatus", "3"),
            ("Ship", "ShipCompanyCode", "1002"),
            ("Ship", "ShipInvoiceNumber1", "1234"),
            ("Ship", "ShipInvoiceNumber2", "5678"),
            ("Ship", "ShipUrl", "https://k2k.sagawa-exp.example/?q=1&r=2"),
            ("Ship", "ShipDate", "2026-04-02"),
        ],
    ),
    (
        "shipped without a number",
        &[("Ship", "ShipStatus", "3"), ("Ship", "ShipInvoiceNumberEmptyReason", "105")],
    ),
    (
        "a day to be delivered on",
        &[
            ("Ship", "ShipRequestDate", "2026-04-05"),
            ("Ship", "ShipRequestTime", "12:00～14:00"),
            ("Item", "LeadTimeEnd", "2026-04-03"),
        ],
    ),
    ("a title with control characters", &[("Item", "Title", "煎茶\u{1}\u{b}缶")]),
];

/// Answers that are no order at all.
const BROKEN: &[(&str, &str)] = &[
    (
        "an answer about another order",
        "<ResultSet><Result><OrderInfo><OrderId>else-1</OrderId></OrderInfo></Result></ResultSet>",
    ),
    ("an answer without an order", "<ResultSet><Result><Status>OK</Status></Result></ResultSet>"),
    (
        "an answer that is not well-formed",
        "<ResultSet><Result><OrderInfo><OrderId>a&b</OrderId></Result></ResultSet>",
    ),
    (
        "an error about one order",
        "<Error><Message>注文情報の取得に失敗しました。</Message><Code>od90199</Code></Error>",
    ),
];

/// Places all of them.
pub(super) fn place(store: &mut Store) -> Vec<OddOrder> {
    let mut placed = Vec::new();
    for (name, fields) in ODD {
        let id = market::place(store, &purchase(store, 1));
        if let Some(order) = store.order_mut(&id) {
            apply(order, fields);
        }
        placed.push(OddOrder { name, id: id.into() });
    }
    for (name, answer) in BROKEN {
        let id = market::place(store, &purchase(store, 1));
        if let Some(order) = store.order_mut(&id) {
            order.broken = Some((*answer).to_owned());
        }
        placed.push(OddOrder { name, id: id.into() });
    }
    for (name, lines) in [("a hundred lines", 100), ("no lines", 0), ("two lines at two tax rates", 2)] {
        let id = market::place(store, &purchase(store, lines));
        placed.push(OddOrder { name, id: id.into() });
    }
    placed
}

fn purchase(store: &Store, lines: usize) -> Purchase {
    let codes: Vec<String> = store.items().filter(|i| i.subs.is_empty()).map(|i| i.code.clone()).collect();
    let line = |n: usize| BasketLine { listing: codes[n % codes.len()].as_str().into(), quantity: 1 };
    Purchase {
        lines: (0..lines).map(line).collect(),
        buyer: Buyer {
            name: "矢風 花子".to_owned(),
            email: "hanako@example.test".to_owned(),
            ..Buyer::default()
        },
        ship_to: Address {
            name: "矢風 花子".to_owned(),
            postcode: "1000001".to_owned(),
            ..Address::default()
        },
        paid: true,
        note: String::new(),
        oversell: true,
    }
}

/// Sets the fields on an order without coupons, and lets its total fit them.
fn apply(order: &mut Order, fields: &[Field]) {
    for name in ["ShipCharge", "GiftWrapCharge", "UsePoint", "GiftCardDiscount", "TotalMallCouponDiscount"] {
        set(&mut order.detail, name, "0");
    }
    let mut put = |(group, name, value): &Field| match *group {
        "Item" => order.lines.iter_mut().take(1).for_each(|line| set(&mut line.fields, name, value)),
        group => set(order.group_mut(group), name, value),
    };
    let (last, first): (Vec<&Field>, Vec<&Field>) =
        fields.iter().partition(|(_, name, _)| *name == "TotalPrice");
    first.into_iter().for_each(&mut put);
    if last.is_empty() {
        let fits = fields.iter().all(|(_, name, _)| !matches!(*name, "UnitPrice" | "Quantity"));
        if fits {
            order.recount();
        }
    } else {
        last.into_iter().for_each(put);
    }
}
