//! Orders that never were: templates are tried on them when they are loaded, and shown with them in a preview.

use banto_channel::{Address, Buyer, Money, Parcel, Payment, Timestamp, Totals};
use jiff::tz::TimeZone;

use super::view::{Facts, FactsLine, MailOrder, Shop};
use super::{MailKind, format};

/// 2026-11-22 in Japan.
const PLACED_AT: Timestamp = Timestamp::from_secs(1_795_299_000);
const DAY_SECS: i64 = 86_400;

/// An order with everything that an order can have, characters beyond JIS X 0208 and beyond the BMP included.
#[must_use]
pub fn full(kind: MailKind, language: &str) -> MailOrder {
    let shop = shop(language);
    let buyer = Buyer {
        name: "髙﨑 久美子①".to_owned(),
        email: "kumiko@example.jp".to_owned(),
        phone: "090-0000-0000".to_owned(),
        language: language.to_owned(),
    };
    let home = address("髙﨑 久美子①", "神宮前1-2-3", "コーポ①201");
    let gift = address("山﨑 <太郎> & 花子", "南青山4-5-6", "");
    let totals = Totals {
        items: Money(13_380),
        discount: Money(500),
        shipping: Money(0),
        fees: Money(330),
        tax_on_top: Money(0),
        tax: Money(1_200),
        grand: Money(13_210),
        refunded: Money(880),
    };
    let lines = [
        line("1", "彩色湯呑み「髙砂」🍵 <限定>", "YUNOMI-01", 2, 5_500),
        line("2", "Tea & Whisk set", "TEA-SET", 1, 2_380),
    ];
    let parcel = Parcel {
        carrier: "ヤマト運輸".to_owned(),
        tracking: "1234-5678-9012".to_owned(),
        tracking_url: Some("https://track.example/?no=123456789012&lang=ja".to_owned()),
        shipped_at: PLACED_AT,
        lines: vec![("1".to_owned(), 1)],
        completes: false,
    };
    MailOrder::new(&Facts {
        kind,
        language,
        shop: &shop,
        channel: "main-shop",
        channel_title: "番頭オンライン",
        number: "A-1001",
        placed_at: PLACED_AT,
        currency: "JPY",
        totals: &totals,
        payment: if matches!(kind, MailKind::Received | MailKind::Reminder) {
            Payment::Awaiting
        } else {
            Payment::Paid
        },
        payment_title: "銀行振込",
        payment_note: "みどり銀行 本店 普通 1234567\nカ）バントウ",
        pay_by: Some(Timestamp::from_secs(PLACED_AT.as_secs() + 7 * DAY_SECS)),
        buyer: &buyer,
        bill_to: &home,
        ship_to: &gift,
        lines: &lines,
        note: "のしをお願いします 🎁\n5 < 6 & 7",
        parcel: (kind == MailKind::Shipped).then_some(&parcel),
        cancel_reason: "在庫切れのため",
        order_url: Some("https://shop.example/orders/A-1001?key=a&lang=ja"),
    })
}

/// An order with as little as an order can have: every optional value is absent.
#[must_use]
pub fn bare(kind: MailKind, language: &str) -> MailOrder {
    let mut shop = shop(language);
    shop.url.clear();
    shop.phone.clear();
    shop.address.clear();
    let nobody = Buyer::default();
    let nowhere = Address::default();
    let totals = Totals { items: Money(980), grand: Money(980), ..Totals::default() };
    let lines = [line("1", "湯呑み", "", 1, 980)];
    let parcel = Parcel {
        carrier: "Post".to_owned(),
        tracking: String::new(),
        tracking_url: None,
        shipped_at: PLACED_AT,
        lines: Vec::new(),
        completes: true,
    };
    MailOrder::new(&Facts {
        kind,
        language,
        shop: &shop,
        channel: "main-shop",
        channel_title: "",
        number: "7",
        placed_at: PLACED_AT,
        currency: "JPY",
        totals: &totals,
        payment: Payment::Paid,
        payment_title: "",
        payment_note: "",
        pay_by: None,
        buyer: &nobody,
        bill_to: &nowhere,
        ship_to: &nowhere,
        lines: &lines,
        note: "",
        parcel: (kind == MailKind::Shipped).then_some(&parcel),
        cancel_reason: "",
        order_url: None,
    })
}

fn shop(language: &str) -> Shop {
    let japanese = format::primary_language(language) == "ja";
    Shop {
        name: if japanese { "番頭商店" } else { "Banto & Co." }.to_owned(),
        url: "https://shop.example/".to_owned(),
        email: "shop@shop.example".to_owned(),
        phone: "03-0000-0000".to_owned(),
        address: vec!["〒100-0001 東京都千代田区千代田1-1".to_owned()],
        zone: TimeZone::get("Asia/Tokyo").unwrap_or(TimeZone::UTC),
    }
}

fn address(name: &str, line1: &str, line2: &str) -> Address {
    Address {
        name: name.to_owned(),
        country: "JP".to_owned(),
        postcode: "1500001".to_owned(),
        region: "東京都".to_owned(),
        city: "渋谷区".to_owned(),
        line1: line1.to_owned(),
        line2: line2.to_owned(),
        phone: "03-1111-1111".to_owned(),
        ..Address::default()
    }
}

const fn line<'a>(id: &'a str, title: &'a str, code: &'a str, quantity: i64, unit: i64) -> FactsLine<'a> {
    FactsLine { id, title, code, quantity, unit_price: Money(unit), total: Money(quantity * unit) }
}
