//! What a template may say of an order: every value already written in the buyer's language.

use banto_channel::{Address, Buyer, Money, Parcel, Payment, Timestamp, Totals};
use jiff::tz::TimeZone;
use serde::Serialize;

use super::{MailKind, format};

/// The merchant's house, as its mails name it.
#[derive(Clone, Debug)]
pub struct Shop {
    /// Name in subjects and greetings.
    pub name: String,
    /// Web address; shown only if it is `http` or `https`.
    pub url: String,
    /// Where buyers write to.
    pub email: String,
    /// Where buyers call; empty if nowhere.
    pub phone: String,
    /// Postal address and what the law wants named below it, line by line.
    pub address: Vec<String>,
    /// The zone in which dates are written.
    pub zone: TimeZone,
}

/// One line of an order, for [`Facts`].
#[derive(Clone, Debug)]
pub struct FactsLine<'a> {
    /// The channel's id of the line, to which a parcel's lines refer.
    pub id: &'a str,
    /// What the buyer saw.
    pub title: &'a str,
    /// The seller's code; may be empty.
    pub code: &'a str,
    /// How many.
    pub quantity: i64,
    /// Price of one.
    pub unit_price: Money,
    /// The line's total.
    pub total: Money,
}

/// The facts of one order that a mail is made from. Amounts are the channel's, never recomputed.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// The kind of mail.
    pub kind: MailKind,
    /// BCP 47 tag of the language to write in.
    pub language: &'a str,
    /// The house.
    pub shop: &'a Shop,
    /// The channel's name in the config.
    pub channel: &'a str,
    /// The channel's name as buyers know it.
    pub channel_title: &'a str,
    /// The number people use.
    pub number: &'a str,
    /// When the buyer placed it.
    pub placed_at: Timestamp,
    /// ISO 4217 code.
    pub currency: &'a str,
    /// The channel's totals.
    pub totals: &'a Totals,
    /// Payment axis.
    pub payment: Payment,
    /// The payment method as the buyer saw it.
    pub payment_title: &'a str,
    /// How to pay, in the merchant's words (bank account); empty if there is nothing to say.
    pub payment_note: &'a str,
    /// When the money must have arrived, if there is such a day.
    pub pay_by: Option<Timestamp>,
    /// Who bought.
    pub buyer: &'a Buyer,
    /// Bill to.
    pub bill_to: &'a Address,
    /// Ship to.
    pub ship_to: &'a Address,
    /// Lines.
    pub lines: &'a [FactsLine<'a>],
    /// The buyer's note.
    pub note: &'a str,
    /// The parcel that a [`MailKind::Shipped`] mail is about.
    pub parcel: Option<&'a Parcel>,
    /// Why it was cancelled, for the buyer; empty if nothing is said.
    pub cancel_reason: &'a str,
    /// A page where the buyer sees the order.
    pub order_url: Option<&'a str>,
}

/// The house, in a template.
#[derive(Clone, Debug, Serialize)]
pub struct ShopView {
    /// Name.
    pub name: String,
    /// Web address, or nothing.
    pub url: Option<String>,
    /// Mail address.
    pub email: String,
    /// Phone; may be empty.
    pub phone: String,
    /// Postal address, line by line.
    pub address: Vec<String>,
}

/// The channel, in a template.
#[derive(Clone, Debug, Serialize)]
pub struct ChannelView {
    /// Name in the config.
    pub name: String,
    /// Name as buyers know it.
    pub title: String,
}

/// An address, in a template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AddressView {
    /// The person; may be empty.
    pub name: String,
    /// Everything below the name, in the order of the country.
    pub lines: Vec<String>,
    /// Phone; may be empty.
    pub phone: String,
}

/// One line of the order, in a template.
#[derive(Clone, Debug, Serialize)]
pub struct LineView {
    /// What the buyer saw.
    pub title: String,
    /// The seller's code; may be empty.
    pub code: String,
    /// How many.
    pub quantity: i64,
    /// Price of one.
    pub unit_price: String,
    /// The line's total.
    pub total: String,
}

/// The totals, in a template. Parts that are zero are absent.
#[derive(Clone, Debug, Serialize)]
pub struct TotalsView {
    /// Sum of the lines.
    pub items: String,
    /// Discounts that are not in the lines, written as a negative amount.
    pub discount: Option<String>,
    /// Shipping; zero is shown, because buyers look for it.
    pub shipping: String,
    /// Fees.
    pub fees: Option<String>,
    /// Tax on top of the other parts.
    pub tax_on_top: Option<String>,
    /// Tax that the other parts include.
    pub tax_included: Option<String>,
    /// What the buyer pays.
    pub grand: String,
    /// What was given back.
    pub refunded: Option<String>,
}

/// What is in a parcel, in a template.
#[derive(Clone, Debug, Serialize)]
pub struct ParcelLineView {
    /// What the buyer saw.
    pub title: String,
    /// How many are in this parcel.
    pub quantity: i64,
}

/// The parcel that left, in a template.
#[derive(Clone, Debug, Serialize)]
pub struct ParcelView {
    /// Carrier.
    pub carrier: String,
    /// Tracking number; may be empty.
    pub tracking: String,
    /// Where to follow it, or nothing.
    pub url: Option<String>,
    /// The day it left.
    pub shipped_on: String,
    /// What is in it.
    pub lines: Vec<ParcelLineView>,
    /// Whether nothing of the order remains to be shipped.
    pub completes: bool,
}

/// An order as templates see it.
#[derive(Clone, Debug, Serialize)]
pub struct MailOrder {
    /// The kind of mail, by its stable name.
    pub kind: &'static str,
    /// The language of the texts below.
    pub language: String,
    /// The house.
    pub shop: ShopView,
    /// The channel.
    pub channel: ChannelView,
    /// The order's number.
    pub number: String,
    /// When it was placed.
    pub placed_at: String,
    /// The buyer's name; empty if no name is known at all.
    pub buyer: String,
    /// Ship to.
    pub ship_to: AddressView,
    /// Bill to, if it differs.
    pub bill_to: Option<AddressView>,
    /// Lines.
    pub lines: Vec<LineView>,
    /// Totals.
    pub totals: TotalsView,
    /// The payment method as the buyer saw it; may be empty.
    pub payment: String,
    /// Whether all of the money has arrived.
    pub paid: bool,
    /// How to pay, in the merchant's words; may be empty.
    pub payment_note: String,
    /// The day by which the money must have arrived, or nothing.
    pub pay_by: Option<String>,
    /// The buyer's note; may be empty.
    pub note: String,
    /// The parcel that left, or nothing.
    pub parcel: Option<ParcelView>,
    /// Why it was cancelled; may be empty.
    pub cancel_reason: String,
    /// A page where the buyer sees the order, or nothing.
    pub order_url: Option<String>,
}

impl MailOrder {
    /// Writes the facts in the language of `facts`, in the shop's time zone and the order's currency.
    #[must_use]
    pub fn new(facts: &Facts<'_>) -> Self {
        let zone = &facts.shop.zone;
        let language = facts.language;
        let ship_to = address(facts.ship_to, language);
        let bill_to = address(facts.bill_to, language);
        let buyer = [&facts.buyer.name, &bill_to.name, &ship_to.name]
            .into_iter()
            .map(|name| name.trim())
            .find(|name| !name.is_empty())
            .unwrap_or("")
            .to_owned();
        Self {
            kind: facts.kind.name(),
            language: language.to_owned(),
            shop: ShopView {
                name: facts.shop.name.clone(),
                url: web_address(&facts.shop.url),
                email: facts.shop.email.clone(),
                phone: facts.shop.phone.clone(),
                address: facts.shop.address.clone(),
            },
            channel: ChannelView { name: facts.channel.to_owned(), title: facts.channel_title.to_owned() },
            number: facts.number.to_owned(),
            placed_at: format::date_time(facts.placed_at, zone, language),
            buyer,
            bill_to: (!bill_to.lines.is_empty() && bill_to != ship_to).then_some(bill_to),
            ship_to,
            lines: facts.lines.iter().map(|line| line_view(line, facts.currency)).collect(),
            totals: totals_view(facts.totals, facts.currency),
            payment: facts.payment_title.to_owned(),
            paid: matches!(facts.payment, Payment::Paid | Payment::PartlyRefunded | Payment::Refunded),
            payment_note: facts.payment_note.trim().to_owned(),
            pay_by: facts.pay_by.map(|at| format::date(at, zone, language)),
            note: facts.note.trim().to_owned(),
            parcel: facts.parcel.map(|parcel| parcel_view(parcel, facts)),
            cancel_reason: facts.cancel_reason.trim().to_owned(),
            order_url: facts.order_url.and_then(web_address),
        }
    }
}

/// Only web addresses become links: a marketplace's text must not put `javascript:` into a mail.
fn web_address(url: &str) -> Option<String> {
    let url = url.trim();
    let scheme = url.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    let plain = !url.chars().any(|c| c.is_control() || c.is_whitespace());
    (plain && matches!(scheme.as_deref(), Some("http" | "https"))).then(|| url.to_owned())
}

fn address(address: &Address, language: &str) -> AddressView {
    AddressView {
        name: address.name.trim().to_owned(),
        lines: format::address_lines(address, language),
        phone: address.phone.trim().to_owned(),
    }
}

fn line_view(line: &FactsLine<'_>, currency: &str) -> LineView {
    LineView {
        title: line.title.to_owned(),
        code: line.code.to_owned(),
        quantity: line.quantity,
        unit_price: format::money(line.unit_price, currency),
        total: format::money(line.total, currency),
    }
}

fn totals_view(totals: &Totals, currency: &str) -> TotalsView {
    let written = |amount: Money| format::money(amount, currency);
    let unless_zero = |amount: Money| (amount != Money(0)).then(|| written(amount));
    let on_top = totals.tax_on_top != Money(0);
    TotalsView {
        items: written(totals.items),
        discount: unless_zero(Money(totals.discount.0.saturating_neg())),
        shipping: written(totals.shipping),
        fees: unless_zero(totals.fees),
        tax_on_top: unless_zero(totals.tax_on_top),
        tax_included: unless_zero(totals.tax).filter(|_| !on_top),
        grand: written(totals.grand),
        refunded: unless_zero(totals.refunded),
    }
}

fn parcel_view(parcel: &Parcel, facts: &Facts<'_>) -> ParcelView {
    let whole =
        |line: &FactsLine<'_>| ParcelLineView { title: line.title.to_owned(), quantity: line.quantity };
    let listed = |(id, quantity): &(String, i64)| {
        let line = facts.lines.iter().find(|line| line.id == id)?;
        Some(ParcelLineView { title: line.title.to_owned(), quantity: *quantity })
    };
    ParcelView {
        carrier: parcel.carrier.clone(),
        tracking: parcel.tracking.clone(),
        url: parcel.tracking_url.as_deref().and_then(web_address),
        shipped_on: format::date(parcel.shipped_at, &facts.shop.zone, facts.language),
        lines: if parcel.lines.is_empty() {
            facts.lines.iter().map(whole).collect()
        } else {
            parcel.lines.iter().filter_map(listed).collect()
        },
        completes: parcel.completes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_web_addresses_become_links() {
        for (url, link) in [
            ("https://track.example/1", true),
            ("HTTP://track.example/1", true),
            ("javascript:alert(1)", false),
            ("javascript://x%0aalert(1)", false),
            ("https://a b", false),
            ("https://a\r\nb", false),
            ("", false),
        ] {
            assert_eq!(web_address(url).is_some(), link, "{url:?}");
        }
    }

    #[test]
    fn tax_is_either_on_top_or_included() {
        let mut totals = Totals { tax: Money(80), ..Totals::default() };
        let included = totals_view(&totals, "JPY");
        assert_eq!((included.tax_included.as_deref(), included.tax_on_top), (Some("¥80"), None));
        totals.tax_on_top = Money(80);
        let on_top = totals_view(&totals, "JPY");
        assert_eq!((on_top.tax_included, on_top.tax_on_top.as_deref()), (None, Some("¥80")));
    }
}
